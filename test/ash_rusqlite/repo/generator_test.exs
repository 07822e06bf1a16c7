defmodule AshRusqlite.Repo.GeneratorTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.{Error, Repo}
  alias AshRusqlite.Repo.Generator

  doctest Generator

  @moduletag :tmp_dir

  @rooms [
    table: "rooms",
    primary_key: ["id"],
    columns: [[name: "id", type: "INTEGER"], [name: "title", type: "TEXT", null: false]]
  ]

  defp step(dir, wanted, options) do
    {:ok, generated} = Generator.generate(dir, wanted, options)
    for file <- generated.files, do: File.write!(Path.join(dir, file.name), file.text)
    generated
  end

  test "what is generated is applied by the repo, and then there is nothing to do", %{
    tmp_dir: dir
  } do
    step(dir, [tables: [@rooms]], name: "rooms", version: 20_260_101_000_000)
    {:ok, repo} = Repo.start_link(database: ":memory:", name: nil, migrations: dir)
    assert {:ok, [%{name: "rooms"}]} = Repo.Maintenance.migrate(repo)
    {:ok, _} = Repo.Writes.insert(repo, :rooms, %{id: 1, title: "a"})

    topic = [name: "topic", type: "TEXT", null: false, default_sql: "upper('x')"]
    grown = Keyword.update!(@rooms, :columns, &(&1 ++ [topic]))
    assert %{files: [%{version: 20_260_101_000_001}]} = step(dir, [tables: [grown]], name: "b")
    assert {:ok, [_]} = Repo.Maintenance.migrate(repo)
    assert [%{topic: "X"}] = Repo.Reads.all(repo, :rooms)

    assert {:ok, %{files: [], questions: [], notes: []}} =
             Generator.generate(dir, [tables: [grown]], name: "c")
  end

  test "a question is answered by an option", %{tmp_dir: dir} do
    step(dir, [tables: [@rooms]], name: "rooms")
    renamed = put_in(@rooms, [:columns, Access.at(1), :name], "name")
    assert %{files: [], questions: [question]} = step(dir, [tables: [renamed]], name: "b")
    assert question == %{kind: :column, table: "rooms", to: "name", from: ["title"]}

    rename = [rename_columns: [{"rooms", "title", "name"}]]
    assert %{files: [%{text: text}]} = step(dir, [tables: [renamed]], [name: "b"] ++ rename)
    assert text =~ "ALTER TABLE rooms RENAME COLUMN title TO name;"
  end

  test "a schema in SQL, statements and values for rows are taken", %{tmp_dir: dir} do
    schema = "CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (id INTEGER);"
    assert %{files: [_]} = step(dir, [schema: schema], name: "a")

    wanted = [
      schema: "CREATE TABLE a (id INTEGER PRIMARY KEY, n INT NOT NULL);",
      statements: [
        [name: "seen", up: "CREATE VIEW seen AS SELECT n FROM a", down: "DROP VIEW seen"]
      ],
      ignored: ["b"]
    ]

    assert %{files: [%{text: text}], notes: []} =
             step(dir, wanted, name: "b", fill: [{"a", "n", "7"}], drop: true)

    assert text =~ "SELECT id, (7)\nFROM a;"
    assert text =~ "-- statement seen\n"
    refute text =~ "DROP TABLE b"
  end

  test "what has no meaning is an error that names the option", %{tmp_dir: dir} do
    for {wanted, options, option} <- [
          {[tables: [@rooms, @rooms]], [], "tables"},
          {[schema: "CREATE"], [], "schema"},
          {[table: []], [], "table"},
          {[tables: [@rooms]], [rename_tables: [{"a"}]], "rename_tables"},
          {[tables: [@rooms]], [rename_tables: [{"a", "rooms"}]], "rename_tables"},
          {[tables: [@rooms]], [not_renamed: [:rooms]], "not_renamed"},
          {[tables: [@rooms]], [version: "1"], "version"},
          {[tables: [@rooms]], [dropp: true], "dropp"}
        ] do
      assert {:error, %Error{code: :invalid_option, details: %{option: ^option}}} =
               Generator.generate(dir, wanted, [name: "a"] ++ options)
    end
  end
end
