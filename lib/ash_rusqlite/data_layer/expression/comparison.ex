if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Expression.Comparison do
    @moduledoc false
    # Comparisons, and the kind as which two expressions are compared.

    alias Ash.Query.Function, as: F
    alias Ash.Query.Ref
    alias AshRusqlite.DataLayer.Expression
    alias AshRusqlite.DataLayer.Value.Kind

    import AshRusqlite.DataLayer.Expression.Constant, only: [fold: 2, value?: 1]
    import Expression, only: [compile: 2, inspect_kind: 1, residual: 1]

    @numbers [:integer, :real]
    @reversed %{<: :>, <=: :>=, >: :<, >=: :<=}

    @doc "A comparison by an operator."
    @spec compare(atom(), term(), term(), %Expression.Env{}) :: Expression.scalar()
    def compare(op, left, right, env) do
      case pair(left, right, env) do
        {{:never, side}, right, kind} -> unequal(Map.get(@reversed, op, op), right, side, kind)
        {left, {:never, side}, kind} -> unequal(op, left, side, kind)
        {left, right, kind} -> ordered(op, left, right, kind)
      end
    end

    defp ordered(op, left, right, kind) do
      check_order(op, kind)
      {:compare, op, Kind.collation(kind), left, right}
    end

    # What no stored value can equal. Of nil the answer is nil, as of any comparison.
    defp unequal(:==, scalar, _side, _kind), do: none(scalar)
    defp unequal(:!=, scalar, _side, _kind), do: {:not, none(scalar)}
    defp unequal(op, scalar, :above, _kind) when op in [:<, :<=], do: {:not, none(scalar)}
    defp unequal(op, scalar, :below, _kind) when op in [:>, :>=], do: {:not, none(scalar)}
    defp unequal(_op, scalar, side, _kind) when side in [:above, :below], do: none(scalar)

    defp unequal(op, _scalar, :beside, kind),
      do: residual("#{op} beside #{inspect_kind(kind)} of a value of another kind")

    defp none(scalar), do: {:in, nil, scalar, []}

    @doc "Whether two are not the same, or are, nil and nil included."
    @spec distinct(atom(), term(), term(), %Expression.Env{}) :: Expression.scalar()
    def distinct(form, left, right, env) do
      {left, right, kind} = pair(left, right, env)

      if match?({:never, _}, left) or match?({:never, _}, right),
        do: residual("#{inspect_kind(kind)} beside a value of another kind")

      {form, Kind.collation(kind), left, right}
    end

    @doc "Whether one is among values."
    @spec among(term(), [term()], %Expression.Env{}) :: {Expression.scalar(), :boolean}
    def among(left, values, env) do
      {scalar, kind} = compile(left, env)

      literals =
        values
        |> Enum.map(&beside!(&1, kind))
        |> Enum.reject(&match?({{:never, _}, _}, &1))

      kind = Enum.reduce(literals, kind, fn {_, other}, kind -> common!(kind, other) end)
      {{:in, Kind.collation(kind), scalar, Enum.map(literals, &elem(&1, 0))}, :boolean}
    end

    # Both sides, and the kind as which they are compared.
    defp pair(left, right, env) do
      case {value?(left), value?(right)} do
        {_, true} ->
          {left, kind} = compile(left, env)
          {right, other} = beside!(right, kind)
          {left, right, common!(kind, other)}

        {true, false} ->
          {right, kind} = compile(right, env)
          {left, other} = beside!(left, kind)
          {left, right, common!(kind, other)}

        _ ->
          folded(left, right, fold(left, env), fold(right, env), env)
      end
    end

    # What has no references is a value, on either side.
    defp folded(left, right, {:ok, value}, nil, env) do
      {right, kind} = compile(right, env)
      {left, other} = if(is_nil(value), do: compile(left, env), else: beside!(value, kind))
      {left, right, common!(kind, other)}
    end

    defp folded(left, right, _left_value, right_value, env) do
      {left_scalar, kind} = side(left, right, env)

      {right_scalar, other} =
        case right_value do
          {:ok, value} -> beside!(value, kind)
          nil -> side(right, left, env)
        end

      {left_scalar, right_scalar, common!(kind, other)}
    end

    # Beside a fragment a column is what is stored, whatever its type.
    defp side(%Ref{} = ref, other, env),
      do: compile(ref, %{env | stored?: env.stored? or fragment?(other)})

    defp side(expression, _other, env), do: compile(expression, env)

    defp fragment?(%F.Fragment{arguments: [{:raw, _} | _]}), do: true
    defp fragment?(%F.Type{arguments: [inner | _]}), do: fragment?(inner)
    defp fragment?(_expression), do: false

    defp beside!(value, kind) do
      case Kind.beside(value, kind || :any) do
        {:ok, scalar, kind} -> {scalar, kind}
        :error -> never!(value, kind)
      end
    end

    defp never!(value, kind) do
      case Kind.never(value, kind) do
        nil -> residual("#{inspect(value, limit: 3)} beside #{inspect_kind(kind)}")
        side -> {{:never, side}, kind}
      end
    end

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

    defp common!(a, b) when a in [:datetime, :datetime_usec] and b in [:datetime, :datetime_usec],
      do: :datetime_usec

    defp common!(a, b)
         when a in [:naive_datetime, :naive_datetime_usec] and
                b in [:naive_datetime, :naive_datetime_usec],
         do: :naive_datetime_usec

    defp common!(a, b) when a in [:time, :time_usec] and b in [:time, :time_usec], do: :time_usec

    defp common!({:opaque, %{type: type, constraints: same}} = kind, {:opaque, other})
         when type == other.type and same == other.constraints,
         do: kind

    defp common!(a, b), do: residual("#{inspect_kind(a)} beside #{inspect_kind(b)}")

    # Only Ash knows the order of what is stored in a way of its own.
    defp check_order(op, {:opaque, attribute}) when op not in [:==, :!=],
      do: residual("the order of #{inspect(attribute.type)}")

    defp check_order(op, kind) when op not in [:==, :!=] and kind in [:mixed, :boolean, :blob],
      do: residual("the order of #{inspect_kind(kind)}")

    defp check_order(_op, _kind), do: :ok
  end
end
