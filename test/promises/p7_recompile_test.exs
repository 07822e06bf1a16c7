defmodule AshRusqlite.P7RecompileTest do
  # P7: code can change under load.
  use ExUnit.Case, async: false

  alias AshRusqlite.Project

  @moduletag :tmp_dir
  @moduletag timeout: 1_200_000

  test "every source is compiled again twice by mix while processes write", %{tmp_dir: folder} do
    project = Project.copy!(folder)
    script = Path.expand("../support/children/recompile.exs", __DIR__)
    database = Path.join(project, "test.db")

    {output, status} = Project.mix(project, ["run", script, database], Project.ready_library())

    said = fn key -> Regex.scan(~r/^#{key} (.*)$/m, output, capture: :all_but_first) end
    assert status == 0, output
    assert said.("error") == [], output
    assert said.("compiled") == [["ok"], ["ok"]], output
    assert said.("round") == [["1 1"], ["2 2"]], output
    assert said.("again") == [["noop"]], output
    assert said.("broken") == [["error round 2"]], output
    assert [[stored]] = said.("stored")
    assert [number, number] = String.split(stored, " of ")
  end
end
