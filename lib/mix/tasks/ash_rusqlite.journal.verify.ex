defmodule Mix.Tasks.AshRusqlite.Journal.Verify do
  @shortdoc "Compares the journal of a repo with its tables"

  @moduledoc """
  Replays the events of the journal and compares what they say with the tables, row by row, see
  `c:AshRusqlite.Repo.journal_verify/1`. With a difference it prints the first ones, and what else is
  wrong, and ends with status 1. The database may be in use.

      mix ash_rusqlite.journal.verify
      mix ash_rusqlite.journal.verify --database chat.db --limit 100

  The repos are those of `config :my_app, ash_rusqlite_repos: [MyApp.Repo]`.

    * `-r`, `--repo` - a repo module, can be given several times
    * `--database` - a file, without a repo module
    * `--limit` - the largest number of differences, and of problems, by default 20
    * `-q`, `--quiet` - print errors only
  """

  use Mix.Task

  alias AshRusqlite.Repo.Maintenance

  @impl true
  def run(args) do
    opts = Mix.AshRusqlite.options!(args, limit: :integer)

    Mix.AshRusqlite.each_repo(opts, [create: false], fn repo, words ->
      options = Mix.AshRusqlite.take(opts, [:limit])
      found = Mix.AshRusqlite.value!(Maintenance.journal_verify(repo, options))

      case Enum.map(found.differences, &line/1) ++ found.problems do
        [] ->
          Mix.shell().info("#{words}: #{found.events} events agree with #{found.rows} rows")

        lines ->
          first = "the journal of #{words} does not agree with its tables:"
          Mix.raise(Enum.join([first | lines], "\n  "))
      end
    end)
  end

  defp line(%{column: nil, event: nil} = row),
    do: "#{row.table} #{row.key}: no event made this row"

  defp line(%{column: nil} = row), do: "#{row.table} #{row.key}: the events' row is not there"

  defp line(row) do
    "#{row.table} #{row.key} #{row.column}: the events say #{row.event}, the row has #{row.row}"
  end
end
