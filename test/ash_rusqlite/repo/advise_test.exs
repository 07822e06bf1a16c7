defmodule AshRusqlite.Repo.AdviseTest do
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Repo.{Maintenance, Schema}

  setup %{repo: repo} do
    for {room, number} <- Enum.with_index(["a", "b"]) do
      Repo.insert!(:rooms, id: room, title: "#{number}")
    end

    {:ok, _} =
      Schema.ensure_table(repo,
        table: "notes",
        primary_key: ["id"],
        columns: [
          [name: "id", type: "INTEGER"],
          [name: "room_id", type: "TEXT"],
          [name: "at", type: "INTEGER"]
        ],
        foreign_keys: [[columns: ["room_id"], references: "rooms", on: ["id"]]]
      )

    rows = for n <- 1..300, do: [id: n, room_id: Enum.at(["a", "b"], rem(n, 2)), at: n]
    Repo.insert_all(:notes, rows)
    :ok
  end

  test "a foreign key without an index and a statement that scanned are named with what serves them",
       %{repo: repo} do
    for _ <- 1..3,
        do: Repo.all(:notes, where: [room_id: "a"], order_by: [desc: :at], limit: 5)

    assert {:ok, %{foreign_keys: [key], statements: [statement]}} = Maintenance.advise(repo)

    assert key == %{
             table: "notes",
             columns: ["room_id"],
             references: "rooms",
             index: %{
               name: "notes_room_id_index",
               table: "notes",
               columns: ["room_id"],
               statement: ~s|CREATE INDEX "notes_room_id_index" ON "notes" ("room_id")|
             }
           }

    assert %{runs: 3, rows: 15, full_scan_steps: 897, sorts: 3, automatic_index_rows: 0} =
             statement

    assert [%{columns: ["room_id", "at"], statement: create}] = statement.indexes
    assert statement.sql =~ "SELECT"
    assert create =~ "CREATE INDEX"
  end

  test "with its index a statement is not named any more", %{repo: repo} do
    read = fn -> Repo.all(:notes, where: [room_id: "a"], order_by: [desc: :at], limit: 5) end
    read.()
    {:ok, %{statements: [%{indexes: [index]}]}} = Maintenance.advise(repo)

    {:ok, [_]} =
      Schema.ensure_table(repo,
        table: "notes",
        columns: [[name: "id", type: "INTEGER"]] ++ columns(),
        primary_key: ["id"],
        indexes: [[name: index.name, columns: index.columns]]
      )

    assert {:ok, %{statements: [], foreign_keys: []}} = Maintenance.advise(repo)
  end

  test "statements below min_steps are left out, and the option is checked", %{repo: repo} do
    Repo.all(:notes, where: [room_id: "a"])
    assert {:ok, %{statements: [_]}} = Maintenance.advise(repo, min_steps: 299)
    assert {:ok, %{statements: []}} = Maintenance.advise(repo, min_steps: 300)

    assert {:error, %Error{code: :invalid_option, details: %{option: "min_steps"}}} =
             Maintenance.advise(repo, min_steps: -1)
  end

  defp columns, do: [[name: "room_id", type: "TEXT"], [name: "at", type: "INTEGER"]]
end
