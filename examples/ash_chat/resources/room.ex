defmodule AshChat.Room do
  @moduledoc "A place to talk. Hidden rooms keep their messages, but are not listed."

  use Ash.Resource, domain: AshChat.Chat, data_layer: AshRusqlite.DataLayer

  sqlite do
    repo AshChat.Repo
    migration_defaults AshChat.Timestamps.defaults()

    journal do
      type "chat.room"
      source :room, :id
      skip [:updated_at]
      event "chat.room.hidden", on: :update, where: expr(hidden and not old.hidden)
      event "chat.room.unhidden", on: :update, where: expr(not hidden and old.hidden)
    end

    references do
      # A child room goes on by itself.
      reference :parent_room, on_delete: :nilify
    end

    custom_indexes do
      index [:hidden, :created_at, :id], name: "rooms_hidden_created_at_index"
      index [:parent_room_id], where: "parent_room_id IS NOT NULL"
    end
  end

  code_interface do
    define :create
    define :update
    define :hide
    define :unhide
    define :destroy
    define :list, action: :read
    define :visible
    define :get_by_id, action: :read, get_by: [:id]
  end

  actions do
    defaults [:read, :destroy]

    read :visible do
      filter expr(hidden == false)
      prepare build(sort: [created_at: :asc])
      pagination keyset?: true, required?: false
    end

    create :create do
      primary? true

      accept [
        :title,
        :description,
        :current_task,
        :starting_message,
        :hidden,
        :parent_room_id
      ]
    end

    update :update do
      primary? true
      accept [:title, :description, :current_task, :starting_message, :parent_room_id]
    end

    update :hide do
      accept []
      change set_attribute(:hidden, true)
    end

    update :unhide do
      accept []
      change set_attribute(:hidden, false)
    end
  end

  attributes do
    uuid_primary_key :id
    attribute :title, :string, default: "New Room", public?: true
    attribute :description, :string, public?: true
    attribute :current_task, :string, public?: true
    attribute :starting_message, :string, public?: true
    attribute :hidden, :boolean, default: false, public?: true
    create_timestamp :created_at, public?: true
    update_timestamp :updated_at, public?: true
  end

  relationships do
    belongs_to :parent_room, AshChat.Room, public?: true

    has_many :child_rooms, AshChat.Room do
      destination_attribute :parent_room_id
      public? true
    end

    has_many :messages, AshChat.Message, public?: true
    has_many :room_memberships, AshChat.RoomMembership, public?: true
    has_many :agent_memberships, AshChat.AgentMembership, public?: true

    many_to_many :users, AshChat.User do
      through AshChat.RoomMembership
      source_attribute_on_join_resource :room_id
      destination_attribute_on_join_resource :user_id
      public? true
    end

    many_to_many :agent_cards, AshChat.AgentCard do
      through AshChat.AgentMembership
      source_attribute_on_join_resource :room_id
      destination_attribute_on_join_resource :agent_card_id
      public? true
    end
  end

  aggregates do
    count :message_count, :messages, public?: true
    max :last_message_at, :messages, :created_at, public?: true
  end
end
