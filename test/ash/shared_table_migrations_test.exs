# The one table that several resources ask of generated migrations.
defmodule AshRusqlite.SharedTableMigrationsTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.AnyDomain, as: Domain
  alias AshRusqlite.DataLayer.Migrations.Wanted
  alias AshRusqlite.Error
  alias AshRusqlite.Repo.Generator

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_wanted_test
  end

  defp wanted(resources) do
    {:ok, wanted, _notes} = Wanted.of(Repo, resources)
    wanted
  end

  defp table(wanted, name), do: Enum.find(wanted[:tables], &(&1[:table] == name))
  defp column(table, name), do: Enum.find(table[:columns], &(&1[:name] == name))

  describe "two resources on one table" do
    defmodule Person do
      use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

      sqlite do
        repo Repo
        table "people"

        check_constraints do
          check_constraint(:age, "age", check: "age > 0")
        end
      end

      actions do
        defaults [:read, create: :*]
      end

      attributes do
        uuid_primary_key :id
        attribute :name, :string, allow_nil?: false, public?: true, default: "?"
        attribute :age, :integer, allow_nil?: false, public?: true
      end

      identities do
        identity :name, [:name]
      end
    end

    defmodule Login do
      use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

      sqlite do
        repo Repo
        table "people"
      end

      actions do
        defaults [:read, create: :*]
      end

      attributes do
        uuid_primary_key :id
        attribute :name, :string, allow_nil?: false, public?: true
        attribute :password, :string, allow_nil?: false, public?: true
      end

      identities do
        identity :login, [:name]
      end
    end

    defmodule View do
      use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

      sqlite do
        repo Repo
        table "people"
      end

      actions do
        defaults [:read]
      end

      attributes do
        uuid_primary_key :id
      end
    end

    test "have the columns of both, and what only one requires may be null" do
      people = table(wanted([Person, Login]), "people")
      assert Enum.map(people[:columns], & &1[:name]) == ~w(id name age password)

      assert for(column <- people[:columns], column[:null], do: column[:name]) ==
               ~w(age password)

      assert people[:checks] == [[name: "age", sql: "age > 0"]]
    end

    test "a resource that only reads does not make the other's columns null" do
      people = table(wanted([Person, View]), "people")
      refute Enum.any?(people[:columns], & &1[:null])
    end

    test "a default that they do not share is given by each itself" do
      refute Keyword.has_key?(
               column(table(wanted([Person, Login]), "people"), "name"),
               :default
             )

      assert column(table(wanted([Person, View]), "people"), "name")[:default] == "?"
    end

    test "one index serves two identities over the same columns" do
      people = table(wanted([Person, Login]), "people")
      assert [[{:name, "people_name_index"} | _]] = people[:indexes]
    end

    @tag :tmp_dir
    test "do not undo each other's parts, in whatever order they come", %{tmp_dir: folder} do
      {:ok, %{files: [file]}} =
        Generator.generate(nil, wanted([Person, Login, View]), name: "create", version: 1)

      File.write!(Path.join(folder, file.name), file.text)

      for resources <- [[View, Login, Person], [Login, View, Person]] do
        assert {:ok, %{files: [], questions: []}} =
                 Generator.generate(folder, wanted(resources), name: "again", drop: true)
      end
    end

    @tag :tmp_dir
    test "both write their rows into it, and each reads those of the other", context do
      %{tmp_dir: folder} = context

      {:ok, %{files: [file]}} =
        Generator.generate(nil, wanted([Person, Login]), name: "create", version: 1)

      File.write!(Path.join(folder, file.name), file.text)
      database = Path.join(folder, "people.db")
      start_supervised!({Repo, database: database, migrations: folder, auto_migrate: false})
      Repo.migrate!()

      Ash.create!(Person, %{name: "Ann", age: 7})
      Ash.create!(Login, %{name: "Bob", password: "secret"})

      assert Enum.sort(Enum.map(Ash.read!(Person), &{&1.name, &1.age})) == [
               {"Ann", 7},
               {"Bob", nil}
             ]

      assert {:error, _} = Ash.create(Login, %{name: "Ann", password: "secret"})
      assert {:error, _} = Ash.create(Person, %{name: "Eve", age: -1})
    end

    test "a contradiction names the resources and the attribute" do
      defmodule Robot do
        use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

        sqlite do
          repo Repo
          table "people"
        end

        attributes do
          uuid_primary_key :id
          attribute :age, :string
        end
      end

      defmodule Pet do
        use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

        sqlite do
          repo Repo
          table "people"
        end

        attributes do
          integer_primary_key(:number)
        end
      end

      assert {:error, %Error{code: :schema_mismatch, details: details}} =
               Wanted.of(Repo, [Person, Robot])

      assert details.column == "age"
      assert details.resources == [inspect(Person), inspect(Robot)]

      assert {:error, %Error{code: :schema_mismatch, message: message}} =
               Wanted.of(Repo, [Person, Pet])

      assert message =~ "primary key"
    end

    test "that neither names are refused, as when they are used" do
      defmodule Blog do
        defmodule Comment do
          use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

          sqlite do
            repo Repo
          end

          attributes do
            uuid_primary_key :id
          end
        end
      end

      defmodule Shop do
        defmodule Comment do
          use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

          sqlite do
            repo Repo
          end

          attributes do
            uuid_primary_key :id
          end
        end
      end

      assert {:error, %Error{code: :schema_mismatch, details: %{table: "comments"}}} =
               Wanted.of(Repo, [Blog.Comment, Shop.Comment])
    end
  end
end
