if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Query.Relationship do
    @moduledoc false
    # The rows that relationships lead to, as queries within. Which they are says `RelatedQuery`.

    alias Ash.Query.Exists
    alias AshRusqlite.DataLayer.Expression
    alias AshRusqlite.DataLayer.Query.{Order, RelatedQuery, ToMany}
    alias AshRusqlite.DataLayer.Value.Kind
    alias AshRusqlite.DataLayer.Expression.Fragment

    import Expression, only: [residual: 1]

    @doc "Whether a related row exists for which an expression holds."
    @spec exists(%Exists{}, %Expression.Env{}) :: Expression.scalar()
    def exists(%{related?: false, resource: resource, expr: expr}, env) do
      table = RelatedQuery.table_of(resource, env)
      inner = inside(env, resource, [env | env.parents])
      {:exists, {:select, table, where: Expression.keep(expr, inner)}}
    end

    def exists(%{at_path: [_ | _] = at_path} = exists, env) do
      at(at_path, env, &exists(%{exists | at_path: []}, %{&1 | parents: env.parents}))
    end

    # Where the whole filter is about one of these rows, Ash's runtime looks at no other.
    def exists(%{path: path, expr: expr}, env) do
      parents = [env | env.parents]
      at(path, env, &Expression.keep(expr, %{&1 | parents: parents}))
    end

    # Whether a condition holds for a row at a path: the one that the whole filter is about, if it
    # is about one.
    defp at(path, env, condition) do
      case bound(path, env) do
        {:none, _rest} -> false
        {row, rest} -> further(rest, row, condition)
      end
    end

    defp further([], env, condition), do: condition.(env)

    defp further([name | path], env, condition),
      do: name |> fetch!(env) |> some(env, &further(path, &1, condition))

    @doc """
    Whether a condition holds for one of the rows that a relationship leads to. The condition is
    given the environment of such a row.
    """
    @spec some(map(), %Expression.Env{}, (%Expression.Env{} -> Expression.scalar())) ::
            Expression.scalar()
    def some(%{type: :many_to_many} = relationship, env, condition) do
      {joins, through, tied} = joins(relationship, env)
      rows = RelatedQuery.of(relationship, env)
      if cut?(rows), do: residual("#{relationship.name} is a many_to_many with a limit")

      inner = inside(through, relationship.destination, [env])
      far = tie({inner, relationship.destination_attribute}, {through, far(relationship)})
      some_of(joins, through, tied, some_row(rows, inner, far, condition))
    end

    def some(relationship, env, condition) do
      rows = relationship |> RelatedQuery.of(env) |> one(relationship)
      inner = inside(env, relationship.destination, [env])
      some_row(rows, inner, matching(relationship, inner, env), condition)
    end

    defp some_row(rows, inner, tied, condition) do
      where = all([tied, ToMany.keep(rows.filter, inner)])
      some_of(rows, inner, where, condition.(%{inner | parents: []}))
    end

    defp some_of(rows, inner, where, condition) do
      cond do
        not cut?(rows) ->
          {:exists, {:select, rows.table, where: all([where, condition])}}

        rows.limit == 1 ->
          asked = {:if, true, Fragment.truth(condition), true, false}

          {:call, :coalesce,
           [{:subquery, {:select, rows.table, options(rows, where, inner)}, asked}, false]}

        true ->
          one_or_zero =
            {:if, true, Fragment.truth(condition), {:value, :integer, 1}, {:value, :integer, 0}}

          select = {:select, rows.table, options(rows, where, inner)}

          most =
            {:call, :coalesce,
             [{:aggregate, :max, one_or_zero, [], select}, {:value, :integer, 0}]}

          {:compare, :==, nil, most, {:value, :integer, 1}}
      end
    end

    @doc "Whether not all rows count that match."
    @spec cut?(RelatedQuery.t()) :: boolean()
    def cut?(%{limit: limit, offset: offset}), do: limit != nil or offset != 0

    @doc """
    The rows of a relationship to one, of which Ash takes the first. There is but one where they are
    looked for by their key.
    """
    @spec one(RelatedQuery.t(), map()) :: RelatedQuery.t()
    def one(rows, %{cardinality: :one, destination: destination} = relationship) do
      if not Map.get(relationship, :no_attributes?, false) and
           [relationship.destination_attribute] == Ash.Resource.Info.primary_key(destination) and
           not cut?(rows),
         do: rows,
         else: %{rows | limit: 1}
    end

    def one(rows, _relationship), do: rows

    @doc "The options of a select of the rows that count, in their order."
    @spec options(RelatedQuery.t(), Expression.scalar(), %Expression.Env{}) :: keyword()
    def options(rows, where, inner) do
      limit = if rows.limit, do: [limit: rows.limit], else: []
      offset = if rows.offset != 0, do: [offset: rows.offset], else: []
      [where: where, order_by: order(rows, inner)] ++ limit ++ offset
    end

    defp order(rows, inner) do
      case Order.scalars(rows.sort, inner) do
        {:ok, terms} -> terms
        {:residual, reason} -> residual(reason)
      end
    end

    @doc "The join rows of a many_to_many relationship, their environment and their condition."
    @spec joins(map(), %Expression.Env{}) ::
            {RelatedQuery.t(), %Expression.Env{}, Expression.scalar()}
    def joins(relationship, env) do
      joins = join_rows(relationship, env)
      through = inside(env, relationship.through, [env])

      near =
        tie(
          {through, relationship.source_attribute_on_join_resource},
          {env, relationship.source_attribute}
        )

      {joins, through, all([near, ToMany.keep(joins.filter, through)])}
    end

    @doc "Which rows of its join resource a many_to_many relationship goes by."
    @spec join_rows(map(), %Expression.Env{}) :: RelatedQuery.t()
    def join_rows(%{join_relationship: name}, env),
      do: name |> fetch!(env) |> RelatedQuery.of(env)

    defp far(relationship), do: relationship.destination_attribute_on_join_resource

    @doc "The condition that ties a destination's row to the one that it is related to."
    @spec matching(map(), %Expression.Env{}, %Expression.Env{}) :: Expression.scalar()
    def matching(relationship, inner, env) do
      if Map.get(relationship, :no_attributes?, false),
        do: true,
        else:
          tie({inner, relationship.destination_attribute}, {env, relationship.source_attribute})
    end

    @doc "The condition that an attribute of a row equals one of another row, maybe further out."
    @spec tie({%Expression.Env{}, atom()}, {%Expression.Env{}, atom()}) :: Expression.scalar()
    def tie({inner, name}, {outer, outer_name}) do
      attribute = attribute(inner.resource, name)
      outside = attribute(outer.resource, outer_name)
      check_types(attribute, outside)

      {:compare, :==, collation(attribute, outside), Expression.column(attribute, inner),
       Expression.column(outside, %{outer | at: inner.at})}
    end

    defp collation(inner, outside),
      do: if(:ci in [Kind.of(inner), Kind.of(outside)], do: :ci)

    defp check_types(inner, outside) do
      kinds = [Kind.of(inner), Kind.of(outside)]

      unless match?([same, same] when same != :other, Enum.map(kinds, &plain_kind/1)),
        do: residual("#{inner.name} and #{outside.name} are of different types")
    end

    defp plain_kind({:opaque, %{type: type}}), do: type
    defp plain_kind(:ci), do: :text
    defp plain_kind(kind), do: kind

    @doc """
    What an expression is for the row that a path of relationships leads to: the first one, where it
    leads to several.
    """
    @spec to_one([atom()], term(), %Expression.Env{}) :: {Expression.scalar(), Kind.t()}
    def to_one(path, ref, env) do
      case bound(path, env) do
        {:none, _rest} -> {nil, nil}
        {row, rest} -> first(rest, ref, %{row | stored?: env.stored?})
      end
    end

    defp first([], ref, env), do: Expression.compile(ref, env)

    defp first([name | path], ref, env) do
      relationship = fetch!(name, env)
      rows = RelatedQuery.of(relationship, env)
      inner = inside(env, relationship.destination, [env])
      tied = first_tied(relationship, rows, inner, env)
      where = all([tied, ToMany.keep(rows.filter, inner)])

      rows =
        if relationship.cardinality == :many,
          do: %{rows | limit: 1},
          else: one(rows, relationship)

      {scalar, kind} = first(path, ref, %{inner | parents: []})
      options = if cut?(rows), do: options(rows, where, inner), else: [where: where]
      {{:subquery, {:select, rows.table, Keyword.delete(options, :limit)}, scalar}, kind}
    end

    defp first_tied(%{type: :many_to_many} = relationship, rows, inner, env) do
      if cut?(rows), do: residual("#{relationship.name} is a many_to_many with a limit")
      joins = join_rows(relationship, env)
      through = inside(inner, relationship.through, [env])

      near =
        tie(
          {through, relationship.source_attribute_on_join_resource},
          {env, relationship.source_attribute}
        )

      far = tie({through, far(relationship)}, {inner, relationship.destination_attribute})
      if cut?(joins), do: residual("#{relationship.join_relationship} has a limit")
      where = all([near, far, ToMany.keep(joins.filter, through)])
      {:exists, {:select, joins.table, where: where}}
    end

    defp first_tied(relationship, _rows, inner, env), do: matching(relationship, inner, env)

    # The row of the longest part of a path that the environment has a row of, and what is left.
    defp bound(path, %{rows: rows} = env) when rows == %{}, do: {env, path}

    defp bound(path, %{rows: rows} = env) do
      length(path)..1//-1
      |> Enum.find_value({env, path}, fn count ->
        {taken, rest} = Enum.split(path, count)

        case rows do
          %{^taken => :none} -> {:none, rest}
          %{^taken => row} -> {%{row | at: env.at}, rest}
          _ -> nil
        end
      end)
    end

    @doc "The environment one query further in."
    @spec inside(%Expression.Env{}, Ash.Resource.t(), [%Expression.Env{}]) :: %Expression.Env{}
    def inside(env, resource, parents) do
      depth = env.at + 1

      %{env | resource: resource, parents: parents, depth: depth, at: depth, index: 0}
      |> Map.merge(%{rows: %{}, record: nil})
    end

    @doc "All of some conditions."
    @spec all([Expression.scalar()]) :: Expression.scalar()
    def all(conditions) do
      case Enum.reject(conditions, &(&1 == true)) do
        [] -> true
        [condition] -> condition
        conditions -> {:and, conditions}
      end
    end

    defp attribute(resource, name) do
      Ash.Resource.Info.attribute(resource, name) ||
        residual("#{inspect(name)} is no attribute of #{inspect(resource)}")
    end

    @doc "The relationship of this name."
    @spec fetch!(atom(), %Expression.Env{}) :: Ash.Resource.Relationships.relationship()
    def fetch!(name, env) do
      Ash.Resource.Info.relationship(env.resource, name) ||
        residual("#{inspect(env.resource)} has no relationship #{name}")
    end
  end
end
