defmodule AshRusqlite.Native do
  @moduledoc false
  # The native functions. Only `AshRusqlite.Repo` and the modules under repo/ call them.
  #
  # None of them waits: what takes time answers with a message `{ref, result}`. Nothing here
  # may `receive`, because a process inside this module would be killed when its old code is
  # purged after a reload.

  alias AshRusqlite.Repo.Request

  # A new library is taken in by loading this module again, which the Mix compiler in native/ does
  # where it runs. Until that is done, calls are served by the old one.
  @on_load :load

  @typedoc "An open database."
  @opaque db :: reference()

  @typedoc "A transaction of the calling process."
  @opaque tx :: reference()

  @typedoc "The error of a native function."
  @type error :: {:error, {atom(), String.t(), map(), boolean()}}

  @typedoc "Milliseconds."
  @type ms :: Request.ms()

  @typedoc "The time of a call, or its timeout alone where it begins now."
  @type time :: Request.time() | ms()

  @typedoc "The answer `{ref, result}` will come; the id withdraws the request."
  @type queued :: {:queued, term()}

  @typedoc """
  No room now: after the message `{ref, :ready}` the same call may be made again. The id ends
  the wait.
  """
  @type full :: {:full, reference(), id :: term()}

  @typedoc """
  Rows that are read and not terms yet, with the number of words that these will take on the heap of
  the caller, and the number of bytes of binaries beside it.
  """
  @type gathered ::
          {:gathered, rows :: reference(), words :: pos_integer(), bytes :: non_neg_integer()}

  @typedoc "Rows of a commit that is not synced yet, see `on_synced/2`."
  @type unsynced :: {:unsynced, commit :: term(), {:ok, term()}}

  @typedoc "No reader now, as `t:full/0`."
  @type wait :: {:wait, reference(), id :: term()}

  @doc false
  @spec load() :: :ok | {:error, term()}
  def load do
    folder = :filename.join(priv_dir(), ~c"native")

    case :file.read_file(:filename.join(folder, ~c"current")) do
      {:ok, name} ->
        load(folder, name)

      {:error, reason} ->
        {:error, {reason, ~c"no native library in #{folder}: run mix compile"}}
    end
  end

  # A build may put another library in the place of this one meanwhile.
  defp load(folder, name) do
    case :erlang.load_nif(:filename.join(folder, :erlang.binary_to_list(name)), 0) do
      :ok ->
        :persistent_term.put({__MODULE__, :library}, name)

      {:error, {:load_failed, _}} = error ->
        case :file.read_file(:filename.join(folder, ~c"current")) do
          {:ok, other} when other != name -> load(folder, other)
          _ -> refused(error)
        end

      error ->
        refused(error)
    end
  end

  @in_parentheses {:capture, :all_but_first, :list}

  # What `load` returns is logged; the process that loads the module reads the reason here.
  defp refused({:error, {reason, text}}) do
    text =
      case reason == :upgrade and :re.run(text, ~c"\\(([234])\\)", [@in_parentheses]) do
        {:match, [~c"2"]} ->
          "it has another layout of what lives across a reload than the library that is loaded: " <>
            "restart the VM"

        {:match, [~c"3"]} ->
          "a migration, a vacuum or other maintenance of a database runs or waits: compile again " <>
            "when it is through"

        {:match, [~c"4"]} ->
          "a write takes long: compile again when it is through"

        _ ->
          :unicode.characters_to_binary(text)
      end

    :persistent_term.put({__MODULE__, :refused}, text)
    {:error, {reason, text}}
  end

  defp priv_dir do
    case :code.priv_dir(:ash_rusqlite) do
      folder when is_list(folder) -> folder
      {:error, :bad_name} -> :filename.absname(~c"priv")
    end
  end

  @doc "Opens a database. The calling process owns it: its end closes the database."
  # The caller also gets `{:file_replaced, error}` whenever the files were opened again because
  # another program had deleted or replaced them, and `{:journal_broken, error}` when the triggers of
  # a journal are gone or changed in the file that was opened.
  @spec open(String.t(), keyword(), reference()) :: {:ok, db()} | error()
  def open(_path, _options, _ref), do: not_loaded()

  @doc "Closes a database after the writes that are queued."
  @spec close(db(), reference()) :: :ok | error()
  def close(_db, _ref), do: not_loaded()

  @doc "The options that hold, defaults included."
  @spec config(db()) :: {:ok, keyword()} | error()
  def config(_db), do: not_loaded()

  @doc "Reads on the calling scheduler, as long as that is quick."
  @spec read(db(), Request.read(), ms()) :: {:ok, term()} | unsynced() | :dirty | wait() | error()
  def read(_db, _read, _timeout), do: not_loaded()

  @doc "Reads on a dirty scheduler. What is large is gathered first, see `take_rows/2`."
  @spec read_dirty(db(), Request.read(), ms()) :: {:ok, term()} | wait() | gathered() | error()
  def read_dirty(_db, _read, _timeout), do: not_loaded()

  @doc "Makes terms of gathered rows, once. `:dirty`: they are gone and must be read again."
  @spec take_rows(rows :: reference(), ms()) :: {:ok, term()} | :dirty | error()
  def take_rows(_rows, _timeout), do: not_loaded()

  @doc """
  Ends the wait for a reader with the error for a caller whose deadline passed. `:ready`: it is
  too late for that, the message comes or came.
  """
  @spec no_reader(db(), id :: term(), ms()) :: :ready | error()
  def no_reader(_db, _id, _timeout), do: not_loaded()

  @doc """
  Whether a commit that a read has seen is synced. Otherwise the process is sent
  `{reference, :ready}` once it is, or will not be.
  """
  @spec on_synced(db(), commit :: term()) :: :ok | wait() | error()
  def on_synced(_db, _commit), do: not_loaded()

  @doc "Ends the wait for a commit, as `no_reader`."
  @spec not_synced(db(), id :: term()) :: :ready | error()
  def not_synced(_db, _id), do: not_loaded()

  @doc "Queues a write. `:dirty`: it is too big to be decoded on a scheduler."
  @spec write(db(), reference(), Request.write(), time()) :: queued() | full() | :dirty | error()
  def write(_db, _ref, _write, _timeout), do: not_loaded()

  @doc "Queues a write from a dirty scheduler."
  @spec write_dirty(db(), reference(), Request.write(), time()) :: queued() | full() | error()
  def write_dirty(_db, _ref, _write, _timeout), do: not_loaded()

  @doc "Adds what a table lacks: at once `[]` when that is nothing, else the writer answers."
  @spec ensure_table(db(), reference(), Request.table_spec(), time()) ::
          {:ok, []} | queued() | full() | error()
  def ensure_table(_db, _ref, _table, _timeout), do: not_loaded()

  @doc "Sets what the columns of another program's table hold."
  @spec read_table_as(db(), Request.table_spec()) :: :ok | error()
  def read_table_as(_db, _table), do: not_loaded()

  @doc "The differences between a table and its description."
  @spec table_differences(db(), Request.table_spec(), ms()) ::
          {:ok, [map()]} | wait() | error()
  def table_differences(_db, _table, _timeout), do: not_loaded()

  @doc "The SQL that a read or a write is run as, with placeholders for values."
  @spec statement_text(db(), Request.read() | Request.write()) :: {:ok, String.t()} | error()
  def statement_text(_db, _statement), do: not_loaded()

  @doc "Takes a request back. `:running`: it is too late for that, the answer comes."
  @spec withdraw(db(), term()) :: :running | error()
  def withdraw(_db, _id), do: not_loaded()

  @doc "Ends the wait for room in the queue, as `no_reader`."
  @spec queue_full(db(), id :: term(), ms()) :: :ready | error()
  def queue_full(_db, _id, _timeout), do: not_loaded()

  @doc "Begins a transaction of the calling process. Its end rolls it back."
  @spec tx_open(db(), ms()) :: {:ok, tx()} | error()
  def tx_open(_db, _timeout), do: not_loaded()

  @doc "Runs a read, a write or a savepoint's operation in a transaction. `:dirty` as of `write`."
  @spec tx_exec(tx(), reference(), Request.step(), time()) ::
          queued() | :dirty | error()
  def tx_exec(_tx, _ref, _operation, _timeout), do: not_loaded()

  @doc "The same from a dirty scheduler."
  @spec tx_exec_dirty(tx(), reference(), Request.step(), time()) :: queued() | error()
  def tx_exec_dirty(_tx, _ref, _operation, _timeout), do: not_loaded()

  @doc "Ends a transaction. `:idle`: nothing had begun."
  @spec tx_finish(tx(), reference(), :commit | :rollback) :: :idle | queued() | error()
  def tx_finish(_tx, _ref, _how), do: not_loaded()

  @doc "Applies the pending migrations of a folder."
  @spec migrate(db(), reference(), String.t(), Request.migrate_options()) :: queued() | error()
  def migrate(_db, _ref, _dir, _options), do: not_loaded()

  @doc "Takes migrations back."
  @spec rollback_migration(db(), reference(), String.t(), Request.migrate_options()) ::
          queued() | error()
  def rollback_migration(_db, _ref, _dir, _options), do: not_loaded()

  @doc "Writes the tables as they are as the first migration."
  @spec baseline(db(), reference(), String.t(), String.t(), integer()) :: queued() | error()
  def baseline(_db, _ref, _dir, _name, _version), do: not_loaded()

  @doc "Runs the pending migrations of a folder on a copy, which is made and stays."
  @spec check_migrations(db(), reference(), String.t(), String.t(), Request.migrate_options()) ::
          :ok | error()
  def check_migrations(_db, _ref, _dir, _copy, _options), do: not_loaded()

  @doc "Lists the migrations of a folder and of the ledger."
  @spec migrations(db(), reference(), String.t()) :: queued() | error()
  def migrations(_db, _ref, _dir), do: not_loaded()

  @doc "Writes what leads from a folder of migrations to a wanted schema."
  @spec generate_migrations(String.t() | nil, Request.wanted_schema(), Request.generate_options()) ::
          {:ok, map()} | error()
  def generate_migrations(_dir, _wanted, _options), do: not_loaded()

  @doc "Copies the database into a file."
  @spec backup(db(), reference(), String.t(), Request.copy_options()) :: :ok | error()
  def backup(_db, _ref, _path, _options), do: not_loaded()

  @doc "Replaces the database's content by a backup's."
  @spec restore(db(), reference(), String.t()) :: queued() | error()
  def restore(_db, _ref, _path), do: not_loaded()

  @doc "Checks the file and its foreign keys."
  @spec check(db(), reference(), Request.check_options()) :: :ok | error()
  def check(_db, _ref, _options), do: not_loaded()

  @doc "Compares the events of the journal with the tables."
  @spec journal_verify(db(), reference(), pos_integer()) :: :ok | error()
  def journal_verify(_db, _ref, _limit), do: not_loaded()

  @doc "Makes a new database of the events of the journal."
  @spec journal_rebuild(db(), reference(), String.t(), Request.copy_options()) :: :ok | error()
  def journal_rebuild(_db, _ref, _path, _options), do: not_loaded()

  @doc "Looks for indexes that are missing."
  @spec advise(db(), reference(), non_neg_integer()) :: :ok | error()
  def advise(_db, _ref, _min_steps), do: not_loaded()

  @doc "Looks for times in other forms than their columns'."
  @spec other_forms(db(), reference()) :: :ok | error()
  def other_forms(_db, _ref), do: not_loaded()

  @doc "Moves the write-ahead log into the file."
  @spec checkpoint(db(), reference(), Request.checkpoint_mode()) :: queued() | error()
  def checkpoint(_db, _ref, _mode), do: not_loaded()

  @doc "Rewrites the file without its free pages."
  @spec vacuum(db(), reference()) :: queued() | error()
  def vacuum(_db, _ref), do: not_loaded()

  @doc "Waits until the rows that were there before the journal have their events."
  @spec journal_baseline(db(), reference()) :: queued() | error()
  def journal_baseline(_db, _ref), do: not_loaded()

  @doc "Removes old events."
  @spec retain(db(), reference(), Request.retain_options()) :: queued() | error()
  def retain(_db, _ref, _options), do: not_loaded()

  @doc "Removes content from rows, events and files."
  @spec redact(
          db(),
          reference(),
          Request.name(),
          Request.redacted_rows(),
          Request.redact_options()
        ) ::
          queued() | error()
  def redact(_db, _ref, _table, _rows, _options), do: not_loaded()

  @doc "Recomputes the chain of the events."
  @spec verify_chain(db(), reference()) :: :ok | error()
  def verify_chain(_db, _ref), do: not_loaded()

  @doc """
  Asks to be notified once, by `{reference, :ready}`, after the next commit that may have written
  events of the journal, or when the database is closed. What is read from now on is never older.
  """
  @spec journal_watch(db()) :: {:ok, reference()} | error()
  def journal_watch(_db), do: not_loaded()

  @doc "Counters of the writer and the readers."
  @spec stats(db()) :: {:ok, map()} | error()
  def stats(_db), do: not_loaded()

  @doc """
  The engine's tables of words, each with its words and what there is to say of them: a number of
  parts, a declared type, or nil. `AshRusqlite.Repo.Vocabulary` has the same for Elixir.
  """
  @spec vocabulary() :: {:ok, [{String.t(), [{String.t(), term()}]}]} | error()
  def vocabulary, do: not_loaded()

  @doc "Decodes JSON as a JSON_TEXT column does. `:dirty`: it is too big for a scheduler."
  @spec json_decode(binary()) :: {:ok, term()} | :dirty | error()
  def json_decode(_binary), do: not_loaded()

  @doc "The same on a dirty scheduler."
  @spec json_decode_dirty(binary()) :: {:ok, term()} | error()
  def json_decode_dirty(_binary), do: not_loaded()

  @doc "Sets how many atoms stored values may make."
  @spec limit_stored_atoms(non_neg_integer()) :: :ok | error()
  def limit_stored_atoms(_limit), do: not_loaded()

  @doc "How many atoms stored values have made, and may make."
  @spec stored_atoms() :: {non_neg_integer(), non_neg_integer()}
  def stored_atoms, do: not_loaded()

  @doc "The atom of a stored text, which is made within the limit."
  @spec stored_atom(binary()) :: {:ok, atom()} | error()
  def stored_atom(_text), do: not_loaded()

  @doc "The term of a stored binary. `:dirty`: it is too big for a scheduler."
  @spec stored_term(binary()) :: {:ok, term()} | :dirty | error()
  def stored_term(_binary), do: not_loaded()

  @doc "The same on a dirty scheduler."
  @spec stored_term_dirty(binary()) :: {:ok, term()} | error()
  def stored_term_dirty(_binary), do: not_loaded()

  @doc """
  Whether another library may take over now: `:maintenance`, a migration, vacuum or the like runs or
  waits; `:writing`, a write takes long.
  """
  @spec replaceable() :: :ok | :maintenance | :writing
  def replaceable, do: not_loaded()

  @doc "The versions of the engine, of SQLite and of the layout that a reload checks; the profile."
  @spec versions() :: %{
          engine: String.t(),
          sqlite: String.t(),
          layout: integer(),
          profile: String.t()
        }
  def versions, do: not_loaded()

  defp not_loaded, do: :erlang.nif_error(:nif_not_loaded)
end
