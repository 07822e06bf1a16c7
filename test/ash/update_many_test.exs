# `Ash.update_many`: many rows, each with changes of its own, at once.
if function_exported?(Ash, :update_many, 4) do
  defmodule AshRusqlite.UpdateManyTest do
    use ExUnit.Case, async: true

    alias Ash.Error.Changes.{InvalidAttribute, StaleRecord}
    alias AshRusqlite.Asked
    alias AshRusqlite.UpdateMany.{OnEts, OnSqlite}

    # ETS logs every create.
    @moduletag :capture_log

    @layers [OnEts, OnSqlite]
    @all [return_records?: true, return_errors?: true]

    defp items(layer, count) do
      for id <- 1..count, do: Ash.create!(Module.concat(layer, Item), %{id: id, name: "n#{id}"})
    end

    defp update(inputs, resource, action, opts \\ []) do
      result = Ash.update_many(inputs, resource, action, Keyword.merge(@all, opts))
      %{result | records: Enum.sort_by(result.records, & &1.id)}
    end

    defp stored(resource, field, opts \\ []),
      do: resource |> Ash.read!(opts) |> Map.new(&{&1.id, Map.fetch!(&1, field)})

    test "each row gets its own changes, and keeps what is not among them" do
      for layer <- @layers do
        [a, b, c] = items(layer, 3)
        resource = Module.concat(layer, Item)

        inputs = [
          {c, %{name: "third", tags: %{a: {1}}}},
          {a.id, %{size: 9}},
          {%{id: b.id}, %{name: nil, code: "x", level: "Low"}}
        ]

        assert %{status: :success, errors: [], error_count: 0, records: [a, b, c]} =
                 update(inputs, resource, :update)

        assert %{name: "n1", size: 9, code: nil, __meta__: %{state: :loaded}} = a
        assert %{name: nil, size: 1, code: "x", level: %Ash.CiString{string: "Low"}} = b
        assert %{name: "third", tags: %{a: {1}}} = c
        for record <- [a, b, c], do: assert(plain(Ash.get!(resource, record.id)) == plain(record))
      end
    end

    defp plain(record),
      do: Map.take(record, Enum.map(Ash.Resource.Info.attributes(record.__struct__), & &1.name))

    test "all rows are written by one request" do
      [a, b, c] = items(OnSqlite, 3)

      inputs = [
        {a, %{name: "x", size: 4}},
        {b, %{name: "y", size: 5}},
        {c, %{size: 6, name: "z"}}
      ]

      assert {%{status: :success}, [:update_each, :transaction]} =
               Asked.during(fn -> update(inputs, OnSqlite.Item, :update) end)

      assert {%{status: :success}, [:update_each, :transaction]} =
               Asked.during(fn -> update([{a, %{by: 2}}, {b, %{by: 2}}], OnSqlite.Item, :grow) end)

      assert stored(OnSqlite.Item, :size) == %{1 => 6, 2 => 7, 3 => 6}
    end

    test "what is not selected does not come back" do
      [a, _] = items(OnSqlite, 2)

      assert %{records: nil, status: :success} =
               Ash.update_many([{a, %{name: "x"}}], OnSqlite.Item, :update, return_records?: false)

      %{records: [record]} = update([{a, %{name: "y"}}], OnSqlite.Item, :update, select: [:name])
      assert %{id: 1, name: "y", size: %Ash.NotLoaded{}} = record
    end

    test "what only a change touches, a change of nothing does not" do
      for layer <- @layers do
        resource = Module.concat(layer, Item)
        [a, b, c] = items(layer, 3)
        before = stored(resource, :changed)
        inputs = [{a, %{name: a.name}}, {b, %{name: "other"}}, {c, %{}}]
        assert %{status: :success, records: [_, _, _]} = update(inputs, resource, :update)
        changed = stored(resource, :changed)
        assert for(id <- 1..3, do: changed[id] == before[id]) == [true, false, true]
      end
    end

    test "rows that are gone are errors of their own, and the others are written" do
      for layer <- @layers do
        resource = Module.concat(layer, Item)
        [a, b] = items(layer, 2)
        Ash.destroy!(b)

        inputs = [
          {a, %{name: "x"}},
          {b, %{name: "y"}},
          {77, %{name: "z"}},
          {"none", %{name: "q"}}
        ]

        result = update(inputs, resource, :update)
        assert %{status: :partial_success, records: [%{id: 1}], error_count: 3} = result
        assert [StaleRecord | _] = result.errors |> Enum.map(& &1.__struct__) |> Enum.sort()
        assert stored(resource, :name) == %{1 => "x"}
      end
    end

    test "rows that a filter of the changeset leaves out are stale" do
      for layer <- @layers do
        resource = Module.concat(layer, Item)
        [a, b] = items(layer, 2)
        Ash.update!(b, %{name: "meanwhile"}, action: :lock)

        result =
          update([{a, %{name: "x"}}, {b, %{name: "y"}}], resource, :lock,
            strategy: [:atomic_batches, :stream]
          )

        assert %{status: :partial_success, records: [%{id: 1, version: 2}]} = result
        assert [%StaleRecord{}] = result.errors
        assert stored(resource, :name) == %{1 => "x", 2 => "meanwhile"}
      end
    end

    test "rows that a filter leaves out are stale where Elixir has a part in it, too" do
      for layer <- @layers, field <- [:name, :tags] do
        resource = Module.concat(layer, Item)
        for id <- 1..3, do: Ash.create!(resource, %{id: id, size: id * 2})
        inputs = for id <- 1..4, do: {id, %{field => if(field == :tags, do: %{a: 1}, else: "x")}}
        result = update(inputs, resource, :small)
        assert %{status: :partial_success, records: [%{id: 1}, %{id: 2}]} = result
        assert Enum.count(stored(resource, field), &elem(&1, 1)) == 2
        for record <- Ash.read!(resource), do: Ash.destroy!(record)
      end
    end

    test "an error of one takes all of them back, and is on its field" do
      [a, b, _] = items(OnSqlite, 3)
      Ash.update!(a, %{code: "x"})
      inputs = [{a, %{name: "changed"}}, {b, %{code: "x"}}]
      result = update(inputs, OnSqlite.Item, :update)
      assert %{status: :error, records: []} = result

      assert [%InvalidAttribute{field: :code, message: "is taken"}] =
               Enum.flat_map(result.errors, &Map.get(&1, :errors, [&1]))

      assert stored(OnSqlite.Item, :name) == %{1 => "n1", 2 => "n2", 3 => "n3"}
    end

    test "what SQLite cannot compute is computed by Ash, all of it or nothing" do
      [a, b, c] = items(OnSqlite, 3)
      inputs = [{a, %{tags: %{"a" => 1}}}, {b, %{tags: %{"b" => 2}}}]
      assert %{status: :success, records: [a, b]} = update(inputs, OnSqlite.Item, :update)
      assert {a.tags, b.tags} == {%{"a" => 1}, %{"b" => 2}}

      inputs = [{a, %{name: "x"}}, {c, %{name: "z"}}]
      assert %{status: :success, records: [_, _]} = update(inputs, OnSqlite.Item, :checked)
      Ash.update!(c, %{size: 100})
      result = update([{a, %{name: "y"}}, {c, %{name: "y"}}], OnSqlite.Item, :checked)
      assert %{status: :error, records: []} = result
      assert [%{field: :size}] = Enum.flat_map(result.errors, &Map.get(&1, :errors, [&1]))
      assert stored(OnSqlite.Item, :name) == %{1 => "x", 2 => "n2", 3 => "z"}
    end

    test "hooks behind the write and changes that are no expression do what they do on ETS" do
      for layer <- @layers do
        resource = Module.concat(layer, Item)
        [a, b] = items(layer, 2)
        inputs = [{a, %{name: "x"}}, {b, %{name: "y"}}]
        assert %{status: :success, records: records} = update(inputs, resource, :hooked)
        assert Enum.map(records, & &1.__metadata__.hooked) == ["x", "y"]

        assert %{status: :error, records: []} = update([{a, %{}}], resource, :shout)
        assert %{status: :success} = update([{a, %{}}], resource, :shout, strategy: [:stream])
        assert stored(resource, :name) == %{1 => "HEY", 2 => "y"}
      end
    end

    test "rows of other tenants are not there" do
      for layer <- @layers, kind <- [OfAttribute, OfContext] do
        resource = Module.concat(layer, kind)

        for {org, id} <- [a: 1, a: 2, b: 3],
            do: Ash.create!(resource, %{id: id}, tenant: "#{org}")

        inputs = for id <- 1..3, do: {id, %{name: "new"}}
        result = update(inputs, resource, :update, tenant: "a")
        assert %{status: :partial_success, records: [%{id: 1}, %{id: 2}]} = result
        assert stored(resource, :name, tenant: "a") == %{1 => "new", 2 => "new"}
        assert stored(resource, :name, tenant: "b") == %{3 => nil}

        # Without a tenant nothing is written at all.
        assert %{status: :error} = update(inputs, resource, :update)
        assert stored(resource, :name, tenant: "b") == %{3 => nil}
      end
    end

    test "rows that the resource or its read action hides are not there" do
      for layer <- @layers, kind <- [ShownByResource, ShownByAction] do
        resource = Module.concat(layer, kind)
        for id <- 1..2, do: Ash.create!(resource, %{id: id, hidden: id == 2})
        inputs = for id <- 1..2, do: {id, %{name: "new"}}
        result = update(inputs, resource, :update, strategy: [:atomic_batches, :stream])
        assert %{status: :partial_success, records: [%{id: 1}]} = result
        {:ok, store} = fetch(layer, resource)
        assert store == %{1 => "new", 2 => nil}
      end
    end

    defp fetch(OnEts, resource), do: hidden(resource, Ash.DataLayer.Ets)
    defp fetch(OnSqlite, resource), do: hidden(resource, AshRusqlite.DataLayer)

    defp hidden(resource, layer) do
      query = layer.resource_to_query(resource, AshRusqlite.AnyDomain)
      query = if Map.has_key?(query, :sort), do: %{query | sort: []}, else: query

      with {:ok, rows} <- layer.run_query(query, resource),
           do: {:ok, Map.new(rows, &{&1.id, &1.name})}
    end

    test "the policies of the resource hold for each row" do
      for layer <- @layers do
        resource = Module.concat(layer, Guarded)
        records = for id <- 1..2, do: Ash.create!(resource, %{id: id, owner: "o#{id}"})
        inputs = for record <- records, do: {record, %{name: "new"}}
        opts = [actor: %{name: "o1"}, authorize?: true]
        assert %{records: [%{id: 1}], error_count: 1} = update(inputs, resource, :update, opts)
        assert stored(resource, :name, authorize?: false) == %{1 => "new", 2 => nil}
      end
    end

    test "a key in another form than the stored one finds no row" do
      for layer <- @layers do
        resource = Module.concat(layer, Item)
        items(layer, 2)
        result = update([{"1", %{name: "x"}}, {2, %{name: "y"}}], resource, :update)
        assert %{status: :partial_success, records: [%{id: 2}]} = result
        assert [%Ash.Error.Query.NotFound{primary_key: %{id: "1"}}] = result.errors
        assert stored(resource, :name) == %{1 => "n1", 2 => "y"}
      end
    end

    # ETS loses such a row.
    test "a key that would change is refused" do
      [_, b] = items(OnSqlite, 2)
      assert %{status: :success} = update([{b, %{id: 2, name: "x"}}], OnSqlite.Item, :update)
      result = update([{b, %{id: 7, name: "y"}}], OnSqlite.Item, :update)
      assert %{status: :error, records: []} = result
      assert [%{field: :id}] = Enum.flat_map(result.errors, &Map.get(&1, :errors, [&1]))
      assert stored(OnSqlite.Item, :name) == %{1 => "n1", 2 => "x"}
    end

    test "a row that is given twice gets both changes" do
      for layer <- @layers do
        resource = Module.concat(layer, Item)
        [a] = items(layer, 1)
        inputs = [{a, %{name: "x", size: 5}}, {a, %{name: "y", size: 6}}]
        assert %{status: :success, records: [_, _]} = update(inputs, resource, :update)
        assert stored(resource, :name) == %{1 => "y"}
      end
    end

    test "more rows than one batch holds are all written" do
      resource = OnSqlite.Item
      items(OnSqlite, 10)
      inputs = for id <- 1..10, do: {id, %{size: id * 2}}

      assert %{status: :success, records: records} =
               update(inputs, resource, :update, batch_size: 3)

      assert length(records) == 10
      assert stored(resource, :size) == Map.new(1..10, &{&1, &1 * 2})
    end
  end
end
