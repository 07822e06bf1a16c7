# What is said of indexes that the tables of resources lack.
defmodule AshRusqlite.IndexAdviceTest do
  # The resources are found by the environment of an application.
  use ExUnit.Case, async: false

  import ExUnit.CaptureLog
  require Ash.Query

  alias AshRusqlite.DataLayer.Schema.Report
  alias AshRusqlite.Repo.{Schema, Writes}

  @moduletag :tmp_dir

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_index_advice_test
  end

  defmodule Domain do
    use Ash.Domain, otp_app: :ash_index_advice_test, validate_config_inclusion?: false

    resources do
      resource AshRusqlite.IndexAdviceTest.Room
      resource AshRusqlite.IndexAdviceTest.Message
      resource AshRusqlite.IndexAdviceTest.Invoice
    end
  end

  defmodule Room do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "rooms"
    end

    attributes do
      uuid_primary_key :id
    end
  end

  defmodule Message do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "messages"

      references do
        reference :unindexed, index?: false
      end
    end

    attributes do
      uuid_primary_key :id
      attribute :text, :string, public?: true
      attribute :written_at, :integer, public?: true, source: :at
    end

    relationships do
      belongs_to :room, Room, public?: true
      belongs_to :author, Room
      belongs_to :unindexed, Room
    end

    actions do
      defaults [:read, create: :*]
    end
  end

  defmodule Invoice do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "invoices"
    end

    multitenancy do
      strategy(:attribute)
      attribute(:org)
    end

    attributes do
      uuid_primary_key :id
      attribute :org, :string
      attribute :number, :integer, public?: true
    end

    actions do
      defaults [:read]
    end
  end

  setup %{tmp_dir: folder} do
    {:ok, _} = Application.ensure_all_started(:ash)
    Application.put_env(:ash_rusqlite, :ash_domains, [Domain])
    on_exit(fn -> Application.delete_env(:ash_rusqlite, :ash_domains) end)
    start_supervised!({Repo, database: Path.join(folder, "a.db"), auto_migrate: false})

    Schema.ensure_table!(Repo,
      table: "rooms",
      columns: [[name: "id", type: "UUID_TEXT"]],
      primary_key: ["id"]
    )

    Schema.ensure_table!(Repo,
      table: "messages",
      columns: [
        [name: "id", type: "UUID_TEXT"],
        [name: "room_id", type: "UUID_TEXT"],
        [name: "author_id", type: "UUID_TEXT"],
        [name: "unindexed_id", type: "UUID_TEXT"],
        [name: "text", type: "TEXT"],
        [name: "at", type: "INTEGER"]
      ],
      primary_key: ["id"],
      foreign_keys: [[columns: ["room_id"], references: "rooms", on: ["id"]]]
    )

    Schema.ensure_table!(Repo,
      table: "invoices",
      columns: [
        [name: "id", type: "UUID_TEXT"],
        [name: "org", type: "TEXT"],
        [name: "number", type: "INTEGER"]
      ],
      primary_key: ["id"]
    )

    rows = for n <- 1..200, do: [id: Ash.UUID.generate(), at: n]
    Writes.insert_all(Repo, :messages, rows)
    rows = for n <- 1..200, do: [id: Ash.UUID.generate(), org: "a", number: n]
    Writes.insert_all(Repo, :invoices, rows)
    :ok
  end

  test "a foreign key of a belongs_to has the line of its resource" do
    {:ok, %{foreign_keys: [key, _]}} = AshRusqlite.advise(Repo)

    assert key == %{
             table: "messages",
             columns: ["room_id"],
             references: "rooms",
             index: %{
               name: "messages_room_id_index",
               table: "messages",
               columns: ["room_id"],
               statement: ~s|CREATE INDEX "messages_room_id_index" ON "messages" ("room_id")|,
               resource: Message,
               custom_index: "index [:room_id]"
             }
           }
  end

  test "a belongs_to without a foreign key counts as one, unless the resource wants no index" do
    {:ok, %{foreign_keys: [_, key]}} = AshRusqlite.advise(Repo)
    assert %{table: "messages", columns: ["author_id"], references: "rooms"} = key
    assert key.index.custom_index == "index [:author_id]"
    assert key.index.statement =~ ~s|ON "messages" ("author_id")|
  end

  test "a statement that scanned has the line of the resource that would serve it" do
    room = Ash.UUID.generate()

    Message
    |> Ash.Query.filter(room_id == ^room)
    |> Ash.Query.sort(written_at: :desc)
    |> Ash.Query.limit(5)
    |> Ash.read!()

    assert {:ok, %{statements: [statement]}} = AshRusqlite.advise(Repo)
    assert %{runs: 1, rows: 0, full_scan_steps: 199} = statement
    assert [%{resource: Message, custom_index: line, columns: columns}] = statement.indexes
    assert ["room_id", "at" | _] = columns
    assert line =~ "index [:room_id, :written_at"
  end

  test "the tenant that an index would begin with is named where it does not" do
    Invoice |> Ash.Query.filter(number > 150) |> Ash.read!(tenant: "b")
    {:ok, %{statements: [%{indexes: [index]}]}} = AshRusqlite.advise(Repo)
    assert %{resource: Invoice, columns: ["org", "number"]} = index
    assert index.custom_index == "index [:org, :number]"
  end

  test "the log names them when the repo starts, and that is no misfit" do
    log = capture_log(fn -> Report.report(Repo, :ash_rusqlite, Repo) end)
    assert log =~ ~s|CREATE INDEX "messages_room_id_index" ON "messages" ("room_id");|
    assert log =~ "mix ash_rusqlite.advise"
    refute log =~ "does not fit"
    refute log =~ "unindexed_id"
  end

  test "where tables follow their resources only others are named", %{tmp_dir: folder} do
    stop_supervised!(Repo)
    start_supervised!({Repo, database: Path.join(folder, "a.db"), auto_migrate: true})

    Schema.ensure_table!(Repo,
      table: "notes",
      columns: [[name: "room_id", type: "UUID_TEXT"]],
      foreign_keys: [[columns: ["room_id"], references: "rooms", on: ["id"]]]
    )

    assert {:ok, %{foreign_keys: [%{table: "notes"}]}} = AshRusqlite.advise(Repo)
  end

  test "nothing is logged once they are there" do
    {:ok, %{foreign_keys: keys}} = AshRusqlite.advise(Repo)

    Schema.ensure_table!(Repo,
      table: "messages",
      columns: for(name <- ~w(id room_id author_id), do: [name: name, type: "UUID_TEXT"]),
      primary_key: ["id"],
      indexes: for(%{index: index} <- keys, do: [name: index.name, columns: index.columns])
    )

    assert capture_log(fn -> Report.report(Repo, :ash_rusqlite, Repo) end) == ""
  end
end
