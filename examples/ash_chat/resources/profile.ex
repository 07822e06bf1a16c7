defmodule AshChat.Profile do
  @moduledoc "The model of an agent, and how it is reached. One profile is the default."

  use Ash.Resource, domain: AshChat.Chat, data_layer: AshRusqlite.DataLayer

  sqlite do
    repo AshChat.Repo
    migration_defaults AshChat.Timestamps.defaults()

    journal do
      type "chat.profile"
      source :profile, :id
      skip [:updated_at]
      sensitive [:api_key]
    end

    check_constraints do
      check_constraint :provider, "profiles_provider",
        check: "provider = 'ollama' OR provider = 'openai' OR provider = 'anthropic'"
    end

    custom_indexes do
      index [:is_default]
    end
  end

  code_interface do
    define :create
    define :update
    define :set_as_default
    define :destroy
    define :list, action: :read
    define :default
    define :get_by_id, action: :read, get_by: [:id]
  end

  actions do
    defaults [:read, :destroy]

    read :default do
      # Writes without `set_as_default` may leave several default profiles: the newest counts.
      get? true
      filter expr(is_default == true)
      prepare build(sort: [updated_at: :desc], limit: 1)
    end

    create :create do
      primary? true
      accept [:name, :provider, :url, :api_key, :model, :is_default]
    end

    update :update do
      primary? true
      accept [:name, :provider, :url, :api_key, :model]
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

  validations do
    validate one_of(:provider, ["ollama", "openai", "anthropic"])
  end

  attributes do
    uuid_primary_key :id
    attribute :name, :string, allow_nil?: false, public?: true
    attribute :provider, :string, allow_nil?: false, public?: true
    attribute :url, :string, public?: true
    attribute :api_key, :string, sensitive?: true
    attribute :model, :string, public?: true
    attribute :is_default, :boolean, default: false, public?: true
    create_timestamp :created_at, public?: true
    update_timestamp :updated_at, public?: true
  end
end
