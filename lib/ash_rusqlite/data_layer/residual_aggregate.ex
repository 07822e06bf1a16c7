if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.ResidualAggregate do
    @moduledoc false
    # Aggregates that are no SQL, over related records that Ash loads: as the ETS data layer
    # computes them (ash/lib/ash/data_layer/ets/ets.ex, `do_add_aggregates`).

    alias Ash.Actions.Sort
    alias AshRusqlite.DataLayer.Runtime

    @doc "Puts the values of aggregates into records."
    @spec add([Ash.Resource.record()], [Ash.Query.Aggregate.t()], Ash.Domain.t()) ::
            {:ok, [Ash.Resource.record()]} | {:error, term()}
    def add(records, [], _domain), do: {:ok, records}

    def add(records, aggregates, domain) do
      Runtime.each(records, fn record ->
        Enum.reduce_while(aggregates, {:ok, record}, fn aggregate, {:ok, record} ->
          case value(record, aggregate, domain) do
            {:ok, value} -> {:cont, {:ok, Runtime.put_aggregate(record, aggregate, value)}}
            {:error, error} -> {:halt, {:error, error}}
          end
        end)
      end)
    end

    defp value(record, %{related?: false} = aggregate, domain),
      do: unrelated(record, aggregate, domain)

    defp value(record, aggregate, domain) do
      %{query: query, context: context} = aggregate

      with {:ok, related} <- related(record, aggregate, domain),
           {:ok, kept} <- keep(related, query.filter, domain, context) do
        field = aggregate.field || List.first(Ash.Resource.Info.primary_key(query.resource))
        sorted = Sort.runtime_sort(kept, query.sort, domain: domain, rekey?: false)
        {:ok, fold(sorted, aggregate, field)}
      end
    end

    defp related(record, aggregate, domain) do
      %{relationship_path: path, field: field, context: context} = aggregate

      query =
        aggregate.query
        |> Ash.Query.unset(:load)
        |> Ash.Query.set_context(%{private: %{authorize?: false}})

      load =
        record.__struct__
        |> Ash.Query.load(nested(path, query))
        |> Ash.Query.load(nested(path, field))
        |> Ash.Query.set_context(%{private: %{internal?: true}})

      opts = [
        domain: domain,
        tenant: context[:tenant],
        actor: context[:actor],
        authorize?: false
      ]

      with {:ok, loaded} <- Ash.load(record, load, opts) do
        filters = aggregate.join_filters
        {:ok, Ash.Filter.Runtime.get_related(loaded, path, false, filters, [record], domain)}
      end
    end

    defp nested([], leaf), do: leaf
    defp nested([name | path], leaf), do: [{name, nested(path, leaf)}]

    defp keep([], _filter, _domain, _context), do: {:ok, []}
    defp keep(records, nil, _domain, _context), do: {:ok, records}

    defp keep(records, filter, domain, context) do
      opts = [tenant: context[:tenant], actor: context[:actor]]
      Runtime.matches(domain, records, filter, opts)
    end

    defp unrelated(
           record,
           %{name: name, kind: kind, field: field, context: context} = aggregate,
           domain
         ) do
      query = aggregate.query
      filter = query.filter && Ash.Filter.map(query.filter, &parent_value(&1, record))
      query = %{query | filter: filter, sort: query.sort || []}

      opts = [
        domain: domain,
        tenant: context[:tenant],
        actor: context[:actor],
        authorize?: context[:authorize?] || false
      ]

      with {:ok, results} <-
             Ash.aggregate(query, {name, kind, if(field, do: [field: field], else: [])}, opts) do
        {:ok, Map.get(results, name) || aggregate.default_value}
      end
    end

    defp parent_value(%Ash.Query.Parent{expr: expr}, record) do
      case Ash.Expr.eval(expr, record: record) do
        {:ok, value} -> value
        value -> value
      end
    end

    defp parent_value(other, _record), do: other

    @doc "One value of records, as an aggregate wants it."
    @spec fold([Ash.Resource.record()], map(), term()) :: term()
    def fold(records, %{kind: :exists}, _field), do: records != []
    def fold(records, aggregate, field), do: records |> values(field) |> fold_values(aggregate)

    @doc "The same of the values of the field, in the order of the records."
    @spec fold_values([term()], map()) :: term()
    def fold_values(values, aggregate) do
      case kind(aggregate.kind, values, aggregate) do
        nil -> aggregate.default_value
        value -> value
      end
    end

    defp kind(:first, values, %{include_nil?: true}), do: List.first(values)
    defp kind(:first, values, _aggregate), do: Enum.find(values, &(not is_nil(&1)))

    defp kind(:count, values, aggregate),
      do: values |> unique(aggregate) |> Enum.count(&(not is_nil(&1)))

    defp kind(:list, values, aggregate) do
      values = if aggregate.include_nil?, do: values, else: Enum.reject(values, &is_nil/1)
      unique(values, aggregate)
    end

    defp kind(kind, values, aggregate) do
      values
      |> unique(aggregate)
      |> Enum.reject(&is_nil/1)
      |> number(kind)
    end

    defp number([], _kind), do: nil

    defp number([%Decimal{} | _] = values, :sum),
      do: Enum.reduce(values, Decimal.new(0), &Decimal.add(&2, &1))

    defp number(values, :sum), do: Enum.sum(values)
    defp number(values, :max), do: Enum.max(values, Comp)
    defp number(values, :min), do: Enum.min(values, Comp)

    defp number([%Decimal{} | _] = values, :avg),
      do: values |> Enum.reduce(&Decimal.add(&2, &1)) |> Decimal.div(length(values))

    defp number(values, :avg), do: Enum.sum(values) / length(values)

    defp unique(values, %{uniq?: true}), do: Enum.uniq(values)
    defp unique(values, _aggregate), do: values

    defp values(records, field), do: Enum.map(records, &field_value(&1, field))

    defp field_value(nil, _field), do: nil
    defp field_value(record, field) when is_atom(field), do: Map.get(record, field)

    defp field_value(record, %struct{load: nil, name: name})
         when struct in [Ash.Query.Aggregate, Ash.Query.Calculation] do
      key = if struct == Ash.Query.Aggregate, do: :aggregates, else: :calculations
      record |> Map.fetch!(key) |> Map.get(name)
    end

    defp field_value(record, %struct{load: load})
         when struct in [Ash.Query.Aggregate, Ash.Query.Calculation],
         do: Map.get(record, load)

    defp field_value(record, %{name: name}), do: Map.get(record, name)
  end
end
