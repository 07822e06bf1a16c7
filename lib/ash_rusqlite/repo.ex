defmodule AshRusqlite.Repo do
  @moduledoc """
  A repo is one SQLite database, open for any number of processes.

      defmodule MyApp.Repo do
        use AshRusqlite.Repo, otp_app: :my_app
      end

      # config/config.exs
      config :my_app, MyApp.Repo, database: "chat.db"

      # in the application's supervisor
      children = [MyApp.Repo]

  The names and results follow Ecto, but rows are plain maps and tables are named, because a
  table's declared types say what its columns hold: see `AshRusqlite` for them.

  Reads return their value and raise `AshRusqlite.Error`. Writes of one row, `query`,
  transactions and maintenance return `{:ok, value}` or `{:error, error}` and have a twin
  with `!` that raises. `insert_all`, `update_all` and `delete_all` return `{count, rows}`.

  ## Queries

      iex> MyApp.Repo.all(:rooms, where: [hidden: false], order_by: :title, select: [:title])
      [%{title: "Garden"}, %{title: "Kitchen"}]

    * `:where` - a condition, see below
    * `:order_by` - `:title`, `[:hidden, :title]` or `[desc: :likes, asc_nulls_last: :title]`,
      with Ecto's directions
    * `:select` - the columns that a row has, by default all
    * `:limit`, `:offset` - counts of rows
    * `:distinct` - `true` gives equal rows once
    * `:after`, `:before` - only the rows behind, or just before, this one in the order: a row
      of the same table, or the values of its order's columns
    * `:as_of` - the tables as they were, by their journals: a seq (behind its event; 0 is before
      the first), a `DateTime` (behind the last commit until then), or a list of `source:` with one of
      `seq:`, `at:` and `position:`, which gives the rows of that source alone, such as
      `[source: "room:kitchen", position: 5]`. Every table that is read must be journaled. Of a
      sensitive column that changed since then the value is nil, and a skipped one is as it is now
      where nothing else is known. For every read but `c:stream/2` and `c:explain/2`; inside of a
      transaction, too, of which it sees nothing. Errors: `:not_journaled`, `:position_ahead` for a seq
      or position that is not there yet, `:outdated` for one from before the journal is complete,
      `:unknown_source`
    * `:timeout` - milliseconds for waiting and running together, or `:infinity`; by default the
      repo's `busy_timeout`. Every function takes it

  A condition is a keyword list or map of columns and values, a triple, or a list of such, of
  which all must hold:

      iex> MyApp.Repo.all(:messages, where: [{:likes, :>=, 2}, room_id: "kitchen"], select: [:content])
      [%{content: "Who cooks?"}]

    * `{column, value}` - equal; with nil: is null
    * `{column, op, value}` - `:==`, `:!=`, `:<`, `:<=`, `:>`, `:>=`, `:in`, `:not_in`, `:like`,
      `:not_like`
    * `{column, :is_nil, true}` or `false`
    * `{:column, left, op, right}` - two columns
    * `{:key, key}` - the row of this primary key. Alone or within `:and`, `:or` and `:not`: as an
      item of a list it is `key: value`, a column of that name
    * `{:and, [condition]}`, `{:or, [condition]}`, `{:not, condition}`
    * `{:expr, scalar}` - what `AshRusqlite.Repo.Expression` can say, for programs that write
      queries. It stands where `{:key, key}` does

  ## Options

  In the application's environment or in `start_link/1`, which wins:

    * `:database` - path of the file, or `":memory:"`; its folder is created. Required
    * `:migrations` - folder of the migrations, see `AshRusqlite.Migrator`
    * `:name` - by default the module; nil for a repo that is known by its pid only
    * `:busy_timeout` - how long a call may wait and run, in milliseconds. 15,000
    * `:transaction_timeout` - how long a transaction may last from its first statement on, in
      milliseconds. 15,000
    * `:synchronous` - `:full` (a write that was answered survives a power loss), `:normal`,
      `:extra` or `:off`
    * `:durable_reads` - whether a read reports only what survives a power loss, and waits for it where
      the newest commit is not on the medium yet. true. See "Durability" below
    * `:read_only` - refuse every write. false
    * `:create` - create the file when it is not there. true
    * `:telemetry_prefix` - see `AshRusqlite.Telemetry`
    * `:log` - whether each statement is logged, with its SQL, how many rows it gave or wrote, the time
      that it took and waited (`db`, `queue`), and the Ash resource and action that it came from: false,
      a level such as `:debug`, or `[slow: 200, level: :warning]` for those alone that took as many
      milliseconds. Bound values are not logged. By default `:debug` where the repo's module was
      compiled in dev, else false
    * `:log_start` - the level of a line at the start that says which file it is, how large, made by
      whom, and which SQLite; and of one for each table that follows a resource and is made or changed.
      By default `:info`, and false where the repo's module was compiled in test
    * `:auto_migrate` - whether the tables of Ash resources are made and follow them. By default
      true where the repo's module was compiled in dev or test
    * `:like` - whose LIKE the Ash resources of this repo have, in `like`, `ilike` and in
      fragments: `:ash_sqlite`, the default, is case-sensitive; `:sqlite` is not, for ASCII. See
      `AshRusqlite.DataLayer.Like`
    * `:readers` - connections that read at the same time. Twice the cores
    * `:queue_limit`, `:max_batch` - writes that may wait, 10,000, and share a commit, 1,000
    * `:cache_size` - of each connection: pages, or KiB when negative. -16,000
    * `:statement_cache_size` - prepared statements of each connection. 200
    * `:log_size_limit` - how large the write-ahead log (the file `-wal`) may become while
      writes never pause, in bytes. 100,000,000; at least 65,536. See "The log" below
    * `:wal_autocheckpoint` - pages of the log that are moved into the file as soon as no
      write waits. 1,000, or fewer with a small `log_size_limit:`. Alone it sets `log_size_limit:` to 24
      times its size
    * `:journal_size_limit` (bytes), `:mmap_size` (bytes), `:temp_store` (`:default`, `:file`,
      `:memory`) - as SQLite's pragmas of these names

  ## Durability

  With `synchronous: :full` a write that was answered survives a power loss, and so does what a read
  reports: one that has seen a commit of the last moment waits until the disk has it, for a part of a
  millisecond as a rule. Only transactions have commits that can be seen before: others run while the disk is
  synced for them. What a transaction reads is sure to survive once the transaction has ended, so effects
  outside of the database belong behind it. With `durable_reads: false` reads do not wait, and what they report, and events that
  subscribers receive, may be gone after a power loss, together with the write, which was not answered either.

  When the disk fails to sync, every call that waits for it gets `:io_error`. With `maybe_written: true` in
  its details the write can be seen, and may be lost or not: the repo writes it again before the next
  write, and until that has worked it refuses writes and reads.

  ## The log

  A commit goes into the log. From there its pages are moved into the file: when the log has
  `wal_autocheckpoint:` pages and writes pause for a moment, and at `log_size_limit:` bytes in
  any case. Reads that always overlap may let it become twice as large before writers wait for
  them, and one transaction that is larger makes it as large as itself. When there was no write for
  five seconds and it is larger than `wal_autocheckpoint:` pages, all of it is moved and the log is cut
  to nothing; while a long read still needs it, that is tried again after 10, 20, … 80 seconds. Nothing
  wakes a repo that is idle after that. A smaller log stays as it is: to write over it is quicker than
  to make it longer again.

  A small device wants a small log: with `log_size_limit: 4_000_000` its pages are moved more often,
  which costs many writers a part of their rate and writes to the medium more often.

  `log_size_limit: :infinity` leaves the log to another program that reads it and moves its pages
  itself, such as [Litestream](https://litestream.io): the repo never moves the log, not even when it
  stops. Without such a program the log grows without end, unless `c:checkpoint/2` is called.
  `c:stats/0` has its size, as `wal_bytes` and `wal_pages`.

  ## The journal

  A table may be journaled: then each change of its rows is an event as well, in the same commit. See
  `AshRusqlite.Repo.Schema` for how that is said of a table, and `sqlite do journal do … end end` of an
  Ash resource. Each function that writes rows takes these options:

    * `:actor`, `:action`, `:metadata` - who makes the change and why, see `c:with_actor/3`
    * `:expect` - where sources must be, else nothing is written:

          MyApp.Repo.insert(:messages, answer, expect: [{"room:kitchen", 5}])

      is the error `:position_conflict` where an event came meanwhile. Its details have the `:source`,
      its `:position`, the `:expected` one, and as `:missed` the events in between, at most 100

  ## Many databases

  A module can run several times, under a name each; `c:put_dynamic_repo/1` chooses the one
  that the calling process uses. Without a module, `start_link/1` starts a repo, and
  `AshRusqlite.Repo.Reads`, `AshRusqlite.Repo.Writes`, `AshRusqlite.Repo.Transaction`,
  `AshRusqlite.Repo.Maintenance` and `AshRusqlite.Repo.Schema` take it as their first argument.
  """

  import AshRusqlite.Repo.Operations, only: [operation: 2, operation: 3]

  alias AshRusqlite.{Error, Event, Result}
  alias AshRusqlite.Repo.{Events, Maintenance, Reads, Server, Transaction, Writes}

  Module.register_attribute(__MODULE__, :operations, accumulate: true)

  @typedoc "A running repo: its name or its pid."
  @type repo :: atom() | pid()

  @typedoc "The name of a table or view."
  @type table :: atom() | String.t()

  @typedoc "The name of a column."
  @type column :: atom() | String.t()

  @typedoc "A row: the columns with their values."
  @type row :: %{optional(atom()) => term()}

  @typedoc """
  Columns with values, as a map, a keyword list or a struct. Of a struct `__struct__` and `__meta__`
  are no columns.
  """
  @type fields :: keyword() | %{optional(column()) => term()} | struct()

  @typedoc "A primary key: its value, or a keyword list or map when it has several columns."
  @type key :: term()

  @typedoc "A condition, see \"Queries\" above."
  @type condition :: fields() | tuple() | [tuple()]

  @typedoc "What a function of a transaction may be."
  @type work(value) :: (() -> value) | (module() -> value)

  @typedoc "A migration that was applied or rolled back."
  @type applied :: %{
          version: integer(),
          name: String.t(),
          duration_us: non_neg_integer(),
          taken_over: [String.t()]
        }

  @typedoc """
  A migration of the folder or of the database. `:changed` is applied, but the file is
  another one by now; `:missing` is applied, but without a file.
  """
  @type migration :: %{
          version: integer(),
          name: String.t(),
          state: :pending | :applied | :changed | :missing,
          applied_at: DateTime.t() | nil
        }

  @typedoc "What a backup or restore copied."
  @type copied :: %{pages: non_neg_integer(), bytes: non_neg_integer()}

  @typedoc "A row that is not as the events of the journal say, see `c:journal_verify/1`."
  @type row_difference :: %{
          table: String.t(),
          key: String.t(),
          column: String.t() | nil,
          event: String.t() | nil,
          row: String.t() | nil
        }

  @typedoc "What verifying the journal found, see `c:journal_verify/1`."
  @type verified :: %{
          events: non_neg_integer(),
          rows: non_neg_integer(),
          tables: [String.t()],
          differences: [row_difference()],
          problems: [String.t()]
        }

  @typedoc "What was made of the events of the journal, see `c:journal_rebuild/2`."
  @type rebuilt :: %{
          events: non_neg_integer(),
          rows: non_neg_integer(),
          tables: [String.t()],
          empty: [String.t()],
          problems: [String.t()],
          bytes: non_neg_integer()
        }

  @doc "Every row of a query, see \"Queries\" above."
  operation Reads, all(table(), opts :: keyword() \\ []) :: [row()]

  @doc "The only row of a query, or nil. More than one is an error, unless `limit: 1` is given."
  operation Reads, one(table(), opts :: keyword() \\ []) :: row() | nil

  @doc "As `c:one/2`, but without a row it raises `:not_found`."
  operation Reads, one!(table(), opts :: keyword() \\ []) :: row()

  @doc """
  The row of a primary key, or nil.

      MyApp.Repo.get(:rooms, "kitchen")
      MyApp.Repo.get(:seats, room_id: "kitchen", number: 2)
  """
  operation Reads, get(table(), key(), opts :: keyword() \\ []) :: row() | nil

  @doc "As `c:get/3`, but without the row it raises `:not_found`."
  operation Reads, get!(table(), key(), opts :: keyword() \\ []) :: row()

  @doc "The only row of a condition, or nil: `MyApp.Repo.get_by(:rooms, title: \"Kitchen\")`."
  operation Reads, get_by(table(), where :: condition(), opts :: keyword() \\ []) :: row() | nil

  @doc "As `c:get_by/3`, but without a row it raises `:not_found`."
  operation Reads, get_by!(table(), where :: condition(), opts :: keyword() \\ []) :: row()

  @doc "Every row of a condition: `MyApp.Repo.all_by(:messages, room_id: \"kitchen\")`."
  operation Reads, all_by(table(), where :: condition(), opts :: keyword() \\ []) :: [row()]

  @doc "How many rows a query has."
  operation Reads, count(table(), opts :: keyword() \\ []) :: non_neg_integer()

  @doc """
  One value over the rows of a query; nil over none. Nulls do not count.

      MyApp.Repo.aggregate(:messages, :max, :likes, where: [room_id: "kitchen"])

  Without a column `:count` counts the rows, as `c:count/2` does:

      MyApp.Repo.aggregate(:messages, :count, where: [room_id: "kitchen"])
  """
  operation Reads,
            aggregate(
              table(),
              function :: :count | :sum | :avg | :min | :max,
              column :: column() | nil | keyword() \\ nil,
              opts :: keyword() \\ []
            ) :: term()

  @doc "Whether a query has any row."
  operation Reads, exists?(table(), opts :: keyword() \\ []) :: boolean()

  @doc """
  The rows of a query as a lazy stream. It reads `max_rows:` rows at a time (500), by the
  place where the last page ended, and holds nothing of the database in between: outside of a
  transaction it sees what others commit meanwhile behind that place.
  """
  operation Reads, stream(table(), opts :: keyword() \\ []) :: Enumerable.t()

  @doc """
  How `c:all/2` would run a query: its SQL, and SQLite's plan (<https://sqlite.org/eqp.html>).

      {:ok, %{sql: _, plan: [_]}} = MyApp.Repo.explain(:messages, where: [room_id: "kitchen"])
  """
  operation Reads,
            explain(table(), opts :: keyword() \\ []) ::
              {:ok, %{sql: String.t(), plan: [String.t()]}} | {:error, Error.t()}

  @doc """
  Runs one SQL statement that only reads, with values for its `?` placeholders. What writes is for
  `c:execute/3`.

      {:ok, result} = MyApp.Repo.query("SELECT count(*) FROM rooms WHERE hidden = ?", [false])
      result.rows

  In other functions the column says how a value is stored. A value for a placeholder has none, so
  a time's own precision decides: whole seconds become `2026-01-02T03:04:05Z`, as columns of
  `DATETIME_TEXT` hold them, and what has a fraction, though it be zero, becomes
  `2026-01-02T03:04:05.000000Z`, as those of `DATETIME_USEC_TEXT` do. SQLite compares the texts, so
  one never equals the other. For a column with microseconds give microseconds:

      at = ~U[2026-01-02 03:04:05Z]
      sql = "SELECT id FROM messages WHERE created_at >= ?"
      MyApp.Repo.query(sql, [%{at | microsecond: {0, 6}}])

  So it is with `NaiveDateTime` and `Time`.
  """
  operation Reads,
            query(sql :: String.t(), params :: [term()] \\ [], opts :: keyword() \\ []) ::
              {:ok, Result.t()} | {:error, Error.t()},
            bang: "the result"

  @doc """
  Runs one SQL statement that writes rows (`INSERT`, `REPLACE`, `UPDATE` or `DELETE`, also behind
  `WITH`), with values for its `?` placeholders, see `c:query/3` for how times are stored.

  It is a write as any other: it queues for the writer, shares commits, is durable when it returns, and
  inside of a transaction a part of that. `num_rows` of the result says how many rows it wrote; what
  it names behind `RETURNING` is in `columns` and `rows`, which are empty otherwise.

      {:ok, %{num_rows: 2}} =
        MyApp.Repo.execute("UPDATE messages SET likes = likes + 1 WHERE room_id = ?", ["kitchen"])

  Refused with `:not_allowed` are several statements at once; what only reads (`c:query/3`); what is
  a part of a transaction (`c:transaction/2`); other files; pragmas; the library's own tables, whose
  names begin with `ash_rusqlite_`, with `:table` in the details; and what changes the schema or
  belongs to it, `ANALYZE` included: that is for a migration, which runs once and alone.

  The columns' types do not bear on what it stores, as they do in other functions: a text for a time
  or a decimal should have the form that the column has on disk.
  """
  operation Writes,
            execute(sql :: String.t(), params :: [term()] \\ [], opts :: keyword() \\ []) ::
              {:ok, Result.t()} | {:error, Error.t()},
            bang: "the result"

  @doc """
  Inserts a row and gives it back with its defaults. Options: `returning:` a list of columns,
  or false for an empty map, and `timeout:`.

      {:ok, room} = MyApp.Repo.insert(:rooms, %{id: "attic", title: "Attic"})

  A struct is a row of its fields.
  """
  operation Writes,
            insert(table(), fields(), opts :: keyword() \\ []) ::
              {:ok, row()} | {:error, Error.t()},
            bang: "the row"

  @doc """
  Inserts a row, or updates the one that is there. Options, besides those of `c:insert/3`:

    * `:conflict_target` - the columns of the constraint, by default the primary key
    * `:on_conflict` - `:replace_all` (the default: every column of the new row),
      `{:replace, columns}`, `{:replace_all_except, columns}`, or `:nothing`, which gives
      `{:ok, nil}` when the row is there
  """
  operation Writes,
            upsert(table(), fields(), opts :: keyword() \\ []) ::
              {:ok, row() | nil} | {:error, Error.t()},
            bang: "the row"

  @doc """
  Changes columns of the row of a primary key and gives the row back. Without that row the
  error is `:not_found`. Options as of `c:insert/3`.

      {:ok, room} = MyApp.Repo.update(:rooms, "attic", title: "Loft")
  """
  operation Writes,
            update(table(), key(), changes :: fields(), opts :: keyword() \\ []) ::
              {:ok, row()} | {:error, Error.t()},
            bang: "the row"

  @doc """
  Deletes the row of a primary key and gives it back. Without that row the error is
  `:not_found`. Options as of `c:insert/3`.
  """
  operation Writes,
            delete(table(), key(), opts :: keyword() \\ []) :: {:ok, row()} | {:error, Error.t()},
            bang: "the row"

  @doc """
  Inserts rows in one step: all of them or none. Options: `returning:` true or a list of
  columns, `on_conflict:` (by default `:raise`), `conflict_target:`, `timeout:`.

      {2, nil} = MyApp.Repo.insert_all(:rooms, [%{id: "a", title: "A"}, %{id: "b", title: "B"}])
  """
  operation Writes,
            insert_all(table(), rows :: [fields()], opts :: keyword() \\ []) ::
              {non_neg_integer(), [row()] | nil}

  @doc """
  Changes the rows of a condition. Options: `where:` (by default every row), `returning:`,
  `timeout:`.

      MyApp.Repo.update_all(:messages, [inc: [likes: 1]], where: [room_id: "kitchen"])
  """
  operation Writes,
            update_all(table(), updates :: keyword(), opts :: keyword() \\ []) ::
              {non_neg_integer(), [row()] | nil}

  @doc "Deletes the rows of a condition. Options as of `c:update_all/3`."
  operation Writes,
            delete_all(table(), opts :: keyword() \\ []) :: {non_neg_integer(), [row()] | nil}

  @doc """
  Runs a function in a transaction: `{:ok, its value}` once that is durable.

  It takes the writer at its first statement, read or write, so that what it read cannot be
  changed by others before it writes. It is rolled back, and the result is `{:error, reason}`,
  after `c:rollback/1`, and when its function outlasts `timeout:`; by default it has the repo's
  `transaction_timeout` from its first statement on. The function itself is not interrupted. When it
  raises, throws or exits, or its process dies, it is rolled back too. A transaction inside of
  another is a part of it: when the inner one is rolled back, the outer one ends with
  `{:error, :rollback}`.

  A task that the function starts reads the transaction's writes after its end only, so a read of one
  waits for that, if the transaction has written: at most half of its own time, 100 milliseconds once
  the transaction's process waits for something itself, and a second in any case. Then it reads
  without them, and the log says where. A function that needs its task's result should start it
  before its first write, or after the transaction.

      MyApp.Repo.transaction(fn ->
        room = MyApp.Repo.get!(:rooms, "attic")
        MyApp.Repo.update!(:rooms, room.id, title: room.title <> "!")
      end)
  """
  operation Transaction,
            transaction(fun :: work(value), opts :: keyword() \\ []) ::
              {:ok, value} | {:error, term()}
            when [value: term()]

  @doc """
  Runs a function in a transaction, which is committed when it returns `{:ok, value}` and rolled back
  when it returns `{:error, reason}`. The result is what it returned, or an error of the transaction.
  Anything else raises `ArgumentError`. Options and further results as of `c:transaction/2`.

      MyApp.Repo.transact(fn ->
        with {:ok, room} <- MyApp.Repo.update(:rooms, "attic", title: "Loft"),
             {:ok, _} <- MyApp.Repo.insert(:messages, %{room_id: room.id, content: "Renamed"}),
             do: {:ok, room}
      end)
  """
  operation Transaction,
            transact(
              fun :: work({:ok, value} | {:error, reason}),
              opts :: keyword() \\ []
            ) :: {:ok, value} | {:error, reason | term()}
            when [value: term(), reason: term()]

  @doc """
  Runs a function of which a rollback takes back only its own part of the transaction. Without
  a transaction it is one itself. Results as of `c:transaction/2`.
  """
  operation Transaction,
            savepoint(fun :: work(value), opts :: keyword() \\ []) ::
              {:ok, value} | {:error, term()}
            when [value: term()]

  @doc "Leaves the innermost transaction or savepoint, which ends with `{:error, reason}`."
  operation Transaction, rollback(reason :: term()) :: no_return()

  @doc "Whether the calling process is in a transaction of this repo."
  operation Transaction, in_transaction?() :: boolean()

  @doc """
  Events of the journal, the oldest first, see `AshRusqlite.Journal`. Options:

    * `:source`, `:type`, `:actor`, `:table` - only such events; a list means any of these
    * `:key` - only those of the row of this primary key of the only `table:`, as of `c:get/3`
    * `:since`, `:until` - only those from this `DateTime` on, or before it
    * `:from` - only those behind a seq, a cursor (see `AshRusqlite.Journal.cursor/1`) or an event
    * `:after`, `:before` - only those behind, or before, an event, a cursor, or a number: with one
      `source:` a position of it, otherwise a seq
    * `:order` - `:asc`, or `:desc` for the newest first
    * `:limit` - the largest number of events. 100
    * `:timeout`

  The last event of a page leads to the next one:

      page = MyApp.Repo.events(source: "room:kitchen")
      MyApp.Repo.events(source: "room:kitchen", after: List.last(page))

  Every such read is a search of an index, and costs the same however long the journal is.

  Raises `:not_journaled` where the database has no journal, `:unknown_source` where the only source
  has no event, `:position_ahead` for a place that the journal has not reached, `:outdated` where
  retention has removed something of what follows and is asked for, with the `:oldest` place from which
  on nothing of it is missing, and `:other_journal` for a cursor of another database, or of the time
  before a restore.
  """
  operation Events, events(opts :: keyword() \\ []) :: [Event.t()]

  @doc """
  The events of `c:events/1` as a lazy stream. It reads `max_rows:` events at a time (500), and holds
  nothing of the database in between. `limit:` is none unless given.
  """
  operation Events, stream_events(opts :: keyword() \\ []) :: Enumerable.t()

  @doc "The seq of the newest event of the journal, 0 without one. Raises `:not_journaled`."
  operation Events, head(opts :: keyword() \\ []) :: non_neg_integer()

  @doc """
  The last position of a source of events, such as `"room:kitchen"`: 0 where it has none. Raises
  `:not_journaled`.
  """
  operation Events, position(source :: String.t(), opts :: keyword() \\ []) :: non_neg_integer()

  @doc """
  Follows the journal: the calling process is sent what was, and then what comes, in order, after the
  commit that made it durable, whatever program has made that. The messages are

    * `{:journal, subscription, events}` - events, at least one. None is left out and none comes twice
    * `{:journal_closed, subscription, error}` - the end, other than by `c:unsubscribe/1`: the repo
      was stopped (`:closed`), it was restored (`:other_journal`), or retention has removed what the
      subscriber was too slow for (`:outdated`)

  Options:

    * `:from` - `:head`, which is the default, for what comes from now on; a seq, a cursor or an event,
      for what is behind it. 0 is the beginning
    * `:source`, `:type`, `:actor`, `:table` - only such events; a list means any of these
    * `:max_demand` - the number of events that may be sent and not yet acknowledged by
      `AshRusqlite.Journal.ack/2`. 500
    * `:demand` - `:manual` sends only as many as `AshRusqlite.Journal.ask/2` asks for

  A subscription is a process. It ends with its subscriber.

      {:ok, subscription} = MyApp.Repo.subscribe(source: "room:kitchen", from: 0)

      receive do
        {:journal, ^subscription, events} ->
          AshRusqlite.Journal.ack(subscription, List.last(events))
      end

  Errors are those of `c:events/1`, but a source may be one that has no events yet.
  """
  operation Events, subscribe(opts :: keyword() \\ []) :: {:ok, pid()} | {:error, Error.t()}

  @doc "Ends a subscription. Nothing is sent after this."
  operation Events, unsubscribe(subscription :: pid()) :: :ok

  @doc """
  Calls a function whose writes are made by an actor, whom the journal names in the events of what
  they change. It counts for the calling process and this repo, and until the function ends, however
  it ends. Options:

    * `:action` - the name of what is done, such as `:import`
    * `:metadata` - a map with more about it, which is stored as JSON

  An inner call keeps what it does not give from the outer one, and maps of metadata are merged. A
  write may give its own, see "The journal" above, and an Ash action has its own. `AshRusqlite.Actor`
  describes actors; nil is none. Returns what the function returns.

      MyApp.Repo.with_actor("user:ann", [action: :import, metadata: %{file: "chat.txt"}], fn ->
        MyApp.Repo.insert!(:rooms, %{id: "attic", title: "Attic"})
      end)
  """
  operation Writes,
            with_actor(
              actor :: AshRusqlite.Actor.t(),
              opts :: keyword() \\ [],
              fun :: work(result)
            ) :: result
            when [result: term()],
            group: "Events"

  @doc """
  Applies the pending migrations, see `AshRusqlite.Migrator`. Options: `to:` the last version,
  `step:` at most this number, `migrations:` another folder, `progress:` true or a function (see
  `AshRusqlite.Progress`), `timeout:` how long it may wait for the writer, and `take_over:`
  whether what a pending file makes may be there already, by default the repo's `:auto_migrate`.

  What was there already and fits is in the result's `taken_over`, a line for each thing with what
  is looser than the file says; what does not fit is the error `:schema_mismatch` with all
  `problems`. See "Tables that are there already" at `AshRusqlite.Migrator`.
  """
  operation Maintenance,
            migrate(opts :: keyword() \\ []) :: {:ok, [applied()]} | {:error, Error.t()},
            bang: "what was applied",
            group: "Migrations"

  @doc """
  Takes back the newest migrations: one, or `step:` many, or all down to the version `to:`,
  itself included. Further options as of `c:migrate/1`.
  """
  operation Maintenance,
            rollback_migration(opts :: keyword() \\ []) ::
              {:ok, [applied()]} | {:error, Error.t()},
            bang: "what was rolled back",
            group: "Migrations"

  @doc "Every migration of the folder and of the database, by version. Option: `migrations:`."
  operation Maintenance,
            migrations(opts :: keyword() \\ []) :: {:ok, [migration()]} | {:error, Error.t()},
            bang: "the list",
            group: "Migrations"

  @doc """
  Copies the database into a new file while it is in use. Options: `overwrite:` true replaces
  a file that is there, `progress:`. What is a database's own is never replaced: itself, and the
  names `-wal`, `-shm` and `-journal` beside any file that is there.
  """
  operation Maintenance,
            backup(path :: Path.t(), opts :: keyword() \\ []) ::
              {:ok, copied()} | {:error, Error.t()},
            bang: "what was copied"

  @doc "Replaces the content by that of a backup, which is checked first. Option: `progress:`."
  operation Maintenance,
            restore(path :: Path.t(), opts :: keyword() \\ []) ::
              {:ok, copied()} | {:error, Error.t()},
            bang: "what was copied"

  @doc """
  Checks the file and its foreign keys: a line for each problem, `[]` when it is sound.
  Options: `quick:` true leaves out the indexes, `limit:` the largest number of lines (100).
  """
  operation Maintenance,
            check(opts :: keyword() \\ []) :: {:ok, [String.t()]} | {:error, Error.t()}

  @doc """
  Replays the events of the journal into temporary tables and compares these with the real ones, row
  by row and value by value, in one snapshot, while others write. Returns a map:

    * `:events` and `:rows` - how many were replayed and compared
    * `:tables` - the journaled tables
    * `:differences` - the first rows that are not as the events say, each a map of `:table`, `:key`,
      `:column` (nil where the whole row is there in one of them only), `:event` and `:row`: the two
      values as events have them, such as `"\"text\""` or `{"blob":"00FF"}`. `[]` when they agree
    * `:problems` - what else is wrong, a sentence each: events that are missing, positions with gaps,
      triggers that are gone or changed, events that are not as when they were sealed. `[]` when
      there is none

  Skipped columns are left out; of a sensitive one only whether it is null is compared. Options:
  `limit:` the largest number of differences, and of problems (20), `progress:`. Errors:
  `:not_journaled`.
  """
  operation Maintenance,
            journal_verify(opts :: keyword() \\ []) :: {:ok, verified()} | {:error, Error.t()},
            group: "Journal"

  @doc """
  Makes a new database of the events of the journal alone: the tables, indexes, views and triggers of
  this one, the rows that the events say, and the journal itself, which goes on there with another
  epoch. What events do not hold (sensitive and redacted values) is null, or empty where it may not
  be null. Returns a map of `:events`, `:rows`, `:tables`, `:empty` (the tables that are not
  journaled, and so have no rows), `:problems` (sentences) and `:bytes`.

  Options: `overwrite:` true replaces a file that is there, `progress:`. Errors: `:not_journaled`,
  `:journal_broken` for an event that cannot be replayed, and those of `c:backup/2`.
  """
  operation Maintenance,
            journal_rebuild(path :: Path.t(), opts :: keyword() \\ []) ::
              {:ok, rebuilt()} | {:error, Error.t()},
            group: "Journal"

  @doc """
  Moves the write-ahead log into the file, which happens by itself as well. The mode is one of
  `:passive`, `:full`, `:restart`, `:truncate` (<https://sqlite.org/wal.html>).
  """
  operation Maintenance,
            checkpoint(mode :: atom() \\ :passive, opts :: keyword() \\ []) ::
              {:ok,
               %{
                 busy: boolean(),
                 wal_pages: integer(),
                 checkpointed_pages: integer()
               }}
              | {:error, Error.t()}

  @doc "Rewrites the file without the space of deleted rows. Writes wait meanwhile."
  operation Maintenance, vacuum(opts :: keyword() \\ []) :: :ok | {:error, Error.t()}

  @doc """
  Waits until every row that was there before its table was journaled has its event, of a type
  that ends with `.baseline`. The writer writes these by itself, between other requests, and goes on
  after a restart; `c:stats/0` has how many tables are left. Options: `progress:`, `timeout:`, which
  ends the wait in the queue alone. Errors: `:not_journaled`, `:closed` when the repo stops meanwhile.
  """
  operation Maintenance, journal_baseline(opts :: keyword() \\ []) :: :ok | {:error, Error.t()},
    group: "Journal"

  @doc """
  Removes the content of rows from the table, from all of their events and from the files. `rows`
  is a primary key as for `c:get/3`, also that of a deleted row, or `[where: condition]`.

  In one commit the columns become nil, or a value of their type that says nothing where they may not
  be nil, and in every event of the row, also under keys that it had before, their values become
  `{"redacted":true}`. An event of a type that ends with `.redacted` says of which columns, who did
  it and why. Positions and the chain of the events stay valid. Then full-text indexes (FTS3 to
  FTS5) are merged, the file is rewritten without its free pages and the log is cut, while other
  writes wait. Not reached are: backups that were made before, other rows and tables that have a copy
  of the content, the metadata that requests gave, and full-text tables with `content=''`, which
  cannot delete.

  Returns a map: `:rows`, `:events`, `:values` in events and their `:bytes`; what was redacted
  already counts as nothing, and where all was, nothing is written. `:scrubbed` is false where a
  reader of what was before kept the log from being cut: then `checkpoint(:truncate)` does so later.
  Options:

    * `columns:` - by default all but those of the primary key, and those that name the source and
      the actor of the journal
    * `delete:` - true deletes the row
    * `actor:` - who, such as `"user:1"`
    * `reason:` - why, a text
    * `vacuum:` - false leaves the free pages to a later `c:vacuum/1`; what was on them is
      overwritten in any case
    * `progress:`, `timeout:`

  Errors: `:not_journaled`, `:not_found` for a key of which there is neither a row nor an event,
  `:unknown_column`, `:invalid_option` for a column of the key, and those of constraints.
  """
  operation Maintenance,
            redact(table(), rows :: term(), opts :: keyword() \\ []) ::
              {:ok,
               %{
                 rows: non_neg_integer(),
                 events: non_neg_integer(),
                 values: non_neg_integer(),
                 bytes: non_neg_integer(),
                 scrubbed: boolean()
               }}
              | {:error, Error.t()},
            group: "Journal"

  @doc """
  Removes old events, in chunks between which others write. A row that is there keeps an event with
  all of its columns: where the last one goes, a new one is written first, of a type that ends with
  `.baseline`. The newest event stays, positions are never given twice, and the chain keeps the
  hashes of what went. Returns how many `:events` went and how many `:baselines` were written.
  Options:

    * `older_than:` - a `DateTime`, or an age such as `[days: 90]`, of `:weeks`, `:days`, `:hours`,
      `:minutes` and `:seconds`. Required
    * `table:` - only events of this table
    * `source:` - only events of this source, such as `"room:1"`
    * `progress:`, `timeout:`, which ends the wait in the queue alone

  Errors: `:not_journaled`, `:unknown_source`, `:closed` when the repo stops meanwhile: what went
  until then is gone.
  """
  operation Maintenance,
            retain(opts :: keyword() \\ []) ::
              {:ok, %{events: non_neg_integer(), baselines: non_neg_integer()}}
              | {:error, Error.t()},
            group: "Journal"

  @doc """
  Recomputes the chain of hashes over the events. Returns a map:

    * `:problems` - ranges of events that do not agree, `[]` when all do: maps with `:fault`, which is
      `:changed`, `:missing` or `:inserted`, and the `:first` and `:last` seq between which it is; at
      most 100
    * `:head` and `:sealed` - the newest event, and the newest that the chain covers: it follows the
      commits, about a second after the last one when writes pause
    * `:hash` - of the chain until there. Kept elsewhere, it shows whether its end was cut off
    * `:seals`, `:events`, and `:removed`, those that retention removed

  Options: `progress:`. Error: `:not_journaled`.
  """
  operation Maintenance,
            verify_chain(opts :: keyword() \\ []) :: {:ok, map()} | {:error, Error.t()},
            group: "Journal"

  @doc "Counters of the writer, its queue and the readers."
  operation Maintenance, stats() :: {:ok, map()} | {:error, Error.t()}

  @doc "Starts the repo; the options win over the application's environment."
  @doc group: "Process"
  @callback start_link(opts :: keyword()) ::
              {:ok, pid()} | :ignore | {:error, Error.t() | {:already_started, pid()}}

  @doc "Stops the repo when the writes that are queued are finished. Milliseconds to wait."
  @doc group: "Process"
  @callback stop(timeout()) :: :ok

  @doc "The options of the engine that hold for the running repo, otherwise the configured ones."
  @doc group: "Process"
  @callback config() :: keyword()

  @doc "Makes the calling process use another instance of the repo; returns the previous one."
  @doc group: "Process"
  @callback put_dynamic_repo(repo()) :: repo()

  @doc "The instance that the calling process uses, by default the module's name."
  @doc group: "Process"
  @callback get_dynamic_repo() :: repo()

  @doc """
  Changes the options when the repo starts (`:supervisor`) or is asked for them (`:runtime`):
  `{:ok, options}` or `:ignore`.
  """
  @doc group: "Process"
  @callback init(:supervisor | :runtime, options :: keyword()) :: {:ok, keyword()} | :ignore

  @optional_callbacks init: 2

  @doc false
  @spec __operations__() :: [AshRusqlite.Repo.Operations.t()]
  def __operations__,
    do: unquote(@operations |> Enum.reverse() |> Enum.concat() |> Macro.escape())

  @doc false
  defmacro __using__(opts) do
    quote do
      use AshRusqlite.Repo.Definition, unquote(opts)
    end
  end

  @doc "Starts a repo without a module. Options as above; without `name:` it is known by its pid."
  @spec start_link(keyword()) :: {:ok, pid()} | {:error, Error.t() | {:already_started, pid()}}
  defdelegate start_link(opts), to: Server

  @doc "The child of a supervisor that starts a repo without a module."
  @spec child_spec(keyword()) :: Supervisor.child_spec()
  def child_spec(opts), do: Server.child_spec(opts)

  @doc "Stops a repo when the writes that are queued are finished."
  @spec stop(repo(), timeout()) :: :ok
  def stop(repo, timeout \\ :infinity), do: GenServer.stop(repo, :normal, timeout)
end
