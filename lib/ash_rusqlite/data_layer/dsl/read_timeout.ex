if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Dsl.ReadTimeout do
    @moduledoc false
    # The `timeout:` of a read as the deadline of its statements. Ash enforces it by a task alone,
    # and passes it to nothing of a data layer but an action's `modify_query`.

    use Spark.Dsl.Transformer

    alias Spark.Dsl.Transformer

    @impl true
    def after?(_transformer), do: true

    @impl true
    def transform(dsl) do
      dsl =
        for %{type: :read} = action <- Transformer.get_entities(dsl, [:actions]), reduce: dsl do
          dsl ->
            action = %{action | modify_query: {__MODULE__, :modify, [action.modify_query]}}
            same? = &(&1.type == :read and &1.name == action.name)
            Transformer.replace_entity(dsl, [:actions], action, same?)
        end

      {:ok, dsl}
    end

    @doc "Whether a read action has a `modify_query` of its author's."
    @spec modified?(Ash.Resource.Actions.Read.t()) :: boolean()
    def modified?(%{modify_query: {__MODULE__, :modify, [given]}}), do: given != nil
    def modified?(%{modify_query: given}), do: given != nil

    @doc "Gives a data layer query the timeout of Ash's, and calls the author's `modify_query`."
    @spec modify(mfa() | function() | nil, Ash.Query.t(), term()) ::
            {:ok, term()} | {:error, term()}
    def modify(given, ash_query, query) do
      query = with_timeout(query, ash_query.timeout)

      case given do
        nil -> {:ok, query}
        {module, function, args} -> apply(module, function, args ++ [ash_query, query])
        function when is_function(function, 2) -> function.(ash_query, query)
      end
    end

    # The nearer one counts, when the context has one, too.
    defp with_timeout(query, timeout) when is_integer(timeout) do
      data_layer =
        Map.update(query.context[:data_layer] || %{}, :timeout, timeout, &min(&1, timeout))

      %{query | context: Map.put(query.context, :data_layer, data_layer)}
    end

    defp with_timeout(query, _none), do: query
  end
end
