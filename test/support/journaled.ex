defmodule AshRusqlite.Journaled do
  @moduledoc false
  # Tables with a journal, for tests.

  alias AshRusqlite.Repo.{Maintenance, Schema, Writes}

  @notes [
    table: "notes",
    primary_key: ["id"],
    columns: [
      [name: "id", type: "TEXT"],
      [name: "room_id", type: "TEXT"],
      [name: "user_id", type: "TEXT"],
      [name: "content", type: "TEXT"],
      [name: "price", type: "DECIMAL_TEXT"],
      [name: "sent_at", type: "DATETIME_USEC_TEXT"],
      [name: "extra", type: "JSON_TEXT"],
      [name: "picture", type: "BLOB"],
      [name: "done", type: "BOOLEAN_INT"],
      [name: "secret", type: "TEXT"]
    ],
    journal: [
      type: "chat.note",
      source: {"room", "room_id"},
      actor: {"user", "user_id"},
      sensitive: ["secret"]
    ]
  ]

  @places [
    table: "places",
    primary_key: ["room_id", "number"],
    columns: [
      [name: "room_id", type: "TEXT"],
      [name: "number", type: "INTEGER"],
      [name: "name", type: "TEXT"]
    ],
    journal: [type: "chat.place"]
  ]

  @doc "Makes the tables `notes` and `places`, both journaled."
  def tables!(repo) do
    Schema.ensure_table!(repo, @notes)
    Schema.ensure_table!(repo, @places)
  end

  @doc "Writes a note of a room."
  def note!(repo, id, room \\ "kitchen", more \\ []) do
    Writes.insert!(repo, :notes, [id: id, room_id: room] ++ more)
  end

  @doc "Writes many notes, each by itself, the first one with this number."
  def notes!(repo, range, room \\ "kitchen") do
    for number <- range, do: note!(repo, "#{room}-#{number}", room)
  end

  @doc "Runs SQL in a migration behind the tests' own, which may change the tables of the journal."
  def by_hand!(repo, folder, sql) do
    migrations = Path.join(folder, "by_hand")
    File.cp_r!(AshRusqlite.Case.migrations(), migrations)
    number = length(File.ls!(migrations))
    File.write!(Path.join(migrations, "3000010100000#{number}_by_hand.sql"), "-- up\n#{sql};\n")
    Maintenance.migrate!(repo, migrations: migrations)
  end

  @doc "Runs a statement in another program."
  def elsewhere!(path, sql) do
    python = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.argv[2])"

    {_, 0} =
      if System.find_executable("sqlite3"),
        do: System.cmd("sqlite3", [path, sql]),
        else: System.cmd("python3", ["-c", python, path, sql])

    :ok
  end
end
