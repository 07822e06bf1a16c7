defmodule AshChat.AgentMembership do
  @moduledoc "That an agent is in a room, or was, and whether it answers without being asked."

  use Ash.Resource, domain: AshChat.Chat, data_layer: AshRusqlite.DataLayer

  sqlite do
    repo AshChat.Repo
    migration_defaults AshChat.Timestamps.defaults([:joined_at, :created_at, :updated_at])

    # Who leaves becomes inactive; whose membership is taken away while active has left, too.
    journal do
      type "chat.agent_membership"
      source :room, :room_id
      skip [:updated_at]
      event "chat.agent_membership.joined", on: :create, where: expr(is_active)

      event "chat.agent_membership.joined",
        on: :update,
        where: expr(is_active and not old.is_active)

      event "chat.agent_membership.left",
        on: :update,
        where: expr(not is_active and old.is_active)

      event "chat.agent_membership.left", on: :destroy, where: expr(is_active)

      event "chat.agent_membership.auto_respond_switched",
        on: :update,
        where: expr(auto_respond != old.auto_respond)
    end

    check_constraints do
      check_constraint :role, "agent_memberships_role",
        check: "role = 'participant' OR role = 'moderator'"
    end

    references do
      # A membership is nothing without both.
      reference :agent_card, on_delete: :delete
      reference :room, on_delete: :delete
    end

    custom_indexes do
      # The identity, whose condition is an expression of Ash, as SQL.
      index [:agent_card_id, :room_id],
        name: "agent_memberships_active_membership_index",
        unique: true,
        where: "is_active"

      index [:agent_card_id, :is_active, :room_id]
      index [:room_id, :is_active, :auto_respond]
    end
  end

  code_interface do
    define :create
    define :update
    define :toggle_auto_respond
    define :leave_room
    define :destroy
    define :list, action: :read
    define :for_room, args: [:room_id]
    define :for_agent_card, args: [:agent_card_id]
    define :auto_responding, args: [:room_id]

    define :for_room_and_agent_card,
      args: [:room_id, :agent_card_id],
      not_found_error?: false

    define :get_by_id, action: :read, get_by: [:id]
  end

  actions do
    defaults [:read, :destroy]

    read :for_room do
      argument :room_id, :uuid, allow_nil?: false
      filter expr(room_id == ^arg(:room_id) and is_active == true)
      prepare build(sort: [created_at: :asc])
    end

    read :for_agent_card do
      argument :agent_card_id, :uuid, allow_nil?: false
      filter expr(agent_card_id == ^arg(:agent_card_id) and is_active == true)
      prepare build(sort: [created_at: :asc])
    end

    read :for_room_and_agent_card do
      get? true
      argument :room_id, :uuid, allow_nil?: false
      argument :agent_card_id, :uuid, allow_nil?: false

      filter expr(
               room_id == ^arg(:room_id) and agent_card_id == ^arg(:agent_card_id) and
                 is_active == true
             )
    end

    read :auto_responding do
      description "The memberships of the agents that answer in a room without being asked."
      argument :room_id, :uuid, allow_nil?: false
      filter expr(room_id == ^arg(:room_id) and is_active == true and auto_respond == true)
      prepare build(sort: [created_at: :asc])
    end

    create :create do
      primary? true
      accept [:agent_card_id, :room_id, :role, :joined_at, :is_active, :auto_respond]
    end

    update :update do
      primary? true
      accept [:role, :is_active, :auto_respond]
    end

    update :toggle_auto_respond do
      accept []
      # Of what is stored, not of what the caller has read.
      change atomic_update(:auto_respond, expr(not auto_respond))
    end

    update :leave_room do
      accept []
      change set_attribute(:is_active, false)
    end
  end

  validations do
    validate one_of(:role, ["participant", "moderator"])
  end

  attributes do
    uuid_primary_key :id
    attribute :role, :string, default: "participant", public?: true
    attribute :joined_at, :utc_datetime_usec, default: &DateTime.utc_now/0, public?: true
    attribute :is_active, :boolean, default: true, public?: true
    attribute :auto_respond, :boolean, default: true, public?: true
    create_timestamp :created_at, public?: true
    update_timestamp :updated_at, public?: true
  end

  relationships do
    belongs_to :agent_card, AshChat.AgentCard, allow_nil?: false, public?: true
    belongs_to :room, AshChat.Room, allow_nil?: false, public?: true
  end

  identities do
    identity :active_membership, [:agent_card_id, :room_id] do
      where expr(is_active == true)
      message "is in this room already"
    end
  end
end
