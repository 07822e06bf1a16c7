defmodule Mix.Tasks.AshRusqlite.SetupTest do
  # A database is set up, deleted, and restored from the shell.
  use AshRusqlite.Case, async: false

  import AshRusqlite.MixShell, only: [printed: 0]

  alias AshRusqlite.MixShell
  alias AshRusqlite.Repo.Reads

  @moduletag repo: false

  defmodule TaskRepo do
    use AshRusqlite.Repo, otp_app: :ash_rusqlite
  end

  setup %{tmp_dir: folder} do
    database = Path.join(folder, "task.db")
    migrations = Path.join(folder, "priv/repo/migrations")
    File.mkdir_p!(Path.dirname(migrations))
    File.cp_r!(migrations(), migrations)
    options = [database: database, migrations: migrations]
    MixShell.replace([{TaskRepo, options}, {:ash_rusqlite_repos, [TaskRepo]}])
    {:ok, database: database, seeds: Path.join(folder, "priv/repo/seeds.exs")}
  end

  defp mix(task, args \\ []) do
    ExUnit.CaptureIO.capture_io(fn -> Mix.Task.rerun("ash_rusqlite." <> task, args) end)
  end

  defp titles(database) do
    {:ok, repo} = AshRusqlite.Repo.start_link(database: database)
    titles = Enum.map(Reads.all(repo, :rooms, order_by: :title), & &1.title)
    AshRusqlite.Repo.stop(repo)
    titles
  end

  defp seed(path, title) do
    File.write!(path, """
    #{inspect(TaskRepo)}.upsert!(:rooms, %{id: "seed", title: "#{title}"})
    """)
  end

  test "setup creates, migrates and runs the seeds beside the migrations, again and again",
       context do
    seed(context.seeds, "General")
    mix("setup")
    assert printed() =~ ~r/is there\n.*applied\n.*seeds.exs was run/s
    assert titles(context.database) == ["General"]

    seed(context.seeds, "Hall")
    mix("setup", ["--no-seeds"])
    assert titles(context.database) == ["General"]
    mix("setup")
    assert titles(context.database) == ["Hall"]

    other = Path.join(context.tmp_dir, "other.exs")
    seed(other, "Attic")
    mix("setup", ["--seeds", other, "-q"])
    assert titles(context.database) == ["Attic"]
  end

  test "setup needs neither migrations nor seeds", context do
    File.rm_rf!(Path.join(context.tmp_dir, "priv"))
    mix("setup")
    assert printed() =~ "is there"
    assert File.regular?(context.database)

    assert_raise Mix.Error, ~r/none.exs is not there/, fn ->
      mix("setup", ["--seeds", "none.exs"])
    end
  end

  test "seeds use a repo that is running already", context do
    start_supervised!(TaskRepo)
    seed(context.seeds, "General")
    mix("setup")
    assert TaskRepo.count(:rooms) == 1
  end

  test "drop deletes the file and its log, and asks before", context do
    mix("setup")
    for suffix <- ["-wal", "-shm"], do: File.write!(context.database <> suffix, "")
    printed()

    send(self(), {:mix_shell_input, :yes?, false})
    assert_raise Mix.Error, ~r/is kept/, fn -> mix("drop") end
    assert_received {:mix_shell, :yes?, [question]}
    assert question =~ context.database
    assert titles(context.database) == []

    send(self(), {:mix_shell_input, :yes?, true})
    mix("drop", ["-r", inspect(TaskRepo)])
    assert_received {:mix_shell, :yes?, _}
    assert printed() =~ "is deleted"
    assert Path.wildcard(context.database <> "*") == []

    mix("drop", ["--force"])
    assert printed() =~ "is not there"
    refute_received {:mix_shell, :yes?, _}
  end

  test "drop works on a file without a repo module", context do
    for suffix <- ["", "-wal"], do: File.write!(context.database <> suffix, "")
    link = Path.join(context.tmp_dir, "link.db")
    File.ln_s!(context.database, link)
    mix("drop", ["--database", link, "-f"])
    # What the link leads to is the database, and has its log beside it.
    refute File.exists?(context.database) or File.exists?(context.database <> "-wal")
  end

  test "drop refuses a repo that is running, and one that has no file", context do
    start_supervised!(TaskRepo)
    assert_raise Mix.Error, ~r/is running/, fn -> mix("drop", ["--force"]) end
    stop_supervised!(TaskRepo)
    assert File.regular?(context.database)

    Application.put_env(:ash_rusqlite, TaskRepo, database: ":memory:")
    assert_raise Mix.Error, ~r/has no file/, fn -> mix("drop", ["--force"]) end
  end

  if File.dir?("/proc/self/fd") do
    test "drop and reset refuse a file that another process has open, by a link, too", context do
      mix("setup")
      link = Path.join(context.tmp_dir, "link.db")
      File.ln_s!(context.database, link)

      port =
        Port.open({:spawn_executable, "/bin/sh"}, [
          :binary,
          args: ["-c", ~S(exec 3<"$1"; echo ready; read end), "sh", context.database]
        ])

      assert_receive {^port, {:data, "ready\n"}}, 10_000
      {:os_pid, pid} = Port.info(port, :os_pid)

      for {task, args} <- [
            {"drop", ["--force"]},
            {"reset", ["--force"]},
            {"drop", ["--force", "--database", link]}
          ] do
        assert_raise Mix.Error, ~r/open in the process #{pid}/, fn -> mix(task, args) end
      end

      assert titles(context.database) == []
      Port.close(port)
      wait_until(fn -> Mix.AshRusqlite.DatabaseFile.users(context.database) == [] end)
      mix("drop", ["--force"])
      refute File.exists?(context.database)
    end
  end

  test "reset deletes, creates, migrates and runs the seeds", context do
    seed(context.seeds, "General")
    mix("setup")
    {:ok, repo} = AshRusqlite.Repo.start_link(database: context.database)
    AshRusqlite.Repo.Writes.insert!(repo, :rooms, %{id: "attic", title: "Attic"})
    AshRusqlite.Repo.stop(repo)
    assert titles(context.database) == ["Attic", "General"]
    printed()

    mix("reset")
    assert printed() =~ ~r/is deleted\n.*is there\n.*applied\n.*seeds.exs was run/s
    assert titles(context.database) == ["General"]
    # A project of which nobody says that it is in production.
    refute_received {:mix_shell, :yes?, _}
  end

  test "restore replaces what the database holds, and asks before", context do
    seed(context.seeds, "General")
    mix("setup")
    backup = Path.join(context.tmp_dir, "backup.db")
    mix("backup", [backup])
    seed(context.seeds, "Hall")
    mix("setup")

    send(self(), {:mix_shell_input, :yes?, false})
    assert_raise Mix.Error, ~r/is kept/, fn -> mix("restore", [backup]) end
    assert titles(context.database) == ["Hall"]

    send(self(), {:mix_shell_input, :yes?, true})
    mix("restore", [backup])
    assert printed() =~ ~r/\d+ bytes restored from #{Regex.escape(backup)}/
    assert titles(context.database) == ["General"]

    # Also what is not there yet.
    new = Path.join(context.tmp_dir, "new.db")
    mix("restore", ["--database", new, "-f", backup])
    assert titles(new) == ["General"]

    assert_raise Mix.Error, ~r/give the path/, fn -> mix("restore") end
    assert_raise Mix.Error, fn -> mix("restore", ["-f", context.seeds]) end
    assert titles(context.database) == ["General"]
  end

  test "every task is documented" do
    for task <- ~w(drop restore setup reset) do
      module = Mix.Task.get!("ash_rusqlite." <> task)
      assert Mix.Task.shortdoc(module)
      assert Mix.Task.moduledoc(module) =~ "mix ash_rusqlite.#{task}"
    end
  end
end
