defmodule AshRusqlite.Oracle.Resources.Ticket do
  @moduledoc false
  # Not every row is there for everybody: a tenant, a base filter, and a primary read action with
  # a filter and an order of its own.

  alias AshRusqlite.Oracle.Resources

  def code(use_resource, name) do
    quote do
      defmodule unquote(name.(:Ticket)) do
        @moduledoc false
        unquote(Resources.resource(use_resource, primary_read_warning?: false))

        resource do
          base_filter(expr(is_nil(gone) or gone > 1))
        end

        multitenancy do
          strategy(:attribute)
          attribute(:org)
          global?(true)
        end

        attributes do
          attribute(:id, :integer, primary_key?: true, allow_nil?: false, public?: true)
          attribute(:org, :string, public?: true)
          attribute(:gone, :integer, public?: true)
          attribute(:size, :integer, public?: true)

          attribute(:text, :string,
            public?: true,
            constraints: [allow_empty?: true, trim?: false]
          )
        end

        relationships do
          belongs_to(:group, unquote(name.(:Group)), public?: true, attribute_type: :integer)
          belongs_to(:above, __MODULE__, public?: true, attribute_type: :integer)
          has_many(:below, __MODULE__, public?: true, destination_attribute: :above_id)

          has_many :bigger, __MODULE__ do
            public?(true)
            destination_attribute(:above_id)
            filter(expr(size > parent(size) or is_nil(parent(size))))
          end
        end

        actions do
          default_accept(:*)
          defaults([:destroy, create: :*, update: :*])

          read :read do
            primary?(true)
            filter(expr(is_nil(size) or size < 4))
            prepare(build(sort: [size: :desc]))
          end

          read :paged do
            pagination(keyset?: true, offset?: true, countable: true, required?: false)
          end
        end
      end
    end
  end
end
