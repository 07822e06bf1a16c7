defmodule AshRusqlite.DataLayer.NilConditionTest do
  # A condition that is nil holds for no row, wherever it stands; no condition holds for all.
  use ExUnit.Case, async: true

  import Ash.Expr
  require Ash.Query

  defmodule Domain do
    use Ash.Domain, otp_app: :ash_rusqlite, validate_config_inclusion?: false

    resources do
      resource AshRusqlite.DataLayer.NilConditionTest.Note
    end
  end

  defmodule Note do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    ets do
      private? true
    end

    attributes do
      attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
      attribute :text, :string, public?: true
    end

    actions do
      defaults [:read, create: :*]
    end
  end

  setup do
    {:ok, _} = Application.ensure_all_started(:ash)
    for id <- 1..3, do: Ash.create!(Note, %{id: id, text: "t"})
    :ok
  end

  defp ids(query), do: query |> Ash.read!() |> Enum.map(& &1.id) |> Enum.sort()

  test "a condition of a row that is nil holds for no row" do
    assert ids(Ash.Query.filter(Note, id > 1 and ^nil)) == []
    assert ids(Ash.Query.filter(Note, id > 1 or ^nil)) == [2, 3]
  end

  test "a condition of other rows that is nil holds for none of them" do
    assert ids(Ash.Query.filter(Note, exists(Note, id > 1 and "b" >= ^nil))) == []
    assert ids(Ash.Query.filter(Note, exists(Note, id > 1))) == [1, 2, 3]
  end

  test "a condition of other rows that is nil in a calculation holds for none of them" do
    condition = expr(exists(Note, (is_nil(text) or not is_nil(text)) and "b" >= ^nil))

    for note <- Note |> Ash.Query.calculate(:any?, :boolean, condition, %{}) |> Ash.read!() do
      refute note.calculations.any?
    end
  end

  test "no condition at all holds for every row" do
    assert ids(Note) == [1, 2, 3]
  end
end
