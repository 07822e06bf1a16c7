defmodule AshRusqlite.Repo.StructRowsTest do
  # A struct is a row of its fields.
  use AshRusqlite.Case, async: true

  defmodule Room do
    defstruct [:id, :title, hidden: false, __meta__: %{state: :built}]
  end

  defmodule Other do
    defstruct [:id, :title, :color]
  end

  test "a struct is inserted, upserted and what an update sets" do
    assert {:ok, %{id: "attic", title: "Attic", hidden: false}} =
             Repo.insert(:rooms, %Room{id: "attic", title: "Attic"})

    assert %{title: "Loft"} = Repo.upsert!(:rooms, %Room{id: "attic", title: "Loft"})

    assert {2, nil} =
             Repo.insert_all(:rooms, [%Room{id: "a", title: "A"}, %{id: "b", title: "B"}])

    assert {:ok, %{title: "Hall", hidden: true}} =
             Repo.update(:rooms, "a", %Room{id: "a", title: "Hall", hidden: true})

    assert Repo.count(:rooms) == 3
  end

  test "a field that is no column is refused as a key of a map is" do
    assert {:error, %Error{code: :unknown_column} = of_map} =
             Repo.insert(:rooms, %{id: "a", title: "A", color: nil})

    assert {:error, ^of_map} = Repo.insert(:rooms, %Other{id: "a", title: "A"})

    assert {:error, %Error{code: :unknown_column}} =
             Repo.update(:rooms, "a", %Other{id: "a", title: "A"})
  end
end
