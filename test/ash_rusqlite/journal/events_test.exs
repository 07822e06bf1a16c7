defmodule AshRusqlite.Journal.EventsTest do
  # Reading the journal.
  use AshRusqlite.Case, async: true

  import AshRusqlite.Journaled

  alias AshRusqlite.{Event, Journal}
  alias AshRusqlite.Repo.Writes

  setup %{repo: repo} do
    if repo, do: tables!(repo)
    :ok
  end

  test "an event has the values of the row as a read gives them", %{repo: repo} do
    row = [
      id: "n1",
      room_id: "kitchen",
      user_id: "ann",
      content: "Who \"cooks\"?\n",
      price: "1.50",
      sent_at: ~U[2026-01-02 03:04:05.000006Z],
      extra: %{"a" => [1, nil]},
      picture: <<0, 255>>,
      done: false,
      secret: "geheim"
    ]

    written = Writes.insert!(repo, :notes, row)
    assert [%Event{} = event] = Repo.events()

    assert %{seq: 1, type: "chat.note.created", source: "room:kitchen", position: 1} = event
    assert %{actor: "user:ann", table: "notes", operation: :insert, key: "n1"} = event
    assert %{old: nil, transaction: 1, action: nil, metadata: nil} = event
    assert %DateTime{microsecond: {_, 6}} = event.at
    assert event.data == %{written | secret: :sensitive}

    Writes.update!(repo, :notes, "n1", price: nil, done: true, secret: "anders")
    assert [update] = Repo.events(after: event)
    assert update.operation == :update
    assert update.data == %{price: nil, done: true, secret: :sensitive}
    assert update.old == %{price: written.price, done: false, secret: :sensitive}

    Writes.delete!(repo, :notes, "n1")
    assert [deleted] = Repo.events(order: :desc, limit: 1)
    assert %{operation: :delete, type: "chat.note.deleted", old: nil} = deleted
    assert deleted.data == %{written | price: nil, done: true, secret: :sensitive}
  end

  test "a large page is the same on a dirty scheduler", %{repo: repo} do
    extra = %{"long" => String.duplicate("x", 2_000)}
    for n <- 1..300, do: note!(repo, "n#{n}", "kitchen", extra: extra)
    events = Repo.events(limit: 1_000)
    assert Enum.map(events, & &1.seq) == Enum.to_list(1..300)
    assert Enum.all?(events, &(&1.data.extra == extra))
  end

  test "a column that is gone has its name as a string, and the stored value", %{repo: repo} do
    note!(repo, "n1", "kitchen", sent_at: ~U[2026-01-02 03:04:05.000000Z])
    journal = "SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'notes'"
    assert Repo.query!(journal).num_rows > 0
    migrate!(repo, "-- up\nALTER TABLE notes DROP COLUMN sent_at;\n")
    assert [%{data: data}] = Repo.events()
    assert data["sent_at"] == "2026-01-02T03:04:05.000000Z"
    assert data.room_id == "kitchen"
  end

  test "events are found by what they are about", %{repo: repo} do
    notes!(repo, 1..3, "kitchen")
    notes!(repo, 1..2, "garden")
    note!(repo, "n9", "garden", user_id: "ann")
    Writes.update!(repo, :notes, "kitchen-2", content: "new")
    Writes.insert!(repo, :places, room_id: "kitchen", number: 2)
    seqs = fn opts -> Enum.map(Repo.events(opts), & &1.seq) end

    assert seqs.(source: "room:garden") == [4, 5, 6]
    assert seqs.(source: "room:garden", after: 1) == [5, 6]
    assert seqs.(source: "room:garden", before: 3) == [4, 5]
    assert seqs.(source: "room:garden", from: 5) == [6]
    assert seqs.(source: ["room:garden", "room:kitchen"], after: 5) == [6, 7]
    assert seqs.(type: "chat.note.updated") == [7]
    assert seqs.(actor: "user:ann") == [6]
    assert seqs.(table: :places) == [8]
    assert seqs.(table: :notes, key: "kitchen-2") == [2, 7]
    assert seqs.(table: "places", key: [number: 2, room_id: "kitchen"]) == [8]
    assert [%{key: ["kitchen", 2]}] = Repo.events(table: :places)
    assert seqs.(order: :desc, limit: 2) == [8, 7]
    assert seqs.(since: ~U[2100-01-01 00:00:00Z]) == []
    assert seqs.(until: ~U[2000-01-01 00:00:00Z]) == []
    assert length(seqs.(since: ~U[2000-01-01 00:00:00Z])) == 8
    assert {Repo.head(), Repo.position("room:garden"), Repo.position("room:x")} == {8, 3, 0}
  end

  test "pages lead on by their last event, forward and back", %{repo: repo} do
    for n <- 1..25, do: note!(repo, "n#{n}", Enum.at(["kitchen", "garden"], rem(n, 2)))

    for opts <- [[], [source: "room:kitchen"], [type: ["chat.note.created"]]],
        order <- [:asc, :desc] do
      all = Repo.events([order: order] ++ opts)
      next = if order == :asc, do: :after, else: :before

      pages =
        Stream.unfold([], fn place ->
          page = Repo.events([limit: 4, order: order] ++ place ++ opts)
          if page != [], do: {page, [{next, List.last(page)}]}
        end)

      assert Enum.concat(pages) == all
      assert Enum.to_list(Repo.stream_events([max_rows: 3, order: order] ++ opts)) == all

      assert Enum.to_list(Repo.stream_events([max_rows: 3, limit: 7, order: order] ++ opts)) ==
               Enum.take(all, 7)
    end
  end

  test "the history of a row has what was before and what came then", %{repo: repo} do
    note!(repo, "n1", "kitchen", content: "one")
    Writes.update!(repo, :notes, "n1", content: "two")
    note!(repo, "n2")
    Writes.delete!(repo, :notes, "n1")

    assert [created, updated, deleted] = Journal.history(repo, :notes, "n1")
    assert created.data.content == "one"
    assert {updated.old, updated.data} == {%{content: "one"}, %{content: "two"}}
    assert deleted.data.content == "two"
    assert [%{operation: :delete}] = Journal.history(repo, :notes, "n1", order: :desc, limit: 1)
  end

  test "a cursor counts for its own journal alone", %{repo: repo, tmp_dir: folder} do
    notes!(repo, 1..3)
    [first | rest] = Repo.events()
    cursor = Journal.cursor(first)
    assert Repo.events(from: cursor) == rest
    assert Repo.events(after: cursor) == rest

    backup = Path.join(folder, "backup.db")
    Repo.backup!(backup)
    other = start_repo!(Path.join(folder, "other") |> tap(&File.mkdir_p!/1))
    tables!(other)
    notes!(other, 1..3)

    assert error(fn -> AshRusqlite.Repo.Events.events(other, from: cursor) end).code ==
             :other_journal

    for bad <- ["x", "a.b", "a.b.c", "a.b.-1", -1, 1.5, :head] do
      assert %{code: :invalid_option, details: %{option: "from"}} =
               error(fn -> Repo.events(from: bad) end)
    end
  end

  test "what is not there is a typed error", %{repo: repo} do
    notes!(repo, 1..2)
    code = fn opts -> error(fn -> Repo.events(opts) end).code end
    assert code.(source: "room:nowhere") == :unknown_source
    assert code.(source: "room:kitchen", after: 3) == :position_ahead
    assert code.(from: 3) == :position_ahead
    assert code.(table: :nowhere, key: 1) == :unknown_table
    assert code.(table: :places, key: "kitchen") == :invalid_query
    assert code.(key: 1) == :invalid_query
    assert code.(source: [1]) == :invalid_option
    assert code.(order: :up) == :invalid_option
    assert code.(since: "today") == :invalid_option
    assert %{details: %{nearest: "source"}} = error(fn -> Repo.events(sauce: "x") end)
  end

  @tag repo: false
  test "a database without a journal has no events", %{tmp_dir: folder} do
    repo = start_repo!(folder)
    Repo.put_dynamic_repo(repo)

    for read <- [&Repo.events/0, &Repo.head/0, fn -> Repo.position("room:x") end] do
      assert error(read).code == :not_journaled
    end

    assert {:error, %Error{code: :not_journaled}} = Repo.subscribe()
  end

  test "a transaction sees its own events", %{repo: repo} do
    Repo.transaction(fn ->
      note!(repo, "n1")
      note!(repo, "n2")
      assert [%{transaction: 1}, %{transaction: 1}] = Repo.events()
      Repo.rollback(:enough)
    end)

    assert Repo.events() == []
    note!(repo, "n3")
    assert [%{seq: 1, position: 1}] = Repo.events()
  end
end
