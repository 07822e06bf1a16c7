if Code.ensure_loaded?(Ecto.Adapters.SQLite3) do
  defmodule AshRusqlite.Bench.EctoFigures do
    @moduledoc false
    # The repo against Ecto on ecto_sqlite3: the same work on the same table, without Ash.

    alias AshRusqlite.Bench.{EctoStore, Figure, Measure, Progress, Repo, Work, World}

    @crowd 256
    # By its default a pool that is slow for a second refuses callers: when all of them wait for
    # more than 50 ms. So that a rate is one of all inserts, they wait here.
    @waiting [queue_target: 600_000, queue_interval: 600_000]
    # What ash_sqlite's documentation recommends for repos that write.
    @one_connection [pool_size: 1] ++ @waiting

    @doc "The figures."
    @spec all() :: [Figure.t()]
    def all do
      [
        insert(1, "ecto_sqlite3", @waiting),
        insert(32, "ecto_sqlite3", @waiting),
        insert(@crowd, "ecto_sqlite3", @waiting),
        insert(32, "ecto_sqlite3 with one connection", @one_connection),
        insert(@crowd, "ecto_sqlite3 with one connection", @one_connection),
        failed("ecto_sqlite3: connection not available", :reference, :no_connection),
        failed("ecto_sqlite3: Database busy", :reference, :busy),
        %{
          failed("repo beside ecto_sqlite3: busy or timeout", :ours, :busy)
          | limit: :at_most,
            bar: 0.0
        },
        time("insert_all of 20,000 rows", :ms, &insert_all/1),
        time("point get by id", :us, &get/1),
        time("latest 50 of a room", :us, &latest/1),
        time("update of a row", :us, &update/1)
      ]
    end

    @doc "What is not here, and has no figures therefore."
    @spec missing() :: [String.t()]
    def missing, do: []

    defp time(name, unit, measure) do
      %Figure{
        name: "#{name}, against ecto_sqlite3",
        unit: unit,
        limit: :at_most,
        bar: 1.0,
        measure: measure
      }
    end

    defp insert(processes, reference, options) do
      %Figure{
        name: "durable insert, #{plural(processes)}, against #{reference}",
        unit: :per_s,
        limit: :at_least,
        bar: 1.0,
        measure: &inserts(&1, processes, options)
      }
    end

    defp plural(1), do: "1 process"
    defp plural(processes), do: "#{processes} processes"

    # What failed is not counted.
    defp inserts(world, processes, options) do
      count = world.ash.creates[processes]

      rate = fn {time, results} ->
        failed = Enum.count(results, &(&1 != :ok))
        if failed > 0, do: Progress.note("#{failed} of #{count} inserts failed")
        Measure.per_s(time, count - failed)
      end

      with_both(world, world.messages, options, fn ->
        Measure.rounds(
          world.ash.rounds,
          &rate.(insert_ours(count, processes, &1)),
          &rate.(insert_theirs(count, processes, &1))
        )
      end)
    end

    # With the defaults of both. The counts are those of errors, and of all inserts.
    defp failed(name, side, error) do
      count = & &1.ash.creates[@crowd]
      insert = if side == :ours, do: &insert_ours/3, else: &insert_theirs/3

      %Figure{
        name: "durable inserts of #{@crowd} processes that failed, #{name}",
        unit: :of,
        measure: fn world ->
          with_both(world, world.messages, [], fn ->
            for round <- 1..world.ash.rounds do
              {_time, results} = insert.(count.(world), @crowd, round)
              {Enum.count(results, &(&1 == error)), length(results)}
            end
          end)
        end
      }
    end

    defp insert_ours(count, processes, round) do
      inserted = insert_by(count, processes, round, & &1, &insert_one/1)
      Work.settle()
      inserted
    end

    defp insert_one(message) do
      case Repo.insert(:messages, message) do
        {:ok, _} -> :ok
        {:error, %{code: code}} when code in [:busy, :timeout, :queue_full] -> :busy
      end
    end

    defp insert_theirs(count, processes, round),
      do: insert_by(count, processes, round, &EctoStore.new/1, &EctoStore.insert/1)

    # Nanoseconds, and what each of the inserts returned.
    defp insert_by(count, processes, round, new, insert) do
      share = div(count, processes)
      first = tuple_size(Work.recall(:messages)) + round * count
      results = :ets.new(:results, [:public, :duplicate_bag])

      time =
        Measure.together(
          processes,
          &Enum.map(Work.some_messages(first + &1 * share, share), new),
          fn messages -> :ets.insert(results, Enum.map(messages, &{insert.(&1)})) end
        )

      all = :ets.tab2list(results)
      :ets.delete(results)
      {time, for({result} <- all, do: result)}
    end

    # A new chat for each round, since they would grow fast.
    defp insert_all(world) do
      count = world.ash.bulk

      one = fn insert_all ->
        with_both(world, world.few, [], fn ->
          Measure.alone(
            fn -> Work.some_messages(tuple_size(Work.recall(:messages)), count) end,
            insert_all
          ) / 1.0e6
        end)
      end

      Measure.rounds(
        world.ash.rounds,
        fn _ -> one.(&({^count, nil} = Repo.insert_all(:messages, &1, timeout: :infinity))) end,
        fn _ -> one.(&EctoStore.insert_all/1) end
      )
    end

    defp get(world) do
      reads(world, world.gets, &some_ids/2, &Repo.get!(:messages, &1), &EctoStore.get/1)
    end

    defp latest(world) do
      theirs = &([_ | _] = EctoStore.latest_50(&1))
      reads(world, world.latest, &Work.some_rooms/2, &Work.latest_50/1, theirs)
    end

    defp reads(world, count, some, ours, theirs) do
      one = fn round, read ->
        each(count, fn -> some.(count, round) end, read)
      end

      with_both(world, world.messages, [], fn ->
        Measure.rounds(world.rounds, &one.(&1, ours), &one.(&1, theirs))
      end)
    end

    # Ecto changes a struct, which was read before.
    defp update(world) do
      count = world.inserts[1]

      with_both(world, world.messages, [], fn ->
        Measure.rounds(
          world.ash.rounds,
          fn round ->
            update = &({:ok, _} = Repo.update(:messages, &1, %{content: "edited #{round}"}))
            time = each(count, fn -> some_ids(count, round) end, update)
            Work.settle()
            time
          end,
          fn round ->
            read = fn -> Enum.map(some_ids(count, round), &EctoStore.get/1) end
            each(count, read, &EctoStore.update(&1, "edited #{round}"))
          end
        )
      end)
    end

    # Microseconds of `run` for one of the `count` that `prepare` returns.
    defp each(count, prepare, run),
      do: Measure.us(Measure.alone(prepare, &Enum.each(&1, run)), count)

    defp some_ids(count, round),
      do: Work.some_ids(count, tuple_size(Work.recall(:messages)), round)

    defp with_both(world, messages, options, fun) do
      World.with_repo(world, messages, World.ash_rooms(), fn ->
        Work.remember_all()
        theirs = EctoStore.start(world, messages, World.ash_rooms(), options)
        result = fun.()
        EctoStore.stop(theirs)
        result
      end)
    end
  end
else
  defmodule AshRusqlite.Bench.EctoFigures do
    @moduledoc false
    def all, do: []
    def missing, do: ["ecto_sqlite3"]
  end
end
