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

  A keyword list or map. Names are strings or atoms; everything is quoted, and only `where:` and
  `expressions:` of an index and `sql:` of a check are SQL, written by the developer as in a
  migration.

    * `:table` - the name
    * `:columns` - a list of `[name:, type:, declared:, null:, default:, default_sql:]`. `type` is a declared
      type of `AshRusqlite` such as `"UUID_TEXT"`, or nil for values of any type; `declared` is
      how the column is declared where that is not its type, such as `"VARCHAR(30)"`: see
      `read_as/2`; `null` is true unless given; `default` is a value that is stored when a row
      leaves the column out, and `default_sql` in its place an expression in the developer's SQL
    * `:primary_key` - columns, by default none. They are never null
    * `:autoincrement` - the `INTEGER` column that is the primary key alone, whose numbers are
      given by SQLite and never twice. Without it such a key is numbered as well, but the
      number of the last row may come again after that row is deleted
    * `:indexes` - a list of `[name:, columns:, unique:, where:, condition:, nulls_distinct:,
      ignore_case:, expressions:, prefix:]`. `condition` is as `where` an expression of
      `AshRusqlite.Repo.Expression` instead of SQL; where both are given both must hold. It becomes
      SQL with literals, so it has comparisons of columns with values, `:and`, `:or`, `:not` and
      `:is_nil`, and neither functions nor collations of this library, without which other programs
      could not write to the table. `expressions` lists those of the columns that are SQL, such as
      `"lower(title)"`.
      `ignore_case` lists columns of it in which the case of ASCII makes no difference; where there is
      an index that distinguishes case, one that does not is made beside it, with `_nocase` behind its
      name, unless there are rows that it would refuse. One that ignores case fits also where
      the description does not ask for it. An index whose name one of another table has gets the table behind it:
      `name@table`. `unique` is false unless given. `nulls_distinct: false` makes nulls equal to each other in a unique
      index; it is then an index over expressions, which serves the constraint but neither
      searches nor the `conflict_target:` of an upsert. `prefix: true` is for an index that only
      makes searches quick: none is made where another one, the primary key included, begins
      with its first column, or with all of its columns in another order
    * `:foreign_keys` - a list of `[name:, columns:, references:, on:, on_delete:, on_update:,
      deferrable:]`: `on_delete` is `:nothing`, `:delete`, `:nilify` or `:restrict`,
      `on_update` has `:update` in place of `:delete`, `deferrable` is false, true or
      `:initially`. The table that it refers to may be made later, but before the first row
    * `:checks` - a list of `[name:, sql:]`
    * `:journal` - how each change of a row becomes an event, nil for not at all: `[type:, source:,
      actor:, skip:, sensitive:, events:]`. `type` is what the types of the events begin with, such as
      `"chat.message"`; `source` what they are about, `{"room", "room_id"}` for `room:<room_id>`;
      `actor` who made the change where the write does not say it, `{"user", "user_id"}`; `skip` lists
      columns whose changes are no events, `sensitive` those of which an event has a digest for the
      value. `events` are changes with a type of their own, of which the first counts that fits:
      `[type: "chat.room.hidden", on: :update, where: "NEW.hidden AND NOT OLD.hidden"]`, with `on` one
      of `:insert`, `:update` and `:delete`. In the place of `where`, or besides it, `condition` is an
      expression, in which `{:col, "hidden"}` is the value after the change and
      `{:col, 1, "hidden"}` that before it. A table without `:journal` that is journaled stays so
    * `:strict` - whether it is a STRICT table, which has only `TEXT`, `INTEGER`, `REAL`, `BLOB`
      and `ANY` columns. A column with a `declared:` that is none of these is declared as the
      one that holds its type; without `declared:` it is refused
    * `:best_effort` - whether `ensure_table/3` leaves out what it cannot add, such as a unique index
      over equal rows, and adds the rest. By default it adds all or nothing

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
