defmodule AshRusqlite.Required do
  @moduledoc false
  # What must not be nil, on both data layers.

  defmodule Resources do
    @moduledoc false
    def code(layer) do
      quote do
        defmodule Item do
          use AshRusqlite.PrivateResource, unquote(layer)

          actions do
            defaults [:read, :destroy, create: :*, update: :*]
          end

          attributes do
            attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
            attribute :size, :integer, allow_nil?: false, public?: true
            attribute :name, :string, allow_nil?: false, public?: true
            attribute :other, :integer, public?: true
          end
        end
      end
    end
  end

  use AshRusqlite.BothLayers, Resources
end
