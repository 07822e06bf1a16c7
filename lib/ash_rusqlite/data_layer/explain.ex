if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.Explain do
    @moduledoc false
    # What becomes of an Ash query: see `AshRusqlite.explain/2`.

    alias AshRusqlite.DataLayer.{Errors, Plan, Read, Store}
    alias AshRusqlite.Repo

    @doc "The SQL, its plan, and what is left to Elixir."
    @spec explain(Ash.Query.t() | Ash.Resource.t(), keyword()) :: {:ok, map()} | {:error, term()}
    def explain(query, opts) do
      query = Ash.Query.for_read(Ash.Query.new(query), action(query), %{}, opts)

      with {:ok, query} <- Ash.Query.data_layer_query(query),
           {:ok, store} <- Store.fetch(query.resource, query.tenant, query.context, :read),
           plan = Plan.of(query),
           read = {:all, store.table, Read.options(plan)},
           {:ok, explained} <- Repo.Reads.explain(store.repo, read) do
        {:ok, Map.put(explained, :residual, plan.reasons)}
      else
        {:error, error} -> {:error, Errors.to_ash(error, resource(query))}
      end
    end

    defp action(%Ash.Query{action: %{name: name}}), do: name
    defp action(query), do: Ash.Resource.Info.primary_action!(resource(query), :read).name

    defp resource(%Ash.Query{resource: resource}), do: resource
    defp resource(%{resource: resource}), do: resource
    defp resource(resource), do: resource
  end
end
