defmodule AshRusqlite.P2NoBusyTest do
  @moduledoc false
  # P2: no "database is busy" from inside the VM. The queue alone is tested in
  # native/engine/tests/p2_no_busy.rs.
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Child
  alias AshRusqlite.Repo.{Reads, Writes}

  test "writes, transactions and maintenance of many processes are never busy", %{
    repo: repo,
    tmp_dir: folder
  } do
    rows = fn n -> for i <- 1..5, do: [id: "#{n}-#{i}", title: "#{n}-#{i}"] end

    work = [
      fn n -> {:ok, _} = Repo.insert(:rooms, id: "#{n}", title: "#{n}") end,
      fn n -> {5, nil} = Repo.insert_all(:rooms, rows.(n)) end,
      fn n ->
        {:ok, _} =
          Repo.transaction(fn ->
            hidden = Repo.count(:rooms, where: [hidden: true])
            Repo.insert!(:rooms, id: "#{n}", title: "#{n}", hidden: hidden < 1_000)
          end)
      end,
      fn _ -> {_, nil} = Repo.update_all(:rooms, set: [hidden: false]) end,
      fn n -> {:ok, _} = Repo.backup(Path.join(folder, "#{n}.db")) end,
      fn n -> if(rem(n, 4) == 0, do: :ok = Repo.vacuum(), else: {:ok, []} = Repo.check()) end,
      fn _ -> {:ok, _} = Repo.checkpoint(:truncate) end,
      fn _ -> true = is_list(Repo.all(:rooms)) end
    ]

    1..160
    |> Enum.map(fn n ->
      elsewhere(repo, fn -> Enum.at(work, rem(n, length(work))).(n) end)
    end)
    |> Task.await_many(60_000)

    assert Repo.count(:rooms) == 20 * (1 + 5 + 1)
  end

  test "two repos on one file wait for each other", %{repo: one, tmp_dir: folder} do
    two = start_repo!(folder)

    for {repo, name} <- [{one, "one"}, {two, "two"}], n <- 1..100 do
      Task.async(fn -> Writes.insert!(repo, :rooms, id: "#{name}-#{n}", title: "#{name}-#{n}") end)
    end
    |> Task.await_many(60_000)

    assert Repo.count(:rooms) == 200
  end

  describe "a lock of another OS process" do
    setup %{database: database} do
      child = Child.start!("hold_lock.exs", [database])
      Child.expect(child, "held")
      {:ok, child: child}
    end

    test "is waited for within the deadline, by a write, a transaction and a migration", %{
      repo: repo,
      child: child
    } do
      tasks = [
        elsewhere(repo, fn -> Repo.insert(:rooms, [id: "a", title: "A"], timeout: 60_000) end),
        elsewhere(repo, fn ->
          Repo.transaction(fn -> Repo.insert!(:rooms, id: "b", title: "B") end, timeout: 60_000)
        end),
        elsewhere(repo, fn -> Repo.migrate(timeout: 60_000) end)
      ]

      # Nobody has an answer as long as the lock is held; a read does not mind it.
      assert Task.yield_many(tasks, 300) == Enum.map(tasks, &{&1, nil})
      assert Repo.count(:rooms) == 0

      Child.send_line(child, "commit")
      assert [{:ok, _}, {:ok, _}, {:ok, []}] = Task.await_many(tasks, 60_000)
      assert Repo.count(:rooms) == 3
    end

    test "ends the call as :busy at its deadline, and nothing of it is written", %{child: child} do
      assert {:error, %Error{code: :busy, retryable?: true} = error} =
               Repo.insert(:rooms, [id: "a", title: "A"], timeout: 100)

      assert error.message =~ "another process"

      assert {:error, %Error{code: code}} =
               Repo.transaction(
                 fn ->
                   case Repo.insert(:rooms, id: "b", title: "B") do
                     {:ok, _} -> :written
                     {:error, error} -> Repo.rollback(error)
                   end
                 end,
                 timeout: 100
               )

      assert code in [:busy, :transaction_timeout]

      Child.send_line(child, "commit")
      Child.expect(child, "committed")
      assert {:ok, _} = Repo.insert(:rooms, id: "c", title: "C")
      assert Enum.map(Repo.all(:rooms, order_by: :id), & &1.id) == ["c", "theirs"]
    end

    test "goes with a process that is killed, whose write is not seen", %{child: child} do
      Child.kill(child.os_pid)
      assert {:ok, _} = Repo.insert(:rooms, [id: "a", title: "A"], timeout: 60_000)
      assert Enum.map(Repo.all(:rooms), & &1.id) == ["a"]
    end
  end

  describe "a process that holds the writer for long" do
    setup %{repo: repo} do
      test = self()

      holder =
        elsewhere(repo, fn ->
          Repo.transaction(fn ->
            Repo.insert!(:rooms, id: "held", title: "Held")
            send(test, :held)
            receive do: (:go -> :ok)
          end)
        end)

      assert_receive :held, 60_000
      {:ok, holder: holder}
    end

    test "is named in the error of a timeout, with how long and how many wait; nothing was written",
         %{
           repo: repo,
           holder: holder
         } do
      waiting =
        for n <- 1..7 do
          elsewhere(repo, fn -> Repo.insert(:rooms, id: "#{n}", title: "#{n}") end)
        end

      wait_until(fn -> match?({:ok, %{queue_depth: 7}}, Repo.stats()) end)

      results = [
        fn -> Repo.insert(:rooms, [id: "late", title: "Late"], timeout: 50) end,
        fn -> Repo.update(:rooms, "held", [title: "Late"], timeout: 50) end,
        fn -> Repo.delete(:rooms, "held", timeout: 50) end,
        fn -> {:error, error(fn -> Repo.insert_all(:rooms, [[id: 1]], timeout: 50) end)} end,
        fn -> {:error, error(fn -> Repo.delete_all(:rooms, timeout: 50) end)} end,
        fn -> Repo.migrate(timeout: 50) end
      ]

      for late <- results do
        assert {:error, %Error{code: :timeout, retryable?: true} = error} = late.()
        assert error.details.holder =~ inspect(holder.pid)
        assert error.details.waited_ms >= 50
        assert error.details.held_ms >= 50
        assert error.details.waiting == 7
        assert error.message =~ inspect(holder.pid)
        assert error.message =~ "7 more wait"
      end

      send(holder.pid, :go)
      assert Task.await(holder) == {:ok, :ok}
      for answer <- Task.await_many(waiting), do: assert({:ok, _} = answer)

      assert Enum.map(Repo.all(:rooms, order_by: :id), & &1.title) ==
               Enum.map(1..7, &"#{&1}") ++ ["Held"]

      assert Process.info(self(), :messages) == {:messages, []}
    end

    test "does not stop reads, which see what was before", %{holder: holder} do
      assert Repo.all(:rooms) == []
      assert Repo.get(:rooms, "held") == nil
      send(holder.pid, :go)
      Task.await(holder)
      assert Repo.count(:rooms) == 1
    end

    test "keeps a whole transaction waiting, which can be tried again", %{holder: holder} do
      assert {:error, %Error{code: code}} =
               Repo.transaction(
                 fn ->
                   case Repo.insert(:rooms, [id: "a", title: "A"], timeout: 50) do
                     {:ok, _} -> :written
                     {:error, error} -> Repo.rollback(error)
                   end
                 end,
                 timeout: 60_000
               )

      assert code == :timeout
      send(holder.pid, :go)
      assert {:ok, _} = Repo.transaction(fn -> Repo.insert!(:rooms, id: "a", title: "A") end)
      Task.await(holder)
      assert Repo.count(:rooms) == 2
    end
  end

  test "the time in which a call's own values are read counts, and no holder is named for it" do
    Repo.insert!(:rooms, id: "before", title: "Before")
    rows = for n <- 1..200_000, do: %{id: "#{n}", title: "#{n}"}

    for write <- [
          fn -> Repo.insert_all(:rooms, rows, timeout: 1) end,
          fn ->
            Repo.transaction(fn ->
              Repo.insert_all(:rooms, rows, timeout: 1)
            end)
          end
        ] do
      error = error(write)
      assert {error.code, error.retryable?} == {:timeout, true}
      assert error.details.waited_ms >= 1
      refute Map.has_key?(error.details, :holder)
      assert error.message =~ "Nothing was written"
    end

    assert Repo.count(:rooms) == 1
  end

  test "a full queue pushes back: a caller that waits for room receives an error when none came, and is answered " <>
         "when it does",
       %{tmp_dir: folder} do
    repo = start_repo!(folder, queue_limit: 3)
    Repo.put_dynamic_repo(repo)
    test = self()

    holder =
      elsewhere(repo, fn ->
        Repo.transaction(fn ->
          Repo.insert!(:rooms, id: "held", title: "Held")
          send(test, :held)
          receive do: (:go -> :ok)
        end)
      end)

    assert_receive :held, 60_000

    waiting =
      for n <- 1..20,
          do: elsewhere(repo, fn -> Repo.insert(:rooms, id: "#{n}", title: "#{n}") end)

    wait_until(fn -> match?({:ok, %{queue_depth: 20}}, Repo.stats()) end)

    late =
      elsewhere(repo, fn ->
        answer = Repo.insert(:rooms, [id: "late", title: "Late"], timeout: 50)
        send(test, :gave_up)
        receive do: (:look -> {answer, Process.info(self(), :messages)})
      end)

    assert_receive :gave_up, 60_000
    send(holder.pid, :go)
    for answer <- Task.await_many(waiting, 60_000), do: assert({:ok, _} = answer)

    # A place became free since, and nobody else wrote: the one that gave up receives nothing.
    assert {:ok, _} = Repo.insert(:rooms, id: "next", title: "Next")
    send(late.pid, :look)
    assert {{:error, %Error{code: :queue_full} = error}, {:messages, []}} = Task.await(late)
    assert error.details.queue_limit == 3
    assert error.details.holder =~ inspect(holder.pid)
    assert error.details.waited_ms >= 50
    assert error.details.held_ms >= 50
    assert Reads.get(repo, :rooms, "late") == nil
    assert Repo.count(:rooms) == 22
  end
end
