# A row that others refer to stays, and the action returns that as an error.
defmodule AshRusqlite.ForeignKeyTest do
  use ExUnit.Case, async: true

  alias Ash.Error.Changes.{InvalidAttribute, InvalidChanges}
  alias AshRusqlite.AnyDomain, as: Domain

  @moduletag :tmp_dir

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_foreign_key_test
  end

  defmodule Owner do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "owners"
      migrate?(false)
    end

    actions do
      defaults [:read, :destroy, create: :*, update: :*]
    end

    attributes do
      attribute :id, :string, primary_key?: true, allow_nil?: false, public?: true
    end
  end

  for action <- [:restrict, :nothing] do
    defmodule Module.concat(__MODULE__, "Item#{action}") do
      use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

      sqlite do
        repo Repo
        table "items_#{action}"
        migrate?(false)
      end

      actions do
        defaults [:read, :destroy, create: :*, update: :*]
      end

      attributes do
        uuid_primary_key :id
      end

      relationships do
        belongs_to :owner, Owner, attribute_type: :string, public?: true
      end
    end
  end

  defmodule Folder do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "folders"
      migrate?(false)
    end

    actions do
      defaults [:read, :destroy, create: :*, update: :*]
    end

    attributes do
      uuid_primary_key :id
    end

    relationships do
      belongs_to :parent, __MODULE__, public?: true
    end
  end

  setup %{tmp_dir: folder} do
    migrations = Path.join(folder, "migrations")
    File.mkdir_p!(migrations)

    File.write!(Path.join(migrations, "20260101000000_tables.sql"), """
    -- up
    CREATE TABLE owners (id TEXT NOT NULL PRIMARY KEY);
    CREATE TABLE items_restrict (id UUID_TEXT NOT NULL PRIMARY KEY, owner_id TEXT
      REFERENCES owners (id) ON DELETE RESTRICT ON UPDATE RESTRICT);
    CREATE TABLE items_nothing (id UUID_TEXT NOT NULL PRIMARY KEY, owner_id TEXT
      REFERENCES owners (id));
    CREATE TABLE folders (id UUID_TEXT NOT NULL PRIMARY KEY, parent_id UUID_TEXT
      REFERENCES folders (id) ON DELETE RESTRICT);
    """)

    options = [database: Path.join(folder, "a.db"), migrations: migrations]
    start_supervised!({Repo, options})
    Repo.migrate!()
    :ok
  end

  for action <- [:restrict, :nothing] do
    test "a row that others refer to by #{action} would leave records behind" do
      item = Module.concat(__MODULE__, "Item#{unquote(action)}")
      owner = Ash.create!(Owner, %{id: "a"})
      Ash.create!(item, %{owner_id: "a"})
      assert [%InvalidChanges{} = error] = errors(Ash.destroy(owner))
      assert {error.fields, error.message} == {[:id], "would leave records behind"}
      assert [%InvalidChanges{} = error] = errors(Ash.update(owner, %{id: "b"}))
      assert error.message == "would leave records behind"
      assert [%{id: "a"}] = Ash.read!(Owner)
      assert [%InvalidAttribute{} = error] = errors(Ash.create(item, %{owner_id: "none"}))
      assert {error.field, error.message} == {:owner_id, "does not exist"}
    end
  end

  test "a table that refers to itself distinguishes a row that stays from one that refers to none" do
    parent = Ash.create!(Folder, %{})
    Ash.create!(Folder, %{parent_id: parent.id})
    assert [%InvalidChanges{} = error] = errors(Ash.destroy(parent))
    assert {error.fields, error.message} == {[:id], "would leave records behind"}
    none = Ash.UUID.generate()
    assert [%InvalidAttribute{} = error] = errors(Ash.create(Folder, %{parent_id: none}))
    assert {error.field, error.message} == {:parent_id, "does not exist"}
  end

  defp errors(result) do
    assert {:error, %Ash.Error.Invalid{errors: errors}} = result
    errors
  end
end
