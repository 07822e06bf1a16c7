defmodule Mix.Tasks.AshRusqlite.Migrations do
  @shortdoc "Lists the migrations of a repo"

  @moduledoc """
  Lists the migrations of the folder and of the database, with their state: `pending`,
  `applied`, `changed` (applied, but the file is another one by now) or `missing` (applied,
  but without a file).

      mix ash_rusqlite.migrations
      mix ash_rusqlite.migrations --database chat.db --migrations priv/repo/migrations

  The repos are those of `config :my_app, ash_rusqlite_repos: [MyApp.Repo]`.

    * `-r`, `--repo` - a repo module, can be given several times
    * `--database` - a file, without a repo module
    * `--migrations` - the folder of the migrations
  """

  use Mix.Task

  @impl true
  def run(args) do
    opts = Mix.AshRusqlite.options!(args)

    Mix.AshRusqlite.each_repo(opts, [create: false], fn repo, words ->
      migrations = Mix.AshRusqlite.value!(AshRusqlite.Repo.Maintenance.migrations(repo))
      Mix.shell().info([words, ":" | Enum.map(migrations, &line/1)])
    end)
  end

  defp line(%{version: version, name: name, state: state, applied_at: at}) do
    at = if at, do: Calendar.strftime(at, "%Y-%m-%d %H:%M:%S"), else: "-"
    state = String.pad_trailing(Atom.to_string(state), 8)
    "\n  #{state}  #{String.pad_trailing(at, 19)}  #{version}_#{name}"
  end
end
