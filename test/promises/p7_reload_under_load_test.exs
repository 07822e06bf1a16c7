defmodule AshRusqlite.P7ReloadUnderLoadTest do
  # P7: code can change under load.
  use ExUnit.Case, async: false

  alias AshRusqlite.Child

  @moduletag :tmp_dir
  @moduletag timeout: 1_200_000

  # In the long run 100.
  @rounds System.get_env("ASH_RUSQLITE_TEST_ROUNDS", "6")

  @tag :linux
  test "every module and the library are replaced while 64 processes write, read and run transactions",
       %{tmp_dir: folder} do
    child = Child.start!("reload_under_load.exs", [copy!(folder), "#{folder}/test.db", @rounds])
    {lines, status} = Child.rest(child)

    said = fn key ->
      for <<^key::binary-size(byte_size(key)), " ", rest::binary>> <- lines, do: rest
    end

    assert {status, List.last(lines)} == {0, "done"}, Enum.join(lines, "\n")
    assert {said.("errors"), said.("error")} == {["0"], []}

    # Acknowledged is stored, and a transaction that the new code ended is not.
    assert [_file, _memory] = stored = said.("stored")

    for text <- stored do
      assert [stored, acknowledged] = String.split(text, " of ")
      assert stored == acknowledged and stored != "0"
    end

    # The one that is loaded, and the one before it at most.
    assert [libraries] = said.("libraries")
    assert String.to_integer(libraries) <= 2

    assert [descriptors, threads, kib] =
             said.("grown") |> hd() |> String.split() |> Enum.map(&String.to_integer/1)

    assert {descriptors, threads} |> Tuple.to_list() |> Enum.all?(&(&1 <= 64))
    assert kib < 100_000
  end

  # The application as a build leaves it.
  defp copy!(folder) do
    app = Path.expand(Path.join(folder, "ash_rusqlite"))
    File.mkdir_p!(Path.join(app, "priv"))
    File.cp_r!(Mix.Project.compile_path(), Path.join(app, "ebin"))
    File.cp_r!("priv/native", Path.join(app, "priv/native"))
    app
  end
end
