if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Expression.Operation do
    @moduledoc false
    # What texts and numbers are computed with.

    alias AshRusqlite.DataLayer.Expression
    alias AshRusqlite.DataLayer.Value.Kind

    import Expression, only: [compile: 2, inspect_kind: 1, residual: 1]

    @numbers [:integer, :real]

    @doc "An expression as a text of one of the kinds."
    @spec text(term(), %Expression.Env{}, [Kind.t()]) :: Expression.scalar()
    def text(expression, env, kinds) do
      case compile(expression, env) do
        {scalar, nil} ->
          scalar

        {scalar, kind} ->
          if kind in [:unknown | kinds],
            do: scalar,
            else: residual("#{inspect_kind(kind)} as text")
      end
    end

    # Decimals are Elixir's: their precision is that of a context.
    @doc "Arithmetic on numbers."
    @spec arithmetic(atom(), term(), term(), %Expression.Env{}) :: {Expression.scalar(), Kind.t()}
    def arithmetic(op, left, right, env) do
      {left, kind} = compile(left, env)
      {right, other} = compile(right, env)

      case {kind, other} do
        {:integer, :integer} ->
          {{:arith, op, left, right}, :integer}

        {a, b}
        when a in [:unknown | @numbers] and b in [:unknown | @numbers] and :unknown in [a, b] ->
          {{:arith, op, left, right}, :unknown}

        {a, b} when a in @numbers and b in @numbers ->
          {{:arith, op, left, right}, :real}

        _ ->
          residual("#{op} of #{inspect_kind(kind)} and #{inspect_kind(other)}")
      end
    end
  end
end
