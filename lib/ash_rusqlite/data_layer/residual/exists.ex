if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Residual.Exists do
    @moduledoc false
    # Ash's runtime loads related rows for the fields that are asked of them. Where a condition asks
    # for none, as in `exists(posts, true)`, it loads none and finds none. SQL does find them, so a
    # field is asked for before such a condition is given to the runtime.

    alias Ash.Query.{BooleanExpression, Exists, Parent, Ref}
    alias Ash.Query.Operator.IsNil

    @doc """
    An expression on rows of a resource in which each condition on related rows refers to one of their
    fields, so that the runtime loads them and decides what SQL would. `parents` are the resources that
    `parent()` refers to, the nearest first.
    """
    @spec ensure_references(expression, Ash.Resource.t(), [Ash.Resource.t()]) :: expression
          when expression: term()
    def ensure_references(expression, resource, parents \\ [])

    def ensure_references(%Ash.Filter{expression: expression} = filter, resource, parents),
      do: %{filter | expression: ensure_references(expression, resource, parents)}

    def ensure_references(expression, resource, parents) do
      Ash.Filter.map(expression, fn
        %Exists{} = exists -> {:halt, exists(exists, resource, parents)}
        %Parent{} = parent -> {:halt, parent(parent, parents)}
        # Nothing is in them, and to take a struct apart takes its time.
        %module{} = value when module in [Ref, Decimal, DateTime, Date] -> {:halt, value}
        other -> other
      end)
    end

    defp parent(%{expr: expression} = parent, [resource | parents]),
      do: %{parent | expr: ensure_references(expression, resource, parents)}

    defp parent(parent, []), do: parent

    # Of rows that no relationship leads to, the runtime asks the data layer.
    defp exists(%{related?: false} = exists, _resource, _parents), do: exists

    defp exists(%{at_path: at_path, path: path, expr: expression} = exists, resource, parents) do
      case Ash.Resource.Info.related(resource, at_path ++ path) do
        nil ->
          exists

        destination ->
          outer = Ash.Resource.Info.related(resource, at_path)
          expression = ensure_references(expression, destination, [outer | parents])

          if Ash.Filter.list_refs(expression) == [],
            do: %{exists | expr: asking(expression, destination)},
            else: %{exists | expr: expression}
      end
    end

    # It holds whatever is in the field.
    defp asking(expression, resource) do
      case field(resource) do
        nil ->
          expression

        field ->
          ref = %Ref{attribute: field, relationship_path: [], resource: resource}
          either = boolean(:or, %IsNil{left: ref, right: true}, %IsNil{left: ref, right: false})
          boolean(:and, either, expression)
      end
    end

    defp boolean(op, left, right), do: %BooleanExpression{op: op, left: left, right: right}

    defp field(resource) do
      attributes = Ash.Resource.Info.attributes(resource)
      Enum.find(attributes, List.first(attributes), & &1.primary_key?)
    end
  end
end
