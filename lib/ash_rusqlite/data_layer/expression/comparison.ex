if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.Expression.Comparison do
    @moduledoc false
    # Comparisons, and the kind as which two expressions are compared.

    alias AshRusqlite.DataLayer.Expression

    import AshRusqlite.DataLayer.Expression.Constant, only: [fold: 2, literal!: 2, value?: 1]
    import Expression, only: [compile: 2, inspect_kind: 1, residual: 1]

    @numbers [:integer, :real]

    @doc "A comparison by an operator."
    @spec compare(atom(), term(), term(), %Expression.Env{}) :: Expression.scalar()
    def compare(op, left, right, env) do
      {left, right, kind} = pair(left, right, op, env)
      {op, right} = whole_seconds(op, right, kind)
      check_order(op, kind)
      {:compare, op, collation(kind), left, right}
    end

    # A column of seconds has no fraction: less than 5.5 s is at most 5 s.
    defp whole_seconds(op, {:fraction, scalar}, _kind) when op in [:<, :<=], do: {:<=, scalar}
    defp whole_seconds(op, {:fraction, scalar}, _kind) when op in [:>, :>=], do: {:>, scalar}
    defp whole_seconds(op, scalar, _kind), do: {op, scalar}

    @doc "Whether two are not the same, or are, nil and nil included."
    @spec distinct(atom(), term(), term(), %Expression.Env{}) :: Expression.scalar()
    def distinct(form, left, right, env) do
      {left, right, kind} = pair(left, right, :==, env)
      {form, collation(kind), left, right}
    end

    @doc "Whether one is among values."
    @spec among(term(), [term()], %Expression.Env{}) :: {Expression.scalar(), :boolean}
    def among(left, values, env) do
      {scalar, kind} = compile(left, env)
      literals = Enum.map(values, &literal!(&1, kind))
      kind = Enum.reduce(literals, kind, fn {_, other}, kind -> common!(kind, other) end)
      {{:in, collation(kind), scalar, Enum.map(literals, &elem(&1, 0))}, :boolean}
    end

    # Both sides, and the kind as which they are compared.
    defp pair(left, right, op, env) do
      case {value?(left), value?(right)} do
        {_, true} ->
          {left, kind} = compile(left, env)
          {right, other} = operand(right, kind, op)
          {left, right, common!(kind, other)}

        {true, false} ->
          {right, kind} = compile(right, env)
          {left, other} = literal!(left, kind)
          {left, right, common!(kind, other)}

        _ ->
          {left, kind} = compile(left, env)
          other = fold(right, env)

          {right, other} =
            if other, do: operand(elem(other, 1), kind, op), else: compile(right, env)

          {left, right, common!(kind, other)}
      end
    end

    defp operand(%DateTime{microsecond: {micro, _}} = at, :datetime, op)
         when micro != 0 and op in [:<, :<=, :>, :>=] do
      {scalar, kind} = literal!(DateTime.truncate(at, :second), :datetime)
      {{:fraction, scalar}, kind}
    end

    defp operand(value, kind, _op), do: literal!(value, kind)

    # nil has every kind.
    defp common!(nil, kind), do: kind
    defp common!(kind, nil), do: kind
    defp common!(kind, kind), do: kind
    # SQLite's rules.
    defp common!(a, b) when :unknown in [a, b], do: :unknown
    defp common!(a, b) when a in @numbers and b in @numbers, do: :real
    defp common!(a, b) when a in [:decimal, :integer] and b in [:decimal, :integer], do: :decimal
    defp common!(a, b) when a in [:text, :ci] and b in [:text, :ci], do: :ci
    defp common!(a, b) when a in [:text, :atom] and b in [:text, :atom], do: :mixed

    defp common!({:opaque, %{type: type, constraints: same}} = kind, {:opaque, other})
         when type == other.type and same == other.constraints,
         do: kind

    defp common!(a, b), do: residual("#{inspect_kind(a)} beside #{inspect_kind(b)}")

    defp collation(:ci), do: :ci
    defp collation(:decimal), do: :decimal
    defp collation(_kind), do: nil

    # Only Ash knows the order of what is stored in a way of its own.
    defp check_order(op, {:opaque, attribute}) when op not in [:==, :!=],
      do: residual("the order of #{inspect(attribute.type)}")

    defp check_order(op, kind) when op not in [:==, :!=] and kind in [:mixed, :boolean, :blob],
      do: residual("the order of #{inspect_kind(kind)}")

    defp check_order(_op, _kind), do: :ok
  end
end
