defmodule AshRusqlite.Repo.Schema do
  @moduledoc """
  Tables that follow a description: made when they are first needed, and given the columns and
  indexes that the description has gained since. For the repo that is given by name or pid.

      iex> {:ok, repo} = AshRusqlite.Repo.start_link(database: ":memory:", name: nil)
      iex> rooms = [table: "rooms", primary_key: ["id"], columns: [[name: "id", type: "INTEGER"]]]
      iex> {:ok, [create]} = AshRusqlite.Repo.Schema.ensure_table(repo, rooms)
      iex> create
      ~s|CREATE TABLE "rooms" (\\n  "id" INTEGER PRIMARY KEY\\n)|
      iex> AshRusqlite.Repo.Schema.ensure_table(repo, rooms)
      {:ok, []}
      iex> grown = Keyword.update!(rooms, :columns, &(&1 ++ [[name: "title", type: "TEXT"]]))
      iex> {:ok, [difference]} = AshRusqlite.Repo.Schema.differences(repo, grown)
      iex> {difference.kind, difference.column, difference.statement}
      {:missing_column, "title", ~s|ALTER TABLE "rooms" ADD COLUMN "title" TEXT|}

  In production tables are made by migrations; there `differences/3` reports, when the
  application starts, what the tables lack, and the statement that adds it.

  ## The description

  A keyword list or map. Names are strings or atoms, and are quoted. Only `default_sql:` of a column,
  `where:` and `expressions:` of an index, `where:` of an event and `sql:` of a check are SQL: a developer
  writes them, as in a migration.

    * `:table` - the name. Required
    * `:columns` - a list of columns, see "Columns" below
    * `:primary_key` - columns, which are never null. Default: none
    * `:autoincrement` - the `INTEGER` column that alone is the primary key, and whose numbers SQLite gives,
      each only once. Without it such a key is numbered as well, but the number of the last row may come
      again after that row is deleted
    * `:indexes` - a list of indexes, see "Indexes" below
    * `:foreign_keys` - a list of `[name:, columns:, references:, on:, on_delete:, on_update:,
      deferrable:]`. `on_delete` is `:nothing`, `:delete`, `:nilify` or `:restrict`, `on_update` has
      `:update` in place of `:delete`, `deferrable` is false, true or `:initially`. The table that the key
      refers to may be made later, but before the first row
    * `:checks` - a list of `[name:, sql:]`
    * `:journal` - how each change of a row becomes an event, see "The journal" below. Default: nil, for not
      at all
    * `:strict` - whether it is a STRICT table, which has only `TEXT`, `INTEGER`, `REAL`, `BLOB`
      and `ANY` columns. A column with a `declared:` that is none of these is declared as the
      one that holds its type; without `declared:` it is refused
    * `:best_effort` - whether `ensure_table/3` leaves out what it cannot add, such as a unique index
      over equal rows, and adds the rest. Default: it adds all or nothing

  ### Columns

  A column is `[name:, type:, declared:, null:, default:, default_sql:]`:

    * `:type` - a declared type of `AshRusqlite`, such as `"UUID_TEXT"`, or nil for values of any type
    * `:declared` - how the column is declared where that is not its type, such as `"VARCHAR(30)"`, see
      `read_as/2`
    * `:null` - whether it may be null. Default: true
    * `:default` - the value that is stored when a row leaves the column out
    * `:default_sql` - in place of `:default`, an expression in SQL

  ### Indexes

  An index is `[name:, columns:, unique:, where:, condition:, nulls_distinct:, ignore_case:, expressions:,
  prefix:]`:

    * `:unique` - whether rows must differ in it. Default: false
    * `:where` - the condition of a partial index, as SQL
    * `:condition` - the condition as an expression of `AshRusqlite.Repo.Expression`. With a `:where`, both
      must hold. It becomes SQL with literals, so it consists of comparisons of columns with values, `:and`,
      `:or`, `:not` and `:is_nil`. Functions and collations of this library are not for it: other programs
      do not have them, and could not write to the table
    * `:nulls_distinct` - false makes nulls equal to each other in a unique index. The index is then one over
      expressions, which serves the constraint, but neither searches nor the `conflict_target:` of an
      upsert. Default: true
    * `:expressions` - those of the columns that are SQL, such as `"lower(title)"`
    * `:ignore_case` - those of the columns in which the case of ASCII letters makes no difference. Where an
      index exists that distinguishes case, one that does not is made beside it, named with `_nocase` at the
      end, unless it would refuse existing rows. An index that ignores case also fits a description that
      does not ask for it
    * `:prefix` - true for an index that only makes searches quick. It is not made where another index or
      the primary key begins with its first column, or with all of its columns in another order

  Where an index of another table has the name, the table is appended to it: `name@table`.

  ### The journal

  It is `[type:, source:, actor:, skip:, sensitive:, events:]`:

    * `:type` - what the types of the events begin with, such as `"chat.message"`
    * `:source` - what the events are about: `{"room", "room_id"}` for `room:<room_id>`
    * `:actor` - who made the change where the write does not have an actor: `{"user", "user_id"}`
    * `:skip` - columns whose changes make no event
    * `:sensitive` - columns of which an event has a digest in place of the value
    * `:events` - changes with a type of their own, of which the first that fits counts:
      `[type: "chat.room.hidden", on: :update, where: "NEW.hidden AND NOT OLD.hidden"]`. `on` is `:insert`,
      `:update` or `:delete`. In place of `where`, or besides it, `condition` is an expression, in which
      `{:col, "hidden"}` is the value after the change and `{:col, 1, "hidden"}` the one before it

  A table that is journaled stays so when its description has no `:journal`.

  ## What fits

  A table made by another program fits when it can hold what the description asks for. A column
  of one of our own types holds only that type (and one of microseconds also whole seconds).
  Others are judged by [SQLite's affinity](https://sqlite.org/datatype3.html): TEXT holds
  strings, uuids, decimals, times and JSON; INTEGER integers and booleans; REAL floats; BLOB
  binaries; NUMERIC (`DECIMAL`, `JSON`, `DATETIME`, …) all but strings and binaries; a column
  without a type holds everything. Columns and indexes that the description does not know are
  no difference, as long as rows can be written without them. Defaults are not compared.
  """

  alias AshRusqlite.Error
  alias AshRusqlite.Repo.{Call, Options, Registry, Request, Transaction}

  @typedoc "A table as it should be, see \"The description\" above."
  @type table_spec :: keyword() | map()

  @typedoc """
  What keeps a table from being as it should be. `:kind` is one of

    * `:missing_table`, `:missing_column`, `:missing_index` - `ensure_table/3` adds these
    * `:not_a_table` - it is a view
    * `:wrong_type` - the column cannot hold every value of the type
    * `:missing_not_null`, `:unexpected_not_null`
    * `:unexpected_required_column` - NOT NULL without a default, and not in the description
    * `:wrong_primary_key`, `:missing_autoincrement`
    * `:blocked_index` - an index is missing, and there are rows that are equal in it: the message
      and `:found` have how many, and the keys of some
    * `:wrong_index` - the name is taken by something else, or there is an index that distinguishes case
      where it should not, and there are rows that differ in nothing else
    * `:missing_foreign_key`, `:wrong_foreign_key` (it does other things on delete or update)
    * `:missing_check` - there is no check of that name

  `:statement` is the SQL that fixes it where one statement can, `:message` describes it in a
  sentence. `:column` has commas where it is several.
  """
  @type difference :: %{
          kind: atom(),
          table: String.t(),
          column: String.t() | nil,
          index: String.t() | nil,
          constraint: String.t() | nil,
          expected: String.t() | nil,
          found: String.t() | nil,
          statement: String.t() | nil,
          message: String.t()
        }

  @doc """
  Makes the table, or adds the columns and indexes that it lacks. Returns the statements that
  ran, `[]` when nothing was to do, in which case nothing is written. Option: `timeout:`.

  Nothing is ever dropped or changed. It is one step, all of it or nothing, for however many
  processes and programs ask at once. Inside of a transaction it is a part of that.

  A column that is NOT NULL without a default cannot be added to a table that has rows: it is
  added without NOT NULL, as its statement shows, and `differences/3` reports it from then on. So
  is a column with a default and a foreign key added without the foreign key. What cannot be
  added at all, a column of the primary key, is the error `:schema_mismatch`. An index that the
  rows violate is `:unique_violation`. With `best_effort: true` these are left out, as is an index
  whose own SQL is wrong; `differences/3` has them.
  """
  @spec ensure_table(AshRusqlite.Repo.repo(), table_spec(), keyword()) ::
          {:ok, [statement :: String.t()]} | {:error, Error.t()}
  def ensure_table(repo, table, opts \\ []) do
    run(repo, Request.ensure_table_step(table), opts, &Call.ensure_table(&1.db, table, &2))
  end

  @doc "As `ensure_table/3`, but returns the statements or raises."
  @spec ensure_table!(AshRusqlite.Repo.repo(), table_spec(), keyword()) :: [String.t()]
  def ensure_table!(repo, table, opts \\ []),
    do: repo |> ensure_table(table, opts) |> Error.unwrap!()

  @doc "What keeps the table from being as it should be, `[]` when it fits. Option: `timeout:`."
  @spec differences(AshRusqlite.Repo.repo(), table_spec(), keyword()) ::
          {:ok, [difference()]} | {:error, Error.t()}
  def differences(repo, table, opts \\ []) do
    run(repo, Request.differences_step(table), opts, &Call.table_differences(&1.db, table, &2))
  end

  @doc "As `differences/3`, but returns the list or raises."
  @spec differences!(AshRusqlite.Repo.repo(), table_spec(), keyword()) :: [difference()]
  def differences!(repo, table, opts \\ []),
    do: repo |> differences(table, opts) |> Error.unwrap!()

  @doc """
  Sets what the columns of a table hold, where their declared types do not say it: those of Ecto's
  SQLite adapter declare a UUID, a time or a map as `TEXT`. Such columns are then read, written
  and compared as the types of the specification, as far as they can hold these. Columns of our
  own types stay what they are. It counts until the repo stops; the file is left as it is. Only
  `:table` and `:columns` of the description matter, and of these the names and types.

      AshRusqlite.Repo.Schema.read_as(MyApp.Repo,
        table: "posts",
        columns: [[name: "id", type: "UUID_TEXT"], [name: "inserted_at", type: "DATETIME_USEC_TEXT"]]
      )
  """
  @spec read_as(AshRusqlite.Repo.repo(), table_spec()) :: :ok | {:error, Error.t()}
  def read_as(repo, table) do
    with {:ok, entry} <- Registry.lookup(repo) do
      Registry.with_current(entry, entry.timeout, fn entry, _left ->
        Call.read_table_as(entry.db, table)
      end)
    end
  end

  defp run(repo, operation, opts, outside) do
    with {:ok, entry} <- Registry.lookup(repo),
         {:ok, timeout, opts} <- Options.pop_timeout(opts, nil),
         :ok <- Options.known(opts, []) do
      timeout = timeout || entry.timeout

      if Transaction.open?(entry),
        do: Transaction.run(entry, operation, timeout),
        else: Registry.with_current(entry, timeout, outside)
    end
  end
end
