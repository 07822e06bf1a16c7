defmodule AshChat.ImportTest do
  use AshChat.Case, async: true

  alias AshChat.Import
  alias AshChat.Import.Report
  alias AshChat.Demo.Options

  defp import!(path, opts \\ []) do
    assert {:ok, report} = Import.run(path, opts)
    report
  end

  defp import_bad(path, opts \\ []) do
    test = self()
    opts = [on_bad_line: fn number, reason -> send(test, {:bad, number, reason}) end] ++ opts
    {Import.run(path, opts), bad_lines()}
  end

  defp bad_lines do
    receive do
      {:bad, number, reason} -> [{number, reason} | bad_lines()]
    after
      0 -> []
    end
  end

  defp everything, do: Map.new(Repo.tables(), &{&1, Repo.all(&1, order_by: :id)})

  defp counts, do: Map.new(Repo.tables(), &{&1, Repo.count(&1)})

  describe "the sample" do
    test "has what a chat has" do
      report = import!(Options.sample())
      assert report.bad == 0
      assert report.messages == report.lines
      assert report.messages in 200..400
      assert %{users: 8, agent_cards: 3, profiles: 3, rooms: 6} = report.inserted

      assert Repo.check() == {:ok, []}
      messages = Repo.all(:messages)
      text = Enum.map_join(messages, "\n", & &1.content)
      # An emoji that joins several people, Japanese, Arabic, German, a block of code.
      for part <- ["👨‍👩‍👧‍👦", "図書館", "غرفة لرحلة", "Kühlschrank", "```elixir\n"],
          do: assert(text =~ part)

      assert Enum.any?(messages, &(String.length(&1.content) > 4000))
      assert Enum.any?(messages, &match?(%{metadata: %{"receipt" => %{"items" => [_ | _]}}}, &1))
      assert Enum.any?(messages, &match?(%{image_data: <<137, "PNG", _::binary>>}, &1))
      assert Enum.map(messages, & &1.role) |> Enum.uniq() |> length() == 3
    end

    test "changes nothing when it is imported again" do
      first = import!(Options.sample())
      before = everything()
      second = import!(Options.sample())

      assert %Report{messages: 0, bad: 0, unchanged: unchanged} = second
      assert unchanged == first.messages
      assert Enum.all?(second.inserted, fn {_table, count} -> count == 0 end)
      assert everything() == before
    end
  end

  test "people and rooms are made from their names", %{tmp_dir: folder} do
    path =
      file!(folder, [
        line(display_name: ~s("Ann B")),
        line(content: ~s("Later"), created_at: ~s("2026-01-10T11:00:00Z")),
        line(content: ~s("Earlier"), created_at: ~s("2026-01-09T11:00:00Z")),
        line(user: ~s("bob"), room: ~s("Garden")),
        line(user: nil, agent: ~s("Bot"), profile: ~s("ollama/llama3.1"))
      ])

    import!(path)

    assert [%{name: "ann", display_name: "Ann B"} = ann, %{name: "bob", display_name: "bob"}] =
             Repo.all(:users, order_by: :name)

    assert [%{title: "Garden"}, kitchen] = Repo.all(:rooms, order_by: :title)

    assert [%{name: "ollama/llama3.1", provider: "ollama", model: "llama3.1"}] =
             Repo.all(:profiles)

    assert [%{name: "Bot"} = bot] = Repo.all(:agent_cards)
    assert bot.default_profile_id == Repo.one!(:profiles).id

    assert Repo.get_by!(:room_memberships, room_id: kitchen.id).user_id == ann.id
    membership = Repo.get_by!(:room_memberships, user_id: ann.id)
    assert membership.joined_at == ~U[2026-01-09 11:00:00.000000Z]
    assert membership.last_seen_at == ~U[2026-01-10 11:00:00.000000Z]
    assert Repo.one!(:agent_memberships).agent_card_id == bot.id

    assert [%{content: "Earlier"}, _, _, %{content: "Later"}] =
             Repo.all(:messages, where: [room_id: kitchen.id], order_by: [:created_at, :id])
  end

  test "messages of one time keep the order of the file, equal ones included", %{tmp_dir: folder} do
    texts = for n <- 1..40, do: "#{rem(n, 3)}"
    path = file!(folder, for(text <- texts, do: line(content: inspect(text))))

    assert %Report{messages: 40} = import!(path)
    stored = Repo.all(:messages, order_by: [:created_at, :id])
    assert Enum.map(stored, & &1.content) == texts
    assert %Report{messages: 0, unchanged: 40} = import!(path)
  end

  test "a longer file adds what is new, and updates when a user was last seen", %{tmp_dir: folder} do
    import!(file!(folder, [line()]))
    more = line(content: ~s("More"), created_at: ~s("2026-02-01T09:00:00Z"))

    assert %Report{messages: 1, unchanged: 1} = import!(file!(folder, [line(), more]))
    assert Repo.one!(:room_memberships).last_seen_at == ~U[2026-02-01 09:00:00.000000Z]

    import!(file!(folder, [line()]))
    assert Repo.one!(:room_memberships).last_seen_at == ~U[2026-02-01 09:00:00.000000Z]
  end

  test "a user who has left since is not put into the room again, and not seen there", %{
    tmp_dir: folder
  } do
    import!(file!(folder, [line()]))
    left = Repo.one!(:room_memberships)
    Repo.update!(:room_memberships, left.id, is_active: false)

    back = Map.merge(left, %{id: "00000000-0000-4000-8000-00000000000b", is_active: true})
    more = file!(folder, [line(), line(created_at: ~s("2026-02-01T09:00:00Z"))])

    import!(more)
    assert Repo.all(:room_memberships) == [%{left | is_active: false}]

    Repo.insert!(:room_memberships, back)
    import!(more)
    assert Repo.count(:room_memberships) == 2
    assert Repo.get!(:room_memberships, left.id).last_seen_at == left.last_seen_at
    assert Repo.get!(:room_memberships, back.id).last_seen_at == ~U[2026-02-01 09:00:00.000000Z]
  end

  test "of bad lines nothing is imported, and each is named", %{tmp_dir: folder} do
    id = ~s("00000000-0000-4000-8000-000000000001")

    path =
      file!(folder, [
        line(),
        "{",
        "",
        line(id: id),
        <<255>>,
        line(id: id, content: ~s("Other")),
        line(role: ~s("boss"))
      ])

    assert {{:error, %Report{bad: 4, lines: 6}}, bad} = import_bad(path)

    assert [{2, "this is not JSON" <> _}, {5, not_utf8}, {6, twice}, {7, "the role" <> _}] = bad
    assert not_utf8 =~ "UTF-8"
    assert twice == "the same message id is on line 4"
    assert Enum.uniq(Map.values(counts())) == [0]
  end

  test "the good lines are imported if that is wished", %{tmp_dir: folder} do
    lines = [line(), "{", line(content: ~s("Two")), line(room: nil)]

    assert {{:ok, %Report{messages: 2, bad: 2, lines: 4}}, [{2, _}, {4, _}]} =
             import_bad(file!(folder, lines), keep_going: true)

    assert %{messages: 2, users: 1, rooms: 1} = counts()
  end

  test "bad lines in a late batch take the early ones with them", %{tmp_dir: folder} do
    lines = for n <- 1..1200, do: line(content: ~s("#{n}"))
    path = file!(folder, lines ++ ["no"])

    assert {{:error, %Report{bad: 1}}, [{1201, _}]} = import_bad(path)
    assert Enum.uniq(Map.values(counts())) == [0]
    assert {{:ok, %Report{messages: 1200}}, _} = import_bad(path, keep_going: true)
  end

  test "an id that belongs to another message is refused", %{tmp_dir: folder} do
    id = ~s("00000000-0000-4000-8000-000000000001")
    import!(file!(folder, [line(id: id)]))
    other = file!(folder, [line(id: id, content: ~s("Other"), metadata: ~s({"a":1}))])

    assert {{:error, %Report{bad: 1, unchanged: 0}}, [{1, reason}]} = import_bad(other)

    assert reason ==
             "the database has a message of the id 00000000-0000-4000-8000-000000000001 " <>
               "with another content, metadata"

    assert Repo.one!(:messages).content == "Hi"
  end

  test "a file with a byte order mark, CRLF and no last line end is read", %{tmp_dir: folder} do
    path = Path.join(folder, "dos.jsonl")
    File.write!(path, ["\uFEFF", line(), "\r\n\r\n", line(content: ~s("Two"))])
    assert %Report{messages: 2, lines: 2} = import!(path)
  end

  test "an empty file is an empty import", %{tmp_dir: folder} do
    assert %Report{messages: 0, lines: 0, room: nil} = import!(file!(folder, []))
  end

  test "a file that is not there, or a folder, is an error", %{tmp_dir: folder} do
    assert {:error, %File.Error{reason: :enoent}} = Import.run(Path.join(folder, "none"))
    assert {:error, %File.Error{}} = Import.run(folder)
  end

  test "what the database refuses is an error and leaves nothing", %{tmp_dir: folder} do
    path = file!(folder, [line()])
    AshRusqlite.Repo.stop(Repo.get_dynamic_repo())
    assert {:error, %AshRusqlite.Error{code: :closed}} = Import.run(path)
  end

  test "progress goes to the end of the file", %{tmp_dir: folder} do
    path = file!(folder, for(n <- 1..1100, do: line(content: ~s("#{n}"))))
    test = self()
    import!(path, progress: &send(test, &1))

    size = File.stat!(path).size
    assert_received %{phase: :import, done: done, total: ^size} when done < size
    assert_received %{phase: :import, done: ^size, total: ^size}
  end
end
