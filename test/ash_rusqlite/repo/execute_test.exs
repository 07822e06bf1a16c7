defmodule AshRusqlite.Repo.ExecuteTest do
  # Raw SQL that writes.
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Repo.Writes

  setup :insert_examples

  defp titles, do: :rooms |> Repo.all(order_by: :title) |> Enum.map(& &1.title)

  test "a statement writes rows with bound values, and says how many" do
    sql = "UPDATE messages SET likes = likes + ? WHERE room_id = ?"
    assert {:ok, %Result{num_rows: 2, columns: [], rows: []}} = Repo.execute(sql, [10, "kitchen"])
    assert Repo.aggregate(:messages, :sum, :likes) == 25
    assert %Result{num_rows: 0} = Repo.execute!(sql, [1, "nowhere"])

    # A value is no SQL.
    Repo.execute!("UPDATE rooms SET title = ? WHERE id = 'attic'", ["x'; DELETE FROM rooms; --"])
    assert Repo.count(:rooms) == 3
  end

  test "what it returns comes back with the values of the columns' types" do
    sql = "UPDATE rooms SET hidden = 1 WHERE id = ? RETURNING id, hidden, title || '!' AS loud"

    assert {:ok, %Result{num_rows: 1, columns: ["id", "hidden", "loud"], rows: [row]}} =
             Repo.execute(sql, ["kitchen"])

    assert row == ["kitchen", true, "Kitchen!"]
  end

  test "in a transaction it is a part of it, and what fails there fails alone" do
    assert {:error, :no} =
             Repo.transaction(fn ->
               assert %{num_rows: 3} = Repo.execute!("UPDATE rooms SET title = title || '!'")
               assert titles() == ["Cellar!", "Garden!", "Kitchen!"]
               Repo.rollback(:no)
             end)

    assert {:ok, :done} =
             Repo.transaction(fn ->
               Repo.execute!("UPDATE rooms SET title = 'Loft' WHERE id = 'kitchen'")

               assert {:error, %Error{code: :unique_violation}} =
                        Repo.execute("UPDATE rooms SET title = 'same'")

               assert {:error, %Error{code: :not_allowed}} = Repo.execute("COMMIT")
               assert Repo.in_transaction?()
               :done
             end)

    assert titles() == ["Cellar", "Garden", "Loft"]
  end

  test "an error is typed, and the twin with ! raises it" do
    assert {:error, %Error{code: :unique_violation, details: %{columns: ["title"]}}} =
             Repo.execute("UPDATE rooms SET title = 'same'")

    assert {:error, %Error{code: :foreign_key_violation}} =
             Repo.execute("UPDATE messages SET room_id = 'nowhere'")

    assert {:error, %Error{code: :not_null_violation}} =
             Repo.execute("UPDATE rooms SET title = NULL")

    assert %Error{code: :unknown_table} = error(fn -> Repo.execute!("DELETE FROM nowhere") end)
    assert %Error{code: :sql_syntax} = error(fn -> Repo.execute!("DELETE FORM rooms") end)

    assert {:error, %Error{code: :invalid_query}} =
             Repo.execute("DELETE FROM rooms WHERE id = ?", [])

    assert {:error, %Error{code: :invalid_option}} =
             Repo.execute("DELETE FROM rooms", [], returning: true)

    assert titles() == ["Cellar", "Garden", "Kitchen"]
  end

  test "what only reads, changes the schema, or is a part of a transaction is refused by name" do
    for {sql, says} <- [
          {"SELECT 1", "use query"},
          {"CREATE TABLE t (id)", "write a migration"},
          {"DROP TABLE rooms", "write a migration"},
          {"BEGIN", "use transaction"},
          {"ATTACH 'x' AS y", "another repo"},
          {"PRAGMA user_version = 1", "a migration may set"},
          {"DELETE FROM rooms; DELETE FROM messages", "one SQL statement at a time"}
        ] do
      assert {:error, %Error{code: :not_allowed, message: message}} = Repo.execute(sql)
      assert message =~ says
    end

    assert titles() == ["Cellar", "Garden", "Kitchen"]
  end

  test "query says that execute does it" do
    assert {:error, %Error{message: message}} = Repo.query("UPDATE rooms SET hidden = 0")
    assert message =~ "use update, update_all or execute"
  end

  test "many processes share commits with it, and each has its own answer", %{repo: repo} do
    sql = "INSERT INTO rooms (id, title) VALUES (?, ?)"

    results =
      1..64
      |> Task.async_stream(
        fn n ->
          title = "Room #{rem(n, 32)}"

          if rem(n, 2) == 0,
            do: Writes.execute(repo, sql, ["r#{n}", title]),
            else: Writes.insert(repo, :rooms, %{id: "r#{n}", title: title})
        end,
        max_concurrency: 64
      )
      |> Enum.map(fn {:ok, result} -> result end)

    assert Enum.count(results, &match?({:ok, _}, &1)) == 32
    assert Enum.count(results, &match?({:error, %Error{code: :unique_violation}}, &1)) == 32
    assert Repo.count(:rooms, where: [{:title, :like, "Room %"}]) == 32
  end

  test "a repo that only reads refuses it", %{database: database} do
    Repo.put_dynamic_repo(
      start_supervised!({Repo, name: nil, database: database, read_only: true}, id: :reader)
    )

    assert {:error, %Error{code: :read_only}} = Repo.execute("DELETE FROM messages")
  end
end
