if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Query do
    @moduledoc false
    # What Ash asks for, piece by piece, before any of it is translated; the rest of the folder makes a
    # plan of it (`Query.Plan`): sorts, distinct and pages, relationships and aggregates as queries within
    # queries. `Read` runs plans, `Write` uses their conditions; nothing here reads a row. Ash's
    # expressions are in `expression/`, which asks this folder by `Expression.Related`.

    alias AshRusqlite.DataLayer.Expression
    alias AshRusqlite.DataLayer.Query.{Aggregate, Relationship}
    alias AshRusqlite.Repo.Options

    @behaviour Expression.Related

    defstruct [
      :resource,
      :domain,
      :filter,
      :select,
      :limit,
      :tenant,
      :distinct_sort,
      offset: 0,
      sort: [],
      distinct: [],
      context: %{},
      calculations: [],
      aggregates: [],
      combination_of: []
    ]

    @type t :: %__MODULE__{}

    @doc "The environment of expressions on the rows of a resource and on their related rows."
    @spec env(Ash.Resource.t(), term(), map()) :: %Expression.Env{}
    def env(resource, tenant, context),
      do: %{Expression.env(resource, tenant, context) | related: __MODULE__}

    @impl Expression.Related
    def exists(exists, env), do: Relationship.exists(exists, env)

    @impl Expression.Related
    def to_one(path, expression, env), do: Relationship.to_one(path, expression, env)

    @impl Expression.Related
    def aggregate(aggregate, env), do: Aggregate.scalar(aggregate, env)

    @doc """
    Milliseconds that the context of a query or a changeset gives each of its statements, or nil.
    It counts for what Elixir does of a query, too. The `timeout:` of a read is put there by
    `ReadTimeout`; of that of a bulk action without hooks a data layer learns nothing.
    """
    @spec timeout(map()) :: timeout() | nil
    def timeout(context) do
      case context[:data_layer][:timeout] do
        nil ->
          nil

        given ->
          case Options.pop_timeout([timeout: given], nil) do
            {:ok, timeout, []} -> timeout
            {:error, error} -> raise error
          end
      end
    end
  end
end
