if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.Store do
    @moduledoc false
    # Where the rows of a resource are: the repo and the table, which is made to fit when the
    # repo follows its resources.

    alias AshRusqlite.DataLayer.{AsOf, Context, Errors, Info, ReadyTables}
    alias AshRusqlite.DataLayer.Transaction, as: AshTransaction
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

    @private {__MODULE__, :private}
    @instead {__MODULE__, :instead}
    @not_there [:unknown_table, :unknown_column]

    @doc """
    The store of a resource, with a table that is there. `context` may name another repo and another
    table, `tenant` counts for resources with a table per tenant.
    """
    @spec fetch(Ash.Resource.t(), term(), map() | nil, :read | :mutate) ::
            {:ok, t()} | {:error, term()}
    def fetch(resource, tenant, context, type \\ :mutate) do
      with {:ok, asked} <- Context.fetch(context),
           {:ok, table} <- table(resource, tenant, context),
           {:ok, repo} <- repo_in(resource, context, type),
           :ok <- now(type, context),
           :ok <- enter(type, resource, repo, asked) do
        named? = asked.table != nil or instead_table(resource) != nil
        store = %__MODULE__{repo: repo, table: table, resource: resource, named?: named?}
        with :ok <- ReadyTables.ensure(store), do: {:ok, store}
      end
    end

    defp now(:read, _context), do: :ok
    defp now(:mutate, context), do: AsOf.refuse(context, "a write")

    defp enter(:read, _resource, _repo, _asked), do: :ok

    defp enter(:mutate, resource, repo, asked),
      do: AshTransaction.enter(resource, repo, asked.repo != nil)

    @doc """
    The repo of a resource; that of a private one is in memory and the caller's own. Inside of
    `within/3` it may be another.
    """
    @spec repo(Ash.Resource.t(), :read | :mutate) :: {:ok, Repo.repo()} | {:error, Error.t()}
    def repo(resource, type \\ :mutate) do
      resource |> named(type) |> instead() |> running(resource)
    end

    @doc "The same, whatever a context says."
    @spec own_repo(Ash.Resource.t()) :: {:ok, Repo.repo()} | {:error, Error.t()}
    def own_repo(resource), do: resource |> named(:mutate) |> running(resource)

    defp named(resource, type),
      do: if(Info.private?(resource), do: :private, else: Info.repo(resource, type))

    defp running(nil, resource), do: {:error, no_repo(resource)}
    defp running(:private, _resource), do: private_repo()
    defp running(repo, _resource), do: {:ok, current(repo)}

    @doc "The repo that a context names, else the resource's."
    @spec repo_in(Ash.Resource.t(), map() | nil, :read | :mutate) ::
            {:ok, Repo.repo()} | {:error, Error.t()}
    def repo_in(resource, context, type \\ :mutate) do
      with {:ok, %{repo: given}} <- Context.fetch(context),
           do: if(given, do: {:ok, current(given)}, else: repo(resource, type))
    end

    defp instead(own) do
      case Process.get(@instead) do
        nil -> own
        %{repos: repos} -> Map.get(repos, own, own)
      end
    end

    defp instead_table(resource) do
      case Process.get(@instead) do
        nil -> nil
        %{tables: tables} -> Map.get(tables, resource)
      end
    end

    @doc """
    Calls a function in which the place that a context names is the resource's own: what Ash's
    runtime reads once more, and the related rows that conditions, sorts, calculations and
    aggregates ask for, are looked for there. So they are what SQL finds, which runs in one file.
    """
    @spec within(Ash.Resource.t(), map() | nil, (() -> result)) :: result when result: term()
    def within(resource, context, fun) do
      case context[:data_layer] do
        %{} = asked when is_map_key(asked, :repo) or is_map_key(asked, :table) ->
          before = Process.get(@instead)
          Process.put(@instead, place(before || %{repos: %{}, tables: %{}}, resource, asked))

          try do
            fun.()
          after
            if before, do: Process.put(@instead, before), else: Process.delete(@instead)
          end

        _ ->
          fun.()
      end
    end

    defp place(places, resource, asked) do
      places
      |> Map.update!(:repos, &if(asked[:repo], do: repos(&1, resource, asked[:repo]), else: &1))
      |> Map.update!(
        :tables,
        &if(asked[:table], do: Map.put(&1, resource, asked[:table]), else: &1)
      )
    end

    defp repos(repos, resource, repo),
      do: Enum.reduce([:read, :mutate], repos, &Map.put(&2, named(resource, &1), repo))

    @doc "The instance of a repo's module that the calling process speaks with."
    @spec current(AshRusqlite.Repo.repo()) :: AshRusqlite.Repo.repo()
    def current(repo) do
      if is_atom(repo) and function_exported?(repo, :get_dynamic_repo, 0),
        do: repo.get_dynamic_repo(),
        else: repo
    end

    defp no_repo(resource) do
      Error.new(
        :closed,
        "#{inspect(resource)} has no repo: name one in `config :my_app, ash_rusqlite_repos: " <>
          "[MyApp.Repo]`, or by `sqlite do repo MyApp.Repo end`",
        %{name: inspect(resource)}
      )
    end

    # It is linked to the process that uses it and ends with it.
    defp private_repo do
      pid = Process.get(@private)

      if is_pid(pid) and Process.alive?(pid) do
        {:ok, pid}
      else
        with {:ok, pid} <-
               Repo.start_link(database: ":memory:", readers: 1, synchronous: :off) do
          Process.put(@private, pid)
          {:ok, pid}
        end
      end
    end

    @doc "Deletes what a resource, or one tenant of it, has stored."
    @spec stop(Ash.Resource.t(), term()) :: :ok
    def stop(resource, tenant) do
      case fetch(resource, tenant, %{}) do
        {:ok, store} -> Repo.Writes.delete_all(store.repo, store.table)
        {:error, _} -> :ok
      end

      :ok
    end

    @doc "The table of a resource."
    @spec table(Ash.Resource.t(), term(), map() | nil) :: {:ok, String.t()} | {:error, term()}
    def table(resource, tenant, context) do
      case base_table(resource, context) do
        nil -> {:error, no_table(resource)}
        table -> {:ok, with_tenant(table, resource, tenant)}
      end
    end

    defp base_table(resource, context) do
      given = context[:data_layer][:table] || instead_table(resource)

      cond do
        given -> to_string(given)
        Info.private?(resource) -> private_table(resource)
        true -> Info.table(resource)
      end
    end

    # Test modules define resources of one name again and again.
    defp private_table(resource) do
      case Spark.Dsl.Extension.get_opt(resource, [:ets], :table, nil, true) do
        nil -> inspect(resource)
        table -> to_string(table)
      end
    end

    # No tenant is a tenant of its own, as with ETS. `@` is in no table's own name.
    defp with_tenant(table, resource, tenant) do
      if tenant && Ash.Resource.Info.multitenancy_strategy(resource) == :context,
        do: "#{table}@#{without_capitals("#{tenant}")}",
        else: table
    end

    # To SQLite `rooms@Acme` and `rooms@acme` are one table.
    defp without_capitals(tenant) do
      for <<byte <- tenant>>, into: "" do
        case byte do
          capital when capital in ?A..?Z -> <<?^, capital + 32>>
          ?^ -> "^^"
          other -> <<other>>
        end
      end
    end

    defp no_table(resource) do
      "#{inspect(resource)} is polymorphic: give its table by " <>
        "`Ash.Query.set_context(%{data_layer: %{table: \"…\"}})`, or by `sqlite do table … end`"
    end

    @doc """
    Calls `fun`, and once more where it came upon a table or column that is not there although
    tables follow their resources: another program may have taken it away.
    """
    @spec again(Ash.Resource.t(), map() | nil, (() -> result)) :: result when result: term()
    def again(resource, context, fun) do
      with {:error, %Error{code: code} = error} when code in @not_there <- fun.(),
           repo = repo_in(resource, context),
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
