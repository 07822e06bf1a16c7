defmodule AshRusqlite.Journal.BroadcastTest do
  # Events for whatever sends messages to many.
  use AshRusqlite.Case, async: true

  import AshRusqlite.Journaled

  alias AshRusqlite.Journal.Broadcast

  @wait 60_000

  test "each event is passed on to its topics, in order", %{repo: repo} do
    tables!(repo)
    test = self()
    broadcast = fn topic, event -> send(test, {topic, event.seq}) end
    start_supervised!({Broadcast, repo: repo, broadcast: broadcast, max_demand: 1})
    notes!(repo, 1..2)
    AshRusqlite.Repo.Writes.insert!(repo, :places, room_id: "kitchen", number: 1)

    for message <- [
          {"events", 1},
          {"chat.note.created", 1},
          {"room:kitchen", 1},
          {"events", 2},
          {"chat.note.created", 2},
          {"room:kitchen", 2},
          {"events", 3},
          {"chat.place.created", 3}
        ] do
      assert_receive next, @wait
      assert next == message
    end
  end

  test "the topics of the broadcast may be chosen", %{repo: repo} do
    tables!(repo)
    test = self()
    topics = fn event -> ["notes:#{event.key}"] end
    broadcast = fn topic, _event -> send(test, topic) end

    start_supervised!(
      {Broadcast, repo: repo, broadcast: broadcast, topics: topics, table: :notes}
    )

    note!(repo, "n1")
    assert_receive "notes:n1", @wait
  end

  test "a broadcast checks its options", %{repo: repo} do
    Process.flag(:trap_exit, true)
    tables!(repo)

    for {opts, option} <- [
          {[], "broadcast"},
          {[broadcast: & &1], "broadcast"},
          {[broadcast: fn _, _ -> :ok end, topics: 1], "topics"},
          {[broadcast: fn _, _ -> :ok end, sauce: 1], "sauce"}
        ] do
      assert {:error, %Error{code: :invalid_option, details: %{option: ^option}}} =
               Broadcast.start_link([repo: repo] ++ opts)
    end
  end
end
