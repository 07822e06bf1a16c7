if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Store.ReadyTables do
    @moduledoc false
    # Which tables were looked at, and made to fit where the repo follows its resources: it is noted, so
    # that the next use costs one lookup.

    require Logger

    alias AshRusqlite.DataLayer.{Errors, Info, Store}
    alias AshRusqlite.DataLayer.Schema.{Report, TableSpec}
    alias AshRusqlite.{Error, Repo}
    alias AshRusqlite.Repo.{Registry, Schema, Server, StartLog, Transaction}

    @doc "Looks at the table of a store, unless that is noted, and makes it where the repo is to."
    @spec ensure(Store.t()) :: :ok | {:error, Error.t()}
    def ensure(%{repo: repo, table: table, resource: resource} = store) do
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
    defp prepare(%{resource: resource} = store, entry, version) do
      follows? = (entry.auto_migrate or Info.private?(resource)) and Info.migrate?(resource)

      with :ok <- claim(store, entry),
           :ok <- read_as(store),
           {:ok, spec} <- spec(store),
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

    defp spec(%{resource: resource, table: table}) do
      {:ok, TableSpec.of(resource, table)}
    rescue
      error in Error -> {:error, error}
    end

    # What our own tables hold is said by themselves.
    defp read_as(%{table: "ash_rusqlite_" <> _}), do: :ok

    defp read_as(%{repo: repo, resource: resource, table: table}),
      do: Schema.read_as(repo, TableSpec.reading(resource, table))

    defp make(store, spec, true),
      do: Schema.ensure_table(store.repo, [best_effort: true] ++ spec)

    # A new tenant gets its table as migrations have made the table without a tenant.
    defp make(%{resource: resource} = store, spec, false) do
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
          Info.ours?(destination),
          Ash.Resource.Info.multitenancy_strategy(destination) == :context,
          table = Info.table(destination),
          do: table
    end

    # What cannot be added is logged, and does not keep callers from reading and writing. An index that
    # rows keep from being made is tried again after a while, since they may change.
    defp note_left(%{resource: resource} = store, entry, version) do
      if not Info.private?(resource) and Report.report_left(resource, store.table, store.repo),
        do: wait(entry, store.table, mark(entry, version)),
        else: note(entry, store.table, version)
    end

    # A retry has noted it already.
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
    defp claim(%{resource: resource, table: table} = store, %{repo: repo, db: db})
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
    Whether a table or column that is not there may be there after another look. What was not there
    after that either, as a column that is left to migrations, is not looked for at each use.
    """
    @spec look_again?({:ok, Repo.repo()} | {:error, term()}, Error.t()) :: boolean()
    def look_again?(repo, error) do
      with {:ok, repo} <- repo,
           {:ok, %{auto_migrate: true} = entry} <- Registry.lookup(repo),
           false <- noted(entry, missing(error)) == mark(entry, nil) do
        Server.renew(entry)
        true
      else
        _ -> false
      end
    end

    @doc "Notes that it was not there after another look."
    @spec note_missing({:ok, Repo.repo()} | {:error, term()}, Error.t()) :: term()
    def note_missing(repo, error) do
      with {:ok, repo} <- repo,
           {:ok, %{auto_migrate: true} = entry} <- Registry.lookup(repo),
           do: put(entry, missing(error), mark(entry, nil))
    end

    defp missing(%Error{details: details}), do: {:missing, details[:table], details[:column]}
  end
end
