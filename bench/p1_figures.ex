defmodule AshRusqlite.Bench.P1Figures do
  @moduledoc false
  # The repo against Debian's erlang-p1-sqlite3, a driver of SQLite that answers through a
  # process of its own. Its rows are as stored: no time, no map is decoded.

  alias AshRusqlite.Bench.{Figure, Measure, Work, World}

  # Its figures are left out where it is not installed.
  @compile {:no_warn_undefined, :sqlite3}

  @db :ash_rusqlite_bench_p1
  @latest "SELECT * FROM messages WHERE room_id = ? ORDER BY created_at DESC, id DESC LIMIT 50"
  @insert """
  INSERT INTO messages
  (id, content, role, message_type, metadata, room_id, user_id, created_at, updated_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
  """

  @doc "Whether it is installed."
  @spec installed?() :: boolean()
  def installed? do
    Code.ensure_loaded?(:sqlite3)
  end

  @doc "The figures."
  @spec all() :: [Figure.t()]
  def all do
    [
      figure("point get, against p1_sqlite3 (not decoded)", :us, &point_get/1),
      figure("latest 50, against p1_sqlite3 (not decoded)", :us, &latest/1),
      figure("durable insert, 1 process, against p1_sqlite3", :per_s, &insert(&1, 1)),
      figure("durable insert, 64 processes, against p1_sqlite3", :per_s, &insert(&1, 64))
    ]
  end

  defp figure(name, unit, measure), do: %Figure{name: name, unit: unit, measure: measure}

  defp point_get(world) do
    with_both(world, fn ->
      Measure.rounds(
        rounds(world),
        &Measure.us(Work.get(world.gets, world.messages, &1), world.gets),
        fn round ->
          Measure.alone(
            fn ->
              {prepare("SELECT * FROM messages WHERE id = ?"),
               Work.some_ids(world.gets, world.messages, round)}
            end,
            fn {stmt, ids} -> Enum.each(ids, &([_] = rows(stmt, &1))) end
          )
          |> Measure.us(world.gets)
        end
      )
    end)
  end

  defp latest(world) do
    with_both(world, fn ->
      Measure.rounds(
        rounds(world),
        fn _ -> Measure.us(Work.latest(world.latest), world.latest) end,
        fn _ ->
          Measure.alone(
            fn -> {prepare(@latest), Work.some_rooms(world.latest, 0)} end,
            fn {stmt, rooms} -> Enum.each(rooms, &([_ | _] = rows(stmt, &1))) end
          )
          |> Measure.us(world.latest)
        end
      )
    end)
  end

  defp insert(world, processes) do
    count = world.inserts[processes]

    with_both(world, fn ->
      Measure.rounds(
        rounds(world),
        fn round ->
          rate = Measure.per_s(Work.insert(count, processes, round), count)
          Work.settle()
          rate
        end,
        fn round ->
          Measure.per_s(Work.insert_with(count, processes, round, &insert_one/1), count)
        end
      )
    end)
  end

  defp rounds(world), do: min(world.rounds, 5)

  # Its processes share one connection, so that a prepared statement cannot be theirs.
  defp insert_one(message) do
    {:rowid, _} = :sqlite3.sql_exec(@db, @insert, values(message))
  end

  defp values(message) do
    [
      message.id,
      message.content,
      message.role,
      message.message_type,
      IO.iodata_to_binary(AshRusqlite.Bench.JSON.encode(message.metadata)),
      message.room_id,
      message.user_id,
      DateTime.to_iso8601(message.created_at),
      DateTime.to_iso8601(message.updated_at)
    ]
  end

  defp prepare(sql) do
    {:ok, stmt} = :sqlite3.prepare(@db, sql)
    stmt
  end

  defp rows(stmt, value) do
    :ok = :sqlite3.bind(@db, stmt, [value])
    rows = next(stmt, [])
    :ok = :sqlite3.reset(@db, stmt)
    rows
  end

  defp next(stmt, rows) do
    case :sqlite3.next(@db, stmt) do
      :done -> rows
      row when is_tuple(row) -> next(stmt, [row | rows])
    end
  end

  defp with_both(world, fun) do
    World.with_repo(world, fn ->
      Work.remember_all()
      path = World.copy(world, "p1")
      {:ok, _} = :sqlite3.open(@db, file: String.to_charlist(path))

      for pragma <- [
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "cache_size=-16000"
          ] do
        :sqlite3.sql_exec(@db, "PRAGMA #{pragma};")
      end

      result = fun.()
      :sqlite3.close(@db)
      World.remove(path)
      result
    end)
  end
end
