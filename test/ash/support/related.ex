defmodule AshRusqlite.Related do
  @moduledoc false
  # Rooms, their messages and members, by relationships that do more than match attributes, on
  # both data layers.

  defmodule Resources do
    @moduledoc false
    def code(layer) do
      quote do
        # They refer to each other.
        alias __MODULE__.{Diary, Job, Member, Message, Note, Room, User}

        defmodule Room do
          use AshRusqlite.PrivateResource, unquote(layer)
          require Ash.Expr

          actions do
            defaults [:read, :destroy, create: :*, update: :*]
          end

          attributes do
            attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
            attribute :name, :string, public?: true
            attribute :seen, :integer, public?: true
          end

          relationships do
            has_many :messages, Message, public?: true
            has_many :members, Member, public?: true
            has_many :jobs, Job, public?: true
            has_many :notes, Note, public?: true

            has_many :hooked, Job do
              public? true
              read_action(:hooked)
            end

            has_many :unread, Message do
              public? true
              filter expr(read == false)
            end

            has_many :new_messages, Message do
              public? true
              filter expr(at > parent(seen))
            end

            has_many :namesakes, __MODULE__ do
              public? true
              no_attributes?(true)
              filter expr(name == parent(name) and id != parent(id))
            end

            has_many :last_two, Message do
              public? true
              sort(at: :desc, id: :desc)
              limit(2)
            end

            has_one :last_message, Message do
              public? true
              from_many?(true)
              sort(at: :desc)
            end

            has_many :active_members, Member do
              public? true
              filter expr(active == true)
            end

            has_many :first_member, Member do
              public? true
              sort(rank: :desc)
              limit(1)
            end

            many_to_many :users, User do
              public? true
              through Member
              source_attribute_on_join_resource :room_id
              destination_attribute_on_join_resource :user_id
            end

            many_to_many :active_users, User do
              public? true
              join_relationship(:active_members)
              through Member
              source_attribute_on_join_resource :room_id
              destination_attribute_on_join_resource :user_id
            end

            many_to_many :first_user, User do
              public? true
              join_relationship(:first_member)
              through Member
              source_attribute_on_join_resource :room_id
              destination_attribute_on_join_resource :user_id
            end
          end

          aggregates do
            count :unread_count, :unread, public?: true
            count :new_count, :new_messages, public?: true
            count :job_count, :jobs, public?: true
            count :note_count, :notes, public?: true
            count :active_count, :active_users, public?: true
            count :user_count, :users, public?: true
            count :last_two_count, :last_two, public?: true
            max :last_note, :notes, :number, public?: true

            sum :last_two_sum, :last_two, :at do
              public? true
              filter expr(read == true)
            end

            list(:last_texts, :last_two, :text, public?: true)
            first(:last_text, :last_message, :text, public?: true)
            sum :active_words, [:active_users, :messages], :at, public?: true
            list(:user_texts, [:users, :messages], :text, public?: true)
            count :authors, [:messages, :user], public?: true

            list :active_names, :active_users, :name do
              public? true
              sort(name: :desc)
            end
          end

          calculations do
            calculate :any_text, :string, expr(messages.text), public?: true
          end
        end

        defmodule Message do
          use AshRusqlite.PrivateResource, unquote(layer)

          actions do
            defaults [:read, create: :*]

            read :paged do
              pagination keyset?: true, required?: false
            end
          end

          attributes do
            attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
            attribute :text, :string, public?: true
            attribute :at, :integer, public?: true
            attribute :read, :boolean, public?: true
          end

          relationships do
            belongs_to :room, Room,
              public?: true,
              attribute_type: :integer,
              attribute_writable?: true

            belongs_to :user, User,
              public?: true,
              attribute_type: :integer,
              attribute_writable?: true
          end
        end

        defmodule User do
          use AshRusqlite.PrivateResource, unquote(layer)

          actions do
            defaults [:read, create: :*]
          end

          attributes do
            attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
            attribute :name, :string, public?: true
          end

          relationships do
            has_many :messages, Message, public?: true
          end
        end

        defmodule Member do
          use AshRusqlite.PrivateResource, unquote(layer)

          actions do
            defaults [:read, create: :*]
          end

          attributes do
            attribute :room_id, :integer, primary_key?: true, allow_nil?: false, public?: true
            attribute :user_id, :integer, primary_key?: true, allow_nil?: false, public?: true
            attribute :active, :boolean, public?: true
            attribute :rank, :integer, public?: true
          end

          relationships do
            belongs_to :user, User,
              public?: true,
              attribute_type: :integer,
              define_attribute?: false
          end
        end

        defmodule Diary do
          use Ash.Resource,
            domain: AshRusqlite.AnyDomain,
            data_layer: unquote(layer),
            authorizers: [Ash.Policy.Authorizer]

          ets do
            private? true
          end

          actions do
            defaults [:read, create: :*]
          end

          policies do
            policy always() do
              authorize_if(expr(owner == ^actor(:name)))
            end
          end

          attributes do
            attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
            attribute :owner, :string, public?: true
          end
        end

        # Destroyed softly.
        defmodule Job do
          use Ash.Resource,
            domain: AshRusqlite.AnyDomain,
            data_layer: unquote(layer),
            primary_read_warning?: false

          ets do
            private? true
          end

          resource do
            base_filter(expr(is_nil(gone)))
          end

          actions do
            defaults create: :*

            read :read do
              primary? true
              prepare build(filter: [number: [greater_than: 1]], sort: [number: :desc])
            end

            read :hooked do
              prepare before_action(fn query, _context -> query end)
            end
          end

          attributes do
            attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
            attribute :number, :integer, public?: true
            attribute :gone, :integer, public?: true
          end

          relationships do
            belongs_to :room, Room,
              public?: true,
              attribute_type: :integer,
              attribute_writable?: true
          end
        end

        # Of tenants, and read by the actor's level.
        defmodule Note do
          use Ash.Resource,
            domain: AshRusqlite.AnyDomain,
            data_layer: unquote(layer),
            primary_read_warning?: false

          ets do
            private? true
          end

          multitenancy do
            strategy(:attribute)
            attribute(:org)
            global?(true)
          end

          actions do
            defaults create: :*

            read :read do
              primary? true
              filter expr(number < ^actor(:level) or is_nil(^actor(:level)))
            end
          end

          attributes do
            attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
            attribute :org, :string, public?: true
            attribute :number, :integer, public?: true
          end

          relationships do
            belongs_to :room, Room,
              public?: true,
              attribute_type: :integer,
              attribute_writable?: true
          end
        end
      end
    end
  end

  use AshRusqlite.BothLayers, Resources

  @rows [
    Room: [
      %{id: 1, name: "a", seen: 2},
      %{id: 2, name: "b", seen: nil},
      %{id: 3, name: "a", seen: 0},
      %{id: 4, name: nil, seen: 9}
    ],
    User: [%{id: 1, name: "ann"}, %{id: 2, name: "bob"}, %{id: 3, name: nil}],
    Message: [
      %{id: 1, room_id: 1, user_id: 1, text: "x", at: 1, read: true},
      %{id: 2, room_id: 1, user_id: 2, text: "y", at: 3, read: false},
      %{id: 3, room_id: 1, user_id: 1, text: nil, at: 4, read: true},
      %{id: 4, room_id: 2, user_id: 2, text: "x", at: 2, read: nil},
      %{id: 5, room_id: 3, user_id: nil, text: "z", at: nil, read: false},
      %{id: 6, room_id: 3, user_id: 9, text: "x", at: 5, read: true},
      %{id: 7, room_id: nil, user_id: 1, text: "x", at: 6, read: false}
    ],
    Member: [
      %{room_id: 1, user_id: 1, active: true, rank: 1},
      %{room_id: 1, user_id: 2, active: false, rank: 2},
      %{room_id: 2, user_id: 2, active: true, rank: nil},
      %{room_id: 3, user_id: 1, active: nil, rank: 3},
      %{room_id: 3, user_id: 3, active: true, rank: 3},
      %{room_id: 3, user_id: 9, active: true, rank: 4}
    ],
    Job: [
      %{id: 1, room_id: 1, number: 1},
      %{id: 2, room_id: 1, number: 2},
      %{id: 3, room_id: 1, number: 5, gone: 1},
      %{id: 4, room_id: 2, number: 3, gone: 1},
      %{id: 5, room_id: 3, number: 4}
    ],
    Note: [
      %{id: 1, room_id: 1, number: 1, org: "o"},
      %{id: 2, room_id: 1, number: 7, org: "p"},
      %{id: 3, room_id: 2, number: 5, org: "o"},
      %{id: 4, room_id: 3, number: 2, org: "p"}
    ]
  ]

  @doc "Fills both layers with the same rows."
  def fill do
    for layer <- [__MODULE__.OnEts, __MODULE__.OnSqlite], {name, rows} <- @rows, row <- rows do
      {org, row} = if name == :Note, do: Map.pop(row, :org), else: {nil, row}
      Ash.create!(Module.concat(layer, name), row, tenant: org)
    end

    :ok
  end

  @doc "What a function of a layer gives on both: equal, and nothing of it left to Elixir."
  def same(fun, opts \\ []) do
    ets = fun.(__MODULE__.OnEts)
    {ours, reasons} = residual(fn -> fun.(__MODULE__.OnSqlite) end)
    {ets, ours} = {bare(ets), bare(ours)}
    if ets !== ours, do: raise("on ETS #{inspect(ets)}, on SQLite #{inspect(ours)}")

    if reasons != [] and Keyword.get(opts, :sql, true),
      do: raise("left to Elixir: #{inspect(reasons)}")

    ours
  end

  @doc "What a function gives, and what of its queries was left to Elixir."
  def residual(fun) do
    id = make_ref()
    handler = &__MODULE__.forward/4
    :ok = :telemetry.attach(id, [:ash_rusqlite, :residual], handler, {self(), id})
    result = fun.()
    :telemetry.detach(id)
    {result, received(id)}
  end

  @doc false
  def forward(_event, measurements, metadata, {test, id}) do
    if self() == test, do: send(test, {id, {measurements.rows, metadata.reasons}})
  end

  defp received(id) do
    receive do
      {^id, left} -> [left | received(id)]
    after
      0 -> []
    end
  end

  # Records as what they are in either layer.
  defp bare(list) when is_list(list), do: Enum.map(list, &bare/1)
  defp bare(%module{id: id}), do: {module |> Module.split() |> List.last(), id}
  defp bare(other), do: other
end
