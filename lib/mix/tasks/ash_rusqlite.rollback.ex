defmodule Mix.Tasks.AshRusqlite.Rollback do
  @shortdoc "Rolls back migrations of a repo"

  @moduledoc """
  Rolls back the newest migration, see `AshRusqlite.Migrator`.

      mix ash_rusqlite.rollback
      mix ash_rusqlite.rollback -r MyApp.Repo --step 2
      mix ash_rusqlite.rollback --database chat.db --migrations priv/repo/migrations --to 20260110090100

  The repos are those of `config :my_app, ash_rusqlite_repos: [MyApp.Repo]`.

    * `-r`, `--repo` - a repo module, can be given several times
    * `--database` - a file, without a repo module
    * `--migrations` - the folder of the migrations
    * `--to` - the last version to roll back
    * `-n`, `--step` - this number of migrations instead of one
    * `-q`, `--quiet` - print errors only
  """

  use Mix.Task

  @impl true
  def run(args) do
    opts = Mix.AshRusqlite.options!(args, to: :integer, step: :integer)

    Mix.AshRusqlite.each_repo(opts, [create: false], fn repo, words ->
      options = Mix.AshRusqlite.take(opts, [:to, :step])

      rolled_back =
        Mix.AshRusqlite.value!(AshRusqlite.Repo.Maintenance.rollback_migration(repo, options))

      Mix.shell().info("#{words}: #{length(rolled_back)} rolled back")
    end)
  end
end
