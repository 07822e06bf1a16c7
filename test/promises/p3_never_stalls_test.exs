defmodule AshRusqlite.P3NeverStallsTest do
  @moduledoc false
  # P3: the VM never stalls. What a read may do on a scheduler is tested in
  # native/engine/tests/p3_never_stalls.rs. Only one of these tests occupies every scheduler, but
  # they compare work with work, not with the clock.
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Native

  @endless "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

  describe "while the writer is held" do
    setup %{repo: repo} do
      test = self()

      holder =
        elsewhere(repo, fn ->
          Repo.transaction(
            fn ->
              Repo.insert!(:rooms, id: "held", title: "Held")
              send(test, :held)
              receive do: (:go -> :ok)
            end,
            timeout: :infinity
          )
        end)

      assert_receive :held, 60_000
      {:ok, holder: holder}
    end

    test "a thousand waiting writers hold no scheduler: other work, also dirty, continues", %{
      repo: repo,
      holder: holder
    } do
      waiting =
        for n <- 1..1_000 do
          elsewhere(repo, fn ->
            case rem(n, 3) do
              0 -> Repo.transaction(fn -> Repo.insert!(:rooms, id: "#{n}", title: "#{n}") end)
              1 -> Repo.insert(:rooms, [id: "#{n}", title: "#{n}"], timeout: :infinity)
              2 -> Repo.insert(:rooms, [id: "#{n}", title: "#{n}"], timeout: 60_000)
            end
          end)
        end

      wait_until(fn -> match?({:ok, %{queue_depth: 1_000}}, Repo.stats()) end)

      # Every scheduler of each kind gets more work than there are schedulers.
      others =
        for _ <- 1..64 do
          Task.async(fn ->
            # Normal, dirty CPU (a big write or JSON is decoded there), dirty IO (a long read).
            assert 499_500 == Enum.sum(0..999)
            assert {:ok, %{"a" => _}} = Native.json_decode_dirty(~s({"a": [1, 2, 3]}))
            MyApp.Repo.put_dynamic_repo(repo)
            assert %{rows: [[5_000]]} = Repo.query!(counting(5_000))
            assert Repo.all(:rooms) == []
            :done
          end)
        end

      assert Enum.uniq(Task.await_many(others, 60_000)) == [:done]
      assert {:ok, %{queue_depth: 1_000}} = Repo.stats()

      send(holder.pid, :go)
      for answer <- Task.await_many(waiting, 60_000), do: assert({:ok, _} = answer)
      assert Repo.count(:rooms) == 1_001
    end

    test "writers that are killed as they wait leave nothing behind", %{
      repo: repo,
      holder: holder
    } do
      killed =
        for n <- 1..200 do
          spawn(fn ->
            Repo.put_dynamic_repo(repo)
            if rem(n, 2) == 0, do: Repo.insert(:rooms, id: "#{n}", title: "#{n}")
            Repo.transaction(fn -> Repo.insert!(:rooms, id: "#{n}", title: "#{n}") end)
          end)
        end

      wait_until(fn -> match?({:ok, %{queue_depth: 200}}, Repo.stats()) end)
      Enum.each(killed, &Process.exit(&1, :kill))
      next = elsewhere(repo, fn -> Repo.insert(:rooms, id: "next", title: "Next") end)
      send(holder.pid, :go)
      assert {:ok, _} = Task.await(next, 60_000)

      # The last write shares the commit of the others, before the transactions have had their turn.
      wait_until(fn -> match?({:ok, %{queue_depth: 0, holder: nil}}, Repo.stats()) end)

      # A write may have been kept: its caller died before the answer. A transaction not.
      odd = for n <- 1..200//2, do: "#{n}"
      assert Repo.count(:rooms, where: [{:id, :in, odd}]) == 0
    end
  end

  test "a caller that waits for room is not forgotten when those before it were killed", %{
    tmp_dir: folder
  } do
    repo = start_repo!(folder, queue_limit: 1, busy_timeout: 60_000)
    Repo.put_dynamic_repo(repo)
    test = self()

    {:ok, killed} =
      Repo.transaction(fn ->
        Repo.insert!(:rooms, id: "held", title: "Held")
        insert = fn n -> fn -> Repo.insert(:rooms, id: "#{n}", title: "#{n}") end end
        queued = elsewhere(repo, insert.(1))
        wait_until(fn -> match?({:ok, %{queue_depth: 1}}, Repo.stats()) end)
        killed = for n <- 2..21, do: spawn_waiting(repo, insert.(n))
        wait_until(fn -> match?({:ok, %{queue_depth: 21}}, Repo.stats()) end)
        last = elsewhere(repo, insert.(22))
        wait_until(fn -> match?({:ok, %{queue_depth: 22}}, Repo.stats()) end)
        Enum.each(killed, &Process.exit(&1, :kill))
        send(test, {:tasks, [queued, last]})
        killed
      end)

    assert length(killed) == 20
    assert_receive {:tasks, tasks}
    assert [{:ok, _}, {:ok, _}] = Task.await_many(tasks, 30_000)
  end

  describe "a long read" do
    test "ends at its deadline, whatever it computes", %{repo: repo} do
      reads =
        for n <- 1..6 do
          elsewhere(repo, fn -> Repo.query(@endless, [], timeout: 50 + n) end)
        end

      for answer <- Task.await_many(reads, 60_000) do
        assert {:error, %Error{code: :timeout, retryable?: true}} = answer
      end

      assert {:error, %Error{code: :timeout}} =
               Repo.transaction(fn ->
                 with {:error, error} <- Repo.query(@endless, [], timeout: 50),
                      do: Repo.rollback(error)
               end)

      assert {:ok, %{readers_busy: 0}} = Repo.stats()
    end

    test "is given up when its caller dies, also when that was all readers were busy with", %{
      tmp_dir: folder
    } do
      repo = start_repo!(folder, readers: 2)
      Repo.put_dynamic_repo(repo)
      endless = fn -> Repo.query(@endless, [], timeout: :infinity) end
      busy = for _ <- 1..2, do: spawn_waiting(repo, endless)
      wait_until(fn -> match?({:ok, %{readers_busy: 2}}, Repo.stats()) end)

      # These wait for a reader as processes.
      killed = for _ <- 1..10, do: spawn_waiting(repo, endless)
      wait_until(fn -> match?({:ok, %{readers_waiting: 10}}, Repo.stats()) end)
      waiting = elsewhere(repo, fn -> {Repo.count(:rooms), Process.info(self(), :messages)} end)
      wait_until(fn -> match?({:ok, %{readers_waiting: 11}}, Repo.stats()) end)

      assert {:error, %Error{code: :timeout, details: details}} =
               Repo.query("SELECT 1", [], timeout: 50)

      assert %{waited_ms: 50, waiting: 11} = details

      Enum.each(killed ++ busy, &Process.exit(&1, :kill))
      assert Task.await(waiting, 14_000) == {0, {:messages, []}}
      wait_until(fn -> match?({:ok, %{readers_busy: 0}}, Repo.stats()) end)
      assert Process.info(self(), :messages) == {:messages, []}
    end

    test "is given up when the repo stops", %{repo: repo} do
      read = elsewhere(repo, fn -> Repo.query(@endless, [], timeout: :infinity) end)
      wait_until(fn -> match?({:ok, %{readers_busy: 1}}, Repo.stats()) end)
      AshRusqlite.Repo.stop(repo)
      assert {:error, %Error{code: :closed}} = Task.await(read, 60_000)
    end

    test "keeps no write from being answered", %{repo: repo} do
      read = elsewhere(repo, fn -> Repo.query(@endless, [], timeout: 60_000) end)
      wait_until(fn -> match?({:ok, %{readers_busy: 1}}, Repo.stats()) end)
      for n <- 1..20, do: Repo.insert!(:rooms, id: "#{n}", title: "#{n}")
      assert {:ok, _} = Repo.checkpoint(:passive)
      assert Task.yield(read, 0) == nil
      Task.shutdown(read, :brutal_kill)
    end
  end

  # The best of five tries, so that it does not matter what else the machine does. To look at
  # the whole term would take many times as long as is allowed here.
  test "no term is so big that a scheduler is held to look at it", %{repo: repo} do
    {:ok, %{db: db}} = AshRusqlite.Repo.Registry.lookup(repo)
    numbers = Enum.to_list(1..300_000)
    texts = Map.new(numbers, &{"key #{&1}", &1})
    tuple = List.to_tuple(numbers)
    bytes = :binary.copy("x", 100_000_000)
    insert = fn value -> {:insert, :rooms, [[id: value]], :raise, false} end
    write = &Native.write(db, make_ref(), &1, 1_000)
    read = &Native.read(db, &1, 1_000)

    calls = [
      text_map: {write, insert.(texts)},
      number_map: {write, insert.(Map.new(numbers, &{&1, &1}))},
      nested: {write, insert.([{:a, %{texts | "key 1" => self()}}])},
      list: {write, insert.(numbers)},
      tuple: {write, insert.(tuple)},
      bytes: {write, insert.(bytes)},
      bytes_in_a_tuple: {write, insert.({bytes})},
      row: {write, {:insert, :rooms, [texts], :raise, false}},
      rows: {write, {:insert, :rooms, Enum.map(numbers, &[id: &1]), :raise, false}},
      returning: {write, {:insert, :rooms, [], :raise, Map.keys(texts)}},
      table: {write, {:delete, bytes, nil, false}},
      no_write: {write, tuple},
      sql: {read, {:sql, bytes, []}},
      params: {read, {:sql, "SELECT 1", numbers}},
      pattern: {read, {:all, :rooms, [where: {:id, :like, bytes}]}},
      condition: {read, {:all, :rooms, [where: tuple]}},
      conditions: {read, {:all, :rooms, [where: Enum.map(numbers, &{:id, &1})]}},
      key: {read, {:get, :rooms, texts}},
      limit: {read, {:all, :rooms, [limit: numbers]}},
      timeout: {&Native.tx_open(db, &1), numbers},
      steps: {&Native.migrate(db, make_ref(), "none", &1), Enum.map(numbers, &{:step, &1})},
      json: {&Native.json_decode/1, bytes}
    ]

    for {name, {call, term}} <- calls do
      {fastest, answer} = 1..5 |> Enum.map(fn _ -> :timer.tc(call, [term]) end) |> Enum.min()
      assert answer == :dirty or match?({:error, _}, answer), "#{name}: #{inspect(answer)}"
      assert fastest < 20_000, "#{name} took #{fastest} µs"
    end
  end

  test "dropping many handles only notifies others: each database closes, each transaction ends",
       %{
         repo: repo,
         database: database,
         tmp_dir: folder
       } do
    # A collected handle of a transaction rolls it back, although its owner lives.
    owner =
      elsewhere(repo, fn ->
        {:ok, entry} = AshRusqlite.Repo.Registry.lookup(repo)

        for n <- 1..300 do
          {:ok, tx} = Native.tx_open(entry.db, 60_000)
          ref = make_ref()
          returning = {:insert, :rooms, [[id: "#{n}", title: "#{n}"]], :raise, false}
          if n == 300, do: {:queued, _} = Native.tx_exec(tx, ref, returning, 60_000)
        end

        :erlang.garbage_collect()
        assert {:ok, _} = Repo.insert(:rooms, id: "next", title: "Next")
        :ok
      end)

    assert Task.await(owner, 60_000) == :ok
    assert Enum.map(Repo.all(:rooms), & &1.id) == ["next"]

    # A database's handle that is collected closes it, also in the middle of its opening.
    owner =
      Task.async(fn ->
        for _ <- 1..20 do
          {:ok, _db} = Native.open(database, [], make_ref())
          {:ok, _db} = Native.open(":memory:", [], make_ref())
        end

        :erlang.garbage_collect()
        receive do: (:go -> :ok)
      end)

    files = fn -> database |> open_files() |> length() end
    wait_until(fn -> files.() <= 20 end)
    send(owner.pid, :go)
    Task.await(owner)

    AshRusqlite.Repo.stop(repo)
    again = start_repo!(folder)
    assert AshRusqlite.Repo.Reads.count(again, :rooms) == 1
  end

  # The descriptors of this VM for a file, its log and its index.
  defp open_files(database) do
    for fd <- File.ls!("/proc/self/fd"),
        {:ok, target} <- [File.read_link("/proc/self/fd/" <> fd)],
        String.starts_with?(target, Path.expand(database)),
        do: target
  end

  defp counting(to) do
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT #{to}) " <>
      "SELECT count(*) FROM n"
  end

  defp spawn_waiting(repo, fun) do
    spawn(fn ->
      Repo.put_dynamic_repo(repo)
      fun.()
    end)
  end
end
