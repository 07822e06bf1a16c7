if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.AggregateQuery do
    @moduledoc false
    # Aggregates over the rows of a query: in SQL when SQLite finds the rows and computes the
    # value exactly, else over the records.

    alias AshRusqlite.DataLayer.{Codec, Errors, Expression, Kind, Plan, Query, Read}
    alias AshRusqlite.DataLayer.{ResidualAggregate, Runtime, Store}
    alias AshRusqlite.DataLayer.Expression.Fragment
    alias AshRusqlite.{Error, Repo}

    @ordered [:integer, :text, :uuid, :date, :datetime, :datetime_usec, :naive_datetime, :time] ++
               [:time_usec, :real]

    @doc "The values by the aggregates' names."
    @spec run(Query.t(), [Ash.Query.Aggregate.t()]) :: {:ok, map()} | {:error, term()}
    def run(query, aggregates) do
      with {:ok, store} <- Store.fetch(query.resource, query.tenant, query.context, :read) do
        plan = Plan.of(query)

        {pushed, rest} =
          if query.combination_of == [] and Plan.exact?(plan),
            do: split(aggregates, plan),
            else: {[], aggregates}

        with {:ok, values} <- push(store, plan, pushed),
             {:ok, others} <- over_records(query, rest ++ failed(values)) do
          {:ok, values |> Map.reject(&match?({_, {:failed, _}}, &1)) |> Map.merge(others)}
        end
      end
      |> told(query.resource)
    end

    defp told({:error, error}, resource), do: {:error, Errors.to_ash(error, resource)}
    defp told(result, _resource), do: result

    defp split(aggregates, plan) do
      Enum.reduce(aggregates, {[], []}, fn aggregate, {pushed, rest} ->
        case sql(aggregate, plan) do
          {:ok, call} -> {[{aggregate, call} | pushed], rest}
          {:residual, _reason} -> {pushed, [aggregate | rest]}
        end
      end)
    end

    defp sql(aggregate, plan) do
      {:ok, call(aggregate, condition(aggregate, plan), plan)}
    catch
      {:residual, reason} -> {:residual, reason}
    end

    # Its own filter comes after the query's limit.
    defp condition(aggregate, plan) do
      case aggregate.query && aggregate.query.filter do
        none when none in [nil, true] ->
          []

        %{expression: none} when none in [nil, true] ->
          []

        filter ->
          [
            if(cut?(plan),
              do: Expression.residual("a limit"),
              else: Expression.keep(filter, plan.env)
            )
          ]
      end
    end

    defp cut?(plan), do: plan.limit != nil or plan.offset != nil or plan.distinct_on != nil

    defp call(%{kind: :exists}, condition, plan), do: {:exists, options(plan, condition)}

    defp call(%{kind: :count, field: nil, uniq?: false}, condition, plan),
      do: {:aggregate, :count, nil, options(plan, condition)}

    defp call(%{kind: kind, field: field, uniq?: false}, condition, plan)
         when kind in [:count, :sum, :min, :max] and is_atom(field) and not is_nil(field) do
      attribute =
        Ash.Resource.Info.attribute(plan.query.resource, field) || Expression.residual("a field")

      check(kind, Kind.of(attribute))
      {:aggregate, kind, Codec.column(attribute), options(plan, condition)}
    end

    defp call(%{kind: kind}, _condition, _plan), do: Expression.residual("a #{kind}")

    defp check(:count, _kind), do: :ok
    defp check(:sum, :integer), do: :ok
    defp check(function, kind) when function in [:min, :max] and kind in @ordered, do: :ok
    defp check(function, kind), do: Expression.residual("#{function} of #{inspect(kind)}")

    defp options(plan, condition) do
      plan
      |> Map.merge(%{computed: [], select: nil})
      |> Read.options()
      |> Keyword.delete(:where)
      |> Keyword.merge(where(plan.where ++ condition))
      |> then(&if cut?(plan), do: &1, else: Keyword.delete(&1, :order_by))
    end

    defp where([]), do: []
    defp where(scalars), do: [where: Read.where(scalars)]

    defp push(store, plan, pushed) do
      Enum.reduce_while(pushed, {:ok, %{}}, fn {aggregate, call}, {:ok, values} ->
        read = read(call, store.table)
        result = Repo.Statement.read(store.repo, read, Read.timeout(plan))

        case Fragment.told(result, read) do
          {:ok, value} ->
            {:cont, {:ok, Map.put(values, aggregate.name, finished(value, aggregate))}}

          # SQLite's sums end at 64 bits, Elixir's do not.
          {:error, %Error{code: code} = error} when code in [:invalid_value, :invalid_query] ->
            if Fragment.scalar?(read),
              do: {:halt, {:error, error}},
              else: {:cont, {:ok, Map.put(values, aggregate.name, {:failed, aggregate})}}

          {:error, error} ->
            {:halt, {:error, error}}
        end
      end)
    end

    defp read({:exists, options}, table), do: {:exists, table, options}

    defp read({:aggregate, kind, field, options}, table),
      do: {:aggregate, table, kind, field, options}

    defp finished(nil, aggregate), do: aggregate.default_value
    defp finished(value, _aggregate), do: value

    defp failed(values), do: for({_name, {:failed, aggregate}} <- values, do: aggregate)

    defp over_records(_query, []), do: {:ok, %{}}

    defp over_records(query, aggregates) do
      with {:ok, records} <- Read.run(query) do
        aggregates
        |> Runtime.each(fn aggregate ->
          with {:ok, kept} <- kept(records, aggregate, query) do
            field =
              aggregate.field || List.first(Ash.Resource.Info.primary_key(aggregate.resource))

            {:ok, {aggregate.name, ResidualAggregate.fold(kept, aggregate, field)}}
          end
        end)
        |> case do
          {:ok, pairs} -> {:ok, Map.new(pairs)}
          error -> error
        end
      end
    end

    defp kept([], _aggregate, _query), do: {:ok, []}

    defp kept(records, aggregate, query) do
      case aggregate.query && aggregate.query.filter do
        nil ->
          {:ok, records}

        filter ->
          opts = [tenant: aggregate.context[:tenant], actor: aggregate.context[:actor]]

          with :ok <- Fragment.check(filter, query.resource, "an aggregate's filter"),
               do: Ash.Filter.Runtime.filter_matches(query.domain, records, filter, opts)
      end
    end
  end
end
