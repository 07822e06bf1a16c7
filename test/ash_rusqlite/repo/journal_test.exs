defmodule AshRusqlite.Repo.JournalTest do
  use AshRusqlite.Case, async: true

  import ExUnit.CaptureLog
  import AshRusqlite.Journaled, only: [by_hand!: 3, elsewhere!: 2]

  alias AshRusqlite.Repo.{Maintenance, Reads, Schema, Statement, Writes}

  doctest AshRusqlite.Repo.AsOf

  setup %{repo: repo} do
    {:ok, _} =
      Schema.ensure_table(repo,
        table: "notes",
        columns: [
          [name: "id", type: "INTEGER"],
          [name: "room_id", type: "TEXT"],
          [name: "text", type: "TEXT"],
          [name: "likes", type: "INTEGER"]
        ],
        primary_key: ["id"],
        journal: [type: "note", source: {"room", "room_id"}]
      )

    Writes.insert!(repo, :notes, id: 1, room_id: "a", text: "first", likes: 0)
    Writes.insert!(repo, :notes, id: 2, room_id: "b", text: "other", likes: 5)
    Writes.update!(repo, :notes, 1, text: "changed")
    Writes.delete!(repo, :notes, 2)
    :ok
  end

  describe "as_of:" do
    test "a read sees the rows as they were after an event" do
      texts = fn as_of ->
        :notes |> Repo.all(as_of: as_of, order_by: :id) |> Enum.map(& &1.text)
      end

      assert texts.(0) == []
      assert texts.(2) == ["first", "other"]
      assert texts.(3) == ["changed", "other"]
      assert texts.(4) == ["changed"]
      assert Repo.get(:notes, 2, as_of: 3) == %{id: 2, room_id: "b", text: "other", likes: 5}
      assert Repo.get(:notes, 2, as_of: 4) == nil
      assert Repo.one(:notes, where: [likes: 5], as_of: 2).id == 2
      assert Repo.count(:notes, as_of: 2) == 2
      assert Repo.aggregate(:notes, :sum, :likes, as_of: 2) == 5
      assert Repo.exists?(:notes, where: [id: 2], as_of: 1) == false
      assert Repo.query!("SELECT text FROM notes WHERE id = ?", [1], as_of: 1).rows == [["first"]]
      assert [%{text: "changed"}] = Repo.all(:notes)
    end

    test "at a time it sees the last commit until then" do
      sql = "SELECT at FROM ash_rusqlite_events WHERE seq = 2"
      assert [[%DateTime{} = at]] = Repo.query!(sql).rows
      before = DateTime.add(at, -3600)
      assert Repo.all(:notes, as_of: before) == []
      assert length(Repo.all(:notes, as_of: DateTime.add(at, 3600))) == 1
    end

    test "of a source it gives that source's rows alone" do
      rows = fn as_of -> Enum.map(Repo.all(:notes, as_of: as_of), &{&1.id, &1.text}) end
      assert rows.(source: "room:a", position: 1) == [{1, "first"}]
      assert rows.(source: "room:a", seq: 4) == [{1, "changed"}]
      assert rows.(source: "room:b", position: 1) == [{2, "other"}]
      assert rows.(source: "room:b", position: 2) == []
      assert error(fn -> rows.(source: "room:b", position: 3) end).code == :position_ahead
      assert error(fn -> rows.(source: "room:x", position: 1) end).code == :unknown_source
    end

    test "what it does not reach, and what is no moment, is refused" do
      code = fn table, as_of -> error(fn -> Repo.all(table, as_of: as_of) end).code end

      assert %Error{code: :position_ahead, details: details} =
               error(fn -> Repo.all(:notes, as_of: 5) end)

      assert %{seq: 4, expected: "5"} = details
      assert code.(:rooms, 1) == :not_journaled

      for wrong <- [
            -1,
            "1",
            [position: 1],
            [source: "room:a"],
            [seq: 1, position: 1, source: "a"],
            [source: 1, seq: 1],
            ~D[2026-01-01]
          ] do
        assert code.(:notes, wrong) == :invalid_option, inspect(wrong)
      end

      for wrong <- [{:position, -1}, {:a, 1}, nil, 1.5] do
        read = {:as_of, wrong, nil, {:get, :notes, 1}}

        assert {:error, %{code: :invalid_query}} =
                 Statement.read(Repo.get_dynamic_repo(), read, nil)
      end
    end

    test "inside of a transaction it sees what was committed" do
      assert {:ok, {"first", "changed", "new"}} =
               Repo.transaction(fn ->
                 Repo.update!(:notes, 1, text: "new")
                 old = Repo.get(:notes, 1, as_of: 1).text
                 last = Repo.get(:notes, 1, as_of: 4).text
                 {old, last, Repo.get(:notes, 1).text}
               end)
    end

    test "it ends at its deadline" do
      sql =
        "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT max(i) FROM c, notes"

      assert {:error, %{code: :timeout}} = Repo.query(sql, [], as_of: 2, timeout: 50)
    end
  end

  test "journal_verify finds a row that is not as its events say", %{repo: repo, tmp_dir: folder} do
    test = self()
    assert {:ok, verified} = Repo.journal_verify(progress: &send(test, &1))
    assert verified == %{events: 4, rows: 1, tables: ["notes"], differences: [], problems: []}
    assert_received %{phase: :verify, done: 4, total: 4}

    sql = "UPDATE ash_rusqlite_events SET data = replace(data, 'changed', 'other')"
    by_hand!(repo, folder, sql)
    by_hand!(repo, folder, "DELETE FROM ash_rusqlite_events WHERE seq = 2")
    assert {:ok, %{differences: [difference], problems: problems}} = Repo.journal_verify()

    assert difference == %{
             table: "notes",
             key: "1",
             column: "text",
             event: ~s("other"),
             row: ~s("changed")
           }

    assert ["the event 2 is missing" | _] = problems
    assert {:ok, %{problems: [_]}} = Repo.journal_verify(limit: 1)
    assert {:error, %{code: :invalid_option}} = Repo.journal_verify(limit: 0)
    assert {:error, %{code: :invalid_option}} = Maintenance.journal_verify(repo, quick: true)
  end

  test "no statement writes to the tables of the journal", %{repo: repo} do
    assert {:error, %{code: :not_allowed, details: %{table: "ash_rusqlite_events"}} = error} =
             Repo.execute("DELETE FROM ash_rusqlite_events")

    assert Exception.message(error) =~ "a table of this library"

    for write <- [
          fn -> Writes.insert(repo, :ash_rusqlite_consumers, name: "me", seq: 1) end,
          fn -> Writes.delete(repo, :ash_rusqlite_event_types, 1) end,
          fn -> Writes.update(repo, :ash_rusqlite_request, 1, action: "x") end
        ] do
      assert {:error, %{code: :not_allowed}} = write.()
    end

    assert {:ok, %{problems: [], differences: []}} = Repo.journal_verify()
  end

  test "a trigger that another program dropped is logged at the start", %{tmp_dir: folder} do
    path = Path.join(folder, "dropped.db")
    options = [name: :dropped, database: path, log_start: false]
    start = fn -> AshRusqlite.Repo.start_link(options) end
    {:ok, repo} = start.()
    AshRusqlite.Journaled.tables!(repo)
    AshRusqlite.Repo.stop(repo)
    refute with_log(fn -> stop(start.()) end) |> elem(1) =~ "triggers"

    elsewhere!(path, "DROP TRIGGER notes_journal_delete")
    {_, log} = with_log(fn -> stop(start.()) end)
    assert log =~ "[error] :dropped: changes of journaled tables may have no events"
    assert log =~ "notes: the trigger notes_journal_delete is missing"
  end

  # What was reported before is logged by then.
  defp stop({:ok, repo}) do
    :sys.get_state(repo)
    AshRusqlite.Repo.stop(repo)
  end

  test "journal_rebuild makes a database whose journal continues", %{tmp_dir: folder, repo: repo} do
    path = Path.join(folder, "rebuilt.db")
    test = self()
    assert {:ok, made} = Repo.journal_rebuild(path, progress: &send(test, &1))
    assert %{events: 4, rows: 1, tables: ["notes"], problems: []} = made
    assert "rooms" in made.empty
    assert made.bytes == File.stat!(path).size
    assert_received %{phase: :rebuild, total: 4}
    assert {:error, %{code: :invalid_backup}} = Repo.journal_rebuild(path)
    assert {:ok, _} = Maintenance.journal_rebuild(repo, path, overwrite: true)
    assert {:error, %{code: :invalid_option}} = Repo.journal_rebuild("")

    other = start_repo!(Path.join(folder, "other") |> tap(&File.mkdir_p!/1), database: path)
    assert Reads.all(other, :notes) == Repo.all(:notes)
    Writes.update!(other, :notes, 1, likes: 9)
    assert {:ok, %{events: 5, differences: [], problems: []}} = Maintenance.journal_verify(other)
  end

  test "a database without a journal has nothing to verify", %{tmp_dir: folder} do
    other = start_repo!(Path.join(folder, "plain") |> tap(&File.mkdir_p!/1))
    assert {:error, %{code: :not_journaled}} = Maintenance.journal_verify(other)
    path = Path.join(folder, "rebuilt.db")
    assert {:error, %{code: :not_journaled}} = Maintenance.journal_rebuild(other, path)
    refute File.exists?(path)
  end
end
