defmodule AshRusqlite.Repo.JournalUpkeepTest do
  # Baselines, the chain, redaction and retention of a journal, as a repo offers them.
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Error
  alias AshRusqlite.Repo.{Maintenance, Reads, Schema, Writes}

  @plain [
    table: "notes",
    columns: [
      [name: "id", type: "TEXT", null: false],
      [name: "room_id", type: "TEXT"],
      [name: "content", type: "TEXT"]
    ],
    primary_key: ["id"]
  ]
  @journaled @plain ++ [journal: [type: "chat.note", source: {"room", "room_id"}]]

  defp events(repo, columns \\ "type, key, data") do
    sql = "SELECT #{columns} FROM ash_rusqlite_journal ORDER BY seq"
    Reads.query!(repo, sql).rows
  end

  defp insert(repo, ids) do
    for id <- ids, do: Writes.insert!(repo, "notes", id: id, room_id: "r", content: "hi #{id}")
  end

  test "rows that were there before have events, which a caller can wait for", %{repo: repo} do
    {:ok, _} = Schema.ensure_table(repo, @plain)
    insert(repo, ["a", "b"])
    {:ok, _} = Schema.ensure_table(repo, @journaled)
    me = self()
    assert :ok = Maintenance.journal_baseline(repo, progress: &send(me, &1))

    assert [["chat.note.baseline", "a", data], ["chat.note.baseline", "b", _]] = events(repo)

    assert %{"id" => "a", "content" => "hi a"} = data
    assert {:ok, %{journal: %{baselines_pending: 0, head: 2}}} = Maintenance.stats(repo)
  end

  test "the content of a row goes from the table and its events", %{repo: repo} do
    {:ok, _} = Schema.ensure_table(repo, @journaled)
    insert(repo, ["a", "b"])
    Writes.update!(repo, "notes", "a", content: "hello")
    me = self()
    report = &send(me, {:at, &1.phase, &1.done, &1.total})

    assert {:ok, %{rows: 1, events: 3, values: 4, bytes: bytes, scrubbed: true}} =
             Maintenance.redact(repo, "notes", "a",
               actor: "user:boss",
               reason: "asked for",
               progress: report
             )

    assert bytes > 20
    assert_received {:at, :redact, 4, 4}
    assert %{content: nil, room_id: "r"} = Reads.get(repo, "notes", "a")
    assert %{content: "hi b"} = Reads.get(repo, "notes", "b")

    assert ["chat.note.redacted", "user:boss", data] =
             List.last(events(repo, "type, actor, data"))

    assert %{"reason" => "asked for", "columns" => ["content"]} = data
    refute inspect(events(repo, "data, old")) =~ "hello"

    nothing = %{rows: 0, events: 0, values: 0, bytes: 0, scrubbed: true}
    assert {:ok, ^nothing} = Maintenance.redact(repo, "notes", "a")
    assert {:ok, %{problems: []}} = Maintenance.verify_chain(repo)
  end

  test "rows of a condition, of some columns or whole, are redacted", %{repo: repo} do
    {:ok, _} = Schema.ensure_table(repo, @journaled)
    insert(repo, ["a", "b", "c"])
    where = [where: {:id, :in, ["a", "b"]}]
    options = [columns: [:content], delete: true, vacuum: false]
    assert {:ok, %{rows: 2, events: 4}} = Maintenance.redact(repo, :notes, where, options)
    assert [%{id: "c"}] = Reads.all(repo, "notes")
    assert {:ok, %{rows: 0}} = Maintenance.redact(repo, "notes", where: [id: "nobody"])
  end

  test "old events go, and rows keep one", %{repo: repo} do
    {:ok, _} = Schema.ensure_table(repo, @journaled)
    insert(repo, ["a", "b"])
    Writes.delete!(repo, "notes", "a")
    insert(repo, ["c"])
    assert {:ok, %{events: 0}} = Maintenance.retain(repo, older_than: [days: 1, hours: 2])
    later = DateTime.add(DateTime.utc_now(), 60, :second)
    assert {:ok, %{events: 3, baselines: 1}} = Maintenance.retain(repo, older_than: later)

    assert [["chat.note.created", "c"], ["chat.note.baseline", "b"]] = events(repo, "type, key")

    assert {:ok, %{problems: [], removed: 3}} = Maintenance.verify_chain(repo)
    for_room = [older_than: later, source: "room:r", table: "notes"]
    assert {:ok, %{events: 1, baselines: 1}} = Maintenance.retain(repo, for_room)
  end

  test "what cannot be done is a typed error", %{repo: repo} do
    errors = [
      Maintenance.journal_baseline(repo),
      Maintenance.verify_chain(repo),
      Maintenance.retain(repo, older_than: [days: 1])
    ]

    assert [:not_journaled] =
             errors |> Enum.map(fn {:error, error} -> error.code end) |> Enum.uniq()

    {:ok, _} = Schema.ensure_table(repo, @journaled)
    redact = &Maintenance.redact(repo, "notes", &1, &2)
    assert {:error, %Error{code: :not_found}} = redact.("nobody", [])
    assert {:error, %Error{code: :unknown_column}} = redact.("a", columns: [:x])
    assert {:error, %Error{code: :invalid_option}} = redact.("a", columns: [:id])
    assert {:error, %Error{code: :invalid_option}} = redact.("a", reason: 5)
    assert {:error, %Error{code: :invalid_option}} = redact.("a", other: 5)
    assert {:error, %Error{code: :invalid_query}} = redact.([id: "a", room_id: "r"], [])

    for older_than <- [nil, 5, [], [years: 1], [days: -1], "yesterday"] do
      assert {:error, %Error{code: :invalid_option, details: %{option: "older_than"}}} =
               Maintenance.retain(repo, older_than: older_than)
    end

    assert {:error, %Error{code: :unknown_source}} =
             Maintenance.retain(repo, older_than: [days: 1], source: "room:x")
  end
end
