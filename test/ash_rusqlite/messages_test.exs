defmodule AshRusqlite.MessagesTest do
  # What an error's message says to do next.
  use AshRusqlite.Case, async: true

  defp refused(sql) do
    assert {:error, %Error{code: :not_allowed, message: message}} = Repo.query(sql)
    message
  end

  test "query names what a statement that writes does and what does that here" do
    update = "UPDATE rooms SET hidden = 1"

    expected = "query only reads, and this UPDATE writes: use update, update_all or execute"

    assert refused(update) == expected
    assert {:ok, ^expected} = Repo.transaction(fn -> refused(update) end)

    assert refused("DELETE FROM rooms RETURNING id") =~ "use delete, delete_all or execute"
    assert refused("INSERT INTO rooms (id) VALUES ('a')") =~ "use insert, insert_all or execute"
    assert refused("DROP TABLE rooms") =~ "write a migration"
    assert refused("PRAGMA journal_mode = DELETE") =~ "option of the repo"
    assert refused("COMMIT") =~ "use transaction"
    assert refused("SELECT 1; DELETE FROM rooms") =~ "one SQL statement at a time"
    assert refused("SELECT load_extension('UPDATE')") =~ "not allowed here"
  end

  test "the error of a module in place of a table has the table's name" do
    error = error(fn -> Repo.all(MyApp.Chat.Message) end)
    assert %Error{code: :unknown_table, details: %{nearest: "messages"}} = error
    assert error.message =~ "MyApp.Chat.Message is a module"
    assert error.message =~ ":messages"
    refute error.message =~ "Elixir."

    assert error(fn -> Repo.count(MyApp.Nobody) end).message =~ "MyApp.Nobody is a module"
    assert {:error, %Error{details: %{nearest: "rooms"}}} = Repo.insert(MyApp.Room, id: "a")
  end

  test "the list for a misspelt option of a query is that of the documentation" do
    error = error(fn -> Repo.all(:rooms, limt: 1) end)
    assert %Error{code: :invalid_option, details: %{nearest: "limit"}} = error
    [_, list] = String.split(error.message, "The options are ")
    {:docs_v1, _, _, _, %{"en" => doc}, _, _} = Code.fetch_docs(AshRusqlite.Repo)

    options = String.split(list, ", ")
    assert "timeout" in options
    for option <- options, do: assert(doc =~ "`:#{option}`")
  end

  test "the error of a migration without a down part asks for one", %{tmp_dir: folder} do
    migrations = Path.join(folder, "one_way")
    File.mkdir_p!(migrations)
    File.write!(Path.join(migrations, "1_items.sql"), "-- up\nCREATE TABLE items (id INTEGER);\n")
    File.mkdir_p!(Path.join(folder, "other"))
    repo = start_repo!(Path.join(folder, "other"), migrations: migrations, name: :one_way)
    Repo.put_dynamic_repo(repo)
    Repo.migrate!()

    assert {:error, %Error{code: :invalid_migration, message: message}} =
             Repo.rollback_migration()

    assert message =~ "1_items.sql has no down part. Add a line `-- down`"
    refute message =~ "Put the files back"
  end

  test "insert_all names the row that is at fault" do
    rows = for id <- ["a", "b", "a", "c"], do: %{id: id, title: id}
    error = error(fn -> Repo.insert_all(:rooms, rows) end)
    assert %Error{code: :unique_violation, details: %{row: 2}} = error

    rows = [%{id: "a", title: "A"}, %{id: "b", title: 5}]
    assert error(fn -> Repo.insert_all(:rooms, rows) end).details.row == 1
    assert Repo.count(:rooms) == 0
  end
end
