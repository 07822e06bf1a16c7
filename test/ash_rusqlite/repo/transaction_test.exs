defmodule AshRusqlite.Repo.TransactionTest do
  use AshRusqlite.Case, async: true

  defp insert(id), do: Repo.insert!(:rooms, id: id, title: id)
  defp ids, do: :rooms |> Repo.all(order_by: :id) |> Enum.map(& &1.id)

  describe "transaction" do
    test "commits what its function did, and gives its value" do
      assert Repo.transaction(fn -> insert("a") && insert("b") && :value end) == {:ok, :value}
      assert ids() == ["a", "b"]
    end

    test "passes the repo to a function of one argument" do
      assert Repo.transaction(fn repo -> repo end) == {:ok, MyApp.Repo}
      assert Repo.savepoint(fn repo -> repo end) == {:ok, MyApp.Repo}
    end

    test "of nothing is fine" do
      assert Repo.transaction(fn -> :nothing end) == {:ok, :nothing}
      assert Repo.transaction(fn -> Repo.rollback(:nothing) end) == {:error, :nothing}
    end

    @tag :capture_log
    test "sees its own writes, which others see after the commit only", %{repo: repo} do
      assert {:ok, _} =
               Repo.transaction(fn ->
                 insert("a")
                 assert ids() == ["a"]
                 assert Repo.get(:rooms, "a").title == "a"
                 assert Repo.query!("SELECT count(*) FROM rooms").rows == [[1]]
                 assert Task.await(elsewhere(repo, fn -> ids() end)) == []
               end)

      assert ids() == ["a"]
    end

    test "cannot lose an update", %{repo: repo} do
      insert("a")
      Repo.insert!(:messages, id: 1, room_id: "a", content: "x")

      like = fn ->
        Repo.transaction(fn ->
          %{likes: likes} = Repo.get!(:messages, 1)
          Repo.update!(:messages, 1, likes: likes + 1)
        end)
      end

      tasks = for _ <- 1..50, do: elsewhere(repo, like)
      assert Enum.all?(Task.await_many(tasks), &match?({:ok, _}, &1))
      assert Repo.get!(:messages, 1).likes == 50
    end

    test "continues after a statement that failed" do
      assert {:ok, :unique_violation} =
               Repo.transaction(fn ->
                 insert("a")
                 {:error, error} = Repo.insert(:rooms, id: "a", title: "x")
                 insert("b")
                 error.code
               end)

      assert ids() == ["a", "b"]
    end

    test "is the error of a commit that is refused", %{repo: repo} do
      sql = """
      -- up
      CREATE TABLE late (
        id INTEGER PRIMARY KEY,
        room_id TEXT REFERENCES rooms (id) DEFERRABLE INITIALLY DEFERRED
      );
      """

      AshRusqlite.Case.migrate!(repo, sql)

      assert {:error, %Error{code: :foreign_key_violation}} =
               Repo.transaction(fn -> Repo.insert!(:late, id: 1, room_id: "none") end)

      assert Repo.count(:late) == 0
    end

    test "refuses options that it does not know" do
      assert {:error, %Error{code: :invalid_option}} = Repo.transaction(fn -> :ok end, tmeout: 5)
      assert {:error, %Error{code: :invalid_option}} = Repo.transaction(fn -> :ok end, timeout: 0)
      assert {:error, %Error{code: :invalid_option}} = Repo.savepoint(fn -> :ok end, tmeout: 5)
    end
  end

  describe "is rolled back" do
    test "by rollback" do
      assert {:error, :reason} =
               Repo.transaction(fn ->
                 insert("a")
                 Repo.rollback(:reason)
                 insert("b")
               end)

      assert ids() == []
      refute Repo.in_transaction?()
    end

    test "when its function raises, throws or exits, which reaches the caller" do
      assert_raise RuntimeError, "oops", fn ->
        Repo.transaction(fn -> insert("a") && raise "oops" end)
      end

      assert catch_throw(Repo.transaction(fn -> insert("a") && throw(:ball) end)) == :ball
      assert catch_exit(Repo.transaction(fn -> insert("a") && exit(:reason) end)) == :reason
      assert ids() == []
      refute Repo.in_transaction?()
      insert("b")
    end

    test "when its process is killed, and the writer is free at once", %{repo: repo} do
      test = self()

      {pid, ref} =
        spawn_monitor(fn ->
          Repo.put_dynamic_repo(repo)

          Repo.transaction(fn ->
            insert("a")
            send(test, :inserted)
            Process.sleep(:infinity)
          end)
        end)

      assert_receive :inserted
      Process.exit(pid, :kill)
      assert_receive {:DOWN, ^ref, _, _, :killed}
      {time, _} = :timer.tc(fn -> Repo.insert!(:rooms, [id: "b", title: "B"], timeout: 2_000) end)

      assert time < 1_000_000
      assert ids() == ["b"]
    end

    test "when it outlasts its timeout, which its next call returns" do
      result =
        Repo.transaction(
          fn ->
            insert("a")
            Process.sleep(150)
            assert {:error, %Error{code: :transaction_timeout}} = Repo.query("SELECT 1")
            assert {:error, %Error{code: code}} = Repo.insert(:rooms, id: "b", title: "B")
            assert code in [:transaction_timeout, :transaction_closed]
            :done
          end,
          timeout: 50
        )

      assert {:error, %Error{code: :transaction_timeout, retryable?: true}} = result
      assert ids() == []
      insert("c")
    end

    test "when it outlasts its timeout without a further call" do
      assert {:error, %Error{code: code}} =
               Repo.transaction(fn -> insert("a") && Process.sleep(150) end, timeout: 50)

      assert code in [:transaction_timeout, :transaction_closed]
      assert ids() == []
    end

    test "when the repo is stopped", %{repo: repo} do
      assert {:error, %Error{code: code}} =
               Repo.transaction(fn ->
                 insert("a")
                 Task.await(Task.async(fn -> AshRusqlite.Repo.stop(repo) end))
                 Repo.query("SELECT 1")
                 :value
               end)

      assert code in [:closed, :transaction_closed]
    end
  end

  describe "a transaction in a transaction" do
    test "is a part of it" do
      assert {:ok, {:ok, :inner}} =
               Repo.transaction(fn ->
                 insert("a")
                 Repo.transaction(fn -> insert("b") && :inner end)
               end)

      assert ids() == ["a", "b"]
    end

    test "when rolled back, takes the outer one along" do
      assert {:error, :rollback} =
               Repo.transaction(fn ->
                 insert("a")
                 assert {:error, :inner} = Repo.transaction(fn -> Repo.rollback(:inner) end)
                 assert {:error, %Error{code: :transaction_closed}} = Repo.query("SELECT 1")
                 assert {:error, :rollback} = Repo.transaction(fn -> :value end)
                 :value
               end)

      assert ids() == []
    end

    test "when it raises, takes the outer one along, also if that rescues" do
      assert {:error, :rollback} =
               Repo.transaction(fn ->
                 insert("a")

                 try do
                   Repo.transaction(fn -> raise "oops" end)
                 rescue
                   RuntimeError -> :rescued
                 end
               end)

      assert ids() == []
    end

    test "of another repo is one of its own", %{repo: one, tmp_dir: folder} do
      two = start_repo!(folder, database: Path.join(folder, "two.db"))

      assert {:error, :outer} =
               Repo.transaction(fn ->
                 insert("a")
                 Repo.put_dynamic_repo(two)
                 refute Repo.in_transaction?()
                 assert {:ok, _} = Repo.transaction(fn -> insert("b") end)
                 Repo.put_dynamic_repo(one)
                 Repo.rollback(:outer)
               end)

      assert ids() == []
      Repo.put_dynamic_repo(two)
      assert ids() == ["b"]
    end
  end

  describe "savepoint" do
    test "takes back its own part only" do
      assert {:ok, :done} =
               Repo.transaction(fn ->
                 insert("a")

                 assert {:error, :inner} =
                          Repo.savepoint(fn -> insert("b") && Repo.rollback(:inner) end)

                 assert {:ok, "c"} = Repo.savepoint(fn -> insert("c").id end)
                 assert ids() == ["a", "c"]
                 :done
               end)

      assert ids() == ["a", "c"]
    end

    test "nests, and is undone with what is around it" do
      assert {:ok, _} =
               Repo.transaction(fn ->
                 Repo.savepoint(fn ->
                   insert("a")
                   {:ok, _} = Repo.savepoint(fn -> insert("b") end)
                   Repo.rollback(:outer)
                 end)

                 {:ok, _} =
                   Repo.savepoint(fn ->
                     insert("c")

                     {:error, :inner} =
                       Repo.savepoint(fn -> insert("d") && Repo.rollback(:inner) end)

                     insert("e")
                   end)
               end)

      assert ids() == ["c", "e"]
    end

    test "is undone when its function raises" do
      assert {:ok, _} =
               Repo.transaction(fn ->
                 assert_raise RuntimeError, fn ->
                   Repo.savepoint(fn -> insert("a") && raise "oops" end)
                 end

                 insert("b")
               end)

      assert ids() == ["b"]
    end

    test "takes a failed inner transaction back" do
      assert {:ok, _} =
               Repo.transaction(fn ->
                 assert {:error, :rollback} =
                          Repo.savepoint(fn ->
                            insert("a")
                            Repo.transaction(fn -> Repo.rollback(:inner) end)
                          end)

                 insert("b")
               end)

      assert ids() == ["b"]
    end

    test "without a transaction is one itself" do
      assert {:ok, "a"} = Repo.savepoint(fn -> insert("a").id end)
      assert {:error, :x} = Repo.savepoint(fn -> insert("b") && Repo.rollback(:x) end)
      assert ids() == ["a"]
    end
  end

  test "in_transaction? holds for the process that began it", %{repo: repo} do
    refute Repo.in_transaction?()

    Repo.transaction(fn ->
      assert Repo.in_transaction?()
      refute Task.await(elsewhere(repo, fn -> Repo.in_transaction?() end))
    end)

    refute Repo.in_transaction?()
  end

  test "rollback outside of a transaction is refused" do
    assert error(fn -> Repo.rollback(:x) end).code == :transaction_closed
  end

  describe "timeout:" do
    test "counts before the first statement, which is refused when it is over" do
      test = self()

      assert {:error, %{code: :transaction_timeout, details: %{deadline_ms: 20}}} =
               Repo.transaction(
                 fn ->
                   Process.sleep(50)
                   for _ <- 1..2, do: send(test, Repo.insert(:rooms, id: "a", title: "a"))
                   :done
                 end,
                 timeout: 20
               )

      for _ <- 1..2, do: assert_received({:error, %{code: :transaction_timeout}})
      assert ids() == []
      refute Repo.in_transaction?()
      assert {:ok, _} = Repo.transaction(fn -> insert("b") end, timeout: 60_000)
    end

    test "counts where there is no statement" do
      assert {:error, %{code: :transaction_timeout}} =
               Repo.transaction(fn -> Process.sleep(50) end, timeout: 20)

      assert {:error, :mine} =
               Repo.transaction(fn -> Process.sleep(50) && Repo.rollback(:mine) end, timeout: 20)
    end

    test "is named as it was given, whatever was left of it at the first statement" do
      assert {:error, %{code: :transaction_timeout, details: %{deadline_ms: 200}}} =
               Repo.transaction(
                 fn ->
                   Process.sleep(100)
                   Repo.insert(:rooms, id: "a", title: "a")
                   Process.sleep(200)
                 end,
                 timeout: 200
               )

      assert ids() == []
    end

    test "of the repo counts from the first statement on", %{tmp_dir: folder} do
      path = Path.join(folder, "short.db")
      Repo.put_dynamic_repo(start_repo!(folder, database: path, transaction_timeout: 1_000))

      assert {:ok, "a"} = Repo.transaction(fn -> Process.sleep(1_050) && insert("a").id end)
      assert {:ok, :done} = Repo.transaction(fn -> Process.sleep(1_050) && :done end)
      assert ids() == ["a"]
    end
  end

  test "a transaction that waits for another one gives up at its deadline", %{repo: repo} do
    test = self()

    holder =
      elsewhere(repo, fn ->
        Repo.transaction(fn ->
          insert("a")
          send(test, :held)
          receive do: (:go -> :ok)
        end)
      end)

    assert_receive :held

    error = error(fn -> Repo.transaction(fn -> insert("b") end, timeout: 50) end)
    assert error.code in [:timeout, :transaction_timeout]
    assert error.details.deadline_ms == 50

    late = error(fn -> Repo.insert!(:rooms, [id: "b", title: "b"], timeout: 50) end)
    assert %{code: :timeout, details: %{deadline_ms: 50}} = late

    send(holder.pid, :go)
    assert Task.await(holder) == {:ok, :ok}
    assert ids() == ["a"]
  end
end
