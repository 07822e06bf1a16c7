defmodule AshRusqlite.P7RebuildUnderLoadTest do
  # P7: code can change under load.
  use ExUnit.Case, async: false

  alias AshRusqlite.Project

  @moduletag :tmp_dir
  @moduletag timeout: :infinity

  # Cargo builds everything first, which takes minutes: in the long run only.
  @rounds System.get_env("ASH_RUSQLITE_TEST_ROUNDS")
  unless @rounds, do: @moduletag(skip: "builds the library: set ASH_RUSQLITE_TEST_ROUNDS")

  test "changes of the NIF and of the engine are built by cargo and run in a VM whose processes write",
       %{tmp_dir: folder} do
    project = Project.copy!(folder)
    script = Path.expand("../support/children/rebuild_under_load.exs", __DIR__)

    # What the crates of others become stays for the next time.
    env = [
      {"ASH_RUSQLITE_PROFILE", "development"},
      {"ASH_RUSQLITE_LIBRARY", nil},
      {"CARGO_TARGET_DIR", Path.expand("target/reload_test")}
    ]

    {output, status} =
      Project.mix(project, ["run", script, Path.join(project, "test.db"), @rounds], env)

    said = fn key -> Regex.scan(~r/^#{key} (.*)$/m, output, capture: :all_but_first) end
    rounds = String.to_integer(@rounds)
    assert status == 0, output
    assert said.("round") == for(round <- 1..rounds, do: ["#{round} ok true"]), output
    assert said.("error") == [], output

    assert [_file, _memory] = stored = said.("stored")

    for [text] <- stored do
      assert [stored, acknowledged] = String.split(text, " of ")
      assert stored == acknowledged and stored != "0"
    end

    for [took] <- said.("took"), do: IO.puts("built and loaded: #{took} ms")
    IO.puts("stored: #{stored |> List.flatten() |> Enum.join(", ")}")
  end
end
