# The events of a journal as a resource that is read as any other.
defmodule AshRusqlite.JournalResourceTest do
  use ExUnit.Case, async: true

  require Ash.Query

  @moduletag :tmp_dir

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_journal_resource_test
  end

  defmodule Domain do
    use Ash.Domain, validate_config_inclusion?: false

    resources do
      resource AshRusqlite.JournalResourceTest.Note
      resource AshRusqlite.JournalResourceTest.Seat
      resource AshRusqlite.JournalResourceTest.Counter
      resource AshRusqlite.JournalResourceTest.Event
    end
  end

  defmodule Note do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "notes"

      journal do
        type "note"
        source :folder, :folder
      end
    end

    actions do
      defaults [:read, :destroy, create: :*, update: :*]
    end

    attributes do
      uuid_primary_key :id
      attribute :text, :string, public?: true
      attribute :folder, :string, public?: true
    end

    relationships do
      has_many :events, AshRusqlite.JournalResourceTest.Event do
        destination_attribute :key
        validate_destination_attribute?(false)
        filter expr(table == "notes")
        sort(seq: :asc)
      end
    end
  end

  defmodule Seat do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo

      journal do
      end
    end

    actions do
      defaults [:read, create: :*]
    end

    attributes do
      attribute :row, :integer, primary_key?: true, allow_nil?: false, public?: true
      attribute :name, :string, primary_key?: true, allow_nil?: false, public?: true
    end
  end

  defmodule Counter do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo

      journal do
      end
    end

    actions do
      defaults [:read, create: :*]
    end

    attributes do
      attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
    end
  end

  defmodule Event do
    use AshRusqlite.Journal.Resource,
      domain: Domain,
      repo: Repo,
      about: [
        note: AshRusqlite.JournalResourceTest.Note,
        seat: AshRusqlite.JournalResourceTest.Seat,
        counter: AshRusqlite.JournalResourceTest.Counter
      ]

    code_interface do
      define :list, action: :read
    end
  end

  setup %{tmp_dir: folder} do
    start_supervised!({Repo, database: Path.join(folder, "a.db"), synchronous: :off})
    a = Ash.create!(Note, %{text: "a", folder: "x"}, actor: "user:ann")
    b = Ash.create!(Note, %{text: "b", folder: "y"}, actor: "user:ben")
    a = Ash.update!(a, %{text: "c"}, actor: "user:ben", context: %{journal: %{reason: "typo"}})
    Ash.destroy!(b)
    Ash.create!(Seat, %{row: 3, name: "A"})
    Ash.create!(Counter, %{id: 7})
    {:ok, a: a, b: b}
  end

  defp seqs(query), do: query |> Ash.Query.sort(:seq) |> Ash.read!() |> Enum.map(& &1.seq)

  test "an event has all that the journal knows", %{a: a} do
    assert [_, _, event | _] = Ash.read!(Ash.Query.sort(Event, :seq))

    assert %{
             seq: 3,
             type: "note.updated",
             source: "folder:x",
             position: 2,
             actor: "user:ben",
             table: "notes",
             operation: :update,
             data: %{"text" => "c"},
             old: %{"text" => "a"},
             transaction: 3,
             at: %DateTime{},
             action: "update",
             metadata: %{"reason" => "typo"}
           } = event

    assert event.key == a.id
  end

  test "filters and sorts find the events", %{a: a} do
    assert seqs(Ash.Query.filter(Event, source == "folder:x")) == [1, 3]
    assert seqs(Ash.Query.filter(Event, source == "folder:x" and position > 1)) == [3]
    assert seqs(Ash.Query.filter(Event, type == "note.created")) == [1, 2]
    assert seqs(Ash.Query.filter(Event, actor == "user:ben")) == [2, 3]
    assert seqs(Ash.Query.filter(Event, key == ^a.id)) == [1, 3]
    assert seqs(Ash.Query.filter(Event, key == 7)) == [6]
    assert seqs(Ash.Query.filter(Event, table == "notes" and operation == :delete)) == [4]
    assert seqs(Ash.Query.filter(Event, seq > 4)) == [5, 6]
    now = DateTime.utc_now()
    assert seqs(Ash.Query.filter(Event, at <= ^now)) == Enum.to_list(1..6)
    assert seqs(Ash.Query.filter(Event, at > ^now)) == []
    assert [%{seq: 6} | _] = Ash.read!(Ash.Query.sort(Event, seq: :desc))
  end

  test "pages continue by keyset, and by offset" do
    query = Ash.Query.sort(Event, :seq)
    page = Ash.read!(query, page: [limit: 2])
    assert Enum.map(page.results, & &1.seq) == [1, 2]
    page = Ash.page!(page, :next)
    assert Enum.map(page.results, & &1.seq) == [3, 4]
    after_four = List.last(page.results).__metadata__.keyset
    page = Ash.read!(query, page: [limit: 5, after: after_four])
    assert Enum.map(page.results, & &1.seq) == [5, 6]
    page = Ash.read!(query, page: [limit: 2, offset: 3, count: true])
    assert {Enum.map(page.results, & &1.seq), page.count} == {[4, 5], 6}
  end

  test "an event leads to the record that it is about, and the record to its events", %{a: a} do
    events =
      Event |> Ash.Query.sort(:seq) |> Ash.Query.load([:note, :seat, :counter]) |> Ash.read!()

    id = a.id
    assert [%{id: ^id, text: "c"}, nil, %{id: ^id}, nil, nil, nil] = Enum.map(events, & &1.note)
    assert [nil, nil, nil, nil, %{row: 3, name: "A"}, nil] = Enum.map(events, & &1.seat)
    assert [nil, nil, nil, nil, nil, %{id: 7}] = Enum.map(events, & &1.counter)
    assert Enum.map(Ash.load!(a, :events).events, & &1.seq) == [1, 3]
    assert seqs(Ash.Query.filter(Event, note.text == "c")) == [1, 3]

    assert [%{id: ^id}] =
             Ash.read!(Ash.Query.filter(Note, exists(events, type == "note.updated")))
  end

  test "an event of which little is selected leads there, too", %{a: a} do
    query = Event |> Ash.Query.select([:type]) |> Ash.Query.load(:note) |> Ash.Query.sort(:seq)
    assert [%{note: %{id: id}} | _] = Ash.read!(query)
    assert id == a.id
  end

  test "the resource of the events has no action that writes" do
    assert Enum.map(Ash.Resource.Info.actions(Event), & &1.type) == [:read]
  end

  test "what finds a stretch of the journal searches an index" do
    for {what, query} <- [
          {"seq", Ash.Query.filter(Event, seq == 3)},
          {"a range of seq", Ash.Query.filter(Event, seq > 3 and seq < 9)},
          {"source", Ash.Query.filter(Event, source == "folder:x")},
          {"position", Ash.Query.filter(Event, source == "folder:x" and position > 1)},
          {"type", Ash.Query.filter(Event, type == "note.created")},
          {"actor", Ash.Query.filter(Event, actor == "user:ann")},
          {"key", Ash.Query.filter(Event, key == "a")},
          {"at",
           Event
           |> Ash.Query.filter(at > ^~U[2026-01-01 00:00:00.000000Z])
           |> Ash.Query.sort(:at)}
        ] do
      assert {:ok, %{residual: [], plan: lines, sql: sql}} = AshRusqlite.explain(query)
      refute Enum.any?(lines, &(&1 =~ "SCAN")), Enum.join([what, sql | lines], "\n")
    end
  end

  test "the events of a record search the index of keys", %{a: a} do
    id = a.id
    query = Ash.Query.filter(Event, key == ^id and table == "notes")
    assert {:ok, %{plan: lines}} = AshRusqlite.explain(query)
    assert Enum.any?(lines, &(&1 =~ "ash_rusqlite_events_key")), Enum.join(lines, "\n")
  end
end
