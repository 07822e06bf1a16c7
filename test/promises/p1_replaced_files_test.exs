defmodule AshRusqlite.Promises.P1ReplacedFilesTest do
  @moduledoc false
  # P1 when another program deletes or replaces the log of an open database: nothing is
  # acknowledged that is in a file without a name, the log says what happened, and the repo goes on.
  # More of it is in native/engine/tests/p1_replaced_files.rs.
  use AshRusqlite.Case, async: true

  import ExUnit.CaptureLog

  test "a deleted log is saved into the file, and the repo's log says so", context do
    %{database: database, repo: repo} = context
    {:ok, _} = Repo.insert(:rooms, id: "before", title: "before")

    log =
      capture_log(fn ->
        File.rm!(database <> "-wal")
        assert {:ok, _} = Repo.insert(:rooms, id: "after", title: "after")
        wait_until(fn -> match?({:ok, %{reopened: 1}}, Repo.stats()) end)
        # The message that is logged is behind this one.
        :sys.get_state(repo)
      end)

    assert log =~ "deleted, moved or replaced the log"
    assert log =~ "nothing is lost"
    assert log =~ database
    assert {:ok, _} = Repo.insert(:rooms, id: "later", title: "later")
    assert MapSet.new(Repo.all(:rooms), & &1.id) == MapSet.new(~w(before after later))
    assert Repo.check() == {:ok, []}
  end

  @tag :capture_log
  test "a write into a log that was replaced is an error that says what to do", context do
    %{database: database} = context
    {:ok, _} = Repo.insert(:rooms, id: "before", title: "before")
    {:ok, %{busy: false}} = Repo.checkpoint(:truncate)
    File.rm!(database <> "-wal")
    File.rm!(database <> "-shm")
    File.write!(database <> "-wal", "")

    assert {:error, %Error{code: :file_replaced, retryable?: false} = error} =
             Repo.insert(:rooms, id: "lost", title: "lost")

    assert error.message =~ "not acknowledged"
    assert error.message =~ "look whether it is there before you write it again"
    assert error.details.maybe_written
    assert error.details.path == database <> "-wal"
    assert {:ok, _} = Repo.insert(:rooms, id: "again", title: "again")
    assert Enum.map(Repo.all(:rooms, order_by: :id), & &1.id) == ["again", "before"]
    assert Repo.check() == {:ok, []}
  end
end
