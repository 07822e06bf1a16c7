defmodule AshRusqlite.Repo.UpdateEachTest do
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Repo.Writes

  setup do
    Repo.insert_all(:rooms, for(id <- ~w(a b c), do: [id: id, title: String.upcase(id)]))
    :ok
  end

  defp titles, do: Enum.map(Repo.all(:rooms, order_by: :id), & &1.title)

  test "update_each updates each row in its own way, and gives them in the order of the changes",
       %{
         repo: repo
       } do
    changes = [
      {[id: "c"], [set: [title: "third"]]},
      {[id: "nowhere"], [set: [title: "none"]]},
      {[id: "a"], [set: [title: "first", hidden: true]]},
      {[id: "c"], [set: [hidden: true]]}
    ]

    assert {:ok, {3, rows}} = Writes.update_each(repo, :rooms, changes, returning: [:id, :hidden])

    assert rows == [
             %{id: "c", hidden: false},
             %{id: "a", hidden: true},
             %{id: "c", hidden: true}
           ]

    assert titles() == ["first", "B", "third"]
    assert {:ok, {1, nil}} = Writes.update_each(repo, :rooms, Enum.take(changes, 1))
    assert {:ok, {0, _}} = Writes.update_each(repo, :rooms, [])
  end

  test "update_each is one request, and all of it or nothing", %{repo: repo} do
    {:ok, %{commits: before}} = Repo.stats()
    changes = for id <- ~w(a b c), do: {[id: id], [set: [title: "new " <> id]]}
    assert {:ok, {3, nil}} = Writes.update_each(repo, :rooms, changes)
    assert {:ok, %{commits: commits}} = Repo.stats()
    assert commits == before + 1

    wrong = [{[id: "a"], [set: [title: "wrong"]]}, {[id: "b"], [set: [title: nil]]}]

    assert {:error, %Error{code: :not_null_violation, details: %{columns: ["title"]}}} =
             Writes.update_each(repo, :rooms, wrong)

    # So it is in a transaction, which goes on, and beside others of a batch.
    assert {:ok, {:error, %Error{code: :not_null_violation}}} =
             Repo.transaction(fn -> Writes.update_each(repo, :rooms, wrong) end)

    tasks =
      for n <- 1..30 do
        elsewhere(repo, fn ->
          if rem(n, 3) == 0,
            do: Writes.update_each(repo, :rooms, wrong),
            else: Repo.insert(:rooms, id: "#{n}", title: "#{n}")
        end)
      end

    assert Enum.count(Task.await_many(tasks), &match?({:ok, _}, &1)) == 20
    assert Repo.count(:rooms, where: [title: "wrong"]) == 0
    assert Repo.count(:rooms) == 23
  end

  test "an error names what is wrong", %{repo: repo} do
    Repo.insert!(:seats, room_id: "a", number: 1)

    assert {:error, %Error{code: :foreign_key_violation, details: %{columns: ["room_id"]}}} =
             Writes.update_each(repo, :seats, [
               {[number: 1], [set: [name: "x"]]},
               {[number: 1], [set: [room_id: "nowhere"]]}
             ])

    for wrong <- [
          [:a],
          [{[id: "a"], [sett: [title: "x"]]}],
          [{[id: "a"], []}],
          [{7, [set: [title: "x"]]}],
          [{[id: "a"], [set: [title: "x"]]} | :more],
          %{},
          :all
        ] do
      assert {:error, %Error{code: :invalid_query}} = Writes.update_each(repo, :rooms, wrong)
    end

    assert {:error, %Error{code: :unknown_column}} =
             Writes.update_each(repo, :rooms, [{[id: "a"], [set: [titel: "x"]]}])

    assert titles() == ["A", "B", "C"]
  end
end
