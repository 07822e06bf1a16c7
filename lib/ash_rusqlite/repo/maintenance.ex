defmodule AshRusqlite.Repo.Maintenance do
  @moduledoc """
  Migrations, backups and care of the repo that is given by name or pid. A repo module has
  the same functions without the first argument, documented at `AshRusqlite.Repo`.

  None of them may be called inside a transaction of the same repo.
  """

  use AshRusqlite.Repo.Operations

  alias AshRusqlite.{Error, Native, Progress, Telemetry}
  alias AshRusqlite.Repo.{Call, CheckedCopy, Options, Registry, Request, Server, Transaction}

  @typep repo :: AshRusqlite.Repo.repo()
  @typep result(value) :: {:ok, value} | {:error, Error.t()}

  @typedoc "An index that is missing, see `advise/2`."
  @type index :: %{
          name: String.t(),
          table: String.t(),
          columns: [String.t()],
          statement: String.t()
        }

  @typedoc "A foreign key that no index begins with, see `advise/2`."
  @type foreign_key :: %{
          table: String.t(),
          columns: [String.t()],
          references: String.t(),
          index: index()
        }

  @typedoc "A statement that scanned, see `advise/2`."
  @type statement :: %{
          sql: String.t(),
          runs: non_neg_integer(),
          rows: non_neg_integer(),
          full_scan_steps: non_neg_integer(),
          sorts: non_neg_integer(),
          automatic_index_rows: non_neg_integer(),
          indexes: [index()]
        }

  @typedoc "A column of times with texts in other forms than its own, see `other_forms/2`."
  @type other_forms :: %{
          table: String.t(),
          column: String.t(),
          rows: pos_integer(),
          example: String.t(),
          left: non_neg_integer(),
          statement: String.t() | nil
        }

  @modes [:passive, :full, :restart, :truncate]

  # The options of what runs pending migrations.
  @pending [:migrations, :to, :step, :take_over]

  @doc "See `c:AshRusqlite.Repo.migrate/1`."
  def migrate(repo, opts \\ []) do
    run(repo, :migrate, opts, @pending, fn entry, opts ->
      with {:ok, folder, given} <- pending(entry, opts),
           do: {:ok, &Native.migrate(entry.db, &1, folder, given)}
    end)
  end

  defp pending(entry, opts) do
    opts = Keyword.put_new(opts, :take_over, entry.auto_migrate)

    with {:ok, folder} <- folder(entry, opts),
         {:ok, _} <- boolean(opts, :take_over),
         do: {:ok, folder, Keyword.take(opts, [:to, :step, :take_over])}
  end

  @doc false
  # Whether tables follow their resources, and their folder of migrations is not there yet. One that is
  # named must be there.
  @spec without_files?(repo(), keyword()) :: boolean()
  def without_files?(repo, opts) do
    with false <- Keyword.has_key?(opts, :migrations),
         {:ok, %{auto_migrate: true} = entry} <- Registry.lookup(repo),
         {:ok, folder} <- folder(entry, opts) do
      not File.exists?(folder)
    else
      _ -> false
    end
  end

  @doc "See `c:AshRusqlite.Repo.rollback_migration/1`."
  def rollback_migration(repo, opts \\ []) do
    run(repo, :rollback_migration, opts, [:migrations, :to, :step], fn entry, opts ->
      with {:ok, folder} <- folder(entry, opts) do
        {:ok, &Native.rollback_migration(entry.db, &1, folder, Keyword.take(opts, [:to, :step]))}
      end
    end)
  end

  @doc "See `c:AshRusqlite.Repo.migrations/1`."
  def migrations(repo, opts \\ []) do
    run(repo, :migrations, opts, [:migrations], fn entry, opts ->
      with {:ok, folder} <- folder(entry, opts) do
        {:ok, &Native.migrations(entry.db, &1, folder)}
      end
    end)
  end

  @doc """
  Runs the pending migrations on a copy of the database and says what they do, before production
  runs them. The database is only read and may be in use, by other programs, too. With a repo that is
  started with `read_only: true` not a byte of its file is written.

  Returns a map:

    * `:migrations` - what was pending, each with `:version`, `:name`, `:duration_us` of its SQL,
      `:held_us` for which it holds the writer, the commit included, `:tables` that it writes to,
      makes, changes or drops, also by triggers, and `:taken_over`
    * `:problems` - what is wrong with the pages, indexes and foreign keys of the copy, as of `check/2`
    * `:broken` - views, triggers and statements that work before the migrations and not behind them,
      each with `:kind`, `:name` (of a statement its SQL) and `:message`. The statements are those
      that scanned since the repo was started, see `advise/2`
    * `:on_copy` - what the function `on_copy:` returned

  The copy is beside the database, so that its disk is the same, or in the temporary folder where
  that cannot be written, and goes at the end. Needs as much room as the database has.

  Options: those of `migrate/2`, and `on_copy:`, a function that is called with a read-only repo of
  the migrated copy. Errors: that of the migration that fails, and those of `backup/3`.

  ## Example

      iex> {:ok, repo} = AshRusqlite.Repo.start_link(database: ":memory:")
      iex> folder = Path.join(System.tmp_dir!(), "check-#{System.unique_integer([:positive])}")
      iex> File.mkdir_p!(folder)
      iex> File.write!(Path.join(folder, "1_a.sql"), "-- up\\nCREATE TABLE rooms (id TEXT PRIMARY KEY);\\n")
      iex> alias AshRusqlite.Repo.Maintenance
      iex> {:ok, check} = Maintenance.check_migrations(repo, migrations: folder)
      iex> {[%{version: 1, tables: ["rooms"]}], [], []} = {check.migrations, check.problems, check.broken}
      iex> {:ok, [%{state: :pending}]} = Maintenance.migrations(repo, migrations: folder)
      iex> File.rm_rf!(folder)
      iex> AshRusqlite.Repo.stop(repo)
      :ok
  """
  @spec check_migrations(repo(), keyword()) ::
          result(%{
            migrations: [map()],
            problems: [String.t()],
            broken: [
              %{kind: :view | :trigger | :statement, name: String.t(), message: String.t()}
            ],
            on_copy: term()
          })
  def check_migrations(repo, opts \\ []) do
    {on_copy, opts} = Keyword.pop(opts, :on_copy)

    with {:ok, entry} <- Registry.lookup(repo) do
      CheckedCopy.with_path(entry, fn copy ->
        with {:ok, check} <- check_on_copy(repo, copy, opts),
             {:ok, value} <- CheckedCopy.ask(copy, on_copy),
             do: {:ok, Map.put(check, :on_copy, value)}
      end)
    end
  end

  defp check_on_copy(repo, copy, opts) do
    run(repo, :check_migrations, opts, @pending, fn entry, opts ->
      with {:ok, folder, given} <- pending(entry, opts),
           do: {:ok, &Native.check_migrations(entry.db, &1, folder, copy, given)}
    end)
  end

  @doc """
  Makes the tables of a file that AshSqlite, Ecto or a person made version one of its migrations:
  writes `<version>_<name>.sql` into the folder of the migrations, with the statements that made the
  tables, indexes, views and triggers as they are, and notes it in the ledger as applied. Nothing
  else of the database is written.

  An empty database that is migrated by the file has the same schema, which is tried first. Its
  down part drops every table. Left out are the tables of SQLite, of this library and
  `schema_migrations`, Ecto's ledger.

  Returns the file and its tables. Options: `migrations:` the folder, made where it is missing;
  `version:` the digits of the file's name, by default the time in UTC, such as 20260110090000;
  `timeout:`. Errors: `:invalid_migration` when the ledger has entries, the folder has migrations or
  the database no tables, `:invalid_option` for a name of other characters than letters, digits, `_`
  and `-`, and those of writing a file.

  ## Example

      iex> {:ok, repo} = AshRusqlite.Repo.start_link(database: ":memory:")
      iex> alias AshRusqlite.Repo.{Maintenance, Schema}
      iex> {:ok, _} = Schema.ensure_table(repo, table: "rooms", columns: [[name: "id", type: "TEXT"]])
      iex> folder = Path.join(System.tmp_dir!(), "baseline-#{System.unique_integer([:positive])}")
      iex> {:ok, written} = Maintenance.baseline(repo, "first", migrations: folder, version: 1)
      iex> {Path.basename(written.path), written.tables}
      {"1_first.sql", ["rooms"]}
      iex> {:ok, [%{state: :applied}]} = Maintenance.migrations(repo, migrations: folder)
      iex> File.rm_rf!(folder)
      iex> AshRusqlite.Repo.stop(repo)
      :ok
  """
  @spec baseline(repo(), String.t(), keyword()) ::
          result(%{
            version: integer(),
            name: String.t(),
            path: String.t(),
            tables: [String.t()]
          })
  def baseline(repo, name, opts \\ []) do
    run(repo, :baseline, opts, [:migrations, :version], fn entry, opts ->
      with {:ok, folder} <- folder(entry, opts), {:ok, version} <- version(opts) do
        {:ok, &Native.baseline(entry.db, &1, folder, name, version)}
      end
    end)
  end

  defp version(opts) do
    case Keyword.get_lazy(opts, :version, &now/0) do
      version when version in 1..999_999_999_999_999_999 -> {:ok, version}
      other -> Options.wrong(:version, other, "a number of 1 to 18 digits")
    end
  end

  defp now do
    DateTime.utc_now() |> Calendar.strftime("%Y%m%d%H%M%S") |> String.to_integer()
  end

  @doc "See `c:AshRusqlite.Repo.backup/2`."
  def backup(repo, path, opts \\ []) do
    run(repo, :backup, opts, [:overwrite], fn entry, opts ->
      with {:ok, path} <- path(path), {:ok, overwrite} <- boolean(opts, :overwrite) do
        {:ok, &Native.backup(entry.db, &1, path, overwrite: overwrite)}
      end
    end)
  end

  @doc "See `c:AshRusqlite.Repo.restore/2`."
  def restore(repo, path, opts \\ []) do
    run(repo, :restore, opts, [], fn entry, _opts ->
      with {:ok, path} <- path(path), do: {:ok, &Native.restore(entry.db, &1, path)}
    end)
  end

  @doc "See `c:AshRusqlite.Repo.check/1`."
  def check(repo, opts \\ []) do
    run(repo, :check, opts, [:quick, :limit], fn entry, opts ->
      limit = Keyword.get(opts, :limit, 100)

      with {:ok, quick} <- boolean(opts, :quick) do
        if is_integer(limit) and limit in 1..1_000_000,
          do: {:ok, &Native.check(entry.db, &1, quick: quick, limit: limit)},
          else: Options.wrong(:limit, limit, "a count of lines from 1 to 1000000")
      end
    end)
  end

  @doc "See `c:AshRusqlite.Repo.journal_verify/1`."
  def journal_verify(repo, opts \\ []) do
    run(repo, :journal_verify, opts, [:limit], fn entry, opts ->
      limit = Keyword.get(opts, :limit, 20)

      if is_integer(limit) and limit in 1..1_000_000,
        do: {:ok, &Native.journal_verify(entry.db, &1, limit)},
        else: Options.wrong(:limit, limit, "a count of findings from 1 to 1000000")
    end)
  end

  @doc "See `c:AshRusqlite.Repo.journal_rebuild/2`."
  def journal_rebuild(repo, path, opts \\ []) do
    run(repo, :journal_rebuild, opts, [:overwrite], fn entry, opts ->
      with {:ok, path} <- path(path), {:ok, overwrite} <- boolean(opts, :overwrite) do
        {:ok, &Native.journal_rebuild(entry.db, &1, path, overwrite: overwrite)}
      end
    end)
  end

  @doc """
  Indexes that are missing, tried before they are named:

    * `:foreign_keys` - foreign keys that no index begins with: when a row that is referred to is
      deleted, SQLite looks at every row that may refer to it. A list of `%{table:, columns:,
      references:, index:}`
    * `:statements` - the statements of the running repo, by their text, that looked at rows one
      after the other, those with the most steps first. A list of `%{sql:, runs:, rows:,
      full_scan_steps:, sorts:, automatic_index_rows:, indexes:}`. `runs` are those that scanned or
      sorted and came to their end, `rows` is what they gave, `full_scan_steps` the rows that were
      looked at, `automatic_index_rows` those that SQLite put into an index for one run. `indexes`
      are such that the statement's plan uses them once they are there, tried on an empty
      copy of the schema with the figures of ANALYZE; `[]` where there are none

  An index is `%{name:, table:, columns:, statement:}`: `columns` are names, with ` DESC` behind
  where the greatest value comes first, `statement` is the `CREATE INDEX`.

  Statements that would not scan any more are left out. At most 100 statements of readers and of
  the writer each are kept, since the repo was started. Nothing is written. Options:

    * `min_steps:` - statements with fewer steps a run are left out, by default 100
    * `progress:` - as for `check/2`

  ## Example

      iex> {:ok, repo} = AshRusqlite.Repo.start_link(database: ":memory:")
      iex> alias AshRusqlite.Repo.{Maintenance, Reads, Schema}
      iex> columns = [[name: "id", type: "INTEGER"], [name: "room", type: "TEXT"]]
      iex> {:ok, _} = Schema.ensure_table(repo, table: "messages", columns: columns)
      iex> Reads.all(repo, "messages", where: [room: "kitchen"])
      []
      iex> {:ok, %{foreign_keys: [], statements: []}} = Maintenance.advise(repo)
      iex> AshRusqlite.Repo.stop(repo)
      :ok
  """
  @spec advise(repo(), keyword()) ::
          result(%{foreign_keys: [foreign_key()], statements: [statement()]})
  def advise(repo, opts \\ []) do
    run(repo, :advise, opts, [:min_steps], fn entry, opts ->
      min_steps = Keyword.get(opts, :min_steps, 100)

      if is_integer(min_steps) and min_steps in 0..1_000_000_000,
        do: {:ok, &Native.advise(entry.db, &1, min_steps)},
        else: Options.wrong(:min_steps, min_steps, "a number of rows up to 1000000000")
    end)
  end

  @doc """
  Columns of times whose texts are not all in the form that the column is written in, such as
  `2026-01-02 03:04:05` of SQLite's `CURRENT_TIMESTAMP` beside `2026-01-02T03:04:05Z`. They are read
  and compared as the times that they are, but an index serves sorts and cursors only where every
  text has the column's form. Returns a list of maps:

    * `:table` and `:column`
    * `:rows` - how many rows have a text in another form
    * `:example` - one of these texts
    * `:statement` - the SQL for a migration, an `UPDATE` for each form that was found, with a
      semicolon behind each; `nil` where it would change nothing. It is made of SQLite's own
      functions, and the time that is read of each row is the same before and after it
    * `:left` - how many of the rows the statement leaves as they are, since the form of the column
      would lose something: a fraction in a column of whole seconds, a fraction that goes on after its
      sixth digit, an offset in a column of times without a zone, and whatever cannot be read. Where
      it is not 0 the column has several forms after the statement, too

  Every row of every such column of a table is read, of those whose declared types are ours and of
  those that `AshRusqlite.Repo.Schema.read_as/2` has named; a resource of Ash does so at its first
  use. Views, virtual tables and generated columns are left out. Nothing is written. A
  column with a default in another form, such as `CURRENT_TIMESTAMP`, or one that triggers fill
  counts as one of several forms whatever its rows hold. The `UPDATE` runs triggers and checks
  constraints as any other: where two texts of one time are unique, it is refused.

  Options: `timeout:` and `progress:` as for `check/2`. Errors: `:closed` when the repo stops
  meanwhile, `:timeout`, and those of reading.

  ## Example

      iex> {:ok, repo} = AshRusqlite.Repo.start_link(database: ":memory:")
      iex> alias AshRusqlite.Repo.{Maintenance, Schema}
      iex> columns = [[name: "id", type: "INTEGER"], [name: "at", type: "DATETIME_TEXT"]]
      iex> {:ok, _} = Schema.ensure_table(repo, table: "messages", columns: columns)
      iex> Maintenance.other_forms(repo)
      {:ok, []}
      iex> AshRusqlite.Repo.stop(repo)
      :ok
  """
  @spec other_forms(repo(), keyword()) :: result([other_forms()])
  def other_forms(repo, opts \\ []) do
    run(repo, :other_forms, opts, [], fn entry, _opts ->
      {:ok, &Native.other_forms(entry.db, &1)}
    end)
  end

  @doc "See `c:AshRusqlite.Repo.checkpoint/2`."
  def checkpoint(repo, mode \\ :passive, opts \\ []) do
    run(repo, :checkpoint, opts, [], fn entry, _opts ->
      if mode in @modes,
        do: {:ok, &Native.checkpoint(entry.db, &1, mode)},
        else: Options.wrong(:mode, mode, "one of " <> Enum.map_join(@modes, ", ", &inspect/1))
    end)
  end

  @doc "See `c:AshRusqlite.Repo.vacuum/1`."
  def vacuum(repo, opts \\ []) do
    run(repo, :vacuum, opts, [], fn entry, _opts -> {:ok, &Native.vacuum(entry.db, &1)} end)
  end

  @doc "See `c:AshRusqlite.Repo.journal_baseline/1`."
  def journal_baseline(repo, opts \\ []) do
    run(repo, :journal_baseline, opts, [], fn entry, _opts ->
      {:ok, &Native.journal_baseline(entry.db, &1)}
    end)
  end

  @doc "See `c:AshRusqlite.Repo.redact/3`."
  def redact(repo, table, rows, opts \\ []) do
    run(repo, :redact, opts, [:columns, :delete, :actor, :reason, :vacuum], fn entry, opts ->
      rows =
        case rows do
          [where: condition] -> Request.redacted_where(condition)
          key -> Request.redacted_key(key)
        end

      {:ok, &Native.redact(entry.db, &1, table, rows, opts)}
    end)
  end

  @doc "See `c:AshRusqlite.Repo.retain/1`."
  def retain(repo, opts \\ []) do
    run(repo, :retain, opts, [:older_than, :table, :source], fn entry, opts ->
      {older_than, opts} = Keyword.pop(opts, :older_than)

      with {:ok, before} <- time_of(older_than),
           do: {:ok, &Native.retain(entry.db, &1, [before: before] ++ opts)}
    end)
  end

  @units [weeks: 604_800, days: 86_400, hours: 3_600, minutes: 60, seconds: 1]

  defp time_of(%DateTime{} = time) do
    {:ok, time |> DateTime.shift_zone!("Etc/UTC") |> DateTime.to_iso8601()}
  end

  defp time_of([_ | _] = age) do
    if Enum.all?(age, &match?({unit, n} when is_integer(n) and n >= 0 and is_atom(unit), &1)) and
         Enum.all?(Keyword.keys(age), &Keyword.has_key?(@units, &1)) do
      seconds = age |> Enum.map(fn {unit, n} -> @units[unit] * n end) |> Enum.sum()
      DateTime.utc_now() |> DateTime.add(-seconds, :second) |> time_of()
    else
      wrong_age(age)
    end
  end

  defp time_of(other), do: wrong_age(other)

  defp wrong_age(given) do
    Options.wrong(:older_than, given, "a DateTime, or an age such as [days: 90]")
  end

  @doc "See `c:AshRusqlite.Repo.verify_chain/1`."
  def verify_chain(repo, opts \\ []) do
    run(repo, :verify_chain, opts, [], fn entry, _opts ->
      {:ok, &Native.verify_chain(entry.db, &1)}
    end)
  end

  @doc "See `c:AshRusqlite.Repo.stats/0`."
  def stats(repo) do
    with {:ok, entry} <- Registry.lookup(repo) do
      Registry.with_current(entry, entry.timeout, fn entry, _left ->
        Call.now(Native.stats(entry.db))
      end)
    end
  end

  @doc false
  @spec versions() :: map()
  def versions, do: Native.versions()

  defp run(repo, operation, opts, known, prepare) do
    with {:ok, entry} <- Registry.lookup(repo),
         {:ok, timeout, opts} <- Options.pop_timeout(opts, :infinity),
         {progress, opts} = Keyword.pop(opts, :progress, false),
         :ok <- Options.known(opts, known ++ [:progress]),
         :ok <- outside_of_transaction(entry, operation) do
      observe(entry, operation, fn ->
        around(entry, operation, fn ->
          Registry.with_current(entry, timeout, &prepared(&1, &2, opts, prepare, progress))
        end)
      end)
    end
  end

  defp prepared(entry, timeout, opts, prepare, progress) do
    with {:ok, start} <- prepare.(entry, opts), do: job(entry, start, timeout, progress)
  end

  # Processes that cache which tables are there have to look again. What does not fit is not reported
  # before the migrations are through.
  defp around(entry, operation, job)
       when operation in [:migrate, :rollback_migration, :restore] do
    Server.change_tables(entry, job)
  end

  defp around(_entry, _operation, job), do: job.()

  defp job(entry, start, timeout, true) do
    Progress.show(&Call.job(entry.db, start, timeout, &1))
  end

  defp job(entry, start, timeout, quiet) when quiet in [false, nil] do
    Call.job(entry.db, start, timeout, nil)
  end

  defp job(entry, start, timeout, fun) when is_function(fun, 1) do
    Call.job(entry.db, start, timeout, fun)
  end

  defp job(_entry, _start, _timeout, other) do
    Options.wrong(:progress, other, "true, false or a function of one argument")
  end

  # It would wait for the writer that this very process holds.
  defp outside_of_transaction(entry, operation) do
    if Transaction.open?(entry) do
      message = "#{operation} cannot run inside a transaction of the same process"
      {:error, Error.new(:not_allowed, message)}
    else
      :ok
    end
  end

  defp folder(entry, opts) do
    case Keyword.get(opts, :migrations, entry.migrations) do
      path when is_binary(path) and path != "" ->
        {:ok, Path.expand(path)}

      nil ->
        message = "no folder of migrations: give the repo, or the call, the option migrations:"
        {:error, Error.new(:invalid_option, message, %{option: "migrations"})}

      other ->
        Options.wrong(:migrations, other, "the path of a folder")
    end
  end

  defp path(path) when is_binary(path) and path != "", do: {:ok, Path.expand(path)}
  defp path(other), do: Options.wrong(:path, other, "the path of a file")

  defp boolean(opts, name) do
    case Keyword.get(opts, name, false) do
      value when is_boolean(value) -> {:ok, value}
      other -> Options.wrong(name, other, "true or false")
    end
  end

  defp observe(%{telemetry: false}, _operation, fun), do: fun.()

  defp observe(entry, operation, fun) do
    metadata = %{repo: entry.repo, operation: operation}

    Telemetry.span(entry.telemetry, :maintenance, metadata, fun, fn
      {:error, error} -> {%{}, %{error: error}}
      _ -> {%{}, %{error: nil}}
    end)
  end
end
