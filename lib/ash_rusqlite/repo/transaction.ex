defmodule AshRusqlite.Repo.Transaction do
  @moduledoc """
  Transactions of the repo that is given by name or pid. A repo module has the same
  functions without the first argument, documented at `AshRusqlite.Repo`.

  A transaction belongs to the process that began it. It takes the writer at its first
  statement and keeps it to its end, so everybody else's writes wait: do slow work
  before or after it.
  """

  alias AshRusqlite.{Error, Native, Telemetry}
  alias AshRusqlite.Repo.{Call, Options, QueryLog, Registry, Request, Uncommitted}

  # In the process dictionary under {__MODULE__, pid of the repo}:
  #   tx: nil before the first statement
  #   failed?: an inner transaction was rolled back, so this one will be
  #   lost: the error that ended it early
  #   written: what ends the wait of the processes it starts, nil before its first write
  #   met: the positions of sources that it has found as they were expected
  #   timeout: how long it may last, in milliseconds
  #   began: since when, or nil: since its first statement
  @initial %{tx: nil, failed?: false, lost: nil, written: nil, met: []}

  @doc "See `c:AshRusqlite.Repo.transaction/2`."
  @spec transaction(AshRusqlite.Repo.repo(), (() -> value) | (repo -> value), keyword()) ::
          {:ok, value} | {:error, term()}
        when value: term(), repo: AshRusqlite.Repo.repo()
  def transaction(repo, fun, opts \\ []) do
    with {:ok, entry} <- Registry.lookup(repo),
         {:ok, timeout, opts} <- Options.pop_timeout(opts, nil),
         :ok <- Options.known(opts, []) do
      fun = bind(fun, repo)

      if state(key(entry)),
        do: inner(key(entry), fun),
        else: observe(entry, fn -> outer(entry, fun, time(entry, timeout)) end)
    end
  end

  @doc "See `c:AshRusqlite.Repo.transact/2`."
  @spec transact(AshRusqlite.Repo.repo(), (() -> result) | (repo -> result), keyword()) :: result
        when result: {:ok, term()} | {:error, term()}, repo: AshRusqlite.Repo.repo()
  def transact(repo, fun, opts \\ []) do
    fun = bind(fun, repo)

    work = fn ->
      case fun.() do
        {:ok, value} -> value
        {:error, reason} -> rollback(repo, reason)
        other -> raise ArgumentError, no_result(other)
      end
    end

    transaction(repo, work, opts)
  end

  defp no_result(value) do
    "expected the function of transact to return {:ok, value} or {:error, reason}, " <>
      "got: #{Options.shorten(value)}"
  end

  @doc "See `c:AshRusqlite.Repo.savepoint/2`."
  @spec savepoint(AshRusqlite.Repo.repo(), (() -> value) | (repo -> value), keyword()) ::
          {:ok, value} | {:error, term()}
        when value: term(), repo: AshRusqlite.Repo.repo()
  def savepoint(repo, fun, opts \\ []) do
    with {:ok, entry} <- Registry.lookup(repo),
         {:ok, timeout, rest} <- Options.pop_timeout(opts, nil),
         :ok <- Options.known(rest, []) do
      if state(key(entry)),
        do: nested(entry, bind(fun, repo), timeout || entry.timeout),
        else: transaction(repo, fun, opts)
    end
  end

  @doc "See `c:AshRusqlite.Repo.rollback/1`."
  @spec rollback(AshRusqlite.Repo.repo(), term()) :: no_return()
  def rollback(repo, reason) do
    with {:ok, entry} <- Registry.lookup(repo), %{} <- state(key(entry)) do
      throw({__MODULE__, key(entry), reason})
    else
      {:error, error} -> raise error
      nil -> raise Error.new(:transaction_closed, "rollback was called outside of a transaction")
    end
  end

  @doc "See `c:AshRusqlite.Repo.in_transaction?/0`."
  @spec in_transaction?(AshRusqlite.Repo.repo()) :: boolean()
  def in_transaction?(repo) do
    case Registry.lookup(repo) do
      {:ok, entry} -> open?(entry)
      {:error, _} -> false
    end
  end

  @doc false
  @spec open?(Registry.t()) :: boolean()
  def open?(entry), do: state(key(entry)) != nil

  @doc false
  # Moves the open transaction of a repo, of which nothing has run yet, to another repo: it was opened
  # before it was known where its statements go.
  @spec move(AshRusqlite.Repo.repo(), AshRusqlite.Repo.repo()) :: :ok | :error
  def move(from, to) do
    with {:ok, from} <- Registry.lookup(from),
         {:ok, to} <- Registry.lookup(to),
         nil <- Process.get(key(to)),
         %{tx: nil, failed?: false, lost: nil} = state <- state(key(from)) do
      Process.put(key(to), state)
      Process.put(key(from), {:moved, key(to)})
      :ok
    else
      _ -> :error
    end
  end

  @doc false
  # Whether a source was where it is expected when the open transaction came to it: since then
  # nobody else has written.
  @spec met?(AshRusqlite.Repo.repo(), {String.t(), non_neg_integer()}) :: boolean()
  def met?(repo, expected) do
    with {:ok, entry} <- Registry.lookup(repo), %{met: met} <- state(key(entry)) do
      expected in met
    else
      _ -> false
    end
  end

  @doc false
  @spec meet(AshRusqlite.Repo.repo(), [{String.t(), non_neg_integer()}]) :: :ok
  def meet(repo, expected) do
    with {:ok, entry} <- Registry.lookup(repo),
         key = key(entry),
         %{met: met} = state <- state(key),
         do: Process.put(key, %{state | met: expected ++ met})

    :ok
  end

  # That of a transaction which has moved is the other repo's.
  defp state(key) do
    case Process.get(key) do
      {:moved, _key} -> nil
      state -> state
    end
  end

  defp forget(key) do
    with {:moved, key} <- Process.delete(key), do: forget(key)
  end

  defp now_at(key) do
    case Process.get(key) do
      {:moved, key} -> now_at(key)
      _ -> key
    end
  end

  @doc false
  # Runs one statement of the open transaction.
  @spec run(Registry.t(), Request.step(), timeout()) :: Call.result()
  def run(entry, operation, timeout) do
    case Process.get(key(entry)) do
      %{failed?: true} ->
        message = "an inner transaction was rolled back, so this one will be: leave its function"
        {:error, Error.new(:transaction_closed, message)}

      %{tx: nil} = state ->
        Registry.with_current(entry, timeout, fn entry, left ->
          first(entry, state, operation, left)
        end)

      state ->
        run_next(entry, state, operation, timeout)
    end
  end

  # When native code was replaced before the first statement was through, nothing is lost: it runs
  # again in a new transaction.
  defp first(entry, state, operation, timeout) do
    with {:ok, begun} <- begin(entry, state) do
      case run_next(entry, begun, operation, timeout) do
        {:error, %Error{code: :code_replaced}} = replaced ->
          Process.put(key(entry), state)
          replaced

        result ->
          result
      end
    end
  end

  defp run_next(entry, state, operation, timeout) do
    result = run(state, key(entry), operation, timeout)
    if Request.writes?(operation), do: note_written(entry, result)
    result
  end

  # The processes that it starts are to see what it wrote.
  defp note_written(_entry, {:error, _}), do: :ok

  defp note_written(entry, _result) do
    with %{written: nil} = state <- Process.get(key(entry)),
         do: Process.put(key(entry), %{state | written: wake_up(entry)})
  end

  defp wake_up(%{uncommitted: table}), do: {table, Uncommitted.written(table)}

  defp written(key), do: Process.get(now_at(key)).written

  # A caller's timeout counts from the start, as the caller waits for the function. The repo's own
  # counts from the first statement on, as until then the transaction does not hold the writer.
  defp time(entry, nil), do: %{timeout: entry.transaction_timeout, began: nil}
  defp time(_entry, :infinity), do: %{timeout: :infinity, began: nil}
  defp time(_entry, timeout), do: %{timeout: timeout, began: now()}

  defp left(%{timeout: timeout, began: nil}), do: timeout
  defp left(%{timeout: timeout, began: began}), do: max(timeout - (now() - began), 0)

  defp now, do: System.monotonic_time(:millisecond)

  @ends [:transaction_timeout, :transaction_closed, :closed, :code_replaced]

  # Waiting for the writer ends with the transaction's own timeout at the latest.
  defp run(%{tx: {db, tx}} = state, key, operation, timeout) do
    timeout = min(timeout, state.timeout)

    result =
      db |> Call.transaction(tx, operation, timeout) |> with_timeout(state) |> Call.timed(timeout)

    with {:error, %Error{code: code} = error} <- result,
         true <- code in @ends and !state.lost do
      Process.put(key, %{state | lost: error})
    end

    result
  end

  defp begin(entry, state) do
    case left(state) do
      0 -> overstayed(key(entry), state)
      left -> open(entry, state, left)
    end
  end

  defp overstayed(key, %{timeout: timeout} = state) do
    error =
      Error.new(
        :transaction_timeout,
        "the transaction's time was over before its first statement: do less in its function, or " <>
          "raise timeout:",
        %{deadline_ms: timeout}
      )

    Process.put(key, %{state | lost: error})
    {:error, error}
  end

  defp open(entry, state, left) do
    case Native.tx_open(entry.db, left) do
      {:ok, tx} ->
        state = %{state | tx: {entry.db, tx}}
        Process.put(key(entry), state)
        {:ok, state}

      {:error, native} ->
        {:error, Error.from_native(native)}
    end
  end

  # The engine was given what was left of the time: the error reports the whole of it.
  defp with_timeout({:error, %Error{code: :transaction_timeout} = error}, %{timeout: timeout})
       when is_integer(timeout),
       do: {:error, %{error | details: Map.put(error.details, :deadline_ms, timeout)}}

  defp with_timeout(result, _state), do: result

  defp outer(entry, fun, time) do
    key = key(entry)
    before = Process.put(key, Map.merge(@initial, time))

    try do
      fun.()
    catch
      kind, reason ->
        now = now_at(key)
        finish(now, :rollback)

        case {kind, reason} do
          {:throw, {__MODULE__, ^now, reason}} -> {:error, reason}
          _ -> :erlang.raise(kind, reason, __STACKTRACE__)
        end
    else
      value ->
        with :ok <- commit(now_at(key)), do: {:ok, value}
    after
      written = written(key)
      forget(key)
      if before, do: Process.put(key, before)
      with {table, ref} <- written, do: Uncommitted.ended(table, ref)
    end
  end

  defp commit(key) do
    case Process.get(key) do
      %{failed?: true} -> with(_ <- finish(key, :rollback), do: {:error, :rollback})
      %{lost: %Error{} = error} -> with(_ <- finish(key, :rollback), do: {:error, error})
      %{tx: nil} = state -> if(left(state) == 0, do: overstayed(key, state), else: :ok)
      state -> key |> finish(:commit) |> with_timeout(state)
    end
  end

  defp finish(key, how) do
    case Process.get(key) do
      %{tx: nil} -> :ok
      %{tx: {db, tx}} -> Call.finish(db, tx, how)
    end
  end

  # A transaction in a transaction is a part of it. When it is rolled back, so is the whole.
  defp inner(key, fun) do
    fun.()
  catch
    kind, reason ->
      now = now_at(key)
      fail(now, true)

      case {kind, reason} do
        {:throw, {__MODULE__, ^now, reason}} -> {:error, reason}
        _ -> :erlang.raise(kind, reason, __STACKTRACE__)
      end
  else
    value -> if Process.get(now_at(key)).failed?, do: {:error, :rollback}, else: {:ok, value}
  end

  # A savepoint takes back what happened in it, a failed inner transaction included.
  defp nested(entry, fun, timeout) do
    key = key(entry)

    with :ok <- run(entry, :savepoint, timeout) do
      try do
        fun.()
      catch
        :throw, {__MODULE__, ^key, reason} ->
          undo(entry, timeout)
          {:error, reason}

        kind, reason ->
          undo(entry, timeout)
          :erlang.raise(kind, reason, __STACKTRACE__)
      else
        value ->
          if Process.get(key).failed? do
            undo(entry, timeout)
            {:error, :rollback}
          else
            with :ok <- run(entry, :release_savepoint, timeout), do: {:ok, value}
          end
      end
    end
  end

  # When it cannot be undone, nothing of the transaction may be kept.
  defp undo(entry, timeout) do
    fail(key(entry), false)
    if run(entry, :rollback_to_savepoint, timeout) != :ok, do: fail(key(entry), true)
  end

  defp fail(key, failed?), do: Process.put(key, %{Process.get(key) | failed?: failed?})

  @doc false
  @spec bind((() -> value) | (repo -> value), repo) :: (() -> value)
        when value: term(), repo: AshRusqlite.Repo.repo()
  def bind(fun, _repo) when is_function(fun, 0), do: fun
  def bind(fun, repo) when is_function(fun, 1), do: fn -> fun.(repo) end

  defp key(%Registry{pid: pid}), do: {__MODULE__, pid}

  defp observe(%{telemetry: false, log: false}, fun), do: fun.()

  defp observe(entry, fun) do
    fun = fn -> QueryLog.transaction(entry, fun) end

    Telemetry.span(entry.telemetry, :transaction, %{repo: entry.repo}, fun, fn
      {:ok, _} -> {%{}, %{result: :commit, error: nil}}
      {:error, %Error{} = error} -> {%{}, %{result: :rollback, error: error}}
      {:error, _} -> {%{}, %{result: :rollback, error: nil}}
    end)
  end
end
