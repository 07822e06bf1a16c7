defmodule AshRusqlite.Repo.WritesTest do
  use AshRusqlite.Case, async: true

  setup do
    Repo.insert!(:rooms, id: "kitchen", title: "Kitchen")
    :ok
  end

  describe "insert" do
    test "gives the row with its defaults" do
      assert {:ok, %{id: "attic", title: "Attic", hidden: false}} =
               Repo.insert(:rooms, %{id: "attic", title: "Attic"})

      assert {:ok, %{id: 1, likes: 0, sent_at: nil}} =
               Repo.insert(:messages, room_id: "kitchen", content: "Hi")
    end

    test "takes names as strings and atoms as text" do
      assert %{title: "attic"} = Repo.insert!("rooms", %{"id" => "a", "title" => :attic})
    end

    test "gives back what is asked for" do
      assert {:ok, %{id: "a"} = row} =
               Repo.insert(:rooms, [id: "a", title: "A"], returning: [:id])

      assert map_size(row) == 1
      assert {:ok, row} = Repo.insert(:rooms, [id: "b", title: "B"], returning: false)
      assert row == %{}
    end

    test "names the constraint that refuses a row" do
      message = %{room_id: "kitchen", content: "Hi"}

      for {table, row, code, details} <- [
            {:rooms, %{id: "kitchen", title: "K"}, :unique_violation,
             %{table: "rooms", columns: ["id"]}},
            {:rooms, %{id: "k", title: "Kitchen"}, :unique_violation,
             %{table: "rooms", columns: ["title"]}},
            {:rooms, %{id: "k"}, :not_null_violation, %{table: "rooms", columns: ["title"]}},
            {:messages, %{message | room_id: "no"}, :foreign_key_violation, %{table: "messages"}},
            {:messages, Map.put(message, :likes, -1), :check_violation, %{table: "messages"}}
          ] do
        assert {:error, %Error{code: ^code, retryable?: false} = error} = Repo.insert(table, row)
        assert Map.take(error.details, Map.keys(details)) == details
      end
    end

    test "refuses unknown names, wrong values and wrong options" do
      assert {:error, %Error{code: :unknown_table}} = Repo.insert(:room, %{})

      assert {:error, %Error{code: :unknown_column, details: %{nearest: "title"}}} =
               Repo.insert(:rooms, %{titel: "x"})

      for value <- [5, 1.5, %{}, {1, 2}, self(), <<255>>] do
        assert {:error, %Error{code: :invalid_value, details: %{column: "title"}}} =
                 Repo.insert(:rooms, id: "a", title: value)
      end

      assert {:error, %Error{code: :invalid_query}} = Repo.insert(:rooms, 5)

      assert {:error, %Error{code: :invalid_option, details: %{nearest: "returning"}}} =
               Repo.insert(:rooms, [id: "a", title: "A"], retuning: false)

      assert {:error, %Error{code: :invalid_option}} = Repo.insert(:rooms, [id: "a"], timeout: 0)
      assert {:error, %Error{}} = Repo.insert(:rooms, [id: "a", title: "A"], returning: 5)
      assert Repo.count(:rooms) == 1
    end

    test "with ! gives the row or raises" do
      assert %{id: "a"} = Repo.insert!(:rooms, id: "a", title: "A")
      assert error(fn -> Repo.insert!(:rooms, id: "a", title: "A") end).code == :unique_violation
    end
  end

  describe "upsert" do
    test "inserts, then replaces what the new row has" do
      assert {:ok, %{title: "A", hidden: true}} =
               Repo.upsert(:rooms, id: "a", title: "A", hidden: true)

      assert {:ok, %{title: "B", hidden: true}} = Repo.upsert(:rooms, id: "a", title: "B")
      assert Repo.count(:rooms) == 2
    end

    test "replaces what on_conflict: names" do
      row = [id: "kitchen", title: "New", hidden: true]

      assert {:ok, %{title: "Kitchen", hidden: true}} =
               Repo.upsert(:rooms, row, on_conflict: {:replace, [:hidden]})

      assert {:ok, %{title: "New"}} =
               Repo.upsert(:rooms, row, on_conflict: {:replace_all_except, [:hidden]})

      assert {:ok, nil} = Repo.upsert(:rooms, row, on_conflict: :nothing)
      assert Repo.upsert!(:rooms, row, on_conflict: :nothing) == nil
    end

    test "takes another constraint's columns" do
      row = [id: "k2", title: "Kitchen", hidden: true]

      assert {:ok, %{id: "kitchen", hidden: true}} =
               Repo.upsert(:rooms, row,
                 conflict_target: [:title],
                 on_conflict: {:replace, [:hidden]}
               )

      assert {:ok, %{id: "k2"}} = Repo.upsert(:rooms, row, conflict_target: :title)
    end

    test "refuses what has no meaning" do
      row = [id: "kitchen", title: "New"]

      for opts <- [[on_conflict: :replace], [on_conflict: {:replace, :title}]] do
        assert {:error, %Error{code: :invalid_option, details: %{option: "on_conflict"}}} =
                 Repo.upsert(:rooms, row, opts)
      end

      assert {:error, %Error{code: :invalid_query} = error} =
               Repo.upsert(:rooms, row, conflict_target: [:hidden])

      assert error.message =~ "conflict target"

      assert {:error, %Error{code: :unknown_column}} =
               Repo.upsert(:rooms, row, conflict_target: [:titel])

      assert {:error, %Error{code: :invalid_option, details: %{nearest: "on_conflict"}}} =
               Repo.upsert(:rooms, row, on_conflit: :nothing)

      assert error(fn -> Repo.upsert!(:room, row) end).code == :unknown_table
    end
  end

  describe "update" do
    test "changes the row of a key" do
      assert {:ok, %{id: "kitchen", title: "Galley"}} =
               Repo.update(:rooms, "kitchen", title: "Galley")

      assert %{title: "Mess"} = Repo.update!(:rooms, "kitchen", %{title: "Mess"})
      Repo.insert!(:seats, room_id: "kitchen", number: 1)

      assert {:ok, %{name: "Stool"}} =
               Repo.update(:seats, [room_id: "kitchen", number: 1], name: "Stool")
    end

    test "without changes gives the row" do
      assert {:ok, %{title: "Kitchen"}} = Repo.update(:rooms, "kitchen", [])
      assert {:error, %Error{code: :not_found}} = Repo.update(:rooms, "attic", %{})
    end

    test "refuses a key that is not there, and what insert refuses" do
      assert {:error, %Error{code: :not_found, details: %{table: "rooms"}}} =
               Repo.update(:rooms, "attic", title: "A")

      assert {:error, %Error{code: :not_null_violation}} =
               Repo.update(:rooms, "kitchen", title: nil)

      assert {:error, %Error{code: :unknown_column}} = Repo.update(:rooms, "kitchen", titel: "A")
      assert {:error, %Error{code: :invalid_query}} = Repo.update(:rooms, "kitchen", 5)

      assert {:error, %Error{code: :invalid_query}} =
               Repo.update(:rooms, "kitchen", ~D[2026-01-01])

      assert error(fn -> Repo.update!(:rooms, "attic", title: "A") end).code == :not_found
    end
  end

  describe "delete" do
    test "gives back the row that was there" do
      assert {:ok, %{title: "Kitchen"}} = Repo.delete(:rooms, "kitchen")
      assert {:error, %Error{code: :not_found}} = Repo.delete(:rooms, "kitchen")
      assert error(fn -> Repo.delete!(:rooms, "kitchen") end).code == :not_found
    end

    test "takes what refers to the row along" do
      Repo.insert!(:messages, room_id: "kitchen", content: "Hi")
      assert %{id: "kitchen"} = Repo.delete!(:rooms, "kitchen")
      assert Repo.count(:messages) == 0
    end
  end

  describe "insert_all" do
    test "inserts all rows or none" do
      rows = for n <- 1..50, do: %{id: "r#{n}", title: "R#{n}"}
      assert Repo.insert_all(:rooms, rows) == {50, nil}

      assert error(fn -> Repo.insert_all(:rooms, [[id: "x", title: "X"], hd(rows)]) end).code ==
               :unique_violation

      assert Repo.count(:rooms) == 51
    end

    test "takes rows with different columns, and none at all" do
      rows = [[id: "a", title: "A"], [id: "b", title: "B", hidden: true]]

      assert {2, [%{hidden: false}, %{hidden: true}]} =
               Repo.insert_all(:rooms, rows, returning: true)

      assert Repo.insert_all(:rooms, []) == {0, nil}
    end

    test "does with conflicts what on_conflict: says" do
      rows = [[id: "kitchen", title: "New"], [id: "b", title: "B"]]

      assert {1, [%{id: "b"}]} =
               Repo.insert_all(:rooms, rows, on_conflict: :nothing, returning: [:id])

      assert {2, nil} = Repo.insert_all(:rooms, rows, on_conflict: :replace_all)
      assert Repo.get!(:rooms, "kitchen").title == "New"
    end

    test "refuses what is no list of rows" do
      assert error(fn -> Repo.insert_all(:rooms, 5) end).code == :invalid_query
      assert error(fn -> Repo.insert_all(:rooms, [5]) end).code == :invalid_query
    end
  end

  describe "update_all and delete_all" do
    setup do
      for n <- 1..4,
          do: Repo.insert!(:messages, id: n, room_id: "kitchen", content: "#{n}", likes: n)

      :ok
    end

    test "work on the rows of a condition" do
      assert Repo.update_all(:messages, [inc: [likes: 10]], where: {:id, :<, 3}) == {2, nil}
      assert Repo.aggregate(:messages, :sum, :likes) == 30

      assert {1, [%{content: "x", likes: 4}]} =
               Repo.update_all(:messages, [set: [content: "x"]], where: [id: 4], returning: true)

      assert {2, [%{id: 1}, %{id: 2}]} =
               Repo.delete_all(:messages, where: {:id, :in, [1, 2]}, returning: [:id])
               |> then(fn {count, rows} -> {count, Enum.sort(rows)} end)

      assert Repo.delete_all(:messages) == {2, nil}
      assert Repo.delete_all(:messages) == {0, nil}
    end

    test "keep nothing when one row is refused" do
      assert error(fn -> Repo.update_all(:messages, inc: [likes: -2]) end).code ==
               :check_violation

      assert Repo.aggregate(:messages, :sum, :likes) == 10
    end

    test "refuse what has no meaning" do
      for updates <- [5, [], [5], [put: [likes: 1]], [set: 5], [set: [:likes]]] do
        assert error(fn -> Repo.update_all(:messages, updates) end).code == :invalid_query
      end

      assert error(fn -> Repo.update_all(:messages, inc: [content: 1]) end).code in [
               :invalid_value,
               :invalid_query
             ]

      assert error(fn -> Repo.delete_all(:messages, wher: [id: 1]) end).details.nearest == "where"
      assert error(fn -> Repo.delete_all(:messages, where: 5) end).code == :invalid_query
      assert Repo.count(:messages) == 4
    end
  end

  describe "many processes" do
    test "write at the same time, each with its own answer", %{repo: repo} do
      tasks =
        for n <- 1..200 do
          elsewhere(repo, fn ->
            {n, Repo.insert(:rooms, id: "#{rem(n, 100)}", title: "#{rem(n, 100)}")}
          end)
        end

      answers = Task.await_many(tasks)
      assert Enum.count(answers, &match?({_, {:ok, _}}, &1)) == 100
      assert Enum.count(answers, &match?({_, {:error, %{code: :unique_violation}}}, &1)) == 100
      assert Repo.count(:rooms) == 101
    end

    test "leave no message behind", %{repo: repo} do
      elsewhere(repo, fn ->
        for n <- 1..20, do: Repo.insert!(:rooms, id: "#{n}", title: "#{n}")
        Repo.insert(:rooms, id: "1", title: "1")
        assert Process.info(self(), :messages) == {:messages, []}
      end)
      |> Task.await()
    end

    test "a write that waits for the writer gives up at its deadline, and says for whom", %{
      repo: repo
    } do
      test = self()

      holder =
        elsewhere(repo, fn ->
          Repo.transaction(fn ->
            Repo.insert!(:rooms, id: "held", title: "Held")
            send(test, :held)
            receive do: (:go -> :ok)
          end)
        end)

      assert_receive :held

      assert {:error, %Error{code: :timeout, retryable?: true, details: details}} =
               Repo.insert(:rooms, [id: "late", title: "Late"], timeout: 30)

      assert details.holder =~ inspect(holder.pid)
      assert details.waited_ms >= 30
      send(holder.pid, :go)
      assert Task.await(holder) == {:ok, :ok}
      assert Repo.get(:rooms, "late") == nil
      assert Process.info(self(), :messages) == {:messages, []}
    end
  end
end
