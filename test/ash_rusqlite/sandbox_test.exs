defmodule AshRusqlite.SandboxTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.{Error, Sandbox}

  # No other test uses it.
  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :my_app
  end

  defmodule ManualRepo do
    use AshRusqlite.Repo, otp_app: :my_app
  end

  defmodule RunningRepo do
    use AshRusqlite.Repo, otp_app: :my_app
  end

  defmodule Keeper do
    use GenServer

    def start_link(opts), do: GenServer.start_link(__MODULE__, nil, opts)
    def titles(pid), do: GenServer.call(pid, :titles)

    # A task of a supervisor that the test did not start.
    def titles(pid, supervisor), do: GenServer.call(pid, {:titles, supervisor})

    @impl true
    def init(nil), do: {:ok, nil}

    @impl true
    def handle_call(:titles, _from, state) do
      {:reply, AshRusqlite.SandboxTest.titles(), state}
    end

    def handle_call({:titles, supervisor}, _from, state) do
      task = Task.Supervisor.async(supervisor, &AshRusqlite.SandboxTest.titles/0)
      {:reply, Task.await(task), state}
    end
  end

  @migrations Path.expand("../support/migrations", __DIR__)

  def titles(repo \\ Repo) do
    Enum.map(repo.all(:rooms, order_by: :title), & &1.title)
  rescue
    error in Error -> error
  end

  defp start_store(repo \\ Repo, opts \\ []) do
    Sandbox.start_store!(repo, Keyword.merge([migrations: @migrations], opts))
  end

  # A process that no test started has neither callers nor ancestors.
  defp stranger(fun) do
    me = self()
    spawn(fn -> send(me, {:from, self(), fun.()}) end)
    receive(do: ({:from, _pid, value} -> value))
  end

  for test <- [:one, :other] do
    test "a test finds in its store what it wrote, and nothing of the test before (#{test})" do
      assert start_store() == :ok
      assert titles() == []
      Repo.insert!(:rooms, %{id: "attic", title: "Attic"})
      assert titles() == ["Attic"]
    end
  end

  test "tasks and what they start use the store of the test" do
    start_store()
    Repo.insert!(:rooms, %{id: "attic", title: "Attic"})

    nested =
      Task.async(fn ->
        1..3 |> Task.async_stream(fn _ -> titles() end) |> Enum.map(&elem(&1, 1))
      end)

    assert Task.await(nested) == [["Attic"], ["Attic"], ["Attic"]]
  end

  test "a process that the test supervises uses its store, and so does a task that it calls" do
    start_store()
    Repo.insert!(:rooms, %{id: "attic", title: "Attic"})
    keeper = start_supervised!(Keeper)
    assert Keeper.titles(keeper) == ["Attic"]

    # Its task has it as a caller, and is a child of nobody that the test started.
    supervisor =
      stranger(fn -> elem(Task.Supervisor.start_link(), 1) |> tap(&Process.unlink/1) end)

    assert Keeper.titles(keeper, supervisor) == ["Attic"]
    Process.exit(supervisor, :kill)
  end

  test "a process that was there before uses it once it is allowed to" do
    keeper = stranger(fn -> elem(GenServer.start(Keeper, nil), 1) end)
    assert %Error{code: :closed} = Keeper.titles(keeper)

    assert Sandbox.allow(Repo, self(), keeper) == :not_found
    start_store()
    me = self()
    assert Sandbox.allow(Repo, self(), keeper) == :ok
    assert Task.await(Task.async(fn -> Sandbox.allow(Repo, self(), keeper) end)) == :ok
    assert Task.await(Task.async(fn -> Sandbox.allow(Repo, me, keeper) end)) == :ok
    assert Keeper.titles(keeper) == []

    other =
      Task.async(fn ->
        Sandbox.start_store!(Repo, migrate: false)
        {Sandbox.allow(Repo, self(), keeper), titles()}
      end)

    assert {{:already, :allowed}, %Error{code: :unknown_table}} = Task.await(other)
    Process.exit(keeper, :kill)
  end

  test "what one was allowed ends with the store" do
    keeper = stranger(fn -> elem(GenServer.start(Keeper, nil, name: :keeper_of_two), 1) end)
    start_store()
    assert Sandbox.allow(Repo, self(), :keeper_of_two) == :ok
    assert Keeper.titles(keeper) == []

    stop_supervised!({Sandbox, Repo})
    assert %Error{code: :closed} = Keeper.titles(keeper)

    start_store()
    assert Sandbox.allow(Repo, self(), keeper) == :ok
    Process.exit(keeper, :kill)
  end

  test "in the mode manual the error for a process without a store says what to do" do
    Sandbox.mode(ManualRepo, :manual)
    assert %Error{code: :closed, message: message} = titles(ManualRepo)
    assert message =~ "Sandbox.start_store!(AshRusqlite.SandboxTest.ManualRepo)"
    assert message =~ "Sandbox.allow(AshRusqlite.SandboxTest.ManualRepo, owner, pid)"
    start_store(ManualRepo)
    assert titles(ManualRepo) == []
  end

  test "a process without a store uses a shared store, and otherwise the repo itself when it is running" do
    options = [database: ":memory:", migrations: @migrations]
    start_supervised!({RunningRepo, options})
    RunningRepo.migrate!()
    RunningRepo.insert!(:rooms, %{id: "hall", title: "Hall"})

    start_store(RunningRepo)
    RunningRepo.insert!(:rooms, %{id: "attic", title: "Attic"})
    assert titles(RunningRepo) == ["Attic"]
    assert stranger(fn -> titles(RunningRepo) end) == ["Hall"]
    # The repo's entry has become another by its migrations.
    stranger(fn -> RunningRepo.migrate!() end)
    assert titles(RunningRepo) == ["Attic"]

    stop_supervised!({Sandbox, RunningRepo})
    assert titles(RunningRepo) == ["Hall"]

    start_store(RunningRepo, shared: true)
    assert stranger(fn -> titles(RunningRepo) end) == []
    stop_supervised!({Sandbox, RunningRepo})
    assert stranger(fn -> titles(RunningRepo) end) == ["Hall"]
  end

  test "an instance that a process chose wins" do
    start_store()
    {:ok, chosen} = start_supervised({Repo, name: nil, database: ":memory:"})
    Repo.put_dynamic_repo(chosen)
    assert %Error{code: :unknown_table} = titles()
  end

  test "transactions, tasks in them and functions by the repo's name use the store" do
    start_store()

    assert Repo.transaction(fn ->
             Repo.insert!(:rooms, %{id: "attic", title: "Attic"})
             {titles(), AshRusqlite.Repo.Reads.count(Repo, :rooms), Repo.in_transaction?()}
           end) == {:ok, {["Attic"], 1, true}}

    assert Repo.transaction(fn ->
             Repo.delete_all(:rooms)
             Repo.rollback(:no)
           end) == {:error, :no}

    assert titles() == ["Attic"]
  end

  test "each store has the migrations of the folder, which run once" do
    folder = Path.join(System.tmp_dir!(), "ash_rusqlite-#{System.unique_integer([:positive])}")
    on_exit(fn -> File.rm_rf!(folder) end)
    File.cp_r!(@migrations, folder)

    start_store(Repo, migrations: folder)
    applied = Repo.migrations!()
    assert applied != [] and Enum.all?(applied, &(&1.state == :applied))

    # A second run of them would find the file that is no migration.
    File.write!(Path.join(folder, "29990101000000_more.sql"), "-- up\nCREATE NOTHING;\n")
    stop_supervised!({Sandbox, Repo})
    start_store(Repo, migrations: folder)
    assert Enum.map(Repo.migrations!(), & &1.state) == Enum.map(applied, & &1.state) ++ [:pending]
    assert titles() == []
  end

  test "a migration that fails is an error of the test" do
    folder = Path.join(System.tmp_dir!(), "ash_rusqlite-#{System.unique_integer([:positive])}")
    on_exit(fn -> File.rm_rf!(folder) end)
    File.mkdir_p!(folder)
    File.write!(Path.join(folder, "20260101000000_wrong.sql"), "-- up\nCREATE NOTHING;\n")

    error = assert_raise Error, fn -> start_store(Repo, migrations: folder) end
    assert error.code == :migration_failed
  end

  test "a file, and a repo without a module, can be a test's store" do
    path = Path.join(System.tmp_dir!(), "ash_rusqlite-#{System.unique_integer([:positive])}.db")
    on_exit(fn -> for end_ <- ["", "-wal", "-shm"], do: File.rm(path <> end_) end)

    Sandbox.start_store!(:sandboxed_by_name, database: path, migrations: @migrations)
    assert AshRusqlite.Repo.Writes.insert!(:sandboxed_by_name, :rooms, %{id: "a", title: "A"})
    assert File.regular?(path)

    assert Task.await(
             Task.async(fn -> AshRusqlite.Repo.Reads.count(:sandboxed_by_name, :rooms) end)
           ) == 1
  end

  defmodule SaidRepo do
    use AshRusqlite.Repo, otp_app: :my_app
  end

  test "a store logs nothing at its start, whatever its repo does" do
    Application.put_env(:my_app, SaidRepo, log_start: :error)
    on_exit(fn -> Application.delete_env(:my_app, SaidRepo) end)
    log = ExUnit.CaptureLog.capture_log(fn -> start_store(SaidRepo) end)
    refute log =~ "SaidRepo" or log =~ "in memory"
  end

  test "an option that a repo does not know is refused" do
    error = assert_raise Error, fn -> Sandbox.start_store!(Repo, databas: ":memory:") end
    assert error.code == :invalid_option
    assert error.message =~ "database"
  end

  test "outside of a test the store ends with the process that started it" do
    {pid, monitor} =
      spawn_monitor(fn ->
        start_store()
        Repo.insert!(:rooms, %{id: "attic", title: "Attic"})
        {:ok, %{pid: store}} = AshRusqlite.Repo.Registry.lookup(Repo)
        send(:sandbox_test, {:store, store, titles()})
        receive(do: (:end -> :ok))
      end)

    assert_receive {:store, store, ["Attic"]}, 5_000
    ended = Process.monitor(store)
    send(pid, :end)
    assert_receive {:DOWN, ^monitor, :process, ^pid, :normal}
    assert_receive {:DOWN, ^ended, :process, ^store, _}, 5_000
  end

  setup do
    # Tests of one module run one after the other.
    Process.register(self(), :sandbox_test)
    :ok
  end
end
