defmodule AshRusqlite.Repo.Server do
  @moduledoc false
  # Owns the database of a running repo: opens it, makes it known, closes it. When this
  # process is killed, the engine notices and closes the database by itself.

  use GenServer, shutdown: 30_000

  alias AshRusqlite.{Error, Native, Telemetry}

  # It is there where the data layer is.
  @report AshRusqlite.DataLayer.Boot
  @compile {:no_warn_undefined, @report}
  alias AshRusqlite.Repo.{Call, Configuration, Registry}

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

  @impl true
  def init(options) do
    Process.flag(:trap_exit, true)

    case open(options) do
      {:ok, entry} ->
        Registry.put(entry)
        {:ok, entry, {:continue, {:report, options}}}

      {:error, error} ->
        # The starter is told by the return value. It need not die of it too.
        unlink_starter()
        {:stop, {:shutdown, error}}
    end
  end

  # The report is a task's: whatever is wrong with the resources, the repo runs.
  @impl true
  def handle_continue({:report, options}, %{repo: repo} = entry) do
    if options[:otp_app] && Code.ensure_loaded?(@report), do: report(repo, options[:otp_app])
    {:noreply, entry}
  end

  defp report(repo, otp_app) when is_atom(repo),
    do: Task.start(@report, :report, [repo, otp_app, repo])

  defp report(_pid, _otp_app), do: :ok

  @impl true
  def handle_info(_message, entry), do: {:noreply, entry}

  @impl true
  def terminate(_reason, entry) do
    Registry.erase(entry)
    Call.close(entry.db)
  end

  defp open(options) do
    with {:ok, path, engine_options, prefix} <- Configuration.resolve(options),
         {:ok, db} <- Call.open(path, engine_options),
         {:ok, config} <- Native.config(db) do
      {:ok,
       %Registry{
         repo: options[:name] || self(),
         pid: self(),
         db: db,
         timeout: config[:busy_timeout],
         transaction_timeout: config[:transaction_timeout],
         migrations: engine_options[:migrations],
         telemetry: Telemetry.available?() && prefix,
         auto_migrate: Keyword.get(options, :auto_migrate, false)
       }}
    else
      {:error, %Error{} = error} -> {:error, error}
      {:error, native} -> {:error, Error.from_native(native)}
    end
  end

  defp unlink_starter do
    case Process.get(:"$ancestors") do
      [starter | _] when is_pid(starter) -> Process.unlink(starter)
      [starter | _] when is_atom(starter) -> starter |> Process.whereis() |> Process.unlink()
    end
  end
end
