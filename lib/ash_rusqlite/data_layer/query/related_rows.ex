if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Query.RelatedRows do
    @moduledoc false
    # The rows that a path of relationships leads to, joined to one query: what an aggregate is over.

    alias AshRusqlite.DataLayer.Expression
    alias AshRusqlite.DataLayer.Query.{Order, RelatedQuery, Relationship, ToMany}

    import Expression, only: [residual: 1]
    import Relationship, only: [all: 1, cut?: 1, tie: 2]

    # `inner`: the environment of the query, `previous`: that of the rows so far; `tables`: those
    # that are joined, with their conditions, the last one first.
    defstruct [:inner, :previous, tables: [], keys: [], options: []]

    @doc """
    The related rows of an aggregate: a table, the options of a select, the environment of its last
    table, and the keys in whose order the rows come where nothing else orders them, or why they
    come in no such order. `leaf` is the aggregate's query, `filters` are the conditions of the rows
    on the way, by their paths.
    """
    @spec of([atom()], Ash.Query.t(), map(), %Expression.Env{}) ::
            {String.t(), keyword(), %Expression.Env{}, {:ok, [tuple()]} | {:residual, String.t()}}
    def of(path, leaf, filters, env) do
      inner = Relationship.inside(env, env.resource, [env | env.parents])
      hops = length(path)

      rows =
        path
        |> Enum.with_index(1)
        |> Enum.reduce(%__MODULE__{inner: inner, previous: env}, fn {name, count}, rows ->
          relationship = Relationship.fetch!(name, rows.previous)
          related = RelatedQuery.of(relationship, rows.previous, if(count == hops, do: leaf))
          filter = if count < hops, do: filters[Enum.take(path, count)]
          hop(rows, relationship, related, filter, hops)
        end)

      [{table, where} | joins] = Enum.reverse(rows.tables)
      options = [{:where, where} | rows.options]
      options = if joins == [], do: options, else: [{:joins, joins} | options]
      last = %{rows.previous | parents: [env | env.parents]}
      {table, options, last, keys(rows.keys)}
    end

    defp hop(rows, %{type: :many_to_many} = relationship, related, filter, _hops) do
      joins = Relationship.join_rows(relationship, rows.previous)

      if cut?(related) or cut?(joins),
        do: residual("an aggregate over #{relationship.name}, a many_to_many with a limit")

      through = row(rows, relationship.through)

      near =
        tie(
          {through, relationship.source_attribute_on_join_resource},
          {rows.previous, relationship.source_attribute}
        )

      previous = rows.previous
      rows = join(rows, joins.table, [near, ToMany.keep(joins.filter, through)], through)
      destination = %{row(rows, relationship.destination) | parents: [previous]}

      far =
        tie(
          {destination, relationship.destination_attribute},
          {through, relationship.destination_attribute_on_join_resource}
        )

      conditions = [far, ToMany.keep(related.filter, destination), keep(filter, destination)]

      rows
      |> join(related.table, conditions, destination)
      |> ordered(related.sort, destination)
      |> ordered([], through)
    end

    defp hop(rows, relationship, related, filter, hops) do
      related = Relationship.one(related, relationship)
      row = row(rows, relationship.destination)
      tied = Relationship.matching(relationship, row, rows.previous)
      filtered = ToMany.keep(related.filter, row)
      {one, options} = cut(related, relationship, row, rows, hops)

      %{rows | options: options}
      |> join(related.table, [tied, filtered, one, keep(filter, row)], row)
      |> ordered(related.sort, row)
    end

    defp keep(none, _env) when none in [nil, true], do: true
    defp keep(%{expression: none}, _env) when none in [nil, true], do: true
    defp keep(filter, env), do: ToMany.keep(filter, env)

    # Of one relationship, some rows are cut off by the query; on a longer path, the row must be
    # the one.
    defp cut(related, relationship, row, rows, hops) do
      cond do
        not cut?(related) ->
          {true, rows.options}

        hops == 1 ->
          {true, related |> Relationship.options(true, row) |> Keyword.delete(:where)}

        related.limit == 1 ->
          {first(related, relationship, row, rows), rows.options}

        true ->
          residual("an aggregate over a path with #{relationship.name}, which has a limit")
      end
    end

    defp first(related, relationship, row, rows) do
      case Ash.Resource.Info.primary_key(relationship.destination) do
        [key] ->
          inner = Relationship.inside(row, relationship.destination, [rows.previous])
          tied = Relationship.matching(relationship, inner, rows.previous)
          where = all([tied, ToMany.keep(related.filter, inner)])
          options = related |> Relationship.options(where, inner) |> Keyword.delete(:limit)
          attribute = Ash.Resource.Info.attribute(relationship.destination, key)
          select = {:select, related.table, options}
          first = {:subquery, select, Expression.column(attribute, inner)}
          {:compare, :==, nil, Expression.column(attribute, row), first}

        _keys ->
          residual("an aggregate over a path with #{relationship.name}, whose key is composite")
      end
    end

    # The environment of the next table.
    defp row(%{inner: inner, tables: tables, previous: previous}, resource),
      do: %{inner | resource: resource, index: length(tables), parents: [previous]}

    defp join(rows, table, conditions, row),
      do: %{rows | tables: [{table, all(conditions)} | rows.tables], previous: row}

    defp ordered(rows, sort, row), do: %{rows | keys: rows.keys ++ [Order.scalars(sort, row)]}

    # The rows of each step come in their order, one after the other.
    defp keys(orders) do
      Enum.reduce_while(orders, {:ok, []}, fn
        {:ok, terms}, {:ok, all} -> {:cont, {:ok, all ++ terms}}
        {:residual, reason}, _all -> {:halt, {:residual, reason}}
      end)
    end
  end
end
