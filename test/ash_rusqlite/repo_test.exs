defmodule AshRusqlite.RepoTest do
  use AshRusqlite.Case, async: true

  import ExUnit.CaptureLog

  alias AshRusqlite.Repo.Configuration

  defmodule EnvRepo do
    use AshRusqlite.Repo, otp_app: :env_app
  end

  defmodule InitRepo do
    use AshRusqlite.Repo, otp_app: :init_app

    @impl true
    def init(_reason, options) do
      if options[:ignored], do: :ignore, else: {:ok, Keyword.put(options, :readers, 2)}
    end
  end

  setup context do
    if context.test_type == :doctest, do: insert_examples(context), else: :ok
  end

  doctest AshRusqlite.Repo
  doctest AshRusqlite.Repo.Configuration

  describe "start_link" do
    @describetag repo: false

    test "creates the file and its folder, readable by its user alone", %{tmp_dir: folder} do
      database = Path.join(folder, "deep/er/a.db")
      start_supervised!({MyApp.Repo, name: nil, database: database})

      assert %File.Stat{mode: mode} = File.stat!(database)
      assert rem(mode, 0o1000) == 0o600
    end

    test "names the repo by its module", %{tmp_dir: folder} do
      start_supervised!({MyApp.Repo, database: Path.join(folder, "a.db")})

      assert Repo.get_dynamic_repo() == MyApp.Repo
      assert %Result{rows: [[1]]} = Repo.query!("SELECT 1")
      assert {:error, {:already_started, _}} = Repo.start_link(database: ":memory:")
    end

    test "opens a database in memory" do
      pid = start_supervised!({AshRusqlite.Repo, database: ":memory:"})
      assert %Result{rows: [[1]]} = AshRusqlite.Repo.Reads.query!(pid, "SELECT 1")
    end

    test "reads the application's environment, which the options win over", %{tmp_dir: folder} do
      Application.put_env(:env_app, EnvRepo, database: "no.db", readers: 3)
      on_exit(fn -> Application.delete_env(:env_app, EnvRepo) end)
      start_supervised!({EnvRepo, database: Path.join(folder, "option.db")})

      assert EnvRepo.config()[:database] == Path.join(folder, "option.db")
      assert EnvRepo.config()[:readers] == 3
      assert EnvRepo.config()[:busy_timeout] == 15_000
    end

    test "lets init/2 change the options or ignore the repo" do
      assert InitRepo.start_link(ignored: true) == :ignore

      start_supervised!({InitRepo, database: ":memory:"})
      assert InitRepo.config()[:readers] == 2
    end

    test "names the option that is missing, unknown or wrong", %{tmp_dir: folder} do
      database = Path.join(folder, "a.db")

      for {options, option, nearest} <- [
            {[], "database", nil},
            {[database: 5], "database", nil},
            {[database: ""], "database", nil},
            {[database: database, busy_timout: 5], "busy_timout", "busy_timeout"},
            {[database: database, auto_migrat: true], "auto_migrat", "auto_migrate"},
            {[database: database, nam: :a], "nam", "name"},
            {[database: database, telemetry_prefx: [:a]], "telemetry_prefx", "telemetry_prefix"},
            {[databas: database], "databas", "database"},
            {[database: ":memory:", read_only: true], "read_only", nil},
            {[database: 5, readrs: 0], "readrs", "readers"},
            {[database: database, xyz: 5], "xyz", nil},
            {[database: database, busy_timeout: 0], "busy_timeout", nil},
            {[database: database, synchronous: :ful], "synchronous", "full"},
            {[database: database, readers: "many"], "readers", nil},
            {[database: database, migrations: 5], "migrations", nil},
            {[database: database, migrations: {:no_such_app, "x"}], "migrations", nil},
            {[database: database, telemetry_prefix: "x"], "telemetry_prefix", nil},
            {[database: database, name: "x"], "name", nil}
          ] do
        assert {:error, %Error{code: :invalid_option} = error} = start(options)
        assert error.details.option == option
        assert error.details[:nearest] == nearest
        assert error.message =~ option
      end

      refute File.exists?(database)
    end

    test "accepts every option", %{tmp_dir: folder} do
      options = [
        name: nil,
        database: Path.join(folder, "a.db"),
        migrations: {:ash_rusqlite, "priv"},
        telemetry_prefix: [:my_app],
        synchronous: :normal,
        readers: 2,
        busy_timeout: 1_000,
        transaction_timeout: :infinity,
        cache_size: -1_000,
        queue_limit: 10,
        max_batch: 10,
        statement_cache_size: 10,
        log_size_limit: 10_000_000,
        wal_autocheckpoint: 100,
        journal_size_limit: 1_000_000,
        mmap_size: 1_000_000,
        temp_store: :memory,
        read_only: false,
        create: true
      ]

      pid = start_supervised!({MyApp.Repo, options})
      Repo.put_dynamic_repo(pid)
      config = Repo.config()

      for name <- Keyword.keys(options) -- [:name, :migrations, :telemetry_prefix] do
        assert config[name] == options[name]
      end

      assert Path.basename(config[:migrations]) == "priv"
      assert config[:name] == pid
    end

    test "knows the options of the engine, and those alone" do
      start_supervised!({MyApp.Repo, name: nil, database: ":memory:"}) |> Repo.put_dynamic_repo()
      known = Keyword.keys(Repo.config()) -- [:name, :otp_app]
      assert Enum.sort(known) == Enum.sort(Configuration.engine_options())
    end

    test "refuses what is no database of ours", %{tmp_dir: folder} do
      text = Path.join(folder, "text")
      File.write!(text, String.duplicate("no database at all\n", 100))

      assert {:error, %Error{code: :cannot_open}} = start(database: folder)
      assert {:error, %Error{code: :not_a_database}} = start(database: text)
      assert {:error, %Error{code: :cannot_open}} = start(database: Path.join(text, "a.db"))

      assert {:error, %Error{code: :cannot_open}} =
               start(database: Path.join(folder, "b.db"), create: false)

      refute File.exists?(Path.join(folder, "b.db"))
    end

    test "is the error of its supervisor" do
      log =
        capture_log(fn ->
          assert {:error, {%Error{code: :invalid_option}, _child}} =
                   start_supervised({MyApp.Repo, name: nil, database: 5})
        end)

      refute log =~ "crash"
    end

    defp start(options) do
      with {:ok, pid} <- AshRusqlite.Repo.start_link(options) do
        AshRusqlite.Repo.stop(pid)
        :started
      end
    end
  end

  describe "a repo that is not running" do
    @describetag repo: false

    test "is an error of every function that returns errors" do
      for result <- [
            Repo.insert(:rooms, %{}),
            Repo.query("SELECT 1"),
            Repo.transaction(fn -> :ok end),
            Repo.migrate(),
            Repo.stats()
          ] do
        assert {:error, %Error{code: :closed, message: message}} = result
        assert message =~ "MyApp.Repo"
      end

      refute Repo.in_transaction?()
    end

    test "raises from every function that returns values" do
      assert error(fn -> Repo.all(:rooms) end).code == :closed
      assert error(fn -> Repo.insert_all(:rooms, []) end).code == :closed
      assert error(fn -> Enum.to_list(Repo.stream(:rooms)) end).code == :closed
    end

    test "has the configured options" do
      assert Repo.config()[:otp_app] == :my_app
    end
  end

  describe "stop" do
    test "finishes what is queued and forgets the repo", %{repo: repo, tmp_dir: folder} do
      Repo.insert!(:rooms, %{id: "a", title: "A"})
      Repo.stop()

      assert {:error, %Error{code: :closed}} = Repo.query("SELECT 1")
      refute Process.alive?(repo)

      again = start_repo!(folder)
      assert %{title: "A"} = AshRusqlite.Repo.Reads.get(again, :rooms, "a")
    end

    @tag repo: false
    test "a repo that was killed can be started again", %{tmp_dir: folder} do
      start = fn -> start_supervised!({MyApp.Repo, database: Path.join(folder, "a.db")}) end
      pid = start.()
      ref = Process.monitor(pid)
      Process.exit(pid, :kill)
      # Until it is dead it may still answer.
      assert_receive {:DOWN, ^ref, :process, _, :killed}, 60_000
      wait_until(fn -> match?({:ok, %{rows: [[1]]}}, Repo.query("SELECT 1")) end)
      assert Process.whereis(MyApp.Repo) != pid
    end

    @tag repo: false
    test "it ends with the process that started it", %{tmp_dir: folder} do
      task =
        Task.async(fn ->
          {:ok, pid} = AshRusqlite.Repo.start_link(database: Path.join(folder, "a.db"))
          pid
        end)

      pid = Task.await(task)
      wait_until(fn -> not Process.alive?(pid) end)
      assert {:error, %Error{code: :closed}} = AshRusqlite.Repo.Reads.query(pid, "SELECT 1")
    end
  end

  describe "many repos" do
    test "a process uses the one it chose", %{repo: one, tmp_dir: folder} do
      two = start_repo!(folder, database: Path.join(folder, "two.db"), name: :two)
      Repo.insert!(:rooms, %{id: "a", title: "A"})

      assert Repo.put_dynamic_repo(:two) == one
      assert Repo.get_dynamic_repo() == :two
      assert Repo.all(:rooms) == []
      assert AshRusqlite.Repo.Reads.count(two, :rooms) == 0
      assert AshRusqlite.Repo.Reads.count(one, :rooms) == 1
      assert {:ok, 0} = Task.await(elsewhere(two, fn -> {:ok, Repo.count(:rooms)} end))
    end

    test "two repos on one file see each other's commits", %{tmp_dir: folder} do
      two = start_repo!(folder)
      Repo.insert!(:rooms, %{id: "a", title: "A"})
      assert AshRusqlite.Repo.Reads.count(two, :rooms) == 1
    end
  end

  test "a module must name its application" do
    assert_raise ArgumentError, ~r/otp_app/, fn ->
      defmodule NoAppRepo do
        use AshRusqlite.Repo
      end
    end
  end
end
