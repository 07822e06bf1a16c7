defmodule AshChat.Demo.OtherProgram do
  @moduledoc """
  Runs a statement by another SQLite than this project's: the `sqlite3` command, Python's, or the
  Erlang library of Debian's erlang-p1-sqlite3, which `bin/setup` installs.
  """

  @python """
  import sqlite3, sys
  database = sqlite3.connect(sys.argv[1], timeout=60)
  with database: database.execute(sys.argv[2])
  database.close()
  """

  @doc """
  Runs a statement without values on a database file, and says by which program. Programs that are
  not there or fail are passed over; `:none` when none is left.

      iex> AshChat.Demo.OtherProgram.run("chat.db", "SELECT 1", [])
      :none
  """
  @spec run(Path.t(), String.t(), [atom()]) :: {:ok, String.t()} | :none
  def run(database, sql, programs \\ [:sqlite3, :python3, :p1_sqlite3]) do
    Enum.find_value(programs, :none, fn program ->
      if execute(program, database, sql), do: {:ok, name(program)}
    end)
  end

  defp name(:sqlite3), do: "sqlite3"
  defp name(:python3), do: "Python's sqlite3"
  defp name(:p1_sqlite3), do: "erlang-p1-sqlite3"

  defp execute(:sqlite3, database, sql),
    do: command("sqlite3", ["-bail", "-cmd", ".timeout 60000", database, sql])

  defp execute(:python3, database, sql), do: command("python3", ["-c", @python, database, sql])

  defp execute(:p1_sqlite3, database, sql) do
    # Mix may have taken it from the code path.
    folder = Path.join(List.to_string(:code.root_dir()), "lib/p1_sqlite3-*/ebin")
    for ebin <- Path.wildcard(folder), do: :code.add_pathz(String.to_charlist(ebin))

    Code.ensure_loaded?(:sqlite3) and in_this_vm(:sqlite3, database, sql)
  end

  # It is there where Debian's package is, so no call of it is written out.
  defp in_this_vm(library, database, sql) do
    {:ok, pid} = library.open(:anonymous, file: String.to_charlist(database))
    library.sql_exec(pid, "PRAGMA busy_timeout = 60000")
    result = library.sql_exec(pid, sql)
    # It answers before it has freed its statement, and does not survive to be closed meanwhile.
    Process.sleep(60)
    library.close(pid)
    not (is_tuple(result) and elem(result, 0) == :error)
  end

  defp command(name, arguments) do
    case System.find_executable(name) do
      nil -> false
      path -> match?({_, 0}, System.cmd(path, arguments, stderr_to_stdout: true))
    end
  end
end
