if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Expression.Timeless do
    @moduledoc false
    # Expressions that have the same answer at all times: an index and a trigger need that, so what
    # is computed beforehand, as `now()` is, has no place in one.

    alias Ash.Query.{BooleanExpression, Not, Parent, Ref}
    alias Ash.Query.Function.IsNil
    alias Ash.Query.Operator, as: O
    alias AshRusqlite.DataLayer.Expression.Constant

    @operators [
      O.Eq,
      O.NotEq,
      O.LessThan,
      O.LessThanOrEqual,
      O.GreaterThan,
      O.GreaterThanOrEqual,
      O.In,
      O.IsNil
    ]

    @doc "Whether it is one, or else what keeps it from that, for a sentence."
    @spec check(term()) :: :ok | {:none, String.t()}
    def check(%BooleanExpression{left: left, right: right}), do: all([left, right])
    def check(%Not{expression: expression}), do: check(expression)
    def check(%Parent{expr: expression}), do: check(expression)
    def check(%Ref{relationship_path: [], attribute: %Ash.Resource.Attribute{}}), do: :ok
    def check(%Ref{attribute: %{name: name}}), do: {:none, inspect(name)}
    def check(%Ref{attribute: name}), do: {:none, inspect(name)}
    def check(%IsNil{arguments: arguments}), do: all(arguments)

    # Matched by name: not every release of Ash has it.
    def check(%{__struct__: Ash.Query.Function.IsDistinctFrom, arguments: arguments}),
      do: all(arguments)

    def check(%operator{left: left, right: right}) when operator in @operators,
      do: all([left, right])

    def check(%MapSet{} = values), do: values |> Enum.to_list() |> all()
    def check(values) when is_list(values), do: all(values)

    def check(%struct{} = value) do
      if Constant.value?(value), do: :ok, else: {:none, name(struct, value)}
    end

    def check(tuple) when is_tuple(tuple), do: {:none, inspect(tuple)}
    def check(_value), do: :ok

    defp all(parts) do
      Enum.find_value(parts, :ok, fn part ->
        with :ok <- check(part), do: nil
      end)
    end

    defp name(struct, value) do
      if function_exported?(struct, :name, 0),
        do: "#{struct.name()}()",
        else: inspect(value, limit: 5)
    end
  end
end
