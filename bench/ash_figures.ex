if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.Bench.AshFigures do
    @moduledoc false
    # Ash's actions on this project's data layer, against ash_sqlite and Ash's ETS data layer.

    alias AshRusqlite.Bench.{AshHooked, AshJournaled, AshOnAshSqlite, AshOnEts, AshOnOurs}
    alias AshRusqlite.Bench.{AshVersioned, AshWork, Figure, Measure, Progress, SyncFigures, Work}

    @rows [
      {{:create, 1}, "create, 1 process"},
      {{:create, 32}, "create, 32 processes"},
      {{:create, 256}, "create, 256 processes"},
      {:unsynced, "create, 1 process, synchronous off"},
      {:get, "get by id"},
      {:latest, "latest 50 of a room"},
      {:bulk, "bulk create of 20,000"},
      {:update, "update"},
      {:load, "load of a room with members and latest 50"}
    ]

    @sizes [few: "1,000", messages: "100,000"]
    @reads [:get, :latest, :load]

    @doc "The figures."
    @spec all() :: [Figure.t()]
    def all do
      for {reference, reference_name} <- references(),
          {size, size_name} <- @sizes,
          {row, row_name} <- @rows,
          # Only ETS keeps nothing. Against ash_sqlite every write is durable.
          reference == AshOnEts or row != :unsynced do
        {limit, bar} = bar(row, reference, size)

        %Figure{
          name: "Ash: #{row_name}, #{size_name} messages, against #{reference_name}",
          unit: unit(row),
          limit: limit,
          bar: bar,
          measure: &measure(row, reference, Map.fetch!(&1, size), &1)
        }
      end ++ Enum.map([1, 32], &kept/1) ++ [hooked(32)]
    end

    # What is changed is kept: by a journal, or by a version that is created beside it.
    defp kept(processes) do
      %Figure{
        name:
          "Ash: create with a journal, #{plural(processes)}, against a version in its transaction",
        unit: :per_s,
        measure: fn world ->
          {:ok, _} = Application.ensure_all_started(:ash)

          Measure.rounds(
            world.ash.bulk_rounds,
            &created(AshJournaled, processes, world, &1),
            &created(AshVersioned, processes, world, &1)
          )
        end
      }
    end

    defp hooked(processes) do
      SyncFigures.figure(
        "Ash: create with an after_action, #{plural(processes)}",
        fn world, repo, round ->
          {:ok, _} = Application.ensure_all_started(:ash)
          count = world.ash.creates[processes]
          {time, 0} = AshWork.create(AshHooked, count, processes, round, repo)
          Measure.per_s(time, count)
        end
      )
    end

    defp plural(1), do: "1 process"
    defp plural(processes), do: "#{processes} processes"

    defp created(chat, processes, world, round) do
      started = chat.start(world, world.few)
      Work.remember_all()
      created = one({:create, processes}, chat, world.few, world, round)
      chat.stop(started)
      created
    end

    @doc "What is not here, and has no figures therefore."
    @spec missing() :: [String.t()]
    def missing, do: if(ash_sqlite?(), do: [], else: ["ash_sqlite"])

    defp references do
      if(ash_sqlite?(), do: [{AshOnAshSqlite, "ash_sqlite"}], else: []) ++ [{AshOnEts, "ETS"}]
    end

    defp ash_sqlite?, do: Code.ensure_loaded?(AshOnAshSqlite)

    defp unit({:create, _processes}), do: :per_s
    defp unit(:unsynced), do: :per_s
    defp unit(:bulk), do: :ms
    defp unit(_row), do: :us

    # Against ETS a single row or room is found by an index, where ETS looks at every row.
    defp bar({:create, 32}, AshOnAshSqlite, _size), do: {:at_least, 5.0}
    defp bar({:create, _processes}, AshOnAshSqlite, _size), do: {:at_least, 1.0}
    defp bar(_row, AshOnAshSqlite, _size), do: {:at_most, 1.0}
    defp bar(:unsynced, AshOnEts, _size), do: {:at_least, 0.5}
    defp bar(row, AshOnEts, :messages) when row in @reads, do: {:at_most, 0.01}
    defp bar(_row, AshOnEts, _size), do: {nil, nil}

    # A new chat for each round, since they would grow fast.
    defp measure(:bulk, reference, messages, world) do
      with_both(world, messages, reference, [], fn -> :remembered end)
      count = world.ash.bulk

      one = fn chat ->
        started = chat.start(world, messages)
        time = AshWork.bulk_create(chat, count)
        chat.stop(started)
        time / 1.0e6
      end

      Measure.rounds(
        world.ash.bulk_rounds,
        fn _ -> one.(AshOnOurs) end,
        fn _ -> one.(reference) end
      )
    end

    defp measure(:unsynced, reference, messages, world) do
      with_both(world, messages, reference, [synchronous: :off], fn ->
        rounds({:create, 1}, reference, messages, world)
      end)
    end

    defp measure(row, reference, messages, world) do
      with_both(world, messages, reference, [], fn ->
        rounds(row, reference, messages, world)
      end)
    end

    defp rounds(row, reference, messages, world) do
      rounds = if reference == AshOnEts, do: world.ash.ets_rounds, else: world.ash.rounds

      Measure.rounds(
        rounds,
        &one(row, AshOnOurs, messages, world, &1),
        &one(row, reference, messages, world, &1)
      )
    end

    defp one({:create, processes}, chat, _messages, world, round) do
      count = world.ash.creates[processes]
      {time, failed} = AshWork.create(chat, count, processes, round)
      if failed > 0, do: Progress.note("#{failed} of #{count} creates failed: busy")
      if chat == AshOnOurs, do: Work.settle()
      Measure.per_s(time, count - failed)
    end

    defp one(row, chat, messages, world, round) do
      count = rows(row, chat, messages, world)
      Measure.us(apply(AshWork, row, [chat, count, round]), count)
    end

    # ETS looks at every row each time, and ash_sqlite loads every message of a room: a few
    # times are enough.
    defp rows(row, chat, messages, world) do
      cond do
        chat == AshOnEts -> min(world.ash.rows, max(1, div(10_000, messages)))
        row == :load -> min(world.ash.rows, 10)
        true -> world.ash.rows
      end
    end

    defp with_both(world, messages, reference, options, fun) do
      {:ok, _} = Application.ensure_all_started(:ash)
      theirs = reference.start(world, messages)
      ours = AshOnOurs.start(world, messages, options)
      Work.remember_all()
      result = fun.()
      AshOnOurs.stop(ours)
      reference.stop(theirs)
      result
    end
  end
else
  defmodule AshRusqlite.Bench.AshFigures do
    @moduledoc false
    def all, do: []
    def missing, do: ["Ash"]
  end
end
