defmodule AshRusqlite.Repo.ExpressionsTest do
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Repo.Reads

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

  describe "queries within" do
    defp messages(opts \\ []) do
      of_room = {:compare, :==, nil, {:col, :room_id}, {:col, 1, :id}}
      {:select, :messages, Keyword.update(opts, :where, of_room, &{:and, [of_room, &1]})}
    end

    defp rooms(scalar, type) do
      computed = {:x, {:expr, scalar, type}}
      for row <- Repo.all(:rooms, select: [:id, computed], order_by: :id), do: {row.id, row.x}
    end

    test "tell whether there are rows" do
      liked = {:exists, messages(where: {:compare, :>, nil, @likes, int(2)})}
      assert [%{id: "garden"}] = Repo.all(:rooms, where: {:expr, liked})

      assert rooms({:exists, messages()}, :boolean) == [
               {"cellar", false},
               {"garden", true},
               {"kitchen", true}
             ]

      assert rooms({:exists, messages(offset: 1)}, :boolean) == [
               {"cellar", false},
               {"garden", false},
               {"kitchen", true}
             ]
    end

    test "give the scalar of the first row" do
      latest = messages(order_by: [desc: {:col, :id}])

      assert rooms({:subquery, latest, {:col, :content}}, :text) ==
               [{"cellar", nil}, {"garden", "It rains"}, {"kitchen", "Not me"}]

      both = {:concat, [{:col, :content}, text(" "), {:col, 1, :title}]}
      assert {"kitchen", "Not me Kitchen"} in rooms({:subquery, latest, both}, :text)
    end

    test "are computed over" do
      for {kind, scalar, opts, wanted} <- [
            {:count, nil, [], [0, 1, 2]},
            {:count, {:col, :sent_at}, [], [0, 0, 0]},
            {:count, true, [distinct: true], [0, 1, 1]},
            {:sum, @likes, [], [nil, 3, 2]},
            {:avg, @likes, [], [nil, 3.0, 1.0]},
            {:min, @likes, [], [nil, 3, 0]},
            {:max, @likes, [], [nil, 3, 2]},
            {:max, {:arith, :*, @likes, int(2)}, [], [nil, 6, 4]},
            {:first, @likes, [], [nil, 3, 2]},
            {:exists, nil, [], [0, 1, 1]}
          ] do
        found =
          rooms({:aggregate, kind, scalar, opts, messages(order_by: [asc: {:col, :id}])}, :any)

        assert {kind, Enum.map(found, &elem(&1, 1))} == {kind, wanted}
      end
    end

    test "skip nulls for the first, unless they count" do
      Repo.update!(:messages, 2, sent_at: ~U[2026-01-01 10:00:00.000000Z])

      first = fn opts, select ->
        select = messages([order_by: [asc: {:col, :id}]] ++ select)
        found = rooms({:aggregate, :first, @sent, opts, select}, :datetime_usec)
        found |> Map.new() |> Map.fetch!("kitchen")
      end

      assert first.([], []) == ~U[2026-01-01 10:00:00.000000Z]
      assert first.([include_nil: true], []) == nil
      assert first.([], limit: 1) == nil
      assert first.([], limit: 2) == ~U[2026-01-01 10:00:00.000000Z]
    end

    test "are gathered in a list, of which each value is exact" do
      migrate!(Repo.get_dynamic_repo(), @more)
      due = ~U[2026-01-02 03:04:05.678901Z]

      Repo.insert_all(:items, [
        [id: 1, ratio: 0.1 + 0.2, due: due, data: %{a: 1}, name: "é"],
        [id: 2, ratio: nil, due: nil, data: nil, name: "b"],
        [id: 3, ratio: 0.3, due: due, data: [1], name: "b"]
      ])

      list = fn column, type, opts, select ->
        select = {:select, :items, [order_by: [desc: {:col, :id}]] ++ select}
        scalar = {:aggregate, :list, {:col, column}, opts, select}
        Reads.compute(Repo.get_dynamic_repo(), x: {:expr, scalar, {:list, type}}).x
      end

      assert list.(:id, :integer, [], []) == [3, 2, 1]
      assert list.(:ratio, :real, [], []) === [0.3, 0.1 + 0.2]
      assert list.(:ratio, :real, [include_nil: true], []) === [0.3, nil, 0.1 + 0.2]
      assert list.(:due, :datetime_usec, [], []) == [due, due]
      assert list.(:data, :json, [], []) == [[1], %{a: 1}]
      assert list.(:name, :text, [], limit: 2) == ["b", "b"]
      assert list.(:name, :text, [], where: false) == []

      for {opts, select} <- [{[distinct: true], []}, {[], [distinct: true]}] do
        select = [order_by: [desc: {:col, :name}]] ++ select
        scalar = {:aggregate, :list, {:col, :name}, opts, {:select, :items, select}}
        assert value(scalar, {:list, :text}) == ["é", "b"]
      end

      unordered =
        {:aggregate, :list, {:col, :name}, [distinct: true],
         {:select, :items, order_by: [desc: {:col, :id}]}}

      assert error(fn -> value(unordered, {:list, :text}) end).code == :invalid_query
    end

    test "are read as lists only where they are some" do
      for scalar <- [
            int(1),
            text("a"),
            {:value, :blob, <<1>>},
            {:value, :blob, <<3, 9, 0, 0, 0, ?a>>}
          ] do
        assert error(fn -> value(scalar, {:list, :any}) end).code == :invalid_stored_value
      end

      assert value(nil, {:list, :any}) == nil
      list = {:aggregate, :list, {:col, :content}, [], {:select, :messages, []}}
      assert error(fn -> value(list, {:list, :integer_}) end).code == :invalid_query
      assert error(fn -> value(list, {:list, {:list, :text}}) end).code == :invalid_query
      assert error(fn -> value(list, {:list, :date}) end).code == :invalid_stored_value
    end

    test "join tables, and are joined by what came before" do
      select =
        {:select, :messages,
         joins: [{:rooms, {:compare, :==, nil, {:col, 0, 1, :id}, {:col, 0, 0, :room_id}}}],
         where: {:compare, :==, nil, {:col, 0, 1, :title}, text("Kitchen")}}

      assert Reads.compute(Repo.get_dynamic_repo(),
               count: {:expr, {:aggregate, :count, nil, [], select}, :integer},
               likes: {:expr, {:aggregate, :sum, @likes, [], select}, :integer}
             ) == %{count: 2, likes: 2}

      early =
        {:select, :messages,
         joins: [
           {:rooms, {:compare, :==, nil, {:col, 0, 2, :room_id}, {:col, 0, 1, :id}}},
           {:seats, true}
         ]}

      assert error(fn -> ids({:exists, early}) end).code == :invalid_query
    end

    test "sum decimals exactly" do
      migrate!(Repo.get_dynamic_repo(), @more)

      for {price, id} <- Enum.with_index(["0.1", "0.20", "0.2", nil]),
          do: Repo.insert!(:items, id: id, price: price)

      for {kind, opts, limit, wanted} <- [
            {:sum, [], nil, "0.50"},
            {:sum, [distinct: true], nil, "0.30"},
            {:sum, [], 2, "0.30"},
            {:min, [], nil, "0.1"},
            {:max, [], 1, "0.1"}
          ] do
        select = {:select, :items, order_by: [asc: {:col, :id}], limit: limit}
        scalar = {:aggregate, kind, {:col, :price}, [collation: :decimal] ++ opts, select}
        assert {kind, to_string(value(scalar, :decimal))} == {kind, wanted}
      end

      avg = {:aggregate, :avg, {:col, :price}, [collation: :decimal], {:select, :items, []}}
      assert error(fn -> value(avg) end).code == :invalid_query
    end

    test "stand in updates, but not over the table that is updated" do
      count = {:aggregate, :count, nil, [], messages()}
      updates = [compute: [title: {:concat, [{:col, :title}, {:cast, :text, count}]}]]
      assert {3, rows} = Repo.update_all(:rooms, updates, returning: [:title])
      assert Enum.sort(Enum.map(rows, & &1.title)) == ["Cellar0", "Garden1", "Kitchen2"]

      for on <- [{:select, :rooms, []}, {:select, :messages, joins: [rooms: true]}] do
        updates = [compute: [hidden: {:exists, on}]]
        assert error(fn -> Repo.update_all(:rooms, updates) end).code == :invalid_query
      end

      others =
        {:exists, {:select, :rooms, where: {:compare, :>, nil, {:col, :id}, {:col, 1, :id}}}}

      assert {2, nil} = Repo.update_all(:rooms, [set: [hidden: true]], where: {:expr, others})
      assert {1, nil} = Repo.delete_all(:rooms, where: {:expr, {:not, others}})
    end

    test "are found by an index" do
      where = {:expr, {:exists, messages()}}
      assert {:ok, %{plan: plan}} = Repo.explain(:rooms, where: where)

      assert Enum.any?(
               plan,
               &(&1 =~ ~r/SEARCH ash_rusqlite_1_0 .*messages_room \(room_id=\?\)/)
             )
    end

    test "are refused when they have no meaning" do
      rooms = {:select, :rooms, []}

      for scalar <- [
            {:exists, :rooms},
            {:exists, {:select, :rooms}},
            {:exists, {:select, :rooms, [:where]}},
            {:exists, {:select, :rooms, where: {:expr, true}}},
            {:exists, {:select, :rooms, distinct: true}},
            {:exists, {:select, :rooms, order_by: [:id]}},
            {:exists, {:select, :rooms, joins: [:seats]}},
            {:exists, {:select, :rooms, joins: List.duplicate({:rooms, true}, 17)}},
            {:subquery, rooms},
            {:aggregate, :median, {:col, :id}, [], rooms},
            {:aggregate, :sum, nil, [], rooms},
            {:aggregate, :count, nil, [distinct: true], rooms},
            {:aggregate, :first, nil, [], rooms},
            {:exists,
             Enum.reduce(1..9, rooms, fn _, in_it ->
               {:select, :rooms, where: {:exists, in_it}}
             end)}
          ] do
        assert {scalar, :invalid_query} == {scalar, error(fn -> ids(scalar) end).code}
      end

      for {options, code} <- [
            {[limit: -1], :invalid_option},
            {[wher: true], :invalid_option},
            {[where: {:col, :nothing}], :unknown_column}
          ] do
        assert error(fn -> ids({:exists, {:select, :rooms, options}}) end).code == code
      end

      assert error(fn -> ids({:exists, {:select, "rooms; --", []}}) end).code == :unknown_table
      assert error(fn -> ids({:exists, {:select, :sqlite_schema, []}}) end).code == :unknown_table

      seven =
        Enum.reduce(1..7, rooms, fn _, in_it -> {:select, :rooms, where: {:exists, in_it}} end)

      assert ids({:exists, seven}) == [1, 2, 3]
    end

    test "compute without a table", %{repo: repo} do
      assert Reads.compute(repo, x: {:expr, {:arith, :+, int(1), int(2)}, :integer}) == %{x: 3}

      assert error(fn -> Reads.compute(repo, x: {:expr, {:col, :id}, :any}) end).code ==
               :invalid_query

      assert error(fn -> Reads.compute(repo, []) end).code == :invalid_query
      assert error(fn -> Reads.compute(repo, x: 1) end).code == :invalid_query
    end
  end

  describe "distinct_on" do
    test "gives the first row of each key" do
      room = {:col, :room_id}
      latest = {[room], [desc: {:col, :id}]}
      ids = fn opts -> :messages |> Repo.all(opts) |> Enum.map(& &1.id) end

      assert ids.(distinct_on: latest, order_by: :id) == [2, 3]
      assert ids.(distinct_on: {[room], [asc: {:col, :id}]}, order_by: :id) == [1, 3]
      assert ids.(distinct_on: latest, order_by: [desc: :id], limit: 1) == [3]
      assert ids.(distinct_on: latest, where: [{:id, :!=, 2}], order_by: :id) == [1, 3]
      assert ids.(distinct_on: {[], [desc: {:col, :id}]}) == [3]
      assert ids.(distinct_on: {[{:col, :sent_at}], [asc: {:col, :id}]}) == [1]
      assert Repo.count(:messages, distinct_on: latest) == 2
      assert Repo.aggregate(:messages, :sum, :likes, distinct_on: latest) == 3
      assert Repo.exists?(:messages, distinct_on: latest, where: [id: 1])
      assert ids.(distinct_on: latest, order_by: :id, after: [2]) == [3]
    end

    test "tells texts apart by their bytes", %{repo: repo} do
      migrate!(repo, @more)
      Repo.insert_all(:items, [[id: 1, code: "a"], [id: 2, code: "A"], [id: 3, code: "a"]])
      opts = [distinct_on: {[{:col, :code}], [asc: {:col, :id}]}, order_by: :id, select: [:id]]
      assert Repo.all(:items, opts) == [%{id: 1}, %{id: 2}]
    end
  end

  describe "partition" do
    setup do
      rows =
        for n <- 1..40, room <- ["kitchen", "garden"], do: [room_id: room, content: "m", likes: n]

      Repo.insert_all(:messages, rows)
      :ok
    end

    defp partition(opts, partition) do
      by = [by: [{:col, :room_id}]] ++ partition
      rows = Repo.all(:messages, [partition: by, select: [:room_id, :likes]] ++ opts)
      rows |> Enum.chunk_by(& &1.room_id) |> Enum.map(fn rows -> Enum.map(rows, & &1.likes) end)
    end

    test "gives so many rows of each" do
      order = [desc: :likes, asc: :id]
      assert partition([order_by: order], limit: 2) == [[40, 39], [40, 39]]
      assert partition([order_by: order], limit: 2, offset: 1) == [[39, 38], [39, 38]]
      assert [garden, kitchen] = partition([order_by: order], offset: 39)
      assert {length(garden), length(kitchen)} == {2, 3}
      assert partition([order_by: order, limit: 3], limit: 2) == [[40, 39], [40]]
      assert partition([order_by: order, where: [room_id: "garden"]], limit: 1) == [[40]]
      expr = [asc: {:expr, {:neg, @likes}, :integer}, asc: :id]
      assert partition([order_by: expr], limit: 2) == [[40, 39], [40, 39]]
      assert partition([order_by: order], limit: 0) == []
    end

    test "finds the rows by an index" do
      opts = [
        where: [{:room_id, :in, ["kitchen", "garden"]}],
        partition: [by: [{:col, :room_id}], limit: 20],
        order_by: [desc: :sent_at, desc: :id]
      ]

      assert {:ok, %{plan: plan}} = Repo.explain(:messages, opts)
      assert Enum.any?(plan, &(&1 =~ "USING COVERING INDEX messages_room (room_id=?)"))
      assert Enum.any?(plan, &(&1 =~ "SEARCH messages USING INTEGER PRIMARY KEY"))
      refute Enum.any?(plan, &(&1 =~ "SCAN messages"))
    end

    test "works on tables without a rowid and not on views", %{repo: repo} do
      migrate!(repo, """
      -- up
      CREATE TABLE pairs (a TEXT, b INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID;
      CREATE VIEW all_pairs AS SELECT * FROM pairs;
      """)

      Repo.insert_all(:pairs, for(a <- ["x", "y"], b <- 1..3, do: [a: a, b: b]))
      opts = [partition: [by: [{:col, :a}], limit: 1], order_by: [desc: :b]]
      assert Repo.all(:pairs, opts) == [%{a: "x", b: 3}, %{a: "y", b: 3}]
      assert error(fn -> Repo.all(:all_pairs, opts) end).code == :invalid_query
    end

    test "is refused where it has no meaning" do
      by = [partition: [by: [@likes]]]

      for {opts, code} <- [
            {by ++ [after: [1]], :invalid_query},
            {by ++ [distinct: true, select: [:likes]], :invalid_query},
            {[partition: [by: @likes]], :invalid_query},
            {[partition: [of: [@likes]]], :invalid_option},
            {[partition: [limit: -1]], :invalid_option},
            {[partition: true], :invalid_query},
            {[distinct_on: [@likes]], :invalid_query},
            {[distinct_on: {[:likes], []}], :invalid_query},
            {[distinct_on: {[@likes], [:likes]}], :invalid_query}
          ] do
        assert {opts, code} == {opts, error(fn -> Repo.all(:messages, opts) end).code}
      end
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

  describe "explain" do
    test "gives the SQL and the plan without running it" do
      where = {:expr, {:compare, :==, nil, {:col, :room_id}, text("kitchen")}}

      assert {:ok, %{sql: sql, plan: [plan]}} =
               Repo.explain(:messages, where: where, select: [:id])

      assert sql == ~s{SELECT "id" FROM "messages" WHERE ("room_id" COLLATE BINARY = ?)}
      assert plan =~ "USING COVERING INDEX messages_room (room_id=?)"
    end

    test "shows what is a part of what", %{repo: repo} do
      sql = "SELECT 1 FROM rooms UNION SELECT 2 FROM messages"
      assert {:ok, %{sql: ^sql, plan: plan}} = Reads.explain(repo, {:sql, sql, []})
      assert ["MERGE (UNION)", "  LEFT", "    SCAN rooms" <> _ | _] = plan
    end

    test "explains reads alone", %{repo: repo} do
      assert {:error, %Error{code: :unknown_column}} = Repo.explain(:rooms, where: [a: 1])
      read = {:explain, {:all, :rooms, []}}
      assert {:error, %Error{code: :invalid_query}} = Reads.explain(repo, read)
      assert {:error, %Error{}} = Reads.explain(repo, {:sql, "DELETE FROM rooms", []})
      assert {:error, %Error{}} = Repo.explain(:rooms, wher: [])

      assert {:ok, {:ok, %{plan: [_]}}} =
               Repo.transaction(fn -> Repo.explain(:rooms, where: [id: "a"]) end)
    end
  end
end
