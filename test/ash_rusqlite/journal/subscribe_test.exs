defmodule AshRusqlite.Journal.SubscribeTest do
  # Following the journal.
  use AshRusqlite.Case, async: true

  import AshRusqlite.Journaled

  alias AshRusqlite.Journal
  alias AshRusqlite.Repo.{Events, Writes}

  @wait 60_000

  setup %{repo: repo} do
    tables!(repo)
    :ok
  end

  # The seqs that come, until one is as great as the last one.
  defp seqs_until(subscription, last, seqs \\ []) do
    receive do
      {:journal, ^subscription, events} ->
        Journal.ack(subscription, List.last(events))
        seqs = seqs ++ Enum.map(events, & &1.seq)
        if List.last(seqs) >= last, do: seqs, else: seqs_until(subscription, last, seqs)
    after
      @wait -> flunk("no event after #{inspect(List.last(seqs))}")
    end
  end

  defp next(subscription) do
    assert_receive {:journal, ^subscription, events}, @wait
    events
  end

  # Whatever a subscription would have sent by now is here.
  defp nothing_more(subscription) do
    for _ <- 1..2, do: :sys.get_state(subscription)
    refute_received {:journal, ^subscription, _}
  end

  test "what was comes first, and then what comes", %{repo: repo} do
    notes!(repo, 1..3)
    {:ok, subscription} = Repo.subscribe(from: 1)
    assert seqs_until(subscription, 3) == [2, 3]
    note!(repo, "n4")
    assert [%{seq: 4, data: %{id: "n4"}}] = next(subscription)
  end

  test "a subscription without from: is sent only what comes", %{repo: repo} do
    notes!(repo, 1..3)
    {:ok, subscription} = Repo.subscribe()
    note!(repo, "n4")
    assert [%{seq: 4}] = next(subscription)
  end

  test "nothing is left out and nothing comes twice while others write", %{repo: repo} do
    writers = for w <- 1..8, do: elsewhere(repo, fn -> notes!(repo, 1..40, "room#{w}") end)

    followers =
      for f <- 1..6 do
        elsewhere(repo, fn ->
          Process.sleep(f)
          from = Repo.head()
          {:ok, all} = Repo.subscribe(from: from)
          {:ok, room} = Repo.subscribe(from: 0, source: "room:room#{f}", max_demand: 7)
          assert seqs_until(all, 320) == Enum.to_list((from + 1)..320)

          positions =
            Stream.repeatedly(fn ->
              events = next(room)
              Journal.ack(room, List.last(events))
              Enum.map(events, & &1.position)
            end)
            |> Enum.reduce_while([], fn positions, all ->
              all = all ++ positions
              if List.last(all) == 40, do: {:halt, all}, else: {:cont, all}
            end)

          assert positions == Enum.to_list(1..40)
          :done
        end)
      end

    assert Task.await_many(writers ++ followers, @wait) |> Enum.count(&(&1 == :done)) == 6
  end

  test "only what was asked for is sent", %{repo: repo} do
    {:ok, garden} = Repo.subscribe(source: ["room:garden", "room:new"])
    {:ok, updates} = Repo.subscribe(type: "chat.note.updated", source: "room:garden")
    {:ok, ann} = Repo.subscribe(actor: "user:ann")
    {:ok, places} = Repo.subscribe(table: :places)
    note!(repo, "a", "kitchen")
    note!(repo, "b", "garden", user_id: "ann")
    Writes.insert!(repo, :places, room_id: "garden", number: 1)
    Writes.update!(repo, :notes, "b", content: "new")
    note!(repo, "c", "new")
    assert seqs_until(garden, 5) == [2, 4, 5]
    assert seqs_until(updates, 4) == [4]
    assert seqs_until(ann, 4) == [2, 4]
    assert seqs_until(places, 3) == [3]
    for subscription <- [garden, updates, ann, places], do: nothing_more(subscription)
  end

  test "each of many subscriptions is sent its own events, as far as it has acknowledged",
       context do
    %{repo: repo} = context
    rooms = for n <- 1..12, do: "room#{n}"

    subscriptions =
      for room <- rooms do
        {:ok, subscription} = Repo.subscribe(source: "room:" <> room, max_demand: 3)
        subscription
      end

    rooms
    |> Enum.chunk_every(3)
    |> Enum.map(fn rooms ->
      elsewhere(repo, fn ->
        for number <- 1..10, room <- rooms, do: note!(repo, "#{room}-#{number}", room)
      end)
    end)
    |> Task.await_many(@wait)

    for {room, subscription} <- Enum.zip(rooms, subscriptions) do
      of_room = Enum.map(Repo.events(source: "room:" <> room), & &1.seq)
      assert length(of_room) == 10
      assert seqs_until(subscription, List.last(of_room)) == of_room
    end
  end

  test "a slow subscriber has no more than its demand in its mailbox", %{repo: repo} do
    {:ok, subscription} = Repo.subscribe(from: 0, max_demand: 10)
    notes!(repo, 1..100)
    wait_until(fn -> in_mailbox() == 10 end)
    nothing_further = fn -> for _ <- 1..3, do: :sys.get_state(subscription) end
    nothing_further.()
    notes!(repo, 101..200)
    nothing_further.()
    assert in_mailbox() == 10
    assert {:message_queue_len, few} = Process.info(subscription, :message_queue_len)
    assert few < 10
    # Part of it is handled.
    Journal.ack(subscription, 4)
    wait_until(fn -> in_mailbox() == 14 end)
    assert seqs_until(subscription, 200) == Enum.to_list(1..200)
  end

  defp in_mailbox do
    {:messages, messages} = Process.info(self(), :messages)
    for({:journal, _, events} <- messages, do: length(events)) |> Enum.sum()
  end

  test "with manual demand only what was asked for is sent", %{repo: repo} do
    notes!(repo, 1..10)
    {:ok, subscription} = Repo.subscribe(from: 0, demand: :manual)
    nothing_more(subscription)
    Journal.ask(subscription, 3)
    assert [%{seq: 1}, %{seq: 2}, %{seq: 3}] = next(subscription)
    nothing_more(subscription)
    Journal.ask(subscription, 100)
    assert seqs_until(subscription, 10) == Enum.to_list(4..10)
    note!(repo, "n11")
    assert [%{seq: 11}] = next(subscription)
  end

  test "what is rolled back is never sent", %{repo: repo} do
    {:ok, subscription} = Repo.subscribe()

    Repo.transaction(fn ->
      note!(repo, "n1")
      Repo.rollback(:no)
    end)

    Repo.transaction(fn ->
      note!(repo, "n2")

      Repo.savepoint(fn ->
        note!(repo, "n3")
        Repo.rollback(:no)
      end)
    end)

    assert [%{seq: 1, key: "n2"}] = next(subscription)
    nothing_more(subscription)
  end

  test "a transaction that is open is sent when it is committed", %{repo: repo} do
    {:ok, subscription} = Repo.subscribe()
    test = self()

    writer =
      elsewhere(repo, fn ->
        Repo.transaction(fn ->
          note!(repo, "n1")
          send(test, :written)
          receive(do: (:commit -> :ok))
        end)
      end)

    assert_receive :written, @wait
    nothing_more(subscription)
    send(writer.pid, :commit)
    assert [%{seq: 1}] = next(subscription)
    Task.await(writer)
  end

  test "a subscriber that was killed continues where it was", %{repo: repo} do
    notes!(repo, 1..5)
    test = self()

    follower =
      spawn(fn ->
        Repo.put_dynamic_repo(repo)
        {:ok, subscription} = Repo.subscribe(from: 0, max_demand: 3)
        events = next(subscription)
        send(test, {:handled, subscription, Journal.cursor(List.last(events))})
        Process.sleep(:infinity)
      end)

    assert_receive {:handled, subscription, cursor}, @wait
    ended = Process.monitor(subscription)
    Process.exit(follower, :kill)
    assert_receive {:DOWN, ^ended, :process, _, :normal}, @wait
    notes!(repo, 6..8)
    {:ok, again} = Repo.subscribe(from: cursor)
    assert seqs_until(again, 8) == Enum.to_list(4..8)
  end

  test "after unsubscribe nothing is sent", %{repo: repo} do
    {:ok, subscription} = Repo.subscribe()
    assert Repo.unsubscribe(subscription) == :ok
    assert Repo.unsubscribe(subscription) == :ok
    note!(repo, "n1")
    {:ok, other} = Repo.subscribe(from: 0)
    next(other)
    refute_received {:journal, ^subscription, _}
  end

  test "what does not go together is refused", %{repo: repo} do
    note!(repo, "n1")
    code = fn opts -> with {:error, error} <- Repo.subscribe(opts), do: error.code end
    assert code.(from: 2) == :position_ahead
    assert code.(from: "a.b.0") == :other_journal
    assert code.(from: :start) == :invalid_option
    assert code.(max_demand: 0) == :invalid_option
    assert code.(demand: :none) == :invalid_option
    assert code.(sauce: "x") == :invalid_option
    # It may come to be.
    {:ok, subscription} = Repo.subscribe(source: "room:new", from: 0)
    note!(repo, "n2", "new")
    assert [%{seq: 2}] = next(subscription)
  end

  test "the end of the repo is the end of its subscriptions", %{repo: repo} do
    note!(repo, "n1")
    {:ok, subscription} = Repo.subscribe()
    {:ok, manual} = Repo.subscribe(from: 0, demand: :manual)
    hubs = for pid <- Process.list(), hub?(pid), do: {pid, Process.monitor(pid)}
    stop_supervised!(supervised(repo))
    assert_receive {:journal_closed, ^subscription, %Error{code: :closed}}, @wait
    assert_receive {:journal_closed, ^manual, %Error{code: :closed}}, @wait
    refute Enum.any?(hubs, fn {pid, _} -> Process.alive?(pid) and repo_of(pid) == repo end)
  end

  defp hub?(pid) do
    with {:dictionary, dictionary} <- Process.info(pid, :dictionary),
         do: match?({AshRusqlite.Journal.Hub, _, _}, dictionary[:"$initial_call"]),
         else: (_ -> false)
  end

  defp repo_of(hub), do: :sys.get_state(hub).entry.pid

  defp supervised(repo) do
    {:ok, supervisor} = ExUnit.fetch_test_supervisor()
    {id, _, _, _} = List.keyfind(Supervisor.which_children(supervisor), repo, 1)
    id
  end

  test "a hub that ends is replaced, and nothing is lost", %{repo: repo} do
    {:ok, subscription} = Repo.subscribe()
    note!(repo, "n1")
    assert seqs_until(subscription, 1) == [1]
    {:ok, entry} = AshRusqlite.Repo.Registry.lookup(repo)
    {:ok, hub} = AshRusqlite.Repo.Server.journal_hub(entry)
    Process.exit(hub, :kill)
    notes!(repo, 2..4)
    assert seqs_until(subscription, 4) == [2, 3, 4]
    assert {:ok, other} = AshRusqlite.Repo.Server.journal_hub(entry)
    assert other != hub
  end

  test "what another program writes is sent, too", %{repo: repo, database: database} do
    {:ok, subscription} = Repo.subscribe(source: "room:theirs")
    child = AshRusqlite.Child.start!("write_notes.exs", [database])
    assert AshRusqlite.Child.expect(child, "written") == ""
    assert seqs_until(subscription, 3) == [1, 2, 3]
    note!(repo, "ours", "theirs")
    assert [%{seq: 4, position: 4}] = next(subscription)
  end

  test "a restore ends what followed the journal before", %{repo: repo, tmp_dir: folder} do
    notes!(repo, 1..3)
    backup = Path.join(folder, "backup.db")
    Repo.backup!(backup)
    {:ok, subscription} = Repo.subscribe()
    notes!(repo, 4..6)
    assert seqs_until(subscription, 6) == [4, 5, 6]
    [_ | _] = before = Repo.events()
    Repo.restore!(backup)

    assert_receive {:journal_closed, ^subscription, %Error{code: :other_journal}}, @wait
    assert error(fn -> Events.events(repo, after: hd(before)) end).code == :other_journal
  end
end
