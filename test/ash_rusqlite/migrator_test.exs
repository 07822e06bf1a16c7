defmodule AshRusqlite.MigratorTest do
  use AshRusqlite.Case, async: true

  import ExUnit.CaptureLog

  alias AshRusqlite.Migrator
  alias AshRusqlite.Repo.Maintenance

  @moduletag repo: false

  defmodule OwnRepo do
    use AshRusqlite.Repo, otp_app: :my_app
  end

  test "the migrator as a child migrates its repos, and an error stops the supervisor", %{
    tmp_dir: folder
  } do
    database = [name: nil, database: Path.join(folder, "a.db")]
    repo = start_supervised!({MyApp.Repo, database ++ [migrations: migrations()]})

    capture_log(fn -> assert Migrator.start_link(repos: [repo]) == :ignore end)
    assert AshRusqlite.Repo.Reads.all(repo, :rooms) == []
    assert {:error, %Error{}} = Migrator.start_link(repos: [repo], migrations: folder <> "/none")
    assert %{restart: :temporary} = Migrator.child_spec(repos: [repo])
  end

  defmodule FollowingRepo do
    use AshRusqlite.Repo, otp_app: :my_app
  end

  @rooms [
    table: "rooms",
    columns: [
      [name: "id", type: "UUID_TEXT", null: false],
      [name: "title", type: "TEXT"],
      [name: "topic", type: "TEXT"]
    ],
    primary_key: ["id"],
    indexes: [[name: "rooms_unique_title", columns: ["title"], unique: true]]
  ]

  @room "2f9c6f0e-7c1b-4e55-9c5e-1d4f0c3f7a10"

  # As a generator writes them, in the order in which the attributes came.
  defp files(folder) do
    folder = Path.join(folder, "migrations")
    File.mkdir_p!(folder)

    File.write!(Path.join(folder, "1_create_rooms.sql"), """
    -- up
    CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL);
    CREATE UNIQUE INDEX rooms_unique_title ON rooms (title);
    -- down
    DROP TABLE rooms;
    """)

    File.write!(Path.join(folder, "2_add_topic.sql"), """
    -- up
    ALTER TABLE rooms ADD COLUMN topic TEXT;
    -- down
    ALTER TABLE rooms DROP COLUMN topic;
    """)

    folder
  end

  # A tree as of an application: the repo, and then its migrator.
  defp boot(folder, options \\ []) do
    database = Path.join(folder, "a.db")
    repo = [database: database, migrations: files(folder), auto_migrate: true]
    children = [{FollowingRepo, repo ++ options}, {Migrator, repos: [FollowingRepo]}]
    Supervisor.start_link(children, strategy: :one_for_one)
  end

  defp follow do
    AshRusqlite.Repo.Schema.ensure_table!(FollowingRepo, @rooms)
  end

  describe "where tables follow their resources" do
    test "a database made by following boots with the files that make the same", %{
      tmp_dir: folder
    } do
      database = Path.join(folder, "a.db")
      start_supervised!({FollowingRepo, database: database})
      follow()
      FollowingRepo.insert!(:rooms, %{id: @room, title: "General", topic: "all"})
      stop_supervised!(FollowingRepo)

      log =
        capture_log(fn ->
          assert {:ok, tree} = boot(folder)
          assert follow() == []
          assert %{title: "General", topic: "all"} = FollowingRepo.get!(:rooms, @room)
          assert [%{state: :applied}, %{state: :applied}] = FollowingRepo.migrations!()
          Supervisor.stop(tree)

          assert {:ok, tree} = boot(folder)
          assert FollowingRepo.migrate() == {:ok, []}
          Supervisor.stop(tree)
        end)

      assert log =~ ~r/applied 1_create_rooms in \d+ ms/
      assert log =~ ~r/applied 2_add_topic in \d+ ms/
      assert log =~ "1_create_rooms took over table rooms: title may be null"
      assert log =~ "1_create_rooms took over index rooms_unique_title"
      assert log =~ "2_add_topic took over column rooms.topic"
    end

    test "the tree starts before there is a folder of migrations, which elsewhere is an error", %{
      tmp_dir: folder
    } do
      database = Path.join(folder, "a.db")
      none = Path.join(folder, "none")
      Process.flag(:trap_exit, true)

      for {follows?, started?} <- [{true, true}, {false, false}] do
        repo = [database: database, migrations: none, auto_migrate: follows?]
        children = [{FollowingRepo, repo}, {Migrator, repos: [FollowingRepo]}]

        capture_log(fn ->
          result = Supervisor.start_link(children, strategy: :one_for_one)
          assert match?({:ok, _}, result) == started?
          with {:ok, tree} <- result, do: Supervisor.stop(tree)
        end)
      end
    end

    test "a migrated database is followed, and what it follows meets its file later", %{
      tmp_dir: folder
    } do
      capture_log(fn ->
        {:ok, tree} = boot(folder)
        assert follow() == []

        wide = put_in(@rooms[:columns], @rooms[:columns] ++ [[name: "color", type: "TEXT"]])

        assert [_] = AshRusqlite.Repo.Schema.ensure_table!(FollowingRepo, wide)

        FollowingRepo.insert!(:rooms, %{id: @room, title: "General", color: "red"})
        Supervisor.stop(tree)

        File.write!(Path.join(folder, "migrations/3_add_color.sql"), """
        -- up
        ALTER TABLE rooms ADD COLUMN color TEXT;
        """)

        {:ok, tree} = boot(folder)
        assert %{color: "red"} = FollowingRepo.get!(:rooms, @room)
        assert FollowingRepo.migrate() == {:ok, []}
        Supervisor.stop(tree)
      end)
    end

    test "what does not fit keeps the tree from starting, with every problem", %{
      tmp_dir: folder
    } do
      database = Path.join(folder, "a.db")
      start_supervised!({FollowingRepo, database: database})

      AshRusqlite.Repo.Schema.ensure_table!(
        FollowingRepo,
        put_in(@rooms[:columns], [
          [name: "id", type: "UUID_TEXT", null: false],
          [name: "title", type: "INTEGER"]
        ])
      )

      stop_supervised!(FollowingRepo)
      Process.flag(:trap_exit, true)

      capture_log(fn ->
        assert {:error, {:shutdown, {:failed_to_start_child, Migrator, error}}} = boot(folder)
        assert %Error{code: :schema_mismatch, details: %{problems: [problem]}} = error
        assert problem =~ "rooms.title is declared INTEGER"
        assert error.details.version == 1
      end)
    end

    test "elsewhere it is asked for", %{tmp_dir: folder} do
      options = [name: nil, auto_migrate: false, database: Path.join(folder, "a.db")]
      repo = start_supervised!({FollowingRepo, options ++ [migrations: files(folder)]})
      AshRusqlite.Repo.Schema.ensure_table!(repo, @rooms)

      assert {:error, %Error{code: :migration_failed}} = Maintenance.migrate(repo)

      assert {:ok, [%{taken_over: [_, _]}, %{taken_over: ["column rooms.topic"]}]} =
               Maintenance.migrate(repo, take_over: true)

      assert {:error, %Error{code: :invalid_option}} = Maintenance.migrate(repo, take_over: 1)
    end
  end

  test "the rebuild of a large table is announced with its rows and the time", %{
    tmp_dir: folder
  } do
    migrations = Path.join(folder, "migrations")
    File.mkdir_p!(migrations)

    File.write!(Path.join(migrations, "1_make.sql"), """
    -- up
    CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
    INSERT INTO notes SELECT i, 'note' FROM n;
    """)

    File.write!(Path.join(migrations, "2_tighten.sql"), """
    -- up
    CREATE TABLE new_notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
    INSERT INTO new_notes (id, body) SELECT id, body FROM notes;
    DROP TABLE notes;
    ALTER TABLE new_notes RENAME TO notes;
    """)

    options = [name: nil, database: Path.join(folder, "a.db"), migrations: migrations]
    repo = start_supervised!({FollowingRepo, options ++ [auto_migrate: false]})
    test = self()

    log =
      capture_log(fn ->
        assert Migrator.start_link(repos: [repo], progress: &send(test, &1)) == :ignore
      end)

    assert log =~ ~r/makes the table notes anew: 20000 rows, about \d+ ms.*applied 2_tighten/s
    assert_received %{phase: :rebuild, label: "notes", done: 0, total: 20_000, estimate_ms: ms}
    assert is_integer(ms)
    assert_received %{phase: :rebuild, done: 20_000, estimate_ms: nil}
    assert_received %{phase: :migrate, label: "2_tighten", estimate_ms: nil}
  end

  test "the migrator logs what was applied before the file that failed", %{tmp_dir: folder} do
    migrations = files(folder)
    File.write!(Path.join(migrations, "3_wrong.sql"), "-- up\nnonsense;\n")
    options = [name: nil, database: Path.join(folder, "a.db"), migrations: migrations]
    repo = start_supervised!({FollowingRepo, options})

    log = capture_log(fn -> assert {:error, _} = Migrator.start_link(repos: [repo]) end)
    assert log =~ "applied 1_create_rooms"
    assert log =~ "applied 2_add_topic"
    refute log =~ "3_wrong"
  end

  test "with_repo starts the repo for a function", %{tmp_dir: folder} do
    options = [database: Path.join(folder, "a.db"), migrations: migrations()]

    assert {:ok, [_, _]} = Migrator.with_repo(OwnRepo, & &1.migrate!(), options)
    refute Process.whereis(OwnRepo)

    start_supervised!({OwnRepo, options})
    assert {:ok, []} = Migrator.with_repo(OwnRepo, & &1.migrate!(), options)
    assert Process.whereis(OwnRepo)
  end

  test "with_repo gives the error of a repo that does not start", %{tmp_dir: folder} do
    assert {:error, %Error{code: :cannot_open}} =
             Migrator.with_repo(OwnRepo, & &1, database: folder)
  end
end
