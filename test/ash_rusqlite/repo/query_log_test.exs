defmodule AshRusqlite.Repo.QueryLogTest do
  # What a repo logs of each statement. The level of the log is the VM's.
  use AshRusqlite.Case, async: false

  import ExUnit.CaptureLog

  alias AshRusqlite.Repo.{Call, Configuration}

  setup %{tmp_dir: folder} = context do
    repo = start_repo!(folder, name: :logged, log: Map.get(context, :log, :debug))
    Repo.put_dynamic_repo(repo)
    :ok
  end

  test "a line has the SQL, the rows, the times and the error, and no value" do
    log = capture_log(fn -> Repo.insert!(:rooms, %{id: "a", title: "a secret"}) end)
    assert log =~ "[debug]"
    assert log =~ ~r/QUERY OK :logged insert rooms rows=1 db=\d+\.\dms queue=\d+\.\dms/
    assert log =~ ~s(INSERT INTO "rooms")
    refute log =~ "secret"

    log = capture_log(fn -> Repo.insert(:rooms, %{id: "b", title: "a secret"}) end)
    assert log =~ "QUERY ERROR unique_violation :logged insert rooms rows=0"
    refute log =~ "secret"

    log = capture_log(fn -> Repo.all(:rooms, where: [title: "a secret"]) end)
    assert log =~ ~r/QUERY OK :logged all rooms rows=1 .*SELECT .* FROM "rooms"/s
    assert capture_log(fn -> Repo.query!("SELECT 1") end) =~ ~r/QUERY OK :logged sql .*SELECT 1/s
  end

  test "the end of a transaction is logged after its statements" do
    log =
      capture_log(fn -> Repo.transaction(fn -> Repo.insert!(:rooms, id: "a", title: "A") end) end)

    assert log =~ ~r/QUERY OK .*TRANSACTION COMMIT :logged took=\d+\.\dms/s
    assert capture_log(fn -> Repo.transaction(fn -> Repo.rollback(:no) end) end) =~ "ROLLBACK"
  end

  @tag log: [slow: 60_000]
  test "with slow: only what took as long is logged, at the level warning" do
    assert capture_log(fn -> Repo.transaction(fn -> Repo.all(:rooms) end) end) == ""
  end

  @tag log: [slow: 5, level: :error]
  test "what is slow is logged at the level that was given" do
    slow =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT max(i) FROM n"

    log = capture_log(fn -> Repo.query!(slow) end)
    assert log =~ "[error]"
    assert log =~ "QUERY OK :logged sql"
  end

  @tag log: false
  test "without the option log: no query is logged" do
    assert capture_log(fn -> Repo.all(:rooms) end) == ""
  end

  test "below the level of the log no SQL is asked for" do
    level = Logger.level()
    on_exit(fn -> Logger.configure(level: level) end)
    Logger.configure(level: :info)
    run = fn -> AshRusqlite.Repo.Reads.all(:logged, :rooms) end
    text = {AshRusqlite.Native, :statement_text, 2}
    assert AshRusqlite.Calls.count(text, run) == 0
    Logger.configure(level: :debug)
    capture_log(fn -> assert AshRusqlite.Calls.count(text, run) == 1 end)
  end

  test "without a handler no time is measured", %{tmp_dir: folder} do
    quiet = start_repo!(Path.join(folder, "quiet") |> tap(&File.mkdir_p!/1), name: :quiet)
    {:ok, entry} = AshRusqlite.Repo.Registry.lookup(quiet)
    AshRusqlite.Repo.Registry.put(%{entry | telemetry: false})
    run = fn -> AshRusqlite.Repo.Reads.count(:quiet, :rooms) end
    assert AshRusqlite.Calls.count({Call, :time_queue, 1}, run) == 0
  end

  test "a process that has run a query is timed no longer" do
    capture_log(fn -> Repo.all(:rooms) end)
    assert for({Call, _} = key <- Process.get_keys(), do: key) == []
    assert Call.queue_time() == 0
  end

  test "a value that the option cannot take is refused" do
    for {log, says} <- [
          {true, "a level such as :debug"},
          {:verbose, "a level such as :debug"},
          {[slow: -1], "[slow: milliseconds"},
          {[quick: 3], "[slow: milliseconds"}
        ] do
      options = [database: ":memory:", log: log]

      assert {:error, %Error{code: :invalid_option} = error} =
               AshRusqlite.Repo.start_link(options)

      assert error.message =~ says
    end

    assert Configuration.log(log: [slow: 0]) == {:ok, {:debug, 0}}
    assert {:ok, {:warning, time}} = Configuration.log(log: [slow: 200])
    assert System.convert_time_unit(time, :native, :millisecond) == 200
    # In dev it is on.
    assert Configuration.log_defaults() == [log: false, log_start: false]
  end
end
