# Tenants that have tables of their own see nothing of each other.
defmodule AshRusqlite.TenantsTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.AnyDomain, as: Domain

  # ETS logs every create.
  @moduletag :capture_log

  defmodule Room do
    defmacro __using__(data_layer) do
      quote do
        use Ash.Resource, domain: Domain, data_layer: unquote(data_layer)

        ets do
          private? true
        end

        multitenancy do
          strategy(:context)
          global?(true)
        end

        actions do
          defaults [:read, create: :*]
        end

        attributes do
          uuid_primary_key :id
          attribute :title, :string, public?: true
        end

        identities do
          identity :title, [:title], pre_check_with: Domain
        end
      end
    end
  end

  defmodule OnEts do
    use Room, Ash.DataLayer.Ets
  end

  defmodule OnSqlite do
    use Room, AshRusqlite.DataLayer
  end

  # SQLite folds the case of ASCII in the names of tables.
  @tenants [
    nil,
    "acme",
    "Acme",
    "ACME",
    "^acme",
    "^Acme",
    "^^acme",
    "é",
    "É",
    "a@b",
    "a\"b; --"
  ]

  setup do
    {:ok, _} = Application.ensure_all_started(:ash)
    :ok
  end

  test "tenants see nothing of each other, whatever their names are" do
    for resource <- [OnEts, OnSqlite] do
      for tenant <- @tenants,
          do: Ash.create!(resource, %{title: inspect(tenant)}, tenant: tenant)

      for tenant <- @tenants do
        assert [%{title: title}] = Ash.read!(resource, tenant: tenant)
        assert title == inspect(tenant)
      end
    end
  end

  test "each tenant may have what an identity lets only one row have" do
    for tenant <- @tenants do
      assert {:ok, _} = Ash.create(OnSqlite, %{title: "one"}, tenant: tenant)
      assert {:error, _} = Ash.create(OnSqlite, %{title: "one"}, tenant: tenant)
    end
  end

  defmodule Desk do
    @moduledoc false
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      custom_indexes do
        index [:drawer], unique: true, message: "is full"
        index [:key], name: "desks_key", unique: true, message: "is on another ring"
      end
    end

    ets do
      private? true
    end

    multitenancy do
      strategy(:context)
    end

    actions do
      defaults [:read, create: :*]
    end

    attributes do
      uuid_primary_key :id
      attribute :title, :string, public?: true
      attribute :place, :string, public?: true
      attribute :drawer, :string, public?: true
      attribute :key, :string, public?: true
    end

    identities do
      identity :title, [:title]
      identity :b_title, [:place], message: "is taken"
    end
  end

  # The names of indexes are the file's: `desks@a` with `b_title` and `desks@a_b` with `title` would
  # have one of the same name.
  test "each tenant has every index of its own, whatever the names" do
    for tenant <- ["a", "a_b", "a-b", "a.b", "A"] do
      Ash.create!(Desk, %{title: "1", place: "1", drawer: "1", key: "1"}, tenant: tenant)

      for {field, message} <- [
            title: "has already been taken",
            place: "is taken",
            drawer: "is full",
            key: "is on another ring"
          ] do
        assert {:error, %{errors: [%{field: ^field, message: ^message}]}} =
                 Ash.create(Desk, %{field => "1"}, tenant: tenant)
      end
    end
  end
end
