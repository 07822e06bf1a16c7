# A fragment that computes a list or a map: as an atomic change beside an update timestamp, as what a column
# is compared with, and where there is no row.
defmodule AshRusqlite.FragmentOfListTest do
  use ExUnit.Case, async: true

  require Ash.Expr
  require Ash.Query

  defmodule Artist do
    use AshRusqlite.PrivateResource, AshRusqlite.DataLayer

    actions do
      defaults([:read, create: :*, update: :*])

      update :rename do
        accept([:name])
        change(AshRusqlite.FragmentOfListTest.KeepName)
      end

      update :retag do
        accept([:tags])
        change(AshRusqlite.FragmentOfListTest.KeepName)
      end

      update :mix do
        accept([])

        change(
          atomic_update(
            :name,
            Ash.Expr.expr(string_join([fragment("lower(?)", name), "!"]))
          )
        )
      end
    end

    attributes do
      uuid_primary_key(:id)
      attribute(:name, :string, public?: true)
      attribute(:names, {:array, :string}, default: [], public?: true)
      attribute(:tags, {:array, :string}, public?: true)
      attribute(:meta, :map, public?: true)
      attribute(:seconds, :integer, public?: true)
      update_timestamp(:updated_at)
    end

    calculations do
      calculate(:length, :string, expr(fragment("(? / 60) || ':' || (? % 60)", seconds, seconds)))
      calculate(:broken, :string, expr(fragment("no_such(?)", seconds)))
      calculate(:halves, {:array, :integer}, expr(fragment("json_array(? / 2)", seconds)))
    end
  end

  defmodule KeepName do
    use Ash.Resource.Change

    @impl true
    def atomic(_changeset, _opts, _context) do
      names =
        Ash.Expr.expr(
          fragment(
            "(SELECT json_group_array(value) FROM (SELECT ? AS value UNION ALL SELECT value FROM json_each(?)))",
            name,
            names
          )
        )

      {:atomic, %{names: {:atomic, names}}}
    end
  end

  defp stored(artist), do: Ash.get!(Artist, artist.id)

  describe "an atomic change by a fragment of an attribute that only Ash compares" do
    test "is written, with the time of the update" do
      artist = Ash.create!(Artist, %{name: "First"})
      assert Ash.update!(artist, %{name: "Second"}, action: :rename).names == ["First"]

      artist = stored(artist)
      assert Ash.update!(artist, %{name: "Third"}, action: :rename).names == ["Second", "First"]
      assert DateTime.compare(stored(artist).updated_at, artist.updated_at) == :gt
    end

    test "is written beside a value that only Elixir compares" do
      artist = Ash.create!(Artist, %{name: "First"})
      Ash.update!(artist, %{tags: ["a"]}, action: :retag)
      assert %{names: ["First"], tags: ["a"]} = stored(artist)
    end

    test "is written for the rows of a query" do
      for name <- ["a", "b"], do: Ash.create!(Artist, %{name: name})
      opts = [strategy: :atomic, return_errors?: true]

      assert %{status: :success} = Ash.bulk_update(Artist, :retag, %{tags: ["x"]}, opts)

      assert Artist |> Ash.read!() |> Enum.map(&{&1.names, &1.tags}) |> Enum.sort() ==
               [{["a"], ["x"]}, {["b"], ["x"]}]
    end

    test "names what is left to Elixir where it cannot be written" do
      artist = Ash.create!(Artist, %{name: "First"})
      assert {:error, error} = Ash.update(artist, %{}, action: :mix)
      assert Exception.message(error) =~ "StringJoin has no SQL"
      assert stored(artist).name == "First"
    end
  end

  test "a list or a map compares with a fragment as what is stored" do
    Ash.create!(Artist, %{name: "One", names: ["a"], meta: %{"n" => 1}})
    Ash.create!(Artist, %{name: "Two", names: []})

    for {filter, found} <- [
          {Ash.Expr.expr(names == fragment("json_array('a')")), ["One"]},
          {Ash.Expr.expr(fragment("json_array('a')") != names), ["Two"]},
          {Ash.Expr.expr(meta == fragment("json_object('n', 1)")), ["One"]}
        ] do
      query = Ash.Query.filter(Artist, ^filter)
      assert Enum.map(Ash.read!(query), & &1.name) == found
      assert {:ok, %{residual: []}} = AshRusqlite.explain(query)
    end
  end

  describe "Ash.calculate of a fragment" do
    test "is computed by SQLite" do
      assert Ash.calculate!(Artist, :length, refs: %{seconds: 144}) == "2:24"
      assert Ash.calculate!(Artist, :halves, refs: %{seconds: 9}) == [4]
      assert Ash.calculate!(Artist, :length, refs: %{seconds: nil}) == nil
    end

    test "is an error where SQLite cannot compute it" do
      message = ~r/no such function: no_such \(in fragment\("\(no_such\(\?\)\)"\)\)/

      assert_raise Ash.Error.Unknown, message, fn ->
        Ash.calculate(Artist, :broken, refs: %{seconds: 1})
      end
    end
  end
end
