defmodule AshRusqlite.Bench.OtpFigures do
  @moduledoc false
  # The repo against what OTP has: ETS, DETS, Mnesia. They have no bar: ETS keeps nothing, and
  # the others promise less.

  alias AshRusqlite.Bench.{Dets, Ets, Figure, Measure, Mnesia, Work, World}

  @doc "The figures."
  @spec all() :: [Figure.t()]
  def all do
    [
      reading("point get, against ETS", Ets, :get),
      reading("point get, against DETS", Dets, :get),
      reading("point get, against Mnesia (dirty_read)", Mnesia, :get),
      reading("latest 50, against ETS (full match, sorted)", Ets, :latest),
      reading("latest 50, against DETS (full match, sorted)", Dets, :latest),
      reading("latest 50, against Mnesia (index of the room, sorted)", Mnesia, :latest),
      writing("insert, 1 process, against ETS (kept nowhere)", Ets, 1, &Ets.insert/1),
      writing(
        "durable insert, 1 process, against DETS (sync after each)",
        Dets,
        1,
        &Dets.insert/1
      ),
      writing(
        "durable insert, 64 processes, against DETS (sync after each)",
        Dets,
        64,
        &Dets.insert/1
      ),
      writing(
        "insert, 1 process, against Mnesia (sync_transaction, not forced to the disk)",
        Mnesia,
        1,
        &Mnesia.insert/1
      ),
      writing(
        "insert, 64 processes, against Mnesia (sync_transaction, not forced to the disk)",
        Mnesia,
        64,
        &Mnesia.insert/1
      ),
      writing(
        "durable insert, 1 process, against Mnesia (sync_transaction and sync_log)",
        Mnesia,
        1,
        &Mnesia.insert_durably/1
      ),
      writing(
        "durable insert, 64 processes, against Mnesia (sync_transaction and sync_log)",
        Mnesia,
        64,
        &Mnesia.insert_durably/1
      )
    ]
  end

  defp reading(name, store, :get) do
    measure = fn world ->
      with_both(world, store, fn ->
        Measure.rounds(
          rounds(world),
          &Measure.us(Work.get(world.gets, world.messages, &1), world.gets),
          &Measure.us(get(store, world.gets, world.messages, &1), world.gets)
        )
      end)
    end

    %Figure{name: name, unit: :us, measure: measure}
  end

  # A full match takes so long that a few are enough.
  defp reading(name, store, :latest) do
    measure = fn world ->
      count = min(world.latest, 4)

      with_both(world, store, fn ->
        Measure.rounds(
          rounds(world),
          fn _ -> Measure.us(Work.latest(world.latest), world.latest) end,
          fn _ -> Measure.us(latest(store, count), count) end
        )
      end)
    end

    %Figure{name: name, unit: :us, measure: measure}
  end

  defp writing(name, store, processes, insert) do
    measure = fn world ->
      count = world.inserts[processes]

      with_both(world, store, fn ->
        Measure.rounds(
          rounds(world),
          fn round ->
            rate = Measure.per_s(Work.insert(count, processes, round), count)
            Work.settle()
            rate
          end,
          fn round ->
            Measure.per_s(Work.insert_with(count, processes, round, insert), count)
          end
        )
      end)
    end

    %Figure{name: name, unit: :per_s, measure: measure}
  end

  # Without a bar the figures need not be as exact.
  defp rounds(world), do: min(world.rounds, 5)

  defp get(store, count, span, round) do
    Measure.alone(
      fn -> Work.some_ids(count, span, round) end,
      fn ids -> Enum.each(ids, &(%{id: _} = store.get(&1))) end
    )
  end

  defp latest(store, count) do
    Measure.alone(
      fn -> Work.some_rooms(count, 0) end,
      fn rooms -> Enum.each(rooms, &latest_50(store, &1)) end
    )
  end

  # There is no order in these tables, so that all messages of the room are sorted.
  defp latest_50(store, room) do
    [_ | _] =
      room |> store.of_room() |> Enum.sort_by(& &1.created_at, {:desc, DateTime}) |> Enum.take(50)
  end

  defp with_both(world, store, fun) do
    World.with_repo(world, fn ->
      Work.remember_all()
      folder = Path.join(world.folder, "otp")
      File.mkdir_p!(folder)
      store.start(folder, AshRusqlite.Bench.Repo.all(:messages, timeout: :infinity))
      result = fun.()
      store.stop()
      File.rm_rf!(folder)
      result
    end)
  end
end
