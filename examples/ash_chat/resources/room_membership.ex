defmodule AshChat.RoomMembership do
  @moduledoc """
  That a user is in a room, or was: who leaves keeps an inactive membership, and gets another
  one when coming back.
  """

  use Ash.Resource, domain: AshChat.Chat, data_layer: AshRusqlite.DataLayer

  sqlite do
    repo AshChat.Repo
    migration_defaults AshChat.Timestamps.defaults()

    # Who leaves becomes inactive; whose membership is taken away while active has left, too.
    journal do
      type "chat.room_membership"
      source :room, :room_id
      actor :user, :user_id
      skip [:updated_at, :last_seen_at]
      event "chat.room_membership.joined", on: :create, where: expr(is_active)

      event "chat.room_membership.joined",
        on: :update,
        where: expr(is_active and not old.is_active)

      event "chat.room_membership.left",
        on: :update,
        where: expr(not is_active and old.is_active)

      event "chat.room_membership.left", on: :destroy, where: expr(is_active)
    end

    check_constraints do
      check_constraint :role, "room_memberships_role",
        check: "role = 'member' OR role = 'moderator' OR role = 'admin'"
    end

    references do
      # A membership is nothing without both.
      reference :room, on_delete: :delete
      reference :user, on_delete: :delete
    end

    custom_indexes do
      # The identity, whose condition is an expression of Ash, as SQL.
      index [:room_id, :user_id],
        name: "room_memberships_active_membership_index",
        unique: true,
        where: "is_active"

      index [:room_id, :is_active, :user_id]
      index [:user_id, :is_active]
    end
  end

  code_interface do
    define :create
    define :update
    define :leave_room
    define :update_last_seen
    define :destroy
    define :list, action: :read
    define :for_room, args: [:room_id]
    define :for_user, args: [:user_id]
    define :for_room_and_user, args: [:room_id, :user_id], not_found_error?: false
    define :get_by_id, action: :read, get_by: [:id]
  end

  actions do
    defaults [:read, :destroy]

    read :for_room do
      argument :room_id, :uuid, allow_nil?: false
      filter expr(room_id == ^arg(:room_id) and is_active == true)
      prepare build(sort: [created_at: :asc])
    end

    read :for_user do
      argument :user_id, :uuid, allow_nil?: false
      filter expr(user_id == ^arg(:user_id) and is_active == true)
      prepare build(sort: [created_at: :asc])
    end

    read :for_room_and_user do
      get? true
      argument :room_id, :uuid, allow_nil?: false
      argument :user_id, :uuid, allow_nil?: false

      filter expr(room_id == ^arg(:room_id) and user_id == ^arg(:user_id) and is_active == true)
    end

    create :create do
      primary? true
      accept [:room_id, :user_id, :role, :is_active, :joined_at, :last_seen_at]
      change set_new_attribute(:joined_at, &DateTime.utc_now/0)
    end

    update :update do
      primary? true
      accept [:role, :is_active, :last_seen_at]
    end

    update :leave_room do
      accept []
      change set_attribute(:is_active, false)
    end

    update :update_last_seen do
      accept []
      change atomic_update(:last_seen_at, expr(now()))
    end
  end

  validations do
    validate one_of(:role, ["member", "moderator", "admin"])
  end

  attributes do
    uuid_primary_key :id
    attribute :role, :string, default: "member", public?: true
    attribute :is_active, :boolean, default: true, public?: true
    attribute :joined_at, :utc_datetime_usec, public?: true
    attribute :last_seen_at, :utc_datetime_usec, public?: true
    create_timestamp :created_at, public?: true
    update_timestamp :updated_at, public?: true
  end

  relationships do
    belongs_to :room, AshChat.Room, allow_nil?: false, public?: true
    belongs_to :user, AshChat.User, allow_nil?: false, public?: true
  end

  identities do
    identity :active_membership, [:room_id, :user_id] do
      where expr(is_active == true)
      message "is in this room already"
    end
  end
end
