defmodule AshRusqlite.P8FilesTest do
  @moduledoc false
  # P8: a file that cannot be used is a typed error that names it. Options are tested in
  # test/ash_rusqlite/repo_test.exs, a full disk in p8_disk_full_test.exs.
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Child
  alias AshRusqlite.Repo.{Maintenance, Reads, Writes}

  describe "a typed error names what cannot be opened:" do
    @describetag repo: false

    test "a directory", %{tmp_dir: folder} do
      assert refused(folder, :cannot_open).message =~ "directory"
    end

    test "a path below a file", %{tmp_dir: folder} do
      file = Path.join(folder, "file")
      File.write!(file, "")
      assert refused(Path.join(file, "a.db"), :cannot_open, :any)
      assert refused(Path.join([file, "deeper", "a.db"]), :cannot_open, :any)
    end

    test "a place where no file may be created" do
      assert refused("/proc/no-such/a.db", :cannot_open, :any)
      assert refused("/proc/a.db", :cannot_open)
    end

    test "what is no regular file", %{tmp_dir: folder} do
      assert refused("/dev/null", :cannot_open).message =~ "regular"

      fifo = Path.join(folder, "fifo")
      {"", 0} = System.cmd("mkfifo", [fifo])
      assert refused(fifo, :cannot_open).message =~ "regular"

      loop = Path.join(folder, "loop")
      File.ln_s!(loop, loop)
      assert refused(loop, :cannot_open)

      gone = Path.join(folder, "gone")
      File.ln_s!(Path.join(folder, "no/such"), gone)
      assert refused(gone, :cannot_open)
    end

    test "a name that no file can have", %{tmp_dir: folder} do
      assert refused(Path.join(folder, String.duplicate("x", 300)), :cannot_open)
      assert refused(Path.join(folder, "a\0b"), [:cannot_open, :invalid_option], :any)
      assert refused(Path.join(folder, <<255>>), [:cannot_open, :invalid_option], :any)
    end

    test "a pipe where a backup or a migration should be, which would be waited for for ever", %{
      tmp_dir: folder
    } do
      {:ok, repo} = AshRusqlite.Repo.start_link(database: database_of(folder))
      pipe = Path.join(folder, "20260101000000_pipe.sql")
      {"", 0} = System.cmd("mkfifo", [pipe])

      assert {:error, %Error{code: :cannot_open, message: message}} =
               Maintenance.restore(repo, pipe)

      assert message =~ "regular"

      assert {:error, %Error{code: :invalid_migration, message: message}} =
               Maintenance.migrate(repo, migrations: folder)

      assert message =~ "regular"
      assert {:ok, _} = Writes.insert(repo, :rooms, id: "next", title: "Next")
      AshRusqlite.Repo.stop(repo)
    end

    # Root may do everything, so it is started without that right.
    test "without the rights", %{tmp_dir: folder} do
      made = database_of(folder)

      files =
        for mode <- [0o000, 0o200, 0o400] do
          path = Path.join(folder, "file-#{mode}")
          File.cp!(made, path)
          File.chmod!(path, mode)
          path
        end

      folders =
        for mode <- [0o000, 0o400, 0o500] do
          closed = Path.join(folder, "folder-#{mode}")
          File.mkdir!(closed)
          File.chmod!(closed, mode)
          on_exit(fn -> File.chmod!(closed, 0o700) end)
          Path.join(closed, "a.db")
        end

      {lines, 0} = Child.start!("open_each.exs", files ++ folders, unprivileged()) |> Child.rest()
      assert length(lines) == 6, inspect(lines)

      for {line, path} <- Enum.zip(lines, files ++ folders) do
        assert [code | _] = String.split(line)
        assert {path, code} in [{path, "cannot_open"}, {path, "read_only"}], line
        assert line =~ path
      end
    end

    test "what is no database, or an encrypted one", %{tmp_dir: folder} do
      path = Path.join(folder, "a.db")

      for bytes <- [
            "no database at all",
            "SQLite format 4\0" <> :binary.copy(<<0>>, 4080),
            :crypto.strong_rand_bytes(8192),
            <<0>>
          ] do
        File.write!(path, bytes)
        refused(path, :not_a_database)
        assert File.read!(path) == bytes
      end
    end

    test "a database that is cut off", %{tmp_dir: folder} do
      bytes = File.read!(database_of(folder))
      path = Path.join(folder, "cut.db")

      for size <- [16, 50, 99] do
        File.write!(path, binary_part(bytes, 0, size))
        refused(path, :corrupt)
      end

      for size <- [100, 101, 2000, 4095] do
        File.write!(path, binary_part(bytes, 0, size))
        assert refused(path, [:corrupt, :not_a_database])
      end
    end

    test "a database of a newer SQLite", %{tmp_dir: folder} do
      path = database_of(folder)
      <<start::binary-size(18), _::16, rest::binary>> = File.read!(path)
      File.write!(path, [start, 3, 3, rest])
      assert refused(path, :newer_format).message =~ "newer SQLite"
    end

    test "a database of a newer release of this library, which is left as it is", %{
      tmp_dir: folder
    } do
      path =
        database_of(folder, "UPDATE ash_rusqlite_meta SET value = '99' WHERE key = 'format';")

      before = File.read!(path)
      error = refused(path, :newer_format)
      assert error.details.version == 99
      assert File.read!(path) == before
    end

    defp database_of(folder, sql \\ "CREATE TABLE notes (id INTEGER PRIMARY KEY);") do
      path = Path.join(folder, "made.db")
      options = [name: nil, database: path, migrations: migrations()]
      {:ok, repo} = AshRusqlite.Repo.start_link(options)
      Maintenance.migrate!(repo)
      for n <- 1..500, do: Writes.insert!(repo, :rooms, id: "#{n}", title: "Room #{n}")
      migrate!(repo, "-- up\n" <> sql)
      {:ok, _} = Maintenance.checkpoint(repo, :truncate)
      AshRusqlite.Repo.stop(repo)
      path
    end

    defp refused(path, codes, named \\ :named) do
      assert {:error, %Error{} = error} = AshRusqlite.Repo.start_link(database: path)
      assert error.code in List.wrap(codes), inspect(error)
      refute error.message == ""
      if named == :named, do: assert(error.details.path == path)
      error
    end

    defp unprivileged do
      case System.cmd("id", ["-u"]) do
        {"0\n", 0} ->
          caps = "-dac_override,-dac_read_search"
          [through: ["setpriv", "--bounding-set=#{caps}", "--inh-caps=#{caps}"]]

        _ ->
          []
      end
    end
  end

  describe "a page that is corrupt" do
    @describetag repo: false

    setup %{tmp_dir: folder} do
      path = database_of(folder)
      {:ok, repo} = AshRusqlite.Repo.start_link(database: path)
      sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'rooms'"
      %{rows: [[page]]} = Reads.query!(repo, sql)
      AshRusqlite.Repo.stop(repo)

      {:ok, file} = File.open(path, [:read, :write, :raw, :binary])
      :ok = :file.pwrite(file, (page - 1) * 4096, :binary.copy(<<255>>, 4096))
      :ok = File.close(file)

      damaged = start_supervised!({AshRusqlite.Repo, database: path}, id: :damaged)
      Repo.put_dynamic_repo(damaged)
      :ok
    end

    test "is the error of the reads and writes that meet it, and of no others" do
      assert error(fn -> Repo.all(:rooms) end).code == :corrupt

      assert {:error, %Error{code: :corrupt}} =
               Repo.query("SELECT max(title) FROM rooms NOT INDEXED")

      assert {:error, %Error{code: :corrupt}} = Repo.insert(:rooms, id: "x", title: "X")
      assert error(fn -> Repo.delete_all(:rooms) end).code == :corrupt

      assert {:error, %Error{code: :corrupt}} =
               Repo.transaction(fn ->
                 with {:error, error} <- Repo.insert(:rooms, id: "x", title: "X"),
                      do: Repo.rollback(error)
               end)

      assert Repo.all(:messages) == []
      assert Repo.all(:seats) == []
      assert {:ok, [_ | _]} = Repo.check()
    end

    test "fails alone the write that meets it, when it shares a commit with others" do
      repo = Repo.get_dynamic_repo()

      writes =
        for n <- 1..100 do
          elsewhere(repo, fn ->
            if rem(n, 2) == 0,
              do: Repo.insert(:notes, id: n),
              else: Repo.insert(:rooms, id: "x#{n}", title: "X#{n}")
          end)
        end

      answers = Task.await_many(writes, 60_000)
      assert Enum.count(answers, &match?({:ok, _}, &1)) == 50
      assert Enum.count(answers, &match?({:error, %Error{code: :corrupt}}, &1)) == 50
      assert Repo.count(:notes) == 50
    end
  end
end
