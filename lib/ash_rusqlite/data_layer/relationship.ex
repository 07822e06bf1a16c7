if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.Relationship do
    @moduledoc false
    # Relationships in SQL: only those that do nothing but match an attribute with another, to
    # a resource in the same store that is read as it is.

    alias Ash.Query.Exists
    alias AshRusqlite.DataLayer
    alias AshRusqlite.DataLayer.{Codec, Expression, Info, Kind, Order, Store}
    alias AshRusqlite.DataLayer.Expression.Fragment

    import Expression, only: [residual: 1]

    @doc "Whether a related row exists for which an expression holds."
    @spec exists(%Exists{}, %Expression.Env{}) :: Expression.scalar()
    def exists(%{at_path: [_ | _]}, _env), do: residual("exists at a path")

    def exists(%{related?: false, resource: resource, expr: expr}, env) do
      check_resource(resource, env)
      inner = inside(env, resource, [env | env.parents])
      {:exists, {:select, table(resource, env), where: Expression.keep(expr, inner)}}
    end

    def exists(%{path: path, expr: expr}, env), do: exists(path, expr, env, [env | env.parents])

    defp exists([], expr, env, parents), do: Expression.keep(expr, %{env | parents: parents})

    defp exists([name | path], expr, env, parents) do
      relationship = plain!(name, env)
      destination = relationship.destination

      related(relationship, env, fn where, outer ->
        inner = inside(outer, destination, [])
        condition = exists(path, expr, inner, parents)

        if one_of_many?(relationship) do
          select = {:select, table(destination, env), first(where, inner)}
          asked = {:if, true, Fragment.truth(condition), true, false}
          {:call, :coalesce, [{:subquery, select, asked}, false]}
        else
          {:exists, {:select, table(destination, env), where: {:and, [where, condition]}}}
        end
      end)
    end

    # Where one row is looked for, but not by its key, there may be several. Ash loads the first and
    # asks no other.
    defp one_of_many?(%{cardinality: :one, destination: destination} = relationship),
      do: [relationship.destination_attribute] != Ash.Resource.Info.primary_key(destination)

    defp one_of_many?(_relationship), do: false

    defp first(where, env) do
      {:ok, key} = Order.scalars([], env)
      [where: where, order_by: key]
    end

    # `select` gets the condition that ties the destination's rows, and the environment that
    # it stands in: that of the join rows for a many_to_many relationship.
    defp related(%{type: :many_to_many} = relationship, env, select) do
      %{through: through, source_attribute_on_join_resource: near} = relationship
      check_resource(through, env)
      join = inside(env, through, [])
      far = relationship.destination_attribute_on_join_resource

      where = tie({through, near}, {env, relationship.source_attribute}, 1)

      tied = tie({relationship.destination, relationship.destination_attribute}, {join, far}, 1)
      {:exists, {:select, table(through, env), where: {:and, [where, select.(tied, join)]}}}
    end

    defp related(%{destination: destination} = relationship, env, select) do
      near = {destination, relationship.destination_attribute}
      select.(tie(near, {env, relationship.source_attribute}, 1), env)
    end

    # An attribute of the innermost query's table equals one of a query around it.
    defp tie({resource, name}, {outer, outer_name}, levels) do
      inner = attribute(resource, name)
      outside = attribute(outer.resource, outer_name)
      check_types(inner, outside)
      outer_column = Expression.column(outside, outer)

      {:compare, :==, collation(inner, outside), {:col, Codec.column(inner)},
       Expression.outwards(outer_column, levels)}
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

    @doc "What an expression is for the row that a path of relationships to one row leads to."
    @spec to_one([atom()], term(), %Expression.Env{}) :: {Expression.scalar(), Kind.t()}
    def to_one([name | path], ref, env) do
      relationship = plain!(name, env)
      destination = relationship.destination

      if relationship.cardinality != :one, do: residual("#{name} may lead to many rows")
      inner = inside(env, destination, [])

      tied =
        tie(
          {destination, relationship.destination_attribute},
          {env, relationship.source_attribute},
          1
        )

      {scalar, kind} =
        if path == [], do: Expression.compile(ref, inner), else: to_one(path, ref, inner)

      options = if one_of_many?(relationship), do: first(tied, inner), else: [where: tied]
      {{:subquery, {:select, table(destination, env), options}, scalar}, kind}
    end

    @doc """
    The related rows of an aggregate: a select, the environment of its last table, and the keys in
    whose order the rows come where nothing else orders them, or why they come in no such order.
    """
    @spec rows([atom()], %Expression.Env{}) ::
            {String.t(), keyword(), %Expression.Env{}, {:ok, [tuple()]} | {:residual, String.t()}}
    def rows(path, env) do
      {relationships, _} =
        Enum.map_reduce(path, env, fn name, env ->
          relationship = plain!(name, env)
          {relationship, %{env | resource: relationship.destination}}
        end)

      {table, options, inner} = related_rows(relationships, env)
      {table, options, inner, keys(relationships, inner)}
    end

    defp related_rows([%{type: :many_to_many} = relationship], env), do: joined(relationship, env)

    defp related_rows(relationships, env) do
      Enum.each(relationships, &one_or_many!/1)
      [first | rest] = relationships
      {table, options, _} = one_hop(first, env)

      joins =
        for {relationship, index} <- Enum.with_index(rest, 1) do
          {table(relationship.destination, env), step(relationship, index)}
        end

      options = if joins == [], do: options, else: [{:joins, joins} | options]
      last = inside(env, List.last(relationships).destination, [env | env.parents])
      {table, options, %{last | index: length(rest)}}
    end

    defp one_or_many!(%{type: :has_many}), do: :ok

    defp one_or_many!(%{type: :belongs_to} = relationship) do
      if one_of_many?(relationship),
        do: residual("an aggregate over #{relationship.name}, which may lead to many rows")
    end

    defp one_or_many!(%{type: type}), do: residual("an aggregate over #{type}")

    # The rows of each step come in the order of their keys, one after the other; those that are
    # joined in that of their own.
    defp keys(relationships, inner) do
      if Enum.any?(relationships, &(Map.get(&1, :sort) not in [nil, []])) do
        {:residual, "a relationship with an order of its own"}
      else
        last = inner.index - length(relationships) + 1

        {:ok,
         for {relationship, index} <- Enum.with_index(relationships, last),
             name <- Enum.sort(Ash.Resource.Info.primary_key(relationship.destination)) do
           attribute = attribute(relationship.destination, name)
           {:asc, Expression.column(attribute, %{inner | index: index})}
         end}
      end
    end

    defp one_hop(%{destination: destination} = relationship, env) do
      near = {destination, relationship.destination_attribute}
      tied = tie(near, {env, relationship.source_attribute}, 1)
      {table(destination, env), [where: tied], inside(env, destination, [env | env.parents])}
    end

    defp joined(%{destination: destination, through: through} = relationship, env) do
      check_resource(through, env)
      near = {through, relationship.source_attribute_on_join_resource}
      tied = tie(near, {env, relationship.source_attribute}, 1)
      far = attribute(through, relationship.destination_attribute_on_join_resource)
      inner = attribute(destination, relationship.destination_attribute)
      check_types(inner, far)

      on =
        {:compare, :==, collation(inner, far), {:col, 0, 1, Codec.column(inner)},
         {:col, 0, 0, Codec.column(far)}}

      inside = %{inside(env, destination, [env | env.parents]) | index: 1}
      {table(through, env), [joins: [{table(destination, env), on}], where: tied], inside}
    end

    defp step(relationship, index) do
      inner = attribute(relationship.destination, relationship.destination_attribute)
      outer = attribute(relationship.source, relationship.source_attribute)
      check_types(inner, outer)

      {:compare, :==, collation(inner, outer), {:col, 0, index, Codec.column(inner)},
       {:col, 0, index - 1, Codec.column(outer)}}
    end

    @doc "The environment one query further in."
    @spec inside(%Expression.Env{}, Ash.Resource.t(), [%Expression.Env{}]) :: %Expression.Env{}
    def inside(env, resource, parents),
      do: %{env | resource: resource, parents: parents, depth: env.depth + 1, index: 0}

    defp attribute(resource, name) do
      Ash.Resource.Info.attribute(resource, name) ||
        residual("#{inspect(name)} is no attribute of #{inspect(resource)}")
    end

    @doc "The relationship of this name, if there is nothing to it but two attributes."
    @spec plain!(atom(), %Expression.Env{}) :: Ash.Resource.Relationships.relationship()
    def plain!(name, env) do
      relationship =
        Ash.Resource.Info.relationship(env.resource, name) || residual("no relationship #{name}")

      why =
        cond do
          Map.get(relationship, :manual) -> "is manual"
          Map.get(relationship, :no_attributes?) -> "has no attributes"
          Map.get(relationship, :filter) not in [nil, []] -> "has a filter"
          Map.get(relationship, :filters, []) != [] -> "has filters"
          Map.get(relationship, :from_many?) -> "takes one of many"
          Map.get(relationship, :limit) -> "has a limit"
          Map.get(relationship, :read_action) -> "has a read action"
          is_list(Map.get(relationship, :through)) -> "goes through others"
          Map.get(relationship, :context) not in [nil, %{}] -> "has a context"
          true -> nil
        end

      if why, do: residual("#{name} #{why}")
      check_resource(relationship.destination, env)
      relationship
    end

    # What is read of it must be every row of the table, and the table must be here.
    defp check_resource(resource, env) do
      why =
        cond do
          Ash.DataLayer.data_layer(resource) != DataLayer -> "is not in this data layer"
          Info.polymorphic?(resource) -> "is polymorphic"
          Ash.Resource.Info.multitenancy_strategy(resource) -> "has tenants"
          Ash.Resource.Info.base_filter(resource) -> "has a base filter"
          not plain_read?(resource) -> "has a read action that does more than read"
          Store.repo(resource) != Store.repo(env.resource) -> "is in another repo"
          true -> nil
        end

      if why, do: residual("#{inspect(resource)} #{why}")
    end

    defp plain_read?(resource),
      do: Info.plain_read?(resource, Ash.Resource.Info.primary_action(resource, :read))

    defp table(resource, env) do
      case Store.fetch(resource, env.tenant, %{}, :read) do
        {:ok, store} -> store.table
        {:error, _} -> residual("#{inspect(resource)} has no table")
      end
    end
  end
end
