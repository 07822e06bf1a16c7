if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Dsl.Mark do
    @moduledoc false
    # Marks the resources of this data layer for `Info.ours?/1`, which then need not name the data layer.

    use Spark.Dsl.Transformer

    alias Spark.Dsl.{Extension, Transformer}

    @impl true
    def transform(dsl), do: {:ok, Transformer.persist(dsl, __MODULE__, true)}

    @doc "Whether a resource, or a module that is none, is marked."
    @spec marked?(module()) :: boolean()
    def marked?(resource), do: Extension.get_persisted(resource, __MODULE__, false)
  end
end
