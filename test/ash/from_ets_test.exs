defmodule AshRusqlite.FromEtsTest do
  # Where guides/from-ets.md says that the two data layers differ, both are asked, so that
  # the guide stays true of both.
  use ExUnit.Case, async: true

  # ETS logs every create.
  @moduletag :capture_log

  alias AshRusqlite.FromEts.{OnEts, OnSqlite}

  Application.load(:ash)

  import Ash.Expr
  require Ash.Query

  defp create!(resource, fields), do: Ash.create!(resource, fields)
  defp names(resource), do: resource |> Ash.read!() |> Enum.map(& &1.name) |> Enum.sort()

  test "a create of an id that is there: ETS overwrites the row, here it is refused" do
    assert {{:ok, _}, ["new"]} = create_twice(OnEts)
    assert {{:error, %Ash.Error.Invalid{errors: [error]}}, ["old"]} = create_twice(OnSqlite)
    assert %{field: :id, message: "has already been taken"} = error
  end

  defp create_twice(resource) do
    %{id: id} = create!(resource, %{name: "old"})
    {Ash.create(resource, %{id: id, name: "new"}), names(resource)}
  end

  test "an update of a row that is gone: ETS raises KeyError, here it is stale" do
    assert_raise Ash.Error.Unknown, ~r/KeyError/, fn -> update_gone(OnEts) end
    assert {:error, %Ash.Error.Invalid{errors: [error]}} = update_gone(OnSqlite)
    assert %Ash.Error.Changes.StaleRecord{} = error
  end

  defp update_gone(resource) do
    record = create!(resource, %{name: "a"})
    Ash.destroy!(record)
    Ash.update(record, %{name: "b"}, action: :slow)
  end

  test "a changed id: ETS loses the row, here it moves" do
    assert move(OnEts) == []
    assert move(OnSqlite) == ["moved"]
  end

  defp move(resource) do
    record = create!(resource, %{name: "moved"})
    Ash.update!(record, %{id: Ash.UUID.generate()}, action: :slow)
    names(resource)
  end

  test "a destroy of a row that is gone is :ok on both" do
    for resource <- [OnEts, OnSqlite] do
      record = create!(resource, %{name: "a"})
      assert :ok = Ash.destroy!(record)
      assert :ok = Ash.destroy!(record)
    end
  end

  test "an integer beyond 64 bits: ETS keeps it, here it is refused" do
    assert %{size: 0x1_0000_0000_0000_0000} = create!(OnEts, %{size: 0x1_0000_0000_0000_0000})

    assert {:error, %Ash.Error.Invalid{errors: [%{field: :size}]}} =
             Ash.create(OnSqlite, %{size: 0x1_0000_0000_0000_0000})
  end

  test "an atomic change beyond 64 bits: ETS keeps it, here it is refused on its field" do
    most = 0x7FFF_FFFF_FFFF_FFFF
    grow = [size: expr(size + 1), name: expr(name <> "!")]
    input = %{name: "a", code: "1", size: most}

    changed = &(&1 |> Ash.Changeset.for_update(:update, %{}) |> grown(grow) |> Ash.update())
    assert {:ok, %{size: size}} = changed.(create!(OnEts, input))
    assert size == most + 1

    record = create!(OnSqlite, input)
    create!(OnSqlite, %{name: "b", code: "2", size: 1})

    many =
      Ash.bulk_update(OnSqlite, :update, %{},
        atomic_update: Map.new(grow),
        strategy: :atomic,
        return_errors?: true
      )

    put =
      OnSqlite
      |> Ash.Changeset.for_create(:put, %{name: "c", code: "1"})
      |> Ash.Changeset.atomic_update(:size, expr(size + 1))
      |> Ash.create()

    for error <- [changed.(record), {:error, hd(many.errors)}, put] do
      assert {:error, %Ash.Error.Invalid{errors: [error]}} = error
      assert %Ash.Error.Changes.InvalidAttribute{field: :size, message: message} = error
      assert message =~ "64 bits"
    end

    assert [{"a", "1", ^most}, {"b", "2", 1}] =
             OnSqlite |> Ash.read!() |> Enum.map(&{&1.name, &1.code, &1.size}) |> Enum.sort()
  end

  defp grown(changeset, atomics) do
    Enum.reduce(atomics, changeset, fn {name, expression}, changeset ->
      Ash.Changeset.atomic_update(changeset, name, expression)
    end)
  end

  test "rows are found by what goes beyond 64 bits, on both" do
    for resource <- [OnEts, OnSqlite] do
      for {name, size} <- [{"a", 0x7FFF_FFFF_FFFF_FFFF}, {"b", 1}],
          do: create!(resource, %{name: name, size: size})

      grown = Ash.Query.filter(resource, size * 2 > 9)

      assert %{status: :success} =
               Ash.bulk_update(grown, :update, %{name: "c"}, strategy: :atomic)

      assert names(resource) == ["b", "c"]
      assert %{status: :success} = Ash.bulk_destroy(grown, :destroy, %{}, strategy: :atomic)
      assert names(resource) == ["b"]
    end
  end

  test "a string that is not UTF-8: ETS keeps it, here it is refused" do
    assert %{name: <<?a, 255>>} = create!(OnEts, %{name: <<?a, 255>>})

    assert {:error, %Ash.Error.Invalid{errors: [%{field: :name}]}} =
             Ash.create(OnSqlite, %{name: <<?a, 255>>})
  end

  test "a date before the year 0: ETS keeps it, here it is refused" do
    assert %{day: ~D[-0001-01-01]} = create!(OnEts, %{day: ~D[-0001-01-01]})

    assert {:error, %Ash.Error.Invalid{errors: [%{field: :day}]}} =
             Ash.create(OnSqlite, %{day: ~D[-0001-01-01]})
  end

  test "any term is kept, a process included" do
    for term <- [%{a: {1, :b}}, [1 | 2], self(), make_ref(), nil],
        resource <- [OnEts, OnSqlite] do
      %{id: id} = create!(resource, %{any: term})
      assert Ash.get!(resource, id).any == term
    end
  end

  test "decimals come back as they went in, on both, and are found and sorted by their value" do
    texts = ["1E+3", "-1.2E+4", "1000.0", "1000", "0E+2", "0.00", "12E+2", "1E-9"]
    rows = texts |> Enum.with_index() |> Enum.map(&Tuple.insert_at(&1, 0, Ash.UUID.generate()))

    [ets, ours] =
      for resource <- [OnEts, OnSqlite] do
        for {id, text, size} <- rows do
          price = Decimal.new(text)
          create!(resource, %{id: id, price: price, size: size})
          assert Ash.get!(resource, id).price === price
        end

        thousand = Ash.Query.filter(resource, price == ^Decimal.new(1000))
        thousands = Ash.Query.filter(resource, price == ^Decimal.new("1E+3"))
        more = Ash.Query.filter(resource, price > ^Decimal.new("0E+5"))

        for query <- [resource, thousand, thousands, more] do
          rows = query |> Ash.Query.sort([:price, :size]) |> Ash.read!()

          # Of equal ones, older releases take another.
          least = query |> Ash.min!(:price) |> Decimal.normalize()
          most = query |> Ash.max!(:price) |> Decimal.normalize()

          {Enum.map(rows, &{&1.price, &1.size}), Ash.sum!(query, :price), least, most,
           Ash.list!(query, :price)}
        end
      end

    assert ours == ets
  end

  # What SQLite keeps in a REAL column has no sign at zero.
  test "minus zero: ETS keeps its sign, here it is zero" do
    for {resource, sign} <- [{OnEts, 1}, {OnSqlite, 0}] do
      %{id: id} = create!(resource, %{weight: -0.0})
      weight = Ash.get!(resource, id).weight
      assert weight == 0.0
      assert <<^sign::1, _::63>> = <<weight::float>>
    end
  end

  # ETS stores it, and raises when it reads it back.
  test "a function is no term that can be stored: it is refused before anything is written" do
    old = create!(OnSqlite, %{name: "old", code: "1", any: 1})

    for term <- [fn -> 1 end, [%{a: &is_nil/1}], {1, fn x -> x end}] do
      for write <- [
            fn -> Ash.create(OnSqlite, %{name: "new", any: term}) end,
            fn -> Ash.create(OnSqlite, %{code: "1", any: term}, action: :put) end,
            fn -> Ash.update(old, %{any: term}) end,
            fn -> Ash.update(old, %{any: term}, action: :slow) end
          ] do
        assert {:error, %Ash.Error.Invalid{errors: [error]}} = write.()
        assert %{field: :any, message: message} = error
        assert message =~ "function"
      end

      for result <- [
            Ash.bulk_create([%{name: "a"}, %{any: term}], OnSqlite, :create, return_errors?: true),
            Ash.bulk_update(OnSqlite, :update, %{any: term}, return_errors?: true)
          ] do
        assert %{status: :error, errors: [_ | _] = errors} = result
        for error <- errors, do: assert([%{field: :any}] = Map.get(error, :errors, [error]))
      end

      assert_raise Ash.Error.Unknown, fn -> create!(OnEts, %{any: term}) end
    end

    assert [%{name: "old", any: 1}] = Ash.read!(OnSqlite)
  end

  test "the atoms of a stored term are made, and what is no term is an error, no exception" do
    name = "an_atom_" <> "that_nobody_has"
    row = %{id: Ash.UUID.generate(), any: <<131, 119, byte_size(name)>> <> name}
    assert {:ok, [%{any: atom}]} = AshRusqlite.DataLayer.Value.Codec.load_all([row], OnSqlite)
    assert Atom.to_string(atom) == name

    row = %{row | any: binary_part(row.any, 0, 9)}
    assert {:error, error} = AshRusqlite.DataLayer.Value.Codec.load_all([row], OnSqlite)
    assert inspect(error) =~ "any"
  end

  test "like and ilike: ETS does not know them, here they are SQL" do
    for resource <- [OnEts, OnSqlite], do: create!(resource, %{name: "Ann"})
    assert [%{name: "Ann"}] = Ash.read!(Ash.Query.filter(OnSqlite, ilike(name, "%NN")))

    assert_raise Ash.Error.Invalid, ~r/ilike/, fn ->
      Ash.read!(Ash.Query.filter(OnEts, ilike(name, "%NN")))
    end
  end

  test "a fragment of SQL: ETS takes it for unknown, here it is SQL, or an error where it cannot be" do
    for resource <- [OnEts, OnSqlite], do: create!(resource, %{name: "Ann"})
    fragment = &Ash.Query.filter(&1, fragment("lower(?)", name) == "ann")
    assert names(fragment.(OnEts)) == []
    assert names(fragment.(OnSqlite)) == ["Ann"]

    mixed = &Ash.Query.filter(&1, string_join([fragment("lower(?)", name), "!"]) == "ann!")
    assert names(mixed.(OnEts)) == []
    assert {:error, error} = Ash.read(mixed.(OnSqlite))
    assert Exception.message(error) =~ "holds a fragment, which only SQLite can compute"
  end

  test "exists of a condition that asks nothing of its rows: ETS finds none, here they are found" do
    alias AshRusqlite.Exists

    for {people, cards, expected} <- [
          {Exists.OnEts.Person, Exists.OnEts.Card, []},
          {Exists.OnSqlite.Person, Exists.OnSqlite.Card, [1]}
        ] do
      for id <- [1, 2], do: create!(people, %{id: id, name: "Ann"})
      create!(cards, %{id: 1, person_id: 1})

      for condition <- [expr(true), expr(parent(name) == "Ann")] do
        found = Ash.Query.filter(people, exists(cards, ^condition))
        assert found |> Ash.read!() |> Enum.map(& &1.id) == expected
      end
    end
  end

  test "an upsert updates the row of its identity on both, and keeps its id" do
    for resource <- [OnEts, OnSqlite] do
      old = Ash.create!(resource, %{name: "a", code: "1"}, action: :put)
      new = Ash.create!(resource, %{name: "b", code: "1"}, action: :put)
      assert new.id == old.id
      assert names(resource) == ["b"]
      Ash.create!(resource, %{name: "c", code: "2"}, action: :put)
      assert names(resource) == ["b", "c"]
    end
  end

  @vsn to_string(Application.spec(:ash, :vsn) || "0.0.0")
  @finds_nil Version.match?(@vsn, ">= 3.6.3")

  test "an upsert with nil in its identity creates a row each time; ETS updates the one with nil" do
    assert put_twice(OnEts, nil) == if(@finds_nil, do: ["b"], else: ["a", "b"])
    assert put_twice(OnSqlite, nil) == ["a", "b"]
  end

  test "where nils are not distinct it updates the row with nil; ETS creates one each time" do
    assert put_twice(OnEts.Place, nil) == ["a", "b"]
    assert put_twice(OnSqlite.Place, nil) == ["b"]
    assert put_twice(OnEts.Place, "x") == ["a", "b", "b"]
    assert put_twice(OnSqlite.Place, "x") == ["b", "b"]
  end

  defp put_twice(resource, code) do
    for name <- ["a", "b"], do: Ash.create!(resource, %{name: name, code: code}, action: :put)
    names(resource)
  end

  test "an action that fails in the middle: ETS keeps what was done, here nothing is" do
    assert failing(OnEts) == ["a"]
    assert failing(OnSqlite) == []
  end

  defp failing(resource) do
    resource
    |> Ash.Changeset.for_create(:create, %{name: "a"})
    |> Ash.Changeset.after_action(fn _changeset, _record -> {:error, "no"} end)
    |> Ash.create()

    names(resource)
  end

  test "what both give comes in the order of the key where no sort is given" do
    ids = for _ <- 1..9, do: Ash.UUID.generate()

    for resource <- [OnEts, OnSqlite] do
      for id <- ids, do: create!(resource, %{id: id})
      assert resource |> Ash.read!() |> Enum.map(& &1.id) == Enum.sort(ids)
    end
  end
end
