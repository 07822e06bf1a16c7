if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Explain do
    @moduledoc false
    # The plan of a query, for people: see `AshRusqlite.explain/2`. Ash makes the query as for a read,
    # and the plan is the one that the read would follow.

    alias AshRusqlite.DataLayer.{Errors, Place, Query, Read, Results, Store}
    alias AshRusqlite.DataLayer.Place.AsOf
    alias AshRusqlite.Repo
    alias AshRusqlite.Repo.Request

    @doc "The SQL, its plan, and what is left to Elixir."
    @spec explain(Ash.Query.t() | Ash.Resource.t(), keyword()) :: {:ok, map()} | {:error, term()}
    def explain(query, opts) do
      query = Ash.Query.new(query)

      with {:ok, %{query: %Query{} = asked}} <- Ash.data_layer_query(query, opts),
           {:ok, explained} <-
             Place.within(asked.resource, asked.context, fn -> explained(asked) end) do
        {:ok, explained}
      else
        {:ok, _other} -> {:error, not_ours(query.resource)}
        {:error, error} -> {:error, Errors.to_ash(error, query.resource)}
      end
    end

    # Each part is a statement of its own.
    defp explained(%{combination_of: [_ | _] = parts} = query) do
      with {:ok, explained} <-
             Results.traverse(parts, fn {_type, part} ->
               explained(%{part | tenant: query.tenant})
             end) do
        {:ok,
         %{
           sql: Enum.map_join(explained, "\n", & &1.sql),
           plan: Enum.flat_map(explained, & &1.plan),
           residual: Enum.flat_map(explained, & &1.residual) ++ Read.plan(query).reasons
         }}
      end
    end

    defp explained(query) do
      with :ok <- AsOf.refuse(query.context, "what is explained"),
           {:ok, store} <- Store.fetch(query.resource, query.tenant, query.context, :read),
           plan = Read.plan(query),
           {:ok, explained} <-
             Repo.Reads.explain(store.repo, Request.all(store.table, Read.options(plan))),
           do: {:ok, Map.put(explained, :residual, plan.reasons)}
    end

    defp not_ours(resource) do
      ArgumentError.exception(
        "#{inspect(resource)} is not in AshRusqlite.DataLayer, so there is no SQL of ours to explain"
      )
    end
  end
end
