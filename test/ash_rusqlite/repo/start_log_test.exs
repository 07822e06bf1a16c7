defmodule AshRusqlite.Repo.StartLogTest do
  # What a repo says of its file when it starts.
  use ExUnit.Case, async: false

  import ExUnit.CaptureLog

  @moduletag :tmp_dir

  defp start(database, options \\ []) do
    options = Keyword.merge([name: :said, database: database, log_start: :info], options)
    {result, log} = with_log(fn -> AshRusqlite.Repo.start_link(options) end)
    assert {:ok, pid} = result
    AshRusqlite.Repo.stop(pid)
    log
  end

  test "one line says which file it is, how large, and which SQLite", %{tmp_dir: folder} do
    path = Path.join(folder, "chat.db")
    %{sqlite: version} = AshRusqlite.versions()
    shown = Regex.escape(Path.relative_to_cwd(path))

    assert start(path) =~ ~r/\[info\].*:said: #{shown}, \d+\.\d kB, SQLite #{version}, new/
    log = start(path)
    assert log =~ ~r/:said: #{shown}, \d+\.\d kB, SQLite #{version}\n/
    assert start(":memory:") =~ ~r/:said: in memory, .*, new/
  end

  test "a file of another program is logged as one", %{tmp_dir: folder} do
    path = Path.join(folder, "other.db")
    migrations = Path.join(folder, "migrations")
    File.mkdir_p!(migrations)
    mark = "-- up\nPRAGMA application_id = 5;\n"
    File.write!(Path.join(migrations, "20260101000000_mark.sql"), mark)
    {:ok, pid} = AshRusqlite.Repo.start_link(database: path, migrations: migrations)
    AshRusqlite.Repo.Maintenance.migrate!(pid)
    AshRusqlite.Repo.stop(pid)

    assert start(path) =~ ", made by another program\n"
  end

  test "the line at the start can be left out, and is in tests", %{tmp_dir: folder} do
    refute start(Path.join(folder, "a.db"), log_start: false) =~ "said"
    options = [name: nil, database: ":memory:"]
    assert capture_log(fn -> start_supervised!({MyApp.Repo, options}) end) == ""
  end

  test "a value of log_start: that is no level is refused" do
    options = [database: ":memory:", log_start: true]
    assert {:error, %{code: :invalid_option}} = AshRusqlite.Repo.start_link(options)
  end
end
