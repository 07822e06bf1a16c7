defmodule AshChat.Demo.EventsTest do
  # What the demo says of the journal must be noticed to be wrong, so it is made wrong here.
  use AshChat.Case, async: true

  import ExUnit.CaptureIO

  alias AshChat.Demo.{Events, Follower, OtherProgram, Script, Terminal, Writer}

  doctest Follower
  doctest OtherProgram
  doctest Terminal

  @count 23

  # Some things can be done to a database by another SQLite alone.
  @none if OtherProgram.run(":memory:", "SELECT 1") == :none, do: "no other SQLite is here"

  setup do
    script = Script.new(2)
    Writer.begin!(script)
    for writer <- 1..2, number <- 1..@count, do: :ok = Writer.write(script, writer, number)
    {:ok, script: script, all: %{1 => @count, 2 => @count}}
  end

  defp verify(script, acknowledged) do
    test = self()
    output = capture_io(fn -> send(test, Events.verify(script, acknowledged)) end)
    assert_received {:ok, events, problems}
    {events, Enum.join(problems, "\n"), output}
  end

  test "every write has its events, and they give the rows", %{script: script, all: all} do
    expected = Enum.flat_map(1..2, &Script.events(script, &1, @count))
    # And the room.
    events = length(expected) + 1
    assert {^events, "", output} = verify(script, all)
    assert output =~ "Journal: #{events} events replayed, "
    assert output =~ "of 7 tables; no gap"
  end

  test "the events of the write under way may be there, but not those of a write that is not",
       %{script: script, all: all} do
    assert {_, "", _} = verify(script, %{all | 1 => @count - 1})
    assert {_, problems, ""} = verify(script, %{all | 2 => @count + 1})
    assert problems =~ "writer 2 has written the row #{Script.id(script, 2, {:message, 2, 0})}"
    assert problems =~ "its event (update) is missing"
  end

  @tag skip: @none
  test "an event that was removed by hand is reported as missing",
       %{script: script, all: all, database: database} do
    key = Script.id(script, 1, {:message, 0, 0})
    sql = "DELETE FROM ash_rusqlite_events WHERE key = '#{key}'"
    {:ok, _} = OtherProgram.run(database, sql)
    assert {_, problems, ""} = verify(script, all)
    assert problems =~ "writer 1 has written the row #{key}, but its event (insert) is missing"
    assert problems =~ "the events and the row \"#{key}\" of messages do not agree"
  end

  @tag skip: @none
  test "a row that was changed while the triggers were gone is noticed",
       %{script: script, all: all, database: database} do
    key = Script.id(script, 1, {:message, 0, 0})
    {:ok, _} = OtherProgram.run(database, "DROP TRIGGER messages_journal_update")
    Repo.update!(:messages, key, content: "Nobody saw me")
    assert {_, problems, ""} = verify(script, all)
    assert problems =~ "the events and the row \"#{key}\" of messages do not agree in content"
    assert problems =~ "messages_journal_update"
  end

  @tag skip: @none
  test "what is shown is noticed to be wrong where the triggers are gone",
       %{script: script, database: database} do
    triggers =
      Repo.query!(
        "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name IN ('messages', 'rooms')"
      )

    for [name] <- triggers.rows do
      {:ok, _} = OtherProgram.run(database, "DROP TRIGGER #{name}")
    end

    room = Repo.get!(:rooms, hd(Script.rooms(script)).id)
    test = self()
    capture_io(fn -> send(test, Events.show(room, script, database)) end)
    assert_received {:ok, problems}
    assert "the history of a message has a gap" in problems
    assert Enum.any?(problems, &(&1 =~ "has written is not in the journal"))
  end

  test "each of the other programs that is here writes to the file",
       %{script: script, database: database} do
    [%{id: id} | _] = Script.rooms(script)

    for {program, number} <- Enum.with_index([:sqlite3, :python3, :p1_sqlite3]) do
      title = "Room #{number}"
      sql = "UPDATE rooms SET title = '#{title}' WHERE id = '#{id}'"
      events = Repo.position("room:" <> id)

      case OtherProgram.run(database, sql, [program]) do
        {:ok, _} -> assert [%{data: %{title: ^title}}] = newest(id)
        :none -> assert Repo.position("room:" <> id) == events
      end

      # What it cannot do, it has not done.
      assert OtherProgram.run(database, "UPDATE nothing SET a = 1", [program]) == :none
    end
  end

  defp newest(id), do: Repo.events(source: "room:" <> id, order: :desc, limit: 1)
end
