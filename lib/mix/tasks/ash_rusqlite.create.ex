defmodule Mix.Tasks.AshRusqlite.Create do
  @shortdoc "Creates the database of a repo"

  @moduledoc """
  Creates the database file, and its folder. A database that is there is left as it is.

      mix ash_rusqlite.create
      mix ash_rusqlite.create -r MyApp.Repo
      mix ash_rusqlite.create --database chat.db

  The repos are those of `config :my_app, ash_rusqlite_repos: [MyApp.Repo]`.

    * `-r`, `--repo` - a repo module, can be given several times
    * `--database` - a file, without a repo module
    * `-q`, `--quiet` - print errors only
  """

  use Mix.Task

  @impl true
  def run(args) do
    opts = Mix.AshRusqlite.options!(args)

    Mix.AshRusqlite.each_repo(opts, [create: true], fn _repo, words ->
      Mix.shell().info("The database of #{words} is there")
    end)
  end
end
