defmodule AshRusqlite.Repo.Server do
  @moduledoc false
  # Owns the database of a running repo: opens it, makes it known, closes it. When this
  # process is killed, the engine notices and closes the database by itself.
  #
  # Once it has run for a while and no migration runs, it calls the extensions: the data layer reports
  # which resources do not fit their tables.

  use GenServer, shutdown: 30_000

  require Logger

  alias AshRusqlite.{Error, Journal.Hub, Native, Telemetry}
  alias AshRusqlite.Repo.{Call, Configuration, Extension, Registry, StartLog, StoredAtoms}
  alias AshRusqlite.Repo.Uncommitted

  # A migrator that follows in the supervisor's children has begun by then, and a repo of a command is
  # stopped.
  @notify_after 1_000

  defstruct [:entry, :otp_app, :timer, :hub, changing: %{}]

  @doc "Starts a repo. The error is the engine's, e.g. `:cannot_open`, `:invalid_option`."
  @spec start_link(keyword()) :: {:ok, pid()} | {:error, Error.t() | {:already_started, pid()}}
  def start_link(options) do
    with {:ok, name} <- Configuration.name(options) do
      named = if name, do: [name: name], else: []

      case GenServer.start_link(__MODULE__, options, named) do
        {:error, {:shutdown, %Error{} = error}} -> {:error, error}
        result -> result
      end
    end
  end

  @doc """
  Runs what may change the tables of a repo, as migrations do. From then on its entry has another
  epoch.
  """
  @spec change_tables(Registry.t(), (() -> result)) :: result when result: term()
  def change_tables(%Registry{pid: pid}, fun) do
    monitor = call(pid, :changing)

    try do
      fun.()
    after
      call(pid, {:changed, monitor})
    end
  end

  @doc "Gives the entry of a repo another epoch, after its tables were found to have changed."
  @spec renew(Registry.t()) :: :ok
  def renew(%Registry{pid: pid}) do
    call(pid, :renew)
    :ok
  end

  @doc "The process that wakes those who follow the journal of a repo. It is started when needed."
  @spec journal_hub(Registry.t()) :: {:ok, pid()}
  def journal_hub(%Registry{pid: pid}), do: GenServer.call(pid, :journal_hub, :infinity)

  # It may have been stopped meanwhile.
  defp call(pid, message) do
    GenServer.call(pid, message, :infinity)
  catch
    :exit, _reason -> nil
  end

  @impl true
  def init(options) do
    Process.flag(:trap_exit, true)

    case open(options) do
      {:ok, entry} ->
        Registry.put(entry)
        {:ok, notify_later(%__MODULE__{entry: entry, otp_app: options[:otp_app]})}

      {:error, error} ->
        # The starter gets the error as the return value, and need not exit with it as well.
        unlink_starter()
        {:stop, {:shutdown, error}}
    end
  end

  @impl true
  def handle_call(:changing, {pid, _tag}, state) do
    monitor = Process.monitor(pid)
    {:reply, monitor, not_yet(put_in(state.changing[monitor], true))}
  end

  def handle_call({:changed, monitor}, _from, state) do
    Process.demonitor(monitor, [:flush])
    {:reply, :ok, changed(state, monitor)}
  end

  def handle_call(:renew, _from, state), do: {:reply, :ok, renewed(state)}

  def handle_call(:journal_hub, _from, %{hub: hub} = state) when is_pid(hub),
    do: {:reply, {:ok, hub}, state}

  def handle_call(:journal_hub, _from, state) do
    {:ok, hub} = Hub.start_link(state.entry)
    {:reply, {:ok, hub}, %{state | hub: hub}}
  end

  @impl true
  def handle_info(:started, %{otp_app: app, entry: %{repo: repo}} = state) do
    Extension.repo_started(repo, app, repo)
    {:noreply, %{state | timer: nil}}
  end

  def handle_info({:EXIT, hub, _reason}, %{hub: hub} = state), do: {:noreply, %{state | hub: nil}}

  def handle_info({:DOWN, monitor, :process, _pid, _reason}, state)
      when is_map_key(state.changing, monitor),
      do: {:noreply, changed(state, monitor)}

  # The files are open again, and the tables may be others.
  def handle_info({:file_replaced, {:error, reason}}, state) do
    log(reason, state)
    {:noreply, renewed(state)}
  end

  # Another program dropped or changed triggers of the journal.
  def handle_info({:journal_broken, {:error, reason}}, state) do
    log(reason, state)
    {:noreply, state}
  end

  def handle_info(_message, state), do: {:noreply, state}

  @impl true
  def terminate(_reason, %{entry: entry}) do
    Registry.erase(entry)
    Call.close(entry.db)
  end

  defp log(reason, state) do
    error = Error.from_native(reason)
    Logger.error("#{inspect(state.entry.repo)}: #{Exception.message(error)}")
  end

  defp changed(state, monitor) do
    state = renewed(%{state | changing: Map.delete(state.changing, monitor)})
    if state.changing == %{}, do: notify_later(state), else: state
  end

  defp renewed(%{entry: entry} = state) do
    entry = %{entry | epoch: System.unique_integer()}
    Registry.put(entry)
    %{state | entry: entry}
  end

  defp not_yet(%{timer: nil} = state), do: state

  defp not_yet(%{timer: timer} = state) do
    Process.cancel_timer(timer)
    %{state | timer: nil}
  end

  defp notify_later(%{otp_app: app, entry: %{repo: repo}} = state) do
    if app && is_atom(repo) && Extension.all() != [],
      do: %{not_yet(state) | timer: Process.send_after(self(), :started, @notify_after)},
      else: state
  end

  defp open(options) do
    with {:ok, path, engine_options, prefix} <- Configuration.resolve(options),
         :ok <- StoredAtoms.set_limit(),
         {:ok, log} <- Configuration.log(options),
         log_start = Keyword.get(options, :log_start, false),
         new? = log_start != false and not File.exists?(path),
         {:ok, db, config} <- open_database(path, engine_options) do
      entry = %Registry{
        repo: options[:name] || self(),
        pid: self(),
        db: db,
        timeout: config[:busy_timeout],
        transaction_timeout: config[:transaction_timeout],
        migrations: engine_options[:migrations],
        telemetry: Telemetry.available?() && prefix,
        uncommitted: Uncommitted.new(),
        auto_migrate: Keyword.get(options, :auto_migrate, false),
        like: Keyword.get(options, :like, :ash_sqlite),
        log: log,
        log_start: log_start
      }

      {:ok, StartLog.started(entry, path, new?)}
    else
      {:error, %Error{} = error} -> {:error, error}
      {:error, native} -> {:error, Error.from_native(native)}
    end
  end

  # Native code may be replaced in between: the options are then those of its successor.
  defp open_database(path, engine_options) do
    with {:ok, db} <- Call.open(path, engine_options),
         {:ok, config} <- config(db, 1_000),
         do: {:ok, db, config}
  end

  defp config(db, tries) do
    with {:error, {:closed, _, _, _}} when tries > 0 <- Native.config(db) do
      Process.sleep(10)
      config(db, tries - 1)
    end
  end

  defp unlink_starter do
    case Process.get(:"$ancestors") do
      [starter | _] when is_pid(starter) -> Process.unlink(starter)
      [starter | _] when is_atom(starter) -> starter |> Process.whereis() |> Process.unlink()
    end
  end
end
