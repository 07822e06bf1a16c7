defmodule Mix.Tasks.AshChat.Adopt do
  @shortdoc "Takes over the file in which the chat kept its rows before"

  @moduledoc """
  Takes the rows of the chat's own stop-gap file into its database, and says what was taken and what
  could not be. The old file is only read. See `AshChat.Adopt`.

      mix ash_chat.adopt old.db --database chat.db

    * `--database` - the chat's database, made where it is not there. By default that of
      `config :ash_chat, AshChat.Repo, database: "chat.db"`
  """

  use Mix.Task

  alias AshChat.{Adopt, Repo}
  alias AshRusqlite.Progress

  @named 20

  @impl true
  def run(args) do
    case OptionParser.parse!(args, strict: [database: :string]) do
      {opts, [old]} -> adopt(Path.expand(old), opts)
      _ -> Mix.raise("give the old file: mix ash_chat.adopt old.db --database chat.db")
    end
  rescue
    error in OptionParser.ParseError -> Mix.raise(Exception.message(error))
  end

  defp adopt(old, opts) do
    Mix.Task.run("app.config")
    {:ok, _} = Application.ensure_all_started(:ash_rusqlite)

    if opts[:database] && Path.expand(opts[:database]) == old,
      do: Mix.raise("both files are #{old}")

    case AshRusqlite.Migrator.with_repo(Repo, fn _repo -> run_in(old) end, opts) do
      {:ok, {:ok, report}} -> print(report)
      {:ok, {:error, error}} -> Mix.raise("#{old}: #{Exception.message(error)}")
      {:error, error} -> Mix.raise(Exception.message(error))
    end
  end

  defp run_in(old) do
    refused = :counters.new(1, [])

    with {:ok, _applied} <- Repo.migrate() do
      Progress.show(&Adopt.run(old, progress: &1, on_refused: named(refused)))
    end
  end

  # Some rows by their ids show what is wrong with all.
  defp named(refused) do
    fn table, id, reason ->
      :counters.add(refused, 1, 1)

      if :counters.get(refused, 1) <= @named,
        do: Mix.shell().error("#{table} #{inspect(id)} is left out: #{reason}")
    end
  end

  defp print(report) do
    for line <- Adopt.Report.lines(report), do: Mix.shell().info(line)
    :ok
  end
end
