defmodule AshRusqlite.Repo.ReadAsTest do
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Repo.Schema

  @id "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
  @at ~U[2026-01-02 03:04:05.000006Z]

  @notes [
    table: "notes",
    columns: [
      [name: "id", type: "UUID_TEXT"],
      [name: "at", type: "DATETIME_USEC_TEXT"],
      [name: "tags", type: "JSON_TEXT"],
      [name: "price", type: "DECIMAL_TEXT"],
      [name: "ratio", type: "REAL"],
      [name: "done", type: "BOOLEAN_INT"],
      [name: "data", type: "BLOB"]
    ],
    primary_key: ["id"]
  ]

  # As Ecto's SQLite adapter makes it.
  setup %{repo: repo} do
    migrate!(repo, """
    -- up
    CREATE TABLE notes (
      id TEXT NOT NULL PRIMARY KEY, at TEXT, tags TEXT, price DECIMAL, ratio NUMERIC,
      done INTEGER, data BLOB
    );
    """)

    :ok
  end

  test "columns of another program are read, written and compared as they are said to be", %{
    repo: repo
  } do
    row = %{id: @id, at: @at, tags: %{"a" => [1]}, ratio: 2.0, done: true, data: <<255>>}
    assert {:error, %Error{code: :invalid_value}} = Repo.insert(:notes, row)

    assert :ok = Schema.read_as(repo, @notes)
    assert {:ok, stored} = Repo.insert(:notes, row)
    assert Map.take(stored, Map.keys(row)) == row
    assert [^stored] = Repo.all(:notes, where: [{:at, :>=, @at}, done: true])
    assert Repo.get(:notes, String.upcase(@id)) == stored
    assert Repo.all(:notes, order_by: [desc: :at], select: [:tags]) == [%{tags: %{"a" => [1]}}]

    assert Repo.query!("SELECT typeof(at), at, tags, typeof(done) FROM notes").rows ==
             [["text", "2026-01-02T03:04:05.000006Z", ~s({"a":[1]}), "integer"]]
  end

  test "read_as: counts after the schema has changed, in tables that come later, and in transactions",
       %{repo: repo} do
    assert :ok = Schema.read_as(repo, Keyword.put(@notes, :table, "later"))

    Schema.ensure_table!(repo, table: "other", columns: [[name: "x", type: "TEXT"]])
    assert {:ok, _} = Schema.ensure_table(repo, Keyword.put(@notes, :table, "mine"))
    assert :ok = Schema.read_as(repo, @notes)

    assert {:ok, _} =
             Repo.transaction(fn ->
               Schema.ensure_table!(repo, table: "third", columns: [[name: "x", type: "TEXT"]])
               Repo.insert!(:notes, %{id: @id, at: @at})
             end)

    assert Repo.one!(:notes).at == @at
  end

  test "a type that a column cannot hold is not believed, nor one that its own type denies", %{
    repo: repo
  } do
    columns = [[name: "id", type: "TEXT"], [name: "title", type: "INTEGER"]]
    assert :ok = Schema.read_as(repo, table: "rooms", columns: columns)
    assert {:ok, %{title: "7"}} = Repo.insert(:rooms, %{id: "a", title: "7"})
    assert {:error, %Error{}} = Schema.read_as(repo, table: "rooms", columns: [[type: "NO"]])
  end
end
