defmodule AshRusqlite.Repo.SubselectsTest do
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
    due    DATETIME_USEC_TEXT
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

  describe "queries within" do
    defp messages(opts \\ []) do
      of_room = {:compare, :==, nil, {:col, :room_id}, {:col, 1, :id}}
      {:select, :messages, Keyword.update(opts, :where, of_room, &{:and, [of_room, &1]})}
    end

    defp rooms(scalar, type) do
      computed = {:x, {:expr, scalar, type}}
      for row <- Repo.all(:rooms, select: [:id, computed], order_by: :id), do: {row.id, row.x}
    end

    test "return whether there are rows" do
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

    # SQLite changes rows while it looks for others by such a condition.
    test "find the rows of an update before any of them is changed", %{repo: repo} do
      migrate!(repo, """
      -- up
      CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, boss TEXT);
      CREATE TABLE members (id TEXT PRIMARY KEY NOT NULL, boss TEXT) WITHOUT ROWID;
      """)

      for table <- ["people", "members"] do
        # The row that refers to none comes last.
        rows = [[id: "b", boss: "a"], [id: "c", boss: "a"], [id: "a", boss: nil]]
        Repo.insert_all(table, rows)

        led = {:select, table, where: {:compare, :==, nil, {:col, :boss}, {:col, 1, :id}}}
        greatest = {:aggregate, :max, {:col, :id}, [], led}
        named = for id <- ["b", "c"], do: {:compare, :==, nil, {:col, :id}, text(id)}
        where = {:expr, {:or, [{:compare, :>, nil, greatest, text("")} | named]}}

        for returning <- [false, true] do
          assert {3, _} =
                   Repo.update_all(table, [set: [boss: "c"]], where: where, returning: returning)

          for [id: id, boss: boss] <- rows, do: Repo.update!(table, id, boss: boss)
        end
      end
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
end
