defmodule AshRusqlite.P8NifSoakTest do
  @moduledoc false
  # P8: no term that is given to a native function ends the VM, panics or is answered without
  # a type. Every function of `AshRusqlite.Native` is called; `SOAK=5 mix test FILE` goes on for
  # five minutes, from a seed of its own.
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Child

  @calls 2_000
  @minutes "SOAK" |> System.get_env("0") |> String.to_integer()

  @tag timeout: :infinity
  test "the VM survives random terms in every argument, and the database is as sound as before",
       %{repo: repo, database: database, tmp_dir: folder} do
    migrations = Path.join(folder, "migrations")
    File.cp_r!(migrations(), migrations)

    File.write!(Path.join(migrations, "20990101000000_kinds.sql"), """
    -- up
    CREATE TABLE kinds (
      id INTEGER PRIMARY KEY, text TEXT, integer INTEGER, float REAL, decimal DECIMAL_TEXT,
      boolean BOOLEAN_INT, datetime DATETIME_TEXT, naive NAIVE_DATETIME_USEC_TEXT,
      date DATE_TEXT, time TIME_TEXT, json JSON_TEXT, blob BLOB
    );

    -- down
    DROP TABLE kinds;
    """)

    {:ok, _} = Repo.migrate(migrations: migrations)
    time = @minutes * 60_000
    seed = if time > 0, do: System.os_time(:second), else: 20_260_102
    arguments = [database, migrations, "#{seed}", "#{@calls}", "#{time}"] |> Enum.map(&absolute/1)

    child = Child.start!("soak_native.exs", arguments, cd: folder)
    {lines, status} = soak(child, time)
    shown = "seed #{seed}: " <> Enum.join(lines, "\n")

    assert status == 0, shown
    assert List.last(lines) == "survived", shown
    refute Enum.any?(lines, &String.starts_with?(&1, "wrong")), shown
    refute Enum.any?(lines, &(&1 =~ "panicked")), shown

    # What random calls left of the database is whole, and a normal write and read go on.
    {:ok, _} = Repo.migrate(migrations: migrations)
    assert {:ok, []} = Repo.check()
    assert {:ok, row} = Repo.insert(:kinds, text: "after", json: %{"a" => 1})
    assert Repo.get!(:kinds, row.id) == row
    assert {:ok, %{holder: nil, queue_depth: 0}} = AshRusqlite.Repo.Maintenance.stats(repo)
  end

  defp absolute(argument),
    do: if(File.exists?(argument), do: Path.expand(argument), else: argument)

  # The child is silent as it works.
  defp soak(%{port: port} = child, time) do
    receive do
      {^port, {:data, {:eol, line}}} -> Child.rest(child, [line])
      {^port, {:exit_status, status}} -> {[], status}
    after
      time + 120_000 -> flunk("the VM hangs")
    end
  end
end
