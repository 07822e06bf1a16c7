defmodule AshRusqlite.P7ReloadUnderLoadTest do
  # P7: code can change under load.
  use ExUnit.Case, async: false

  alias AshRusqlite.Child

  @moduletag :tmp_dir
  @moduletag timeout: 1_200_000

  # In the long run 100.
  @rounds System.get_env("ASH_RUSQLITE_TEST_ROUNDS", "6")
  @jitter 3

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

    # Followers of the journal have all of it, in order.
    for {followed, text} <- Enum.zip(said.("followed"), stored) do
      [stored, _] = String.split(text, " of ")
      assert followed == "{:followed, #{stored}}"
    end

    assert length(said.("followed")) == 2

    # The one that is loaded, and the one before it at most.
    assert [libraries] = said.("libraries")
    assert String.to_integer(libraries) <= 2

    # One more by each reload is more than this.
    assert [grown] = said.("grown")
    assert [descriptors, threads, kib, "in", reloads] = String.split(grown)
    assert String.to_integer(reloads) > @jitter
    assert String.to_integer(descriptors) <= @jitter, grown
    assert String.to_integer(threads) <= @jitter, grown

    # A library takes 4 MiB.
    if String.to_integer(reloads) >= 50 do
      IO.puts("descriptors, threads, KiB: #{grown} reloads; stored: #{Enum.join(stored, ", ")}")
      assert div(String.to_integer(kib), String.to_integer(reloads)) < 512, grown
    end
  end

  describe "one reload" do
    setup %{tmp_dir: folder} do
      child = Child.start!("reload_once.exs", [copy!(folder), folder])
      {lines, status} = Child.rest(child)
      {:ok, lines: lines, status: status, output: Enum.join(lines, "\n")}
    end

    test "ends or keeps what is open, and refuses another layout", context do
      %{lines: lines, output: output} = context
      assert context.status == 0, output

      assert Enum.any?(lines, &(&1 =~ ~r/^written code_replaced true .*replaced.*run it again/)),
             output

      for line <- [
            "rolled back true",
            "committed code_replaced true",
            "idle true",
            "memory true",
            "report true",
            "closed true",
            "types true",
            "atoms true",
            "limit invalid_stored_value",
            "old transaction code_replaced",
            "old end code_replaced",
            "old request true",
            "new transaction true",
            "old rows :dirty",
            "code goes on true",
            "orphans closed true 40 [:closed]",
            "not waited true",
            "through {:ok, true}",
            "migrated true",
            "goes on true",
            "then true"
          ],
          do: assert(line in lines, line <> " is not in:\n" <> output)

      assert Enum.any?(lines, &(&1 =~ ~r/^busy .*compile again when it is through/)), output
      assert Enum.any?(lines, &(&1 =~ ~r/^refused .*restart the VM/)), output
    end
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
