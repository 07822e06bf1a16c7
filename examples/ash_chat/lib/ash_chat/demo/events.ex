defmodule AshChat.Demo.Events do
  @moduledoc """
  The part of the demo that shows the event journal: whether it has what was acknowledged, the
  history of a message, a room as it was, a subscriber that is killed, a change by another program.
  """

  import AshChat.Demo.Terminal

  alias AshChat.Demo.{Follower, OtherProgram, Script}
  alias AshChat.{Repo, Transcript}
  alias AshRusqlite.Journal

  @shown 10
  # How many events the subscriber has before it.
  @behind 1_000
  @compared 100

  @doc """
  Replays the journal, compares what that gives with the tables, and looks for the events of the
  acknowledged writes. Returns how many events there are, and the problems as sentences.
  """
  @spec verify(Script.t(), %{optional(Script.writer()) => non_neg_integer()}) ::
          {:ok, non_neg_integer(), [String.t()]} | {:error, Exception.t()}
  def verify(script, acknowledged) do
    with {:ok, found} <- Repo.journal_verify() do
      problems =
        Enum.map(found.differences, &difference/1) ++
          found.problems ++ missing(script, acknowledged)

      if problems == [] do
        say(
          "Journal: #{counted(found.events, "event")} replayed, which give the " <>
            "#{counted(found.rows, "row")} of #{length(found.tables)} tables; no gap"
        )
      end

      {:ok, found.events, problems}
    end
  end

  defp difference(row) do
    "the events and the row #{row.key} of #{row.table} do not agree" <>
      if(row.column, do: " in #{row.column}", else: "")
  end

  # Writes may be acknowledged only with their events.
  defp missing(script, acknowledged) do
    missing =
      for {writer, count} <- acknowledged,
          event <- Script.events(script, writer, count) -- stored(script, writer),
          do: {writer, event}

    shown =
      for {writer, {key, operation}} <- Enum.take(missing, @shown) do
        "writer #{writer} has written the row #{key}, but its event (#{operation}) is missing"
      end

    more = length(missing) - length(shown)
    if more > 0, do: shown ++ ["#{counted(more, "more event")} are missing"], else: shown
  end

  # What a user said is his as the actor, and what happened to him has him as its source.
  defp stored(script, writer) do
    user = "user:" <> Script.id(script, writer, :user)

    result =
      Repo.query!(
        """
        SELECT key, operation FROM ash_rusqlite_journal WHERE actor = ?
        UNION ALL
        SELECT key, operation FROM ash_rusqlite_journal WHERE source = ?
        """,
        [user, user]
      )

    Enum.map(result.rows, &List.to_tuple/1)
  end

  @doc "Shows the rest of it in a room. Returns the problems as sentences."
  @spec show(map(), Script.t(), Path.t()) :: {:ok, [String.t()]} | {:error, Exception.t()}
  def show(room, script, database) do
    say("\nEvents")

    with {:ok, followed} <- Follower.follow_and_die(max(Repo.head() - @behind, 0)) do
      problems = message(room, script) ++ other_program(script, database)

      with {:ok, followed} <- Follower.resume(followed),
           do: {:ok, problems ++ followed(followed)}
    end
  end

  defp message(room, script) do
    source = "room:" <> room.id
    author = author(room)
    message = new_message(room, script, author)

    Repo.insert!(:messages, message)
    Repo.with_actor(author, [action: :edit], fn -> edit(message, "Lunch at two?") end)
    position = Repo.position(source)
    before = rows(room, [])

    Repo.with_actor("moderator", [action: :delete], fn ->
      Repo.delete!(:messages, message.id)
    end)

    history = Journal.history(Repo.get_dynamic_repo(), :messages, message.id)
    say("A message was written, edited and deleted. This is its history:")
    for event <- history, do: say("  #{line(event)}")

    as_of = [source: source, position: position]
    say("\nThe end of the room before that, at its position #{count(position)}:")

    for line <- Transcript.last(room.id, [limit: 2, as_of: as_of] ++ terminal()),
        do: say("  #{line}")

    say("")
    then = rows(room, as_of: as_of)
    gone? = Repo.get(:messages, message.id) == nil
    operations = Enum.map(history, & &1.operation)

    Enum.concat([
      wrong(operations == [:insert, :update, :delete], "the history of a message has a gap"),
      wrong(before == then, "the room as it was is another one than it was"),
      wrong(gone?, "the message that was deleted is there")
    ])
  end

  defp edit(message, content), do: Repo.update!(:messages, message.id, content: content)

  defp terminal, do: Keyword.update!(transcript(), :width, &(&1 - 2))

  # The author of the last message, or one of the load's users.
  defp author(room) do
    conditions = [{:room_id, :==, room.id}, {:user_id, :is_nil, false}]
    order = [desc: :created_at, desc: :id]

    case Repo.all(:messages, where: conditions, order_by: order, limit: 1) do
      [message] -> "user:" <> message.user_id
      [] -> "user:" <> hd(Repo.all(:users, order_by: :id, limit: 1)).id
    end
  end

  # Behind all others, where they are of the future, too.
  defp new_message(room, script, "user:" <> user_id) do
    latest = for message <- rows(room, limit: 1), do: DateTime.add(message.created_at, 1, :second)
    at = Enum.max([DateTime.utc_now() | latest], DateTime)

    script
    |> Script.row(1, {:message, 0, 9}, 1)
    |> Map.merge(%{id: Script.id(script, 0, {:message, 0, 9}), content: "Lunch at one?"})
    |> Map.merge(%{room_id: room.id, user_id: user_id, created_at: at, updated_at: at})
  end

  # Of a column that is skipped the past is not known.
  defp rows(room, opts) do
    [where: [room_id: room.id], order_by: [desc: :created_at, desc: :id], limit: @compared]
    |> Keyword.merge(opts)
    |> then(&Repo.all(:messages, &1))
    |> Enum.map(&Map.delete(&1, :updated_at))
  end

  defp line(event) do
    seq = String.pad_leading(count(event.seq), 7)
    "#{seq}  #{String.pad_trailing(event.type, 20)}  #{who(event.actor)}#{text(event)}"
  end

  defp who(nil), do: "actor unknown"

  defp who("user:" <> id = actor) do
    case Repo.get(:users, id) do
      nil -> actor
      user -> Transcript.printable(user.display_name || user.name)
    end
  end

  defp who(actor), do: actor

  defp text(%{old: %{content: old}, data: %{content: new}}),
    do: ": #{inspect(old)} became #{inspect(new)}"

  defp text(%{data: %{content: content}}), do: ": #{inspect(content)}"
  defp text(_event), do: ""

  defp other_program(script, database) do
    [%{id: id, title: title} | _] = Script.rooms(script)

    case OtherProgram.run(database, "UPDATE rooms SET hidden = 1 WHERE id = '#{id}'") do
      {:ok, program} ->
        events = Repo.events(source: "room:" <> id, order: :desc, limit: 1)
        say("#{program} has hidden the room #{title}, and the journal has it:")
        for event <- events, do: say("  #{line(event)}")
        hidden = match?([%{type: "chat.room.hidden", data: %{hidden: true}}], events)
        wrong(hidden, "what #{program} has written is not in the journal")

      :none ->
        say("No other SQLite program is here: nothing is written by one.")
        []
    end
  end

  defp followed(followed) do
    head = Repo.head()

    case Follower.problem(followed, head) do
      nil ->
        say(
          "\nA subscriber was killed when it had reached event #{count(List.last(followed.killed))}."
        )

        say(
          "Started again it went on with #{count(hd(followed.resumed))}, the first one that it had " <>
            "not finished, to #{count(head)}: no gap"
        )

        []

      problem ->
        [problem]
    end
  end

  defp wrong(true, _problem), do: []
  defp wrong(false, problem), do: [problem]
end
