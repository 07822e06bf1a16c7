defmodule Mix.Tasks.AshRusqlite.Baseline do
  @shortdoc "Writes the first migration of an existing database"

  @moduledoc """
  Writes the first migration of an existing database, which AshSqlite, Ecto or a person made.

  The file has the statements that made the tables, and is recorded as applied. Nothing else of the database
  is written, see `AshRusqlite.Repo.Maintenance.baseline/3`.

      mix ash_rusqlite.baseline create_tables
      mix ash_rusqlite.baseline create_tables -r MyApp.Repo
      mix ash_rusqlite.baseline create_tables --database chat.db --migrations priv/repo/migrations

  The repo is that of `config :my_app, ash_rusqlite_repos: [MyApp.Repo]`.

    * `-r`, `--repo` - a repo module
    * `--database` - a file, without a repo module
    * `--migrations` - the folder of the migrations
    * `-q`, `--quiet` - print errors only
  """

  use Mix.Task

  @impl true
  def run(args) do
    case Mix.AshRusqlite.parse!(args) do
      {opts, [name]} ->
        Mix.AshRusqlite.one_repo(opts, [create: false] ++ folder(opts), &baseline(name, &1, &2))

      _ ->
        Mix.raise(
          "give the name of the migration, such as mix ash_rusqlite.baseline create_tables"
        )
    end
  end

  # The application's sources, not what Mix has built of them.
  defp folder(opts) do
    Mix.Task.run("app.config")

    case Mix.AshRusqlite.targets(opts) do
      [repo] when is_atom(repo) -> [migrations: Mix.AshRusqlite.Generate.folder(repo, opts)]
      _ -> []
    end
  end

  defp baseline(name, repo, words) do
    result = AshRusqlite.Repo.Maintenance.baseline(repo, name)
    %{path: path, tables: tables} = Mix.AshRusqlite.value!(result)
    names = Enum.join(tables, ", ")
    Mix.shell().info("#{words}: version one is #{Path.relative_to_cwd(path)}, with #{names}")
  end
end
