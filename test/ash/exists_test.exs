# `exists` of a condition that asks for no field of the related rows. Ash's runtime loads no rows
# for it, so what is left to Elixir must ask for more than the condition says.
defmodule AshRusqlite.ExistsTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.Exists.OnSqlite

  import Ash.Expr
  require Ash.Query

  @people [{1, "Ann"}, {2, "Bob"}, {3, nil}, {4, "Dot"}]
  @cards [{1, 1}, {2, 1}, {3, 2}]
  @prints [{"a", 1, 4}, {nil, nil, 2}]

  setup do
    {:ok, _} = Application.ensure_all_started(:ash)
    for {id, name} <- @people, do: Ash.create!(OnSqlite.Person, %{id: id, name: name})
    for {id, person} <- @cards, do: Ash.create!(OnSqlite.Card, %{id: id, person_id: person})

    for {text, card, by} <- @prints,
        do: Ash.create!(OnSqlite.Print, %{text: text, card_id: card, by_id: by})

    :ok
  end

  defp ids(query), do: query |> Ash.read!() |> Enum.map(& &1.id) |> Enum.sort()
  defp of(filter), do: Ash.Query.do_filter(OnSqlite.Person, filter)

  defp pushed?(query) do
    {:ok, %{residual: residual}} = AshRusqlite.explain(query)
    residual == []
  end

  @conditions [
    {"nothing", expr(exists(cards, true)), [1, 2]},
    {"what stands around it", expr(exists(cards, parent(name) == "Bob")), [2]},
    {"nothing, of rows further away", expr(exists(cards.prints, true)), [1]},
    {"nothing, on a way back", expr(exists(cards.person.cards, true)), [1, 2]},
    {"nothing, of rows without a key", expr(exists(prints, true)), [2, 4]},
    {"others that are asked nothing", expr(exists(cards, exists(prints, true))), [1]},
    {"no others", expr(exists(cards, not exists(prints, true))), [1, 2]},
    {"what no row has", expr(exists(cards, false)), []},
    {"nothing, by a calculation", expr(has_cards), [1, 2]}
  ]

  # Elixir alone joins strings.
  @left expr(string_join([name, "x"], "-") != "z")

  test "what cannot be said of a related row is answered as Ash itself answers it" do
    alias AshRusqlite.DataLayer.Residual.Filter

    people = OnSqlite.Person |> Ash.Query.load(:cards) |> Ash.read!()

    for condition <- [
          expr(not exists(cards, fragment("1 = 0"))),
          expr(exists(cards, fragment("1 = 1"))),
          expr(is_nil(exists(cards, fragment("1 = 1")))),
          expr(not exists(cards, fragment("1 = 0") and is_nil(id)))
        ] do
      filter = Ash.Filter.parse!(OnSqlite.Person, condition)
      domain = Ash.Resource.Info.domain(OnSqlite.Person)
      expected = Ash.Filter.Runtime.filter_matches(domain, people, filter)
      assert Filter.matches(domain, people, filter, []) == expected
    end
  end

  for {name, condition, expected} <- @conditions do
    test "#{name}: SQL and Elixir answer the same" do
      condition = unquote(Macro.escape(condition))
      expected = unquote(expected)
      others = [1, 2, 3, 4] -- expected

      assert pushed?(of(condition))
      assert ids(of(condition)) == expected
      assert ids(of(expr(not (^condition)))) == others

      for {filter, ids} <- [
            {expr(^condition and ^@left), expected},
            {expr(not (^condition) and ^@left), others},
            {expr(id == 9 or (^condition and ^@left)), expected}
          ] do
        refute pushed?(of(filter))
        assert ids(of(filter)) == ids
      end
    end

    test "#{name}: a calculation and an aggregate of Elixir's answer the same" do
      condition = unquote(Macro.escape(condition))
      expected = unquote(expected)
      calculation = expr(if ^condition, do: string_join([name, "!"], ""), else: "no")

      query = Ash.Query.calculate(OnSqlite.Person, :it, :string, calculation, %{})

      assert expected ==
               for(%{id: id, calculations: %{it: it}} <- Ash.read!(query), it != "no", do: id)

      count = {:found, :count, query: [filter: expr(^condition and ^@left)]}
      assert %{found: found} = Ash.aggregate!(OnSqlite.Person, [count])
      assert found == length(expected)

      related =
        Ash.Query.aggregate(OnSqlite.Card, :found, :count, :person,
          query: [filter: expr(^condition and ^@left)]
        )

      assert for({_, person_id} <- @cards, do: if(person_id in expected, do: 1, else: 0)) ==
               for(%{aggregates: %{found: found}} <- Ash.read!(related), do: found)
    end
  end

  test "the parent may be asked whether others exist" do
    filter = of(expr(exists(cards, parent(exists(prints, true)))))
    assert pushed?(filter)
    assert ids(filter) == [2]

    left = of(expr(exists(cards, parent(exists(prints, true))) and ^@left))
    refute pushed?(left)
    assert ids(left) == [2]
  end

  test "what Elixir finds is what is destroyed" do
    filter = of(expr(not exists(cards, true) and ^@left))
    assert %{status: :success} = Ash.bulk_destroy!(filter, :destroy, %{}, strategy: :atomic)
    assert ids(OnSqlite.Person) == [1, 2]
  end

  test "rows at the end of a path are asked too" do
    for filter <- [expr(person.exists(cards, true)), expr(exists(person, exists(cards, true)))] do
      assert ids(Ash.Query.do_filter(OnSqlite.Card, filter)) == [1, 2, 3]
    end
  end
end
