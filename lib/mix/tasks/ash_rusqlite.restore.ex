defmodule Mix.Tasks.AshRusqlite.Restore do
  @shortdoc "Replaces the content of a database by that of a backup"

  @moduledoc """
  Replaces the content of a database by that of a backup. It asks first.

  The backup is checked before, and after an error the database is as it was. The database may be in use: a
  read sees either the old content or the new one. It is created when it does not exist.

      mix ash_rusqlite.restore backups/monday.db
      mix ash_rusqlite.restore -r MyApp.Repo backups/monday.db --force
      mix ash_rusqlite.restore --database chat.db backups/monday.db

  The repo is that of `config :my_app, ash_rusqlite_repos: [MyApp.Repo]`; when there are
  several, `-r` says which one.

    * `-r`, `--repo` - a repo module
    * `--database` - a file, without a repo module
    * `-f`, `--force` - do not ask
    * `-q`, `--quiet` - print errors only
  """

  use Mix.Task

  @impl true
  def run(args) do
    {opts, rest} = Mix.AshRusqlite.parse!(args, force: :boolean)

    path =
      case rest do
        [path] -> path
        _ -> Mix.raise("give the path of the backup: mix ash_rusqlite.restore PATH")
      end

    Mix.AshRusqlite.one_repo(opts, [], fn repo, words ->
      unless opts[:force] || Mix.shell().yes?("Replace all that #{words} holds by #{path}?"),
        do: Mix.raise("The database of #{words} is kept")

      options = Mix.AshRusqlite.take(opts, [])
      copied = Mix.AshRusqlite.value!(AshRusqlite.Repo.Maintenance.restore(repo, path, options))
      Mix.shell().info("#{words}: #{copied.bytes} bytes restored from #{path}")
    end)
  end
end
