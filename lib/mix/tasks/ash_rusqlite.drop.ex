defmodule Mix.Tasks.AshRusqlite.Drop do
  @shortdoc "Deletes the database of a repo"

  @moduledoc """
  Deletes the database file of a repo, its `-wal` and its `-shm`. It asks first.

  A file that another process has open is not deleted, since that process would continue with a file that
  is gone. Only Linux reports such a process: on another system, end what uses the file first.

      mix ash_rusqlite.drop
      mix ash_rusqlite.drop -r MyApp.Repo --force
      mix ash_rusqlite.drop --database chat.db

  The repos are those of `config :my_app, ash_rusqlite_repos: [MyApp.Repo]`.

    * `-r`, `--repo` - a repo module, can be given several times
    * `--database` - a file, without a repo module
    * `-f`, `--force` - do not ask
    * `-q`, `--quiet` - print errors only
  """

  use Mix.Task

  @impl true
  def run(args) do
    opts = Mix.AshRusqlite.options!(args, force: :boolean)
    Mix.Task.run("app.config")
    opts |> Mix.AshRusqlite.targets() |> Mix.AshRusqlite.Setup.drop(!opts[:force])
  end
end
