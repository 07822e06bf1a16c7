defmodule AshRusqlite.PrivateResource do
  @moduledoc false
  # `use AshRusqlite.PrivateResource, layer`: a resource on this data layer, kept in memory for
  # the process alone.

  defmacro __using__(layer) do
    quote do
      @moduledoc false
      use Ash.Resource, domain: AshRusqlite.AnyDomain, data_layer: unquote(layer)

      ets do
        private? true
      end
    end
  end
end
