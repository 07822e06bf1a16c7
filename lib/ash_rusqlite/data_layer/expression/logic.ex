if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Expression.Logic do
    @moduledoc false
    # Booleans, and choices by them.

    alias AshRusqlite.DataLayer.Expression
    alias AshRusqlite.DataLayer.Value.Kind
    alias AshRusqlite.DataLayer.Expression.Fragment

    import AshRusqlite.DataLayer.Expression.Constant, only: [literal!: 2, value?: 1]
    import Expression, only: [compile: 2, inspect_kind: 1, residual: 1]

    @doc "A boolean, as `Expression.compile/2` gives it."
    @spec boolean(term(), %Expression.Env{}) :: Expression.scalar()
    def boolean(expression, env) do
      case compile(expression, env) do
        {scalar, kind} when kind in [:boolean, :unknown, nil] -> Fragment.truth(scalar)
        {_scalar, kind} -> residual("#{inspect_kind(kind)} as a boolean")
      end
    end

    @doc "`&&` and `||`: one of two, by whether the first is true."
    @spec choose(atom(), term(), term(), %Expression.Env{}) :: {Expression.scalar(), Kind.t()}
    def choose(form, left, right, env) do
      {left, kind} = compile(left, env)
      if kind == :unknown, do: residual("&& or || of a fragment: give it a type by type/2")
      {right, other} = if(value?(right), do: literal!(right, kind), else: compile(right, env))
      left = if(kind == :boolean, do: Fragment.truth(left), else: left)
      {{form, kind == :boolean, left, right}, same!(kind, other)}
    end

    @doc "One of two by a condition."
    @spec conditional(term(), term(), term(), %Expression.Env{}) ::
            {Expression.scalar(), Kind.t()}
    def conditional(condition, yes, no, env) do
      {condition, kind} = compile(condition, env)
      {yes, no, result} = branches(yes, no, env)
      boolean? = kind in [:boolean, :unknown]
      condition = if(boolean?, do: Fragment.truth(condition), else: condition)
      {{:if, boolean?, condition, yes, no}, result}
    end

    defp branches(yes, no, env) do
      {yes, kind} = compile(yes, env)
      {no, other} = if(value?(no), do: literal!(no, kind), else: compile(no, env))
      {yes, no, same!(kind, other)}
    end

    defp same!(nil, kind), do: kind
    defp same!(kind, nil), do: kind
    defp same!(kind, kind), do: kind
    defp same!(a, b) when :unknown in [a, b], do: :unknown
    defp same!(a, b), do: residual("#{inspect_kind(a)} or #{inspect_kind(b)}")
  end
end
