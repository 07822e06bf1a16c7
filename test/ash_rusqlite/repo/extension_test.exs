defmodule AshRusqlite.Repo.ExtensionTest do
  # The extensions are those of the whole VM.
  use ExUnit.Case

  alias AshRusqlite.Journal
  alias AshRusqlite.Repo.Extension

  defmodule ExtendedRepo do
    use AshRusqlite.Repo, otp_app: :ash_rusqlite
  end

  defmodule Lamp do
    defstruct [:id]
  end

  defmodule Lamps do
    @behaviour Extension

    @impl true
    def repo_started(module, otp_app, repo) do
      with pid when pid != nil <- Process.whereis(__MODULE__),
           do: send(pid, {:started, module, otp_app, repo})
    end

    @impl true
    def row(%Lamp{id: id}), do: {:ok, {ExtendedRepo, :lamps, id}}
    def row(_record), do: :error
  end

  setup do
    before = Application.fetch_env!(:ash_rusqlite, :extensions)
    Application.put_env(:ash_rusqlite, :extensions, before ++ [Not.There, Lamps])
    on_exit(fn -> Application.put_env(:ash_rusqlite, :extensions, before) end)
    Process.register(self(), Lamps)
    :ok
  end

  test "an extension is called after a repo has started, and again after its tables changed" do
    start_supervised!({ExtendedRepo, database: ":memory:"})
    assert_receive {:started, ExtendedRepo, :ash_rusqlite, ExtendedRepo}, 10_000

    folder = Path.join(System.tmp_dir!(), "extension-#{System.unique_integer([:positive])}")
    File.mkdir_p!(folder)
    on_exit(fn -> File.rm_rf!(folder) end)

    File.write!(
      Path.join(folder, "1_a.sql"),
      "-- up\nCREATE TABLE lamps (id TEXT PRIMARY KEY);\n"
    )

    assert {:ok, [_]} = ExtendedRepo.migrate(migrations: folder)
    assert_receive {:started, ExtendedRepo, :ash_rusqlite, ExtendedRepo}, 10_000
  end

  test "an extension that is not compiled is left out" do
    assert Lamps in Extension.all()
    refute Not.There in Extension.all()
  end

  test "the row of a record is what its extension says" do
    assert Extension.row(%Lamp{id: "a"}) == {:ok, {ExtendedRepo, :lamps, "a"}}

    assert_raise ArgumentError, "Range is not a resource that a repo stores", fn ->
      Journal.history(1..2)
    end
  end
end
