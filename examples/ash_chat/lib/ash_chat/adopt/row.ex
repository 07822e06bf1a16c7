defmodule AshChat.Adopt.Row do
  @moduledoc """
  A row of the file as one of the chat's. An empty string is nil, but for a message's content.

  What a row cannot be without is its id, a UUID, and the name of a user or an agent. Another value
  that cannot be read is left out, so that the row has the column's default, and named.
  """

  alias AshChat.Import.Id
  alias AshRusqlite.Repo.JSON

  @times [created_at: :time, updated_at: :time]

  @tables %{
    users:
      [
        id: :id,
        name: :text,
        display_name: :text,
        email: :text,
        avatar_url: :text,
        preferences: :map,
        is_active: :boolean
      ] ++ @times,
    rooms:
      [
        id: :id,
        title: :text,
        description: :text,
        current_task: :text,
        starting_message: :text,
        hidden: :boolean,
        parent_room_id: :id
      ] ++ @times,
    agent_cards:
      [
        id: :id,
        name: :text,
        description: :text,
        system_message: :text,
        avatar_url: :text,
        model_preferences: :map,
        available_tools: :list,
        context_settings: :map,
        is_default: :boolean,
        add_to_new_rooms: :boolean,
        default_profile_id: :id
      ] ++ @times,
    messages:
      [
        id: :id,
        content: :content,
        role: {:one_of, ~w(user assistant system)},
        message_type: {:one_of, ~w(text image multimodal)},
        image_url: :text,
        image_data: :bytes,
        metadata: :map,
        room_id: :id,
        user_id: :id,
        profile_id: :id,
        agent_card_id: :id
      ] ++ @times
  }

  @doc "The columns that a table of the file may have."
  @spec columns(atom()) :: [String.t()]
  def columns(table), do: Enum.map(@tables[table], fn {name, _type} -> to_string(name) end)

  @doc """
  Reads a row: its fields, and the names of those whose values could not be read. Or why it cannot be
  taken.

      iex> raw = %{"id" => "00000000-0000-0000-0000-0000000000FF", "title" => "", "hidden" => 1, "created_at" => "2026-01-10 09:00:00"}
      iex> {:ok, row, []} = AshChat.Adopt.Row.read(:rooms, raw)
      iex> row
      %{id: "00000000-0000-0000-0000-0000000000ff", hidden: true, created_at: ~U[2026-01-10 09:00:00.000000Z], updated_at: ~U[2026-01-10 09:00:00.000000Z]}

      iex> AshChat.Adopt.Row.read(:users, %{"id" => "42", "name" => "ann"})
      {:error, "the id is no UUID"}
  """
  @spec read(atom(), map()) :: {:ok, map(), [atom()]} | {:error, String.t()}
  def read(table, raw) do
    {row, changed} =
      Enum.reduce(@tables[table], {%{}, []}, fn {name, type}, {row, changed} ->
        case value(type, raw[to_string(name)]) do
          :nothing -> {row, changed}
          {:ok, value} -> {Map.put(row, name, value), changed}
          :error -> {row, [name | changed]}
        end
      end)

    with :ok <- needed(row),
         {:ok, row} <- complete(table, row),
         do: {:ok, times(row), Enum.reverse(changed)}
  end

  defp needed(%{id: _}), do: :ok
  defp needed(_row), do: {:error, "the id is no UUID"}

  defp complete(table, row) when table in [:users, :agent_cards] do
    case row[:name] || row[:display_name] do
      nil ->
        {:error, "it has no name"}

      name when table == :users ->
        {:ok, row |> Map.put_new(:name, name) |> Map.put_new(:display_name, name)}

      name ->
        {:ok, Map.put_new(row, :name, name)}
    end
  end

  defp complete(:messages, row) do
    image? = Map.has_key?(row, :image_url) or Map.has_key?(row, :image_data)

    if Map.get(row, :content, "") == "" and not image?,
      do: {:error, "it has neither content nor an image"},
      else: {:ok, Map.put_new(row, :content, "")}
  end

  defp complete(:rooms, row), do: {:ok, row}

  # What was never changed was changed when it was made.
  defp times(%{created_at: at} = row), do: Map.put_new(row, :updated_at, at)
  defp times(row), do: row

  defp value(:content, text) when is_binary(text), do: {:ok, text}
  defp value(_type, nil), do: :nothing
  defp value(_type, ""), do: :nothing
  defp value(:text, text) when is_binary(text), do: {:ok, text}
  defp value(:bytes, bytes) when is_binary(bytes), do: {:ok, bytes}
  defp value(:boolean, value) when value in [0, "0", "false", false], do: {:ok, false}
  defp value(:boolean, value) when value in [1, "1", "true", true], do: {:ok, true}

  defp value(:id, <<_::128>> = bytes), do: {:ok, Id.format(bytes)}

  defp value(:id, text) when is_binary(text) do
    with {:ok, bytes} <- Id.parse(text), do: {:ok, Id.format(bytes)}
  end

  # Atoms may be written with their colon.
  defp value({:one_of, known}, text) when is_binary(text) do
    text = String.trim_leading(text, ":")
    if text in known, do: {:ok, text}, else: :error
  end

  defp value(type, text) when type in [:map, :list] and is_binary(text) do
    case JSON.decode(text) do
      {:ok, value} when type == :map and is_map(value) -> {:ok, value}
      {:ok, value} when type == :list and is_list(value) -> {:ok, value}
      _ -> :error
    end
  end

  defp value(:time, text) when is_binary(text) do
    with {:ok, %{year: year} = naive} when year in 1..9998 <- NaiveDateTime.from_iso8601(text) do
      case DateTime.from_iso8601(text) do
        {:ok, time, _offset} -> {:ok, precise(time)}
        # SQLite's own texts have no zone and are in UTC.
        {:error, :missing_offset} -> {:ok, naive |> DateTime.from_naive!("Etc/UTC") |> precise()}
        _ -> :error
      end
    else
      _ -> number(text)
    end
  end

  # Seconds since 1970, or milliseconds where these would be beyond the year 5138.
  defp value(:time, number) when is_integer(number) and number > 0 do
    unit = if number < 100_000_000_000, do: :second, else: :millisecond

    case DateTime.from_unix(number, unit) do
      {:ok, %{year: year} = time} when year <= 9998 -> {:ok, precise(time)}
      _ -> :error
    end
  end

  defp value(_type, _value), do: :error

  # A column of texts makes one of a number.
  defp number(text) do
    case Integer.parse(text) do
      {number, ""} -> value(:time, number)
      _ -> :error
    end
  end

  defp precise(time), do: %{time | microsecond: put_elem(time.microsecond, 1, 6)}
end
