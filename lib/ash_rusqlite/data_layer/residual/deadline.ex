if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Residual.Deadline do
    @moduledoc false
    # When the work of a query ends, its part in Elixir included. Only a timeout that a context
    # gives counts here: without one, Elixir works as long as it takes, as with ETS. What Ash loads
    # meanwhile are queries of their own, which know nothing of it; so the process keeps it.
    #
    # SQLite ends the statements of a read by `left/1`, those of a write by `Write.timeout/1`; what bounds
    # a whole transaction is in `Transaction`.

    alias AshRusqlite.Error

    @key __MODULE__

    @doc "Calls a function, whose queries end within this many milliseconds, or when those around it do."
    @spec within(timeout() | nil, (() -> result)) :: result when result: term()
    def within(timeout, fun) when timeout in [nil, :infinity], do: fun.()

    def within(timeout, fun) do
      outer = Process.get(@key)
      inner = {now() + timeout, timeout}
      Process.put(@key, if(outer, do: min(outer, inner), else: inner))

      try do
        fun.()
      after
        if outer, do: Process.put(@key, outer), else: Process.delete(@key)
      end
    end

    @doc "Whether there is one."
    @spec any?() :: boolean()
    def any?, do: Process.get(@key) != nil

    @doc "The error, where the time is over."
    @spec check() :: :ok | {:error, Error.t()}
    def check do
      case Process.get(@key) do
        {at, timeout} -> if now() >= at, do: {:error, passed(timeout)}, else: :ok
        nil -> :ok
      end
    end

    @doc "Milliseconds that a statement has: those that are left of its own timeout."
    @spec left(timeout() | nil) :: timeout() | nil
    def left(timeout) do
      case Process.get(@key) do
        {at, _timeout} when timeout in [nil, :infinity] -> max(at - now(), 1)
        {at, _timeout} -> timeout |> min(at - now()) |> max(1)
        nil -> timeout
      end
    end

    @doc "A result whose error names the whole time where it is that which ended it."
    @spec with_deadline({:ok, term()} | {:error, term()}) :: {:ok, term()} | {:error, term()}
    def with_deadline({:error, %Error{code: :timeout} = error}) do
      case Process.get(@key) do
        {_at, timeout} -> {:error, put_in(error.details[:deadline_ms], timeout)}
        nil -> {:error, error}
      end
    end

    def with_deadline(result), do: result

    defp passed(timeout) do
      Error.new(
        :timeout,
        "the query's #{timeout} ms are over: let SQLite do more of it, see the residual parts in " <>
          "`AshRusqlite.explain/2`, or give it more time by `context: %{data_layer: %{timeout: ms}}`",
        %{deadline_ms: timeout}
      )
    end

    defp now, do: System.monotonic_time(:millisecond)
  end
end
