# Where a query answers otherwise than on AshSqlite, and what to write for its answer: the table of
# guides/from-ash-sqlite.md.
defmodule AshRusqlite.FromAshSqliteAnswersTest do
  use ExUnit.Case, async: true

  import Ash.Expr

  alias Ash.{Changeset, Query}

  require Ash.Query

  defmodule Note do
    use AshRusqlite.PrivateResource, AshRusqlite.DataLayer

    actions do
      defaults [:read, :destroy, create: :*, update: :*]
    end

    attributes do
      uuid_primary_key :id
      attribute :title, :string, public?: true
      attribute :size, :integer, public?: true
    end
  end

  @moduletag :capture_log

  setup do
    for {title, size} <- [{"a", 0}, {"12abc", 1}, {"7", 5}, {"c", nil}],
        do: Ash.create!(Note, %{title: title, size: size})

    :ok
  end

  defp sizes(query), do: query |> Ash.read!() |> Enum.map(& &1.size)
  defp found(query), do: query |> sizes() |> Enum.sort()

  defp computed(expression, type) do
    Note
    |> Query.calculate(:computed, type, expression)
    |> Ash.read!()
    |> Map.new(&{&1.size, &1.calculations.computed})
  end

  test "nils are sorted as the greatest, and as the least where the sort says so" do
    assert sizes(Query.sort(Note, size: :asc)) == [0, 1, 5, nil]
    assert sizes(Query.sort(Note, size: :desc)) == [nil, 5, 1, 0]
    assert sizes(Query.sort(Note, size: :asc_nils_first)) == [nil, 0, 1, 5]
    assert sizes(Query.sort(Note, size: :desc_nils_last)) == [5, 1, 0, nil]
  end

  test "a divisor of zero is an error, and nil where the expression says so" do
    assert_raise Ash.Error.Unknown, ~r/ArithmeticError/, fn ->
      computed(expr(10 / size), :float)
    end

    assert computed(expr(if(size == 0, nil, 10 / size)), :float) ==
             %{0 => nil, 1 => 10.0, 5 => 2.0, nil => nil}

    assert found(Query.filter(Note, size != 0 and 10 / size > 2)) == [1]
  end

  test "a text that is no number is an error when it is cast, and SQLite's number by a fragment" do
    assert_raise Ash.Error.Unknown, ~r/is invalid/, fn ->
      computed(expr(type(title, :integer)), :integer)
    end

    assert computed(expr(fragment("CAST(? AS INTEGER)", title)), :integer) ==
             %{0 => 0, 1 => 12, 5 => 7, nil => 0}
  end

  test "nil in a list is equal to nothing, and keeps nothing from being unlike the list" do
    assert found(Query.filter(Note, size in [1, nil])) == [1]
    assert found(Query.filter(Note, size not in [1, nil])) == [0, 5]
  end

  test "the destroy of a row that is gone succeeds, and is stale where the changeset has a filter" do
    [note | _] = Ash.read!(Note)
    assert :ok = Ash.destroy!(note)
    assert :ok = Ash.destroy(note)

    assert {:error, %{errors: [%Ash.Error.Changes.StaleRecord{}]}} =
             note
             |> Changeset.for_destroy(:destroy)
             |> Changeset.filter(expr(not is_nil(id)))
             |> Ash.destroy()

    assert {:error, %{errors: [%Ash.Error.Changes.StaleRecord{}]}} =
             Ash.update(note, %{title: "b"})
  end
end
