defmodule AshRusqlite.P8HandlesTest do
  @moduledoc false
  # P8: a handle that is stale, foreign or none at all is a typed error. How transactions end is
  # tested in test/ash_rusqlite/repo/transaction_test.exs and
  # native/engine/tests/transaction_ends.rs, a full queue in p2_no_busy_test.exs.
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Native

  @insert {:insert, :rooms, [[id: "x", title: "X"]], :raise, false}

  # Every function that takes a database, with that database.
  defp calls(db, folder) do
    ref = make_ref()
    path = Path.join(folder, "#{System.unique_integer([:positive])}.db")

    [
      close: fn -> Native.close(db, ref) end,
      config: fn -> Native.config(db) end,
      read: fn -> Native.read(db, {:sql, "SELECT 1", []}, 1_000) end,
      read_dirty: fn -> Native.read_dirty(db, {:sql, "SELECT 1", []}, 1_000) end,
      no_reader: fn -> Native.no_reader(db, 1, 1_000) end,
      on_synced: fn -> Native.on_synced(db, 1) end,
      not_synced: fn -> Native.not_synced(db, 1) end,
      write: fn -> Native.write(db, ref, @insert, 1_000) end,
      write_dirty: fn -> Native.write_dirty(db, ref, @insert, 1_000) end,
      withdraw: fn -> Native.withdraw(db, 1) end,
      queue_full: fn -> Native.queue_full(db, 1, 1_000) end,
      tx_open: fn -> Native.tx_open(db, 1_000) end,
      migrate: fn -> Native.migrate(db, ref, folder, []) end,
      rollback_migration: fn -> Native.rollback_migration(db, ref, folder, []) end,
      migrations: fn -> Native.migrations(db, ref, folder) end,
      backup: fn -> Native.backup(db, ref, path, []) end,
      restore: fn -> Native.restore(db, ref, path) end,
      check: fn -> Native.check(db, ref, []) end,
      checkpoint: fn -> Native.checkpoint(db, ref, :passive) end,
      vacuum: fn -> Native.vacuum(db, ref) end,
      stats: fn -> Native.stats(db) end
    ]
  end

  defp transaction_calls(tx) do
    [
      tx_exec: fn -> Native.tx_exec(tx, make_ref(), @insert, 1_000) end,
      tx_exec_dirty: fn ->
        Native.tx_exec_dirty(tx, make_ref(), {:read, {:sql, "SELECT 1", []}}, 1_000)
      end,
      tx_finish: fn -> Native.tx_finish(tx, make_ref(), :commit) end
    ]
  end

  defp all_closed(calls) do
    for {name, call} <- calls do
      assert {^name, {:error, {:closed, message, %{}, false}}} = {name, call.()}
      assert message =~ "closed"
    end
  end

  defp db(repo) do
    {:ok, entry} = AshRusqlite.Repo.Registry.lookup(repo)
    entry.db
  end

  test "what is no handle, or one of another kind, is a closed database to every function", %{
    repo: repo,
    tmp_dir: folder
  } do
    {:ok, tx} = Native.tx_open(db(repo), 1_000)

    for handle <- [nil, 5, "db", make_ref(), self(), tx, {db(repo)}, [db(repo)], fn -> :ok end],
        do: all_closed(calls(handle, folder))

    for handle <- [nil, 5, "tx", make_ref(), db(repo), {tx}],
        do: all_closed(transaction_calls(handle))

    assert Native.tx_finish(tx, make_ref(), :rollback) == :idle
    assert Repo.count(:rooms) == 0
  end

  test "a database that was closed is closed to every function, and its transactions", %{
    repo: repo,
    tmp_dir: folder
  } do
    db = db(repo)
    {:ok, idle} = Native.tx_open(db, 60_000)
    {:ok, begun} = Native.tx_open(db, 60_000)
    ref = make_ref()
    {:queued, _} = Native.tx_exec(begun, ref, @insert, 60_000)
    assert_receive {^ref, {:ok, {1, nil}}}, 60_000
    AshRusqlite.Repo.stop(repo)

    # It says that it has closed before its threads have ended and it is forgotten.
    wait_until(fn -> match?({:error, _}, Native.config(db)) end)
    all_closed(calls(db, folder))
    for tx <- [idle, begun], do: all_closed(transaction_calls(tx))
    refute_received _

    again = start_repo!(folder)
    assert AshRusqlite.Repo.Reads.count(again, :rooms) == 0
  end

  test "a database whose owner died is closed, also to those who have its handle", %{
    database: database,
    tmp_dir: folder
  } do
    test = self()

    {owner, monitor} =
      spawn_monitor(fn ->
        {:ok, db} = Native.open(database, [], make_ref())
        receive do: ({_, :ok} -> send(test, {:db, db}))
        Process.sleep(:infinity)
      end)

    assert_receive {:db, db}, 60_000
    assert {:ok, _} = Native.stats(db)
    Process.exit(owner, :kill)
    assert_receive {:DOWN, ^monitor, _, _, _}
    wait_until(fn -> match?({:error, {:closed, _, _, _}}, Native.stats(db)) end)
    all_closed(calls(db, folder))
  end

  test "a transaction is over for every later call, and for others than its owner, too", %{
    repo: repo
  } do
    for how <- [:commit, :rollback], begun? <- [true, false] do
      {:ok, tx} = Native.tx_open(db(repo), 60_000)
      ref = make_ref()

      if begun? do
        {:queued, _} = Native.tx_exec(tx, ref, {:read, {:sql, "SELECT 1", []}}, 60_000)
        assert_receive {^ref, {:ok, {["1"], [[1]]}}}, 60_000
        {:queued, _} = Native.tx_finish(tx, ref, how)
        assert_receive {^ref, :ok}, 60_000
      else
        assert Native.tx_finish(tx, ref, how) == :idle
      end

      for {name, call} <- transaction_calls(tx) do
        assert {^name, {:error, {:transaction_closed, _, %{}, false}}} = {name, answer(call)}
        over = fn -> answer(call) end
        assert {:error, {:transaction_closed, _, _, _}} = Task.await(Task.async(over))
      end
    end

    refute_received _
  end

  test "an answer is known by a reference; any other term would be copied on a scheduler", %{
    repo: repo,
    database: database,
    tmp_dir: folder
  } do
    {:ok, tx} = Native.tx_open(db(repo), 1_000)

    for tag <- [nil, 5, "tag", self(), [make_ref()], {:tag, Enum.to_list(1..10)}] do
      for answer <- [
            Native.open(database, [], tag),
            Native.close(db(repo), tag),
            Native.write(db(repo), tag, @insert, 1_000),
            Native.write_dirty(db(repo), tag, @insert, 1_000),
            Native.tx_exec(tx, tag, @insert, 1_000),
            Native.tx_finish(tx, tag, :commit),
            Native.migrate(db(repo), tag, folder, []),
            Native.check(db(repo), tag, []),
            Native.vacuum(db(repo), tag)
          ] do
        assert {:error, {:invalid_query, message, %{}, false}} = answer
        assert message =~ "reference"
      end
    end

    assert Repo.count(:rooms) == 0
    assert {:ok, _} = Repo.insert(:rooms, id: "a", title: "A")
  end

  # The writer answers a commit before it lets go of the transaction: what comes in between is
  # refused by a message.
  defp answer(call) do
    with {:queued, _} <- call.() do
      receive do: ({_, answer} -> answer)
    end
  end

  test "a savepoint that is not there is refused, and the transaction continues" do
    {:ok, _} =
      Repo.transaction(fn ->
        Repo.insert!(:rooms, id: "a", title: "A")
        {:ok, entry} = AshRusqlite.Repo.Registry.lookup(Repo.get_dynamic_repo())

        for step <- [:release_savepoint, :rollback_to_savepoint] do
          assert {:error, %Error{code: :invalid_query}} =
                   AshRusqlite.Repo.Transaction.run(entry, step, 1_000)
        end
      end)

    assert Repo.count(:rooms) == 1
  end
end
