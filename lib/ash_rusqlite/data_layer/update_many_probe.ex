if Code.ensure_loaded?(Ash.DataLayer) and
     {:update_many, 3} in Ash.DataLayer.behaviour_info(:callbacks) do
  defmodule AshRusqlite.DataLayer.UpdateManyProbe do
    @moduledoc false
    # Some releases of Ash, 3.32.0 among them, raise before they call a data layer that can
    # `update_many` where the caller says nothing of `return_records?`. Whether this one does is
    # found out once, by an update of nothing.

    defmodule Layer do
      @moduledoc false
      @behaviour Ash.DataLayer
      use Spark.Dsl.Extension

      @impl true
      def can?(_resource, feature), do: feature in [:read, :update, :update_many]

      @impl true
      def resource_to_query(resource, _domain), do: resource

      @impl true
      def update_many(_resource, _changesets, _options), do: {:ok, []}
    end

    defmodule Domain do
      @moduledoc false
      use Ash.Domain, validate_config_inclusion?: false

      resources do
        allow_unregistered? true
      end
    end

    defmodule Nothing do
      @moduledoc false
      use Ash.Resource, domain: Domain, data_layer: Layer

      actions do
        defaults [:read, update: :*]
      end

      attributes do
        integer_primary_key(:id)
        attribute :name, :string, public?: true
      end
    end

    @doc "Whether this release calls a data layer whatever its caller says."
    @spec sound?() :: boolean()
    def sound? do
      with nil <- :persistent_term.get(__MODULE__, nil) do
        sound? = ask()
        :persistent_term.put(__MODULE__, sound?)
        sound?
      end
    end

    defp ask do
      _result = Ash.update_many([{1, %{name: "new"}}], Nothing, :update)
      true
    rescue
      BadBooleanError -> false
    end
  end
end
