defmodule AshChat.User do
  @moduledoc "A person who talks."

  use Ash.Resource, domain: AshChat.Chat, data_layer: AshRusqlite.DataLayer

  sqlite do
    repo AshChat.Repo
    migration_defaults AshChat.Timestamps.defaults()

    journal do
      type "chat.user"
      source :user, :id
      skip [:updated_at]
    end

    custom_indexes do
      index [:is_active]
    end
  end

  code_interface do
    define :create
    define :update
    define :deactivate
    define :reactivate
    define :destroy
    define :list, action: :read
    define :active
    define :get_by_id, action: :read, get_by: [:id]
  end

  actions do
    defaults [:read, :destroy]

    read :active do
      filter expr(is_active == true)
      prepare build(sort: [created_at: :asc])
    end

    create :create do
      primary? true
      accept [:name, :email, :display_name, :avatar_url, :preferences, :is_active]
      allow_nil_input [:display_name]
      change AshChat.DisplayName
    end

    update :update do
      primary? true
      accept [:name, :email, :display_name, :avatar_url, :preferences, :is_active]
      # The check of the address is Elixir.
      require_atomic? false
    end

    update :deactivate do
      accept []
      change set_attribute(:is_active, false)
    end

    update :reactivate do
      accept []
      change set_attribute(:is_active, true)
    end
  end

  validations do
    validate match(:email, "^[^@\\s]+@[^@\\s]+$"),
      where: changing(:email),
      message: "is no e-mail address"
  end

  attributes do
    uuid_primary_key :id
    attribute :name, :string, allow_nil?: false, public?: true
    attribute :email, :string, public?: true
    attribute :display_name, :string, allow_nil?: false, public?: true
    attribute :avatar_url, :string, public?: true
    attribute :preferences, :map, default: %{}, public?: true
    attribute :is_active, :boolean, default: true, public?: true
    create_timestamp :created_at, public?: true
    update_timestamp :updated_at, public?: true
  end

  relationships do
    has_many :messages, AshChat.Message, public?: true
    has_many :room_memberships, AshChat.RoomMembership, public?: true

    many_to_many :rooms, AshChat.Room do
      through AshChat.RoomMembership
      source_attribute_on_join_resource :user_id
      destination_attribute_on_join_resource :room_id
      public? true
    end
  end
end
