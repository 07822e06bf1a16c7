defmodule AshRusqlite.P8DiskFullTest do
  @moduledoc false
  # P8: a full disk is a typed error. A limit of the size of files stands for it, which every
  # user may set for a process of his own: SQLite meets it in the middle of a group commit.
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Child

  test "in the middle of a group commit loses nothing acknowledged, keeps nothing refused, and " <>
         "the writer goes on when space returns",
       %{repo: repo, database: database} do
    # The signal would end the VM before SQLite could see the error.
    child = Child.start!("fill_disk.exs", [database], shell: "trap '' XFSZ")
    Child.expect(child, "ready")
    limit_files(child, "2000000:unlimited")
    Child.send_line(child, "go")

    before = child |> lines_until("full") |> Enum.map(&String.split/1)
    acknowledged = for ["ack", id] <- before, do: id
    refused = for ["refused", id, code] <- before, do: {id, code}
    count = Integer.to_string(length(acknowledged))

    assert length(refused) == 20
    assert acknowledged != []
    assert Enum.uniq(for {_, code} <- refused, do: code) == ["disk_full"]
    assert ["transaction", "disk_full"] in before
    assert ["read", count] in before
    assert ids(repo) == Enum.sort(acknowledged)

    limit_files(child, "unlimited:unlimited")
    Child.send_line(child, "space")
    lines = child |> lines_until("over") |> Enum.map(&String.split/1)
    again = for ["ack", id] <- lines, do: id
    assert length(again) == 20

    transaction = for n <- 1..200, do: "tx-again-#{n}"
    assert ids(repo) == Enum.sort(acknowledged ++ again ++ transaction)
    assert {:ok, []} = Repo.check()
    Child.kill(child.os_pid)
  end

  defp ids(repo),
    do:
      repo
      |> AshRusqlite.Repo.Reads.all(:rooms, select: [:id])
      |> Enum.map(& &1.id)
      |> Enum.sort()

  # prlimit belongs to util-linux, which every Linux has.
  defp limit_files(child, limits) do
    assert {"", 0} =
             System.cmd("prlimit", ["--pid", "#{child.os_pid}", "--fsize=#{limits}"],
               stderr_to_stdout: true
             )
  end

  defp lines_until(child, last, lines \\ []) do
    case Child.next_line(child) do
      ^last -> Enum.reverse(lines)
      {:exit, status} -> flunk("it ended with #{status}: #{inspect(Enum.take(lines, 5))}")
      line -> lines_until(child, last, [line | lines])
    end
  end
end
