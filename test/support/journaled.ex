defmodule AshRusqlite.Journaled do
  @moduledoc false
  # Tables with a journal, for tests.

  alias AshRusqlite.Repo.{Schema, Writes}

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
end
