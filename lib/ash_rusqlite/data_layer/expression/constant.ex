if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Expression.Constant do
    @moduledoc false
    # Values that no row has a part in.

    alias Ash.Query.Function, as: F
    alias Ash.Query.Operator, as: O
    alias Ash.Query.Ref
    alias AshRusqlite.DataLayer.Expression
    alias AshRusqlite.DataLayer.Value.Kind

    import Expression, only: [inspect_kind: 1, residual: 1]

    # Without references these are values; Elixir computes them once for all rows.
    @constant [
      F.Now,
      F.Ago,
      F.FromNow,
      F.Today,
      F.Type,
      F.DateAdd,
      F.DateTimeAdd,
      F.StartOfDay,
      F.Minus,
      F.If,
      O.Basic.Plus,
      O.Basic.Minus,
      O.Basic.Times,
      O.Basic.Concat
    ]

    @doc "Whether it is a value, which no row has a part in."
    @spec value?(term()) :: boolean()
    def value?(%Ash.CiString{}), do: true
    def value?(%struct{}), do: struct in [DateTime, NaiveDateTime, Date, Time, Decimal]
    def value?(_value), do: true

    @doc "A value as a scalar of a kind, beside which it stands."
    @spec literal!(term(), Kind.t() | :any) :: {Expression.scalar(), Kind.t()}
    def literal!(value, kind) do
      case Kind.literal(value, kind || :any) do
        {:ok, scalar, kind} -> {scalar, kind}
        :error -> residual("#{inspect(value, limit: 3)} beside #{inspect_kind(kind)}")
      end
    end

    @doc "The value of an expression without references, as a scalar; nil if it has some."
    @spec constant(term(), %Expression.Env{}) :: {Expression.scalar(), Kind.t()} | nil
    def constant(node, env) do
      case fold(node, env) do
        {:ok, value} -> literal!(value, :any)
        nil -> nil
      end
    end

    @doc "The same as the value that it is."
    @spec fold(term(), %Expression.Env{}) :: {:ok, term()} | nil
    def fold(node, env) do
      if constant?(node) do
        case Ash.Expr.eval(node, resource: env.resource) do
          {:ok, value} -> {:ok, value}
          _ -> residual("it cannot be computed beforehand")
        end
      end
    end

    defp constant?(%Ref{}), do: false

    defp constant?(%struct{arguments: arguments}) when struct in @constant,
      do: Enum.all?(arguments, &(value?(&1) or constant?(&1)))

    defp constant?(%struct{left: left, right: right}) when struct in @constant,
      do: Enum.all?([left, right], &(value?(&1) or constant?(&1)))

    defp constant?(_node), do: false
  end
end
