defmodule AshRusqlite.Bench.Ets do
  @moduledoc false
  # Messages in ETS: memory only.

  @table __MODULE__

  def start(_folder, messages) do
    :ets.new(@table, [:set, :public, :named_table, read_concurrency: true])
    Enum.each(messages, &insert/1)
  end

  def stop, do: :ets.delete(@table)

  def get(id), do: :ets.lookup_element(@table, id, 2)

  def of_room(room) do
    :ets.select(@table, [{{:_, %{room_id: room}}, [], [{:element, 2, :"$_"}]}])
  end

  def insert(message), do: :ets.insert(@table, {message.id, message})
end

defmodule AshRusqlite.Bench.Dets do
  @moduledoc false
  # Messages in DETS. An insert is on the disk after `sync`, which one process does for all.

  @table __MODULE__

  def start(folder, messages) do
    file = folder |> Path.join("messages.dets") |> String.to_charlist()
    {:ok, _} = :dets.open_file(@table, file: file, type: :set)
    :ok = :dets.insert(@table, for(message <- messages, do: {message.id, message}))
    :ok = :dets.sync(@table)
  end

  def stop, do: :dets.close(@table)

  def get(id) do
    [{_, message}] = :dets.lookup(@table, id)
    message
  end

  def of_room(room) do
    :dets.select(@table, [{{:_, %{room_id: room}}, [], [{:element, 2, :"$_"}]}])
  end

  def insert(message) do
    :ok = :dets.insert(@table, {message.id, message})
    :ok = :dets.sync(@table)
  end
end

defmodule AshRusqlite.Bench.Mnesia do
  @moduledoc false
  # Messages in a disc_copies table: all in memory, and in a log. When sync_transaction returns
  # the log was written, but not forced to the disk: a power loss takes it. sync_log forces it.

  @table __MODULE__

  def start(folder, messages) do
    :application.load(:mnesia)
    # Ash starts it, without a folder.
    :stopped = :mnesia.stop()
    # Else it warns of its own load with every dump.
    Application.put_env(:mnesia, :dump_log_write_threshold, 50_000)
    Application.put_env(:mnesia, :dir, String.to_charlist(Path.join(folder, "mnesia")))
    :ok = :mnesia.create_schema([node()])
    :ok = :mnesia.start()

    {:atomic, :ok} =
      :mnesia.create_table(@table,
        disc_copies: [node()],
        attributes: [:id, :room_id, :message],
        index: [:room_id]
      )

    Enum.each(messages, &:mnesia.dirty_write(row(&1)))
    :dumped = :mnesia.dump_log()
  end

  def stop, do: :stopped = :mnesia.stop()

  def get(id) do
    [{_, _, _, message}] = :mnesia.dirty_read(@table, id)
    message
  end

  def of_room(room) do
    for {_, _, _, message} <- :mnesia.dirty_index_read(@table, room, :room_id), do: message
  end

  def insert(message) do
    {:atomic, :ok} = :mnesia.sync_transaction(fn -> :mnesia.write(row(message)) end)
  end

  def insert_durably(message) do
    insert(message)
    :ok = :mnesia.sync_log()
  end

  defp row(message), do: {@table, message.id, message.room_id, message}
end
