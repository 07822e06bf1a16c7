defmodule Mix.Tasks.AshRusqlite.Check do
  @shortdoc "Checks the database of a repo for damage"

  @moduledoc """
  Checks the file, its indexes and its foreign keys. With a problem it prints each and ends
  with status 1.

      mix ash_rusqlite.check
      mix ash_rusqlite.check --database chat.db --quick

  The repos are those of `config :my_app, ash_rusqlite_repos: [MyApp.Repo]`.

    * `-r`, `--repo` - a repo module, can be given several times
    * `--database` - a file, without a repo module
    * `--quick` - leave out whether indexes agree with their tables
    * `-q`, `--quiet` - print errors only
  """

  use Mix.Task

  @impl true
  def run(args) do
    {opts, _} = Mix.AshRusqlite.parse!(args, quick: :boolean)

    Mix.AshRusqlite.each_repo(opts, [create: false], fn repo, words ->
      options = Keyword.take(opts, [:quick])

      case Mix.AshRusqlite.value!(AshRusqlite.Repo.Maintenance.check(repo, options)) do
        [] -> Mix.shell().info("#{words} is sound")
        problems -> Mix.raise(Enum.join(["#{words} is damaged:" | problems], "\n  "))
      end
    end)
  end
end
