defmodule Mix.Tasks.AshRusqliteTest do
  # The shell of Mix is one for the whole VM.
  use AshRusqlite.Case, async: false

  alias AshRusqlite.Repo.{Maintenance, Reads}

  @moduletag repo: false

  defmodule TaskRepo do
    use AshRusqlite.Repo, otp_app: :ash_rusqlite
  end

  setup %{tmp_dir: folder} do
    shell = Mix.shell()
    Mix.shell(Mix.Shell.Process)
    database = Path.join(folder, "task.db")
    Application.put_env(:ash_rusqlite, TaskRepo, database: database, migrations: migrations())
    Application.put_env(:ash_rusqlite, :ash_rusqlite_repos, [TaskRepo])

    on_exit(fn ->
      Mix.shell(shell)
      Application.delete_env(:ash_rusqlite, TaskRepo)
      Application.delete_env(:ash_rusqlite, :ash_rusqlite_repos)
    end)

    {:ok, database: database}
  end

  defp mix(task, args \\ []) do
    ExUnit.CaptureIO.capture_io(fn -> Mix.Task.rerun("ash_rusqlite." <> task, args) end)
  end

  defp info do
    assert_received {:mix_shell, :info, [text]}
    IO.iodata_to_binary(text)
  end

  defp tables(database) do
    repo = start_supervised!({AshRusqlite.Repo, database: database}, id: make_ref())

    Enum.map(
      Reads.query!(repo, "SELECT name FROM sqlite_schema WHERE type = 'table'").rows,
      &hd/1
    )
  end

  test "create makes the file of the database", %{database: database} do
    mix("create")
    assert info() =~ "TaskRepo"
    assert File.regular?(database)
    mix("create", ["-r", inspect(TaskRepo)])
  end

  test "migrate, migrations and rollback of the configured repos", %{database: database} do
    mix("migrate", ["--step", "1"])
    assert info() =~ "1 applied"
    assert "rooms" in tables(database)

    mix("migrations")
    assert info() =~ ~r/applied .* 20260101000000_create_rooms\n.*pending .*_create_messages/

    assert mix("migrate") =~ "migrate 1/1 20260101000100_create_messages"
    assert info() =~ "1 applied"
    mix("rollback", ["--to", "20260101000000"])
    assert info() =~ "2 rolled back"
    refute "rooms" in tables(database)
  end

  test "work on a file without a repo module", %{tmp_dir: folder} do
    database = Path.join(folder, "other.db")
    mix("migrate", ["--database", database, "--migrations", migrations(), "-q"])
    refute_received {:mix_shell, :info, _}
    Mix.shell(Mix.Shell.Process)

    assert "messages" in tables(database)
    mix("check", ["--database", database, "--quick"])
    assert info() =~ "is sound"
  end

  test "migrate --take-over says what was there already", %{tmp_dir: folder} do
    database = Path.join(folder, "other.db")
    repo = start_supervised!({AshRusqlite.Repo, database: database}, id: :other)
    columns = [[name: "id", type: "TEXT"], [name: "title", type: "TEXT"]]
    spec = [table: "rooms", columns: columns, primary_key: ["id"]]
    AshRusqlite.Repo.Schema.ensure_table!(repo, spec)
    stop_supervised!(:other)
    args = ["--database", database, "--migrations", migrations()]

    assert_raise Mix.Error, ~r/rooms/, fn -> mix("migrate", args) end
    mix("migrate", ["--take-over" | args])
    assert info() =~ ~r/2 applied\n  taken over: table rooms/
  end

  test "migrate --check runs what is pending on a copy and leaves the file as it is", %{
    tmp_dir: folder
  } do
    database = Path.join(folder, "other.db")
    args = ["--database", database, "--migrations", migrations()]
    mix("migrate", ["--step", "1" | args])
    assert info() =~ "1 applied"
    before = File.read!(database)
    names = File.ls!(folder)

    assert mix("migrate", ["--check", database]) =~ "migrate 1/1 20260101000100_create_messages"
    assert info() =~ "other.db: 1 pending, run on a copy; the file is as it was"
    line = info()
    assert line =~ ~r/_create_messages: [\d.]+ ms; holds the writer for [\d.]+ ms/
    assert line =~ "and writes messages"
    assert info() =~ "nothing breaks"
    assert File.read!(database) == before
    # SQLite may leave its empty log.
    assert (File.ls!(folder) -- names) -- ["other.db-wal", "other.db-shm"] == []

    own = Path.join(folder, "own")
    File.mkdir_p!(own)

    for name <- File.ls!(migrations()),
        do: File.cp!(Path.join(migrations(), name), Path.join(own, name))

    File.write!(
      Path.join(own, "29990101000000_view.sql"),
      "-- up\nCREATE VIEW v AS SELECT nope FROM rooms;\n"
    )

    assert_raise Mix.Error, ~r/not ready .*\n  view v: no such column: nope/, fn ->
      mix("migrate", ["--check", database, "--migrations", own])
    end

    assert_raise Mix.Error, ~r/is not there/, fn ->
      mix("migrate", ["--check", folder <> "/no.db"])
    end
  end

  test "baseline makes the tables that are there version one", %{tmp_dir: folder} do
    database = Path.join(folder, "other.db")
    repo = start_supervised!({AshRusqlite.Repo, database: database}, id: :other)
    spec = [table: "rooms", columns: [[name: "id", type: "TEXT"]], primary_key: ["id"]]
    AshRusqlite.Repo.Schema.ensure_table!(repo, spec)
    stop_supervised!(:other)
    own = Path.join(folder, "own")
    args = ["--database", database, "--migrations", own]

    assert_raise Mix.Error, ~r/give the name/, fn -> mix("baseline", args) end
    mix("baseline", ["create_tables" | args])
    assert info() =~ ~r/: version one is .*\d{14}_create_tables.sql, with rooms/

    mix("migrations", args)
    assert info() =~ "applied"
    assert_raise Mix.Error, ~r/has migrations already/, fn -> mix("baseline", ["b" | args]) end
    File.rm_rf!(own)
    assert_raise Mix.Error, ~r/ledger .* has entries/, fn -> mix("baseline", ["b" | args]) end
  end

  test "journal.verify and journal.rebuild report what they have done", %{
    database: database,
    tmp_dir: folder
  } do
    mix("migrate")
    assert info() =~ "applied"
    assert_raise Mix.Error, ~r/no journal/, fn -> mix("journal.verify") end

    {:ok, repo} = AshRusqlite.Repo.start_link(database: database, log_start: false)

    spec = [
      table: "notes",
      columns: [[name: "id", type: "INTEGER"], [name: "text", type: "TEXT"]],
      primary_key: ["id"],
      journal: [type: "note"]
    ]

    {:ok, _} = AshRusqlite.Repo.Schema.ensure_table(repo, spec)
    AshRusqlite.Repo.Writes.insert_all(repo, :notes, [[id: 1, text: "a"], [id: 2, text: "b"]])
    AshRusqlite.Repo.stop(repo)

    shown = mix("journal.verify", ["--limit", "5"])
    assert shown =~ "verify"
    assert info() =~ "2 events agree with 2 rows"

    copy = Path.join(folder, "rebuilt.db")
    mix("journal.rebuild", [copy])
    assert info() =~ "2 events made 2 rows"
    assert info() =~ ~r/without rows: .*rooms/
    assert "notes" in tables(copy)
    assert_raise Mix.Error, ~r/give --overwrite/, fn -> mix("journal.rebuild", [copy]) end
    mix("journal.rebuild", [copy, "--overwrite", "--quiet"])
    assert_raise Mix.Error, ~r/PATH/, fn -> mix("journal.rebuild") end
    Mix.shell(Mix.Shell.Process)

    {:ok, repo} = AshRusqlite.Repo.start_link(database: database, log_start: false)

    sql = "UPDATE ash_rusqlite_events SET data = replace(data, 'b', 'x')"
    AshRusqlite.Journaled.by_hand!(repo, folder, sql)
    AshRusqlite.Repo.stop(repo)

    assert_raise Mix.Error,
                 ~r/notes 2 text: the events say "x", the row has "b"/,
                 fn -> mix("journal.verify") end
  end

  test "backup copies the whole database", %{database: database, tmp_dir: folder} do
    mix("migrate")
    copy = Path.join(folder, "copy.db")
    mix("backup", [copy])
    assert info() =~ "applied"
    assert info() =~ "bytes copied to #{copy}"
    assert tables(copy) == tables(database)

    assert_raise Mix.Error, ~r/give --overwrite/, fn -> mix("backup", [copy]) end
    mix("backup", [copy, "--overwrite"])
    assert_raise Mix.Error, ~r/PATH/, fn -> mix("backup") end

    Application.put_env(:ash_rusqlite, :ash_rusqlite_repos, [TaskRepo, MyApp.Repo])
    assert_raise Mix.Error, ~r/give one --repo/, fn -> mix("backup", [copy, "--overwrite"]) end
  end

  test "use a repo that is running" do
    start_supervised!(TaskRepo)
    mix("migrate")
    assert info() =~ "2 applied"
    assert {:ok, [_, _]} = Maintenance.migrations(TaskRepo)
  end

  test "advise names foreign keys that no index begins with, and check does so too",
       %{tmp_dir: folder} do
    database = Path.join(folder, "keys.db")
    mix("migrate", ["--database", database, "--migrations", migrations(), "-q"])
    Mix.shell(Mix.Shell.Process)
    mix("advise", ["--database", database])
    assert info() == "#{database} lacks no index that could be named"

    repo = start_supervised!({AshRusqlite.Repo, database: database}, id: make_ref())

    {:ok, _} =
      AshRusqlite.Repo.Schema.ensure_table(repo,
        table: "notes",
        columns: [[name: "room_id", type: "TEXT"]],
        foreign_keys: [[columns: ["room_id"], references: "rooms", on: ["id"]]]
      )

    statement = ~s|CREATE INDEX "notes_room_id_index" ON "notes" ("room_id");|
    mix("advise", ["--database", database])
    advice = info()
    assert advice =~ "notes (room_id) refers to rooms"
    assert advice =~ statement

    mix("check", ["--database", database])
    assert info() =~ "is sound"
    assert info() =~ statement
  end

  test "check names columns of times in other forms, with what a migration needs",
       %{tmp_dir: folder} do
    migrations = Path.join(folder, "migrations")
    File.mkdir_p!(migrations)

    File.write!(Path.join(migrations, "1_visits.sql"), """
    -- up
    CREATE TABLE visits (id INTEGER PRIMARY KEY, at DATETIME_TEXT);
    INSERT INTO visits VALUES (1, '2026-01-02 03:04:05'), (2, '2026-01-02T03:04:05.5Z');
    """)

    database = Path.join(folder, "times.db")
    mix("migrate", ["--database", database, "--migrations", migrations, "-q"])
    Mix.shell(Mix.Shell.Process)
    mix("check", ["--database", database])
    assert info() =~ "is sound"
    text = info()
    assert text =~ ~s|visits, at: 2 rows, such as "2026-01-02 03:04:05"|
    assert text =~ "1 of them are left"
    [_, statement] = Regex.run(~r/(UPDATE "visits".*;)/s, text)

    File.write!(Path.join(migrations, "2_one_form.sql"), "-- up\n" <> statement)
    Mix.shell(Mix.Shell.Quiet)
    mix("migrate", ["--database", database, "--migrations", migrations, "-q"])
    Mix.shell(Mix.Shell.Process)
    mix("check", ["--database", database])
    assert info() =~ "is sound"
    text = info()
    assert text =~ ~s|visits, at: 1 rows, such as "2026-01-02T03:04:05.5Z"|
    refute text =~ "UPDATE"
    mix("check", ["--database", database, "--quick"])
    assert info() =~ "is sound"
    refute_received {:mix_shell, :info, _}
  end

  test "advise names what a running repo's statements would use" do
    start_supervised!(TaskRepo)
    mix("migrate")
    assert info() =~ "applied"
    rows = for n <- 1..200, do: [id: "#{n}", title: "#{n}"]
    {200, nil} = TaskRepo.insert_all(:rooms, rows)
    TaskRepo.all(:rooms, where: [hidden: true])
    mix("advise")
    advice = info()
    assert advice =~ "1 runs looked at 199 rows, for 0"
    assert advice =~ "FROM \"rooms\""
    assert advice =~ ~s|CREATE INDEX "rooms_hidden_index" ON "rooms" ("hidden");|
  end

  test "tasks that fail end with the error's message", %{tmp_dir: folder} do
    for {task, args, message} <- [
          {"migrate", ["--database", folder], ~r/folder|directory/},
          {"migrate", ["--database", Path.join(folder, "a.db")], ~r/migrations:/},
          {"check", ["--database", Path.join(folder, "none.db")], ~r/mix ash_rusqlite.create/},
          {"create", ["extra"], ~r/extra/},
          {"advise", ["extra"], ~r/extra/},
          {"migrate", ["extra"], ~r/extra/},
          {"rollback", ["1", "--step", "1"], ~r/1 is not understood/},
          {"migrations", ["extra"], ~r/extra/},
          {"check", ["chat.db"], ~r/chat\.db/},
          {"migrate", ["-r", "No.Such.Repo"], ~r/No.Such.Repo is no module/},
          {"migrate", ["-r", "String"], ~r/String is no module/},
          {"migrate", ["-r", "MyApp.Repo", "--database", "x"], ~r/either/},
          {"migrate", ["--stepp", "1"], ~r/--stepp/},
          {"migrate", ["--step", "one"], ~r/--step/}
        ] do
      assert_raise Mix.Error, message, fn -> mix(task, args) end
    end

    Application.delete_env(:ash_rusqlite, :ash_rusqlite_repos)
    assert_raise Mix.Error, ~r/no repo is known/, fn -> mix("migrate") end
  end

  test "every task is documented" do
    for task <- ~w(create migrate rollback migrations backup check advise) do
      module = Mix.Task.get!("ash_rusqlite." <> task)
      assert Mix.Task.shortdoc(module)
      assert Mix.Task.moduledoc(module) =~ "mix ash_rusqlite.#{task}"
    end
  end
end
