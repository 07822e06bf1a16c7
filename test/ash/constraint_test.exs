# What a table refuses is reported on the field that it is about.
defmodule AshRusqlite.ConstraintTest do
  use ExUnit.Case, async: true

  require Ash.Query

  alias Ash.Error.Changes.{InvalidAttribute, InvalidChanges, Required}
  alias AshRusqlite.AnyDomain, as: Domain

  @moduletag :tmp_dir

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_constraint_test
  end

  defmodule Seat do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "seats"
      migrate?(false)
    end

    actions do
      defaults [:read, :destroy, create: :*, update: :*]

      create :take do
        accept :*
        upsert? true
        upsert_identity :place
      end
    end

    attributes do
      uuid_primary_key :id
      attribute :row, :integer, public?: true
      attribute :place, :integer, public?: true
      attribute :guest, :string, public?: true
    end

    identities do
      identity :place, [:row, :place], message: "is taken"
    end
  end

  defmodule Desk do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "desks"
      migrate?(false)
      foreign_key_names([{:room_id, "desks_room_id_fkey", "is no room"}])
    end

    multitenancy do
      strategy(:attribute)
      attribute(:org)
      global?(true)
    end

    actions do
      defaults [:read, :destroy, create: :*, update: :*]
    end

    attributes do
      uuid_primary_key :id
      attribute :org, :string, public?: true
      attribute :name, :string, public?: true
      attribute :code, :string, public?: true
    end

    identities do
      identity :name, [:name], message: "is another desk's"
      identity :code, [:org, :code]
    end

    relationships do
      belongs_to :beside, __MODULE__, public?: true
      belongs_to :room, __MODULE__, public?: true
    end
  end

  setup %{tmp_dir: folder} do
    File.mkdir_p!(Path.join(folder, "migrations"))

    File.write!(Path.join(folder, "migrations/20260101000000_seats.sql"), """
    -- up
    CREATE TABLE seats (
      id UUID_TEXT PRIMARY KEY NOT NULL,
      row INTEGER CHECK (row > 0),
      place INTEGER,
      guest TEXT NOT NULL,
      CHECK (row < 10 OR place < 5)
    );
    CREATE UNIQUE INDEX seats_place ON seats (row, place);
    CREATE TABLE desks (
      id UUID_TEXT PRIMARY KEY NOT NULL, org TEXT, name TEXT, code TEXT,
      beside_id UUID_TEXT REFERENCES desks (id),
      room_id UUID_TEXT CONSTRAINT desks_room_id_fkey REFERENCES desks (id)
    );
    CREATE UNIQUE INDEX desks_name_index ON desks (org, name);
    CREATE UNIQUE INDEX desks_code_index ON desks (org, code);
    """)

    options = [database: Path.join(folder, "a.db"), migrations: Path.join(folder, "migrations")]
    start_supervised!({Repo, options})
    Repo.migrate!()
    :ok
  end

  defp errors(input) do
    assert {:error, %Ash.Error.Invalid{errors: errors}} = Ash.create(Seat, input)
    errors
  end

  test "each kind of constraint has its error on its field" do
    assert [%Required{field: :guest}] = errors(%{row: 1})
    assert [%InvalidAttribute{field: :row}] = errors(%{row: 0, guest: "Ann"})

    assert [%InvalidChanges{fields: [:row, :place]}] = errors(%{row: 10, place: 5, guest: "Ann"})

    Ash.create!(Seat, %{row: 1, place: 1, guest: "Ann"})

    assert [%{field: :row, message: "is taken"}, %{field: :place, message: "is taken"}] =
             Enum.sort_by(errors(%{row: 1, place: 1, guest: "Ben"}), & &1.field, :desc)
  end

  test "an upsert is one request, and returns which it was; its errors are on the field, too" do
    before = commits()
    made = Ash.create!(Seat, %{row: 1, place: 1, guest: "Ann"}, action: :take)
    assert made.__metadata__.upsert_action == :create
    changed = Ash.create!(Seat, %{row: 1, place: 1, guest: "Ben"}, action: :take)
    assert changed.__metadata__.upsert_action == :update
    assert {changed.id, changed.guest} == {made.id, "Ben"}
    assert commits() == before + 2
    assert {:ok, %{transactions: 0}} = transactions()

    assert {:error, %Ash.Error.Invalid{errors: [%Required{field: :guest}]}} =
             Ash.create(Seat, %{row: 2, place: 1}, action: :take)

    assert [%{guest: "Ben"}] = Ash.read!(Seat)
  end

  test "an identity within a tenant has its error on its own fields" do
    Ash.create!(Desk, %{org: "a", name: "x", code: "1"})

    assert {:error, %{errors: [%InvalidAttribute{field: :name, message: "is another desk's"}]}} =
             Ash.create(Desk, %{org: "a", name: "x"})

    assert {:error, %{errors: errors}} = Ash.create(Desk, %{org: "a", name: "y", code: "1"})
    assert Enum.sort(Enum.map(errors, & &1.field)) == [:code, :org]
  end

  test "in a table that refers to itself the error names the referring and the referenced side" do
    desk = Ash.create!(Desk, %{org: "a", name: "x"})

    assert {:error, %{errors: [%InvalidAttribute{field: :beside_id, message: "does not exist"}]}} =
             Ash.create(Desk, %{org: "a", beside_id: Ash.UUID.generate()})

    Ash.create!(Desk, %{org: "a", name: "y", beside_id: desk.id})

    assert {:error, %{errors: [%InvalidChanges{message: "would leave records behind"}]}} =
             Ash.destroy(desk)

    assert %{status: :error, errors: [error]} =
             Desk
             |> Ash.Query.filter(id == ^desk.id)
             |> Ash.bulk_destroy(:destroy, %{}, return_errors?: true)

    assert Exception.message(error) =~ "would leave records behind"
  end

  test "a foreign key has the message that foreign_key_names gives its field" do
    assert {:error, %{errors: [%InvalidAttribute{field: :room_id, message: "is no room"}]}} =
             Ash.create(Desk, %{org: "a", room_id: Ash.UUID.generate()})
  end

  defp commits do
    {:ok, %{commits: commits}} = Repo.stats()
    commits
  end

  defp transactions do
    with {:ok, stats} <- Repo.stats(), do: {:ok, Map.take(stats, [:transactions])}
  end
end
