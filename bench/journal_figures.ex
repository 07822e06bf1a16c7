defmodule AshRusqlite.Bench.JournalFigures do
  @moduledoc false
  # What a journal costs writes, and how fast its events are read and delivered.

  alias AshRusqlite.Bench.{Data, Figure, Measure, PlainRusqlite, Work, World}
  alias AshRusqlite.Journal
  alias AshRusqlite.Repo.{Events, Maintenance, Reads, Schema, Statement, Writes}

  @writers 64
  @followers 1_000
  @rooms 100
  # Milliseconds from a commit to its delivery.
  @delivery 2
  @wait 60_000

  @messages [
    table: "messages",
    primary_key: ["id"],
    columns: [
      [name: "id", type: "UUID_TEXT"],
      [name: "room_id", type: "UUID_TEXT"],
      [name: "user_id", type: "UUID_TEXT"]
    ],
    journal: [
      type: "chat.message",
      source: {"room", "room_id"},
      actor: {"user", "user_id"},
      skip: ["updated_at"]
    ]
  ]

  # Versions as libraries keep them: a second row for each change, in the same transaction.
  @versions [
    table: "message_versions",
    primary_key: ["id"],
    columns: [
      [name: "id", type: "UUID_TEXT"],
      [name: "version_source_id", type: "UUID_TEXT"],
      [name: "version_action_type", type: "TEXT"],
      [name: "version_action_name", type: "TEXT"],
      [name: "changes", type: "JSON_TEXT"],
      [name: "version_inserted_at", type: "DATETIME_USEC_TEXT"]
    ],
    indexes: [[name: "message_versions_source", columns: ["version_source_id"]]]
  ]

  @doc "The messages of the chat with a journal, as a description of their table."
  @spec journaled() :: keyword()
  def journaled, do: @messages

  @doc "The table of versions."
  @spec versions() :: keyword()
  def versions, do: @versions

  @doc "The figures."
  @spec all() :: [Figure.t()]
  def all do
    [
      figure(
        "journaled insert, 64 processes, against one without",
        :us,
        {:at_most, 1.8},
        &inserts/1
      ),
      figure(
        "journaled insert, 64 processes, against a version row in its transaction",
        :per_s,
        nil,
        &versions/1
      ),
      figure(
        "a room's events from a position, at 1,000,000 events against 10,000",
        :us,
        {:at_most, 1.3},
        &reads/1
      ),
      figure(
        "rebuild from the journal, events, against plain inserts of rows",
        :per_s,
        {:at_least, 0.5},
        &rebuilds/1
      ),
      figure("verify of the journal, against rebuild", :ms, {:at_most, 2.0}, &verifies/1),
      figure(
        "commit to delivery, median while 64 processes write, against 2 ms",
        :ms,
        {:at_most, 1.0},
        &deliveries/1
      ),
      figure(
        "durable insert, 64 processes, with 1,000 subscribers against none",
        :per_s,
        {:at_least, 0.95},
        &followers/1
      ),
      figure("a room of 10,000 messages as it was, from its events", :ms, nil, &room/1)
    ]
  end

  defp figure(name, unit, bar, measure) do
    {limit, bar} = bar || {nil, nil}
    %Figure{name: name, unit: unit, limit: limit, bar: bar, measure: measure}
  end

  # A copy of the chat, journaled or not, with the rest of the options.
  defp with_copy(world, name, spec, fun) do
    path = World.copy(world, name, world.messages)
    {:ok, repo} = Data.start(path, name: nil)
    if spec, do: Schema.ensure_table!(repo, spec)
    result = fun.(repo)
    Supervisor.stop(repo)
    World.remove(path)
    result
  end

  defp journaled(world, fun) do
    with_copy(world, "journaled", nil, fn repo ->
      Writes.delete_all(repo, :messages, timeout: :infinity)
      Schema.ensure_table!(repo, @messages)
      fun.(repo)
    end)
  end

  defp remember(world), do: World.with_repo(world, fn -> Work.remember_all() end)

  defp insert(repo, count, round) do
    Work.insert_with(count, @writers, round, fn message ->
      {:ok, _} = Writes.insert(repo, :messages, message)
    end)
  end

  # Both begin with an empty table of messages: existing rows would be in the journal, too.
  defp inserts(world) do
    remember(world)
    count = world.inserts[@writers]

    journaled(world, fn journaled ->
      with_copy(world, "plain", nil, fn plain ->
        Writes.delete_all(plain, :messages, timeout: :infinity)

        Measure.rounds(
          world.write_rounds,
          &Measure.us(insert(journaled, count, &1), count),
          &Measure.us(insert(plain, count, &1), count)
        )
      end)
    end)
  end

  defp versions(world) do
    remember(world)
    count = world.inserts[@writers]

    journaled(world, fn journaled ->
      with_copy(world, "versions", @versions, fn plain ->
        Writes.delete_all(plain, :messages, timeout: :infinity)

        Measure.rounds(
          min(world.write_rounds, 3),
          &Measure.per_s(insert(journaled, count, &1), count),
          fn round ->
            nanoseconds =
              Work.insert_with(count, @writers, round, fn message ->
                {:ok, _} =
                  AshRusqlite.Repo.Transaction.transaction(plain, fn ->
                    row = Writes.insert!(plain, :messages, message)
                    Writes.insert!(plain, :message_versions, version(row))
                  end)
              end)

            Measure.per_s(nanoseconds, count)
          end
        )
      end)
    end)
  end

  defp version(row) do
    %{
      id: Data.uuid(),
      version_source_id: row.id,
      version_action_type: "create",
      version_action_name: "create_text_message",
      changes: Map.new(row, fn {key, value} -> {to_string(key), text(value)} end),
      version_inserted_at: row.created_at
    }
  end

  defp text(%DateTime{} = at), do: DateTime.to_iso8601(at)
  defp text(other), do: other

  # A chat whose messages are all events.
  defp with_events(world, count, name, fun) do
    with_copy(%{world | messages: 0}, name, @messages, fn repo ->
      members = Work.recall(:members)

      0..(count - 1)
      |> Enum.chunk_every(10_000)
      |> Enum.each(fn numbers ->
        rows = Enum.map(numbers, &Data.message(&1, members))
        Writes.insert_all(repo, :messages, rows, timeout: :infinity)
      end)

      fun.(repo)
    end)
  end

  defp reads(world) do
    remember(%{world | messages: 0})

    with_events(world, max(div(world.many, 100), 200), "few", fn few ->
      with_events(world, world.many, "many", fn many ->
        Measure.rounds(world.rounds, fn _ -> pages(world, many) end, fn _ -> pages(world, few) end)
      end)
    end)
  end

  # For each room, 50 events after the position that is 60 before its last one.
  defp pages(world, repo) do
    count = min(world.latest, 200)

    Measure.alone(
      fn ->
        for room <- Work.some_rooms(count, 0) do
          source = "room:#{room}"
          {source, max(Events.position(repo, source) - 60, 0)}
        end
      end,
      fn places ->
        for {source, after_} <- places do
          [_ | _] = Events.events(repo, source: source, after: after_, limit: 50)
        end
      end
    )
    |> Measure.us(count)
  end

  defp rebuilds(world) do
    remember(%{world | messages: 0})

    with_events(world, world.many, "journaled", fn repo ->
      path = World.copy(%{world | messages: 0}, "plain", 0)

      PlainRusqlite.with_open(path, fn plain ->
        for _ <- 1..world.rebuilds do
          rebuilt = Measure.per_s(rebuild(world, repo), world.many)

          {rebuilt,
           Measure.per_s(PlainRusqlite.run(plain, "insert_all", [world.bulk]), world.bulk)}
        end
      end)
    end)
  end

  defp rebuild(world, repo) do
    path = Path.join(world.folder, "rebuilt.db")

    nanoseconds =
      Measure.alone(fn -> nil end, fn _ ->
        {:ok, _} = Maintenance.journal_rebuild(repo, path, overwrite: true)
      end)

    World.remove(path)
    nanoseconds
  end

  defp verifies(world) do
    remember(%{world | messages: 0})

    with_events(world, world.many, "journaled", fn repo ->
      for _ <- 1..world.rebuilds do
        verified =
          Measure.alone(fn -> nil end, fn _ ->
            {:ok, %{differences: [], problems: []}} = Maintenance.journal_verify(repo, [])
          end)

        {verified / 1.0e6, rebuild(world, repo) / 1.0e6}
      end
    end)
  end

  # The time from the answer to an insert, as its writer sees it, to the delivery of its event.
  defp deliveries(world) do
    remember(world)

    journaled(world, fn repo ->
      {:ok, subscription} = AshRusqlite.Journal.Subscription.start(follow(repo), self(), [])
      count = world.inserts[@writers]
      durable = :ets.new(:durable, [:public, write_concurrency: true])

      writing =
        Task.async(fn ->
          Work.insert_with(count, @writers, 0, fn message ->
            {:ok, row} = Writes.insert(repo, :messages, message)
            :ets.insert(durable, {row.id, System.monotonic_time()})
          end)
        end)

      delivered = receive_events(subscription, count, %{})
      Task.await(writing, :infinity)

      waits =
        for {id, at} <- :ets.tab2list(durable), delivery = delivered[id], delivery do
          max(System.convert_time_unit(delivery - at, :native, :microsecond), 0) / 1_000
        end

      [{Figure.median(waits), @delivery}]
    end)
  end

  defp follow(repo), do: elem(AshRusqlite.Repo.Registry.lookup(repo), 1)

  defp receive_events(_subscription, 0, delivered), do: delivered

  defp receive_events(subscription, left, delivered) do
    receive do
      {:journal, ^subscription, events} ->
        now = System.monotonic_time()
        Journal.ack(subscription, List.last(events))
        delivered = Enum.reduce(events, delivered, &Map.put(&2, &1.key, now))
        receive_events(subscription, left - length(events), delivered)
    after
      @wait -> raise "no event within #{@wait} ms, #{left} are missing"
    end
  end

  # Each subscription follows a source of its own; those of the chat's rooms receive the new events.
  defp followers(world) do
    remember(world)
    count = world.inserts[@writers]

    journaled(world, fn repo ->
      Measure.rounds(
        world.write_rounds,
        fn round ->
          with_followers(repo, fn -> Measure.per_s(insert(repo, count, 2 * round), count) end)
        end,
        &Measure.per_s(insert(repo, count, 2 * &1 + 1), count)
      )
    end)
  end

  defp with_followers(repo, fun) do
    rooms = Work.some_rooms(@rooms, 0)
    parent = self()

    pids =
      for n <- 1..@followers do
        source = "room:#{Enum.at(rooms, n) || n}"

        spawn_link(fn ->
          {:ok, subscription} =
            AshRusqlite.Journal.Subscription.start(follow(repo), self(), source: source)

          send(parent, :follows)
          acknowledge(subscription, 0)
        end)
      end

    for _ <- pids, do: receive(do: (:follows -> :ok))
    result = fun.()
    for pid <- pids, do: Process.unlink(pid) && Process.exit(pid, :kill)
    result
  end

  # Not after each message: a subscription sends many before it waits for an acknowledgement.
  defp acknowledge(subscription, received) do
    receive do
      {:journal, ^subscription, events} ->
        received = received + length(events)
        if received >= 100, do: Journal.ack(subscription, List.last(events))
        acknowledge(subscription, rem(received, 100))
    end
  end

  defp room(world) do
    remember(%{world | messages: 0})
    messages = min(world.many, 10_000)

    with_events(%{world | messages: 0}, messages * 3, "journaled", fn repo ->
      [room] = Work.some_rooms(1, 0)
      members = {{room}, elem(Work.recall(:members), 1)}
      rows = for n <- 1..messages, do: Data.message(n, members)
      Writes.insert_all(repo, :messages, rows, timeout: :infinity)
      {:ok, %{seq: head}} = Statement.read(repo, {:head}, nil)

      for _ <- 1..world.rebuilds do
        past =
          Measure.alone(fn -> nil end, fn _ ->
            [_ | _] = Reads.all(repo, :messages, as_of: [source: "room:#{room}", seq: head])
          end)

        now =
          Measure.alone(fn -> nil end, fn _ ->
            [_ | _] = Reads.all(repo, :messages, where: [room_id: room])
          end)

        {past / 1.0e6, now / 1.0e6}
      end
    end)
  end
end
