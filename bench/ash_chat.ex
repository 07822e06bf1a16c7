if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.Bench.AshChat do
    @moduledoc false
    # The rooms, users, memberships and messages of examples/ash_chat on any data layer. The example's
    # own resources are on ours alone, with the journal and the checks that no other one has.
    # `use AshChat, data_layer: …, repo: …` in a module, which becomes their domain. With a repo
    # they are in the tables of the chat's migrations, which have the indexes and foreign keys. With
    # `message_change: …` creating a message has this change.

    defmacro __using__(opts) do
      opts = Enum.map(opts, fn {key, value} -> {key, Macro.expand(value, __CALLER__)} end)
      domain = __CALLER__.module
      name = &Module.concat(domain, &1)
      base = &base(domain, opts[:data_layer], opts[:repo], &1)

      quote do
        use Ash.Domain, validate_config_inclusion?: false

        resources do
          resource unquote(name.(:Room))
          resource unquote(name.(:User))
          resource unquote(name.(:RoomMembership))
          resource unquote(name.(:Message))
        end

        unquote(room(base, name))
        unquote(user(base, name))
        unquote(membership(base, name, if(opts[:repo], do: nil, else: domain)))
        unquote(message(base, name, opts[:message_change]))
      end
      |> Macro.prewalk(&bare/1)
    end

    # In Ash's expressions a name is that of a field only when no macro has written it.
    defp bare({name, meta, __MODULE__}), do: {name, meta, nil}
    defp bare(other), do: other

    defp base(domain, layer, repo, table) do
      storage =
        quote do
          sqlite do
            table unquote(table)
            repo unquote(repo)
          end
        end

      quote do
        @moduledoc false
        use Ash.Resource, domain: unquote(domain), data_layer: unquote(layer)
        unquote(if repo, do: storage)

        actions do
          defaults [:read, :destroy]

          # With everything given, to fill a store that has no file to copy.
          create :seed do
            accept :*
          end
        end

        attributes do
          uuid_primary_key :id, writable?: true, public?: true
          create_timestamp :created_at, writable?: true, public?: true
          update_timestamp :updated_at, writable?: true, public?: true
        end
      end
    end

    defp room(base, name) do
      quote do
        defmodule unquote(name.(:Room)) do
          unquote(base.("rooms"))

          attributes do
            attribute :title, :string, default: "New Room", public?: true
            attribute :description, :string, public?: true
            attribute :current_task, :string, public?: true
            attribute :starting_message, :string, public?: true
            attribute :hidden, :boolean, default: false, public?: true
          end

          relationships do
            belongs_to :parent_room, __MODULE__, public?: true

            has_many :child_rooms, __MODULE__ do
              destination_attribute :parent_room_id
              public? true
            end

            has_many :messages, unquote(name.(:Message)), public?: true
            has_many :room_memberships, unquote(name.(:RoomMembership)), public?: true

            many_to_many :users, unquote(name.(:User)) do
              through unquote(name.(:RoomMembership))
              source_attribute_on_join_resource :room_id
              destination_attribute_on_join_resource :user_id
              public? true
            end
          end
        end
      end
    end

    defp user(base, name) do
      quote do
        defmodule unquote(name.(:User)) do
          unquote(base.("users"))

          attributes do
            attribute :name, :string, allow_nil?: false, public?: true
            attribute :email, :string, public?: true
            attribute :display_name, :string, allow_nil?: false, public?: true
            attribute :avatar_url, :string, public?: true
            attribute :preferences, :map, default: %{}, public?: true
            attribute :is_active, :boolean, default: true, public?: true
          end

          relationships do
            has_many :messages, unquote(name.(:Message)), public?: true
            has_many :room_memberships, unquote(name.(:RoomMembership)), public?: true

            many_to_many :rooms, unquote(name.(:Room)) do
              through unquote(name.(:RoomMembership))
              source_attribute_on_join_resource :user_id
              destination_attribute_on_join_resource :room_id
              public? true
            end
          end
        end
      end
    end

    # A data layer without unique indexes looks first, through `checker`.
    defp membership(base, name, checker) do
      quote do
        defmodule unquote(name.(:RoomMembership)) do
          unquote(base.("room_memberships"))

          attributes do
            attribute :role, :string, default: "member", public?: true
            attribute :is_active, :boolean, default: true, public?: true
            attribute :joined_at, :utc_datetime_usec, public?: true
            attribute :last_seen_at, :utc_datetime_usec, public?: true
          end

          relationships do
            belongs_to :room, unquote(name.(:Room)), allow_nil?: false, public?: true
            belongs_to :user, unquote(name.(:User)), allow_nil?: false, public?: true
          end

          identities do
            identity :active_membership, [:room_id, :user_id] do
              where expr(is_active == true)
              pre_check_with(unquote(checker))
            end
          end
        end
      end
    end

    # With a change of every create, if there is one.
    defp message(base, name, change) do
      changes = quote do: changes(do: change(unquote(change), on: [:create]))

      quote do
        defmodule unquote(name.(:Message)) do
          unquote(base.("messages"))
          unquote(if change, do: changes)

          actions do
            read :latest_in_room do
              argument :room_id, :uuid, allow_nil?: false
              filter expr(room_id == ^arg(:room_id))
              prepare build(sort: [created_at: :desc, id: :desc])
              pagination keyset?: true, default_limit: 50, required?: true
            end

            create :create_text_message do
              accept [:content, :role, :metadata, :room_id, :user_id]
              require_attributes [:room_id]
              validate string_length(:content, min: 1), message: "is empty"
              change set_attribute(:message_type, :text)
            end

            update :update do
              primary? true
              accept [:content, :metadata]
            end
          end

          attributes do
            attribute :content, :string do
              allow_nil? false
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
            attribute :profile_id, :uuid, public?: true
            attribute :agent_card_id, :uuid, public?: true
          end

          relationships do
            belongs_to :room, unquote(name.(:Room)), public?: true
            belongs_to :user, unquote(name.(:User)), public?: true
          end
        end
      end
    end
  end
end
