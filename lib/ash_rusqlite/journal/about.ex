if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.Journal.About do
    @moduledoc """
    The relationship from an event to the record that it is about, see `AshRusqlite.Journal.Resource`.

    It is nil for events of other tables, and where the record is gone.
    """

    use Ash.Resource.ManualRelationship

    require Ash.Query

    alias AshRusqlite.DataLayer.Info
    alias AshRusqlite.DataLayer.Value.Codec
    alias AshRusqlite.Repo.JSON

    @doc "What is read of an event to find its record."
    @impl true
    def select(_opts), do: [:seq, :table, :key]

    @doc "The records of events, by `seq`."
    @impl true
    def load(events, _opts, %{query: query, relationship: %{destination: resource}} = context) do
      table = Info.table(resource)

      keys =
        for %{table: ^table, seq: seq, key: key} <- events,
            {:ok, values} <- [values(resource, key)],
            do: {seq, values}

      with {:ok, records} <- read(query, keys, Ash.Context.to_opts(context)) do
        names = Ash.Resource.Info.primary_key(resource)
        found = Map.new(records, &{Map.take(&1, names), &1})
        {:ok, for({seq, values} <- keys, record = found[values], into: %{}, do: {seq, record})}
      end
    end

    defp read(_query, [], _opts), do: {:ok, []}

    defp read(query, keys, opts) do
      wanted = keys |> Enum.map(&elem(&1, 1)) |> Enum.uniq()
      query |> Ash.Query.do_filter(condition(wanted)) |> Ash.read(opts)
    end

    defp condition([first | _] = wanted) do
      case Map.keys(first) do
        [name] -> [{name, [in: Enum.map(wanted, &Map.fetch!(&1, name))]}]
        _ -> [or: Enum.map(wanted, &Map.to_list/1)]
      end
    end

    # A primary key by its attributes.
    defp values(resource, key) do
      attributes =
        Enum.map(
          Ash.Resource.Info.primary_key(resource),
          &Ash.Resource.Info.attribute(resource, &1)
        )

      case attributes do
        [attribute] ->
          load_all([attribute], [key])

        attributes ->
          with {:ok, stored} <- stored(attributes, key), do: load_all(attributes, stored)
      end
    end

    defp stored(attributes, key) do
      with true <- is_binary(key),
           {:ok, list} when is_list(list) and length(list) == length(attributes) <-
             JSON.decode(key) do
        {:ok, Enum.map(list, &plain/1)}
      else
        _ -> :error
      end
    end

    defp plain(%{"blob" => digits}), do: Base.decode16!(digits, case: :mixed)
    defp plain(value), do: value

    defp load_all(attributes, stored) do
      attributes
      |> Enum.zip(stored)
      |> Enum.reduce_while({:ok, %{}}, fn {attribute, value}, {:ok, values} ->
        case Codec.load_value(attribute, value) do
          {:ok, value} when not is_nil(value) ->
            {:cont, {:ok, Map.put(values, attribute.name, value)}}

          _ ->
            {:halt, :error}
        end
      end)
    end
  end
end
