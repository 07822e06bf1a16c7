defmodule AshRusqlite.Promises.P1KillNineTest do
  @moduledoc false
  # P1: acknowledged means durable. As in `bin/demo`, 64 processes of a second VM write, each
  # answer is recorded outside of the database, and the VM is killed with SIGKILL. Whatever was
  # recorded is there, in its newest version, to the last character; what was under way is there
  # whole or not at all.

  use ExUnit.Case, async: true

  alias AshChat.Demo.{Load, Verify}
  alias AshChat.Repo

  @moduletag :tmp_dir

  # The chat's tables, in a file that is not open here.
  setup %{tmp_dir: folder} do
    database = Path.join(folder, "chat.db")
    {:ok, repo} = Repo.start_link(name: nil, database: database)
    Repo.put_dynamic_repo(repo)
    Repo.migrate!()
    AshRusqlite.Repo.stop(repo)
    {:ok, database: database}
  end

  for {title, options} <- [
        {"while the log grows", []},
        {"while the log moves into the file all the time", [wal_autocheckpoint: 20]}
      ] do
    test "no acknowledged write is lost when the VM is killed #{title}",
         %{tmp_dir: folder, database: database} do
      assert {:ok, killed} =
               Load.run(database,
                 log: Path.join(folder, "acknowledged.log"),
                 acknowledgements: 2_500,
                 milliseconds: 1,
                 repo: unquote(options)
               )

      assert killed.acknowledged |> Map.values() |> Enum.sum() >= 2_500
      refute alive?(killed.pid)

      {:ok, repo} = Repo.start_link(name: nil, database: database)
      Repo.put_dynamic_repo(repo)
      result = Verify.run(killed.script, killed.acknowledged)

      assert result.problems == []
      assert result.lost == 0
      assert result.recovered == killed.acknowledged |> Map.values() |> Enum.sum()
      assert Repo.check() == {:ok, []}

      assert {:ok, _} =
               Repo.insert(:rooms, id: AshChat.Import.Id.of_name(:room, "x"), title: "Goes on")
    end
  end

  test "a writing process that fails is reported, and not taken for a killed one",
       %{tmp_dir: folder, database: database} do
    log = Path.join(folder, "acknowledged.log")

    assert {:error, reason} = Load.run(database, log: log, repo: [synchronous: :sometimes])
    assert reason =~ "ended with status 1 before it was killed"
    assert reason =~ "synchronous"
  end

  test "a writing process that continues to print is no reason to wait for ever",
       %{tmp_dir: folder, database: database} do
    log = Path.join(folder, "acknowledged.log")

    assert {:error, reason} = Load.run(database, log: log, repo: [log: :info])
    assert reason =~ "the writing process said: "
    assert byte_size(reason) < 1_000_000
  end

  defp alive?(pid), do: match?({_, 0}, System.cmd("sh", ["-c", "kill -0 #{pid} 2>/dev/null"]))
end
