defmodule Mix.Tasks.AshRusqlite.Reset do
  @shortdoc "Deletes the database of a repo and sets it up again"

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

  alias Mix.AshRusqlite.Setup

  @impl true
  def run(args) do
    opts = Setup.options!(args, force: :boolean)
    Mix.Task.run("app.config")
    opts |> Mix.AshRusqlite.targets() |> Setup.drop(Setup.ask?(opts))
    Setup.set_up(opts)
  end
end
