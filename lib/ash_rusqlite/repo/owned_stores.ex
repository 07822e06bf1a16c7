defmodule AshRusqlite.Repo.OwnedStores do
  @moduledoc false
  # Which process uses which store of a repo, see `AshRusqlite.Sandbox`.
  #
  # A public table has these rows, and this process removes those of a store that ended:
  #   {{:used, repo}}                the repo has had a store of a process
  #   {{:mode, repo}, mode}          :auto or :manual
  #   {{:shared, repo}, store}       a process without one uses this one
  #   {{repo, pid}, store, as}       as: :owner or :allowed
  #
  # Nothing is looked up here for a repo that has never had such a store.

  use GenServer

  alias AshRusqlite.{Error, Native, Repo}
  alias AshRusqlite.Repo.{Maintenance, Reads, Registry}

  @type repo :: atom()
  @type store :: pid()

  @doc "Makes a process the owner of a store; `shared?`: a process without one uses it, too."
  @spec own(repo(), pid(), store(), boolean()) :: :ok
  def own(repo, owner, store, shared?) do
    start()
    GenServer.call(__MODULE__, {:own, repo, owner, store, shared?}, :infinity)
  end

  @doc "Lets a process use the store of another."
  @spec allow(repo(), pid(), pid()) :: :ok | {:already, :owner | :allowed} | :not_found
  def allow(repo, owner, pid) do
    found = if owner == self(), do: find(repo), else: used?(repo) && of_process(repo, owner)

    case found do
      {:ok, store} -> allow_store(repo, store, pid)
      store when is_pid(store) -> allow_store(repo, store, pid)
      _ -> :not_found
    end
  end

  defp allow_store(repo, store, pid) do
    case row(repo, pid) do
      {_, ^store, :allowed} ->
        :ok

      {_, _other, as} ->
        {:already, as}

      nil ->
        :ets.insert(__MODULE__, {{repo, pid}, store, :allowed})
        :ok
    end
  end

  @doc "Sets what a process without a store gets."
  @spec mode(repo(), :auto | :manual) :: :ok
  def mode(repo, mode) do
    start()
    GenServer.call(__MODULE__, {:mode, repo, mode}, :infinity)
  end

  @doc "Whether the repo has, or had, a store of a process."
  @spec used?(repo()) :: boolean()
  def used?(repo), do: :ets.whereis(__MODULE__) != :undefined and member?({:used, repo})

  @doc """
  Applies the migrations of a store's folder. They run once in another one, which `start_store` starts,
  and a store in memory becomes a copy of that.
  """
  @spec migrate(store(), (() -> {:ok, store()} | {:error, Error.t()})) ::
          :ok | {:error, Error.t()}
  def migrate(store, start_store) do
    {:ok, %{migrations: folder} = entry} = Registry.lookup(store)

    cond do
      folder == nil or not File.dir?(folder) -> :ok
      in_memory?(entry) -> copy(folder, start_store, store)
      true -> with {:ok, _applied} <- Maintenance.migrate(store), do: :ok
    end
  end

  defp in_memory?(%{db: db}) do
    {:ok, options} = Native.config(db)
    options[:database] == ":memory:"
  end

  defp copy(folder, start_store, store) do
    start()

    with {:ok, file} <- GenServer.call(__MODULE__, {:migrated, folder, start_store}, :infinity),
         {:ok, _copied} <- if(file, do: Maintenance.restore(store, file), else: {:ok, nil}),
         do: :ok
  end

  @doc """
  The store that the calling process uses: its own, the one it was allowed, or that of a process
  which started it. `:repo`: the repo itself.
  """
  @spec find(repo()) :: {:ok, store()} | :repo | :none
  def find(repo) do
    if used?(repo), do: found(repo), else: :repo
  end

  defp found(repo) do
    case of_process(repo, self()) || remembered(repo) || started_by(repo) || shared(repo) do
      nil -> if(mode_of(repo) == :manual, do: :none, else: :repo)
      store -> {:ok, store}
    end
  end

  defp of_process(repo, pid) do
    with {_, store, _as} <- row(repo, pid), do: store
  end

  # What a store that ended has left is no row.
  defp row(repo, pid) do
    case :ets.lookup(__MODULE__, {repo, pid}) do
      [{_, store, _} = row] -> if(running?(store), do: row)
      [] -> nil
    end
  end

  defp remembered(repo) do
    store = Process.get({__MODULE__, repo})
    if store && running?(store), do: store
  end

  defp started_by(repo) do
    store = search(parents(Process.get(:"$callers"), Process.get(:"$ancestors")), repo, [self()])
    if store, do: Process.put({__MODULE__, repo}, store)
    store
  end

  # A process that a descendant's task calls knows its caller only, and that one its ancestors.
  defp search([], _repo, _seen), do: nil

  defp search(pids, repo, seen) do
    new = Enum.uniq(pids) -- seen

    Enum.find_value(new, &of_process(repo, &1)) ||
      search(Enum.flat_map(new, &of/1), repo, new ++ seen)
  end

  defp of(pid) do
    case Process.info(pid, :dictionary) do
      {:dictionary, known} -> parents(known[:"$callers"], known[:"$ancestors"])
      nil -> []
    end
  end

  defp parents(callers, ancestors) do
    for parent <- (callers || []) ++ (ancestors || []),
        pid = if(is_atom(parent), do: Process.whereis(parent), else: parent),
        is_pid(pid) and node(pid) == node(),
        do: pid
  end

  defp shared(repo) do
    case :ets.lookup(__MODULE__, {:shared, repo}) do
      [{_, store}] -> if(running?(store), do: store)
      [] -> nil
    end
  end

  defp mode_of(repo) do
    case :ets.lookup(__MODULE__, {:mode, repo}) do
      [{_, mode}] -> mode
      [] -> :auto
    end
  end

  defp running?(store), do: Registry.running?(store)

  defp member?(key), do: :ets.member(__MODULE__, key)

  # It belongs to no test, and nothing of it is there where there are none.
  defp start do
    case Process.whereis(__MODULE__) || GenServer.start(__MODULE__, nil, name: __MODULE__) do
      pid when is_pid(pid) -> :ok
      {:ok, _pid} -> :ok
      {:error, {:already_started, _pid}} -> :ok
    end
  end

  @impl true
  def init(nil) do
    :ets.new(__MODULE__, [:named_table, :public, read_concurrency: true])
    {:ok, %{}}
  end

  @impl true
  def handle_call({:own, repo, owner, store, shared?}, _from, state) do
    Process.monitor(store)
    use_stores(repo)
    :ets.insert(__MODULE__, {{repo, owner}, store, :owner})
    if shared?, do: :ets.insert(__MODULE__, {{:shared, repo}, store})
    {:reply, :ok, state}
  end

  def handle_call({:mode, repo, mode}, _from, state) do
    use_stores(repo)
    :ets.insert(__MODULE__, {{:mode, repo}, mode})
    {:reply, :ok, state}
  end

  def handle_call({:migrated, folder, start_store}, _from, state) do
    case state do
      %{^folder => file} ->
        {:reply, {:ok, file}, state}

      _ ->
        case migrated(folder, start_store) do
          {:ok, file} -> {:reply, {:ok, file}, Map.put(state, folder, file)}
          error -> {:reply, error, state}
        end
    end
  end

  @impl true
  def handle_info({:DOWN, _monitor, :process, store, _reason}, state) do
    :ets.match_delete(__MODULE__, {:_, store})
    :ets.match_delete(__MODULE__, {:_, store, :_})
    {:noreply, state}
  end

  def handle_info(_message, state), do: {:noreply, state}

  defp use_stores(repo) do
    :ets.insert(__MODULE__, {{:used, repo}})
    Registry.refresh(repo)
  end

  # The file of a database to which the migrations were applied, or nil where there are none. It is
  # one in memory that nobody else uses, so it goes with this VM.
  defp migrated(folder, start_store) do
    if Path.wildcard(Path.join(folder, "*.sql")) == [],
      do: {:ok, nil},
      else: with({:ok, store} <- start_store.(), do: migrated_store(store))
  end

  defp migrated_store(store) do
    with {:ok, _applied} <- Maintenance.migrate(store),
         {:ok, _moved} <- Maintenance.checkpoint(store, :truncate),
         {:ok, %{rows: [[_number, _name, file]]}} <- Reads.query(store, "PRAGMA database_list") do
      {:ok, file}
    else
      {:error, error} ->
        Repo.stop(store)
        {:error, error}
    end
  end
end
