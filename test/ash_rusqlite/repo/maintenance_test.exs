defmodule AshRusqlite.Repo.MaintenanceTest do
  use AshRusqlite.Case, async: true

  import ExUnit.CaptureIO

  alias AshRusqlite.Repo.Maintenance

  doctest Maintenance

  defp start_empty!(folder, options \\ []) do
    options = [name: nil, database: Path.join(folder, "empty.db")] ++ options
    repo = start_supervised!({MyApp.Repo, options}, id: make_ref())
    Repo.put_dynamic_repo(repo)
    repo
  end

  describe "migrate" do
    @describetag repo: false

    test "applies what is pending, once", %{tmp_dir: folder} do
      start_empty!(folder, migrations: migrations())

      assert {:ok, [%{version: 20_260_101_000_000, name: "create_rooms", duration_us: us}, _]} =
               Repo.migrate()

      assert is_integer(us)
      assert Repo.migrate() == {:ok, []}
      assert Repo.migrate!() == []
      assert Repo.all(:rooms) == []
    end

    test "goes as far as the options say", %{tmp_dir: folder} do
      start_empty!(folder)
      assert {:ok, [_]} = Repo.migrate(migrations: migrations(), step: 1)

      assert {:ok, []} = Repo.migrate(migrations: migrations(), to: 20_260_101_000_000)
      assert {:ok, [_]} = Repo.migrate(migrations: migrations(), to: 20_260_101_000_100)
    end

    test "reports its progress", %{tmp_dir: folder} do
      start_empty!(folder, migrations: migrations())
      test = self()
      assert {:ok, [_]} = Repo.migrate(progress: &send(test, &1), step: 1)
      assert_received %{phase: :migrate, label: "20260101000000_create_rooms", done: 1, total: 1}

      assert capture_io(fn -> Repo.migrate!(progress: true) end) ==
               "migrate 1/1 20260101000100_create_messages\n"
    end

    test "raises what the function of progress raises, at the end", %{tmp_dir: folder} do
      start_empty!(folder, migrations: migrations())
      assert_raise RuntimeError, fn -> Repo.migrate(progress: fn _ -> raise "oops" end) end
      assert {:ok, []} = Repo.migrate()
      assert Process.info(self(), :messages) == {:messages, []}
    end

    test "keeps nothing of a migration that fails", %{tmp_dir: folder} do
      start_empty!(folder)
      bad = Path.join(folder, "bad")
      File.mkdir_p!(bad)
      File.write!(Path.join(bad, "1_one.sql"), "-- up\nCREATE TABLE one (id INTEGER);\n")

      File.write!(
        Path.join(bad, "2_two.sql"),
        "-- up\nCREATE TABLE two (id);\nINSERT INTO no VALUES (1);\n"
      )

      assert {:error, %Error{code: :migration_failed, details: details}} =
               Repo.migrate(migrations: bad)

      assert details.line == 3
      assert Repo.all(:one) == []
      assert error(fn -> Repo.all(:two) end).code == :unknown_table
    end

    test "refuses a missing folder, a wrong option and a transaction", %{tmp_dir: folder} do
      start_empty!(folder)

      assert {:error, %Error{code: :invalid_option, details: %{option: "migrations"}}} =
               Repo.migrate()

      assert {:error, %Error{code: :invalid_migration}} =
               Repo.migrate(migrations: folder <> "/no")

      assert {:error, %Error{code: :invalid_option}} = Repo.migrate(migrations: 5)
      assert {:error, %Error{code: :invalid_option}} = Repo.migrate(migrations: folder, to: "x")
      assert {:error, %Error{code: :invalid_option}} = Repo.migrate(migrations: folder, step: -1)

      assert {:error, %Error{code: :invalid_option}} =
               Repo.migrate(migrations: folder, progress: 5)

      assert {:error, %Error{details: %{nearest: "migrations"}}} = Repo.migrate(migration: folder)
      assert error(fn -> Repo.migrate!() end).code == :invalid_option

      Repo.transaction(fn ->
        assert {:error, %Error{code: :not_allowed}} = Repo.migrate(migrations: folder)
      end)
    end
  end

  test "rollback_migration takes one back, or N of them, or down to one" do
    assert {:ok, [%{name: "create_messages"}]} = Repo.rollback_migration()
    assert [_] = Repo.migrate!()
    assert {:ok, [_, _]} = Repo.rollback_migration(step: 2)
    assert [_, _] = Repo.migrate!()
    assert [_, _] = Repo.rollback_migration!(to: 20_260_101_000_000)
    assert {:ok, []} = Repo.rollback_migration()
    assert error(fn -> Repo.all(:rooms) end).code == :unknown_table
  end

  test "migrations lists files and what is applied" do
    Repo.rollback_migration!()

    assert {:ok,
            [
              %{version: 20_260_101_000_000, state: :applied, applied_at: %DateTime{}},
              %{name: "create_messages", state: :pending, applied_at: nil}
            ]} = Repo.migrations()

    assert [_, _] = Repo.migrations!()
    assert {:error, %Error{code: :invalid_option}} = Repo.migrations(step: 1)
  end

  describe "backup and restore" do
    test "copy the database while it is in use", %{tmp_dir: folder} do
      Repo.insert!(:rooms, id: "a", title: "A")
      path = Path.join(folder, "copy.db")
      test = self()

      assert {:ok, %{pages: pages, bytes: bytes}} = Repo.backup(path, progress: &send(test, &1))

      assert pages > 0 and bytes == File.stat!(path).size
      assert_received %{phase: :backup, total: ^pages}

      Repo.insert!(:rooms, id: "b", title: "B")
      assert {:ok, %{pages: ^pages}} = Repo.restore(path)
      assert [%{id: "a"}] = Repo.all(:rooms)
    end

    test "replace a file only with overwrite:", %{tmp_dir: folder} do
      path = Path.join(folder, "copy.db")
      assert %{} = Repo.backup!(path)
      assert {:error, %Error{code: :invalid_backup}} = Repo.backup(path)
      assert {:ok, _} = Repo.backup(path, overwrite: true)
      assert {:error, %Error{code: :invalid_option}} = Repo.backup(path, overwrite: "yes")
      assert {:error, %Error{code: :invalid_option}} = Repo.backup(5)
      assert error(fn -> Repo.backup!(path) end).code == :invalid_backup
    end

    test "refuse what cannot be restored", %{tmp_dir: folder} do
      text = Path.join(folder, "text")
      File.write!(text, String.duplicate("no database\n", 100))
      Repo.insert!(:rooms, id: "a", title: "A")
      assert {:error, %Error{}} = Repo.restore(Path.join(folder, "none.db"))
      assert {:error, %Error{code: :not_a_database}} = Repo.restore(text)
      assert error(fn -> Repo.restore!(text) end).code == :not_a_database
      assert [%{id: "a"}] = Repo.all(:rooms)
    end
  end

  test "check finds nothing in a sound database" do
    assert Repo.check() == {:ok, []}
    assert Repo.check(quick: true, limit: 5) == {:ok, []}
    assert {:error, %Error{code: :invalid_option}} = Repo.check(quick: "yes")
    assert {:error, %Error{code: :invalid_option}} = Repo.check(limit: 0)
    assert {:error, %Error{details: %{nearest: "quick"}}} = Repo.check(quik: true)
  end

  test "check finds a damaged page", %{repo: repo, database: database} do
    for n <- 1..200,
        do: Repo.insert!(:rooms, id: "room #{n}", title: String.duplicate("#{n} ", 20))

    AshRusqlite.Repo.stop(repo)

    {:ok, file} = File.open(database, [:read, :write, :raw, :binary])
    :ok = :file.pwrite(file, File.stat!(database).size - 4096, :binary.copy(<<255>>, 4096))
    :ok = File.close(file)

    damaged = start_supervised!({AshRusqlite.Repo, database: database}, id: :damaged)
    assert {:ok, [_ | _] = problems} = AshRusqlite.Repo.Maintenance.check(damaged)
    for line <- problems, do: refute(line =~ ~r/\n|in database main/)
    assert {:ok, [_]} = AshRusqlite.Repo.Maintenance.check(damaged, limit: 1)
  end

  test "checkpoint, vacuum and stats", %{repo: repo} do
    Repo.insert!(:rooms, id: "a", title: "A")

    for mode <- [:passive, :full, :restart, :truncate] do
      assert {:ok, %{busy: false, wal_pages: _, checkpointed_pages: _}} = Repo.checkpoint(mode)
    end

    assert {:error, %Error{code: :invalid_option}} = Repo.checkpoint(:hard)
    assert Repo.vacuum() == :ok
    assert {:ok, stats} = Repo.stats()
    assert is_map(stats) and map_size(stats) > 0
    assert Repo.all(:rooms) != []

    # Waiting for the writer ends at the deadline.
    test = self()

    holder =
      elsewhere(repo, fn ->
        Repo.transaction(fn ->
          Repo.count(:rooms)
          send(test, :held)
          receive do: (:go -> :ok)
        end)
      end)

    assert_receive :held
    assert {:error, %Error{code: :timeout}} = Repo.vacuum(timeout: 30)
    send(holder.pid, :go)
    assert {:ok, :ok} = Task.await(holder)
  end

  describe "check_migrations" do
    test "reads a database that is written to meanwhile, and cleans up", %{
      repo: repo,
      database: database,
      tmp_dir: folder
    } do
      more = Path.join(folder, "more")
      File.cp_r!(migrations(), more)
      File.write!(Path.join(more, "29990101000000_more.sql"), "-- up\nDROP TABLE messages;\n")
      Repo.insert!(:rooms, %{id: "kitchen", title: "Kitchen"})
      rows = for id <- 1..5, do: %{id: id, room_id: "kitchen", content: "y"}
      Repo.insert_all(:messages, rows)
      assert Repo.all(:messages, where: [content: "x"]) == []
      before = {File.read!(database), File.read!(database <> "-wal")}
      {names, test} = {File.ls!(folder), self()}

      on_copy = fn copy ->
        assert AshRusqlite.Repo.Reads.get!(copy, :rooms, "kitchen").title == "Kitchen"
        assert {:error, %Error{}} = AshRusqlite.Repo.Writes.insert(copy, :rooms, %{id: "a"})
        :looked
      end

      opts = [migrations: more, progress: &send(test, &1), on_copy: on_copy]
      assert {:ok, check} = Maintenance.check_migrations(repo, opts)
      assert [%{name: "more", tables: ["messages"], held_us: held}] = check.migrations
      assert is_integer(held)
      assert %{on_copy: :looked, problems: []} = check
      assert [%{kind: :statement, name: sql, message: message}] = check.broken
      assert sql =~ "messages"
      assert message =~ "no such table"
      for phase <- [:backup, :migrate, :check], do: assert_received(%{phase: ^phase})

      assert {File.read!(database), File.read!(database <> "-wal")} == before
      assert File.ls!(folder) == names
    end

    test "the error of a migration that fails on the copy is the result", %{
      repo: repo,
      tmp_dir: folder
    } do
      more = Path.join(folder, "more")
      File.cp_r!(migrations(), more)
      File.write!(Path.join(more, "29990101000000_more.sql"), "-- up\nnonsense;\n")

      assert {:error, %Error{code: :migration_failed, details: %{line: 2}}} =
               Maintenance.check_migrations(repo, migrations: more)

      assert {:error, %Error{code: :invalid_option}} =
               Maintenance.check_migrations(repo, on_copy: 1)
    end
  end
end
