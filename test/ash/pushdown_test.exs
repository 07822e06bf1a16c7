# Sorts and aggregates of decimals and of texts without case, lists, and aggregates of expressions
# are SQL, and are what they are on ETS.
defmodule AshRusqlite.PushdownTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.Asked
  alias AshRusqlite.Pushdown.{OnEts, OnSqlite}

  require Ash.Query

  # ETS logs every create.
  @moduletag :capture_log

  # That of older releases takes the greatest by the order of terms.
  Application.load(:ash)
  @current Version.match?(to_string(Application.spec(:ash, :vsn) || "0.0.0"), ">= 3.32.0")
  unless @current, do: @moduletag(skip: "the reference is Ash 3.32 and newer")

  @aggregates [:total, :mean, :least, :most, :last_name, :weight, :mean_count, :doubled] ++
                [:prices, :names]

  # Equal values in several forms, and the forms in several orders.
  @items [
    {"1.0", "b", 1},
    {"1", "B", 2},
    {"1.00", "a", 2},
    {nil, nil, nil},
    {"-2.50", "Ä", 3},
    {"10", "ä", 3},
    {"10.0", "A", 1},
    {"-0.0", "b", nil},
    {"0", "B", 0}
  ]

  defp fill(layer, items \\ @items) do
    item = Module.concat(layer, Item)
    for id <- 1..2, do: Ash.create!(Module.concat(layer, Shop), %{id: id})

    for {{price, name, count}, id} <- Enum.with_index(items) do
      price = price && Decimal.new(price)
      weight = count && count * 0.1
      input = %{id: id, shop_id: 1, price: price, name: name, count: count, weight: weight}
      Ash.create!(item, input)
    end

    item
  end

  defp both(fun), do: {fun.(OnEts), fun.(OnSqlite)}

  test "sorts by decimals and by texts without case, ties included" do
    Enum.each([OnEts, OnSqlite], &fill/1)
    directions = [:asc, :desc, :asc_nils_first, :desc_nils_last]

    for field <- [:price, :name],
        direction <- directions,
        rest <- [[], [count: :desc], [id: :desc]] do
      sort = [{field, direction} | rest]

      {ets, ours} =
        both(fn layer ->
          query = layer |> Module.concat(Item) |> Ash.Query.sort(sort)

          if layer == OnSqlite,
            do: assert({:ok, %{residual: []}} = AshRusqlite.explain(Ash.Query.limit(query, 2)))

          {query |> Ash.read!() |> Enum.map(& &1.id),
           query
           |> Ash.Query.limit(3)
           |> Ash.Query.offset(2)
           |> Ash.read!()
           |> Enum.map(& &1.id)}
        end)

      assert {sort, ours} == {sort, ets}
    end
  end

  test "distinct rows by an order of decimals" do
    Enum.each([OnEts, OnSqlite], &fill/1)

    {ets, ours} =
      both(fn layer ->
        query =
          layer
          |> Module.concat(Item)
          |> Ash.Query.distinct([:count])
          |> Ash.Query.distinct_sort(price: :desc, name: :asc)
          |> Ash.Query.sort(name: :desc)

        if layer == OnSqlite, do: assert({:ok, %{residual: []}} = AshRusqlite.explain(query))
        query |> Ash.read!() |> Enum.map(& &1.id)
      end)

    assert ours == ets
  end

  test "aggregates of related rows are one read" do
    Enum.each([OnEts, OnSqlite], &fill/1)

    {ets, ours} =
      both(fn layer ->
        query = layer |> Module.concat(Shop) |> Ash.Query.load(@aggregates)
        {shops, asked} = Asked.during(fn -> Ash.read!(query) end)
        if layer == OnSqlite, do: assert(asked == [:all])
        Enum.map(shops, &Map.take(&1, @aggregates))
      end)

    assert ours === ets
    assert [%{total: %Decimal{}, names: [_ | _]}, %{total: nil, names: [], prices: []}] = ours
  end

  test "aggregates of a query are one read" do
    Enum.each([OnEts, OnSqlite], &fill/1)

    aggregates = [
      {:total, :sum, field: :price},
      {:mean, :avg, field: :price},
      {:least, :min, field: :price},
      {:last, :max, field: :name},
      {:prices, :list, field: :price},
      {:start, :first, field: :name},
      {:weights, :sum, field: :weight},
      {:n, :count},
      {:some, :count, field: :price},
      {:forms, :count, field: :price, uniq?: true}
    ]

    for limit <- [nil, 4] do
      {ets, ours} =
        both(fn layer ->
          query = layer |> Module.concat(Item) |> Ash.Query.sort(name: :asc)
          query = if limit, do: Ash.Query.limit(query, limit), else: query
          {values, asked} = Asked.during(fn -> Ash.aggregate!(query, aggregates) end)
          if layer == OnSqlite and is_nil(limit), do: assert(asked == [:compute])
          values
        end)

      assert ours === ets
    end
  end

  test "where a sum of decimals is rounded, it is Elixir's" do
    digits = String.duplicate("9", 28)

    for {items, context} <- [
          {[{digits, nil, nil}, {"1", nil, nil}, {"0.5", nil, nil}], %Decimal.Context{}},
          {[{digits, nil, nil}, {"-#{digits}", nil, nil}, {"1E-9", nil, nil}],
           %Decimal.Context{}},
          {[{"1.2345", nil, nil}, {"9.8765", nil, nil}], %Decimal.Context{precision: 3}},
          {[{"1.2345", nil, nil}, {"2", nil, nil}], %Decimal.Context{rounding: :floor}}
        ] do
      {ets, ours} =
        both(fn layer ->
          for resource <- [Item, Shop] do
            module = Module.concat(layer, resource)
            Ash.DataLayer.data_layer(module).stop(module, nil)
            Process.delete({:ash_ets_table, module, nil})
          end

          fill(layer, items)

          Decimal.Context.with(context, fn ->
            {Ash.sum!(Module.concat(layer, Item), :price),
             Module.concat(layer, Shop)
             |> Ash.Query.filter(total >= 1)
             |> Ash.Query.sort(total: :desc)
             |> Ash.Query.load([:total, :mean])
             |> Ash.read!()
             |> Enum.map(&Map.take(&1, [:id, :total, :mean]))}
          end)
        end)

      assert ours === ets
    end
  end
end
