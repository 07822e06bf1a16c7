defmodule Mix.Tasks.AshRusqlite.Setup do
  @shortdoc "Creates the database of a repo, migrates it and runs its seeds"

  @moduledoc """
  Creates the database, applies the pending migrations where there is a folder of them, and runs the
  script `seeds.exs` beside that folder, if there is one: `priv/repo/seeds.exs` of an application with
  `priv/repo/migrations`.

      mix ash_rusqlite.setup
      mix ash_rusqlite.setup -r MyApp.Repo --seeds priv/demo.exs

  The script runs as with `mix run`: the application is started, and the repo, too. It runs each time,
  so let it write what may be there already with `upsert`:

      # priv/repo/seeds.exs
      MyApp.Repo.upsert!(:rooms, %{id: "general", title: "General"})

  The repos are those of `config :my_app, ash_rusqlite_repos: [MyApp.Repo]`.

    * `-r`, `--repo` - a repo module, can be given several times
    * `--database` - a file, without a repo module; it has no seeds but those of `--seeds`
    * `--migrations` - the folder of the migrations
    * `--seeds` - another script
    * `--no-seeds` - run none
    * `-q`, `--quiet` - print errors only
  """

  use Mix.Task

  @impl true
  def run(args) do
    opts = Mix.AshRusqlite.Setup.options!(args)
    Mix.Task.run("app.config")
    Mix.AshRusqlite.Setup.set_up(opts)
  end
end
