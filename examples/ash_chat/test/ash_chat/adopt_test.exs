defmodule AshChat.AdoptTest do
  use AshChat.Case, async: false

  alias AshChat.Adopt
  alias AshChat.Adopt.{Report, Row}
  alias AshRusqlite.Repo.Maintenance

  doctest Report
  doctest Row

  @ann "00000000-0000-4000-8000-00000000000a"
  @bot "00000000-0000-4000-8000-00000000000b"
  @kitchen "00000000-0000-4000-8000-0000000000c1"
  @pantry "00000000-0000-4000-8000-0000000000c2"
  @nobody "00000000-0000-4000-8000-0000000000ff"

  defp id(n), do: "00000000-0000-4000-8000-#{String.pad_leading("#{n}", 12, "0")}"

  # As the chat wrote it: a column for each attribute, no types that mean anything.
  @tables """
  CREATE TABLE users (id TEXT PRIMARY KEY, name TEXT, email TEXT, display_name TEXT, avatar_url TEXT,
    preferences TEXT, is_active INTEGER, created_at TEXT, updated_at TEXT);
  CREATE TABLE rooms (id TEXT PRIMARY KEY, title TEXT, description TEXT, hidden BOOLEAN,
    parent_room_id TEXT, created_at TEXT);
  CREATE TABLE agent_cards (id TEXT PRIMARY KEY, name TEXT, model_preferences JSON, available_tools TEXT,
    default_profile_id TEXT, is_default INTEGER, mood TEXT);
  CREATE TABLE messages (id TEXT PRIMARY KEY, content TEXT, role TEXT, message_type TEXT,
    image_data BLOB, metadata TEXT, room_id TEXT, user_id TEXT, agent_card_id TEXT, created_at DATETIME);
  """

  @rows """
  INSERT INTO users VALUES ('#{@ann}', 'ann', '', '', '', '{"theme": "dark"}', 1, '2026-01-10T09:00:00.5Z', ''),
    ('42', 'no id', '', '', '', '', 1, '', ''),
    ('00000000-0000-4000-8000-00000000000d', '', '', '', '', '', 0, '', '');
  INSERT INTO rooms VALUES ('#{@pantry}', 'Pantry', '', 1, '#{@kitchen}', '2026-01-10 08:00:00'),
    ('#{@kitchen}', 'Kitchen', '', 0, '', 1768032000);
  INSERT INTO agent_cards VALUES ('#{@bot}', 'bot', '{broken', '["search"]', '#{@nobody}', 1, 'fine');
  """

  @messages """
  INSERT INTO messages (id, content, role, message_type, metadata, room_id, user_id, agent_card_id, created_at) VALUES
    ('00000000-0000-4000-8000-000000000001', 'Hi', 'user', 'text', '', '#{@kitchen}', '#{@ann}', '', '2026-01-10T09:01:00Z'),
    ('00000000-0000-4000-8000-000000000002', 'Ho', ':assistant', '', '{"n": 1}', '#{@kitchen}', '', '#{@bot}', '2026-01-10T09:02:00Z'),
    ('00000000-0000-4000-8000-000000000003', 'Lost', 'user', 'text', '{}', '', '#{@nobody}', '', '2026-01-10T09:03:00Z'),
    ('00000000-0000-4000-8000-000000000004', '', 'user', 'text', '{}', '#{@kitchen}', '#{@ann}', '', '2026-01-10T09:04:00Z'),
    ('00000000-0000-4000-8000-000000000005', 'Bye', 'user', 'text', '{}', '#{@kitchen}', '#{@ann}', '', '2026-01-10T09:05:00Z');
  UPDATE messages SET image_data = x'89504e47' WHERE content = 'Bye';
  """

  # The old chat wrote by another library; here a migration of a repo without its ledger does.
  defp old!(folder, sql) do
    path = Path.join(folder, "old.db")
    files = Path.join(folder, "old")
    File.mkdir_p!(files)
    File.write!(Path.join(files, "1_old.sql"), "-- up\n" <> sql)
    repo = start_supervised!({AshRusqlite.Repo, database: path, name: nil}, id: :old)
    Maintenance.migrate!(repo, migrations: files)
    stop_supervised!(:old)
    path
  end

  defp adopt!(path) do
    test = self()
    refused = fn table, id, reason -> send(test, {:refused, table, id, reason}) end
    assert {:ok, report} = Adopt.run(path, on_refused: refused, progress: &send(test, &1))
    report
  end

  test "what can be taken is taken, and what cannot is in the report", %{tmp_dir: folder} do
    path = old!(folder, @tables <> @rows <> @messages)
    before = File.read!(path)

    assert %Report{} = report = adopt!(path)
    assert report.taken == %{users: 1, rooms: 2, agent_cards: 1, messages: 4}
    assert report.refused == %{users: 2, messages: 1}
    assert report.lost == %{"agent_cards.default_profile_id" => 1, "messages.user_id" => 1}
    assert report.changed == %{"agent_cards.model_preferences" => 1}
    assert report.unknown == ["agent_cards.mood"]
    assert report.missing == []
    assert report.made == %{room_memberships: 1, agent_memberships: 1}
    assert_received {:refused, :users, "42", "the id is no UUID"}
    assert_received {:refused, :users, "00000000-0000-4000-8000-00000000000d", "it has no name"}
    assert_received {:refused, :messages, _, "it has neither content nor an image"}
    assert_received %{phase: :adopt, label: "messages of old.db", done: 5, total: 5}

    assert %{email: nil, display_name: "ann", preferences: %{"theme" => "dark"}, is_active: true} =
             user = Repo.get!(:users, @ann)

    assert user.created_at == ~U[2026-01-10 09:00:00.500000Z]
    assert user.updated_at == user.created_at
    assert %{parent_room_id: nil, created_at: at} = Repo.get!(:rooms, @kitchen)
    assert at == DateTime.from_unix!(1_768_032_000_000_000, :microsecond)
    assert %{parent_room_id: @kitchen, hidden: true} = Repo.get!(:rooms, @pantry)

    assert %{available_tools: ["search"], model_preferences: %{}, default_profile_id: nil} =
             Repo.get!(:agent_cards, @bot)

    assert %{role: "assistant", message_type: "text", metadata: %{"n" => 1}, agent_card_id: @bot} =
             Repo.get!(:messages, id(2))

    assert %{room_id: nil, user_id: nil, content: "Lost"} = Repo.get!(:messages, id(3))
    assert %{image_data: <<0x89, "PNG">>} = Repo.get!(:messages, id(5))

    assert [%{user_id: @ann, joined_at: joined, last_seen_at: seen}] = Repo.all(:room_memberships)
    assert {joined, seen} == {~U[2026-01-10 09:01:00.000000Z], ~U[2026-01-10 09:05:00.000000Z]}
    assert Repo.check() == {:ok, []}

    assert File.read!(path) == before
  end

  test "a file that is adopted again changes nothing", %{tmp_dir: folder} do
    path = old!(folder, @tables <> @rows <> @messages)
    adopt!(path)
    Repo.update!(:rooms, @kitchen, %{title: "Renamed"})

    assert %Report{taken: taken, there: there, made: made} = adopt!(path)
    assert taken == %{}
    assert there == %{users: 1, rooms: 2, agent_cards: 1, messages: 4}
    assert Enum.all?(made, fn {_table, count} -> count == 0 end)
    assert Repo.get!(:rooms, @kitchen).title == "Renamed"
  end

  test "more rows than a batch, and tables that are not there", %{tmp_dir: folder} do
    path =
      old!(folder, """
      CREATE TABLE messages (id TEXT, content TEXT);
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1234)
      INSERT INTO messages SELECT printf('00000000-0000-4000-8000-%012d', i), 'text ' || i FROM n;
      """)

    report = adopt!(path)
    assert report.taken == %{messages: 1234}
    assert report.missing == [:users, :rooms, :agent_cards]
    assert Repo.count(:messages) == 1234
  end

  test "what is no file of a database is an error", %{tmp_dir: folder} do
    path = Path.join(folder, "no.db")
    assert {:error, %AshRusqlite.Error{code: :cannot_open}} = Adopt.run(path)
    File.write!(path, String.duplicate("no database", 200))
    assert {:error, %AshRusqlite.Error{code: :not_a_database}} = Adopt.run(path)
    assert File.read!(path) == String.duplicate("no database", 200)
  end

  test "the task prints the report of what was taken", %{tmp_dir: folder} do
    shell = Mix.shell()
    Mix.shell(Mix.Shell.Process)
    on_exit(fn -> Mix.shell(shell) end)
    path = old!(folder, @tables <> @rows <> @messages)
    database = Path.join(folder, "new.db")

    printed =
      ExUnit.CaptureIO.capture_io(fn ->
        Mix.Task.rerun("ash_chat.adopt", [path, "--database", database])
      end)

    assert printed =~ "adopt 5/5 messages of old.db"
    assert_received {:mix_shell, :info, ["taken: agent_cards 1, messages 4, rooms 2, users 1"]}
    assert_received {:mix_shell, :info, ["could not be taken: messages 1, users 2"]}
    assert_received {:mix_shell, :error, ["users \"42\" is left out: the id is no UUID"]}
    assert File.regular?(database)
    assert_raise Mix.Error, ~r/give the old file/, fn -> Mix.Task.rerun("ash_chat.adopt", []) end
  end
end
