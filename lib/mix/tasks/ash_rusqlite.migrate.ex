defmodule Mix.Tasks.AshRusqlite.Migrate do
  @shortdoc "Applies the pending migrations of a repo"

  @moduledoc """
  Applies the pending migrations, see `AshRusqlite.Migrator`. The database is created when
  it is not there.

      mix ash_rusqlite.migrate
      mix ash_rusqlite.migrate -r MyApp.Repo --step 1
      mix ash_rusqlite.migrate --database chat.db --migrations priv/repo/migrations
      mix ash_rusqlite.migrate --check backups/production.db

  The repos are those of `config :my_app, ash_rusqlite_repos: [MyApp.Repo]`.

    * `-r`, `--repo` - a repo module, can be given several times
    * `--database` - a file, without a repo module
    * `--migrations` - the folder of the migrations
    * `--to` - the last version to apply
    * `-n`, `--step` - at most this number of migrations
    * `--take-over`, `--no-take-over` - whether what a file makes may be there already, see "Tables
      that are there already" at `AshRusqlite.Migrator`. By default where tables follow their
      resources
    * `--check FILE` - run the pending migrations on a copy of this file, which is only read and may
      be in use: how long each takes, how long it holds the writer and which tables it writes, whether
      the copy is sound behind them, which views and triggers no longer work, and, where Ash is, which
      resources do not fit. The migrations are those of `--migrations`, else of the repo. Ends with an
      error when something is wrong. See `AshRusqlite.Repo.Maintenance.check_migrations/2`
    * `-q`, `--quiet` - print errors only
  """

  alias AshRusqlite.Repo.Maintenance

  use Mix.Task

  @impl true
  def run(args) do
    switches = [to: :integer, step: :integer, take_over: :boolean, check: :string]
    opts = Mix.AshRusqlite.options!(args, switches)
    if opts[:check], do: Mix.AshRusqlite.MigrationCheck.run(opts), else: migrate(opts)
  end

  defp migrate(opts) do
    Mix.AshRusqlite.each_repo(opts, fn repo, words ->
      options = Mix.AshRusqlite.take(opts, [:to, :step, :take_over])
      applied = Mix.AshRusqlite.value!(Maintenance.migrate(repo, options))
      lines = for %{taken_over: lines} <- applied, line <- lines, do: "\n  taken over: #{line}"
      Mix.shell().info(["#{words}: #{length(applied)} applied" | lines])
    end)
  end
end
