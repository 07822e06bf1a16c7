defmodule AshChat.AgentCard do
  @moduledoc "An agent that may talk: its instructions, and what it may use."

  use Ash.Resource, domain: AshChat.Chat, data_layer: AshRusqlite.DataLayer

  sqlite do
    repo AshChat.Repo
    migration_defaults AshChat.Timestamps.defaults()

    journal do
      type "chat.agent_card"
      source :agent_card, :id
      skip [:updated_at]
    end

    references do
      # An agent without its profile takes the default one.
      reference :default_profile, on_delete: :nilify
    end

    custom_indexes do
      index [:add_to_new_rooms]
      index [:default_profile_id], where: "default_profile_id IS NOT NULL"
    end
  end

  code_interface do
    define :create
    define :update
    define :set_as_default
    define :destroy
    define :list, action: :read
    define :for_new_rooms
    define :auto_responders, args: [:room_id]
    define :get_by_id, action: :read, get_by: [:id]
  end

  actions do
    defaults [:read, :destroy]

    read :for_new_rooms do
      description "The agents that every new room begins with."
      filter expr(add_to_new_rooms == true)
      prepare build(sort: [created_at: :asc])
    end

    read :auto_responders do
      description "The agents that answer in a room without being asked."
      argument :room_id, :uuid, allow_nil?: false

      filter expr(
               exists(
                 agent_memberships,
                 room_id == ^arg(:room_id) and is_active == true and auto_respond == true
               )
             )

      prepare build(sort: [created_at: :asc])
    end

    create :create do
      primary? true

      accept [
        :name,
        :description,
        :system_message,
        :avatar_url,
        :model_preferences,
        :available_tools,
        :context_settings,
        :add_to_new_rooms,
        :default_profile_id
      ]
    end

    update :update do
      primary? true

      accept [
        :name,
        :description,
        :system_message,
        :avatar_url,
        :model_preferences,
        :available_tools,
        :context_settings,
        :add_to_new_rooms,
        :default_profile_id
      ]
    end

    update :set_as_default do
      accept []
      require_atomic? false
      change AshChat.SoleDefault
    end

    update :unset_default do
      accept []
      change set_attribute(:is_default, false)
    end
  end

  attributes do
    uuid_primary_key :id
    attribute :name, :string, allow_nil?: false, public?: true
    attribute :description, :string, public?: true
    attribute :system_message, :string, public?: true
    attribute :avatar_url, :string, public?: true
    attribute :model_preferences, :map, default: %{}, public?: true
    attribute :available_tools, {:array, :string}, default: [], public?: true
    attribute :context_settings, :map, default: %{}, public?: true
    attribute :is_default, :boolean, default: false, public?: true
    attribute :add_to_new_rooms, :boolean, default: false, public?: true
    create_timestamp :created_at, public?: true
    update_timestamp :updated_at, public?: true
  end

  relationships do
    belongs_to :default_profile, AshChat.Profile, public?: true
    has_many :agent_memberships, AshChat.AgentMembership, public?: true

    many_to_many :rooms, AshChat.Room do
      through AshChat.AgentMembership
      source_attribute_on_join_resource :agent_card_id
      destination_attribute_on_join_resource :room_id
      public? true
    end
  end
end
