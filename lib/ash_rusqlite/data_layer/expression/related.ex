if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Expression.Related do
    @moduledoc false
    # What an expression asks of related rows is a query within it. The module that translates these is
    # in the environment (`AshRusqlite.DataLayer.Query`), so that expressions know nothing of queries.

    alias AshRusqlite.DataLayer.Expression
    alias AshRusqlite.DataLayer.Value.Kind

    @doc "Whether a related row exists for which an expression holds."
    @callback exists(%Ash.Query.Exists{}, %Expression.Env{}) :: Expression.scalar()

    @doc "What an expression is for the row that a path of relationships leads to."
    @callback to_one([atom()], term(), %Expression.Env{}) :: {Expression.scalar(), Kind.t()}

    @doc "The value of an aggregate of related rows, its default included."
    @callback aggregate(Ash.Query.Aggregate.t(), %Expression.Env{}) ::
                {Expression.scalar(), Kind.t()}

    @doc "The module that translates related rows; none of an environment without queries."
    @spec of(%Expression.Env{}) :: module()
    def of(%{related: nil}), do: Expression.residual("it asks for related rows")
    def of(%{related: module}), do: module
  end
end
