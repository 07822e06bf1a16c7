defmodule AshRusqlite.Repo.ReadsTest do
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Repo.Reads

  setup :insert_examples

  defp ids(opts), do: :messages |> Repo.all(opts) |> Enum.map(& &1.id)

  describe "all" do
    test "gives rows as maps with all columns" do
      assert %{id: 2, room_id: "kitchen", content: "Not me", likes: 0, sent_at: nil} in Repo.all(
               :messages
             )
    end

    test "takes names as atoms and as strings" do
      assert Repo.all("rooms", where: [{"title", "Garden"}], select: ["id"]) == [%{id: "garden"}]
    end

    test "takes every kind of condition" do
      for {where, ids} <- [
            {[], [1, 2, 3]},
            {[room_id: "kitchen"], [1, 2]},
            {%{room_id: "kitchen", likes: 2}, [1]},
            {{:likes, 3}, [3]},
            {[sent_at: nil], [1, 2, 3]},
            {{:likes, :==, 3}, [3]},
            {{:likes, :!=, 3}, [1, 2]},
            {{:likes, :<, 2}, [2]},
            {{:likes, :<=, 2}, [1, 2]},
            {{:likes, :>, 2}, [3]},
            {[{:likes, :>=, 2}, {:room_id, "kitchen"}], [1]},
            {{:id, :in, [1, 3, 9]}, [1, 3]},
            {{:id, :in, []}, []},
            {{:id, :not_in, [1, 3]}, [2]},
            {{:content, :like, "%rain%"}, [3]},
            {{:content, :not_like, "%rain%"}, [1, 2]},
            {{:sent_at, :is_nil, true}, [1, 2, 3]},
            {{:sent_at, :is_nil, false}, []},
            {{:column, :id, :==, :likes}, [3]},
            {{:key, 2}, [2]},
            {{:and, [{:key, 2}, [room_id: "kitchen"]]}, [2]},
            {{:not, {:key, 2}}, [1, 3]},
            {{:and, [[room_id: "kitchen"], {:likes, 0}]}, [2]},
            {{:or, [[room_id: "garden"], {:likes, 0}]}, [2, 3]},
            {{:or, []}, []},
            {{:not, {:or, [[id: 1], [id: 2]]}}, [3]}
          ] do
        assert {where, ids(where: where, order_by: :id)} == {where, ids}
      end
    end

    test "orders, limits and skips" do
      assert ids(order_by: [desc: :likes]) == [3, 1, 2]
      assert ids(order_by: [:room_id, desc: :id]) == [3, 2, 1]
      assert ids(order_by: :id, limit: 2) == [1, 2]
      assert ids(order_by: :id, limit: 1, offset: 1) == [2]
      assert ids(limit: 0) == []
    end

    test "places nulls" do
      Repo.update!(:messages, 2, sent_at: ~U[2026-01-01 10:00:00.000000Z])
      assert [2 | _] = ids(order_by: [asc_nulls_last: :sent_at])
      assert [2 | _] = ids(order_by: [desc: :sent_at])
      assert [1, 3, 2] = ids(order_by: [desc_nulls_first: :sent_at, asc: :id])
    end

    test "gives equal rows once" do
      assert Repo.all(:messages, select: [:room_id], distinct: true, order_by: :room_id) ==
               [%{room_id: "garden"}, %{room_id: "kitchen"}]
    end

    test "pages in both directions" do
      first = Repo.get!(:messages, 1)
      last = Repo.get!(:messages, 3)
      assert ids(order_by: :id, after: first, limit: 1) == [2]
      assert ids(order_by: :id, before: last, limit: 1) == [2]
      assert ids(order_by: [desc: :likes], after: last) == [1, 2]
      assert ids(order_by: :id, after: [1]) == [2, 3]
    end

    test "names the table, the column and the option that is not there" do
      for {fun, code, nearest} <- [
            {fn -> Repo.all(:room) end, :unknown_table, "rooms"},
            {fn -> Repo.all(:rooms, where: [titel: "x"]) end, :unknown_column, "title"},
            {fn -> Repo.all(:rooms, select: [:hiden]) end, :unknown_column, "hidden"},
            {fn -> Repo.all(:rooms, order_by: :titel) end, :unknown_column, "title"},
            {fn -> Repo.all(:rooms, wher: []) end, :invalid_option, "where"}
          ] do
        assert %Error{code: ^code, details: details} = error(fun)
        assert details.nearest == nearest
      end
    end

    test "says that the primary key is a column's name within a list" do
      for where <- [[key: 2], [{:key, 2}, {:likes, :>, 2}], [{:room_id, "kitchen"}, {:key, 2}]] do
        error = error(fn -> Repo.all(:messages, where: where) end)
        assert {error.code, error.details.column} == {:unknown_column, "key"}
        assert error.message =~ "within {:and"
      end
    end

    test "refuses queries without a meaning" do
      for opts <- [
            [where: 5],
            [where: {:likes, :approximately, 5}],
            [where: {:likes}],
            [where: [:likes]],
            [order_by: [upwards: :id]],
            [order_by: 5],
            [limit: -1],
            [limit: "many"],
            [offset: -1],
            [select: 5],
            [distinct: "yes"],
            [after: 5],
            [before: [1, 2, 3, 4]]
          ] do
        assert {opts, error(fn -> Repo.all(:messages, opts) end).code} in [
                 {opts, :invalid_query},
                 {opts, :invalid_option}
               ]
      end
    end

    test "refuses values that the column cannot hold" do
      assert %Error{code: :invalid_value, details: %{table: "messages", column: "likes"}} =
               error(fn -> Repo.all(:messages, where: [likes: "many"]) end)
    end

    test "refuses options that are no options" do
      assert error(fn -> Repo.all(:rooms, 5) end).code == :invalid_option
      assert error(fn -> Repo.all(:rooms, [:where]) end).code == :invalid_option

      for timeout <- [0, -1, 1.5, "1"] do
        assert error(fn -> Repo.all(:rooms, timeout: timeout) end).details.option == "timeout"
      end
    end

    test "takes values for values, never for SQL" do
      assert Repo.all(:rooms, where: [title: "' OR 1=1 --"]) == []
      assert error(fn -> Repo.all("rooms; DROP TABLE rooms") end).code == :unknown_table
      assert Repo.count(:rooms) == 3
    end
  end

  describe "one" do
    test "gives the only row, or nil" do
      assert %{id: 3} = Repo.one(:messages, where: [room_id: "garden"])
      assert Repo.one(:messages, where: [room_id: "attic"]) == nil
      assert %{id: 1} = Repo.one(:messages, order_by: :id, limit: 1)
    end

    test "refuses more than one row" do
      assert %Error{code: :invalid_query} = error(fn -> Repo.one(:messages) end)
    end

    test "with ! refuses no row" do
      assert %{id: 3} = Repo.one!(:messages, where: [room_id: "garden"])
      assert %Error{code: :not_found} = error(fn -> Repo.one!(:rooms, where: [id: "attic"]) end)
    end
  end

  describe "get" do
    test "finds by the primary key" do
      assert %{title: "Garden", hidden: false} = Repo.get(:rooms, "garden")
      assert Repo.get(:rooms, "attic") == nil
      assert Repo.get(:rooms, "garden", timeout: :infinity).id == "garden"
    end

    test "finds by a key of several columns" do
      Repo.insert!(:seats, room_id: "garden", number: 2, name: "Bench")
      assert %{name: "Bench"} = Repo.get(:seats, room_id: "garden", number: 2)
      assert %{name: "Bench"} = Repo.get(:seats, %{room_id: "garden", number: 2})
      assert Repo.get(:seats, room_id: "garden", number: 3) == nil
    end

    test "refuses a part of the key, another type and an unknown option" do
      assert error(fn -> Repo.get(:seats, room_id: "garden") end).code == :invalid_query
      assert error(fn -> Repo.get(:messages, "one") end).code == :invalid_value
      assert error(fn -> Repo.get(:rooms, "a", limit: 1) end).code == :invalid_option
    end

    test "with ! refuses a key that is not there" do
      assert %Error{code: :not_found, details: %{table: "rooms", value: ~s("attic")}} =
               error(fn -> Repo.get!(:rooms, "attic") end)
    end
  end

  test "get_by returns the row for which a condition holds" do
    assert %{id: "garden"} = Repo.get_by(:rooms, title: "Garden")
    assert Repo.get_by(:rooms, title: "Attic") == nil
    assert %{id: "garden"} = Repo.get_by!(:rooms, [title: "Garden"], timeout: 100)
    assert error(fn -> Repo.get_by!(:rooms, title: "Attic") end).code == :not_found
    assert error(fn -> Repo.get_by(:rooms, [title: "A"], 5) end).code == :invalid_option
  end

  test "count and exists? look at the rows of a query" do
    assert Repo.count(:messages) == 3
    assert Repo.count(:messages, where: [room_id: "kitchen"]) == 2
    assert Repo.count(:messages, limit: 1) == 1
    assert Repo.exists?(:messages, where: [room_id: "kitchen"])
    refute Repo.exists?(:messages, where: [room_id: "attic"])
  end

  test "aggregate counts the rows of a query where no column is given" do
    assert Repo.aggregate(:messages, :count) == 3
    assert Repo.aggregate(:messages, :count, where: [room_id: "kitchen"]) == 2
    assert Repo.aggregate(:messages, :count, nil, where: [room_id: "kitchen"]) == 2
    assert Reads.aggregate(Repo.get_dynamic_repo(), :messages, :count, where: [id: 1]) == 1
    assert error(fn -> Repo.aggregate(:messages, :sum) end).code == :invalid_query
    assert error(fn -> Repo.aggregate(:messages, :count, wher: []) end).code == :invalid_option
  end

  test "all_by finds every row of a condition" do
    assert [%{id: 1}, %{id: 2}] = Repo.all_by(:messages, [room_id: "kitchen"], order_by: :id)
    assert Repo.all_by(:messages, [{:likes, :>, 9}]) == []
    assert Repo.all_by(:messages, %{id: 3}, select: [:id]) == [%{id: 3}]
  end

  test "aggregate computes one value over rows" do
    assert Repo.aggregate(:messages, :sum, :likes) == 5
    assert Repo.aggregate(:messages, :max, :likes, where: [room_id: "kitchen"]) == 2
    assert Repo.aggregate(:messages, :min, :content) == "It rains"
    assert_in_delta Repo.aggregate(:messages, :avg, :likes), 1.667, 0.001
    assert Repo.aggregate(:messages, :count, :sent_at) == 0
    assert Repo.aggregate(:messages, :sum, :likes, where: [id: 99]) == nil
    assert error(fn -> Repo.aggregate(:messages, :median, :likes) end).code == :invalid_query
    assert error(fn -> Repo.aggregate(:messages, :sum, :dislikes) end).code == :unknown_column
  end

  describe "query" do
    test "reads with values" do
      assert {:ok, %Result{columns: ["id", "n"], rows: [["kitchen", 2]], num_rows: 1}} =
               Repo.query(
                 "SELECT room_id AS id, count(*) AS n FROM messages WHERE likes < ? GROUP BY 1",
                 [3]
               )
    end

    test "gives typed values of a table's columns" do
      assert [[true]] = Repo.query!("SELECT hidden FROM rooms WHERE id = ?1", ["cellar"]).rows
    end

    test "compares a time as its precision says, since no column says it" do
      at = ~U[2026-01-02 03:04:05Z]
      Repo.update!(:messages, 1, sent_at: at)
      assert ids(where: [{:sent_at, :>=, at}]) == [1]

      found = fn at ->
        Repo.query!("SELECT id FROM messages WHERE sent_at >= ?", [at]).rows
      end

      assert found.(%{at | microsecond: {0, 6}}) == [[1]]
      assert found.(at) == []
    end

    test "refuses to write, a wrong count of values and wrong SQL" do
      assert {:error, %Error{code: :not_allowed}} = Repo.query("DELETE FROM rooms")
      assert {:error, %Error{code: :not_allowed}} = Repo.query("ATTACH 'x.db' AS x")
      assert {:error, %Error{code: :not_allowed}} = Repo.query("PRAGMA journal_mode = DELETE")
      assert {:error, %Error{code: :sql_syntax}} = Repo.query("SELEC 1")
      assert {:error, %Error{code: :invalid_query}} = Repo.query("SELECT ?", [])
      assert {:error, %Error{code: :invalid_query}} = Repo.query("SELECT 1", [1])
      assert {:error, %Error{code: :not_allowed}} = Repo.query("SELECT 1; SELECT 2")
      assert {:error, %Error{code: :invalid_query}} = Repo.query("")
      assert {:error, %Error{code: :invalid_query}} = Repo.query(" -- nothing")
      assert {:error, %Error{code: :not_allowed}} = Repo.query("COMMIT")
      assert {:error, %Error{code: :invalid_option}} = Repo.query("SELECT 1", [], limit: 1)
      assert error(fn -> Repo.query!("SELEC 1") end).code == :sql_syntax
      assert Repo.count(:rooms) == 3
    end

    test "ends at its deadline" do
      forever =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"

      started = System.monotonic_time(:millisecond)

      assert {:error, %Error{code: :timeout, retryable?: true}} =
               Repo.query(forever, [], timeout: 50)

      assert System.monotonic_time(:millisecond) - started < 1_000
    end
  end

  test "many processes read at the same time", %{repo: repo} do
    tasks = for _ <- 1..100, do: elsewhere(repo, fn -> Repo.count(:messages) end)
    assert Enum.uniq(Task.await_many(tasks)) == [3]
  end
end
