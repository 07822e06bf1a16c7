defmodule Mix.Tasks.AshRusqlite.GenerateMigrations do
  @shortdoc "Writes the migrations that Ash resources ask for"

  @moduledoc """
  `mix ash.codegen` for resources of `AshRusqlite.DataLayer` alone, by the name that AshSqlite has for
  it.

      mix ash_rusqlite.generate_migrations add_topic_to_rooms

  The options are those of `AshRusqlite.DataLayer.codegen/1`.
  """

  use Mix.Task

  # It is there where the data layer is.
  @tasks Mix.AshRusqlite.AshTasks
  @compile {:no_warn_undefined, @tasks}

  @impl true
  def run(args) do
    Mix.Task.run("compile")

    unless Code.ensure_loaded?(@tasks),
      do:
        Mix.raise(
          "Ash is not here: `mix ash_rusqlite.gen.migration NAME --schema FILE` needs no Ash"
        )

    @tasks.generate_migrations(named(args))
  end

  defp named(["-" <> _ | _] = args), do: args
  defp named([name | rest]), do: rest ++ ["--name", name]
  defp named([]), do: []
end
