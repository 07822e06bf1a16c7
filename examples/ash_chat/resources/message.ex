defmodule AshChat.Message do
  @moduledoc """
  What was said in a room, by a user or by an agent with a profile's model.

      AshChat.Message.create_text_message!(%{content: "Hi", room_id: room.id, user_id: user.id})

      # The latest fifty, then those before them, then back.
      page = AshChat.Message.latest_in_room!(room.id, page: [limit: 50])
      older = Ash.page!(page, :next)
      newer = Ash.page!(older, :prev)
  """

  use Ash.Resource, domain: AshChat.Chat, data_layer: AshRusqlite.DataLayer

  sqlite do
    repo AshChat.Repo
    migration_defaults AshChat.Timestamps.defaults()

    journal do
      type "chat.message"
      source :room, :room_id
      actor :user, :user_id
      skip [:updated_at]
    end

    # Chains of OR: SQLite makes a table of the values of an IN of three or more for each row that is
    # written.
    check_constraints do
      check_constraint :role, "messages_role",
        check: "role = 'user' OR role = 'assistant' OR role = 'system'"

      check_constraint :message_type, "messages_message_type",
        check: "message_type = 'text' OR message_type = 'image' OR message_type = 'multimodal'"
    end

    references do
      # Messages are deleted with their room. They stay when their author is deleted.
      reference :room, on_delete: :delete
      reference :user, on_delete: :nilify
      reference :profile, on_delete: :nilify
      reference :agent_card, on_delete: :nilify
    end

    custom_indexes do
      # A room's messages in order, the latest of them, and pages in both directions.
      index [:room_id, :created_at, :id], name: "messages_room_id_created_at_index"
      index [:user_id], where: "user_id IS NOT NULL"
      index [:profile_id], where: "profile_id IS NOT NULL"
      index [:agent_card_id], where: "agent_card_id IS NOT NULL"
    end
  end

  code_interface do
    define :create_text_message
    define :create_image_message
    define :update
    define :destroy
    define :list, action: :read
    define :for_room, args: [:room_id]
    define :latest_in_room, args: [:room_id]
    define :get_by_id, action: :read, get_by: [:id]
  end

  actions do
    defaults [:read, :destroy]

    read :for_room do
      description "The messages of a room, the oldest first."
      argument :room_id, :uuid, allow_nil?: false
      filter expr(room_id == ^arg(:room_id))
      prepare build(sort: [created_at: :asc, id: :asc])
      pagination keyset?: true, required?: false
    end

    read :latest_in_room do
      description "The messages of a room, the newest first."
      argument :room_id, :uuid, allow_nil?: false
      filter expr(room_id == ^arg(:room_id))
      prepare build(sort: [created_at: :desc, id: :desc])
      pagination keyset?: true, default_limit: 50, required?: true
    end

    create :create do
      primary? true

      accept [
        :content,
        :role,
        :message_type,
        :image_url,
        :image_data,
        :metadata,
        :room_id,
        :user_id,
        :profile_id,
        :agent_card_id
      ]
    end

    create :create_text_message do
      accept [:content, :role, :metadata, :room_id, :user_id, :profile_id, :agent_card_id]
      require_attributes [:room_id]
      validate string_length(:content, min: 1), message: "is empty"
      change set_attribute(:message_type, :text)
    end

    create :create_image_message do
      accept [
        :content,
        :role,
        :image_url,
        :image_data,
        :metadata,
        :room_id,
        :user_id,
        :profile_id,
        :agent_card_id
      ]

      allow_nil_input [:content]
      require_attributes [:room_id]
      validate present([:image_url, :image_data], at_least: 1)
      # A picture needs no words.
      change set_new_attribute(:content, "")
      change set_attribute(:message_type, :image)
    end

    update :update do
      primary? true
      accept [:content, :metadata]
    end
  end

  attributes do
    uuid_primary_key :id

    attribute :content, :string do
      allow_nil? false
      # As it was typed.
      constraints trim?: false, allow_empty?: true
      public? true
    end

    attribute :role, :atom do
      constraints one_of: [:user, :assistant, :system]
      default :user
      public? true
    end

    attribute :message_type, :atom do
      constraints one_of: [:text, :image, :multimodal]
      default :text
      public? true
    end

    attribute :image_url, :string, public?: true
    attribute :image_data, :binary, public?: true
    attribute :metadata, :map, default: %{}, public?: true
    create_timestamp :created_at, public?: true
    update_timestamp :updated_at, public?: true
  end

  relationships do
    belongs_to :room, AshChat.Room, public?: true
    belongs_to :user, AshChat.User, public?: true
    belongs_to :profile, AshChat.Profile, public?: true
    belongs_to :agent_card, AshChat.AgentCard, public?: true
  end
end
