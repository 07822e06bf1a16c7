defmodule AshRusqlite.Repo.Statement do
  @moduledoc false
  # Runs one read or write: in the transaction of the calling process when there is one,
  # otherwise on a reader or in the writer's queue.

  alias AshRusqlite.Error

  alias AshRusqlite.Repo.{
    Call,
    QueryLog,
    Registry,
    Request,
    Transaction,
    Uncommitted,
    WriteContext
  }

  @doc "Runs a read."
  @spec read(AshRusqlite.Repo.repo(), Request.read(), timeout() | nil) ::
          {:ok, term()} | {:error, Error.t()}
  def read(repo, read, timeout) do
    with {:ok, entry} <- Registry.lookup(repo) do
      timeout = timeout || entry.timeout

      QueryLog.observe(entry, read, fn ->
        # The past is the same inside of a transaction, and what it has written is none of it yet.
        if Transaction.open?(entry) and not Request.past?(read) do
          Transaction.run(entry, Request.read_step(read), timeout)
        else
          left = Uncommitted.wait(entry.uncommitted, timeout)
          if left != timeout, do: Call.note_queued(timeout - left, :millisecond)
          entry |> Registry.with_current(left, &Call.read(&1.db, read, &2)) |> Call.timed(timeout)
        end
      end)
    end
  end

  @doc "Runs a read outside of any transaction, without a log and telemetry."
  @spec read_outside(Registry.t(), Request.read()) :: {:ok, term()} | {:error, Error.t()}
  def read_outside(entry, read),
    do: Registry.with_current(entry, entry.timeout, &Call.read(&1.db, read, &2))

  @doc """
  Runs a write. It is durable when this returns, or when its transaction commits. `context` are its
  options for the journal.
  """
  @spec write(
          AshRusqlite.Repo.repo(),
          Request.write(),
          timeout() | nil,
          WriteContext.given() | nil
        ) :: {:ok, {non_neg_integer(), [map()] | nil}} | {:error, Error.t()}
  def write(repo, write, timeout, context \\ nil) do
    with {:ok, entry} <- Registry.lookup(repo) do
      timeout = timeout || entry.timeout
      sent = WriteContext.put(write, entry, context)

      QueryLog.observe(entry, write, fn ->
        if Transaction.open?(entry) do
          Transaction.run(entry, sent, timeout)
        else
          entry
          |> Registry.with_current(timeout, &Call.write(&1.db, sent, &2))
          |> Call.timed(timeout)
        end
      end)
      |> WriteContext.with_missed(repo)
    end
  end
end
