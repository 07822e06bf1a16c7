if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Read.Computed do
    @moduledoc false
    # Values that SQLite computed in a row, as Ash knows them: calculations and aggregates.

    alias AshRusqlite.DataLayer.Expression.FragmentValue
    alias AshRusqlite.DataLayer.Query.Plan
    alias AshRusqlite.DataLayer.Residual
    alias AshRusqlite.DataLayer.Results
    alias AshRusqlite.DataLayer.Value.{Codec, Kind, Unreadable}
    alias AshRusqlite.Repo.StoredAtoms

    import AshRusqlite.DataLayer.Value.Unreadable, only: [is_mark: 1]

    @doc "Puts what SQLite computed into the records of its rows."
    @spec put([Ash.Resource.record()], [map()], Plan.t()) ::
            {:ok, [Ash.Resource.record()]} | {:error, term()}
    def put(records, rows, %{computed: computed}) do
      records
      |> Enum.zip(rows)
      |> Results.traverse(fn {record, row} ->
        Enum.reduce_while(computed, {:ok, record}, fn {{name, _}, kind, field}, {:ok, record} ->
          case from_sql(Map.fetch!(row, name), kind, place(record, field)) do
            {:ok, value} -> {:cont, {:ok, Residual.put_field(record, field, value)}}
            {:error, error} -> {:halt, {:error, Unreadable.of_record(error, record)}}
          end
        end)
      end)
    end

    defp place(%resource{}, {%{name: name} = field, _expression}), do: {resource, name, field}
    defp place(%resource{}, %{name: name} = field), do: {resource, name, field}

    @doc """
    What SQLite computed, as Ash knows it. `place` is the resource, the field's name and the field,
    for the error of a value that cannot be it.
    """
    @spec from_sql(
            term(),
            Kind.t() | {:checked, map()} | {:fold, map(), Kind.t()},
            Unreadable.place()
          ) :: {:ok, term()} | {:error, term()}
    def from_sql(nil, _kind, _place), do: {:ok, nil}

    def from_sql(mark, _kind, place) when is_mark(mark),
      do: {:error, Unreadable.computed(place, nil, Unreadable.problem(mark))}

    def from_sql(value, {:checked, field}, _place), do: FragmentValue.load(field, value)

    def from_sql(values, {:fold, aggregate, kind}, place) do
      with {:ok, values} <- Results.traverse(values, &from_sql(&1, kind, place)),
           do: {:ok, Residual.Aggregate.fold_values(values, aggregate)}
    end

    def from_sql(value, kind, place) do
      case value_of(value, kind) do
        {:ok, value} -> {:ok, value}
        problem -> {:error, Unreadable.computed(place, value, problem)}
      end
    end

    defp value_of(value, :ci), do: {:ok, Ash.CiString.new(value)}
    # A column of another program, such as DECIMAL or NUMERIC, gives numbers.
    defp value_of(value, :decimal) when not is_struct(value),
      do: Codec.load_value(%{type: Ash.Type.Decimal, constraints: []}, value)

    defp value_of(value, :real) when is_integer(value), do: {:ok, value * 1.0}
    defp value_of(value, {:opaque, attribute}), do: Codec.load_value(attribute, value)

    defp value_of(value, :atom) when is_binary(value), do: StoredAtoms.atom(value)
    defp value_of(value, _kind), do: {:ok, value}
  end
end
