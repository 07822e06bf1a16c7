# A calculation by `^actor(...)` has the actor of the action wherever it stands: also where Ash does not name one
# in it, as in a filter of an aggregate or of a combination, and in a calculation that refers to it.
defmodule AshRusqlite.ActorInCalculationTest do
  use ExUnit.Case, async: true

  require Ash.Expr
  require Ash.Query

  defmodule Artist do
    use AshRusqlite.PrivateResource, AshRusqlite.DataLayer

    actions do
      defaults([:read, :destroy, create: :*, update: :*])
    end

    attributes do
      integer_primary_key(:id, writable?: true, public?: true)
      attribute(:name, :string, public?: true)
    end

    relationships do
      has_many(:follows, AshRusqlite.ActorInCalculationTest.Follow)
    end

    calculations do
      calculate(:followed?, :boolean, expr(exists(follows, user == ^actor(:id))))
      calculate(:any_mine?, :boolean, expr(exists(follows, mine?)))
      calculate(:own, :boolean, expr(followed? and any_mine?))
      calculate(:elixir, :boolean, expr(string_join([name, "!"]) == "a!" and followed?))
    end
  end

  defmodule Follow do
    use AshRusqlite.PrivateResource, AshRusqlite.DataLayer

    actions do
      defaults([:read, :destroy, create: :*, update: :*])
    end

    attributes do
      integer_primary_key(:id, writable?: true, public?: true)
      attribute(:user, :integer, public?: true)
    end

    relationships do
      belongs_to(:artist, Artist, attribute_type: :integer, public?: true)
    end

    calculations do
      calculate(:mine?, :boolean, expr(user == ^actor(:id)))
    end
  end

  @actor %{id: 7}

  setup do
    for {id, name} <- [{1, "a"}, {2, "b"}, {3, "c"}],
        do: Ash.create!(Artist, %{id: id, name: name})

    for {artist, user} <- [{1, 7}, {2, 8}],
        do: Ash.create!(Follow, %{id: artist, artist_id: artist, user: user})

    :ok
  end

  @filters %{
    followed?: Ash.Expr.expr(followed?),
    any_mine?: Ash.Expr.expr(any_mine?),
    own: Ash.Expr.expr(own),
    elixir: Ash.Expr.expr(elixir)
  }

  for name <- Map.keys(@filters) do
    describe "#{name} of the actor" do
      setup do
        filter = Map.fetch!(@filters, unquote(name))
        %{filter: filter, query: Ash.Query.filter(Artist, ^filter)}
      end

      test "counts in each kind of aggregate", %{filter: filter, query: query} do
        assert Ash.count!(query, actor: @actor) == 1
        assert Ash.exists?(query, actor: @actor)
        assert Ash.max!(query, :id, actor: @actor) == 1
        assert Ash.count!(Ash.Query.limit(query, 2), actor: @actor) == 1
        assert Ash.count!(Artist, query: [filter: filter], actor: @actor) == 1
        assert Ash.count!(Ash.Query.filter(Artist, not (^filter)), actor: @actor) == 2
        assert Ash.count!(query) == 0
      end

      test "counts in combinations", %{filter: filter} do
        combined =
          Ash.Query.combination_of(Artist, [
            Ash.Query.Combination.base(filter: filter),
            Ash.Query.Combination.union(filter: Ash.Expr.expr(id == 3))
          ])

        assert [1, 3] = combined |> Ash.read!(actor: @actor) |> Enum.map(& &1.id) |> Enum.sort()
      end

      test "counts in filters of related rows", %{filter: filter} do
        query = Ash.Query.filter(Follow, exists(artist, ^filter))
        assert Ash.count!(query, actor: @actor) == 1
      end

      test "counts in bulk updates and destroys", %{query: query} do
        opts = [actor: @actor, strategy: [:atomic, :stream], return_errors?: true]

        assert %{records: [%{id: 1}]} =
                 Ash.bulk_update!(query, :update, %{name: "a"}, opts ++ [return_records?: true])

        assert %{status: :success} = Ash.bulk_destroy!(query, :destroy, %{}, opts)
        assert [2, 3] = Artist |> Ash.read!() |> Enum.map(& &1.id)
      end
    end
  end
end
