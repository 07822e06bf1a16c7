defmodule Mix.Tasks.AshRusqlite.GenerateMigrations do
  @shortdoc "Writes the migrations that Ash resources ask for"

  @moduledoc """
  `mix ash.codegen` for resources of `AshRusqlite.DataLayer` alone, by the name that AshSqlite has for
  it.

      mix ash_rusqlite.generate_migrations add_topic_to_rooms

  The options are those of `AshRusqlite.DataLayer.codegen/1`.
  """

  use Mix.Task

  @data_layer AshRusqlite.DataLayer
  @pending Ash.Error.Framework.PendingCodegen
  @compile {:no_warn_undefined, [@data_layer, @pending]}

  @impl true
  def run(args) do
    Mix.Task.run("compile")

    unless Code.ensure_loaded?(@data_layer),
      do:
        Mix.raise(
          "Ash is not here: `mix ash_rusqlite.gen.migration NAME --schema FILE` needs no Ash"
        )

    args =
      case args do
        ["-" <> _ | _] -> args
        [name | rest] -> rest ++ ["--name", name]
        [] -> []
      end

    try do
      @data_layer.codegen(args)
    rescue
      error ->
        if error.__struct__ == @pending,
          do:
            Mix.raise(
              Exception.message(error) <> "\n\nRun with --dry-run to view pending changes"
            ),
          else: reraise(error, __STACKTRACE__)
    end
  end
end
