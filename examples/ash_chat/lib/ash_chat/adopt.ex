defmodule AshChat.Adopt do
  @moduledoc """
  Takes over the file in which the chat kept its rows before it had a data layer: tables `users`,
  `rooms`, `agent_cards` and `messages`, with a column for each attribute, an empty string for nil,
  and no memberships.

  The file is opened to read only. Everything is written in one transaction. Rows that are in the
  chat's database already stay as they are, so a file may be adopted again. Who spoke in a room
  becomes a member of it, from the first message to the last.
  """

  alias AshChat.Adopt.{Report, Row, Source}
  alias AshChat.Import.Directory
  alias AshChat.Repo

  # What is referred to comes first.
  @tables [:users, :rooms, :agent_cards, :messages]
  @batch 500

  # The chat had no table of profiles, so nobody knows what these ids are.
  @references %{
    rooms: [parent_room_id: :rooms],
    agent_cards: [default_profile_id: :profiles],
    messages: [
      room_id: :rooms,
      user_id: :users,
      agent_card_id: :agent_cards,
      profile_id: :profiles
    ]
  }

  @doc """
  Adopts a file into the repo that the process uses, which has the chat's tables.

  Options:

    * `:on_refused` - a function of a table, a row's id as it is in the file, and the reason, called
      for each row that cannot be taken
    * `:progress` - a function of `AshRusqlite.Progress`, in rows

  Returns `{:ok, report}`, or `{:error, error}`, an `AshRusqlite.Error`, when the file cannot be read
  or the database not be written; then nothing is taken.
  """
  @spec run(Path.t(), keyword()) :: {:ok, Report.t()} | {:error, AshRusqlite.Error.t()}
  def run(path, opts \\ []) do
    opts = Keyword.validate!(opts, [:on_refused, :progress])

    Source.with_open(path, fn source ->
      Repo.transaction(fn -> adopt(source, path, opts) end, timeout: :infinity)
    end)
  rescue
    error in AshRusqlite.Error -> {:error, error}
  end

  defp adopt(source, path, opts) do
    state = %{
      source: source,
      report: %Report{missing: Enum.reject(@tables, &Source.table?(source, &1))},
      ids: Map.new([:profiles | @tables], &{&1, MapSet.new(known(&1))}),
      parents: %{},
      spoken: %{},
      on_refused: opts[:on_refused] || fn _table, _id, _reason -> :ok end,
      progress: opts[:progress] || fn _progress -> :ok end,
      label: Path.basename(path)
    }

    state = Enum.reduce(@tables -- state.report.missing, state, &adopt_table/2)
    state = set_parents(state)
    directory = Directory.insert_memberships(%Directory{memberships: state.spoken})
    %{state.report | made: directory.inserted}
  end

  # Of messages there may be many, and nothing refers to them.
  defp known(:messages), do: []
  defp known(table), do: Enum.map(Repo.all(table, select: [:id]), & &1.id)

  defp adopt_table(table, state) do
    total = Source.count(state.source, table)
    unknown = Source.columns(state.source, table) -- Row.columns(table)

    state =
      update_in(state.report.unknown, &(&1 ++ Enum.map(unknown, fn c -> "#{table}.#{c}" end)))

    {state, _done} =
      state.source
      |> Source.rows(table, @batch)
      |> Enum.reduce({state, 0}, fn rows, {state, done} ->
        done = done + length(rows)
        state = adopt_rows(rows, table, state)

        state.progress.(%{
          phase: :adopt,
          label: "#{table} of #{state.label}",
          done: done,
          total: total
        })

        {state, done}
      end)

    state
  end

  defp adopt_rows(rows, table, state) do
    {rows, state} = Enum.flat_map_reduce(rows, state, &adopt_row(&1, table, &2))
    {count, _} = Repo.insert_all(table, rows, on_conflict: :nothing)
    state = count(state, :taken, table, count)
    count(state, :there, table, length(rows) - count)
  end

  defp adopt_row(raw, table, state) do
    case Row.read(table, raw) do
      {:ok, row, changed} ->
        state = Enum.reduce(changed, state, &count(&2, :changed, "#{table}.#{&1}", 1))
        {row, state} = refer(row, table, state)
        {[row], seen(row, table, state)}

      {:error, reason} ->
        state.on_refused.(table, raw["id"], reason)
        {[], count(state, :refused, table, 1)}
    end
  end

  # A room's parent may come behind it.
  defp refer(row, :rooms, state) do
    {parent, row} = Map.pop(row, :parent_room_id)
    state = if parent, do: put_in(state.parents[row.id], parent), else: state
    {row, state}
  end

  defp refer(row, table, state) do
    Enum.reduce(Map.get(@references, table, []), {row, state}, fn {column, to}, {row, state} ->
      id = row[column]

      if id == nil or id in state.ids[to],
        do: {row, state},
        else: {Map.put(row, column, nil), count(state, :lost, "#{table}.#{column}", 1)}
    end)
  end

  defp seen(row, :messages, state) do
    member =
      case row do
        %{room_id: room, user_id: id} when room != nil and id != nil -> {:user, room, id}
        %{room_id: room, agent_card_id: id} when room != nil and id != nil -> {:agent, room, id}
        _ -> nil
      end

    at = row[:created_at]

    if member && at do
      spoken =
        Map.update(state.spoken, member, {at, at}, fn {first, last} ->
          {Enum.min([first, at], DateTime), Enum.max([last, at], DateTime)}
        end)

      %{state | spoken: spoken}
    else
      state
    end
  end

  defp seen(row, table, state), do: update_in(state.ids[table], &MapSet.put(&1, row.id))

  defp set_parents(state) do
    Enum.reduce(state.parents, state, fn {room, parent}, state ->
      if parent in state.ids.rooms and parent != room do
        # A room that was there before keeps its own.
        where = [{:id, :==, room}, {:parent_room_id, :is_nil, true}]
        Repo.update_all(:rooms, [set: [parent_room_id: parent]], where: where)
        state
      else
        count(state, :lost, "rooms.parent_room_id", 1)
      end
    end)
  end

  defp count(state, _field, _name, 0), do: state

  defp count(state, field, name, by) do
    counts = Map.update(Map.fetch!(state.report, field), name, by, &(&1 + by))
    %{state | report: Map.put(state.report, field, counts)}
  end
end
