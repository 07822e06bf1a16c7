# A table that follows its resource, and is taken away behind its back, is made again.
defmodule AshRusqlite.TakenAwayTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.AnyDomain, as: Domain
  alias AshRusqlite.Calls
  alias AshRusqlite.Repo.{Maintenance, Schema}

  @moduletag :tmp_dir

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_taken_away_test
  end

  defmodule Shelf do
    use AshRusqlite.Shelf, domain: Domain, repo: Repo
  end

  defmodule Odd do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo(Repo)
      table("odds")
      migrate?(false)
    end

    actions do
      defaults([:read, create: :*])
    end

    attributes do
      uuid_primary_key(:id)
      attribute(:name, :string, public?: true)
      attribute(:made_elsewhere, :integer, public?: true)
    end
  end

  setup_all do
    {:ok, _} = Application.ensure_all_started(:ash)
    :ok
  end

  defp start(folder, options) do
    start_supervised!({Repo, [database: Path.join(folder, "shelves.db")] ++ options})
  end

  test "a table that a restore takes away is made again, and its columns, too", %{
    tmp_dir: folder
  } do
    start(folder, auto_migrate: true)
    Repo.backup!(Path.join(folder, "empty"))
    Ash.create!(Shelf, %{name: "A"})
    Repo.restore!(Path.join(folder, "empty"))
    assert [] = Ash.read!(Shelf)

    shelves = [
      table: "shelves",
      primary_key: ["id"],
      columns: [[name: "id", type: "UUID_TEXT"]]
    ]

    Repo.restore!(Path.join(folder, "empty"))
    {:ok, [_]} = Schema.ensure_table(Repo, shelves)
    Repo.backup!(Path.join(folder, "narrow"))
    Ash.create!(Shelf, %{name: "A"})
    Repo.restore!(Path.join(folder, "narrow"))
    assert {:ok, %{name: "B"}} = Ash.create(Shelf, %{name: "B"})
  end

  test "a table that a migration takes away is made again", %{tmp_dir: folder} do
    migrations = Path.join(folder, "migrations")
    File.mkdir_p!(migrations)
    file = Path.join(migrations, "20260101000000_none.sql")
    File.write!(file, "-- up\nSELECT 1;\n-- down\nDROP TABLE shelves;\n")
    start(folder, auto_migrate: true, migrations: migrations)
    Repo.migrate!()
    Ash.create!(Shelf, %{name: "A"})
    Repo.rollback_migration!()
    assert {:ok, %{name: "A"}} = Ash.create(Shelf, %{name: "A"})
  end

  # Another program, to which the repo of this process is a stranger.
  defp another_program(folder, sql) do
    migrations = Path.join(folder, "of_another")
    File.mkdir_p!(migrations)
    number = System.unique_integer([:positive, :monotonic]) + 20_260_101_000_000
    File.write!(Path.join(migrations, "#{number}_do.sql"), ["-- up\n", sql])
    {:ok, other} = AshRusqlite.Repo.start_link(database: Path.join(folder, "shelves.db"))
    {:ok, [_]} = Maintenance.migrate(other, migrations: migrations)
    AshRusqlite.Repo.stop(other)
  end

  test "a table that another program drops is made again by whatever comes first", %{
    tmp_dir: folder
  } do
    start(folder, auto_migrate: true)
    drop = fn -> another_program(folder, "DROP TABLE shelves;") end
    shelf = Ash.create!(Shelf, %{name: "A"})

    drop.()
    assert [] = Ash.read!(Shelf)
    drop.()
    assert Ash.count!(Shelf) == 0
    drop.()
    assert {:ok, _} = Ash.create(Shelf, %{name: "A"})
    drop.()
    assert {:error, %Ash.Error.Invalid{}} = Ash.update(shelf, %{name: "B"})
    drop.()
    assert %{status: :success} = Ash.bulk_create([%{name: "A"}], Shelf, :create)
    drop.()
    assert %{status: :success} = Ash.bulk_update(Shelf, :update, %{name: "B"})
  end

  test "a column that is not there is looked for once, not at each use", %{tmp_dir: folder} do
    start(folder, auto_migrate: true)
    odds = [table: "odds", primary_key: ["id"], columns: [[name: "id", type: "UUID_TEXT"]]]
    {:ok, [_]} = Schema.ensure_table(Repo, odds)
    assert {:error, %Ash.Error.Unknown{}} = Ash.create(Odd, %{name: "A", made_elsewhere: 1})

    looks =
      Calls.count({AshRusqlite.Native, :read_table_as, 2}, fn ->
        for _ <- 1..3, do: Ash.create(Odd, %{name: "A", made_elsewhere: 1})
      end)

    assert looks <= 1
  end
end
