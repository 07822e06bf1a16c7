defmodule AshRusqlite.Repo.UpdateOrInsertTest do
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Repo.Writes

  defp write(repo, title, updates, row, opts \\ []) do
    Writes.update_or_insert(repo, :rooms, [title: title], updates, row, opts)
  end

  test "update_or_insert inserts the row when there is none, and updates the one that is there",
       %{repo: repo} do
    row = %{id: "attic", title: "Attic"}
    assert {:ok, {:inserted, inserted}} = write(repo, "Attic", [set: [hidden: true]], row)
    assert inserted == %{id: "attic", title: "Attic", hidden: false}

    assert {:ok, {:updated, updated}} = write(repo, "Attic", [set: [hidden: true]], row)
    assert updated == %{inserted | hidden: true}
    assert Repo.all(:rooms) == [updated]
  end

  test "update_or_insert changes nothing when more than one row has the keys", %{repo: repo} do
    Repo.insert_all(:rooms, [[id: "a", title: "A"], [id: "b", title: "B"]])
    updates = [set: [hidden: true]]

    assert {:error, %Error{code: :invalid_query}} =
             Writes.update_or_insert(repo, :rooms, [hidden: false], updates, %{
               id: "c",
               title: "C"
             })

    # Nor in a transaction, which goes on, nor beside others of a batch.
    assert {:ok, {:error, %Error{code: :invalid_query}}} =
             Repo.transaction(fn ->
               Writes.update_or_insert(repo, :rooms, [hidden: false], updates, %{
                 id: "c",
                 title: "C"
               })
             end)

    tasks =
      for n <- 1..50 do
        elsewhere(repo, fn ->
          if rem(n, 5) == 0,
            do: write(repo, "A", [set: [hidden: false]], %{id: "a", title: "A"}),
            else: Repo.insert(:rooms, id: "#{n}", title: "#{n}")
        end)
      end

    assert Enum.all?(Task.await_many(tasks), &match?({:ok, _}, &1))
    assert Repo.count(:rooms, where: [hidden: true]) == 0
    assert Repo.count(:rooms) == 42
  end

  test "many update_or_insert at once make one row", %{repo: repo} do
    Repo.insert!(:rooms, id: "hall", title: "Hall")

    results =
      for n <- 1..64 do
        elsewhere(repo, fn ->
          Writes.update_or_insert(
            repo,
            :seats,
            [room_id: "hall", number: 1],
            [set: [name: "#{n}"]],
            %{room_id: "hall", number: 1, name: "#{n}"},
            returning: [:name]
          )
        end)
      end
      |> Task.await_many()

    assert Enum.count(results, &match?({:ok, {:inserted, %{name: _}}}, &1)) == 1
    assert Enum.count(results, &match?({:ok, {:updated, %{name: _}}}, &1)) == 63
    assert [%{number: 1}] = Repo.all(:seats)
  end

  test "update_or_insert leaves a row as it is where a condition does not hold, and says so", %{
    repo: repo
  } do
    Repo.insert!(:rooms, id: "attic", title: "Attic")
    row = %{id: "new", title: "Attic"}
    hidden = [only_if: [hidden: true]]

    assert {:ok, {:skipped, %{id: "attic", hidden: false}}} =
             write(repo, "Attic", [set: [hidden: true]], row, hidden)

    assert {:ok, {:updated, %{hidden: true}}} =
             write(repo, "Attic", [set: [hidden: true]], row, only_if: [hidden: false])

    assert {:ok, {:updated, %{id: "attic", hidden: false}}} =
             write(
               repo,
               "Attic",
               [set: [hidden: false]],
               row,
               hidden ++ [returning: [:id, :hidden]]
             )

    assert {:ok, {:inserted, %{id: "loft"}}} =
             write(repo, "Loft", [set: [hidden: true]], %{id: "loft", title: "Loft"}, hidden)

    # A null is no truth.
    assert {:ok, {:skipped, _}} =
             write(repo, "Loft", [set: [hidden: true]], row, only_if: {:expr, nil})

    assert {:ok, {:skipped, %{} = empty}} =
             write(repo, "Loft", [set: [hidden: true]], row, hidden ++ [returning: false])

    assert empty == %{}

    Repo.insert!(:rooms, id: "hall", title: "Hall", hidden: true)

    assert {:error, %Error{code: :invalid_query}} =
             Writes.update_or_insert(repo, :rooms, [], [set: [hidden: true]], row, hidden)
  end

  test "update_or_insert refuses a row with a value that its column does not take, be it inserted or not",
       %{
         repo: repo
       } do
    room = Repo.insert!(:rooms, id: "attic", title: "Attic")
    wrong = %{id: "loft", title: "Attic", hidden: "no"}

    for opts <- [[], [only_if: [hidden: true]]] do
      assert {:error, %Error{code: :invalid_value, details: %{column: "hidden"}}} =
               write(repo, "Attic", [set: [title: "Loft"]], wrong, opts)
    end

    assert Repo.all(:rooms) == [room]
  end

  test "update_or_insert does many rows by one request, all of them or none", %{repo: repo} do
    {:ok, %{commits: before}} = Repo.stats()

    room = fn id, only_if ->
      {[title: id], only_if, [set: [hidden: true]], %{id: id, title: id}}
    end

    assert {:ok, [{:inserted, %{id: "a"}}, {:updated, %{id: "a", hidden: true}}, {:skipped, a}]} =
             Writes.update_or_insert_each(repo, :rooms, [
               room.("a", nil),
               room.("a", nil),
               room.("a", hidden: false)
             ])

    assert %{id: "a", hidden: true} = a
    assert {:ok, %{commits: commits}} = Repo.stats()
    assert commits == before + 1

    wrong = {[title: "c"], nil, [set: [hidden: true]], %{id: "c"}}

    assert {:error, %Error{code: :not_null_violation}} =
             Writes.update_or_insert_each(repo, :rooms, [room.("b", nil), wrong])

    assert {:ok, []} = Writes.update_or_insert_each(repo, :rooms, [])
    assert {:error, %Error{}} = Writes.update_or_insert_each(repo, :rooms, [{[title: "c"], []}])
    assert {:error, %Error{}} = Writes.update_or_insert_each(repo, :rooms, :all)
    assert [%{id: "a"}] = Repo.all(:rooms)
  end

  test "an error of either half names what is wrong, and nothing is kept", %{repo: repo} do
    assert {:error, %Error{code: :not_null_violation, details: %{columns: ["title"]}}} =
             write(repo, "Attic", [set: [hidden: true]], %{id: "attic"})

    assert {:error, %Error{code: :foreign_key_violation, details: %{columns: ["room_id"]}}} =
             Writes.update_or_insert(repo, :seats, [number: 9], [set: [name: "x"]], %{
               room_id: "nowhere",
               number: 9
             })

    assert {:error, %Error{code: :unknown_column}} =
             write(repo, "Attic", [set: [hiden: true]], %{id: "attic", title: "Attic"})

    assert {:error, %Error{code: :invalid_query}} = write(repo, "A", [], %{id: "a", title: "A"})
    assert Repo.count(:rooms) == 0
  end
end
