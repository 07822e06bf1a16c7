defmodule AshRusqlite.Bench.PlainFigures do
  @moduledoc false
  # The repo against plain rusqlite, which has the bars.

  alias AshRusqlite.Bench.{Data, Figure, Measure, PlainRusqlite, Repo, Timer, Work, World}

  @rebuild Path.expand("migrations/*_rebuild_messages.sql", __DIR__)

  @insert_bars %{1 => 0.9, 8 => 3.0, 64 => 6.0, 512 => 9.0}

  @doc "The figures."
  @spec all() :: [Figure.t()]
  def all do
    [
      figure("point get by id", :us, {:at_most, 2.0}, &point_get(&1, &1.messages)),
      figure("point get by id, latest messages", :us, {:at_most, 2.0}, &point_get(&1, &1.hot)),
      figure("latest 50 of a room", :us, {:at_most, 1.7}, &latest/1),
      figure("latest 50 of a room, 64 processes", :per_s, {:at_least, 0.8}, &latest_together/1)
    ] ++
      for processes <- [1, 8, 64, 512] do
        name =
          "durable insert, #{processes} #{if processes == 1, do: "process", else: "processes"}"

        bar = {:at_least, @insert_bars[processes]}
        figure(name, :per_s, bar, &insert(&1, processes))
      end ++
      [
        figure("durable insert, 64 processes, p99, against its median", :us, nil, &slowest/1),
        figure("insert_all of 100,000 rows", :ms, {:at_most, 1.5}, &insert_all/1),
        figure("rebuild of a table of 1,000,000 rows", :ms, {:at_most, 1.5}, &rebuild/1),
        figure("read all 100,000 rows", :ms, {:at_most, 4.0}, &read_all/1),
        figure(
          "latest 50 at 1,000,000 messages against 1,000",
          :us,
          {:at_most, 1.5},
          &many_against_few/1
        ),
        figure("timer late by more than 10 ms under load", :of, {:below, 0.001}, &Timer.busy/1),
        figure("timer late by more than 10 ms, idle", :of, nil, &Timer.idle/1)
      ]
  end

  defp figure(name, unit, nil, measure), do: %Figure{name: name, unit: unit, measure: measure}

  defp figure(name, unit, {limit, bar}, measure) do
    %Figure{name: name, unit: unit, limit: limit, bar: bar, measure: measure}
  end

  defp point_get(world, span) do
    with_both(world, fn plain ->
      Measure.rounds(
        world.rounds,
        &Measure.us(Work.get(world.gets, span, &1), world.gets),
        &Measure.us(PlainRusqlite.run(plain, "get", [world.gets, span, &1]), world.gets)
      )
    end)
  end

  defp latest(world) do
    with_both(world, fn plain ->
      Measure.rounds(
        world.rounds,
        fn _ -> Measure.us(Work.latest(world.latest), world.latest) end,
        fn _ ->
          Measure.us(PlainRusqlite.run(plain, "latest", [world.latest, 1]), world.latest)
        end
      )
    end)
  end

  # As many threads as Elixir has schedulers, with a connection each.
  defp latest_together(world) do
    count = 4 * world.latest
    threads = System.schedulers_online()

    with_both(world, fn plain ->
      Measure.rounds(
        world.rounds,
        fn _ -> Measure.per_s(Work.latest_together(count, 64), count) end,
        fn _ -> Measure.per_s(PlainRusqlite.run(plain, "latest", [count, threads]), count) end
      )
    end)
  end

  defp insert(world, processes) do
    count = world.inserts[processes]
    one_by_one = world.inserts[1]

    with_both(world, fn plain ->
      Measure.rounds(
        world.write_rounds,
        fn round ->
          rate = Measure.per_s(Work.insert(count, processes, round), count)
          Work.settle()
          rate
        end,
        &Measure.per_s(PlainRusqlite.run(plain, "insert", [one_by_one, &1]), one_by_one)
      )
    end)
  end

  # What one of a hundred inserts takes at least, and what half of them do.
  defp slowest(world) do
    count = world.inserts[64]

    World.with_repo(world, fn ->
      Work.remember_all()

      rounds =
        for round <- 0..world.write_rounds do
          times = Work.insert_times(count, 64, round)
          Work.settle()
          {times |> Enum.sort() |> Enum.at(ceil(count * 0.99) - 1), Figure.median(times)}
        end

      # The first one fills caches.
      tl(rounds)
    end)
  end

  # Into a chat that has rooms and users, but few messages: a new copy for each round.
  defp insert_all(world) do
    Measure.rounds(
      world.scans,
      fn _ ->
        World.with_repo(world, world.few, fn ->
          Work.remember_all()
          Work.insert_all(world.bulk) / 1.0e6
        end)
      end,
      fn _ ->
        path = World.copy(world, "plain", world.few)
        run = &PlainRusqlite.run(&1, "insert_all", [world.bulk])
        time = PlainRusqlite.with_open(path, run)
        World.remove(path)
        time / 1.0e6
      end
    )
  end

  # A migration that rebuilds the table, against what cannot be left out of it: copying its rows into
  # a new table, and its indexes. A new copy of the database for each round.
  defp rebuild(world) do
    rooms = 20
    folder = Path.join(world.folder, "rebuild")
    File.mkdir_p!(folder)

    for file <- Data.migrations() ++ Path.wildcard(@rebuild),
        do: File.cp!(file, Path.join(folder, Path.basename(file)))

    Measure.rounds(
      world.rebuilds,
      fn _ ->
        World.with_repo(world, world.many, rooms, fn ->
          run = fn _ -> [_] = Repo.migrate!(migrations: folder) end
          Measure.alone(fn -> nil end, run) / 1.0e6
        end)
      end,
      fn _ ->
        path = World.copy(world, "plain", world.many, rooms)
        time = PlainRusqlite.with_open(path, &PlainRusqlite.run(&1, "rebuild", []))
        World.remove(path)
        time / 1.0e6
      end
    )
  end

  defp read_all(world) do
    with_both(world, fn plain ->
      Measure.rounds(
        world.scans,
        fn _ -> Work.read_all() / 1.0e6 end,
        fn _ -> PlainRusqlite.run(plain, "scan", []) / 1.0e6 end
      )
    end)
  end

  # Two repos of ours. The rooms are as many in both, so a room has 50 messages in one and
  # 50,000 in the other, of which the latest 50 are read.
  defp many_against_few(world) do
    rooms = 20
    few = World.copy(world, "few", world.few, rooms)
    many = World.seed(world, world.many, rooms)

    pairs = Measure.rounds(world.rounds, &latest_of(many, &1, world), &latest_of(few, &1, world))

    World.remove(few)
    pairs
  end

  defp latest_of(path, _round, world) do
    {:ok, _} = Data.start(path)
    Work.remember(:members, Data.members())
    # The first reads of a repo that was just started open connections and fill caches.
    Work.latest(world.latest)
    time = Measure.us(Work.latest(world.latest), world.latest)
    Repo.stop()
    time
  end

  defp with_both(world, fun) do
    World.with_both(world, fn plain ->
      Work.remember_all()
      fun.(plain)
    end)
  end
end
