defmodule AshRusqlite.Repo.ExpressionsTest do
  use AshRusqlite.Case, async: true

  @likes {:col, :likes}
  @sent {:col, :sent_at}

  @more """
  -- up
  CREATE TABLE items (
    id     INTEGER PRIMARY KEY,
    name   TEXT,
    price  DECIMAL_TEXT,
    ratio  REAL,
    data   JSON_TEXT,
    done   BOOLEAN_INT,
    due    DATETIME_USEC_TEXT,
    code   TEXT COLLATE NOCASE
  );
  """

  setup :insert_examples

  defp ids(scalar),
    do: :messages |> Repo.all(where: {:expr, scalar}, order_by: :id) |> Enum.map(& &1.id)

  # What an expression without columns is.
  defp value(scalar, type \\ :any) do
    [row] = Repo.all(:rooms, select: [{:x, {:expr, scalar, type}}], where: [id: "kitchen"])
    row.x
  end

  defp int(number), do: {:value, :integer, number}
  defp text(text), do: {:value, :text, text}
  defp call(name, args), do: {:call, name, args}

  describe "a fragment" do
    @lower {:fragment, ["lower(", {:col, :room_id}, ")"]}

    test "is SQL with columns and values in it, wherever a scalar stands" do
      assert ids({:compare, :==, nil, @lower, text("garden")}) ==
               ids({:compare, :==, nil, {:col, :room_id}, text("garden")})

      assert ids({:fragment, [@likes, " > ", int(1)]}) == [1, 3]
      assert value({:fragment, ["json_extract(", text(~S({"a": 2})), ", '$.a')"]}) == 2
      assert value({:fragment, ["(SELECT count(*) FROM messages WHERE id < ", int(3), ")"]}) == 2

      by_text = [{:desc, {:expr, {:fragment, ["CAST(", {:col, :id}, " AS TEXT)"]}, :any}}]
      assert [3, 2, 1] = :messages |> Repo.all(order_by: by_text) |> Enum.map(& &1.id)

      assert {3, nil} = Repo.update_all(:messages, compute: [likes: {:fragment, ["1 + 1"]}])
      assert ids({:compare, :==, nil, @likes, int(2)}) == [1, 2, 3]
    end

    test "that could leave its place is refused before anything runs" do
      for text <- ["1) OR (1", "(1", "1; DELETE FROM messages", "1 --", "1 /*", "'a", "?", ":a"] do
        assert %Error{code: :invalid_query, details: %{fragment: ^text}} =
                 error(fn -> Repo.delete_all(:messages, where: {:expr, {:fragment, [text]}}) end)
      end

      assert ids(true) == [1, 2, 3]
    end

    test "may read, and no more than a query may" do
      for {sql, code} <- [
            {"load_extension('x')", :not_allowed},
            {"lowr('x')", :sql_syntax},
            {"1 1", :sql_syntax},
            {"nowhere", :unknown_column},
            {"(SELECT 1 FROM nowhere)", :unknown_table}
          ] do
        where = {:expr, {:fragment, [sql]}}
        assert %Error{code: ^code} = error(fn -> Repo.all(:messages, where: where) end), sql

        assert %Error{code: ^code} = error(fn -> Repo.delete_all(:messages, where: where) end),
               sql
      end
    end

    test "takes no text that is not one" do
      for pieces <- [[<<255>>], [:lower], "lower(1)", [1]] do
        assert %Error{code: :invalid_query} =
                 error(fn -> Repo.delete_all(:messages, where: {:expr, {:fragment, pieces}}) end)
      end
    end
  end

  describe "where" do
    test "takes rows for which an expression is true" do
      for {scalar, ids} <- [
            {{:compare, :>, nil, @likes, int(1)}, [1, 3]},
            {{:compare, :==, nil, @likes, nil}, []},
            {true, [1, 2, 3]},
            {false, []},
            {nil, []},
            {@likes, [1, 3]},
            {{:and, []}, [1, 2, 3]},
            {{:or, []}, []},
            {{:is_nil, @sent}, [1, 2, 3]},
            {{:in, nil, {:col, :id}, [int(1), int(3), nil]}, [1, 3]},
            {{:in, nil, {:col, :id}, Enum.map(2..40, &int/1)}, [2, 3]},
            {{:in, nil, {:col, :id}, [@likes, int(1)]}, [1, 3]},
            {{:not, {:in, nil, @likes, []}}, [1, 2, 3]},
            {{:not, {:in, nil, @sent, []}}, []},
            {{:or, [{:compare, :==, nil, {:col, :room_id}, text("garden")}, {:not, @likes}]},
             [2, 3]}
          ] do
        assert {scalar, ids(scalar)} == {scalar, ids}
      end
    end

    test "stands among other conditions" do
      few = {:expr, {:compare, :<, nil, @likes, int(3)}}

      for {where, ids} <- [
            {{:and, [[room_id: "kitchen"], few]}, [1, 2]},
            {{:or, [few, {:likes, 3}]}, [1, 2, 3]},
            {{:not, few}, [3]}
          ] do
        assert Enum.map(Repo.all(:messages, where: where, order_by: :id), & &1.id) == ids
      end
    end

    test "is a column's name in a keyword list" do
      assert %Error{code: :unknown_column, details: %{column: "expr"}} =
               error(fn -> Repo.all(:messages, where: [expr: 1]) end)
    end

    test "counts, updates and deletes" do
      kitchen = {:expr, {:compare, :==, nil, {:col, :room_id}, text("kitchen")}}
      assert Repo.count(:messages, where: kitchen) == 2
      assert Repo.exists?(:messages, where: {:expr, {:compare, :>, nil, @likes, int(2)}})
      assert {2, nil} = Repo.update_all(:messages, [inc: [likes: 1]], where: kitchen)

      assert {1, nil} =
               Repo.delete_all(:messages, where: {:expr, {:compare, :==, nil, @likes, int(1)}})
    end
  end

  describe "logic" do
    test "and, or are Ash's where they are values" do
      for {scalar, wanted} <- [
            {{:and_value, nil, false}, nil},
            {{:and_value, false, nil}, false},
            {{:and_value, true, nil}, nil},
            {{:and_value, true, false}, false},
            {{:or_value, nil, false}, false},
            {{:or_value, false, nil}, nil},
            {{:or_value, true, nil}, true},
            {{:or_value, nil, true}, true},
            {{:not, nil}, nil},
            {{:not, {:and_value, nil, false}}, nil},
            {{:and_then, true, false, true}, false},
            {{:and_then, true, nil, true}, nil},
            {{:or_else, true, false, true}, true},
            {{:or_else, true, nil, nil}, nil},
            {{:distinct_from, nil, nil, int(1)}, true},
            {{:not_distinct_from, nil, nil, nil}, true},
            {{:if, true, nil, true, false}, false}
          ] do
        assert {scalar, value(scalar, :boolean)} == {scalar, wanted}
      end
    end

    test "only null is not true but booleans" do
      assert value({:and_then, false, int(0), text("a")}) == "a"
      assert value({:and_then, false, nil, text("a")}) == nil
      assert value({:or_else, false, text(""), text("a")}) == ""
      assert value({:or_else, false, nil, text("a")}) == "a"
      assert value({:if, false, int(0), text("a"), text("b")}) == "a"
      assert value({:if, false, nil, text("a"), text("b")}) == "b"
    end
  end

  describe "numbers" do
    test "are reckoned with as in Elixir" do
      for {scalar, wanted} <- [
            {{:arith, :+, int(2), int(3)}, 5},
            {{:arith, :-, int(2), {:value, :real, 0.5}}, 1.5},
            {{:arith, :*, int(2), nil}, nil},
            {{:arith, :/, int(7), int(2)}, 3.5},
            {{:arith, :rem, int(-7), int(2)}, rem(-7, 2)},
            {{:neg, int(5)}, -5},
            {{:cast, :real, int(5)}, 5.0},
            {{:cast, :text, int(5)}, "5"},
            {{:cast, :boolean, true}, 1}
          ] do
        assert {scalar, value(scalar)} === {scalar, wanted}
      end
    end

    test "have an error where Elixir has one, or SQLite would be inexact" do
      max = int(9_223_372_036_854_775_807)

      for {scalar, part} <- [
            {{:arith, :+, max, int(1)}, "64 bits"},
            {{:arith, :*, max, max}, "64 bits"},
            {{:arith, :/, int(1), int(0)}, "division by zero"},
            {{:arith, :rem, int(1), int(0)}, "division by zero"},
            {{:arith, :+, int(1), text("1")}, "no number"},
            {{:concat, [text("a"), int(1)]}, "no text"},
            {call(:downcase, [int(1)]), "no text"},
            {call(:length, [text("{}")]), "a list"}
          ] do
        error = error(fn -> value(scalar) end)
        assert {scalar, error.code} == {scalar, :invalid_value}
        assert error.message =~ part
      end
    end
  end

  describe "texts" do
    test "have the functions of String" do
      for {scalar, wanted} <- [
            {{:concat, [text("a"), text("b"), text("c")]}, "abc"},
            {{:concat, [text("a"), nil]}, nil},
            {call(:string_length, [text("e\u0301🇩🇪a")]), String.length("e\u0301🇩🇪a")},
            {call(:downcase, [text("ÄΣİ")]), String.downcase("ÄΣİ")},
            {call(:upcase, [text("straße")]), String.upcase("straße")},
            {call(:trim, [text("\u00a0 a b\u2003\n")]), String.trim("\u00a0 a b\u2003\n")},
            {call(:contains, [text("abc"), text("")]), 1},
            {call(:starts_with, [text("abc"), text("ab")]), 1},
            {call(:ends_with, [text("abc"), text("ab")]), 0},
            {call(:like, [text("A_c"), text("a\\_%")]), 1},
            {call(:like, [text("Äb"), text("ä%")]), 0},
            {call(:ilike, [text("ÄB"), text("%äb")]), 1},
            {call(:coalesce, [nil, text("a"), text("b")]), "a"},
            {call(:length, [{:value, :json, [1, [2]]}]), 2}
          ] do
        assert {scalar, value(scalar)} == {scalar, wanted}
      end
    end

    # Characters that are newer than Elixir's tables have no case in them, and case mappings
    # never change once they are there.
    test "have the case of every character that Elixir knows" do
      chars = for c <- Enum.concat(0x80..0xD7FF, 0xE000..0x1FFFF), do: <<c::utf8>>

      for {function, own} <- [downcase: &String.downcase/1, upcase: &String.upcase/1] do
        for some <- chars |> Enum.filter(&(own.(&1) != &1)) |> Enum.chunk_every(500) do
          joined = Enum.join(some, " ")
          assert value(call(function, [text(joined)])) == own.(joined)
        end
      end
    end

    test "are trimmed of every white space that Elixir knows" do
      for c <- Enum.concat(0..0xD7FF, 0xE000..0xFFFF), s = <<c::utf8>>, String.trim(s) == "" do
        assert value(call(:trim, [text(s <> "a" <> s)])) == "a"
      end
    end

    test "compare by their bytes, in either case or as decimals" do
      compare = fn collation, a, b -> value({:compare, :==, collation, a, b}, :boolean) end
      decimal = &{:value, :decimal, &1}

      refute compare.(nil, text("Äb"), text("äB"))
      assert compare.(:ci, text("Äb"), text("äB"))
      assert compare.(:decimal, decimal.("1.10"), decimal.("1.1"))
      assert compare.(:decimal, decimal.("7.00"), int(7))
      assert value({:in, :decimal, decimal.("7.00"), [int(7), int(8)]}, :boolean)
      assert value({:in, :ci, text("Ä"), [text("ä"), text("b")]}, :boolean)

      assert %Error{code: :invalid_query} =
               error(fn -> compare.(:decimal, decimal.("1"), {:value, :real, 1.0}) end)
    end
  end

  describe "computed columns and orders" do
    setup %{repo: repo} do
      migrate!(repo, @more)
      :ok
    end

    test "are read by their type" do
      Repo.insert!(:items, id: 1, price: "1.10", data: %{a: 1}, done: true)

      assert [%{id: 1, twice: 2, on: true, at: ~U[2026-01-02 03:04:05.000000Z], data: %{a: 1}}] =
               Repo.all(:items,
                 select: [
                   :id,
                   {:twice, {:expr, {:arith, :*, {:col, :id}, int(2)}, :integer}},
                   {:on, {:expr, {:col, :done}, :boolean}},
                   {:at,
                    {:expr, {:value, :datetime_usec, ~U[2026-01-02 03:04:05.000000Z]},
                     :datetime_usec}},
                   {:data, {:expr, {:col, :data}, :json}}
                 ]
               )
    end

    test "order rows" do
      for {price, id} <- Enum.with_index(["10", "9.5", nil, "9.50"]) do
        Repo.insert!(:items, id: id, price: price, name: Enum.at(["b", "A", "ä", "Ä"], id))
      end

      ids = fn order -> :items |> Repo.all(order_by: order) |> Enum.map(& &1.id) end
      price = {:expr, {:col, :price}, :decimal}
      name = {:col, :name}

      assert ids.(asc_nulls_last: price, asc: :id) == [1, 3, 0, 2]
      assert ids.(desc_nulls_first: price, desc: :id) == [2, 0, 3, 1]
      assert ids.(asc: :price, asc: {:expr, {:col, :id}, :integer}) == [2, 1, 3, 0]
      assert ids.(asc: {:expr, {:collate, :ci, name}, :text}, asc: :name) == [1, 0, 3, 2]
      # Neither the first column nor anything else: the same for every row.
      assert ids.(asc: {:expr, true, :boolean}, desc: :id) == [3, 2, 1, 0]

      assert [%{id: 1}] = Repo.all(:items, order_by: [asc_nulls_last: price, asc: :id], limit: 1)
    end

    test "ignore the collation of a column" do
      Repo.insert_all(:items, [[id: 1, code: "a"], [id: 2, code: "B"]])
      same = {:expr, {:compare, :==, nil, {:col, :code}, text("A")}}
      assert Repo.all(:items, where: same) == []
      assert Repo.count(:items, where: {:expr, {:in, nil, {:col, :code}, [text("A")]}}) == 0
      order = [asc: {:expr, {:col, :code}, :text}]
      assert [%{id: 2}, %{id: 1}] = Repo.all(:items, order_by: order)
    end

    test "are set from the row as it was" do
      Repo.insert!(:items, id: 1, name: "a", ratio: 1.5, done: false)
      at = ~U[2026-01-02 03:04:05Z]

      updates = [
        set: [code: "x"],
        compute: [
          name: {:concat, [{:col, :name}, {:if, true, {:col, :done}, text("+"), text("-")}]},
          done: {:not, {:col, :done}},
          ratio: {:col, :id},
          price: {:arith, :+, {:col, :id}, int(1)},
          due: {:value, :datetime, at},
          data: {:value, :json, %{b: [1]}}
        ]
      ]

      assert {1, [row]} = Repo.update_all(:items, updates, returning: true)
      assert %{name: "a-", done: true, ratio: 1.0, data: %{b: [1]}, code: "x"} = row
      assert to_string(row.price) == "2"
      assert row.due == ~U[2026-01-02 03:04:05.000000Z]

      for {column, scalar} <- [
            id: {:value, :real, 1.5},
            done: int(2),
            name: int(1),
            due: text("soon"),
            due: {:arith, :+, int(1), int(1)}
          ] do
        error = error(fn -> Repo.update_all(:items, compute: [{column, scalar}]) end)
        assert {column, error.code} == {column, :invalid_value}
      end

      assert %Error{code: :invalid_query} =
               error(fn -> Repo.update_all(:items, compute: [data: text("[]")]) end)
    end
  end

  describe "what is no expression" do
    test "is refused" do
      for scalar <- [
            1,
            "a",
            :a,
            [],
            %{},
            {},
            {:nothing},
            {:col},
            {:col, -1, :id},
            {:col, 1, :id},
            {:col, 0, 1, :id},
            {:col, 0, 0, 0, :id},
            {:value, :string, "a"},
            {:value, :text},
            {:compare, :===, nil, nil, nil},
            {:compare, :==, :nocase, nil, nil},
            {:in, nil, nil, [nil | nil]},
            {:in, nil, nil, nil},
            {:if, nil, true, true, true},
            {:arith, :"+ 1) --", true, true},
            {:cast, :blob, nil},
            {:call, :load_extension, [text("x")]},
            {:call, :downcase, []},
            {:and, [true | true]},
            {:expr, true}
          ] do
        assert {scalar, :invalid_query} == {scalar, error(fn -> ids(scalar) end).code}
      end

      assert %Error{code: :unknown_column} = error(fn -> ids({:col, "id\" OR 1 --"}) end)
      assert %Error{code: :invalid_value} = error(fn -> ids({:value, :integer, "1"}) end)
    end

    test "is refused in the other places, too" do
      for opts <- [
            [select: [{"x", {:expr, true, :boolean}}]],
            [select: [{:x, {:expr, true}}]],
            [select: [{:x, true}]],
            [select: [:id, {:id, {:expr, true, :boolean}}]],
            [order_by: [asc: {:expr, @likes}]],
            [order_by: [up: {:expr, @likes, :integer}]],
            [order_by: [asc: {:expr, @likes, :integer}], after: [1]],
            [order_by: [asc: {:expr, @likes, :integer}], distinct: true]
          ] do
        assert {opts, :invalid_query} == {opts, error(fn -> Repo.all(:messages, opts) end).code}
      end
    end

    test "may be deep, but not endless" do
      nest = fn depth, wrap -> Enum.reduce(1..depth, true, fn _, inner -> wrap.(inner) end) end

      for wrap <- [
            &{:not, &1},
            &{:and_value, &1, true},
            &{:or_value, &1, &1 && true},
            &{:if, true, &1, true, false},
            &{:compare, :==, nil, &1, true},
            &call(:coalesce, [&1, true])
          ] do
        assert ids(nest.(98, wrap)) in [[], [1, 2, 3]]
        assert error(fn -> ids(nest.(101, wrap)) end).code == :invalid_query
      end

      # Long lists are decoded and run on a dirty scheduler, whose stack is small.
      many = {:in, nil, {:col, :id}, Enum.map(1..700, &int/1)}
      select = fn where -> {:select, :messages, where: where, joins: [{:rooms, many}]} end

      for {depth, wrap} <- [
            {92, &{:and_value, &1, many}},
            {92, &{:if, true, many, &1, nil}},
            {92, &{:call, :coalesce, [&1, many]}},
            {7, &{:aggregate, :count, nil, [], select.({:not, {:not, &1}})}}
          ] do
        assert length(ids({:and, [many, {:not, {:not, nest.(depth, wrap)}}]})) in [0, 3]
      end

      twice = nest.(60, &{:in, nil, &1, [{:col, :id}]})
      assert error(fn -> ids(twice) end).code == :invalid_query
    end
  end
end
