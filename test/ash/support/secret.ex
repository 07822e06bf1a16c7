defmodule AshRusqlite.Oracle.Resources.Secret do
  @moduledoc false
  # The actor decides which rows are there, and which fields of them.

  alias AshRusqlite.Oracle.Resources

  def code(use_resource, name) do
    quote do
      defmodule unquote(name.(:Secret)) do
        @moduledoc false
        unquote(Resources.resource(use_resource, authorizers: [Ash.Policy.Authorizer]))

        policies do
          policy action_type(:read) do
            authorize_if(expr(owner == ^actor(:name)))
            authorize_if(expr(level < 2))
            authorize_if(expr(exists(below, owner == ^actor(:name))))
            authorize_if(expr(above.below.owner == ^actor(:name) and above.below.level > 2))
          end

          policy action_type(:create) do
            authorize_if(always())
          end

          policy action_type([:update, :destroy]) do
            forbid_if(expr(level == 3))
            authorize_if(expr(owner == ^actor(:name) or group.open))
          end
        end

        field_policies do
          field_policy [:text, :loud] do
            authorize_if(expr(owner == ^actor(:name)))
          end

          field_policy :below_count do
            authorize_if(expr(level > 0))
          end

          field_policy :* do
            authorize_if(always())
          end
        end

        attributes do
          attribute(:id, :integer, primary_key?: true, allow_nil?: false, public?: true)
          attribute(:owner, :string, public?: true)
          attribute(:level, :integer, public?: true)

          attribute(:text, :string,
            public?: true,
            constraints: [allow_empty?: true, trim?: false]
          )
        end

        relationships do
          belongs_to(:group, unquote(name.(:Group)), public?: true, attribute_type: :integer)
          belongs_to(:above, __MODULE__, public?: true, attribute_type: :integer)
          has_many(:below, __MODULE__, public?: true, destination_attribute: :above_id)
        end

        calculations do
          calculate(:loud, :string, expr(text <> "!"), public?: true)
        end

        aggregates do
          count(:below_count, :below, public?: true)
        end

        unquote(Resources.actions())
      end
    end
  end
end
