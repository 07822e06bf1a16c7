defmodule AshRusqlite.P1AcknowledgedTest do
  @moduledoc false
  # P1: acknowledged means durable, however the VM or the repo ends. The end by kill -9 is
  # tested in native/engine/tests/p1_durable.rs.
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Child
  alias AshRusqlite.Repo.{Maintenance, Reads}

  @moduletag :capture_log

  @enough 100

  # How a VM ends by itself. Each does it while 30 processes write, 4 endless reads keep dirty
  # schedulers busy and a backup runs.
  for {how, what} <- [
        {"halt", "System.halt"},
        {"init_stop", "an orderly stop of the VM"},
        {"unload", "unloading the native library"}
      ] do
    test "#{what} in the middle of work neither hangs nor loses an acknowledged write", %{
      repo: repo,
      database: database,
      tmp_dir: folder
    } do
      child = Child.start!("write_until_stopped.exs", [database, folder, unquote(how)])
      first = for _ <- 1..@enough, do: Child.expect(child, "ack ")
      Child.send_line(child, "stop")
      {lines, status} = Child.rest(child)

      assert status == 0
      if unquote(how) == "unload", do: assert("again" in lines)

      acknowledged = first ++ for("ack " <> id <- lines, do: id)
      assert missing(repo, acknowledged) == []
      assert {:ok, []} = Maintenance.check(repo)
    end
  end

  # How a repo ends in a VM that goes on.
  for {how, what} <- [
        stop: "a repo that is stopped",
        kill: "a repo that is killed",
        kill_supervisor: "a repo whose supervisor is killed"
      ] do
    @tag repo: false
    test "#{what} in the middle of work answers everybody and keeps what was acknowledged", %{
      tmp_dir: folder
    } do
      database = Path.join(folder, "test.db")
      {:ok, repo} = AshRusqlite.Repo.start_link(database: database, migrations: migrations())
      Maintenance.migrate!(repo)
      AshRusqlite.Repo.stop(repo)

      child = {AshRusqlite.Repo, database: database, busy_timeout: 60_000}
      {:ok, supervisor} = Supervisor.start_link([child], strategy: :one_for_one)
      Process.unlink(supervisor)
      [{_, repo, _, _}] = Supervisor.which_children(supervisor)

      test = self()
      writers = for w <- 1..50, do: elsewhere(repo, fn -> write_until_error(test, w, 1) end)

      for _ <- 1..@enough, do: assert_receive({:acknowledged, _}, 60_000)

      case unquote(how) do
        :stop -> AshRusqlite.Repo.stop(repo)
        :kill -> Process.exit(repo, :kill)
        :kill_supervisor -> Process.exit(supervisor, :kill)
      end

      ended = Task.await_many(writers, 60_000)
      assert Enum.uniq(for {_, error} <- ended, do: error.code) == [:closed]
      if Process.alive?(supervisor), do: Supervisor.stop(supervisor)
      wait_until(fn -> not Process.alive?(repo) end)

      again = start_repo!(folder)
      acknowledged = Enum.flat_map(ended, &elem(&1, 0))
      assert length(acknowledged) >= @enough
      assert missing(again, acknowledged) == []
      assert {:ok, []} = Maintenance.check(again)
    end
  end

  defp write_until_error(test, w, n, acknowledged \\ []) do
    id = "#{w}-#{n}"

    case Repo.insert(:rooms, id: id, title: id) do
      {:ok, _} ->
        send(test, {:acknowledged, id})
        write_until_error(test, w, n + 1, [id | acknowledged])

      {:error, error} ->
        {acknowledged, error}
    end
  end

  defp missing(repo, ids) do
    there = repo |> Reads.all(:rooms, select: [:id]) |> MapSet.new(& &1.id)
    Enum.reject(ids, &(&1 in there))
  end
end
