defmodule AshRusqlite.BenchTest do
  # Runs the benchmark as a user does, with little of everything, so that it cannot rot. What
  # it measures that way means nothing, and nothing is asserted of it.
  use ExUnit.Case, async: false

  @moduletag :tmp_dir
  # The program of the reference may have to be built first.
  @moduletag timeout: 600_000

  @bars %{
    "point get by id" => 2.0,
    "point get by id, latest messages" => 2.0,
    "latest 50 of a room" => 1.7,
    "latest 50 of a room, 64 processes" => 0.8,
    "durable insert, 1 process" => 0.9,
    "durable insert, 8 processes" => 3.0,
    "durable insert, 64 processes" => 6.0,
    "durable insert, 512 processes" => 9.0,
    "transaction of an insert, 32 processes, against synchronous off" => 0.85,
    "insert_all of 100,000 rows" => 1.5,
    "rebuild of a table of 1,000,000 rows" => 1.5,
    "read all 100,000 rows" => 4.0,
    "latest 50 at 1,000,000 messages against 1,000" => 1.5,
    "timer late by more than 10 ms under load" => 0.001,
    "generate the first migration of 100 resources, against 3 s" => 1.0,
    "generate a column, an index and a check for each of 100 resources, against 3 s" => 1.0,
    "longest pause of one of 64 writers while native code is replaced, against 500 ms" => 1.0,
    "journaled insert, 64 processes, against one without" => 1.8,
    "a room's events from a position, at 1,000,000 events against 10,000" => 1.3,
    "rebuild from the journal, events, against plain inserts of rows" => 0.5,
    "verify of the journal, against rebuild" => 2.0,
    "commit to delivery, median while 64 processes write, against 2 ms" => 1.0,
    "durable insert, 64 processes, with 1,000 subscribers against none" => 0.95
  }

  @ecto_bars %{
    "durable insert, 1 process, against ecto_sqlite3" => 1.0,
    "durable insert, 32 processes, against ecto_sqlite3" => 1.0,
    "durable insert, 256 processes, against ecto_sqlite3" => 1.0,
    "durable insert, 32 processes, against ecto_sqlite3 with one connection" => 1.0,
    "durable insert, 256 processes, against ecto_sqlite3 with one connection" => 1.0,
    "durable inserts of 256 processes that failed, repo beside ecto_sqlite3: busy or timeout" =>
      0.0,
    "insert_all of 20,000 rows, against ecto_sqlite3" => 1.0,
    "point get by id, against ecto_sqlite3" => 1.0,
    "latest 50 of a room, against ecto_sqlite3" => 1.0,
    "update of a row, against ecto_sqlite3" => 1.0
  }

  @ash_sqlite_bars %{
    "create, 1 process" => 1.0,
    "create, 32 processes" => 5.0,
    "create, 256 processes" => 1.0,
    "get by id" => 1.0,
    "latest 50 of a room" => 1.0,
    "bulk create of 20,000" => 1.0,
    "update" => 1.0,
    "load of a room with members and latest 50" => 1.0
  }

  @ash_ets_bars %{
    "1,000" => %{"create, 1 process, synchronous off" => 0.5},
    "100,000" => %{
      "create, 1 process, synchronous off" => 0.5,
      "get by id" => 0.01,
      "latest 50 of a room" => 0.01,
      "load of a room with members and latest 50" => 0.01
    }
  }

  # Of what Ash says by relationships, tenants and policies.
  @by_hand [
    "latest 50 by a policy about rows of a relationship to many",
    "exists over a relationship with a filter",
    "exists over a base filter",
    "exists over a tenant's rows",
    "exists over a primary read with a filter",
    "a field of a relationship to many",
    "count over a relationship with a filter",
    "sort by it",
    "count over a base filter",
    "count of a tenant's rows",
    "count over a primary read with a filter",
    "load of rows by parent()",
    "load of a relationship without attributes"
  ]

  defp bench(args) do
    System.cmd(Path.expand("bin/bench"), args, stderr_to_stdout: true, env: [{"MIX_ENV", "test"}])
  end

  # The benchmark must have what is loaded here. It may have more, and says what it has not.
  defp loaded?(output, module, name) do
    Code.ensure_loaded?(module) or not (output =~ "#{name} is not loaded: left out.")
  end

  defp ash_references(output) do
    ash? = loaded?(output, Ash, "Ash")

    if(ash?, do: ["ETS"], else: []) ++
      if(ash? and loaded?(output, AshSqlite, "ash_sqlite"), do: ["ash_sqlite"], else: [])
  end

  defp ecto_bars(output) do
    if loaded?(output, Ecto.Adapters.SQLite3, "ecto_sqlite3"), do: @ecto_bars, else: %{}
  end

  defp ash_bars(references) do
    for reference <- references,
        size <- ["1,000", "100,000"],
        bars = if(reference == "ETS", do: @ash_ets_bars[size], else: @ash_sqlite_bars),
        {row, bar} <- bars,
        into: %{},
        do: {"Ash: #{row}, #{size} messages, against #{reference}", bar}
  end

  # Of figures that need no other data layer.
  defp own_ash_bars([]), do: %{}

  defp own_ash_bars(_references) do
    @by_hand
    |> Map.new(&{"Ash: #{&1}, against it by hand", 3.0})
    |> Map.put("Ash: create with an after_action, 32 processes, against synchronous off", 0.85)
  end

  defp postgres_bars(output) do
    if output =~ "PostgreSQL is not installed: left out.",
      do: %{},
      else: %{"durable insert, 8 processes, against PostgreSQL" => 1.0}
  end

  test "a quick run has every figure, in the table and as JSON", %{tmp_dir: folder} do
    json = Path.join(folder, "figures.json")
    {output, status} = bench(["--quick", "--json", json, "--folder", folder])
    assert status == 0, output

    {:ok, figures} = AshRusqlite.Native.json_decode_dirty(File.read!(json))
    bars = for %{"bar" => bar, "name" => name} <- figures, bar != nil, into: %{}, do: {name, bar}
    references = ash_references(output)
    ash = Map.merge(ash_bars(references), own_ash_bars(references))
    others = [ash, ecto_bars(output), postgres_bars(output)]
    assert bars == Enum.reduce(others, @bars, &Map.merge/2)

    for figure <- figures do
      assert %{"ours" => ours, "reference" => reference, "ratio" => ratio, "ok" => ok} = figure
      assert is_number(ours) and is_number(reference) and is_number(ratio) and is_boolean(ok)
      assert reference > 0 and ours >= 0
      assert figure["bar"] != nil or ok
      assert output =~ figure["name"]
    end

    names = Enum.map_join(figures, "\n", & &1["name"])

    assert names =~ "durable insert, 64 processes, p99, against its median"

    for store <- ["ETS", "DETS", "Mnesia"], kind <- ["point get", "latest 50", "insert"] do
      assert names =~ ~r/#{kind}.* against #{store}/
    end

    for reference <- references,
        row <- Map.keys(@ash_sqlite_bars),
        size <- ["1,000", "100,000"] do
      assert names =~ "Ash: #{row}, #{size} messages, against #{reference}"
    end

    # Nothing stays behind but what was asked for.
    assert File.ls!(folder) == ["figures.json"]
  end

  test "--only chooses figures by name, and a bar is a reason to fail only with --check" do
    {output, 0} = bench(["--quick", "--only", "Point Get by id", "--only", "idle"])
    assert output =~ "point get by id, latest messages"
    assert output =~ "timer late by more than 10 ms, idle"
    refute output =~ "DETS"
  end

  test "what it does not know is refused with the help" do
    {output, status} = bench(["--quik"])
    assert status == 2
    assert output =~ "--quik" and output =~ "--only NAME"

    assert {output, 2} = bench(["--only", "no such figure"])
    assert output =~ "--list"
  end

  test "--help lists the options" do
    assert {output, 0} = bench(["--help"])
    for option <- ~w(--only --json --check --quick --folder --list), do: assert(output =~ option)
  end
end
