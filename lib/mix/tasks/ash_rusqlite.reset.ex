defmodule Mix.Tasks.AshRusqlite.Reset do
  @shortdoc "Deletes the database of a repo and sets it up anew"

  @moduledoc """
  Deletes the database and does what `mix ash_rusqlite.setup` does: it creates it, applies the
  migrations and runs the seeds.

      mix ash_rusqlite.reset
      mix ash_rusqlite.reset -r MyApp.Repo --no-seeds

  It asks before where the project has `start_permanent: true`, as in production. A file that another
  process has open is not deleted, see `mix ash_rusqlite.drop`.

  The options are those of `mix ash_rusqlite.setup`, and

    * `-f`, `--force` - do not ask
  """

  use Mix.Task

  @impl true
  def run(args) do
    opts = Mix.AshRusqlite.Setup.options!(args, force: :boolean)
    Mix.Task.run("app.config")
    permanent? = Mix.Project.config()[:start_permanent] == true
    ask? = permanent? and not Keyword.get(opts, :force, false)
    sure? = if ask?, do: &Mix.shell().yes?/1, else: fn _question -> true end
    opts |> Mix.AshRusqlite.targets() |> Mix.AshRusqlite.Setup.drop(sure?)
    Mix.AshRusqlite.Setup.set_up(opts)
  end
end
