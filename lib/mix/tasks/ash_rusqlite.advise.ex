defmodule Mix.Tasks.AshRusqlite.Advise do
  @shortdoc "Names indexes that the database of a repo lacks"

  @moduledoc """
  Prints the indexes that a database lacks for its foreign keys.

  Without an index that begins with the foreign key, SQLite looks at every row of the table when a row that
  is referred to is deleted, and when the rows of a room or a user are read. With Ash, the `belongs_to`
  relationships of the repo's resources count as foreign keys, too.

      mix ash_rusqlite.advise
      mix ash_rusqlite.advise --database chat.db

  For each one it prints the `CREATE INDEX` for a migration, and for a resource the line of its
  `custom_indexes`. Tables that follow their resources have these indexes already, see
  [`index_belongs_to?`](dsl.md#sqlite).

  Statements that scan their tables are known only in the VM in which they ran, that of the application.
  There, or in `iex -S mix`, `AshRusqlite.advise/2` returns these, too, each with indexes that were tried on
  a copy of the schema. This task prints them if the repo is already running in its VM, as in
  `mix do app.start + my_app.work + ash_rusqlite.advise`.

  The repos are those of `config :my_app, ash_rusqlite_repos: [MyApp.Repo]`.

    * `-r`, `--repo` - a repo module, can be given several times
    * `--database` - a file, without a repo module
    * `-q`, `--quiet` - print errors only
  """

  use Mix.Task

  alias Mix.AshRusqlite.Advice

  @impl true
  def run(args) do
    args
    |> Mix.AshRusqlite.options!()
    |> Mix.AshRusqlite.each_repo([create: false], &advise!/2)
  end

  defp advise!(repo, words) do
    %{foreign_keys: keys, statements: statements} =
      Mix.AshRusqlite.value!(AshRusqlite.advise(repo))

    case Advice.foreign_keys(keys, words) ++ Advice.statements(statements, words) do
      [] -> Mix.shell().info("#{words} lacks no index that could be named")
      lines -> Mix.shell().info(Enum.join(lines, "\n"))
    end
  end
end
