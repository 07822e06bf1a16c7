defmodule AshRusqlite.Promises.P1AnotherLibraryTest do
  @moduledoc false
  # P1 beside another SQLite library in the same VM, as an app has that comes from ecto_sqlite3:
  # whichever of them opens and closes the file, what either acknowledged survives `kill -9`.
  # Debian's erlang-p1-sqlite3 is the other one; `bin/setup` installs it.
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Child
  alias AshRusqlite.Repo.{Maintenance, Reads}

  @moduletag :capture_log
  @moduletag repo: false
  @moduletag timeout: 300_000

  @enough 150

  if :code.lib_dir(:p1_sqlite3) |> is_tuple() do
    IO.puts("erlang-p1-sqlite3 is not installed: no test beside another SQLite library.")
    @moduletag :skip
  end

  test "neither library loses what it acknowledged when the VM that has both is killed", %{
    tmp_dir: folder
  } do
    database = Path.join(folder, "test.db")
    {:ok, repo} = AshRusqlite.Repo.start_link(database: database, migrations: migrations())
    Maintenance.migrate!(repo)
    AshRusqlite.Repo.stop(repo)

    acknowledged =
      for round <- 1..4, reduce: [] do
        before ->
          acknowledged = before ++ killed_while_both_write(database, round)
          {:ok, repo} = AshRusqlite.Repo.start_link(database: database)
          assert {:ok, []} = Maintenance.check(repo)
          there = repo |> Reads.all(:rooms, select: [:id]) |> MapSet.new(& &1.id)
          assert Enum.reject(acknowledged, &(&1 in there)) == []
          AshRusqlite.Repo.stop(repo)
          acknowledged
      end

    assert length(acknowledged) >= 4 * @enough
  end

  defp killed_while_both_write(database, round) do
    child = Child.start!("write_beside_another_library.exs", [database, "#{round}"])
    enough = @enough + 37 * round

    first =
      acknowledged(child, enough, [
        "ours-#{round}",
        "theirs-#{round}-stays",
        "theirs-#{round}-comes"
      ])

    Child.kill(child.os_pid)
    {lines, status} = Child.rest(child)
    assert status == 137, Enum.join(Enum.reject(lines, &String.starts_with?(&1, "ack ")), "\n")
    first ++ for "ack " <> id <- lines, do: id
  end

  # At least `enough` of them, and some of each.
  defp acknowledged(child, enough, who, ids \\ []) do
    id = Child.expect(child, "ack ")
    who = Enum.reject(who, &String.starts_with?(id, &1))

    if enough <= 1 and who == [],
      do: [id | ids],
      else: acknowledged(child, enough - 1, who, [id | ids])
  end
end
