defmodule AshRusqlite.P1DurableReadsTest do
  @moduledoc false
  # P1: what was reported is durable. While transactions share syncs, a read that has seen the
  # commit of one waits for it. That nothing is reported before is tested in
  # native/check/tests/shared_syncs.rs, where syncs can be held.
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Native
  alias AshRusqlite.Repo.Registry

  @writers 4
  @wait 30_000
  @read {:sql, "SELECT count(*) AS n FROM rooms", []}

  # They hold the writer, so that their commits are those of transactions that others wait for.
  defp write_until_stopped(repo) do
    test = self()

    for writer <- 1..@writers do
      spawn_link(fn ->
        Repo.put_dynamic_repo(repo)
        write(writer, 0, test)
      end)
    end
  end

  defp write(writer, number, test) do
    {:ok, _} =
      Repo.transaction(fn ->
        count = Repo.count(:rooms)
        Repo.insert!(:rooms, id: "#{writer}-#{number}", title: "#{count}")
      end)

    receive do
      :stop -> send(test, {:wrote, number + 1})
    after
      0 -> write(writer, number + 1, test)
    end
  end

  defp stop(writers) do
    for pid <- writers, do: send(pid, :stop)
    for _ <- writers, do: assert_receive({:wrote, _}, @wait)
  end

  defp read_unsynced(db, until) do
    case Native.read(db, @read, 5_000) do
      {:unsynced, commit, {:ok, rows}} -> {commit, rows}
      _ -> if(System.monotonic_time(:millisecond) < until, do: read_unsynced(db, until))
    end
  end

  test "a read that has seen a commit of the last moment waits until the disk has it",
       %{repo: repo} do
    {:ok, %{db: db}} = Registry.lookup(repo)
    # A connection that reads is there then.
    assert Repo.count(:rooms) == 0
    writers = write_until_stopped(repo)
    until = System.monotonic_time(:millisecond) + @wait

    assert {commit, {["n"], [[seen]]}} = read_unsynced(db, until)

    case Native.on_synced(db, commit) do
      :ok -> :ok
      {:wait, ready, _id} -> assert_receive {^ready, :ready}, @wait
    end

    assert Native.on_synced(db, commit) == :ok
    assert Repo.count(:rooms) >= seen
    # A caller that waits for a commit that is synced already is not sent anything.
    assert Native.not_synced(db, 0) == :ready
    stop(writers)
    refute_received {_, :ready}
  end

  defp counts_until(done?, counts) do
    counts = [Repo.count(:rooms) | counts]
    if done?.(counts), do: counts, else: counts_until(done?, counts)
  end

  test "what is read while transactions commit is never less than before", %{repo: repo} do
    writers = write_until_stopped(repo)
    counts = counts_until(fn [count | _] -> count > 200 end, [])
    assert counts == Enum.sort(counts, :desc)
    stop(writers)
  end

  test "durable_reads: false does not wait", %{tmp_dir: folder} do
    repo = start_repo!(folder, database: Path.join(folder, "other.db"), durable_reads: false)
    Repo.put_dynamic_repo(repo)
    {:ok, %{db: db}} = Registry.lookup(repo)
    # A connection that reads is there then.
    assert Repo.count(:rooms) == 0
    writers = write_until_stopped(repo)
    until = System.monotonic_time(:millisecond) + 300
    assert read_unsynced(db, until) == nil
    stop(writers)
  end
end
