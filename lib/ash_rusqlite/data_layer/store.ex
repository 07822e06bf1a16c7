if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Store do
    @moduledoc false
    # The open place of a resource's rows: a repo, and a table that is there, made to fit where the repo
    # follows its resources (`Store.ReadyTables`). Reads, writes and queries over relationships fetch
    # one; which repo and table it is, `Place` decides.

    alias AshRusqlite.DataLayer.{Errors, Info, Place, Transaction}
    alias AshRusqlite.DataLayer.Place.{AsOf, Context}
    alias AshRusqlite.DataLayer.Store.ReadyTables
    alias AshRusqlite.{Error, Repo}
    alias AshRusqlite.Repo.Registry

    @enforce_keys [:repo, :table, :resource]
    defstruct [:repo, :table, :resource, named?: false]

    # `named?`: whether a context names the table.
    @type t :: %__MODULE__{
            repo: Repo.repo(),
            table: String.t(),
            resource: Ash.Resource.t(),
            named?: boolean()
          }

    @not_there [:unknown_table, :unknown_column]

    @doc """
    The store of a resource, with a table that is there. `context` may name another repo and another
    table, `tenant` counts for resources with a table per tenant.
    """
    @spec fetch(Ash.Resource.t(), term(), map() | nil, :read | :mutate) ::
            {:ok, t()} | {:error, term()}
    def fetch(resource, tenant, context, type \\ :mutate) do
      with {:ok, asked} <- Context.fetch(context),
           {:ok, table} <- Place.table(resource, tenant, context),
           {:ok, repo} <- Place.repo_in(resource, context, type),
           :ok <- now(type, context),
           :ok <- enter(type, resource, repo, asked) do
        named? = asked.table != nil or Place.instead_table(resource) != nil
        store = %__MODULE__{repo: repo, table: table, resource: resource, named?: named?}
        with :ok <- ReadyTables.ensure(store), do: {:ok, store}
      end
    end

    defp now(:read, _context), do: :ok
    defp now(:mutate, context), do: AsOf.refuse(context, "a write")

    defp enter(:read, _resource, _repo, _asked), do: :ok

    defp enter(:mutate, resource, repo, asked),
      do: Transaction.enter(resource, repo, asked.repo != nil)

    @doc "Deletes what a resource, or one tenant of it, has stored."
    @spec stop(Ash.Resource.t(), term()) :: :ok
    def stop(resource, tenant) do
      case fetch(resource, tenant, %{}) do
        {:ok, store} -> Repo.Writes.delete_all(store.repo, store.table)
        {:error, _} -> :ok
      end

      :ok
    end

    @doc """
    Calls `fun`. Where it finds a table or column missing although tables follow their resources
    (another program may have dropped it), creates the table again and calls `fun` once more.
    """
    @spec retry_with_table(Ash.Resource.t(), map() | nil, (() -> result)) :: result
          when result: term()
    def retry_with_table(resource, context, fun) do
      with {:error, %Error{code: code} = error} when code in @not_there <- fun.(),
           repo = Place.repo_in(resource, context),
           {:error, %Error{code: code} = error} when code in @not_there <-
             if(ReadyTables.look_again?(repo, error), do: fun.(), else: {:error, error}) do
        ReadyTables.note_missing(repo, error)
        {:error, Errors.not_there(error, resource, migrated(repo, resource))}
      end
    end

    # The repo of tables that are left to migrations.
    defp migrated(repo, resource) do
      with {:ok, repo} <- repo,
           {:ok, %{auto_migrate: false}} <- Registry.lookup(repo),
           false <- Info.private?(resource) do
        repo
      else
        _ -> nil
      end
    end
  end
end
