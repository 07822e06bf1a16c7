defmodule AshRusqlite.Error do
  @codes [
    invalid_option: {false, "an unknown option, or a value that an option cannot take"},
    invalid_query: {false, "a query without a meaning: a malformed condition, a foreign cursor"},
    invalid_value: {false, "a value that its column's type cannot hold"},
    invalid_stored_value: {false, "a stored value that its column's type cannot be read as"},
    unknown_table: {false, "the table is not in the database"},
    unknown_column: {false, "the column is not in the table"},
    schema_mismatch: {false, "the table is not as asked for, and adding to it cannot make it so"},
    not_null_violation: {false, "a NOT NULL column would have been null"},
    unique_violation: {false, "a UNIQUE or PRIMARY KEY constraint would have been violated"},
    check_violation: {false, "a CHECK constraint would have been violated"},
    foreign_key_violation: {false, "a FOREIGN KEY constraint would have been violated"},
    constraint_violation: {false, "a trigger raised, or another constraint was violated"},
    not_found: {false, "the row is not there"},
    timeout: {true, "the deadline passed while the call waited or ran; nothing of it was kept"},
    queue_full: {true, "the write queue stayed full until the deadline"},
    busy: {true, "another OS process held the file's lock until the deadline"},
    cancelled: {true, "the caller died, or the call was cancelled"},
    transaction_timeout: {true, "the transaction overstayed and was rolled back"},
    transaction_closed: {false, "the transaction is over: committed, rolled back or lost"},
    closed: {false, "the repo is not running, or was closed during the call"},
    cannot_open: {false, "the path cannot be opened: a folder, no such folder, no rights"},
    not_a_database: {false, "the file is no SQLite database, or an encrypted one"},
    newer_format: {false, "a newer SQLite or a newer release of this library wrote the file"},
    corrupt: {false, "the file is damaged"},
    file_replaced:
      {true, "another program deleted or replaced the open file or its log; it is opened again"},
    code_replaced:
      {true, "the native code was replaced meanwhile; a transaction was rolled back"},
    disk_full: {true, "the disk or the quota is full; what was acknowledged is safe"},
    io_error: {true, "the operating system failed to read or write"},
    read_only: {false, "the database or its file is read-only"},
    too_big: {false, "a value or a row is larger than 1,000,000,000 bytes"},
    not_allowed: {false, "the statement is not allowed here, e.g. a write in `query`"},
    sql_syntax: {false, "SQL that SQLite cannot parse"},
    invalid_migration: {false, "a migration's file or the ledger is not as it must be"},
    migration_failed: {false, "a migration's SQL failed; it was rolled back whole"},
    invalid_backup: {false, "a backup's destination exists, or its source cannot be restored"},
    not_journaled: {false, "the database, or the table, has no journal"},
    position_conflict:
      {false, "a source is not at the position that a write expected; nothing was written"},
    unknown_source: {false, "no event has this source"},
    position_ahead: {false, "a position or a seq that the journal has not reached yet"},
    outdated: {false, "the events that are asked for were removed by retention"},
    other_journal: {false, "a cursor of another database, or of the time before a restore"},
    journal_broken: {false, "the journal does not agree with its tables, or with itself"},
    out_of_memory: {true, "memory ran out"},
    internal: {false, "a fault of this library: please report it"}
  ]

  @moduledoc """
  An error of a repo: what went wrong, for a program and for a person.

    * `:code` - an atom that never changes its meaning, see the list below
    * `:message` - one or two sentences: what happened, where, and what to do
    * `:details` - a map with what the message refers to, such as `:table`, `:column`, `:option`,
      `:nearest`, `:waited_ms`, `:holder`, and `:row`, the index of the row of an `insert_all` that caused
      the error. With `maybe_written: true` the write may have happened nevertheless: read before you
      write again
    * `:retryable?` - whether the same call may succeed later without any change; never with
      `maybe_written: true`

  Functions with an `{:error, error}` result return it, all others raise it:

      case MyApp.Repo.insert(:users, %{id: id, name: "Ann"}) do
        {:ok, user} -> user
        {:error, %AshRusqlite.Error{code: :unique_violation, details: %{columns: columns}}} -> columns
      end

  ## Codes

  #{Enum.map_join(@codes, "\n", fn {code, {retryable?, text}} -> "  * `:#{code}` - #{text}#{if retryable?, do: " (retryable)"}" end)}
  """

  @enforce_keys [:code, :message]
  defexception [:code, :message, details: %{}, retryable?: false]

  @typedoc "What went wrong, see \"Codes\" above."
  @type code ::
          unquote(@codes |> Keyword.keys() |> Enum.reverse() |> Enum.reduce(&{:|, [], [&1, &2]}))

  @type t :: %__MODULE__{
          code: code(),
          message: String.t(),
          details: %{optional(atom()) => term()},
          retryable?: boolean()
        }

  @doc """
  An error of the given code. Whether it is retryable follows from the code.

      iex> AshRusqlite.Error.new(:not_found, "no such row", %{table: "users"}).retryable?
      false
  """
  @spec new(code(), String.t(), map()) :: t()
  def new(code, message, details \\ %{}) do
    {retryable?, _text} = Keyword.fetch!(@codes, code)
    %__MODULE__{code: code, message: message, details: details, retryable?: retryable?}
  end

  @doc """
  The error of a native function, which returns it as `{code, message, details, retryable?}`.

      iex> error = AshRusqlite.Error.from_native({:busy, "locked", %{waited_ms: 5}, true})
      iex> {error.code, error.retryable?, Exception.message(error)}
      {:busy, true, "locked"}
  """
  @spec from_native({atom(), String.t(), map(), boolean()}) :: t()
  def from_native({code, message, details, retryable?}) do
    %__MODULE__{code: code, message: message, details: details, retryable?: retryable?}
  end

  @doc false
  # The value of a result; its error is raised.
  @spec unwrap!({:ok, value} | {:error, Exception.t()}) :: value when value: term()
  def unwrap!({:ok, value}), do: value
  def unwrap!({:error, error}), do: raise(error)

  @doc """
  Every code with whether it is retryable.

      iex> AshRusqlite.Error.codes()[:timeout]
      true
  """
  @spec codes() :: [{code(), retryable? :: boolean()}]
  def codes, do: for({code, {retryable?, _text}} <- @codes, do: {code, retryable?})
end
