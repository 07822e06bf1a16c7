# A decimal in a column that another program declared, which keeps numbers, is a Decimal wherever
# Ash meets it: in attributes, calculations, choices and extremes. Maps beside a fragment are JSON.
defmodule AshRusqlite.DecimalColumnTest do
  use ExUnit.Case, async: true

  require Ash.Query

  alias AshRusqlite.AnyDomain, as: Domain

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_decimal_column_test
  end

  defmodule Item do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "items"
      migration_types(price: :decimal)
    end

    actions do
      defaults [:read, create: :*]
    end

    attributes do
      integer_primary_key(:id, public?: true, writable?: true)
      attribute :price, :decimal, public?: true
      attribute :meta, :map, public?: true
      attribute :tags, {:array, :string}, public?: true
    end

    calculations do
      calculate :price_again, :decimal, expr(price)
      calculate :chosen, :decimal, expr(if(is_nil(meta), price, price))
    end
  end

  setup do
    {:ok, _} = Application.ensure_all_started(:ash)
    start_supervised!({Repo, database: ":memory:", auto_migrate: true})
    Ash.create!(Item, %{id: 1, price: "1.5", meta: %{"k" => "v"}, tags: ["x"]})
    Ash.create!(Item, %{id: 2, price: "100", meta: %{"k" => "o"}, tags: ["y"]})
    :ok
  end

  test "what is computed of it is a Decimal" do
    for item <- Ash.read!(Item, load: [:price_again, :chosen]) do
      assert %Decimal{} = item.price
      assert item.price_again == item.price
      assert item.chosen == item.price
    end

    assert Ash.max!(Item, :price) == Decimal.new("100")
    assert Ash.min!(Item, :price) == Decimal.new("1.5")
    assert Ash.sum!(Item, :price) == Decimal.new("101.5")
  end

  test "a map or a list beside a fragment is JSON" do
    map = %{"k" => "v"}
    ids = &(&1 |> Ash.read!() |> Enum.map(fn item -> item.id end))
    assert ids.(Ash.Query.filter(Item, fragment("json(?) = json(?)", meta, ^map))) == [1]
    assert ids.(Ash.Query.filter(Item, fragment("json(?) = json(?)", tags, ^["y"]))) == [2]

    query = Ash.Query.filter(Item, fragment("? IN (SELECT value FROM json_each(?))", id, ^[2, 3]))

    assert ids.(query) == [2]
  end
end
