if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Residual.Aggregate do
    @moduledoc false
    # Aggregates that are no SQL, over related records that Ash loads: as the ETS data layer
    # computes them (ash/lib/ash/data_layer/ets/ets.ex, `do_add_aggregates`).

    alias Ash.Actions.Sort
    alias AshRusqlite.DataLayer.{Residual, Results}
    alias AshRusqlite.DataLayer.Residual.Deadline

    @doc "Puts the values of aggregates into records."
    @spec add([Ash.Resource.record()], [Ash.Query.Aggregate.t()], Ash.Domain.t()) ::
            {:ok, [Ash.Resource.record()]} | {:error, term()}
    def add(records, [], _domain), do: {:ok, records}

    def add(records, aggregates, domain) do
      with {:ok, columns} <- Results.traverse(aggregates, &values(records, &1, domain)) do
        {:ok,
         columns
         |> Enum.zip(aggregates)
         |> Enum.reduce(records, fn {values, aggregate}, records ->
           Enum.zip_with(records, values, &Residual.put_field(&1, aggregate, &2))
         end)}
      end
    end

    # One for each record.
    defp values([], _aggregate, _domain), do: {:ok, []}

    defp values(records, %{related?: false} = aggregate, domain),
      do: in_time(records, &unrelated(&1, aggregate, domain))

    defp values(records, aggregate, domain) do
      %{query: query, context: context} = aggregate
      field = aggregate.field || List.first(Ash.Resource.Info.primary_key(query.resource))

      with {:ok, loaded} <- load(records, aggregate, domain) do
        records
        |> Enum.zip(loaded)
        |> in_time(fn {record, loaded} ->
          related = related(record, loaded, aggregate, domain)

          with {:ok, kept} <- keep(related, query.filter, domain, context) do
            sorted = Sort.runtime_sort(kept, query.sort, domain: domain, rekey?: false)
            {:ok, fold(sorted, aggregate, field)}
          end
        end)
      end
    end

    defp in_time(items, fun),
      do: Results.traverse(items, fn item -> with(:ok <- Deadline.check(), do: fun.(item)) end)

    # For all records at once.
    defp load([%resource{} | _] = records, aggregate, domain) do
      %{relationship_path: path, field: field, context: context} = aggregate

      query =
        aggregate.query
        |> Ash.Query.unset(:load)
        |> Ash.Query.set_context(%{private: %{authorize?: false}})

      load =
        resource
        |> Ash.Query.load(nested(path, query))
        |> Ash.Query.load(nested(path, field))
        |> Ash.Query.set_context(%{private: %{internal?: true}})

      Ash.load(records, load,
        domain: domain,
        tenant: context[:tenant],
        actor: context[:actor],
        authorize?: false
      )
    end

    defp related(record, loaded, %{relationship_path: path, join_filters: filters}, domain) do
      if filters in [nil, %{}],
        do: Enum.reduce(path, [loaded], &along/2),
        else: Ash.Filter.Runtime.get_related(loaded, path, false, filters, [record], domain)
    end

    defp along(name, records),
      do: Enum.flat_map(records, &(&1 |> Map.get(name) |> List.wrap()))

    defp nested([], leaf), do: leaf
    defp nested([name | path], leaf), do: [{name, nested(path, leaf)}]

    defp keep([], _filter, _domain, _context), do: {:ok, []}
    defp keep(records, nil, _domain, _context), do: {:ok, records}

    defp keep(records, filter, domain, context) do
      opts = [tenant: context[:tenant], actor: context[:actor]]
      Residual.matches(domain, records, filter, opts)
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
