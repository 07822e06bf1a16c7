defmodule AshRusqlite.JournalActorTest do
  # Who makes a change of a journaled table, and where its sources must be, as the plain repo says it.
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Repo.{Schema, Writes}

  doctest AshRusqlite.Actor

  defmodule User do
    defstruct [:id]
  end

  defmodule Key do
    defstruct [:prefix]

    defimpl AshRusqlite.Actor do
      def name(key), do: "api_key:#{key.prefix}"
    end
  end

  @notes [
    table: "notes",
    primary_key: ["id"],
    columns: [
      [name: "id", type: "INTEGER"],
      [name: "room", type: "TEXT"],
      [name: "text", type: "TEXT"],
      [name: "done", type: "BOOLEAN_INT"]
    ],
    journal: [
      type: "note",
      source: {"room", "room"},
      events: [
        [
          type: "note.done",
          on: "update",
          condition: {:and, [{:col, "done"}, {:not, {:col, 1, "done"}}]}
        ]
      ]
    ]
  ]

  setup %{repo: repo} do
    Schema.ensure_table!(repo, @notes)
    :ok
  end

  defp events(columns) do
    names = Enum.map_join(columns, ", ", &~s("#{&1}"))
    Repo.query!("SELECT #{names} FROM ash_rusqlite_journal ORDER BY seq").rows
  end

  defp insert!(id, opts \\ []), do: Repo.insert!(:notes, %{id: id, room: "a", text: "hi"}, opts)

  test "a write says who makes it and why" do
    insert!(1, actor: "user:ann", action: :jot, metadata: %{from: "phone", tries: 2})
    insert!(2)

    assert events([:actor, :action, :metadata]) == [
             ["user:ann", "jot", %{"from" => "phone", "tries" => 2}],
             [nil, nil, nil]
           ]
  end

  test "metadata are stored as JSON, names and times as texts" do
    metadata = %{
      :kind => :import,
      "lines" => [1, 2.5, nil, true],
      7 => [at: ~U[2026-01-02 03:04:05Z], on: ~D[2026-01-02]]
    }

    insert!(1, metadata: metadata)

    assert events([:metadata]) == [
             [
               %{
                 "kind" => "import",
                 "lines" => [1, 2.5, nil, true],
                 "7" => %{"at" => "2026-01-02 03:04:05Z", "on" => "2026-01-02"}
               }
             ]
           ]
  end

  test "each kind of write says it" do
    opts = [actor: {:user, 7}]
    insert!(1, opts)
    Repo.upsert!(:notes, %{id: 1, room: "a", text: "b"}, opts)
    Repo.update!(:notes, 1, [text: "c"], opts)
    Repo.update_all(:notes, [set: [text: "d"]], opts)
    Repo.insert_all(:notes, [[id: 2, room: "a"]], opts)
    {:ok, _} = Repo.execute("UPDATE notes SET text = 'e' WHERE id = 1", [], opts)
    Writes.update_each(Repo.get_dynamic_repo(), :notes, [{[id: 1], [set: [text: "f"]]}], opts)

    Writes.update_or_insert(
      Repo.get_dynamic_repo(),
      :notes,
      [id: 3],
      [set: [text: "g"]],
      [id: 3, room: "a"],
      opts
    )

    Repo.delete!(:notes, 2, opts)
    Repo.delete_all(:notes, [where: [id: 3]] ++ opts)

    assert [_ | _] = events = events([:actor, :type])
    assert Enum.uniq(Enum.map(events, &hd/1)) == ["user:7"]
    assert length(events) == 10
  end

  test "within with_actor each write is by the actor, also in a transaction" do
    result =
      Repo.with_actor("user:ann", [action: :import, metadata: %{file: "a.txt"}], fn ->
        insert!(1)

        Repo.transaction(fn ->
          insert!(2)
          Repo.with_actor("user:ben", fn -> insert!(3) end)
          Repo.with_actor("user:ben", [metadata: [line: 4]], fn -> insert!(4) end)
          insert!(5, actor: nil)
          insert!(6, actor: "user:eve", action: "check")
        end)
      end)

    assert {:ok, %{id: 6}} = result
    insert!(7)
    file = %{"file" => "a.txt"}

    assert events([:key, :actor, :action, :metadata]) == [
             [1, "user:ann", "import", file],
             [2, "user:ann", "import", file],
             [3, "user:ben", "import", file],
             [4, "user:ben", "import", Map.put(file, "line", 4)],
             [5, nil, "import", file],
             [6, "user:eve", "check", file],
             [7, nil, nil, nil]
           ]
  end

  test "the actor before is back after a raise, a throw and an exit" do
    Repo.with_actor("user:ann", fn ->
      assert_raise RuntimeError, fn -> Repo.with_actor("user:ben", fn -> raise "no" end) end
      assert catch_throw(Repo.with_actor("user:ben", fn -> throw(:no) end)) == :no
      assert catch_exit(Repo.with_actor("user:ben", fn -> exit(:no) end)) == :no
      insert!(1)
    end)

    assert events([:actor]) == [["user:ann"]]
  end

  test "the actor of a process is not that of another process" do
    Repo.with_actor("user:ann", fn ->
      repo = Repo.get_dynamic_repo()
      Task.await(Task.async(fn -> Writes.insert!(repo, :notes, %{id: 1, room: "a"}) end))
    end)

    assert events([:actor]) == [[nil]]
  end

  test "an actor is a string, an atom, a kind with an id, or what has an id" do
    actors = ["user:1", :system, {:user, 2}, 3, %User{id: 4}, %{id: 5}, %{"id" => "6"}]

    for {actor, id} <- Enum.with_index(actors ++ [%Key{prefix: "k"}], 1),
        do: insert!(id, actor: actor)

    assert events([:actor]) ==
             [["user:1"], ["system"], ["user:2"], ["3"], ["user:4"], ["5"], ["6"], ["api_key:k"]]
  end

  test "what is no actor, action, metadata or position is an error, and nothing is written" do
    wrong = [
      actor: %{name: "ann"},
      actor: %User{},
      actor: [1],
      actor: {:user, nil},
      actor: "",
      action: 1,
      metadata: "text",
      metadata: [1],
      metadata: %{at: {1, 2}},
      metadata: %{text: <<255>>},
      expect: "room:a",
      expect: [{"room:a", -1}],
      expect: [{nil, 1}],
      expect: [{"room:a", "1"}]
    ]

    for {option, value} <- wrong do
      assert {:error, %Error{code: :invalid_option, details: %{option: name}}} =
               Repo.insert(:notes, %{id: 1}, [{option, value}])

      assert name == Atom.to_string(option)
    end

    assert_raise Error, ~r/metadata/, fn -> Repo.with_actor("a", [metadata: 1], fn -> :ok end) end

    assert_raise Error, ~r/unknown option acton/, fn ->
      Repo.with_actor("a", [acton: 1], fn -> :ok end)
    end

    assert events([:seq]) == []
  end

  test "an expected position that a source has lets the write through" do
    insert!(1, expect: [{"room:a", 0}])
    insert!(2, expect: %{"room:a" => 1})
    insert!(3, expect: [{{:room, "a"}, 2}, {"room:b", 0}])
    assert events([:position]) == [[1], [2], [3]]
  end

  test "an expected position that it no longer has is a conflict, and nothing is written" do
    insert!(1)
    insert!(2)

    assert {:error, %Error{code: :position_conflict, details: details, retryable?: false}} =
             Repo.insert(:notes, %{id: 3, room: "a"}, expect: [{"room:a", 1}])

    assert %{source: "room:a", position: 2, expected: expected} = details
    assert expected == 1

    assert [%AshRusqlite.Event{source: "room:a", position: 2, type: "note.created"}] =
             details.missed

    assert Repo.count(:notes) == 2
  end

  test "a position that is still to come has missed nothing" do
    insert!(1)

    assert {:error, %Error{code: :position_conflict, details: %{position: 1, missed: []}}} =
             Repo.insert(:notes, %{id: 3, room: "a"}, expect: [{"room:a", 7}])
  end

  test "in a transaction a conflict fails the statement alone" do
    insert!(1)

    assert {:ok, :kept} =
             Repo.transaction(fn ->
               insert!(2)

               assert {:error, %Error{code: :position_conflict}} =
                        Repo.delete(:notes, 1, expect: [{"room:a", 1}])

               insert!(3, expect: [{"room:a", 2}])
               :kept
             end)

    assert Repo.count(:notes) == 3
  end

  test "an update of nothing cannot expect anything" do
    insert!(1)

    assert {:error, %Error{code: :invalid_option, details: %{option: "expect"}}} =
             Repo.update(:notes, 1, [], expect: [{"room:a", 1}])
  end

  test "a condition of the description becomes one of the trigger" do
    insert!(1)
    Repo.update!(:notes, 1, done: false)
    Repo.update!(:notes, 1, done: true)
    Repo.update!(:notes, 1, text: "x")

    assert events([:type]) == [
             ["note.created"],
             ["note.updated"],
             ["note.done"],
             ["note.updated"]
           ]
  end

  test "a condition that only this library could compute is refused" do
    for condition <- [
          {:call, :downcase, [{:col, "text"}]},
          {:compare, :==, :ci, {:col, "text"}, {:value, :text, "A"}},
          {:is_nil, {:col, "other"}},
          {:is_nil, {:col, 2, "text"}}
        ] do
      event = [type: "note.x", on: "update", condition: condition]
      spec = put_in(@notes[:journal][:events], [event])

      assert {:error, %Error{code: :invalid_option, details: %{option: "journal"}}} =
               Schema.ensure_table(Repo.get_dynamic_repo(), spec)
    end
  end

  test "tables without a journal take the context, too" do
    assert %{id: "a"} = Repo.insert!(:rooms, %{id: "a", title: "A"}, actor: "user:ann")
    assert events([:seq]) == []
  end
end
