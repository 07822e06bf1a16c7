# Atoms that a VM made at run time come back in another one, whatever type of Ash holds them.
defmodule AshRusqlite.StoredAtomsOfAshTest do
  # Another VM writes, and another one reads.
  use ExUnit.Case, async: true

  alias AshRusqlite.Child

  @moduletag :tmp_dir

  defp child(arguments) do
    {lines, status} = "stored_atoms_of_ash.exs" |> Child.start!(arguments) |> Child.rest()
    assert {lines, status} == {lines, 0}
    lines
  end

  test "every type reads in another VM what it stored in one", %{tmp_dir: folder} do
    database = Path.join(folder, "a.db")
    written = child(["write", database, "atom_of_one_vm"])

    for line <- written,
        do: assert(line =~ "atom_of_one_vm" or line =~ ~r/^(id|parent_id|mood|module) /)

    assert "kinds [[:atom_of_one_vm_second, :atom_of_one_vm_third], [], []]" in written
    assert child(["read", database]) == written
  end
end
