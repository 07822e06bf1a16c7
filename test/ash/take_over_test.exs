# One workflow: tables that follow their resources in dev meet the files that make the same.
defmodule AshRusqlite.TakeOverTest do
  use ExUnit.Case, async: false

  import ExUnit.CaptureLog

  alias AshRusqlite.{Migrator, MixShell}

  @moduletag :tmp_dir

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_take_over_test
  end

  defmodule Domain do
    use Ash.Domain, otp_app: :ash_take_over_test, validate_config_inclusion?: false

    resources do
      allow_unregistered?(true)
      resource(AshRusqlite.TakeOverTest.Room)
    end
  end

  # Before its attribute got another name.
  defmodule Old do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo(Repo)
      table("rooms")
    end

    actions do
      defaults([:read, create: :*])
    end

    attributes do
      uuid_primary_key(:id)
      attribute(:title, :string, public?: true, allow_nil?: false)
    end
  end

  defmodule Room do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo(Repo)
      table("rooms")
    end

    actions do
      defaults([:read, create: :*])
    end

    attributes do
      uuid_primary_key(:id)
      attribute(:name, :string, public?: true)
      attribute(:topic, :string, public?: true)
    end

    identities do
      identity(:one_name, [:name])
    end
  end

  @files [
    {"1_create_rooms.sql",
     "CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL);"},
    {"2_rename_title.sql",
     "ALTER TABLE rooms RENAME COLUMN title TO name;\n" <>
       "CREATE UNIQUE INDEX rooms_one_name_index ON rooms (name);\n" <>
       "ALTER TABLE rooms ADD COLUMN topic TEXT;"},
    {"3_tighten.sql",
     """
     CREATE TABLE new_rooms (id UUID_TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL, topic TEXT);
     INSERT INTO new_rooms (id, name, topic) SELECT id, name, topic FROM rooms;
     DROP TABLE rooms;
     ALTER TABLE new_rooms RENAME TO rooms;
     CREATE UNIQUE INDEX rooms_one_name_index ON rooms (name);
     """}
  ]

  setup_all do
    {:ok, _} = Application.ensure_all_started(:ash)
    :ok
  end

  defp files(folder, count) do
    migrations = Path.join(folder, "migrations")
    File.mkdir_p!(migrations)

    for {name, sql} <- Enum.take(@files, count),
        do: File.write!(Path.join(migrations, name), "-- up\n#{sql}\n")

    migrations
  end

  defp boot(folder, count) do
    options = [database: Path.join(folder, "a.db"), migrations: files(folder, count)]
    children = [{Repo, [auto_migrate: true] ++ options}, {Migrator, repos: [Repo]}]
    Supervisor.start_link(children, strategy: :one_for_one)
  end

  defp in_tree(folder, count, fun) do
    capture_log(fn ->
      assert {:ok, tree} = boot(folder, count)
      fun.()
      Supervisor.stop(tree)
    end)
  end

  defp names, do: Room |> Ash.read!() |> Enum.map(&{&1.name, &1.topic}) |> Enum.sort()

  test "following first: each file that comes later is taken over, and every row stays", %{
    tmp_dir: folder
  } do
    in_tree(folder, 0, fn ->
      Ash.create!(Old, %{title: "Kitchen"})
      Ash.create!(Old, %{title: "Garden"})
    end)

    # The attribute has another name, and no file says so yet.
    in_tree(folder, 1, fn ->
      Repo.update_all(:rooms, [set: [title: "Hall"]], where: [title: "Garden"])
      Ash.create!(Room, %{name: "Cellar", topic: "wine"})
    end)

    log = in_tree(folder, 2, fn -> assert {"Hall", nil} in names() end)
    assert log =~ "2_rename_title took over"

    in_tree(folder, 3, fn ->
      assert {"Hall", nil} in names()
      assert {"Kitchen", nil} in names()
      assert {"Cellar", "wine"} in names()
      assert Repo.migrate() == {:ok, []}
      Ash.create!(Room, %{name: "Attic", topic: "dust"})
      assert {:error, %Ash.Error.Invalid{}} = Ash.create(Room, %{name: "Attic"})
    end)
  end

  test "migrating first: what follows finds its table as the files made it", %{tmp_dir: folder} do
    in_tree(folder, 3, fn ->
      Ash.create!(Room, %{name: "Attic", topic: "dust"})
      assert names() == [{"Attic", "dust"}]
      assert {:error, %Ash.Error.Invalid{}} = Ash.create(Room, %{name: "Attic"})
    end)

    log = in_tree(folder, 3, fn -> assert names() == [{"Attic", "dust"}] end)
    refute log =~ "applied"
  end

  test "a check of the files names the resources that will not fit", %{tmp_dir: folder} do
    MixShell.replace(ash_domains: [Domain])
    database = Path.join(folder, "a.db")
    start_supervised!({AshRusqlite.Repo, database: database}, id: :made)
    stop_supervised!(:made)
    args = ["--check", database, "-r", inspect(Repo), "-q", "--migrations"]
    check = &Mix.Task.rerun("ash_rusqlite.migrate", args ++ [files(folder, &1)])

    error = assert_raise Mix.Error, fn -> check.(1) end
    assert error.message =~ ~r/resource .*Room: table "rooms" has no column "name"/
    check.(2)
  end
end
