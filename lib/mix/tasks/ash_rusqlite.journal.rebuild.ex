defmodule Mix.Tasks.AshRusqlite.Journal.Rebuild do
  @shortdoc "Makes a new database of the events of a journal"

  @moduledoc """
  Makes a new database of the events of the journal alone, see
  `c:AshRusqlite.Repo.journal_rebuild/2`. Tables that are not journaled are named: they have no rows
  in it. The database itself is only read, and may be in use.

      mix ash_rusqlite.journal.rebuild rebuilt.db
      mix ash_rusqlite.journal.rebuild -r MyApp.Repo rebuilt.db --overwrite
      mix ash_rusqlite.journal.rebuild --database chat.db rebuilt.db

  The repo is that of `config :my_app, ash_rusqlite_repos: [MyApp.Repo]`; when there are
  several, `-r` says which one.

    * `-r`, `--repo` - a repo module
    * `--database` - a file, without a repo module
    * `--overwrite` - replace a file that is there
    * `-q`, `--quiet` - print errors only
  """

  use Mix.Task

  alias AshRusqlite.Repo.Maintenance

  @impl true
  def run(args) do
    {opts, rest} = Mix.AshRusqlite.parse!(args, overwrite: :boolean)

    path =
      case rest do
        [path] -> path
        _ -> Mix.raise("give the path of the new file: mix ash_rusqlite.journal.rebuild PATH")
      end

    Mix.AshRusqlite.one_repo(opts, [create: false], fn repo, words ->
      options = Mix.AshRusqlite.take(opts, [:overwrite])
      made = Mix.AshRusqlite.value!(Maintenance.journal_rebuild(repo, path, options))

      Mix.shell().info(
        "#{words}: #{made.events} events made #{made.rows} rows, #{made.bytes} bytes in #{path}"
      )

      if made.empty != [] do
        Mix.shell().info("not journaled, and so without rows: #{Enum.join(made.empty, ", ")}")
      end

      Enum.each(made.problems, &Mix.shell().error/1)
    end)
  end
end
