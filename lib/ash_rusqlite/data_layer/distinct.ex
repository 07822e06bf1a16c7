if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.Distinct do
    @moduledoc false
    # The first row of each key, in the order of `distinct_sort`, or of `sort` without one.

    alias AshRusqlite.DataLayer.{Expression, Order, Query}

    @doc "The `distinct_on:` of a query, and the order in which its rows come afterwards."
    @spec of(Query.t(), %Expression.Env{}) ::
            {:ok, {list(), list()}, list()} | {:residual, String.t()}
    def of(%Query{distinct: distinct, distinct_sort: distinct_sort, sort: sort}, env) do
      first = if distinct_sort in [nil, []], do: sort, else: distinct_sort
      after_ties = if distinct_sort in [nil, []], do: [], else: distinct_sort

      with {:ok, keys} <- keys(distinct, env),
           {:ok, order} <- Order.scalars(first || [], env),
           {:ok, order_by} <- Order.terms([sort || [], after_ties], env) do
        {:ok, {keys, order}, order_by}
      end
    end

    # Keys are equal when their terms are, which for these kinds is when their bytes are.
    defp keys(distinct, env) do
      keys =
        Enum.map(distinct, fn {field, _direction} ->
          case Order.field(field, env) do
            {scalar, kind} when kind not in [:real, :json, :other] -> scalar
            _ -> Expression.residual("a distinct of this kind")
          end
        end)

      {:ok, keys}
    catch
      {:residual, reason} -> {:residual, reason}
    end
  end
end
