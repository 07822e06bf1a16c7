defmodule AshRusqlite.Migrator do
  @moduledoc """
  Applies migrations: plain SQL files in a folder, each of them once, in the order of their versions. The
  table `ash_rusqlite_migrations` of the database, the ledger, records which ones were applied.

  A file is named `<timestamp>_<name>.sql`, such as `20260110090000_create_rooms.sql`. It has a part that
  applies the migration and one that rolls it back:

      -- up
      CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL);

      -- down
      DROP TABLE rooms;

  Each runs in one transaction with its record in the ledger, so a failing one leaves nothing behind.
  Foreign keys are checked only before the commit, so that a table can be rebuilt. A file must stay as it
  was applied: `migrate` is an error when one was changed or is missing. Without the part `-- down` a
  migration cannot be rolled back.

  The folder is the repo's option `migrations:`, a path or `{app, path in the app}`. For a repo module with
  `otp_app: :my_app` the default is `priv/repo/migrations` of that app, where `repo` is the last part of the
  module's name.

  ## Running them

  `mix ash_rusqlite.migrate` runs them from the shell, and `c:AshRusqlite.Repo.migrate/1` from code. With
  this child after the repo, an application runs them at every start:

      children = [
        MyApp.Repo,
        {AshRusqlite.Migrator, repos: [MyApp.Repo]}
      ]

  In dev, where tables follow their resources, the folder need not exist yet.

  In a release, without the application:

      AshRusqlite.Migrator.with_repo(MyApp.Repo, & &1.migrate!(progress: true))

  This child logs at level info what it applies, with the time that it took. Before it rebuilds a
  table of 10,000 rows and more, it logs the number of rows and about how long that takes.

  ## Tables that are there already

  Where the tables of a repo follow their resources (its option `:auto_migrate`, as in dev), or with
  `migrate(take_over: true)` and `mix ash_rusqlite.migrate --take-over`, a database may have already
  what a pending file makes. A statement that creates a table, an index, a view or a trigger, or adds
  a column, is then left out where the same is there and fits:

    * a table fits when each column of the file is there with a type that holds its values, and the
      primary key is the same. A column that is missing is added. What the table does without (NOT
      NULL, foreign keys, checks) is reported and stays so until a later file rebuilds it
    * an index of the same columns fits under any name. One of the same name that is another one is
      created again, as is a view or a trigger
    * a file that renames a column or a table whose new name is there, too, moves the values: those of
      the new column win, those of the old fill its nulls; rows of both tables are put together
    * a file that rebuilds a table keeps the columns that no file knows yet

  Nothing that fits is rebuilt, and no row is dropped. What does not fit ends with
  `:schema_mismatch`. In the ledger, migrations whose name ends in `_dev` may have lost their files,
  since one of another name replaces them; they are removed from it.
  """

  require Logger

  alias AshRusqlite.Progress
  alias AshRusqlite.Repo.Maintenance

  @doc false
  @spec child_spec(keyword()) :: Supervisor.child_spec()
  def child_spec(opts) do
    %{id: __MODULE__, start: {__MODULE__, :start_link, [opts]}, restart: :temporary}
  end

  @doc """
  Applies what is pending in each of the `repos:`, which must be running, then ends. Further
  options are those of `c:AshRusqlite.Repo.migrate/1`.

  Returns `:ignore`, or the first error, with which a supervisor does not start.
  """
  @spec start_link(keyword()) :: :ignore | {:error, AshRusqlite.Error.t()}
  def start_link(opts) do
    {repos, opts} = Keyword.pop!(opts, :repos)

    Enum.find_value(repos, :ignore, fn repo ->
      with {:ok, applied} <- logged(repo, opts) do
        for %{taken_over: [_ | _] = lines} = migration <- applied, line <- lines do
          Logger.info("#{inspect(repo)}: #{label(migration)} took over #{line}")
        end

        nil
      end
    end)
  end

  # Each is logged when it is done: a later one may take long, or fail.
  defp logged(repo, opts) do
    if Maintenance.without_files?(repo, opts), do: {:ok, []}, else: run(repo, opts)
  end

  defp run(repo, opts) do
    {progress, opts} = Keyword.pop(opts, :progress, false)

    case progress do
      true -> Progress.show(&migrate(repo, opts, &1))
      fun when is_function(fun, 1) -> migrate(repo, opts, fun)
      none when none in [false, nil] -> migrate(repo, opts, fn _progress -> :ok end)
      other -> Maintenance.migrate(repo, [progress: other] ++ opts)
    end
  end

  defp migrate(repo, opts, fun) do
    clock = :atomics.new(1, signed: true)
    :atomics.put(clock, 1, System.monotonic_time(:millisecond))

    progress = fn progress ->
      log(repo, clock, progress)
      fun.(progress)
    end

    Maintenance.migrate(repo, [progress: progress] ++ opts)
  end

  defp log(repo, clock, %{phase: :migrate, label: label}) do
    now = System.monotonic_time(:millisecond)
    took = now - :atomics.exchange(clock, 1, now)
    Logger.info("#{inspect(repo)}: applied #{label} in #{took} ms")
  end

  defp log(repo, _clock, %{phase: :rebuild, done: 0, estimate_ms: ms} = progress) do
    Logger.info(
      "#{inspect(repo)}: makes the table #{progress.label} anew: #{progress.total} rows, about #{ms} ms"
    )
  end

  defp log(_repo, _clock, _progress), do: :ok

  defp label(%{version: version, name: name}), do: "#{version}_#{name}"

  @doc """
  Calls `fun` with the repo module running: started with `opts` and stopped afterwards,
  unless it was running before.

  Returns `{:ok, what fun returned}` or the error with which the repo did not start.
  """
  @spec with_repo(module(), (module() -> value), keyword()) ::
          {:ok, value} | {:error, AshRusqlite.Error.t()}
        when value: term()
  def with_repo(repo, fun, opts \\ []) do
    {:ok, _} = Application.ensure_all_started(:ash_rusqlite)

    case repo.start_link(opts) do
      {:ok, pid} ->
        try do
          {:ok, fun.(repo)}
        after
          AshRusqlite.Repo.stop(pid)
        end

      {:error, {:already_started, _pid}} ->
        {:ok, fun.(repo)}

      {:error, error} ->
        {:error, error}
    end
  end
end
