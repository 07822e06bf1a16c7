if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.Bench.Cliff do
    @moduledoc false
    # A chat whose relationships and reads do more than match attributes. `Plain` are the same tables
    # without all of that: of these the same is asked by hand.

    use Ash.Domain, validate_config_inclusion?: false

    resources do
      allow_unregistered? true
    end

    defmodule Resource do
      @moduledoc false
      defmacro __using__(opts) do
        table = Keyword.fetch!(opts, :table)

        quote do
          use Ash.Resource,
            domain: AshRusqlite.Bench.Cliff,
            data_layer: AshRusqlite.DataLayer,
            authorizers: unquote(opts[:authorizers] || []),
            primary_read_warning?: false

          sqlite do
            table unquote(table)
            repo AshRusqlite.Bench.Repo
          end
        end
      end
    end

    defmodule Fields do
      @moduledoc false
      defmacro room do
        quote do
          attributes do
            attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
            attribute :seen, :integer, public?: true
          end
        end
      end

      defmacro message do
        quote do
          attributes do
            attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
            attribute :room_id, :integer, public?: true
            attribute :org, :string, public?: true
            attribute :text, :string, public?: true
            attribute :at, :integer, public?: true
            attribute :read, :boolean, public?: true
            attribute :gone, :boolean, public?: true
          end
        end
      end
    end

    defmodule Room do
      @moduledoc false
      use Resource, table: "cliff_rooms"
      require Fields

      Fields.room()

      actions do
        defaults [:read]
      end

      relationships do
        has_many :messages, AshRusqlite.Bench.Cliff.Message
        has_many :members, AshRusqlite.Bench.Cliff.Member
        has_many :kept, AshRusqlite.Bench.Cliff.Kept
        has_many :ours, AshRusqlite.Bench.Cliff.Ours
        has_many :short, AshRusqlite.Bench.Cliff.Short

        has_many :unread, AshRusqlite.Bench.Cliff.Message do
          filter expr(read == false)
        end

        has_many :new, AshRusqlite.Bench.Cliff.Message do
          filter expr(at > parent(seen))
        end

        has_many :new_of_all, AshRusqlite.Bench.Cliff.Message do
          no_attributes?(true)
          filter expr(room_id == parent(id) and at > parent(seen))
        end
      end

      aggregates do
        count :unread_count, :unread
        count :kept_count, :kept
        count :ours_count, :ours
        count :short_count, :short

        count :unread_by_hand, :messages do
          filter expr(read == false)
        end

        count :kept_by_hand, :messages do
          filter expr(gone != true)
        end

        count :ours_by_hand, :messages do
          filter expr(org == "a")
        end

        count :short_by_hand, :messages do
          filter expr(at < 100)
        end
      end
    end

    defmodule Message do
      @moduledoc false
      use Resource, table: "cliff_messages", authorizers: [Ash.Policy.Authorizer]
      require Fields

      Fields.message()

      sqlite do
        custom_indexes do
          index [:room_id, :at, :id]
          index [:at, :id]
        end
      end

      actions do
        defaults [:read]
        read :by_path
        read :by_hand
      end

      policies do
        policy action(:read) do
          authorize_if(always())
        end

        policy action(:by_path) do
          authorize_if(expr(room.members.user_id == ^actor(:id)))
        end

        policy action(:by_hand) do
          authorize_if(expr(exists(room.members, user_id == ^actor(:id))))
        end
      end

      relationships do
        belongs_to :room, AshRusqlite.Bench.Cliff.Room,
          define_attribute?: false,
          attribute_type: :integer
      end
    end

    defmodule Member do
      @moduledoc false
      use Resource, table: "cliff_members"

      attributes do
        attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
        attribute :room_id, :integer, public?: true
        attribute :user_id, :integer, public?: true
      end

      sqlite do
        custom_indexes do
          index [:room_id, :user_id]
        end
      end

      actions do
        defaults [:read]
      end
    end

    # Destroyed softly.
    defmodule Kept do
      @moduledoc false
      use Resource, table: "cliff_messages"
      require Fields

      Fields.message()

      resource do
        base_filter(expr(gone != true))
      end

      actions do
        defaults [:read]
      end
    end

    # Of tenants.
    defmodule Ours do
      @moduledoc false
      use Resource, table: "cliff_messages"
      require Fields

      Fields.message()

      multitenancy do
        strategy(:attribute)
        attribute(:org)
        global?(true)
      end

      actions do
        defaults [:read]
      end
    end

    # With a primary read of its own.
    defmodule Short do
      @moduledoc false
      use Resource, table: "cliff_messages"
      require Fields

      Fields.message()

      actions do
        read :read do
          primary? true
          filter expr(at < 100)
          prepare build(sort: [at: :desc])
        end
      end
    end
  end
end
