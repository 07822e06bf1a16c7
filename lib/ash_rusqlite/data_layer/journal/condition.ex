if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Journal.Condition do
    @moduledoc false
    # The condition of an event, as the engine takes it: it makes SQL of it for a trigger. To an
    # expression the row before the change is what the outer row is to a subquery, one level up.

    alias Ash.Query.{Parent, Ref}
    alias AshRusqlite.DataLayer.Expression
    alias AshRusqlite.DataLayer.Expression.Timeless
    alias AshRusqlite.DataLayer.Dsl.Journal.Event

    @doc "The `where:` or the `condition:` of an event, `[]` without one, or why there is none."
    @spec of(Ash.Resource.t(), Event.t(), :create | :update | :destroy) ::
            {:ok, keyword()} | {:error, String.t()}
    def of(_resource, %Event{where: nil}, _on), do: {:ok, []}
    def of(_resource, %Event{where: true}, _on), do: {:ok, []}
    def of(_resource, %Event{where: sql}, _on) when is_binary(sql), do: {:ok, [where: sql]}

    def of(resource, %Event{where: expression}, on) do
      expression = Ash.Filter.map(expression, &before/1)

      with :ok <- known(expression, on),
           {:ok, hydrated} <- hydrate(expression, resource),
           :ok <- Timeless.check(hydrated),
           {:ok, scalar} <- Expression.condition(hydrated, env(resource)) do
        {:ok, [condition: scalar]}
      else
        {:none, reason} ->
          {:error, "its condition has #{reason}, of which a trigger knows nothing"}

        {:residual, reason} ->
          {:error, "its condition is no SQL: #{reason}"}

        {:error, reason} ->
          {:error, reason}
      end
    end

    # `old.hidden` is written as the field of a relationship.
    defp before(%Ref{relationship_path: [:old]} = ref),
      do: {:halt, %Parent{expr: %{ref | relationship_path: []}}}

    defp before(other), do: other

    defp known(expression, :create) do
      if parents?(expression),
        do: {:error, "a row that is created has no `old.` values"},
        else: :ok
    end

    defp known(_expression, _on), do: :ok

    defp parents?(expression) do
      Ash.Filter.map(expression, fn
        %Parent{} -> throw(:old)
        other -> other
      end)

      false
    catch
      :old -> true
    end

    defp hydrate(expression, resource) do
      context = %{resource: resource, public?: false, parent_stack: [resource]}

      case Ash.Filter.hydrate_refs(expression, context) do
        {:ok, hydrated} -> {:ok, hydrated}
        {:error, error} -> {:error, "its condition cannot be resolved: #{message(error)}"}
      end
    end

    defp message(error) when is_exception(error), do: Exception.message(error)
    defp message(error), do: inspect(error)

    defp env(resource) do
      row = Expression.env(resource, nil, %{})
      %{row | depth: 1, at: 1, parents: [row]}
    end
  end
end
