# An upsert is one request to the writer, with a condition or without, and does what ETS does.
defmodule AshRusqlite.UpsertTest do
  use ExUnit.Case, async: true

  alias Ash.Error.Changes.StaleRecord
  alias AshRusqlite.Asked
  alias AshRusqlite.Upserts.{OnEts, OnSqlite}

  # ETS logs every create.
  @moduletag :capture_log

  # The reference is the ETS of current releases: that of older ones does not return which of the
  # two an upsert did, and leaves alone what changes by itself.
  Application.load(:ash)
  @current Version.match?(to_string(Application.spec(:ash, :vsn) || "0.0.0"), ">= 3.32.0")
  @layers if(@current, do: [OnEts, OnSqlite], else: [OnSqlite])

  defp put(layer, action, input, opts \\ []) do
    layer
    |> Module.concat(Part)
    |> Ash.create(input, [action: action] ++ opts)
  end

  defp stored(resource, fields),
    do: resource |> Ash.read!() |> Enum.sort_by(& &1.id) |> Enum.map(&Map.take(&1, fields))

  defp outcome({:ok, record}),
    do: Map.take(record.__metadata__, [:upsert_action, :upsert_skipped])

  test "the row is created, updated, or left as it is, by one request" do
    for layer <- @layers do
      input = %{id: 1, code: "a", name: "one", version: 1}
      newer = %{id: 2, code: "a", name: "two", version: 2}
      skip = [return_skipped_upsert?: true]

      results =
        for {input, opts} <- [{input, []}, {newer, []}, {input, skip}, {input, []}] do
          {result, asked} = Asked.during(fn -> put(layer, :put_newer, input, opts) end)
          if layer == OnSqlite, do: assert(asked == [:update_or_insert])
          result
        end

      assert [{:ok, made}, {:ok, changed}, {:ok, kept}, {:error, stale}] = results
      assert %{id: 1, name: "one", version: 1, touched: nil} = made
      assert %{id: 1, name: "two", version: 2, touched: 7} = changed
      assert %{id: 1, name: "two", version: 2, touched: 7} = kept
      assert %{errors: [%StaleRecord{}]} = stale

      assert Enum.map(Enum.take(results, 3), &outcome/1) == [
               %{upsert_action: :create},
               %{upsert_action: :update},
               %{upsert_skipped: true}
             ]

      assert [%{name: "two"}] = stored(Module.concat(layer, Part), [:name])
    end
  end

  test "a condition that is nil leaves the row as it is" do
    for layer <- @layers do
      put(layer, :put, %{id: 1, code: "a", version: nil})
      input = %{id: 1, code: "a", version: 5}
      assert {:error, %{errors: [%StaleRecord{}]}} = put(layer, :put_newer, input)
    end
  end

  test "atomics are computed of the row that is there" do
    for layer <- @layers do
      sizes =
        for _ <- 1..4 do
          {result, asked} =
            Asked.during(fn ->
              put(layer, :count, %{id: 1, code: "a"}, return_skipped_upsert?: true)
            end)

          if layer == OnSqlite, do: assert(asked == [:update_or_insert])
          {:ok, %{size: size}} = result
          size
        end

      assert sizes == [1, 2, 3, 3]
    end
  end

  # ETS does not know what is new in an atomic.
  test "atomics may refer to what is new" do
    for size <- [2, 3, 4] do
      {{:ok, _}, asked} =
        Asked.during(fn -> put(OnSqlite, :add, %{id: 1, code: "a", size: size}) end)

      assert asked == [:update_or_insert]
    end

    assert [%{size: 9}] = stored(OnSqlite.Part, [:size])
  end

  test "what only Elixir decides has the same end" do
    for layer <- @layers do
      results =
        for tags <- [%{a: 1}, %{a: 2}, %{a: 2}] do
          put(layer, :put_other, %{id: 1, code: "a", tags: tags}, return_skipped_upsert?: true)
        end

      assert Enum.map(results, &outcome/1) == [
               %{upsert_action: :create},
               %{upsert_action: :update},
               %{upsert_skipped: true}
             ]

      assert [%{tags: %{a: 2}}] = stored(Module.concat(layer, Part), [:tags])
    end
  end

  test "many at once are one request, too; those that were left do not come back" do
    inputs = [
      %{id: 11, code: "a", name: "older", version: 4},
      %{id: 12, code: "b", name: "b1", version: 1},
      %{id: 13, code: "b", name: "b2", version: 2},
      %{id: 14, code: "c", name: "c1", version: 1},
      %{id: 15, code: "b", name: "b0", version: 0},
      %{id: 16, code: "a", name: "new", version: 6}
    ]

    results =
      for layer <- @layers do
        resource = Module.concat(layer, Part)
        Ash.create!(resource, %{id: 1, code: "a", name: "old", version: 5})
        opts = [return_records?: true, return_errors?: true, sorted?: true]

        {result, asked} =
          Asked.during(fn -> Ash.bulk_create(inputs, resource, :put_newer, opts) end)

        if layer == OnSqlite, do: assert(asked == [:update_or_insert, :transaction])
        assert %{status: :success, records: [_, _, _, _] = records} = result
        assert [%{name: "new"}, %{name: "b2"}, %{name: "c1"}] = stored(resource, [:name])
        Enum.map(records, &{&1.id, &1.name})
      end

    assert [_] = Enum.uniq(results)
  end

  test "many of which one is refused leave nothing" do
    inputs = [
      %{id: 1, code: "a", name: "a"},
      %{id: 2, code: "b", name: "b"},
      %{id: 1, code: "c"}
    ]

    assert %{status: :error, errors: errors} =
             Ash.bulk_create(inputs, OnSqlite.Part, :put, return_errors?: true)

    for error <- errors, do: assert([%{field: :id}] = Map.get(error, :errors, [error]))
    assert Ash.read!(OnSqlite.Part) == []
  end

  test "only rows that the resource and the identity are about are found" do
    for layer <- @layers do
      resource = Module.concat(layer, Slot)
      Ash.create!(resource, %{id: 1, place: 1, guest: "Ann", hidden: true})
      Ash.create!(resource, %{id: 2, place: 1, guest: "Ben", taken: false})
      take = fn input -> Ash.create(resource, input, action: :take) end

      assert {:ok, %{id: 3}} = take.(%{id: 3, place: 1, guest: "Cid"})
      assert {:ok, %{id: 3, guest: "Dan"}} = take.(%{id: 4, place: 1, guest: "Dan"})
      assert {:error, %{errors: [%StaleRecord{}]}} = take.(%{id: 5, place: 1, guest: "Dan"})
      assert [%{guest: "Ben"}, %{guest: "Dan"}] = stored(resource, [:guest])
    end
  end

  test "an upsert within a transaction is a part of it" do
    put(OnSqlite, :put, %{id: 1, code: "a", version: 1})

    assert {:error, _} =
             Ash.transaction(OnSqlite.Part, fn ->
               {:ok, _} = put(OnSqlite, :put_newer, %{id: 2, code: "a", version: 2})
               Ash.DataLayer.rollback(OnSqlite.Part, :enough)
             end)

    assert [%{version: 1}] = stored(OnSqlite.Part, [:version])
  end
end
