defmodule AshRusqlite.Repo.Uncommitted do
  @moduledoc false
  # A task that a transaction starts may read before the transaction has committed, and miss what it
  # wrote. So a process waits for a transaction of the process that started it, which Elixir notes
  # under `$callers`, before it reads.
  #
  # Each repo has a table with these rows:
  #   {:owner, pid, ref}    the transaction that has written; no two can, as there is one writer
  #   {{ref, alias}}        a process that waits for its end
  #   {{ref, :given_up}}    its owner waits for something itself, maybe for such a process
  #   {{:logged, place}}    where an owner did so

  require Logger

  # Milliseconds before it is checked what the owner does, and the most that a read waits.
  @wait_for_waiting_owner 100
  @longest 1_000

  @doc "The table of a repo. It belongs to the calling process."
  @spec new() :: :ets.tid()
  def new, do: :ets.new(__MODULE__, [:ordered_set, :public, read_concurrency: true])

  @doc "Notes that the calling process' transaction has written. The reference ends it."
  @spec written(:ets.tid()) :: reference()
  def written(table) do
    ref = make_ref()
    while_running(fn -> :ets.insert(table, {:owner, self(), ref}) end)
    ref
  end

  @doc "Wakes the processes that wait for a transaction, which is over."
  @spec ended(:ets.tid(), reference()) :: :ok
  def ended(table, ref) do
    while_running(fn ->
      # Another one may have written since.
      :ets.delete_object(table, {:owner, self(), ref})

      for waiting <- :ets.select(table, [{{{ref, :"$1"}}, [], [:"$1"]}]) do
        if is_reference(waiting), do: send(waiting, {waiting, :ended})
        :ets.delete(table, {ref, waiting})
      end
    end)

    :ok
  end

  @doc """
  Waits until no process that the calling one was started by has written without a commit, at most
  for half of a read's time: the milliseconds that are left of it.
  """
  @spec wait(:ets.tid(), timeout()) :: timeout()
  def wait(table, timeout) do
    case Process.get(:"$callers") do
      [_ | _] = callers -> while_running(fn -> wait(table, callers, timeout) end) || timeout
      _ -> timeout
    end
  end

  defp wait(table, callers, timeout) do
    with [{:owner, owner, ref}] <- :ets.lookup(table, :owner),
         true <- owner in callers and not :ets.member(table, {ref, :given_up}) do
      began = now()
      wait_for(table, {owner, ref}, {began, began + at_most(timeout)})
      if timeout == :infinity, do: timeout, else: max(timeout - (now() - began), 1)
    else
      _ -> timeout
    end
  end

  defp at_most(:infinity), do: @longest
  defp at_most(timeout), do: min(div(timeout, 2), @longest)

  # An owner that dies in its transaction rolls it back: nothing of it will be there.
  defp wait_for(table, {owner, ref}, time) do
    monitor = :erlang.monitor(:process, owner, alias: :reply_demonitor)
    row = {ref, monitor}

    try do
      :ets.insert(table, {row})

      # When it ended just before, it does not know of us.
      if match?([{:owner, _, ^ref}], :ets.lookup(table, :owner)),
        do: await(table, {owner, ref}, monitor, time)
    after
      Process.demonitor(monitor, [:flush])
      receive(do: ({^monitor, :ended} -> :ok), after: (0 -> :ok))
      :ets.delete(table, row)
    end
  end

  defp await(table, {owner, ref}, monitor, {began, until} = time) do
    receive do
      {^monitor, :ended} -> :ok
      {:DOWN, ^monitor, :process, _, _} -> :ok
    after
      until |> Kernel.-(now()) |> max(0) |> min(@wait_for_waiting_owner) ->
        waited = now() - began

        cond do
          now() < until and at_work?(owner) -> await(table, {owner, ref}, monitor, time)
          waited >= @wait_for_waiting_owner -> give_up(table, owner, ref, waited)
          # The read itself has no more time.
          true -> :ok
        end
    end
  end

  # While it waits for the engine, it waits for nobody else.
  defp at_work?(owner) do
    case Process.info(owner, [:status, :current_function]) do
      [status: :waiting, current_function: {AshRusqlite.Repo.Call, _, _}] -> true
      [status: status, current_function: _] -> status != :waiting
      nil -> false
    end
  end

  defp give_up(table, owner, ref, waited) do
    :ets.insert(table, {{ref, :given_up}})

    with {:current_stacktrace, stacktrace} <- Process.info(owner, :current_stacktrace),
         {module, function, arity, _} = place <- Enum.find(stacktrace, &app?/1) || hd(stacktrace),
         true <- :ets.insert_new(table, {{:logged, {module, function, arity}}}) do
      Logger.warning(
        "a process that a transaction started read before the transaction ended, and cannot see " <>
          "what it wrote. It had waited for #{waited} ms, and the transaction was at " <>
          Exception.format_stacktrace_entry(place) <>
          ". If that waits for the process, start it after the transaction (in an Ash action in " <>
          "after_transaction), or read in the transaction's own process"
      )
    end
  end

  @libraries [:kernel, :stdlib, :elixir, :ash_rusqlite]

  defp app?({module, _, _, _}), do: Application.get_application(module) not in @libraries

  # The table goes with its repo.
  defp while_running(fun) do
    fun.()
  rescue
    ArgumentError -> nil
  end

  defp now, do: System.monotonic_time(:millisecond)
end
