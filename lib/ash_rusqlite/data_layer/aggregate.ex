if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.Aggregate do
    @moduledoc false
    # Aggregates over related rows as subqueries.

    alias AshRusqlite.DataLayer.{Expression, Info, Kind, Order, Relationship}

    import Expression, only: [residual: 1]

    @ordered [:integer, :text, :uuid, :date, :datetime, :datetime_usec, :naive_datetime] ++
               [:time, :time_usec, :real]

    @doc "An aggregate's value for a row, its default included."
    @spec scalar(Ash.Query.Aggregate.t(), %Expression.Env{}) :: {Expression.scalar(), Kind.t()}
    def scalar(%Ash.Query.Aggregate{} = aggregate, env) do
      check(aggregate)
      {table, options, inner} = Relationship.rows(aggregate.relationship_path, env)
      query = aggregate.query

      options =
        Keyword.update(
          options,
          :where,
          true,
          &{:and, [&1, Expression.keep(query.filter || true, inner)]}
        )

      options = order(aggregate, options, inner)
      {field, kind} = field(aggregate, inner)
      select = {:select, table, options}
      call = {:aggregate, aggregate.kind, field, call_options(aggregate, kind), select}
      default(call, aggregate, result(aggregate.kind, kind))
    end

    defp check(aggregate) do
      query = aggregate.query

      why =
        cond do
          not Map.get(aggregate, :related?, true) ->
            "is unrelated"

          filtered_on_the_way?(aggregate) ->
            "has join filters"

          query.limit || query.offset not in [nil, 0] ->
            "has a limit"

          query.distinct not in [nil, []] ->
            "is distinct"

          aggregate.kind not in [:count, :exists, :first, :sum, :min, :max] ->
            "is a #{aggregate.kind}"

          not plain_action?(query) ->
            "has a read action that does more than read"

          true ->
            nil
        end

      if why, do: residual("the aggregate #{inspect(aggregate.name)} #{why}")
    end

    # Ash gives each step a filter, which mostly says nothing.
    defp filtered_on_the_way?(%{join_filters: filters}) do
      Enum.any?(filters || %{}, fn
        {_path, none} when none in [nil, true] -> false
        {_path, %{expression: none}} when none in [nil, true] -> false
        _ -> true
      end)
    end

    defp plain_action?(%{action: nil}), do: true

    defp plain_action?(%{action: action, resource: resource}),
      do: Info.plain_read?(resource, action)

    # Without a field the rows are counted, by their key.
    defp field(%{kind: kind, field: nil, uniq?: uniq?}, _env) when kind in [:count, :exists] do
      if uniq?, do: residual("a count of unique rows"), else: {nil, :integer}
    end

    defp field(%{kind: :exists}, _env), do: {nil, :integer}
    defp field(%{field: nil}, _env), do: residual("an aggregate without a field")

    defp field(%{field: name, kind: kind}, env) when is_atom(name) do
      attribute =
        Ash.Resource.Info.attribute(env.resource, name) || residual("an aggregate of #{name}")

      column = Expression.column(attribute, env)

      case {kind, Kind.of(attribute)} do
        {:sum, :integer} ->
          {column, :integer}

        {:sum, _} ->
          residual("a sum of #{name}")

        {kind, field} when kind in [:min, :max] and field not in @ordered ->
          residual("#{kind} of #{name}")

        {:count, :ci} ->
          residual("a count of #{name}")

        {_kind, :other} ->
          residual("an aggregate of #{name}")

        {_kind, {:opaque, _}} ->
          residual("an aggregate of #{name}")

        {_kind, field} ->
          {column, field}
      end
    end

    defp field(_aggregate, _env), do: residual("an aggregate of an expression")

    defp order(%{kind: :first, query: query}, options, env) do
      case Order.scalars(query.sort || [], env) do
        {:ok, terms} -> [{:order_by, terms} | options]
        {:residual, reason} -> residual(reason)
      end
    end

    defp order(_aggregate, options, _env), do: options

    defp call_options(%{uniq?: true, kind: :count}, _kind), do: [distinct: true]
    defp call_options(%{kind: :first, include_nil?: true}, _kind), do: [include_nil: true]
    defp call_options(_aggregate, _kind), do: []

    defp result(:count, _kind), do: :integer
    defp result(:exists, _kind), do: :boolean
    defp result(_function, kind), do: kind

    defp default(call, %{default_value: nil}, kind), do: {call, kind}
    defp default(call, %{kind: kind}, result) when kind in [:count, :exists], do: {call, result}

    defp default(call, %{default_value: value}, kind) do
      case Kind.literal(value, kind) do
        {:ok, scalar, ^kind} -> {{:call, :coalesce, [call, scalar]}, kind}
        _ -> residual("a default of another type")
      end
    end
  end
end
