# What a check refuses is an error on the attributes that `check_constraints` names.
defmodule AshRusqlite.CheckConstraintTest do
  use ExUnit.Case, async: true

  alias Ash.Error.Changes.InvalidAttribute
  alias AshRusqlite.AnyDomain, as: Domain

  @moduletag :tmp_dir

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_check_test
  end

  defmodule Product do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "products"

      check_constraints do
        check_constraint(:price, "products_price",
          check: "price > 0",
          message: "must be positive"
        )

        check_constraint([:from, :until], "products_time",
          check: "\"from\" < \"until\"",
          message: "must be in order"
        )

        check_constraint(:stock, "products_stock")
      end
    end

    actions do
      defaults [:read, create: :*, update: :*]
    end

    attributes do
      uuid_primary_key :id
      attribute :price, :integer, public?: true
      attribute :from, :integer, public?: true
      attribute :until, :integer, public?: true
      attribute :stock, :integer, public?: true
      attribute :weight, :integer, public?: true
    end
  end

  setup %{tmp_dir: folder} do
    File.write!(Path.join(folder, "1_products.sql"), """
    -- up
    CREATE TABLE products (
      id UUID_TEXT PRIMARY KEY NOT NULL,
      price INTEGER CONSTRAINT products_price CHECK (price > 0),
      "from" INTEGER,
      until INTEGER,
      stock INTEGER CONSTRAINT products_stock CHECK (stock >= 0),
      weight INTEGER CONSTRAINT products_weight CHECK (weight > 0),
      CONSTRAINT products_time CHECK ("from" < until)
    );
    """)

    start_supervised!(
      {Repo, database: Path.join(folder, "a.db"), migrations: folder, auto_migrate: false}
    )

    Repo.migrate!()
    :ok
  end

  defp errors({:error, %{errors: errors}}) do
    for %InvalidAttribute{field: field, message: message} <- errors, do: {field, message}
  end

  test "the attribute gets the message of the check" do
    assert errors(Ash.create(Product, %{price: 0})) == [price: "must be positive"]
    product = Ash.create!(Product, %{price: 1})
    assert errors(Ash.update(product, %{price: -1})) == [price: "must be positive"]
  end

  test "each attribute of a check that has several gets it" do
    assert Enum.sort(errors(Ash.create(Product, %{from: 2, until: 1}))) ==
             [from: "must be in order", until: "must be in order"]
  end

  test "a check without SQL names one that was made by hand, and without message says is invalid" do
    assert errors(Ash.create(Product, %{stock: -1})) == [stock: "is invalid"]
  end

  test "a check that the resource does not know is on the attribute of its column" do
    assert errors(Ash.create(Product, %{weight: 0})) == [weight: "is invalid"]
  end

  test "a table that follows its resource has no checks", %{tmp_dir: folder} do
    stop_supervised!(Repo)
    start_supervised!({Repo, database: Path.join(folder, "b.db"), auto_migrate: true})
    assert %{price: 0} = Ash.create!(Product, %{price: 0})
  end
end
