if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Read.AggregateQuery do
    @moduledoc false
    # Aggregates over the rows of a query: of all that SQLite computes, or gives the values of, in
    # one read; the others over the records.

    alias AshRusqlite.DataLayer.{Errors, Expression, Query, Read, Residual, Results, Store}
    alias AshRusqlite.DataLayer.Place.AsOf
    alias AshRusqlite.DataLayer.Query.{Aggregate, Order, Plan, Relationship}
    alias AshRusqlite.DataLayer.Read.Computed
    alias AshRusqlite.DataLayer.Residual.Deadline
    alias AshRusqlite.DataLayer.Value.{Codec, Kind}

    alias AshRusqlite.DataLayer.Expression.Fragment
    alias AshRusqlite.Error
    alias AshRusqlite.Repo.Request

    import Errors, only: [elixir_may: 1]

    @doc "The values by the aggregates' names."
    @spec run(Query.t(), [Ash.Query.Aggregate.t()]) :: {:ok, map()} | {:error, term()}
    def run(query, aggregates) do
      Deadline.within(Query.timeout(query.context), fn ->
        query |> values(aggregates) |> Deadline.with_deadline() |> to_ash_error(query.resource)
      end)
    end

    defp values(query, aggregates) do
      with {:ok, store} <- Store.fetch(query.resource, query.tenant, query.context, :read) do
        plan = Plan.of(query)

        {pushed, rest} =
          if query.combination_of == [] and Plan.exact?(plan),
            do: split(aggregates, store, plan),
            else: {[], aggregates}

        with {:ok, values, failed} <- push(store, plan, pushed),
             {:ok, others} <- over_records(query, rest ++ failed) do
          {:ok, Map.merge(values, others)}
        end
      end
    end

    defp to_ash_error({:error, error}, resource), do: {:error, Errors.to_ash(error, resource)}
    defp to_ash_error(result, _resource), do: result

    defp split(aggregates, store, plan) do
      Enum.reduce(aggregates, {[], []}, fn aggregate, {pushed, rest} ->
        case sql(aggregate, store, plan) do
          {:ok, read} -> {[{aggregate, read} | pushed], rest}
          {:residual, _reason} -> {pushed, [aggregate | rest]}
        end
      end)
    end

    defp sql(aggregate, store, plan) do
      if cut?(plan),
        do: {:ok, {:read, cut(aggregate, store.table, plan)}},
        else: {:ok, {:compute, Aggregate.of_query(aggregate, rows(store, plan))}}
    catch
      {:residual, reason} -> {:residual, reason}
    end

    defp cut?(plan), do: plan.limit != nil or plan.offset != nil or plan.distinct_on != nil

    defp rows(store, %{query: query, env: env} = plan) do
      inner = Relationship.inside(env, query.resource, env.parents)

      %Aggregate.Rows{
        table: store.table,
        options: if(plan.where == [], do: [], else: [where: {:and, plan.where}]),
        env: inner,
        keys: Order.scalars([], inner),
        sort: query.sort || []
      }
    end

    ## Over rows of which some are cut off first

    defp cut(aggregate, table, plan) do
      # Its own filter comes after the query's limit.
      if filtered?(aggregate), do: Expression.residual("a limit")
      call(aggregate, table, plan)
    end

    defp filtered?(%{query: %{filter: none}}) when none in [nil, true], do: false
    defp filtered?(%{query: %{filter: %{expression: none}}}) when none in [nil, true], do: false
    defp filtered?(%{query: nil}), do: false
    defp filtered?(_aggregate), do: true

    defp call(%{kind: :exists}, table, plan), do: Request.exists(table, options(plan))

    defp call(%{kind: :count, field: nil, uniq?: false}, table, plan),
      do: Request.aggregate(table, :count, nil, options(plan))

    defp call(%{kind: kind, field: field, uniq?: false}, table, plan)
         when kind in [:count, :sum, :min, :max] and is_atom(field) and not is_nil(field) do
      attribute =
        Ash.Resource.Info.attribute(plan.query.resource, field) || Expression.residual("a field")

      check(kind, Kind.of(attribute))
      Request.aggregate(table, kind, Codec.column(attribute), options(plan))
    end

    defp call(%{kind: kind}, _table, _plan), do: Expression.residual("a #{kind}")

    defp check(:count, _kind), do: :ok
    defp check(:sum, :integer), do: :ok

    defp check(function, kind) do
      unless function in [:min, :max] and Aggregate.ordered?(kind),
        do: Expression.residual("#{function} of #{Expression.inspect_kind(kind)}")
    end

    defp options(plan), do: plan |> Map.merge(%{computed: [], select: nil}) |> Read.options()

    ## Reading

    defp push(store, plan, pushed) do
      {computed, read} = Enum.split_with(pushed, &match?({_, {:compute, _}}, &1))

      with {:ok, values, failed} <- compute(store, plan, computed),
           {:ok, others, others_failed} <- read(store, plan, read) do
        {:ok, Map.merge(values, others), failed ++ others_failed}
      end
    end

    defp compute(_store, _plan, []), do: {:ok, %{}, []}

    defp compute(store, plan, computed) do
      named =
        for {{aggregate, {:compute, {scalar, kind}}}, index} <- Enum.with_index(computed),
            do: {:"__aggregate_#{index}", aggregate, scalar, kind}

      columns =
        for {name, _, scalar, kind} <- named, do: Request.computed(name, scalar, Kind.type(kind))

      case ask(store, plan, Request.compute(columns)) do
        {:ok, row} -> loaded(named, row, store.resource)
        :failed -> {:ok, %{}, Enum.map(computed, &elem(&1, 0))}
        {:error, error} -> {:error, error}
      end
    end

    defp loaded(named, row, resource) do
      named
      |> Results.traverse(fn {name, aggregate, _, kind} ->
        place = {resource, aggregate.name}

        with {:ok, value} <- Computed.from_sql(Map.fetch!(row, name), kind, place),
             do: {:ok, {aggregate.name, value}}
      end)
      |> case do
        {:ok, values} -> {:ok, Map.new(values), []}
        {:error, error} -> {:error, error}
      end
    end

    defp read(store, plan, pushed) do
      Enum.reduce_while(pushed, {:ok, %{}, []}, fn {aggregate, {:read, read}},
                                                   {:ok, values, failed} ->
        case ask(store, plan, read) do
          {:ok, value} ->
            {:cont, {:ok, Map.put(values, aggregate.name, finished(value, aggregate)), failed}}

          :failed ->
            {:cont, {:ok, values, [aggregate | failed]}}

          {:error, error} ->
            {:halt, {:error, error}}
        end
      end)
    end

    # What SQLite cannot compute of the rows, Elixir may, unless there is SQL of the application's.
    defp ask(store, plan, read) do
      store.repo
      |> AsOf.read(read, Read.timeout(plan))
      |> Fragment.explain_error(read)
      |> case do
        {:error, %Error{code: code} = error} when elixir_may(code) ->
          if Fragment.scalar?(read), do: {:error, error}, else: :failed

        result ->
          result
      end
    end

    defp finished(nil, aggregate), do: aggregate.default_value
    defp finished(value, _aggregate), do: value

    defp over_records(_query, []), do: {:ok, %{}}

    defp over_records(query, aggregates) do
      with {:ok, records} <- Read.run(query) do
        aggregates
        |> Results.traverse(fn aggregate ->
          with {:ok, kept} <- kept(records, aggregate, query) do
            field =
              aggregate.field || List.first(Ash.Resource.Info.primary_key(aggregate.resource))

            {:ok, {aggregate.name, Residual.Aggregate.fold(kept, aggregate, field)}}
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
               do: Residual.matches(query.domain, records, filter, opts)
      end
    end
  end
end
