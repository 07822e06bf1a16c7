defmodule AshRusqlite.Calls do
  @moduledoc false
  # Counts calls of a function.

  @doc "How often a process that runs `run` calls `function`, `{module, name, arity}`."
  @spec count(mfa(), (() -> term())) :: non_neg_integer()
  def count(function, run) do
    # What is traced is the whole VM's, so one count goes on at a time.
    :global.trans({__MODULE__, self()}, fn -> traced(function, run) end, [node()])
  end

  defp traced(function, run) do
    task = Task.async(fn -> receive do: (:go -> run.()) end)
    :erlang.trace(task.pid, true, [:call])
    :erlang.trace_pattern(function, true, [:local])
    send(task.pid, :go)
    Task.await(task)
    :erlang.trace_pattern(function, false, [:local])
    delivered = :erlang.trace_delivered(task.pid)
    receive do: ({:trace_delivered, _, ^delivered} -> received(0))
  end

  defp received(count) do
    receive do
      {:trace, _pid, :call, _mfa} -> received(count + 1)
    after
      0 -> count
    end
  end
end
