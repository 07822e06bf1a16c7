defmodule AshRusqlite.Migrator do
  @moduledoc """
  Migrations: plain SQL files in a folder, each applied once, in the order of their
  versions, and noted in the table `ash_rusqlite_migrations` of the database.

  A file is named `<timestamp>_<name>.sql`, such as `20260110090000_create_rooms.sql`, and
  has a part for each way:

      -- up
      CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL);

      -- down
      DROP TABLE rooms;

  Each runs in one transaction with its note, so a failing one leaves nothing behind.
  Foreign keys are checked before the commit instead of in between, so that a table can be
  rebuilt. A file must stay as it was applied: `migrate` refuses to go on when one was
  changed or is missing. Without the part `-- down` a migration cannot be rolled back.

  The folder is the repo's option `migrations:`, a path or `{app, path in the app}`. Of a
  repo module with `otp_app: :my_app` it is `priv/repo/migrations` of that app, where `repo`
  is the last part of the module's name.

  ## Running them

  From the shell with `mix ash_rusqlite.migrate`, anywhere with
  `c:AshRusqlite.Repo.migrate/1`, and at every start of an application by this child after
  its repo:

      children = [
        MyApp.Repo,
        {AshRusqlite.Migrator, repos: [MyApp.Repo]}
      ]

  In a release, without the application:

      AshRusqlite.Migrator.with_repo(MyApp.Repo, & &1.migrate!(progress: true))
  """

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
      with {:ok, _applied} <- Maintenance.migrate(repo, opts), do: nil
    end)
  end

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
