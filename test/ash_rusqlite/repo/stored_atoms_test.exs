# What was stored comes back as it went in, in a VM that has not met its atoms, too; and a file
# cannot fill the VM's table of atoms.
defmodule AshRusqlite.Repo.StoredAtomsTest do
  # The limit is one for the whole VM.
  use AshRusqlite.Case, async: false

  alias AshRusqlite.Child
  alias AshRusqlite.Repo.{StoredAtoms, Unreadable}

  doctest StoredAtoms

  # No code of the other VM names it.
  @name "stored_by_one_vm"

  # What is inserted as raw bytes gets into the other column as it is.
  @tables """
  -- up
  CREATE TABLE notes (id INTEGER PRIMARY KEY, style JSON_TEXT, raw BLOB);
  CREATE TRIGGER raw_style AFTER INSERT ON notes WHEN new.raw IS NOT NULL BEGIN
    UPDATE notes SET style = new.raw WHERE id = new.id;
  END;
  """

  setup %{repo: repo} do
    migrate!(repo, @tables)
    :ok
  end

  defp child(how, database, more \\ []) do
    {lines, status} = "stored_atoms.exs" |> Child.start!([how, database | more]) |> Child.rest()
    assert {lines, status} == {lines, 0}
    lines
  end

  test "atoms that one VM made at run time come back in another", %{
    database: database,
    repo: repo
  } do
    AshRusqlite.Repo.stop(repo)
    assert ["written"] = child("write", database, [@name])

    assert child("read", database) == [
             "1 %{stored_by_one_vm_key: true}",
             "2 [:stored_by_one_vm_item, {:stored_by_one_vm_in_tuple, 1.5, nil, -7} | :stored_by_one_vm_tail]",
             "3 %{__struct__: :\"Elixir.stored_by_one_vm.Lazy\", tone: :stored_by_one_vm_tone}",
             "4 %{\"ä\" => [:stored_by_one_vm_ä, <<1::size(3)>>, 1000000000000000000000]}",
             "5 [:stored_by_one_vm_日本]",
             "made 8",
             "made 8 by another read"
           ]
  end

  test "beyond the limit a value makes none of its atoms, and is named with its atom",
       %{database: database, repo: repo} do
    AshRusqlite.Repo.stop(repo)
    child("write", database, [@name])

    assert ["1 read", two, "3 read" | rest] = child("limit", database, ["3"])

    assert two =~ ~r/^2 invalid_stored_value id: 2 stored_by_one_vm_item: .*notes\.style/
    assert two =~ "`config :ash_rusqlite, max_stored_atoms: 3`"
    # Three of the two that were read, so that nothing is left for the others.
    assert [four, five, "made 3"] = rest
    assert four =~ ~r/^4 invalid_stored_value id: 4 stored_by_one_vm_ä: /
    assert five =~ ~r/^5 invalid_stored_value id: 5 stored_by_one_vm_日本: /
  end

  test "the limit is at most half of the room that the VM has left" do
    Application.put_env(:ash_rusqlite, :max_stored_atoms, 1_000_000_000)

    on_exit(fn ->
      Application.delete_env(:ash_rusqlite, :max_stored_atoms)
      :ok = StoredAtoms.set_limit()
    end)

    assert :ok = StoredAtoms.set_limit()
    assert StoredAtoms.count().limit <= div(:erlang.system_info(:atom_limit), 2)

    Application.put_env(:ash_rusqlite, :max_stored_atoms, "many")
    assert {:error, %Error{code: :invalid_option}} = StoredAtoms.set_limit()
  end

  # Nothing of ours stores them, but another program may.
  test "functions, pids, ports and references are refused on write and on read, wherever they are" do
    [port | _] = Port.list()

    fleeting = [
      {"function", fn -> 1 end},
      {"function", &String.length/1},
      {"function", Function.capture(:nobody, :defined, 3)},
      {"pid", self()},
      {"port", port},
      {"reference", make_ref()}
    ]

    for {{kind, value}, n} <- Enum.with_index(fleeting),
        {nested, m} <- Enum.with_index(nested(value)) do
      assert {:error, %Error{code: :invalid_value, message: message}} =
               Repo.insert(:notes, style: nested)

      assert message =~ kind

      id = n * 10 + m
      store_raw!(id, :erlang.term_to_binary(nested))

      error = assert_raise Error, fn -> Repo.get!(:notes, id) end
      assert error.code == :invalid_stored_value
      assert error.message =~ "it holds a #{kind}"
      assert error.details.key == "id: #{id}"
    end
  end

  defp nested(value),
    do: [
      [value],
      [1 | value],
      {value},
      %{"a" => [value]},
      %{value => <<1::3>>},
      [%{a: {1, [2 | value]}}]
    ]

  test "a blob that is no term, cut off or compressed fails with the key of its row" do
    whole = :erlang.term_to_binary(%{a: [1, {2, "three"}]})
    compressed = :erlang.term_to_binary(List.duplicate("long", 100), [:compressed])
    cut_off = binary_part(whole, 0, byte_size(whole) - 2)
    blobs = [<<131>>, <<131, 153>>, cut_off, whole <> <<0>>, compressed]

    for {blob, id} <- Enum.with_index(blobs) do
      store_raw!(id, blob)
      error = assert_raise Error, fn -> Repo.all(:notes, where: [id: id]) end
      assert %{code: :invalid_stored_value, details: %{key: key, column: "style"}} = error
      assert key == "id: #{id}"
    end
  end

  test "other rows are read, and all unreadable ones are found and deleted" do
    for id <- 1..1_100, do: store_raw!(id, :erlang.term_to_binary(%{a: id}))
    for id <- [7, 900], do: store_raw!(10_000 + id, :erlang.term_to_binary([self()]))

    found = Repo.get_dynamic_repo() |> Unreadable.stream(:notes) |> Enum.map(&{&1.key, &1.column})
    assert found == [{"id: 10007", "style"}, {"id: 10900", "style"}]

    rows = Unreadable.leave_out(Repo.get_dynamic_repo(), :notes, order_by: :id)
    assert Enum.map(rows, & &1.id) == Enum.to_list(1..1_100)
    assert Enum.at(rows, 6).style == %{a: 7}
    assert [] = Unreadable.leave_out(Repo.get_dynamic_repo(), :notes, where: [id: 10_007])

    assert_raise Error, ~r/limt/, fn ->
      Unreadable.leave_out(Repo.get_dynamic_repo(), :notes, limt: 1)
    end

    assert Repo.delete_all(:notes, where: [{:id, :>, 10_000}]) == {2, nil}
    assert [_ | _] = Repo.all(:notes)
    assert "notes" in Unreadable.tables(Repo.get_dynamic_repo())
    refute "ash_rusqlite_meta" in Unreadable.tables(Repo.get_dynamic_repo())
  end

  defp store_raw!(id, bytes), do: Repo.insert_all(:notes, [[id: id, raw: bytes]])
end
