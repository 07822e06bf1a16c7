# Tables that follow their resources index what belongs_to looks rows up by.
defmodule AshRusqlite.RelationshipIndexTest do
  use ExUnit.Case, async: true

  require Ash.Query

  alias AshRusqlite.AnyDomain
  alias AshRusqlite.Repo.{Reads, Schema}

  @moduletag :tmp_dir

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_relationship_index_test
  end

  defmodule Room do
    use Ash.Resource, domain: AnyDomain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "rooms"
    end

    attributes do
      uuid_primary_key :id
    end

    relationships do
      has_many :messages, AshRusqlite.RelationshipIndexTest.Message
    end

    actions do
      defaults [:read, :destroy, create: []]
    end
  end

  defmodule Message do
    use Ash.Resource, domain: AnyDomain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "messages"

      custom_indexes do
        index [:author_id, :text]
        # It holds some rows only.
        index [:reply_to_id], where: "text IS NOT NULL"
      end

      references do
        reference :unindexed, index?: false
      end
    end

    attributes do
      uuid_primary_key :id
      attribute :text, :string, public?: true
    end

    relationships do
      belongs_to :room, Room, public?: true
      belongs_to :author, Room
      belongs_to :reply_to, __MODULE__
      belongs_to :thread, Room
      belongs_to :unindexed, Room
      # Two relationships of one attribute.
      belongs_to :place, Room, source_attribute: :room_id, define_attribute?: false
    end

    identities do
      identity :in_thread, [:thread_id, :text]
    end

    actions do
      defaults [:read, :destroy, create: [:text, :room_id]]
    end
  end

  defmodule Membership do
    use Ash.Resource, domain: AnyDomain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "memberships"
      index_belongs_to?(false)

      references do
        reference :user, index?: true
      end
    end

    attributes do
      uuid_primary_key :id
    end

    relationships do
      belongs_to :room, Room
      belongs_to :user, Room
    end

    actions do
      defaults [:read]
    end
  end

  # An identity's index has the name that the relationship's would have.
  defmodule Seat do
    use Ash.Resource, domain: AnyDomain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "seats"
    end

    attributes do
      uuid_primary_key :id
    end

    relationships do
      belongs_to :room, Room
    end

    identities do
      identity :room_id, [:room_id]
    end

    actions do
      defaults [:read]
    end
  end

  # Its primary key begins with one of them.
  defmodule Tagging do
    use Ash.Resource, domain: AnyDomain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "taggings"
    end

    relationships do
      belongs_to :room, Room, primary_key?: true, allow_nil?: false
      belongs_to :tag, Room, primary_key?: true, allow_nil?: false
    end

    actions do
      defaults [:read]
    end
  end

  defmodule Invoice do
    use Ash.Resource, domain: AnyDomain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "invoices"
    end

    multitenancy do
      strategy(:attribute)
      attribute(:org_id)
    end

    attributes do
      uuid_primary_key :id
      attribute :number, :integer, public?: true
    end

    relationships do
      belongs_to :org, Room
      belongs_to :customer, Room, public?: true
      belongs_to :batch, Room
    end

    identities do
      identity :number, [:number]
      identity :in_batch, [:batch_id, :number]
    end

    actions do
      defaults [:read, create: [:customer_id, :number]]
    end
  end

  setup_all do
    {:ok, _} = Application.ensure_all_started(:ash)
    :ok
  end

  defp start(folder, options \\ [auto_migrate: true]) do
    start_supervised!({Repo, [database: Path.join(folder, "a.db")] ++ options})
  end

  # The columns of the indexes that are no constraint's.
  defp indexes(table) do
    sql = """
    SELECT l.name, group_concat(i.name) FROM pragma_index_list(?) AS l
    JOIN pragma_index_info(l.name) AS i WHERE l.origin = 'c' GROUP BY l.name ORDER BY l.name
    """

    Map.new(Reads.query!(Repo, sql, [table]).rows, &List.to_tuple/1)
  end

  test "each attribute of a belongs_to is what an index begins with", %{tmp_dir: folder} do
    start(folder)
    Ash.read!(Message)

    assert indexes("messages") == %{
             "messages_room_id_index" => "room_id",
             "messages_author_id_text_index" => "author_id,text",
             "messages_reply_to_id_index" => "reply_to_id",
             "messages_reply_to_id_belongs_to_index" => "reply_to_id",
             "messages_in_thread_index" => "thread_id,text"
           }
  end

  test "none is made where the resource says so, but for a reference that asks for it",
       %{tmp_dir: folder} do
    start(folder)
    Ash.read!(Membership)
    assert indexes("memberships") == %{"memberships_user_id_index" => "user_id"}
  end

  test "the primary key is as good as an index", %{tmp_dir: folder} do
    start(folder)
    Ash.read!(Tagging)
    assert indexes("taggings") == %{"taggings_tag_id_index" => "tag_id"}
  end

  test "where tenants share a table theirs comes behind, and an identity's of both will do",
       %{tmp_dir: folder} do
    start(folder)
    org = Ash.UUID.generate()
    Ash.read!(Invoice, tenant: org)

    assert indexes("invoices") == %{
             "invoices_customer_id_index" => "customer_id,org_id",
             "invoices_number_index" => "org_id,number",
             "invoices_in_batch_index" => "org_id,batch_id,number"
           }

    query = Ash.Query.filter(Invoice, customer_id == ^org) |> Ash.Query.set_tenant(org)
    {:ok, %{plan: plan}} = AshRusqlite.explain(query, tenant: org)

    assert Enum.join(plan) =~
             "USING INDEX invoices_customer_id_index (customer_id=?"
  end

  test "a table that is there gains the index, and a cascade looks its rows up by it",
       %{tmp_dir: folder} do
    start(folder)

    {:ok, _} =
      Schema.ensure_table(Repo,
        table: "messages",
        columns: [[name: "id", type: "UUID_TEXT"], [name: "room_id", type: "UUID_TEXT"]],
        primary_key: ["id"]
      )

    room = Ash.create!(Room, %{})
    Ash.create!(Message, %{text: "a", room_id: room.id})
    assert %{"messages_room_id_index" => "room_id"} = indexes("messages")

    {:ok, %{plan: plan}} = AshRusqlite.explain(Ash.Query.filter(Message, room_id == ^room.id))
    assert Enum.join(plan) =~ "SEARCH messages USING INDEX messages_room_id_index"
    assert %{messages: [%{text: "a"}]} = Ash.load!(room, :messages)
  end

  test "a missing index of an identity is no missing index of a relationship" do
    missing? = fn resource, table, index ->
      difference = %{kind: :missing_index, index: index, table: table}
      AshRusqlite.DataLayer.Schema.RelationshipIndex.missing?(difference, resource)
    end

    refute missing?.(Seat, "seats", "seats_room_id_index")
    assert missing?.(Seat, "seats", "seats_room_id_belongs_to_index")
    assert missing?.(Message, "messages", "messages_room_id_index")
    refute missing?.(Message, "messages", "messages_reply_to_id_index")
  end

  test "an index of another maker is not made again", %{tmp_dir: folder} do
    start(folder)

    {:ok, _} =
      Schema.ensure_table(Repo,
        table: "messages",
        columns: [
          [name: "id", type: "UUID_TEXT"],
          [name: "room_id", type: "UUID_TEXT"],
          [name: "text", type: "TEXT"]
        ],
        primary_key: ["id"],
        indexes: [[name: "of_a_migration", columns: ["room_id", "text"]]]
      )

    Ash.read!(Message)
    assert %{"of_a_migration" => _} = indexes = indexes("messages")
    refute is_map_key(indexes, "messages_room_id_index")
  end
end
