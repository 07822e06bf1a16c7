# Where a relationship to one row finds several, Ash loads the first in the order of the key, and
# asks no other.
defmodule AshRusqlite.OneOfManyTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.OneOfMany.{OnEts, OnSqlite}

  import Ash.Expr
  import Ash.Sort, only: [expr_sort: 2]
  require Ash.Query

  # Ash warns of each that has several.
  @moduletag :capture_log

  @people [{1, "x"}, {2, "y"}, {3, nil}, {4, "z"}]
  @cards [{"c", 1, 7}, {"a", 1, nil}, {"b", 1, 3}, {"e", 2, 2}, {"d", 2, 5}, {"f", 4, 1}]
  @places [{1, 9, "x"}, {2, 1, "x"}, {1, 2, "y"}, {2, 2, "y"}, {3, 3, nil}]

  setup do
    for layer <- [OnEts, OnSqlite] do
      for {id, town} <- @people,
          do: Ash.create!(Module.concat(layer, Person), %{id: id, town: town})

      for {id, person_id, number} <- @cards,
          do:
            Ash.create!(Module.concat(layer, Card), %{
              id: id,
              person_id: person_id,
              number: number
            })

      for {street, house, name} <- @places,
          do:
            Ash.create!(Module.concat(layer, Place), %{
              street: street,
              house: house,
              name: name
            })
    end

    :ok
  end

  defp ids(layer, filter, name \\ Person) do
    query = layer |> Module.concat(name) |> Ash.Query.do_filter(filter)
    if layer == OnSqlite, do: assert({:ok, %{residual: []}} = AshRusqlite.explain(query))
    query |> Ash.read!() |> Enum.map(& &1.id)
  end

  @filters [
    {"of its condition", expr(exists(card, id != "a")), [2, 4]},
    {"of a condition that is nil", expr(exists(card, number > 2)), [2]},
    {"of the contrary", expr(not exists(card, number > 2)), [1, 3, 4]},
    {"of alternatives", expr(exists(card, number == 5 or id == "a")), [1, 2]},
    {"of what stands around it", expr(exists(card, number > parent(id))), [2]},
    {"of another that is not by the key", expr(exists(place, street == 1)), [2]},
    {"of one behind it", expr(exists([:card, :person], id > 1)), [2, 4]},
    {"of a field", expr(card.number == 5), [2]},
    {"of a field that is nil", expr(is_nil(card.number)), [1, 3]},
    {"of fields of one row", expr(card.number == 5 and card.id == "d"), [2]},
    {"of a field of another", expr(place.street == 2), [1]},
    {"of a field behind it", expr(card.person.town == "y"), [2]}
  ]

  for {name, filter, expected} <- @filters do
    test "the first of several related rows is asked #{name}" do
      filter = unquote(Macro.escape(filter))

      assert {ids(OnEts, filter), ids(OnSqlite, filter)} ==
               {unquote(expected), unquote(expected)}
    end
  end

  test "the first of several related rows is asked on the way to another" do
    for filter <- [
          expr(exists([:person, :card], number == 5)),
          expr(exists([:person, :place], street == 2)),
          expr(person.card.id == "a")
        ] do
      assert ids(OnSqlite, filter, Card) == ids(OnEts, filter, Card)
      refute ids(OnSqlite, filter, Card) == []
    end
  end

  test "the first of several related rows is what is sorted and computed by" do
    for expression <- [expr(card.number), expr(exists(card, number > 2))] do
      [ets, ours] =
        for layer <- [OnEts, OnSqlite] do
          query =
            layer
            |> Module.concat(Person)
            |> Ash.Query.calculate(:it, calculated(expression), expression, %{})

          if layer == OnSqlite,
            do: assert({:ok, %{residual: []}} = AshRusqlite.explain(query))

          query |> Ash.read!() |> Enum.map(&{&1.id, &1.calculations.it})
        end

      assert ours == ets
    end

    for layer <- [OnEts, OnSqlite] do
      sort = expr_sort(card.number, :integer)
      query = layer |> Module.concat(Person) |> Ash.Query.sort([{sort, :desc_nils_last}])
      assert query |> Ash.read!() |> Enum.map(& &1.id) == [2, 4, 1, 3]
    end
  end

  defp calculated(%Ash.Query.Call{name: :exists}), do: :boolean
  defp calculated(%Ash.Query.Exists{}), do: :boolean
  defp calculated(_field), do: :integer
end
