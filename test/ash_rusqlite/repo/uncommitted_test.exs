defmodule AshRusqlite.Repo.UncommittedTest do
  # A process that a transaction starts reads what the transaction has written.
  use ExUnit.Case, async: true

  import ExUnit.CaptureLog

  alias AshRusqlite.Repo.{Reads, Registry, Transaction, Uncommitted, Writes}

  setup context do
    %{repo: start(context.test)}
  end

  defp start(name) do
    repo = start_supervised!({AshRusqlite.Repo, database: ":memory:"}, id: {:repo, name})
    spec = [table: "items", columns: [[name: "id", type: :integer]], primary_key: ["id"]]
    {:ok, _} = AshRusqlite.Repo.Schema.ensure_table(repo, spec)
    repo
  end

  defp insert!(repo, id), do: Writes.insert!(repo, "items", %{id: id})
  defp count(repo), do: Reads.count(repo, "items")

  # What is left of the waits for transactions that are over.
  defp rows(repo) do
    {:ok, entry} = Registry.lookup(repo)
    for {{ref, _}} = row when is_reference(ref) <- :ets.tab2list(entry.uncommitted), do: row
  end

  test "a task sees the row of the transaction that started it, 200 times of 200", %{repo: repo} do
    test = self()

    for id <- 1..200 do
      Transaction.transaction(repo, fn ->
        insert!(repo, id)
        Task.start(fn -> send(test, {:seen, count(repo), Process.info(self(), :messages)}) end)
      end)

      assert_receive {:seen, ^id, {:messages, []}}, 5_000
    end

    assert rows(repo) == []
  end

  test "a task of a task, and every task of a stream, sees the row of the transaction", %{
    repo: repo
  } do
    test = self()

    Transaction.transaction(repo, fn ->
      insert!(repo, 1)

      Task.start(fn ->
        Task.start(fn -> send(test, {:seen, count(repo)}) end)
        counts = 1..5 |> Task.async_stream(fn _ -> count(repo) end) |> Enum.map(&elem(&1, 1))
        send(test, {:all_seen, counts})
      end)
    end)

    assert_receive {:seen, 1}, 5_000
    assert_receive {:all_seen, [1, 1, 1, 1, 1]}, 5_000
  end

  test "a task sees nothing of what was rolled back", %{repo: repo} do
    test = self()

    Transaction.transaction(repo, fn ->
      insert!(repo, 1)
      Task.start(fn -> send(test, {:seen, count(repo)}) end)
      Transaction.rollback(repo, :no)
    end)

    assert_receive {:seen, 0}, 5_000
  end

  test "a task outlives the transaction whose process is killed", %{repo: repo} do
    test = self()

    owner =
      spawn(fn ->
        Transaction.transaction(repo, fn ->
          insert!(repo, 1)
          Task.start(fn -> send(test, {:seen, count(repo)}) end)
          send(test, :started)
          Process.sleep(:infinity)
        end)
      end)

    monitor = Process.monitor(owner)
    assert_receive :started, 5_000
    Process.exit(owner, :kill)
    assert_receive {:DOWN, ^monitor, _, _, _}

    assert_receive {:seen, 0}, 5_000
    assert insert!(repo, 2)
    assert rows(repo) == []
  end

  test "a transaction that waits for its task continues, and the log names the place once",
       %{repo: repo} do
    awaiting = fn id ->
      Transaction.transaction(repo, fn ->
        insert!(repo, id)
        # So that this function is on the stack meanwhile.
        {:seen, for(_ <- 1..3, do: Task.await(Task.async(fn -> count(repo) end)))}
      end)
    end

    log =
      capture_log(fn ->
        assert awaiting.(1) == {:ok, {:seen, [0, 0, 0]}}
        assert awaiting.(2) == {:ok, {:seen, [1, 1, 1]}}
      end)

    # Other tests may log such a line meanwhile.
    assert [line] = for(line <- String.split(log, "\n"), line =~ "uncommitted_test.exs", do: line)
    assert line =~ "start it after the transaction"
    assert rows(repo) == []
  end

  test "a transaction that has only read is not waited for", %{repo: repo} do
    log =
      capture_log(fn ->
        assert {:ok, {0, 0}} =
                 Transaction.transaction(repo, fn ->
                   {count(repo), Task.await(Task.async(fn -> count(repo) end))}
                 end)
      end)

    refute log =~ "start it after the transaction"
  end

  test "a transaction of another repo is not waited for", %{repo: repo} do
    other = start(:other)

    log =
      capture_log(fn ->
        assert {:ok, 0} =
                 Transaction.transaction(other, fn ->
                   insert!(other, 1)
                   Task.await(Task.async(fn -> count(repo) end))
                 end)
      end)

    refute log =~ "start it after the transaction"
  end

  test "a transaction of an unrelated process is not waited for", %{repo: repo} do
    test = self()

    holder =
      start_supervised!(
        {Task,
         fn ->
           Transaction.transaction(repo, fn ->
             insert!(repo, 1)
             send(test, :written)
             receive(do: (:go -> :ok))
           end)
         end}
      )

    assert_receive :written, 5_000
    log = capture_log(fn -> assert Task.await(Task.async(fn -> count(repo) end)) == 0 end)
    refute log =~ "start it after the transaction"
    send(holder, :go)
  end

  @tag :capture_log
  test "the time that a process waits is taken from its read's" do
    table = Uncommitted.new()
    test = self()

    owner =
      spawn_link(fn ->
        Uncommitted.written(table)
        send(test, :written)
        Process.sleep(:infinity)
      end)

    assert_receive :written, 5_000
    Process.put(:"$callers", [owner])
    assert Uncommitted.wait(table, 1_000) in 1..950
  end

  test "a read with little time does not keep others from waiting" do
    table = Uncommitted.new()
    test = self()

    owner =
      spawn_link(fn ->
        ref = Uncommitted.written(table)
        send(test, :written)
        receive(do: (:end -> Uncommitted.ended(table, ref)))
        Process.sleep(:infinity)
      end)

    assert_receive :written, 5_000
    Process.put(:"$callers", [owner])
    assert Uncommitted.wait(table, 20) in 1..19
    refute match?([_ | _], for({{_, :given_up}} = row <- :ets.tab2list(table), do: row))
    send(owner, :end)
    assert Uncommitted.wait(table, 10_000) > 5_000
    assert :ets.tab2list(table) == []
  end
end
