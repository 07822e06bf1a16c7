defmodule Mix.Tasks.AshRusqlite.Advise do
  @shortdoc "Names indexes that the database of a repo lacks"

  @moduledoc """
  Names foreign keys that no index begins with: those of the tables, and where Ash is the
  `belongs_to` relationships of the repo's resources. When a row that is referred to is deleted,
  SQLite looks at every row that may refer to it; and so does a read of the rows of a room or a user.

      mix ash_rusqlite.advise
      mix ash_rusqlite.advise --database chat.db

  For each there is the `CREATE INDEX` for a migration, and for a resource the line of its
  `custom_indexes`. Where tables follow their resources the attributes of `belongs_to` have their
  indexes, see `index_belongs_to?` of `AshRusqlite.DataLayer`.

  Statements that scan are known where they ran: in the VM of the application. There, or in
  `iex -S mix`, `AshRusqlite.advise(MyApp.Repo)` names those too, each with indexes that were tried
  on a copy of the schema. This task names them if the repo is already running in its VM, as in
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
