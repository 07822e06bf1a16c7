if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Read.Combination do
    @moduledoc false
    # Unions, intersections and differences of queries. Each part is a query of its own; they
    # are put together here, in the order of the parts, as the ETS data layer does. SQL's set
    # operations have no order, and compare whole rows.

    alias AshRusqlite.DataLayer.{Query, Read}

    @doc "The rows of a combination's parts, put together."
    @spec records(Query.t(), Ash.Resource.record() | nil) ::
            {:ok, [Ash.Resource.record()]} | {:error, term()}
    def records(%Query{combination_of: [{_, first} | _] = parts} = query, parent) do
      fields = fields(first, query.resource)
      promoted = promoted(fields, query.resource)

      Enum.reduce_while(parts, {:ok, []}, fn {type, part}, {:ok, records} ->
        case Read.run(%{part | tenant: query.tenant}, parent) do
          {:ok, results} ->
            results = Enum.map(results, &promote(&1, promoted))
            {:cont, {:ok, combine(type, records, results, fields)}}

          {:error, error} ->
            {:halt, {:error, error}}
        end
      end)
    end

    # By which two rows differ.
    defp fields(first, resource) do
      selected =
        first.select ||
          MapSet.to_list(Ash.Resource.Info.selected_by_default_attribute_names(resource))

      attributes = Enum.map(selected, &Ash.Resource.Info.attribute(resource, &1))
      calculations = Enum.map(first.calculations, &elem(&1, 0))
      Enum.uniq_by(attributes ++ calculations, & &1.name)
    end

    # A calculation with the name of a field of the resource takes its place.
    defp promoted(fields, resource) do
      names = MapSet.new(fields, & &1.name)

      for %{name: name} <-
            Ash.Resource.Info.fields(resource, [:attributes, :calculations, :aggregates]),
          name in names,
          do: name
    end

    defp promote(record, []), do: record

    defp promote(record, names) do
      {fields, rest} = Map.split(record.calculations, names)
      record |> Map.merge(fields) |> Map.put(:calculations, rest)
    end

    defp combine(type, records, results, _fields) when type in [:base, :union_all],
      do: records ++ results

    defp combine(:union, records, results, fields),
      do: records ++ Enum.reject(results, among(records, fields))

    defp combine(:intersect, records, results, fields),
      do: Enum.filter(records, among(results, fields))

    defp combine(:except, records, results, fields),
      do: Enum.reject(records, among(results, fields))

    # Most values are equal when their terms are; for the others their type is asked.
    defp among(records, fields) do
      {simple, others} = Enum.split_with(fields, &simple?/1)
      known = Enum.group_by(records, &key(&1, simple))

      fn record ->
        known
        |> Map.get(key(record, simple), [])
        |> Enum.any?(fn other -> Enum.all?(others, &equal?(&1, record, other)) end)
      end
    end

    defp simple?(%{type: type}), do: is_nil(type) or Ash.Type.simple_equality?(type)
    defp key(record, fields), do: Enum.map(fields, &value(record, &1.name))

    defp equal?(%{type: type, name: name}, left, right),
      do: Ash.Type.equal?(type, value(left, name), value(right, name))

    defp value(record, name), do: Map.get(record.calculations, name, Map.get(record, name))

    @doc "The query over the combined rows: what it says of the parts' fields is read from them."
    @spec prepare(Query.t()) :: Query.t()
    def prepare(query) do
      %{
        query
        | filter: query.filter && loaded(query.filter),
          sort: Enum.map(query.sort || [], &loaded_field/1),
          distinct: Enum.map(query.distinct || [], &loaded_field/1),
          distinct_sort: query.distinct_sort && Enum.map(query.distinct_sort, &loaded_field/1)
      }
    end

    defp loaded_field(
           {%Ash.Query.Calculation{module: Ash.Resource.Calculation.Expression} = calculation,
            order}
         ) do
      {%{calculation | opts: Keyword.update!(calculation.opts, :expr, &loaded/1)}, order}
    end

    defp loaded_field(field), do: field

    defp loaded(expression) do
      Ash.Filter.map(expression, fn
        %Ash.Query.Ref{combinations?: true, attribute: %{load?: false} = attribute} = ref ->
          %{ref | attribute: %{attribute | load?: true}}

        other ->
          other
      end)
    end
  end
end
