defmodule AshChat.Import do
  @moduledoc """
  Imports a conversation from a file of JSON Lines, one message a line, as
  `guides/import-format.md` describes it.

  The file is read once, in batches, inside one transaction: either all of it is imported or,
  when a line is bad, nothing. Importing a file again changes nothing, because ids are given
  or made from what the lines say.
  """

  alias AshChat.Import.{Directory, Id, Line, Lines, Report}
  alias AshChat.Repo

  @batch_lines 500
  @batch_bytes 4 * 1024 * 1024

  # What two messages of one id must have in common.
  @compared [
    :content,
    :role,
    :message_type,
    :image_url,
    :image_data,
    :metadata,
    :room_id,
    :user_id,
    :agent_card_id,
    :profile_id,
    :created_at
  ]

  @doc """
  Imports a file into the repo that the process uses.

  Options:

    * `:keep_going` - true imports the good lines in spite of bad ones. false
    * `:on_bad_line` - a function of the line's number and the reason, called for each bad one
    * `:progress` - a function of `AshRusqlite.Progress`, in bytes of the file

  Returns `{:ok, report}`; `{:error, report}` when lines were bad and so nothing was imported;
  `{:error, exception}`, a `File.Error` or an `AshRusqlite.Error`, when the file could not be
  read or the database not be written, and nothing was imported either.
  """
  @spec run(Path.t(), keyword()) ::
          {:ok, Report.t()} | {:error, Report.t() | File.Error.t() | AshRusqlite.Error.t()}
  def run(path, opts \\ []) do
    opts = Keyword.validate!(opts, [:on_bad_line, :progress, keep_going: false])
    # Where each message's id was first seen.
    seen = :ets.new(__MODULE__, [:private])

    try do
      Repo.transaction(fn -> import_file(path, opts, seen) end, timeout: :infinity)
    rescue
      error in [File.Error, AshRusqlite.Error] -> {:error, error}
    after
      :ets.delete(seen)
    end
  end

  defp import_file(path, opts, seen) do
    state = %{
      report: %Report{},
      directory: %Directory{},
      seen: seen,
      place: {nil, 0},
      on_bad_line: opts[:on_bad_line] || fn _number, _reason -> :ok end,
      progress: progress(path, opts[:progress])
    }

    state = path |> Lines.stream() |> batches() |> Enum.reduce(state, &import_batch/2)
    directory = Directory.insert_memberships(state.directory)
    report = %{state.report | inserted: directory.inserted}

    if report.bad > 0 and not opts[:keep_going], do: Repo.rollback(report), else: report
  end

  defp progress(_path, nil), do: fn _read -> :ok end

  defp progress(path, show) do
    total = File.stat!(path).size
    label = Path.basename(path)
    &show.(%{phase: :import, label: label, done: min(&1, total), total: total})
  end

  defp batches(lines) do
    Stream.chunk_while(
      lines,
      {[], 0, 0},
      fn {_, text, _} = line, {batch, count, bytes} ->
        size = if is_binary(text), do: byte_size(text), else: 0

        if count + 1 >= @batch_lines or bytes + size >= @batch_bytes,
          do: {:cont, Enum.reverse([line | batch]), {[], 0, 0}},
          else: {:cont, {[line | batch], count + 1, bytes + size}}
      end,
      fn
        {[], _, _} -> {:cont, nil}
        {batch, _, _} -> {:cont, Enum.reverse(batch), nil}
      end
    )
  end

  defp import_batch(batch, state) do
    {rows, state} = Enum.flat_map_reduce(batch, state, &import_line/2)
    state = %{state | directory: Directory.insert(state.directory)}
    state = insert(rows, state)
    {_number, _text, read} = List.last(batch)
    state.progress.(read)
    state
  end

  defp import_line({number, text, _read}, state) do
    cond do
      text == :too_long ->
        {[], bad(count_line(state), number, "it is longer than #{Lines.limit()} bytes")}

      String.trim(text) == "" ->
        {[], state}

      true ->
        state = count_line(state)

        with {:ok, line} <- Line.parse(text),
             {id, state} = id(line, state),
             :ok <- first(state.seen, id, number) do
          {references, directory} = Directory.refer(state.directory, line)
          report = %{state.report | room: references.room_id}
          row = line |> row() |> Map.merge(references) |> Map.put(:id, Id.format(id))
          {[{number, row}], %{state | directory: directory, report: report}}
        else
          {:error, reason} -> {[], bad(state, number, reason)}
        end
    end
  end

  defp id(%Line{id: nil} = line, %{place: {time, place}} = state) do
    now = DateTime.to_unix(line.created_at, :millisecond)
    place = if now == time, do: place + 1, else: 0
    {provider, model} = line.profile || {"", ""}
    image = [line.image_url || "", line.image_data || ""]
    speaker = [line.user || "", line.agent || "", provider, model]
    parts = [line.room, line.role, line.content] ++ speaker ++ image
    {:ok, id} = line.created_at |> Id.of_message(place, parts) |> Id.parse()
    {id, %{state | place: {now, place}}}
  end

  defp id(%Line{id: id}, state), do: {id, state}

  defp first(seen, id, number) do
    if :ets.insert_new(seen, {id, number}) do
      :ok
    else
      {:error, "the same message id is on line #{:ets.lookup_element(seen, id, 2)}"}
    end
  end

  defp row(line) do
    line
    |> Map.take([:content, :role, :message_type, :image_url, :image_data, :metadata, :created_at])
    |> Map.put(:updated_at, line.created_at)
  end

  defp insert([], state), do: state

  defp insert(rows, state) do
    fields = Enum.map(rows, fn {_number, row} -> row end)

    {count, inserted} =
      Repo.insert_all(:messages, fields, on_conflict: :nothing, returning: [:id])

    state = update_in(state.report.messages, &(&1 + count))

    if count == length(rows) do
      state
    else
      inserted = MapSet.new(inserted, & &1.id)
      rows |> Enum.reject(fn {_, row} -> row.id in inserted end) |> compare(state)
    end
  end

  # Messages of these ids were there before: the same ones, or others.
  defp compare(rows, state) do
    ids = Enum.map(rows, fn {_number, row} -> row.id end)
    stored = Map.new(Repo.all(:messages, where: [{:id, :in, ids}]), &{&1.id, &1})

    Enum.reduce(rows, state, fn {number, row}, state ->
      case Enum.reject(@compared, &(row[&1] == stored[row.id][&1])) do
        [] ->
          update_in(state.report.unchanged, &(&1 + 1))

        columns ->
          bad(
            state,
            number,
            "the database has a message of the id #{row.id} with another " <>
              Enum.map_join(columns, ", ", &Atom.to_string/1)
          )
      end
    end)
  end

  defp count_line(state), do: update_in(state.report.lines, &(&1 + 1))

  defp bad(state, number, reason) do
    state.on_bad_line.(number, reason)
    update_in(state.report.bad, &(&1 + 1))
  end
end
