# What resources may not ask of generated migrations.
defmodule AshRusqlite.RefusedSchemaTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.DataLayer.Migrations.Wanted
  alias AshRusqlite.Error

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_wanted_test
  end

  test "a key to what may be equal in several rows is refused" do
    defmodule Team do
      use Ash.Resource, domain: AshRusqlite.AnyDomain, data_layer: AshRusqlite.DataLayer

      sqlite do
        repo Repo
        table "teams"
      end

      attributes do
        uuid_primary_key :id
        attribute :code, :string
      end
    end

    defmodule Member do
      use Ash.Resource, domain: AshRusqlite.AnyDomain, data_layer: AshRusqlite.DataLayer

      sqlite do
        repo Repo
        table "members"

        references do
          reference :team
        end
      end

      attributes do
        uuid_primary_key :id
      end

      relationships do
        belongs_to :team, Team, destination_attribute: :code, attribute_type: :string
      end
    end

    assert {:error, %Error{code: :schema_mismatch, details: %{references: "teams", on: ["code"]}}} =
             Wanted.of(Repo, [Team, Member])
  end

  test "a statement of Elixir is refused" do
    defmodule Coded do
      use Ash.Resource, domain: AshRusqlite.AnyDomain, data_layer: AshRusqlite.DataLayer

      sqlite do
        repo Repo

        custom_statements do
          statement :run do
            code?(true)
            up("execute()")
            down("execute()")
          end
        end
      end

      attributes do
        uuid_primary_key :id
      end
    end

    assert {:error, %Error{code: :schema_mismatch, details: %{statement: "run"}}} =
             Wanted.of(Repo, [Coded])
  end

  test "a migration_default that is neither a value nor SQL is refused" do
    defmodule Defaulted do
      use Ash.Resource, domain: AshRusqlite.AnyDomain, data_layer: AshRusqlite.DataLayer

      sqlite do
        repo Repo
        migration_defaults(made_at: "now()")
      end

      attributes do
        uuid_primary_key :id
        attribute :made_at, :utc_datetime
      end
    end

    assert {:error, %Error{code: :schema_mismatch, message: message}} =
             Wanted.of(Repo, [Defaulted])

    assert message =~ "made_at" and message =~ "now()"
  end
end
