defmodule AshRusqlite.Repo.Call do
  @moduledoc false
  # Calls the native functions: the only place that waits for their messages. One deadline covers
  # decoding the given values, waiting for room, queueing and running.

  alias AshRusqlite.{Error, Native}
  alias AshRusqlite.Repo.{Heap, Request}

  @type result :: :ok | {:ok, term()} | {:error, Error.t()}

  # The longest that `receive` can wait, in milliseconds: 49 days.
  @longest 4_294_967_295

  # How often a caller that waits for its turn retries without a message: the process that was
  # notified may have been killed since, and others must not wait for it.
  @retry_after 500

  # How often a caller whose deadline has passed checks whether its request still runs.
  @check_running_after 5_000

  # In the process dictionary while a call is timed: how long it has waited in a queue.
  @queued {__MODULE__, :queued}

  @doc "Runs a function and counts the time that the calling process waits in a queue meanwhile."
  @spec time_queue((() -> result)) :: result when result: term()
  def time_queue(fun) do
    outer = Process.put(@queued, 0)

    try do
      fun.()
    after
      if outer, do: Process.put(@queued, outer), else: Process.delete(@queued)
    end
  end

  @doc "The time that was counted in the innermost such function, in native units."
  @spec queue_time() :: non_neg_integer()
  def queue_time, do: Process.get(@queued) || 0

  @doc "Adds to it, if it is counted."
  @spec note_queued(non_neg_integer(), System.time_unit()) :: term()
  def note_queued(time, unit) do
    with queued when queued != nil <- Process.get(@queued),
         do: Process.put(@queued, queued + System.convert_time_unit(time, unit, :native))
  end

  # Milliseconds that a database that is to be opened waits for native code that is being replaced.
  @replacement 60_000
  @pause 5

  @doc "Opens a database for the calling process."
  @spec open(String.t(), keyword()) :: {:ok, Native.db()} | {:error, Error.t()}
  def open(path, options), do: open(path, options, now() + @replacement)

  defp open(path, options, until) do
    case open_now(path, options) do
      {:error, %Error{code: :code_replaced}} = replaced ->
        if now() < until do
          Process.sleep(@pause)
          open(path, options, until)
        else
          replaced
        end

      result ->
        result
    end
  end

  defp open_now(path, options) do
    ref = make_ref()

    with {:ok, db} <- Native.open(path, options, ref) do
      receive do
        {^ref, :ok} -> {:ok, db}
        {^ref, error} -> answer(error)
      end
    else
      error -> answer(error)
    end
  end

  @doc "Closes a database and waits until it is closed."
  @spec close(Native.db()) :: result()
  def close(db) do
    ref = make_ref()

    with :ok <- Native.close(db, ref) do
      receive do
        {^ref, result} -> answer(result)
      end
    else
      error -> answer(error)
    end
  end

  @doc "The result of a native function that answers at once."
  @spec now(result() | Native.error()) :: result()
  def now(answer), do: answer(answer)

  @doc "A result whose timeout error has the deadline that passed in its details."
  @spec timed(result(), timeout()) :: result()
  def timed({:error, %Error{code: :timeout, details: details} = error}, timeout)
      when is_integer(timeout),
      do: {:error, %{error | details: Map.put_new(details, :deadline_ms, timeout)}}

  def timed(result, _timeout), do: result

  @doc "Runs a read."
  @spec read(Native.db(), Request.read(), timeout()) :: result()
  def read(db, read, timeout) do
    case Native.read(db, read, timeout) do
      {:ok, _} = ok -> ok
      later -> read_later(later, db, read, timeout, deadline(timeout))
    end
  end

  defp read_later(:dirty, db, read, timeout, deadline) do
    case Native.read_dirty(db, read, remaining(deadline)) do
      {:ok, _} = ok -> ok
      later -> read_later(later, db, read, timeout, deadline)
    end
  end

  defp read_later({:wait, ready, id}, db, read, timeout, deadline) do
    since = System.monotonic_time()
    waited = wait(ready, deadline, fn -> Native.no_reader(db, id, timeout) end)
    note_queued(System.monotonic_time() - since, :native)

    case waited do
      :ready ->
        case Native.read(db, read, remaining(deadline)) do
          {:ok, _} = ok -> ok
          later -> read_later(later, db, read, timeout, deadline)
        end

      error ->
        answer(error)
    end
  end

  defp read_later({:gathered, rows, words, bytes}, db, read, timeout, deadline) do
    Heap.reserve(words, bytes)

    case Native.take_rows(rows, remaining(deadline)) do
      {:ok, _} = ok -> ok
      later -> read_later(later, db, read, timeout, deadline)
    end
  end

  defp read_later({:unsynced, commit, rows}, db, _read, _timeout, deadline),
    do: once_synced(rows, db, commit, deadline)

  defp read_later(error, _db, _read, _timeout, _deadline), do: answer(error)

  # No result shows a commit that a power loss could take away.
  defp once_synced(rows, db, commit, deadline) do
    with {:wait, ready, id} <- Native.on_synced(db, commit),
         :ready <- wait(ready, deadline, fn -> Native.not_synced(db, id) end) do
      once_synced(rows, db, commit, deadline)
    else
      :ok -> rows
      error -> answer(error)
    end
  end

  @doc """
  Requests the message `{reference, :ready}` once, after the next commit that may have written events
  of the journal. A read from now on is never older than what that message refers to.
  """
  @spec watch_journal(Native.db()) :: {:ok, reference()} | {:error, Error.t()}
  def watch_journal(db), do: answer(Native.journal_watch(db))

  @doc "Sets what the columns of a table hold."
  @spec read_table_as(Native.db(), Request.table_spec()) :: result()
  def read_table_as(db, table), do: answer(Native.read_table_as(db, table))

  @doc "The differences between a table and its description."
  @spec table_differences(Native.db(), Request.table_spec(), timeout()) :: result()
  def table_differences(db, table, timeout), do: look(db, table, timeout, deadline(timeout))

  defp look(db, table, timeout, deadline) do
    case Native.table_differences(db, table, remaining(deadline)) do
      {:wait, ready, id} ->
        case wait(ready, deadline, fn -> Native.no_reader(db, id, timeout) end) do
          :ready -> look(db, table, timeout, deadline)
          error -> answer(error)
        end

      done_or_error ->
        answer(done_or_error)
    end
  end

  @doc "Runs a write and waits until it is durable."
  @spec write(Native.db(), Request.write(), timeout()) :: result()
  def write(db, write, timeout) do
    enqueue(db, &submit(db, &1, write, &2), began(timeout))
  end

  @doc "Adds what a table lacks."
  @spec ensure_table(Native.db(), Request.table_spec(), timeout()) :: result()
  def ensure_table(db, table, timeout) do
    enqueue(db, &Native.ensure_table(db, &1, table, time(&2)), began(timeout))
  end

  # `submit` is called again when there was no room and now there is.
  defp enqueue(db, submit, call) do
    ref = make_ref()

    case submit.(ref, call) do
      {:queued, id} ->
        await(ref, db, id, call.deadline, nil)

      {:full, room, id} ->
        call = %{call | waits_since: call.waits_since || now()}

        case wait(room, call.deadline, fn -> Native.queue_full(db, id, call.timeout) end) do
          :ready -> enqueue(db, submit, call)
          error -> answer(error)
        end

      done_or_error ->
        answer(done_or_error)
    end
  end

  # Waits until the call may be made again, or gives the error of `give_up` at the deadline.
  # No message is left in the mailbox: after `give_up` returned an error, none is sent.
  defp wait(ready, deadline, give_up) do
    left = remaining(deadline)

    receive do
      {^ready, :ready} -> :ready
    after
      min(left, @retry_after) ->
        case give_up.() do
          :ready -> receive(do: ({^ready, :ready} -> :ready))
          error when left <= @retry_after -> error |> forget(ready)
          {:error, {code, _, _, _}} when code in [:timeout, :queue_full] -> :ready
          error -> error |> forget(ready)
        end
    end
  end

  # A database that was closed has notified the processes that waited for it.
  defp forget(error, ready) do
    receive do
      {^ready, :ready} -> error
    after
      0 -> error
    end
  end

  defp submit(db, ref, write, call) do
    with :dirty <- Native.write(db, ref, write, time(call)),
         do: Native.write_dirty(db, ref, write, time(call))
  end

  defp began(timeout),
    do: %{began: now(), waits_since: nil, timeout: timeout, deadline: deadline(timeout)}

  defp time(call) do
    now = now()
    waited = now - (call.waits_since || now)
    Request.time(now - call.began, waited, call.timeout, Process.get(@queued) != nil)
  end

  @doc "Runs a statement of a transaction."
  @spec transaction(Native.db(), Native.tx(), Request.step(), timeout()) :: result()
  def transaction(db, tx, operation, timeout) do
    ref = make_ref()
    call = began(timeout)

    case transaction_submit(tx, ref, operation, call) do
      {:queued, id} -> await(ref, db, id, call.deadline, nil)
      error -> answer(error)
    end
  end

  defp transaction_submit(tx, ref, operation, call) do
    with :dirty <- Native.tx_exec(tx, ref, operation, time(call)),
         do: Native.tx_exec_dirty(tx, ref, operation, time(call))
  end

  @doc "Commits or rolls back."
  @spec finish(Native.db(), Native.tx(), :commit | :rollback) :: result()
  def finish(db, tx, how) do
    ref = make_ref()

    case Native.tx_finish(tx, ref, how) do
      :idle -> :ok
      {:queued, id} -> await(ref, db, id, :infinity, nil)
      error -> answer(error)
    end
  end

  @doc """
  Runs long work that `start` begins under the given reference. It may be withdrawn by its
  timeout as long as it waits in the queue; once begun, it runs to its end.
  """
  @spec job(Native.db(), (reference() -> term()), timeout(), (map() -> term())) :: result()
  def job(db, start, timeout, on_progress) do
    ref = make_ref()

    case start.(ref) do
      :ok -> await(ref, db, nil, :infinity, on_progress)
      {:queued, id} -> await(ref, db, id, deadline(timeout), on_progress)
      error -> answer(error)
    end
  end

  defp await(ref, db, id, deadline, on_progress) do
    receive do
      {^ref, :progress, progress} ->
        report(progress, ref, db, id, deadline, on_progress)
        await(ref, db, id, deadline, on_progress)

      {^ref, result} ->
        answer(result)
    after
      remaining(deadline) ->
        case Native.withdraw(db, id) do
          :running -> await(ref, db, id, now() + @check_running_after, on_progress)
          error -> answer(error)
        end
    end
  end

  # The work goes on when the caller's function fails: its answer is taken out of the
  # mailbox before the failure is passed on.
  defp report(progress, ref, db, id, deadline, on_progress) do
    on_progress && on_progress.(progress)
  catch
    kind, reason ->
      await(ref, db, id, deadline, nil)
      :erlang.raise(kind, reason, __STACKTRACE__)
  end

  defp answer(:ok), do: :ok
  defp answer({:ok, _} = ok), do: ok

  defp answer({:waited, ns, result}) do
    note_queued(ns, :nanosecond)
    answer(result)
  end

  defp answer({:error, native}), do: {:error, Error.from_native(native)}

  defp now, do: System.monotonic_time(:millisecond)

  defp deadline(:infinity), do: :infinity
  defp deadline(timeout) when timeout > @longest, do: :infinity
  defp deadline(timeout), do: now() + timeout

  defp remaining(:infinity), do: :infinity
  defp remaining(deadline), do: max(deadline - now(), 1)
end
