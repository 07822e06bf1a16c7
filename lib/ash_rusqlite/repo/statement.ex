defmodule AshRusqlite.Repo.Statement do
  @moduledoc false
  # Runs one read or write: in the transaction of the calling process when there is one,
  # otherwise on a reader or in the writer's queue.

  alias AshRusqlite.{Error, Native, Telemetry}
  alias AshRusqlite.Repo.{Call, Registry, Transaction, Uncommitted}

  @doc "Runs a read."
  @spec read(AshRusqlite.Repo.repo(), Native.read(), timeout() | nil) ::
          {:ok, term()} | {:error, Error.t()}
  def read(repo, read, timeout) do
    with {:ok, entry} <- Registry.lookup(repo) do
      timeout = timeout || entry.timeout

      observe(entry, read, fn ->
        if Transaction.open?(entry) do
          Transaction.run(entry, {:read, read}, timeout)
        else
          left = Uncommitted.wait(entry.uncommitted, timeout)
          entry |> Registry.with_current(&Call.read(&1.db, read, left)) |> Call.timed(timeout)
        end
      end)
    end
  end

  @doc "Runs a write. It is durable when this returns, or when its transaction commits."
  @spec write(AshRusqlite.Repo.repo(), Native.write(), timeout() | nil) ::
          {:ok, {non_neg_integer(), [map()] | nil}} | {:error, Error.t()}
  def write(repo, write, timeout) do
    with {:ok, entry} <- Registry.lookup(repo) do
      timeout = timeout || entry.timeout

      observe(entry, write, fn ->
        if Transaction.open?(entry) do
          Transaction.run(entry, write, timeout)
        else
          entry
          |> Registry.with_current(&Call.write(&1.db, write, timeout))
          |> Call.timed(timeout)
        end
      end)
    end
  end

  defp observe(%{telemetry: false}, _statement, fun), do: fun.()

  defp observe(entry, {:marked, statement}, fun), do: observe(entry, statement, fun)

  defp observe(entry, statement, fun) do
    operation = elem(statement, 0)

    table =
      if operation not in [:sql, :execute, :compute, :explain, :tables], do: elem(statement, 1)

    metadata = %{repo: entry.repo, operation: operation, table: table}
    Telemetry.span(entry.telemetry, :query, metadata, fun, &%{error: error(&1)})
  end

  defp error({:error, error}), do: error
  defp error(_), do: nil
end
