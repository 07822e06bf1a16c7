defmodule AshRusqlite.P7RecompileTest do
  # P7: code can change under load.
  use ExUnit.Case, async: false

  @moduletag :tmp_dir
  @moduletag timeout: 1_200_000

  test "every source is compiled again twice by mix while processes write", %{tmp_dir: folder} do
    project = copy!(folder)
    script = Path.expand("../support/children/recompile.exs", __DIR__)
    database = Path.join(project, "test.db")

    {output, status} =
      System.cmd("mix", ["run", script, database],
        cd: project,
        env: [{"MIX_ENV", "prod"}, {"MIX_BUILD_PATH", nil} | library()],
        stderr_to_stdout: true
      )

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

  defp copy!(folder) do
    project = Path.expand(Path.join(folder, "project"))
    File.mkdir_p!(project)

    for part <- ~w(lib native mix.exs Cargo.toml Cargo.lock .cargo .formatter.exs),
        do: File.cp_r!(part, Path.join(project, part))

    project
  end

  # The one that is built already, so that cargo has nothing to do.
  defp library do
    path = Path.expand("priv/native/#{File.read!("priv/native/current")}.so")
    checksum = :sha256 |> :crypto.hash(File.read!(path)) |> Base.encode16(case: :lower)
    [{"ASH_RUSQLITE_LIBRARY", path}, {"ASH_RUSQLITE_LIBRARY_SHA256", checksum}]
  end
end
