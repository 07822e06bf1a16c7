if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Expression.Field do
    @moduledoc false
    # The fields of a row and of its related rows.

    alias Ash.Query.Ref
    alias AshRusqlite.DataLayer.Expression
    alias AshRusqlite.DataLayer.Expression.Related
    alias AshRusqlite.DataLayer.Value.Kind

    import AshRusqlite.DataLayer.Expression.Constant, only: [literal!: 2]

    import AshRusqlite.DataLayer.Expression,
      only: [attribute!: 2, column: 2, hydrate: 2, residual: 1, typed: 4]

    @doc "A reference to an attribute, a calculation or an aggregate."
    @spec ref(%Ref{}, %Expression.Env{}) :: {Expression.scalar(), Kind.t()}
    def ref(%Ref{combinations?: true}, _env), do: residual("a combination's field")

    def ref(%Ref{relationship_path: [], attribute: %Ash.Query.Calculation{} = calculation}, env),
      do: calculation(calculation, %{env | stored?: false, rows: %{}})

    def ref(%Ref{relationship_path: [], attribute: %Ash.Query.Aggregate{} = aggregate}, env),
      do: Related.of(env).aggregate(aggregate, %{env | stored?: false})

    def ref(%Ref{relationship_path: [], attribute: attribute}, env) do
      attribute = attribute!(attribute, env)

      case Kind.of(attribute) do
        :other when env.stored? -> {column(attribute, env), :unknown}
        :other -> residual("#{attribute.name} is of a type that only Ash compares")
        kind -> {column(attribute, env), kind}
      end
    end

    def ref(%Ref{relationship_path: path} = ref, env) do
      {scalar, kind} = Related.of(env).to_one(path, %{ref | relationship_path: []}, env)
      {or_default(scalar, kind, ref.attribute), kind}
    end

    # Where there is no related row, an aggregate of it is what it is of no rows.
    defp or_default(scalar, kind, %Ash.Query.Aggregate{default_value: default})
         when not is_nil(default),
         do: {:call, :coalesce, [scalar, elem(literal!(default, kind), 0)]}

    defp or_default(scalar, _kind, _attribute), do: scalar

    @doc "The expression of a calculation that has one."
    @spec expression(Ash.Query.Calculation.t()) :: term()
    def expression(%{module: module, opts: opts, context: context}) do
      opts
      |> module.expression(context)
      |> Ash.Expr.fill_template(
        actor: context.actor,
        tenant: context.tenant,
        args: context.arguments,
        context: context.source_context
      )
    end

    defp calculation(%{module: module} = calculation, env) do
      if module.has_expression?() do
        calculation
        |> asked_by(env)
        |> expression()
        |> hydrate(env)
        |> typed(calculation.type, calculation.constraints, env)
      else
        residual("the calculation #{inspect(calculation.name)} is Elixir")
      end
    end

    # Ash names the actor in the calculations of a read's own filter, but not in those of an aggregate or
    # of a combination, nor in those that a calculation refers to.
    defp asked_by(%{context: %{} = context} = calculation, env) do
      private = (env.context || %{})[:private] || %{}

      filled =
        Map.new([:actor, :tenant, :authorize?, :tracer], fn key ->
          given = Map.get(context, key)
          {key, if(is_nil(given), do: private[key], else: given)}
        end)

      %{calculation | context: struct(context, filled)}
    end

    defp asked_by(calculation, _env), do: calculation
  end
end
