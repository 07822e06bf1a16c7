if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Query.Pages do
    @moduledoc false
    # Pages: the limit and the offset of a query, and the condition of those by keyset. Ash asks for the
    # rows after one by `(a == x and b > y) or a > x`. SQLite finds no place in an index by that, and
    # reads every row before the page: so what follows from it, `a >= x`, is a condition, too.

    alias AshRusqlite.DataLayer.Expression

    @doc "A condition, and what follows from it where it is that of a page."
    @spec conditions(Expression.scalar()) :: [Expression.scalar()]
    def conditions({:or, [{:compare, op, collation, column, value}, rest]})
        when op in [:<, :>],
        do: conditions(rest, {op, collation, column, value})

    def conditions({:or, [rest, {:compare, op, collation, column, value}]})
        when op in [:<, :>],
        do: conditions(rest, {op, collation, column, value})

    def conditions(condition), do: [condition]

    defp conditions(rest, {op, collation, column, value}) do
      beyond = {:compare, op, collation, column, value}
      condition = {:or, [rest, beyond]}

      if {:compare, :==, collation, column, value} in conjuncts(rest),
        do: [{:compare, at_least(op), collation, column, value}, condition],
        else: [condition]
    end

    defp conjuncts({:and, conditions}), do: Enum.flat_map(conditions, &conjuncts/1)
    defp conjuncts(condition), do: [condition]

    defp at_least(:<), do: :<=
    defp at_least(:>), do: :>=

    @most_rows 0x7FFFFFFFFFFFFFFF

    @doc "A limit or an offset as SQLite counts: no table has more rows."
    @spec countable(non_neg_integer() | nil) :: non_neg_integer() | nil
    def countable(number), do: number && min(number, @most_rows)
  end
end
