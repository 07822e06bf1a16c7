defmodule AshRusqlite.Repo.Registry do
  @moduledoc false
  # The running repos, found by name or pid. A lookup costs about 30 ns: it is on the way
  # of every call.

  alias AshRusqlite.{Error, Native}
  alias AshRusqlite.Repo.OwnedStores

  @enforce_keys [:repo, :pid, :db, :timeout, :transaction_timeout, :migrations, :telemetry] ++
                  [:uncommitted]
  defstruct [auto_migrate: false, epoch: 0, like: :ash_sqlite, owned?: false] ++
              [log: false, log_start: false, foreign?: false] ++ @enforce_keys

  @typedoc """
    * `repo` - the name, or the pid of a repo without one
    * `timeout`, `transaction_timeout` - the defaults, in milliseconds
    * `auto_migrate` - whether the tables of Ash resources follow them
    * `like` - whose LIKE the resources of this repo have, `:ash_sqlite` or `:sqlite`
    * `epoch` - a number that changes when its tables may have changed
    * `telemetry` - the prefix of its events, false when there is no telemetry
    * `owned?` - whether processes have stores of their own of it, see `AshRusqlite.Sandbox`
    * `log` - from which time on a statement is logged, and at which level, or false
    * `log_start` - the level of what is said of the file and its tables, or false
    * `foreign?` - whether another program made the file, as far as that was looked at
    * `uncommitted` - the processes that have written and not committed, see
      `AshRusqlite.Repo.Uncommitted`
  """
  @type t :: %__MODULE__{
          repo: AshRusqlite.Repo.repo(),
          pid: pid(),
          db: Native.db(),
          timeout: timeout(),
          transaction_timeout: timeout(),
          migrations: String.t() | nil,
          telemetry: [atom()] | false,
          uncommitted: :ets.tid(),
          auto_migrate: boolean(),
          epoch: integer(),
          like: :ash_sqlite | :sqlite,
          owned?: boolean(),
          log: AshRusqlite.Repo.QueryLog.log(),
          log_start: Logger.level() | false,
          foreign?: boolean()
        }

  @doc "Makes a repo known."
  @spec put(t()) :: :ok
  def put(%__MODULE__{repo: repo} = entry) do
    owned? = is_atom(repo) and OwnedStores.used?(repo)
    :persistent_term.put({AshRusqlite.Repo, repo}, %{entry | owned?: owned?})
  end

  @doc "Takes notice of it that processes have stores of their own of a repo."
  @spec refresh(AshRusqlite.Repo.repo()) :: :ok
  def refresh(repo) do
    with %{owned?: false} = entry <- :persistent_term.get({AshRusqlite.Repo, repo}, nil),
         do: put(entry)

    :ok
  end

  @doc "Whether a repo without a name runs."
  @spec running?(pid()) :: boolean()
  def running?(pid), do: :persistent_term.get({AshRusqlite.Repo, pid}, nil) != nil

  @doc "Forgets a repo, unless another one has taken its name."
  @spec erase(t()) :: :ok
  def erase(%__MODULE__{pid: pid} = entry) do
    case :persistent_term.get({AshRusqlite.Repo, entry.repo}, nil) do
      %{pid: ^pid} -> :persistent_term.erase({AshRusqlite.Repo, entry.repo})
      _ -> false
    end

    :ok
  end

  @doc "Finds a repo."
  @spec lookup(AshRusqlite.Repo.repo()) :: {:ok, t()} | {:error, Error.t()}
  def lookup(repo) do
    case :persistent_term.get({AshRusqlite.Repo, repo}, nil) do
      %__MODULE__{owned?: false} = entry -> {:ok, entry}
      nil when is_atom(repo) -> lookup_owned(repo, nil)
      nil -> lookup_by_pid(repo)
      entry -> lookup_owned(repo, entry)
    end
  end

  defp lookup_owned(repo, entry) do
    case OwnedStores.find(repo) do
      {:ok, store} -> lookup(store)
      :repo -> if(entry, do: {:ok, entry}, else: not_running(repo))
      :none -> no_store(repo)
    end
  end

  defp no_store(repo) do
    message =
      "the process #{inspect(self())} has no store of #{inspect(repo)}: call " <>
        "AshRusqlite.Sandbox.start_store!(#{inspect(repo)}) in the test's setup, or " <>
        "AshRusqlite.Sandbox.allow(#{inspect(repo)}, owner, pid) for a process that no test started"

    {:error, Error.new(:closed, message, %{name: inspect(repo)})}
  end

  defp lookup_by_pid(pid) when is_pid(pid) and node(pid) == node() do
    case Process.info(pid, :registered_name) do
      {:registered_name, name} when is_atom(name) -> lookup(name)
      _ -> not_running(pid)
    end
  end

  defp lookup_by_pid(repo), do: not_running(repo)

  defp not_running(repo) do
    message =
      "the repo #{inspect(repo)} is not running: start it in your application's supervisor, " <>
        "or with start_link"

    {:error, Error.new(:closed, message, %{name: inspect(repo)})}
  end

  # Milliseconds between two looks at native code that hands its databases over to its successor.
  @pause 5
  # How long a call without a deadline waits for that.
  @longest 60_000

  @doc """
  Calls a function with a repo's entry and the milliseconds that are left of the call. When it
  answers that the database is closed, or not yet open, which means that it did nothing, it is
  called again if the repo was restarted or is still running: then its native code is just being
  replaced. That waits as long as the call may take.
  """
  @spec with_current(t(), timeout(), (t(), timeout() -> result)) :: result when result: term()
  def with_current(entry, timeout, fun), do: attempt(entry, timeout, fun, nil)

  # The clock is not read before something failed.
  defp attempt(entry, timeout, fun, began) do
    with {:error, %Error{code: code}} = closed when code in [:closed, :code_replaced] <-
           fun.(entry, left(timeout, began)),
         do: again(entry, timeout, closed, fun, began || now())
  end

  defp again(entry, timeout, closed, fun, began) do
    case lookup(entry.repo) do
      {:ok, %{db: db} = current} when db != entry.db ->
        fun.(current, left(timeout, began))

      {:ok, %{pid: pid}} ->
        cond do
          not Process.alive?(pid) -> closed
          left(min(timeout, @longest), began) <= 1 -> {:error, not_ready(now() - began)}
          true -> Process.sleep(@pause) && attempt(entry, timeout, fun, began)
        end

      _ ->
        closed
    end
  end

  defp not_ready(waited) do
    message =
      "the native code was being replaced for all of the call's time (#{waited} ms); nothing was done"

    Error.new(:timeout, message, %{waited_ms: waited})
  end

  defp left(timeout, began) when timeout == :infinity or began == nil, do: timeout
  defp left(timeout, began), do: max(timeout - (now() - began), 1)

  defp now, do: System.monotonic_time(:millisecond)
end
