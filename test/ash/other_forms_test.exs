# `mix ash_rusqlite.check` knows from the resources which columns of another program's tables hold
# times, and names those whose texts are in other forms.
defmodule AshRusqlite.OtherFormsTest do
  # The shell of Mix is one for the whole VM.
  use ExUnit.Case, async: false

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_other_forms_test
  end

  defmodule Domain do
    use Ash.Domain, validate_config_inclusion?: false

    resources do
      allow_unregistered? true
      resource AshRusqlite.OtherFormsTest.Visit
    end
  end

  defmodule Visit do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "visits"
      migrate?(false)
    end

    actions do
      defaults [:read]
    end

    attributes do
      integer_primary_key(:id)
      attribute :at, :utc_datetime_usec, public?: true
    end
  end

  @moduletag :tmp_dir

  setup %{tmp_dir: folder} do
    migrations = Path.join(folder, "migrations")
    File.mkdir_p!(migrations)

    File.write!(Path.join(migrations, "1_visits.sql"), """
    -- up
    CREATE TABLE visits (id INTEGER PRIMARY KEY, at TEXT);
    INSERT INTO visits VALUES (1, '2026-01-02T03:04:05.1Z'), (2, '2026-01-02T03:04:06.000001Z');
    """)

    shell = Mix.shell()
    Mix.shell(Mix.Shell.Process)
    Application.put_env(:ash_rusqlite, :ash_rusqlite_repos, [Repo])
    Application.put_env(:ash_rusqlite, :ash_domains, [Domain])

    on_exit(fn ->
      Mix.shell(shell)
      Application.delete_env(:ash_rusqlite, :ash_rusqlite_repos)
      Application.delete_env(:ash_rusqlite, :ash_domains)
    end)

    start_supervised!({Repo, database: Path.join(folder, "a.db"), migrations: migrations})
    {:ok, _} = Repo.migrate()
    {:ok, migrations: migrations}
  end

  defp check do
    ExUnit.CaptureIO.capture_io(fn -> Mix.Task.rerun("ash_rusqlite.check", []) end)
    said()
  end

  defp said do
    receive do
      {:mix_shell, :info, [text]} -> [IO.iodata_to_binary(text) | said()]
    after
      0 -> []
    end
  end

  test "a TEXT column that a resource reads as times is named, until its migration has run",
       %{migrations: migrations} do
    assert [_sound, text] = check()
    assert text =~ ~s|visits, at: 1 rows, such as "2026-01-02T03:04:05.1Z"|
    before = Ash.read!(Visit, authorize?: false)
    [_, statement] = Regex.run(~r/(UPDATE "visits".*;)/s, text)
    File.write!(Path.join(migrations, "2_one_form.sql"), "-- up\n" <> statement)
    assert {:ok, [_]} = Repo.migrate()
    assert [_sound] = check()

    pairs = Enum.zip(Enum.sort_by(before, & &1.id), Ash.read!(Visit) |> Enum.sort_by(& &1.id))
    for {old, new} <- pairs, do: assert(DateTime.compare(old.at, new.at) == :eq)
    assert length(pairs) == 2
  end
end
