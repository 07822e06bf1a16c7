if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.Store do
    @moduledoc false
    # Where the rows of a resource are: the repo and the table, which is made to fit when the
    # repo follows its resources.

    require Logger

    alias AshRusqlite.DataLayer.{Boot, Context, Errors, Info, TableSpec}
    alias AshRusqlite.DataLayer.Transaction, as: AshTransaction
    alias AshRusqlite.{Error, Repo}
    alias AshRusqlite.Repo.{Registry, Schema, Server, StartLog, Transaction}

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
           :ok <- enter(type, resource, repo, asked) do
        named? = asked.table != nil or instead_table(resource) != nil
        store = %__MODULE__{repo: repo, table: table, resource: resource, named?: named?}
        with :ok <- ensure_table(store), do: {:ok, store}
      end
    end

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

    # A process may speak with another instance of the repo's module.
    defp current(repo) do
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

    defp ensure_table(%__MODULE__{repo: repo, table: table, resource: resource} = store) do
      with {:ok, entry} <- Registry.lookup(repo) do
        version = resource.module_info(:md5)

        case ready(entry, table, version) do
          true -> :ok
          :retry -> store |> prepare(entry, version) |> retried(store)
          false -> prepare(store, entry, version)
        end
      end
    end

    # What was there before is there still.
    defp retried(:ok, _store), do: :ok

    defp retried({:error, error}, store) do
      Logger.warning(
        "The indexes that #{inspect(store.resource)} has not yet in #{store.table} were tried again, " <>
          "which will be repeated: #{Exception.message(error)}"
      )
    end

    # The resource knows what the columns of another program's table hold. A table that is made
    # inside of a transaction goes with it, so it is not noted as made.
    defp prepare(%__MODULE__{resource: resource} = store, entry, version) do
      spec = TableSpec.of(resource, store.table)
      follows? = (entry.auto_migrate or Info.private?(resource)) and Info.migrate?(resource)

      with :ok <- claim(store, entry),
           :ok <- Schema.read_as(store.repo, TableSpec.reading(resource, store.table)),
           {:ok, statements} <- make(store, spec, follows?) do
        StartLog.table(entry, resource, store.table, statements)

        cond do
          Transaction.open?(entry) and (follows? or statements != []) -> :ok
          not follows? -> note(entry, store.table, version)
          true -> note_left(store, entry, version)
        end

        :ok
      end
    end

    defp make(store, spec, true),
      do: Schema.ensure_table(store.repo, [best_effort: true] ++ spec)

    # A new tenant gets its table as migrations have made that of nobody.
    defp make(%__MODULE__{resource: resource} = store, spec, false) do
      with :context <- Ash.Resource.Info.multitenancy_strategy(resource),
           [table, _tenant] <- String.split(store.table, "@", parts: 2),
           true <- Info.migrate?(resource),
           like = [tenant_of: Enum.uniq([table | parents(resource)])],
           {:error, %Error{code: code}} when code in [:unknown_table, :read_only] <-
             Schema.ensure_table(store.repo, like ++ spec) do
        {:ok, []}
      else
        result when is_tuple(result) -> result
        _ -> {:ok, []}
      end
    end

    defp parents(resource) do
      for %{type: :belongs_to, destination: destination} <-
            Ash.Resource.Info.relationships(resource),
          Ash.DataLayer.data_layer(destination) == AshRusqlite.DataLayer,
          Ash.Resource.Info.multitenancy_strategy(destination) == :context,
          table = Info.table(destination),
          do: table
    end

    # What cannot be added keeps nobody from reading and writing: it is logged. An index that rows
    # keep from being made is tried again after a while, since they may change.
    defp note_left(%__MODULE__{resource: resource} = store, entry, version) do
      if not Info.private?(resource) and Boot.report_left(resource, store.table, store.repo),
        do: wait(entry, store.table, mark(entry, version)),
        else: note(entry, store.table, version)
    end

    # Whoever tries again has noted it already.
    defp wait(entry, table, mark) do
      unless match?({^mark, _at, _times}, noted(entry, table)),
        do: put(entry, table, {mark, now(), 0})
    end

    # Each pause is twice as long as the one before, up to some minutes.
    @longest_pause 300_000

    defp pause(times) do
      first = Application.get_env(:ash_rusqlite, :retry_indexes_after, 10_000)
      min(first * Integer.pow(2, min(times, 10)), max(first, @longest_pause))
    end

    defp now, do: System.monotonic_time(:millisecond)

    # `Blog.Comment` and `Shop.Comment` are both `comments` where neither says anything else, and
    # each would find the rows of the other. A private store's table has the module's name.
    defp claim(%__MODULE__{resource: resource, table: table} = store, %{repo: repo, db: db})
         when is_atom(repo) do
      key = {__MODULE__, :of, repo, table}

      cond do
        store.named? or Info.private?(resource) or Info.names_table?(resource) ->
          :ok

        rival = rival(:persistent_term.get(key, nil), {db, resource}) ->
          {:error, Errors.two_in_one(rival, resource, table)}

        true ->
          :persistent_term.put(key, {db, resource})
      end
    end

    # A repo without a name is mostly one of a test.
    defp claim(_store, _entry), do: :ok

    # The module may have been given another name since, or another table.
    defp rival({db, owner}, {db, resource}) when owner != resource do
      if Code.ensure_loaded?(owner) and not Info.names_table?(owner), do: owner
    end

    defp rival(_claimed, _claim), do: nil

    # The key of what is noted names the table, the value what it was noted for: the same database,
    # in which nothing has changed the tables since, and the same resource.
    defp ready(entry, table, version) do
      mark = mark(entry, version)

      case noted(entry, table) do
        ^mark ->
          true

        # One process tries again, and the others go on.
        {^mark, at, times} ->
          if now() < at + pause(times) do
            true
          else
            put(entry, table, {mark, now(), times + 1})
            :retry
          end

        _ ->
          false
      end
    end

    defp note(entry, table, version), do: put(entry, table, mark(entry, version))

    defp mark(entry, version), do: {entry.db, entry.epoch, version}

    # A repo without a name is mostly a private one, and there may be thousands of them.
    defp noted(%{repo: pid}, key) when is_pid(pid), do: Process.get({__MODULE__, pid, key})
    defp noted(%{repo: name}, key), do: :persistent_term.get({__MODULE__, name, key}, nil)

    defp put(%{repo: pid}, key, value) when is_pid(pid),
      do: Process.put({__MODULE__, pid, key}, value)

    defp put(%{repo: name}, key, value), do: :persistent_term.put({__MODULE__, name, key}, value)

    @doc """
    Calls `fun`, and once more where it came upon a table or column that is not there although
    tables follow their resources: another program may have taken it away.
    """
    @spec again(Ash.Resource.t(), map() | nil, (() -> result)) :: result when result: term()
    def again(resource, context, fun) do
      with {:error, %Error{code: code} = error} when code in @not_there <- fun.(),
           repo = repo_in(resource, context),
           {:error, %Error{code: code} = error} when code in @not_there <-
             if(look_again?(repo, error), do: fun.(), else: {:error, error}) do
        note_missing(repo, error)
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

    # What is not there after that either, as a column that is left to migrations, is not looked
    # for at each use.
    defp look_again?(repo, error) do
      with {:ok, repo} <- repo,
           {:ok, %{auto_migrate: true} = entry} <- Registry.lookup(repo),
           false <- noted(entry, missing(error)) == mark(entry, nil) do
        Server.renew(entry)
        true
      else
        _ -> false
      end
    end

    defp note_missing(repo, error) do
      with {:ok, repo} <- repo,
           {:ok, %{auto_migrate: true} = entry} <- Registry.lookup(repo),
           do: put(entry, missing(error), mark(entry, nil))
    end

    defp missing(%Error{details: details}), do: {:missing, details[:table], details[:column]}
  end
end
