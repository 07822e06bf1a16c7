# Ash reads the tables as they were.
defmodule AshRusqlite.JournalAsOfTest do
  use ExUnit.Case, async: true

  require Ash.Query

  alias AshRusqlite.DataLayer.EngineError

  @moduletag :tmp_dir

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_journal_as_of_test
  end

  defmodule Domain do
    use Ash.Domain, validate_config_inclusion?: false

    resources do
      resource AshRusqlite.JournalAsOfTest.Room
      resource AshRusqlite.JournalAsOfTest.Note
      resource AshRusqlite.JournalAsOfTest.Tag
    end
  end

  defmodule Room do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "rooms"

      journal do
        source :room, :id
      end
    end

    actions do
      defaults [:read, create: :*, update: :*]
    end

    attributes do
      attribute :id, :string, primary_key?: true, allow_nil?: false, public?: true
      attribute :title, :string, public?: true
    end

    relationships do
      has_many :notes, AshRusqlite.JournalAsOfTest.Note, public?: true
      has_many :tags, AshRusqlite.JournalAsOfTest.Tag, public?: true
    end

    aggregates do
      count :note_count, :notes, public?: true
    end

    calculations do
      # Only Elixir computes it.
      calculate :shout, :string, expr(string_join([title, "!"])), public?: true
    end
  end

  defmodule Note do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "notes"

      journal do
        source :room, :room_id
      end
    end

    actions do
      defaults [:read, :destroy, create: :*, update: :*]
    end

    attributes do
      attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
      attribute :text, :string, public?: true
    end

    relationships do
      belongs_to :room, Room, public?: true, attribute_type: :string, attribute_public?: true
    end
  end

  defmodule Tag do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "tags"
    end

    actions do
      defaults [:read, create: :*]
    end

    attributes do
      attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
    end

    relationships do
      belongs_to :room, Room, public?: true, attribute_type: :string, attribute_public?: true
    end
  end

  setup %{tmp_dir: folder} do
    start_supervised!({Repo, database: Path.join(folder, "a.db"), synchronous: :off})
    Ash.read!(Tag)
    Ash.read!(Note)
    # The events 1 to 6.
    room = Ash.create!(Room, %{id: "a", title: "Attic"})
    one = Ash.create!(Note, %{id: 1, text: "one", room_id: "a"})
    Ash.create!(Note, %{id: 2, text: "two", room_id: "a"})
    Ash.update!(one, %{text: "uno"})
    room = Ash.update!(room, %{title: "Loft"})
    Ash.destroy!(one)
    {:ok, room: room}
  end

  defp at(as_of), do: [context: %{data_layer: %{as_of: as_of}}]

  defp texts(as_of),
    do: Note |> Ash.Query.sort(:id) |> Ash.read!(at(as_of)) |> Enum.map(& &1.text)

  test "the rows are as they were after an event" do
    assert Enum.map(0..6, &texts/1) ==
             [[], [], ["one"], ["one", "two"], ["uno", "two"], ["uno", "two"], ["two"]]

    assert texts(source: "room:a", position: 2) == ["one"]
    assert texts(DateTime.utc_now()) == ["two"]
    assert Enum.map(Ash.read!(Note), & &1.text) == ["two"]
  end

  test "filters, sorts, pages, counts and aggregates are of that moment", %{room: room} do
    query = Ash.Query.filter(Note, text in ["one", "uno"])
    assert [%{id: 1, text: "uno"}] = Ash.read!(query, at(5))
    assert [] = Ash.read!(query, at(6))
    assert Ash.count!(Note, at(3)) == 2
    assert Ash.count!(Note, at(6)) == 1
    assert Ash.exists?(query, at(4))
    assert %{title: "Attic"} = Ash.get!(Room, room.id, at(4))
    assert [%{note_count: 2}] = Room |> Ash.Query.load(:note_count) |> Ash.read!(at(5))
    assert [%{note_count: 1}] = Room |> Ash.Query.load(:note_count) |> Ash.read!(at(6))
  end

  test "conditions of related rows look at that moment, in SQL and in Elixir" do
    for query <- [
          Ash.Query.filter(Room, exists(notes, text == "uno")),
          Ash.Query.filter(Room, exists(notes, string_join([text, "!"]) == "uno!"))
        ] do
      assert [%{title: "Attic"}] = Ash.read!(query, at(4))
      assert [] = Ash.read!(query, at(3))
      assert [] = Ash.read!(query, at(6))
    end

    assert [%{shout: "Attic!"}] = Room |> Ash.Query.load(:shout) |> Ash.read!(at(4))
  end

  test "what is loaded is of that moment where the context is shared" do
    shared = [context: %{shared: %{data_layer: %{as_of: 4}}}]

    assert [room] = Room |> Ash.Query.load(notes: Ash.Query.sort(Note, :id)) |> Ash.read!(shared)

    assert Enum.map(room.notes, & &1.text) == ["uno", "two"]
  end

  test "the past of a table that is not journaled is an error" do
    for query <- [Tag, Ash.Query.filter(Room, exists(tags, true))] do
      assert {:error, %{errors: [%EngineError{code: :not_journaled}]}} = Ash.read(query, at(4))
    end
  end

  test "what is no moment, and one that has not come, are errors" do
    for {as_of, code} <- [
          {"yesterday", :invalid_option},
          {-1, :invalid_option},
          {[position: 1], :invalid_option},
          {99, :position_ahead}
        ] do
      assert {:error, %{errors: [%EngineError{code: ^code}]}} = Ash.read(Note, at(as_of))
    end
  end

  test "nothing is written or explained in the past", %{room: room} do
    for result <- [
          Ash.update(room, %{title: "x"}, at(4)),
          Ash.create(Note, %{id: 9}, at(4)),
          AshRusqlite.explain(Ash.Query.set_context(Note, %{data_layer: %{as_of: 4}}))
        ] do
      assert {:error, error} = result
      assert inspect(error) =~ "as_of: is for reads"
    end
  end
end
