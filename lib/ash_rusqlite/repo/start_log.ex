defmodule AshRusqlite.Repo.StartLog do
  @moduledoc false
  # What a repo logs of its file when it starts, and of tables that follow their resources.

  require Logger

  alias AshRusqlite.Native
  alias AshRusqlite.Repo.{Call, Registry, Request}

  # That of files that this library made.
  @own 0x41527173

  @doc "Notes which program made the file, and logs what it is. `new?`: it was not there before."
  @spec started(Registry.t(), String.t(), boolean()) :: Registry.t()
  def started(%{log_start: false} = entry, _path, _new?), do: entry

  def started(%{log_start: level, db: db} = entry, path, new?) do
    foreign? = not new? and path != ":memory:" and application_id(db) != @own

    Logger.bare_log(level, fn ->
      {:ok, stats} = Native.stats(db)

      "#{inspect(entry.repo)}: #{shown(path)}, #{size(stats.database_bytes)}, " <>
        "SQLite #{Native.versions().sqlite}#{made(new?, foreign?)}"
    end)

    %{entry | foreign?: foreign?}
  end

  defp made(true, _foreign?), do: ", new"
  defp made(false, true), do: ", made by another program"
  defp made(false, false), do: ""

  defp application_id(db) do
    case Call.read(db, Request.sql("PRAGMA application_id", []), 1_000) do
      {:ok, {_columns, [[id]]}} -> id
      # If another program has locked it, the first call that needs it reports that.
      {:error, _} -> @own
    end
  end

  defp shown(":memory:"), do: "in memory"
  defp shown(path), do: Path.relative_to_cwd(path)

  defp size(bytes) when bytes < 1_000_000, do: "#{Float.ceil(bytes / 1_000, 1)} kB"
  defp size(bytes), do: "#{Float.round(bytes / 1_000_000, 1)} MB"

  @doc """
  Says that a table was made or changed for a resource by these statements, or, where there are
  none, that the table of another program is used.
  """
  @spec table(Registry.t(), module(), String.t(), [String.t()]) :: :ok
  def table(%{log_start: false}, _resource, _table, _statements), do: :ok
  def table(%{foreign?: false}, _resource, _table, []), do: :ok

  def table(entry, resource, table, []) do
    Logger.bare_log(entry.log_start, fn ->
      "#{inspect(entry.repo)}: #{inspect(resource)} uses the table #{table}, as another program made it"
    end)
  end

  def table(entry, resource, table, statements) do
    Logger.bare_log(entry.log_start, fn ->
      "#{inspect(entry.repo)}: the table #{table} follows #{inspect(resource)}\n" <>
        Enum.map_join(statements, "\n", &(&1 <> ";"))
    end)
  end
end
