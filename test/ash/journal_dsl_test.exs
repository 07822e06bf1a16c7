# What a resource says of its journal, as the tables get it.
defmodule AshRusqlite.JournalDslTest do
  use ExUnit.Case, async: true

  import ExUnit.CaptureIO

  alias AshRusqlite.AnyDomain, as: Domain
  alias AshRusqlite.DataLayer.Journal
  alias AshRusqlite.DataLayer.Schema.TableSpec
  alias AshRusqlite.DataLayer.Migrations.Wanted
  alias AshRusqlite.Error

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_journal_dsl_test
  end

  defmodule Room do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "rooms"

      journal do
        type("chat.room")
        source(:room, :id)
        actor(:user, :owner_id)
        skip([:updated_at])
        sensitive([:secret])
        event("chat.room.hidden", on: :update, where: expr(hidden and not old.hidden))
        event("chat.room.renamed", on: :update, where: expr(title != old.title))
        event("chat.room.opened", on: :create, where: "NEW.size > 0")

        event "chat.room.closed" do
          on([:update, :destroy])
          where expr(size in [0, 1] or is_nil(old.size))
        end
      end
    end

    actions do
      defaults [:read, create: :*, update: :*]
    end

    attributes do
      uuid_primary_key :id
      attribute :title, :string, public?: true, source: :name
      attribute :secret, :string, public?: true
      attribute :size, :integer, public?: true
      attribute :hidden, :boolean, public?: true
      attribute :owner_id, :uuid, public?: true
      update_timestamp :updated_at
    end
  end

  defmodule Plain do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo

      journal do
      end
    end

    attributes do
      uuid_primary_key :id
    end
  end

  test "the spec has columns, and the conditions of events as the engine takes them" do
    assert [
             type: "chat.room",
             source: {"room", "id"},
             actor: {"user", "owner_id"},
             skip: ["updated_at"],
             sensitive: ["secret"],
             events: [hidden, renamed, opened, on_update, on_destroy]
           ] = Journal.spec(Room)

    assert hidden == [
             type: "chat.room.hidden",
             on: "update",
             condition: {:and, [{:col, :hidden}, {:not, {:col, 1, :hidden}}]}
           ]

    assert [type: "chat.room.renamed", on: "update", condition: condition] = renamed
    assert condition == {:compare, :!=, nil, {:col, :name}, {:col, 1, :name}}
    assert opened == [type: "chat.room.opened", on: "insert", where: "NEW.size > 0"]
    assert [type: "chat.room.closed", on: "update", condition: condition] = on_update
    assert [type: "chat.room.closed", on: "delete", condition: ^condition] = on_destroy

    assert condition ==
             {:or,
              [
                {:in, nil, {:col, :size}, [{:value, :integer, 0}, {:value, :integer, 1}]},
                {:is_nil, {:col, 1, :size}}
              ]}
  end

  test "the table's description has the journal of a resource that has one, and none otherwise" do
    assert TableSpec.of(Room, "rooms")[:journal] == Journal.spec(Room)
    refute Keyword.has_key?(TableSpec.of(AshRusqlite.JournalDslTest.Silent, "s"), :journal)
  end

  defmodule Silent do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
    end

    attributes do
      uuid_primary_key :id
    end
  end

  test "the type of events is the resource's short name where none is given" do
    assert Journal.spec(Plain)[:type] == "plain"
    assert Journal.spec(Plain)[:source] == nil
  end

  test "only what may change journaled rows says who makes it" do
    assert Journal.concerns?(Room)
    refute Journal.concerns?(Silent)
  end

  # Defines a resource with a journal, and gives what the compiler says of it.
  defp said_of(journal) do
    name = "AshRusqlite.JournalDslTest.Made#{System.unique_integer([:positive])}"

    code = """
    defmodule #{name} do
      use Ash.Resource,
        domain: AshRusqlite.AnyDomain,
        data_layer: AshRusqlite.DataLayer

      sqlite do
        repo AshRusqlite.JournalDslTest.Repo
        #{journal}
      end

      attributes do
        uuid_primary_key :id
        attribute :title, :ci_string
        attribute :at, :utc_datetime
      end
    end
    """

    said = capture_io(:stderr, fn -> Code.compile_string(code) end)
    {Module.concat([name]), said}
  end

  for {what, journal, words} <- [
        {"an attribute that is not there", "journal do\nskip [:other]\nend",
         ":other is no attribute"},
        {"a source that is not there", "journal do\nsource :room, :room_id\nend",
         ":room_id is no attribute"},
        {"a primary key that is skipped", "journal do\nskip [:id]\nend",
         ":id is of the primary key"},
        {"a primary key that is sensitive", "journal do\nsensitive [:id]\nend",
         ":id is of the primary key"},
        {"a type with capitals", "journal do\ntype \"Chat Room\"\nend", "no name for a journal"},
        {"a condition of what is not there",
         "journal do\nevent \"a.b\", on: :update, where: expr(other)\nend", "other"},
        {"the old row of one that is created",
         "journal do\nevent \"a.b\", on: :create, where: expr(is_nil(old.title))\nend",
         "has no `old.` values"},
        {"a condition that has another answer each day",
         "journal do\nevent \"a.b\", on: :update, where: expr(at < now())\nend", "now()"},
        {"a second journal", "journal do\nend\njournal do\nend", "one journal"}
      ] do
    test "the compiler reports #{what}" do
      {_resource, said} = said_of(unquote(journal))
      assert said =~ unquote(words)
    end
  end

  test "what the compiler reports is the error of the table, too" do
    {resource, _said} =
      said_of("journal do\nevent \"a.b\", on: :update, where: expr(at < now())\nend")

    assert_raise Error, ~r/the journal of .*: the event a.b: its condition has now\(\)/, fn ->
      TableSpec.of(resource, "t")
    end
  end

  defmodule Shared do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "rooms"
    end

    actions do
      defaults [:read]
    end

    attributes do
      uuid_primary_key :id
    end
  end

  defmodule Otherwise do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "rooms"

      journal do
        type("room")
      end
    end

    attributes do
      uuid_primary_key :id
    end
  end

  test "a table of several resources has the journal of the one that has one" do
    assert {:ok, wanted, _notes} = Wanted.of(Repo, [Shared, Room])
    assert [table] = wanted[:tables]
    assert table[:journal] == Journal.spec(Room)
  end

  test "two resources that journal one table in two ways are an error with both names" do
    assert {:error, %Error{code: :schema_mismatch} = error} = Wanted.of(Repo, [Room, Otherwise])
    assert error.message =~ "the table rooms is journaled in one way by"
    assert error.details.resources == [inspect(Room), inspect(Otherwise)]
  end
end
