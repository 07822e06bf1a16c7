defmodule Mix.Tasks.AshRusqlite.Backup do
  @shortdoc "Copies the database of a repo into a file"

  @moduledoc """
  Copies a database, also one that is in use, into a new file.

      mix ash_rusqlite.backup backups/monday.db
      mix ash_rusqlite.backup -r MyApp.Repo backups/monday.db --overwrite
      mix ash_rusqlite.backup --database chat.db backups/monday.db

  The repo is that of `config :my_app, ash_rusqlite_repos: [MyApp.Repo]`; when there are
  several, `-r` says which one.

    * `-r`, `--repo` - a repo module
    * `--database` - a file, without a repo module
    * `--overwrite` - replace a file that is there
    * `-q`, `--quiet` - print errors only
  """

  use Mix.Task

  @impl true
  def run(args) do
    {opts, rest} = Mix.AshRusqlite.parse!(args, overwrite: :boolean)

    path =
      case rest do
        [path] -> path
        _ -> Mix.raise("give the path of the new file: mix ash_rusqlite.backup PATH")
      end

    Mix.AshRusqlite.one_repo(opts, [create: false], fn repo, words ->
      options = Mix.AshRusqlite.take(opts, [:overwrite])
      copied = Mix.AshRusqlite.value!(AshRusqlite.Repo.Maintenance.backup(repo, path, options))
      Mix.shell().info("#{words}: #{copied.bytes} bytes copied to #{path}")
    end)
  end
end
