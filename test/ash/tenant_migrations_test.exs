# Tables of tenants where migrations make the tables.
defmodule AshRusqlite.TenantMigrationsTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.AnyDomain, as: Domain
  alias AshRusqlite.DataLayer.Migrations.Wanted
  alias AshRusqlite.Repo.{Generator, Maintenance, Reads}

  @moduletag :tmp_dir

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_rusqlite
  end

  defmodule Room do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "rooms"
    end

    multitenancy do
      strategy(:context)
      global?(true)
    end

    actions do
      defaults [:read, :destroy, create: :*]
    end

    attributes do
      uuid_primary_key :id
      attribute :title, :string, allow_nil?: false, public?: true
    end

    identities do
      identity :title, [:title]
    end
  end

  defmodule Message do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "messages"

      references do
        reference :room, on_delete: :delete
      end
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
    end

    relationships do
      belongs_to :room, Room, public?: true, allow_nil?: false
    end
  end

  setup %{tmp_dir: dir} do
    {:ok, wanted, []} = Wanted.of(Repo, [Room, Message])
    write(dir, wanted, "create_rooms")

    start_supervised!(
      {Repo, database: Path.join(dir, "t.db"), migrations: dir, auto_migrate: false}
    )

    {:ok, _} = Repo.migrate()
    %{wanted: wanted}
  end

  defp write(dir, wanted, name) do
    {:ok, %{files: [file], questions: []}} =
      Generator.generate(dir, wanted, name: name, version: 1)

    File.write!(Path.join(dir, file.name), file.text)
    file.text
  end

  test "a new tenant has tables with the constraints of migrations, in the tenant itself" do
    room = Ash.create!(Room, %{title: "a"}, tenant: "Acme")
    assert {:error, _} = Ash.create(Room, %{title: "a"}, tenant: "Acme")
    assert Ash.create!(Room, %{title: "a"}, tenant: "other")
    assert Ash.create!(Message, %{room_id: room.id}, tenant: "Acme")
    assert {:error, _} = Ash.create(Message, %{room_id: room.id}, tenant: "other")
    Ash.destroy!(room, tenant: "Acme")
    assert [] = Ash.read!(Message, tenant: "Acme")
  end

  test "a table that a rolled back transaction made is made again" do
    assert {:error, :no} =
             Repo.transaction(fn ->
               Ash.create!(Room, %{title: "a"}, tenant: "a", return_notifications?: true)
               Repo.rollback(:no)
             end)

    assert Ash.create!(Room, %{title: "a"}, tenant: "a")
  end

  test "a later migration changes the tables of every tenant", %{tmp_dir: dir, wanted: wanted} do
    for tenant <- ["a", "B"], do: Ash.create!(Room, %{title: tenant}, tenant: tenant)

    topic = [name: "topic", type: "TEXT", null: false, default: "none"]

    tables =
      for table <- wanted[:tables] do
        if table[:table] == "rooms",
          do: Keyword.update!(table, :columns, &(&1 ++ [topic])),
          else: table
      end

    text = write(dir, Keyword.put(wanted, :tables, tables), "add_topic")
    assert text =~ "-- tenants: rooms, messages\n"
    assert {:ok, [%{name: "add_topic"}]} = Maintenance.migrate(Repo)

    for {table, title} <- [{"rooms@a", "a"}, {"rooms@^b", "B"}] do
      assert [%{title: ^title, topic: "none"}] = Reads.all(Repo, table)
      assert [%{title: ^title}] = Ash.read!(Room, tenant: title)
    end
  end
end
