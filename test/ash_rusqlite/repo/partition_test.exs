defmodule AshRusqlite.Repo.PartitionTest do
  use AshRusqlite.Case, async: true

  @likes {:col, :likes}

  @more """
  -- up
  CREATE TABLE items (
    id   INTEGER PRIMARY KEY,
    code TEXT COLLATE NOCASE
  );
  """

  setup :insert_examples

  defp text(text), do: {:value, :text, text}

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

    test "distinguishes texts by their bytes", %{repo: repo} do
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

    test "gives N rows of each" do
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

    test "looks keys up one by one" do
      keys = [text("kitchen"), text("cellar"), text("garden"), nil]
      order = [desc: :likes, asc: :id]
      assert partition([order_by: order], limit: 2, keys: keys) == [[40, 39], [40, 39]]
      assert partition([order_by: order], limit: 1, offset: 1, keys: [text("garden")]) == [[39]]
      assert partition([order_by: order], keys: []) == []
      where = [{:likes, :<, 40}]
      assert partition([order_by: order, where: where], limit: 1, keys: keys) == [[39], [39]]
      distinct = [distinct_on: {[{:col, :room_id}], [asc: {:col, :id}]}]
      assert partition([order_by: order] ++ distinct, keys: keys) == [[3], [2]]

      opts = [
        partition: [by: [{:col, :room_id}], limit: 20, keys: keys],
        order_by: [desc: :sent_at, desc: :id]
      ]

      assert {:ok, %{plan: plan}} = Repo.explain(:messages, opts)
      assert Enum.any?(plan, &(&1 =~ "USING COVERING INDEX messages_room (room_id=?)"))
      refute Enum.any?(plan, &(&1 =~ "SCAN messages"))
      # Only the few rows that are given are sorted.
      assert Enum.count(plan, &(&1 =~ "TEMP B-TREE")) == 1

      for partition <- [
            [by: [@likes], keys: [@likes]],
            [by: [], keys: []],
            [by: [@likes], keys: 1]
          ] do
        assert error(fn -> Repo.all(:messages, partition: partition) end).code == :invalid_query
      end
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
      keys = [partition: [by: [{:col, :a}], limit: 1, keys: [text("y")]], order_by: [desc: :b]]
      assert Repo.all(:pairs, keys) == [%{a: "y", b: 3}]
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
end
