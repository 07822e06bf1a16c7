defmodule AshRusqlite.Exists do
  @moduledoc false
  # People, their cards and what is printed on them, on both data layers.

  defmodule Resources do
    @moduledoc false
    def code(layer) do
      quote do
        # They refer to each other.
        alias __MODULE__.{Card, Person, Print}

        defmodule Person do
          use AshRusqlite.PrivateResource, unquote(layer)

          actions do
            defaults [:read, :destroy, create: :*]
          end

          attributes do
            attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
            attribute :name, :string, public?: true
          end

          relationships do
            has_many :cards, Card, public?: true
            has_many :prints, Print, public?: true, destination_attribute: :by_id
          end

          calculations do
            calculate :has_cards, :boolean, expr(exists(cards, true)), public?: true
          end
        end

        defmodule Card do
          use AshRusqlite.PrivateResource, unquote(layer)

          actions do
            defaults [:read, create: :*]
          end

          attributes do
            attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
          end

          relationships do
            belongs_to :person, Person,
              public?: true,
              attribute_type: :integer,
              attribute_writable?: true

            has_many :prints, Print, public?: true
          end
        end

        # Without a primary key.
        defmodule Print do
          use AshRusqlite.PrivateResource, unquote(layer)

          resource do
            require_primary_key?(false)
          end

          actions do
            defaults [:read, create: :*]
          end

          attributes do
            attribute :text, :string, public?: true
            attribute :by_id, :integer, public?: true
          end

          relationships do
            belongs_to :card, Card,
              public?: true,
              attribute_type: :integer,
              attribute_writable?: true
          end
        end
      end
    end
  end

  use AshRusqlite.BothLayers, Resources
end
