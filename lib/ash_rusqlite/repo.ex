defmodule AshRusqlite.Repo do
  @moduledoc """
  A repo is one SQLite database, which any number of processes read and write at the same time.

      defmodule MyApp.Repo do
        use AshRusqlite.Repo, otp_app: :my_app
      end

      # config/config.exs
      config :my_app, MyApp.Repo, database: "chat.db"

      # in the application's supervisor
      children = [MyApp.Repo]

  Functions are named as those of an Ecto repo, and return what those return. Unlike with Ecto, there
  are no schema modules: a table is given by its name, a row is a plain map, and the declared types of a
  table's columns decide which values they hold, see "Types" at `AshRusqlite`.

    * Reads return their value and raise `AshRusqlite.Error`
    * Writes of one row, `query`, `execute`, transactions and maintenance return `{:ok, value}` or
      `{:error, error}`. Most of them have a variant with `!`, which returns the value or raises
    * `insert_all`, `update_all` and `delete_all` return `{count, rows}` and raise

  ## Queries

      iex> MyApp.Repo.all(:rooms, where: [hidden: false], order_by: :title, select: [:title])
      [%{title: "Garden"}, %{title: "Kitchen"}]

  The options of a query:

    * `:where` - a condition, see "Conditions" below
    * `:order_by` - `:title`, `[:hidden, :title]` or `[desc: :likes, asc_nulls_last: :title]`,
      with Ecto's directions
    * `:select` - the columns that a row has. Default: all
    * `:limit`, `:offset` - numbers of rows
    * `:distinct` - `true` returns equal rows once
    * `:after`, `:before` - a page: only the rows that come after this one in the order, or those just
      before it. It is a row of the same table, or the values of the columns of the order
    * `:as_of` - the rows as they were, see "The past" below
    * `:timeout` - milliseconds for waiting and running together, or `:infinity`. Every function takes
      it. Default: the repo's `busy_timeout`

  ### Conditions

  A condition is a keyword list or map of columns and values, a tuple, or a list of such conditions, all
  of which must hold:

      iex> MyApp.Repo.all(:messages, where: [{:likes, :>=, 2}, room_id: "kitchen"], select: [:content])
      [%{content: "Who cooks?"}]

    * `{column, value}` - the column equals the value, or is null where the value is nil
    * `{column, op, value}` - `:==`, `:!=`, `:<`, `:<=`, `:>`, `:>=`, `:in`, `:not_in`, `:like`,
      `:not_like`
    * `{column, :is_nil, true}` or `{column, :is_nil, false}`
    * `{:column, left, op, right}` - compares two columns
    * `{:and, [condition]}`, `{:or, [condition]}`, `{:not, condition}`
    * `{:key, key}` - the row with this primary key
    * `{:expr, scalar}` - an expression, for programs that write queries, see
      `AshRusqlite.Repo.Expression`

  The last two are a whole condition, or an item of `:and`, `:or` and `:not`. As an item of a plain
  list, `key: value` and `expr: value` are columns of these names.

  ### The past

  `:as_of` reads tables as they were, out of their journals (see "The journal" below). Every table that
  is read must be journaled. All reads take it but `c:stream/2` and `c:explain/2`. It is one of

    * a seq, the number of an event - right after this event; 0 is before the first one
    * a `DateTime` - after the last commit until then
    * `[source: "room:kitchen", position: 5]` - the rows of this source alone, right after the event at
      this position. In place of `position:` it takes a seq as `seq:` or a `DateTime` as `at:`

  A sensitive column that changed since then is nil. A skipped column has its present value where no
  event has it. Within a transaction the past does not include the transaction's own writes.

  Errors: `:not_journaled`, `:position_ahead` for a seq or position that is not there yet, `:outdated`
  for one from before the journal is complete, `:unknown_source`.

  ## Options

  They are read from the application's environment and from the arguments of `start_link/1`, which win.

  The database:

    * `:database` - the path of the file, whose folder is created, or `":memory:"`. Required
    * `:migrations` - the folder of the migrations, see `AshRusqlite.Migrator`
    * `:name` - the name of the process; nil for a repo that is known by its pid only. Default: the module
    * `:read_only` - whether every write is refused. Default: false
    * `:create` - whether the file is created when it is not there. Default: true

  How long a call may take:

    * `:busy_timeout` - milliseconds that a call may wait and run. Default: 15,000
    * `:transaction_timeout` - milliseconds that a transaction may last from its first statement on.
      Default: 15,000

  What survives a power loss, see "Durability" below:

    * `:synchronous` - `:full`, `:normal`, `:extra` or `:off`. Default: `:full`, with which a write
      survives it once its call has returned
    * `:durable_reads` - whether a read, too, returns only what survives it, and waits where the newest
      commit is not on the disk yet. Default: true

  Logging:

    * `:log` - whether each statement is logged: false, a level such as `:debug`, or
      `[slow: 200, level: :warning]` for the statements that took that many milliseconds or more. A line
      has the SQL without bound values, the number of rows, the time that it ran (`db`) and waited
      (`queue`), and the Ash resource and action that it came from. Default: `:debug` where the repo's
      module was compiled in dev, otherwise false
    * `:log_start` - the level of a line at the start about the file, its size, the program that made it
      and the version of SQLite, and of a line for each table that is made or changed because it follows
      a resource. Default: `:info`, or false where the repo's module was compiled in test
    * `:telemetry_prefix` - see `AshRusqlite.Telemetry`

  Ash resources of this repo:

    * `:auto_migrate` - whether their tables are made at the first use and follow them. Default: true
      where the repo's module was compiled in dev or test
    * `:like` - what `like`, `ilike` and the LIKE of fragments mean: `:ash_sqlite` is case-sensitive,
      `:sqlite` is not, for ASCII. See `AshRusqlite.DataLayer.Like`. Default: `:ash_sqlite`

  Tuning:

    * `:readers` - the number of connections that read at the same time. Default: twice the number of
      cores
    * `:queue_limit` - the number of writes that may wait. Default: 10,000
    * `:max_batch` - the number of writes that may share a commit. Default: 1,000
    * `:cache_size` - the page cache of each connection, in pages, or in KiB when negative. Default:
      -16,000
    * `:statement_cache_size` - the number of prepared statements of each connection. Default: 200
    * `:log_size_limit` - the bytes that the write-ahead log may have while writes never pause, at least
      65,536, or `:infinity`, see "The log" below. Default: 100,000,000
    * `:wal_autocheckpoint` - the pages of the log from which on they are moved into the file as soon as
      no write waits. Given alone, it sets `log_size_limit:` to 24 times its size. Default: 1,000, or
      fewer with a small `log_size_limit:`
    * `:journal_size_limit` (bytes), `:mmap_size` (bytes), `:temp_store` (`:default`, `:file`,
      `:memory`) - as SQLite's pragmas of these names

  ## Durability

  With `synchronous: :full` a write survives a power loss once its call has returned.

  So does everything that a read returns. The commit of a transaction can be seen a moment before it is
  on the disk, since other writes run while the disk is synced for it. A read that has seen such a commit
  waits for that sync, usually for less than a millisecond. What a transaction itself has read survives
  for certain only once the transaction has ended, so do what has effects outside of the database, such
  as sending a mail, after it.

  With `durable_reads: false` reads do not wait. What they return, and the events that subscribers
  receive, may then be lost in a power loss, together with a write that had not returned yet.

  When a sync fails, every call that waits for it returns `:io_error`. With `maybe_written: true` in the
  details of the error the write can be seen, but may be lost in a power loss. The repo writes it again
  before the next write, and refuses reads and writes until that has worked.

  ## The log

  SQLite appends commits to its write-ahead log, the file `-wal`. A checkpoint moves pages from there into
  the database file. The repo runs checkpoints

    * when the log has `wal_autocheckpoint:` pages and no write waits
    * when it has `log_size_limit:` bytes, even though writes wait
    * when there was no write for five seconds and it has more than `wal_autocheckpoint:` pages. This one
      also cuts the log to nothing. While a long read still needs the log, it is retried after 10, 20, …
      80 seconds. A smaller log stays, since overwriting it is quicker than making it longer again. After
      that, nothing wakes an idle repo

  The log may become larger than its limit: up to twice as large while reads overlap without a pause,
  then writers wait for them; and as large as a transaction that is larger than the limit.

  On a small device, `log_size_limit: 4_000_000` keeps the log small. Many writers become slower with it,
  and the disk is written more often.

  `log_size_limit: :infinity` leaves the log to another program that reads it and runs the checkpoints,
  such as [Litestream](https://litestream.io). The repo runs none then, not even when it stops: without
  such a program the log grows without end, unless `c:checkpoint/2` is called. `c:stats/0` has the size of
  the log, as `wal_bytes` and `wal_pages`.

  ## The journal

  A table may be journaled. Then each change of its rows is also written as an event, in the same commit,
  see `AshRusqlite.Journal`. A table is journaled by its description, see `AshRusqlite.Repo.Schema`, or by
  the section `journal` of an Ash resource, see `AshRusqlite.DataLayer.Journal`.

  Each function that writes rows takes these options:

    * `:actor`, `:action`, `:metadata` - who makes the change and why, see `c:with_actor/3`
    * `:expect` - the positions that sources of events must have, otherwise nothing is written

  With `:expect` a program makes sure that nothing happened since it read. Where the room has another
  event meanwhile, this returns the error `:position_conflict`:

      MyApp.Repo.insert(:messages, answer, expect: [{"room:kitchen", 5}])

  The details of the error have the `:source`, its `:position`, the `:expected` position, and as `:missed`
  the events in between, at most 100.

  ## Many databases

  A repo module can be started several times, each time with another name. `c:put_dynamic_repo/1` chooses
  the one that the calling process uses.

  Without a module, `start_link/1` starts a repo. The functions of `AshRusqlite.Repo.Reads`,
  `AshRusqlite.Repo.Writes`, `AshRusqlite.Repo.Transaction`, `AshRusqlite.Repo.Events`,
  `AshRusqlite.Repo.Maintenance` and `AshRusqlite.Repo.Schema` take its name or pid as their first argument.
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
  The rows of a query as a lazy stream. It reads pages of `max_rows:` rows (500), each from where the
  one before ended, and holds nothing of the database in between. So outside of a transaction it also
  returns rows that others commit meanwhile, if they come later in the order.
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

  In other functions the type of the column decides how a value is stored. A placeholder has no
  column, so the precision of a time decides: a `DateTime` of whole seconds becomes
  `2026-01-02T03:04:05Z`, as in a column of the type `DATETIME_TEXT`, and one with microseconds, also
  with zero microseconds, `2026-01-02T03:04:05.000000Z`, as in `DATETIME_USEC_TEXT`. SQLite compares
  these as texts, so one never equals the other. For a column with microseconds give microseconds:

      at = ~U[2026-01-02 03:04:05Z]
      sql = "SELECT id FROM messages WHERE created_at >= ?"
      MyApp.Repo.query(sql, [%{at | microsecond: {0, 6}}])

  The same holds for `NaiveDateTime` and `Time`.
  """
  operation Reads,
            query(sql :: String.t(), params :: [term()] \\ [], opts :: keyword() \\ []) ::
              {:ok, Result.t()} | {:error, Error.t()},
            bang: "the result"

  @doc """
  Runs one SQL statement that writes rows (`INSERT`, `REPLACE`, `UPDATE` or `DELETE`, also behind
  `WITH`), with values for its `?` placeholders, see `c:query/3` for how times are stored.

  It is a write as any other: it waits for the writer, shares commits, is durable when it returns, and
  is a part of the transaction that it runs in. In the result, `num_rows` is the number of rows that it
  wrote, and `columns` and `rows` have what it asks for with `RETURNING`.

      {:ok, %{num_rows: 2}} =
        MyApp.Repo.execute("UPDATE messages SET likes = likes + 1 WHERE room_id = ?", ["kitchen"])

  These are refused with `:not_allowed`:

    * several statements at once
    * a statement that only reads: use `c:query/3`
    * `BEGIN`, `COMMIT` and the like: use `c:transaction/2`
    * statements that change the schema, and `ANALYZE`: write a migration
    * other files, and pragmas
    * the library's own tables, whose names begin with `ash_rusqlite_`. `:table` in the details of the
      error is the name

  Unlike in other functions, the types of the columns do not convert values: a text for a time or a
  decimal should have the form that the column has on disk.
  """
  operation Writes,
            execute(sql :: String.t(), params :: [term()] \\ [], opts :: keyword() \\ []) ::
              {:ok, Result.t()} | {:error, Error.t()},
            bang: "the result"

  @doc """
  Inserts a row and returns it, its defaults included. Options: `returning:`, a list of columns to
  return, or false for an empty map, and `timeout:`.

      {:ok, room} = MyApp.Repo.insert(:rooms, %{id: "attic", title: "Attic"})

  In place of a map it takes a struct, whose fields are the columns.
  """
  operation Writes,
            insert(table(), fields(), opts :: keyword() \\ []) ::
              {:ok, row()} | {:error, Error.t()},
            bang: "the row"

  @doc """
  Inserts a row, or updates the one that is there. Options, besides those of `c:insert/3`:

    * `:conflict_target` - the columns of the constraint, by default the primary key
    * `:on_conflict` - `:replace_all` (the default: every column of the new row),
      `{:replace, columns}`, `{:replace_all_except, columns}`, or `:nothing`, which returns
      `{:ok, nil}` when the row is there
  """
  operation Writes,
            upsert(table(), fields(), opts :: keyword() \\ []) ::
              {:ok, row() | nil} | {:error, Error.t()},
            bang: "the row"

  @doc """
  Changes columns of the row with a primary key, and returns the row. Without that row the error is
  `:not_found`. Options: as of `c:insert/3`.

      {:ok, room} = MyApp.Repo.update(:rooms, "attic", title: "Loft")
  """
  operation Writes,
            update(table(), key(), changes :: fields(), opts :: keyword() \\ []) ::
              {:ok, row()} | {:error, Error.t()},
            bang: "the row"

  @doc """
  Deletes the row with a primary key, and returns it. Without that row the error is `:not_found`.
  Options: as of `c:insert/3`.
  """
  operation Writes,
            delete(table(), key(), opts :: keyword() \\ []) :: {:ok, row()} | {:error, Error.t()},
            bang: "the row"

  @doc """
  Inserts rows, all of them or none, and returns their number, and the rows with `returning:`. Options:
  `returning:`, true or a list of columns, `on_conflict:` (default: `:raise`), `conflict_target:`,
  `timeout:`.

      {2, nil} = MyApp.Repo.insert_all(:rooms, [%{id: "a", title: "A"}, %{id: "b", title: "B"}])
  """
  operation Writes,
            insert_all(table(), rows :: [fields()], opts :: keyword() \\ []) ::
              {non_neg_integer(), [row()] | nil}

  @doc """
  Changes the rows of a condition: `set:` gives columns values, `inc:` adds to them. Options: `where:`
  (default: every row), `returning:`, `timeout:`.

      MyApp.Repo.update_all(:messages, [inc: [likes: 1]], where: [room_id: "kitchen"])
  """
  operation Writes,
            update_all(table(), updates :: keyword(), opts :: keyword() \\ []) ::
              {non_neg_integer(), [row()] | nil}

  @doc "Deletes the rows of a condition. Options: as of `c:update_all/3`."
  operation Writes,
            delete_all(table(), opts :: keyword() \\ []) :: {non_neg_integer(), [row()] | nil}

  @doc """
  Runs a function in a transaction: `{:ok, its value}` once that is durable.

  From its first statement on, read or write, the transaction has the writer for itself, so nobody
  changes what it has read before it writes.

  It is rolled back

    * after `c:rollback/1`: the result is `{:error, reason}`
    * when the function takes longer than `timeout:` (default: the repo's `transaction_timeout`, from
      the first statement on). The function is not interrupted; the result is an error
    * when the function raises, throws or exits, or its process dies

  A transaction inside of another is a part of it: when the inner one is rolled back, the outer one ends
  with `{:error, :rollback}`.

  A task that the function starts is not in the transaction, and sees its writes only after its end. So
  a read of such a task waits for the end, if the transaction has written: for at most half of the read's
  own timeout, at most a second, and at most 100 milliseconds once the transaction's process waits for
  something itself. Then it reads without those writes, and the log says where. A function that needs
  the result of its task should start it before its first write, or after the transaction.

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
  Anything else raises `ArgumentError`. Options and further results: as of `c:transaction/2`.

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
  Runs a function within a transaction so that a rollback undoes only what this function has written.
  Outside of a transaction it is one itself. Results: as of `c:transaction/2`.
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
    * `:from` - only those after a seq, a cursor (see `AshRusqlite.Journal.cursor/1`) or an event
    * `:after`, `:before` - only those after, or before, an event, a cursor, or a number: with one
      `source:` a position of it, otherwise a seq
    * `:order` - `:asc`, or `:desc` for the newest first
    * `:limit` - the largest number of events. 100
    * `:timeout`

  The last event of a page leads to the next one:

      page = MyApp.Repo.events(source: "room:kitchen")
      MyApp.Repo.events(source: "room:kitchen", after: List.last(page))

  Every such read is a search of an index, and costs the same however long the journal is.

  Raises

    * `:not_journaled` - the database has no journal
    * `:unknown_source` - the only source that is asked for has no event
    * `:position_ahead` - the journal has not reached this place yet
    * `:outdated` - retention has removed some of the events that are asked for. `:oldest` in the details
      is the place from which on none is missing
    * `:other_journal` - the cursor is of another database, or older than a restore
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
  Follows the journal: the calling process receives the events from a place on, first those of the past,
  then new ones as they are committed, in order and whatever program has made them. An event is sent once
  it is durable. The messages are

    * `{:journal, subscription, events}` - at least one event. None is left out and none comes twice
    * `{:journal_closed, subscription, error}` - the subscription ended, other than by
      `c:unsubscribe/1`. The error is `:closed` when the repo was stopped, `:other_journal` when it was
      restored, and `:outdated` when retention removed events that a slow subscriber had not received

  Options:

    * `:from` - `:head` for the events from now on, or a seq, a cursor or an event, for those after it. 0
      is the beginning. Default: `:head`
    * `:source`, `:type`, `:actor`, `:table` - only such events; a list means any of these
    * `:max_demand` - the number of events that may be sent and not yet acknowledged by
      `AshRusqlite.Journal.ack/2`. Default: 500
    * `:demand` - `:manual` sends only as many as `AshRusqlite.Journal.ask/2` asks for

  A subscription is a process. It ends with its subscriber.

      {:ok, subscription} = MyApp.Repo.subscribe(source: "room:kitchen", from: 0)

      receive do
        {:journal, ^subscription, events} ->
          AshRusqlite.Journal.ack(subscription, List.last(events))
      end

  Errors are those of `c:events/1`, but the source may have no events yet.
  """
  operation Events, subscribe(opts :: keyword() \\ []) :: {:ok, pid()} | {:error, Error.t()}

  @doc "Ends a subscription. Nothing is sent after this."
  operation Events, unsubscribe(subscription :: pid()) :: :ok

  @doc """
  Calls a function, and returns what it returns. The journal notes the actor in the events of what the
  function writes: in the calling process and in this repo, until the function ends. Options:

    * `:action` - the name of what is done, such as `:import`
    * `:metadata` - a map with more about it, which is stored as JSON

  In a call within another one, what the inner one does not give is as in the outer one, and the maps of
  metadata are merged. A write may give its own, see "The journal" above, and an Ash action has its own.
  `AshRusqlite.Actor` describes what an actor may be; nil is none.

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
  Applies the pending migrations, see `AshRusqlite.Migrator`. Options:

    * `:to` - the last version to apply
    * `:step` - the largest number of migrations to apply
    * `:migrations` - another folder
    * `:take_over` - whether tables and indexes that a pending file creates may exist already. Default:
      the repo's `:auto_migrate`
    * `:progress` - true or a function, see `AshRusqlite.Progress`
    * `:timeout` - how long it may wait for the writer

  Those that existed already and fit are in `taken_over` of the result, a line for each with what it
  allows beyond the file. If one does not fit, the error is `:schema_mismatch` with all `problems` in its
  details. See "Tables that are there already" at `AshRusqlite.Migrator`.
  """
  operation Maintenance,
            migrate(opts :: keyword() \\ []) :: {:ok, [applied()]} | {:error, Error.t()},
            bang: "what was applied",
            group: "Migrations"

  @doc """
  Rolls back the newest migration, or the newest `step:` ones, or all down to the version `to:`, itself
  included. Further options: as of `c:migrate/1`.
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
  Copies the database into a new file while it is in use. Options: `overwrite:` true replaces a file that
  is there, `progress:`. The database itself is never replaced, nor are the files `-wal`, `-shm` and
  `-journal` of any database.
  """
  operation Maintenance,
            backup(path :: Path.t(), opts :: keyword() \\ []) ::
              {:ok, copied()} | {:error, Error.t()},
            bang: "what was copied"

  @doc "Replaces the content by that of a backup, after a check of that file. Option: `progress:`."
  operation Maintenance,
            restore(path :: Path.t(), opts :: keyword() \\ []) ::
              {:ok, copied()} | {:error, Error.t()},
            bang: "what was copied"

  @doc """
  Checks the file and its foreign keys: returns a line for each problem, `[]` when there is none.
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
  Makes a new database from the events of the journal alone. It has the tables, indexes, views and
  triggers of this one, the rows that result from the events, and the journal, which continues there with
  another epoch. Values that events do not hold (sensitive and redacted ones) are null, or empty where
  they may not be null. Returns a map of `:events`, `:rows`, `:tables`, `:empty` (the tables that are not
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

  @doc "Stops the repo once the queued writes are finished. The argument is the milliseconds to wait."
  @doc group: "Process"
  @callback stop(timeout()) :: :ok

  @doc "The engine's options: those of the running repo, or the configured ones when it does not run."
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
