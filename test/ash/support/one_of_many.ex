defmodule AshRusqlite.OneOfMany do
  @moduledoc false
  # Relationships to one row that find several, on both data layers.

  defmodule Resources do
    @moduledoc false
    def code(layer) do
      quote do
        # They refer to each other.
        alias __MODULE__.{Card, Person, Place}

        defmodule Person do
          use AshRusqlite.PrivateResource, unquote(layer)

          actions do
            defaults [:read, create: :*]
          end

          attributes do
            attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
            attribute :town, :string, public?: true
          end

          relationships do
            has_one :card, Card, public?: true

            belongs_to :place, Place,
              source_attribute: :town,
              destination_attribute: :name,
              define_attribute?: false,
              public?: true
          end
        end

        defmodule Card do
          use AshRusqlite.PrivateResource, unquote(layer)

          actions do
            defaults [:read, create: :*]
          end

          attributes do
            attribute :id, :string, primary_key?: true, allow_nil?: false, public?: true
            attribute :number, :integer, public?: true
          end

          relationships do
            belongs_to :person, Person, public?: true, attribute_type: :integer
          end
        end

        defmodule Place do
          use AshRusqlite.PrivateResource, unquote(layer)

          actions do
            defaults [:read, create: :*]
          end

          attributes do
            # Not in the order of their names: the order of the key goes by names.
            attribute :street, :integer, primary_key?: true, allow_nil?: false, public?: true
            attribute :house, :integer, primary_key?: true, allow_nil?: false, public?: true
            attribute :name, :string, public?: true
          end
        end
      end
    end
  end

  use AshRusqlite.BothLayers, Resources
end
