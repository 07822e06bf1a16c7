defmodule Mix.Tasks.AshRusqlite.GenMigrationTest do
  use AshRusqlite.Case, async: false

  import AshRusqlite.MixShell, only: [files: 1, printed: 0]

  alias AshRusqlite.MixShell
  alias AshRusqlite.Repo.Maintenance

  doctest Mix.AshRusqlite.DevFiles

  @moduletag repo: false

  defmodule GenRepo do
    use AshRusqlite.Repo, otp_app: :ash_rusqlite
  end

  @first "CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL);"
  @second "CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL, topic TEXT NOT NULL);"

  setup %{tmp_dir: folder} do
    migrations = Path.join(folder, "migrations")
    database = Path.join(folder, "gen.db")
    options = [database: database, migrations: migrations]
    MixShell.replace([{GenRepo, options}, {:ash_rusqlite_repos, [GenRepo]}])
    {:ok, migrations: migrations, database: database, schema: Path.join(folder, "schema.sql")}
  end

  defp gen(args), do: Mix.Task.rerun("ash_rusqlite.gen.migration", args)

  defp generate(schema, sql, args) do
    File.write!(schema, sql)
    gen(args ++ ["--schema", schema])
  end

  defp migrate(migrations) do
    repo = start_supervised!({AshRusqlite.Repo, database: ":memory:"}, id: make_ref())
    {repo, Maintenance.migrate!(repo, migrations: migrations)}
  end

  defp columns(repo, table) do
    sql = "SELECT name FROM pragma_table_info(?)"
    Enum.map(AshRusqlite.Repo.Reads.query!(repo, sql, [table]).rows, &hd/1)
  end

  test "without a schema the file is empty, with a part for each way", %{migrations: migrations} do
    gen(["AddTopicToRooms"])
    assert [file] = files(migrations)
    assert file =~ ~r/^\d{14}_add_topic_to_rooms\.sql$/
    assert File.read!(Path.join(migrations, file)) == "-- up\n\n-- down\n"
    assert printed() =~ file

    assert_raise Mix.Error, ~r/give the migration a name/, fn -> gen([]) end
    assert_raise Mix.Error, ~r/--drop needs --schema/, fn -> gen(["x", "--drop"]) end
    assert_raise Mix.Error, ~r/give one name/, fn -> gen(["x", "y"]) end
  end

  test "each file has a later version than those before it", %{migrations: migrations} do
    for name <- ~w(one two three), do: gen([name])
    assert [_, _, _] = versions = Enum.map(files(migrations), &elem(Integer.parse(&1), 0))
    assert versions == Enum.uniq(versions)
  end

  test "with a schema the file leads to it, and then there is nothing to do", context do
    %{migrations: migrations, schema: schema} = context
    generate(schema, @first, ["create_rooms"])
    assert [file] = files(migrations)
    assert {repo, [_]} = migrate(migrations)
    assert columns(repo, "rooms") == ["id", "title"]

    generate(schema, @first, ["again"])
    assert files(migrations) == [file]
  end

  test "--dry-run prints the file and writes none", %{migrations: migrations, schema: schema} do
    generate(schema, @first, ["--dry-run"])
    assert printed() =~ "CREATE TABLE rooms"
    assert files(migrations) == []
  end

  test "--check fails as long as something is pending", context do
    %{migrations: migrations, schema: schema} = context
    error = assert_raise Mix.Error, fn -> generate(schema, @first, ["--check"]) end
    assert error.message =~ "_changes.sql" and error.message =~ "--dry-run"
    assert files(migrations) == []

    generate(schema, @first, ["create_rooms"])
    generate(schema, @first, ["--check"])
  end

  test "a name is asked for on a terminal, once there is something to name", context do
    %{migrations: migrations, schema: schema} = context
    send(self(), {:mix_shell_input, :prompt, "create rooms"})
    generate(schema, @first, [])
    assert [file] = files(migrations)
    assert file =~ "_create_rooms.sql"
    generate(schema, @first, [])

    Mix.shell(Mix.Shell.IO)

    assert_raise Mix.Error, ~r/needs a name/, fn ->
      ExUnit.CaptureIO.capture_io(fn -> generate(schema, @second, ["--no-renames"]) end)
    end
  end

  describe "a rename" do
    setup %{schema: schema} do
      generate(schema, @first, ["create_rooms"])
    end

    test "is asked about on a terminal", %{migrations: migrations, schema: schema} do
      send(self(), {:mix_shell_input, :prompt, "1"})
      generate(schema, @second, ["rename_title"])
      assert_received {:mix_shell, :prompt, [question]}
      assert question =~ "rooms.topic" and question =~ "1. rooms.title, renamed"
      assert renamed?(migrations)
    end

    test "is asked about again after an answer that is none", context do
      %{migrations: migrations, schema: schema} = context
      for answer <- ["7", "yes", "1"], do: send(self(), {:mix_shell_input, :prompt, answer})
      generate(schema, @second, ["rename_title"])
      assert renamed?(migrations)
    end

    test "is none where the answer says so", %{migrations: migrations, schema: schema} do
      send(self(), {:mix_shell_input, :prompt, "0"})
      generate(schema, @second, ["add_topic", "--fill", "rooms.topic='none'"])
      refute renamed?(migrations)
    end

    test "is an error that names the options where there is no terminal", context do
      %{migrations: migrations, schema: schema} = context
      Mix.shell(Mix.Shell.IO)

      error =
        assert_raise Mix.Error, fn ->
          ExUnit.CaptureIO.capture_io(fn -> generate(schema, @second, ["rename_title"]) end)
        end

      assert error.message =~ "--rename-column rooms.title:topic"
      assert error.message =~ "--no-renames"
      assert length(files(migrations)) == 1
    end

    test "is given by an option", %{migrations: migrations, schema: schema} do
      generate(schema, @second, ["rename_title", "--rename-column", "rooms.title:topic"])
      assert renamed?(migrations)
    end

    test "of a table and of its column are given together", context do
      %{migrations: migrations, schema: schema} = context
      sql = String.replace(@second, "rooms", "places")

      renames = ["--rename-table", "rooms:places", "--rename-column", "places.title:topic"]
      generate(schema, sql, ["rename_rooms"] ++ renames)
      text = last(migrations)
      assert text =~ "RENAME TO" and text =~ "RENAME COLUMN"
    end

    test "that cannot be read is an error", %{schema: schema} do
      for {args, message} <- [
            {["--rename-column", "title:topic"], ~r/table.from:to/},
            {["--rename-table", "rooms"], ~r/from:to/},
            {["--fill", "topic='x'"], ~r/table.column=SQL/}
          ] do
        assert_raise Mix.Error, message, fn -> generate(schema, @second, ["x"] ++ args) end
      end
    end

    defp last(migrations),
      do: File.read!(Path.join(migrations, List.last(files(migrations))))

    defp renamed?(migrations), do: last(migrations) =~ ~r/RENAME COLUMN title TO topic/
  end

  describe "--dev" do
    @third String.replace(@first, "title TEXT NOT NULL", "title TEXT NOT NULL, topic TEXT")
    @fourth String.replace(
              @first,
              "title TEXT NOT NULL",
              "title TEXT NOT NULL, topic TEXT, size INTEGER"
            )

    setup %{schema: schema} do
      generate(schema, @first, ["create_rooms"])
      start_supervised!(GenRepo)
      GenRepo.migrate!()
      {:ok, room} = GenRepo.insert(:rooms, %{id: id(), title: "General"})
      {:ok, room: room}
    end

    defp id, do: "00000000-0000-0000-0000-000000000001"

    test "files are replaced by the next one with a name, and rows stay", context do
      %{migrations: migrations, schema: schema, room: room} = context
      generate(schema, @third, ["--dev"])
      assert files(migrations) |> List.last() |> String.ends_with?("_dev.sql")
      GenRepo.migrate!()
      GenRepo.update!(:rooms, room.id, %{topic: "Elixir"})

      generate(schema, @fourth, ["--dev"])
      GenRepo.migrate!()
      assert_raise Mix.Error, fn -> generate(schema, @fourth, ["--check"]) end

      generate(schema, @fourth, ["add_topic_and_size"])
      assert [_, named] = files(migrations)
      assert named =~ ~r/_add_topic_and_size\.sql$/
      assert GenRepo.get!(:rooms, room.id).topic == "Elixir"
      assert Enum.map(GenRepo.migrations!(), & &1.state) == [:applied, :applied]
      assert GenRepo.migrate!() == []
      generate(schema, @fourth, ["--check"])

      assert {repo, [_, _]} = migrate(migrations)
      assert columns(repo, "rooms") == ["id", "title", "topic", "size"]
      assert [_] = GenRepo.rollback_migration!()
      assert columns(GenRepo, "rooms") == ["id", "title"]
    end

    test "what came after the last of them is applied with the named file", context do
      %{migrations: migrations, schema: schema, room: room} = context
      generate(schema, @third, ["--dev"])
      GenRepo.migrate!()
      GenRepo.update!(:rooms, room.id, %{topic: "Elixir"})

      generate(schema, @fourth, ["add_topic_and_size"])
      assert [_, _] = files(migrations)
      assert columns(GenRepo, "rooms") == ["id", "title", "topic", "size"]
      assert GenRepo.get!(:rooms, room.id).topic == "Elixir"
      assert Enum.map(GenRepo.migrations!(), & &1.state) == [:applied, :applied]
    end

    test "files that no database has are just replaced", context do
      %{migrations: migrations, schema: schema} = context
      generate(schema, @third, ["--dev"])
      generate(schema, @third, ["add_topic"])
      assert [_, _] = files(migrations)
      assert Enum.map(GenRepo.migrations!(), & &1.state) == [:applied, :pending]
      assert [_] = GenRepo.migrate!()
    end

    test "a file with a rename is replaced without asking twice", context do
      %{schema: schema, room: room} = context
      rename = ["--rename-column", "rooms.title:topic"]
      generate(schema, @second, ["--dev"] ++ rename)
      GenRepo.migrate!()
      generate(schema, @second, ["rename_title"] ++ rename)
      assert GenRepo.get!(:rooms, room.id).topic == "General"
      assert Enum.map(GenRepo.migrations!(), & &1.state) == [:applied, :applied]
    end

    test "a file that was changed by hand is not removed with what was written into it",
         context do
      %{migrations: migrations, schema: schema} = context
      generate(schema, @third, ["--dev"])
      path = Path.join(migrations, List.last(files(migrations)))

      File.write!(
        path,
        String.replace(File.read!(path), "-- down", "UPDATE rooms SET topic = 'x';\n\n-- down")
      )

      GenRepo.migrate!()

      error = assert_raise Mix.Error, fn -> generate(schema, @third, ["add_topic"]) end
      assert error.message =~ "changed by hand"
      assert File.exists?(path)

      File.rename!(path, String.replace(path, "_dev.sql", ".sql"))
      generate(schema, @third, ["add_topic"])
      assert length(files(migrations)) == 2
      assert Enum.map(GenRepo.migrations!(), & &1.state) == [:applied, :applied]
    end

    test "a file that was written by hand is none of them, whatever its name", context do
      %{migrations: migrations, schema: schema} = context

      File.write!(
        Path.join(migrations, "20990101000000_for_dev.sql"),
        "-- up\nSELECT 1;\n-- down\n"
      )

      generate(schema, @third, ["add_topic"])
      assert "20990101000000_for_dev.sql" in files(migrations)
      assert_raise Mix.Error, ~r/names that end in dev/, fn -> gen(["for_dev"]) end
    end

    test "files that undo each other are removed", context do
      %{migrations: migrations, schema: schema, room: room} = context
      generate(schema, @third, ["--dev"])
      GenRepo.migrate!()
      generate(schema, @first, ["--dev", "--drop"])
      GenRepo.migrate!()
      generate(schema, @first, ["nothing"])
      assert [_] = files(migrations)
      assert Enum.map(GenRepo.migrations!(), & &1.state) == [:applied]
      assert GenRepo.get!(:rooms, room.id).title == "General"
    end
  end

  test "the folder of an application's build is that of its sources" do
    Application.put_env(:ash_rusqlite, GenRepo, database: "x.db")
    expected = Path.join([Path.dirname(Mix.Project.project_file()), "priv/gen_repo/migrations"])
    assert Mix.AshRusqlite.Generate.folder(GenRepo, []) == expected
  end
end
