if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.Expression do
    @moduledoc false
    # Ash's expressions as those of `AshRusqlite.Repo.Expression`. Only what SQLite computes
    # exactly as `Ash.Filter.Runtime` does is translated; for all else there is a reason.

    alias Ash.Query.{BooleanExpression, Exists, Not, Parent, Ref, UpsertConflict}
    alias Ash.Query.Function, as: F
    alias Ash.Query.Operator, as: O
    alias AshRusqlite.DataLayer.{Aggregate, Codec, Kind, Relationship}

    defmodule Env do
      @moduledoc false
      # `parents`: what `parent()` speaks of, the nearest first. `depth`: how many queries are
      # around this one. `index`: which table of the innermost query the columns are of.
      # `incoming`: what the new value of an attribute is, a scalar and its kind, where a write
      # has such.
      defstruct [:resource, :tenant, :context, :incoming, parents: [], depth: 0, index: 0]
    end

    @type scalar :: AshRusqlite.Repo.Expression.scalar()
    @type result :: {:ok, scalar(), Kind.t()} | {:residual, String.t()}

    @comparisons %{
      O.Eq => :==,
      O.NotEq => :!=,
      O.LessThan => :<,
      O.LessThanOrEqual => :<=,
      O.GreaterThan => :>,
      O.GreaterThanOrEqual => :>=
    }

    @numbers [:integer, :real]
    @texts [:text, :ci, :atom]

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

    @doc "An environment for the rows of a query."
    @spec env(Ash.Resource.t(), term(), map()) :: %Env{}
    def env(resource, tenant, context),
      do: %Env{resource: resource, tenant: tenant, context: context}

    @doc "A condition: which rows it keeps is all that matters."
    @spec condition(term(), %Env{}) :: {:ok, scalar()} | {:residual, String.t()}
    def condition(expression, env) do
      {:ok, keep(expression, env)}
    catch
      {:residual, reason} -> {:residual, reason}
    end

    @doc "A value and its kind."
    @spec value(term(), %Env{}) :: result()
    def value(expression, env) do
      {scalar, kind} = compile(expression, env)
      {:ok, scalar, kind}
    catch
      {:residual, reason} -> {:residual, reason}
    end

    @doc "As `condition/2`, for callers that are inside of a translation."
    @spec keep(term(), %Env{}) :: scalar()
    def keep(%Ash.Filter{expression: nil}, _env), do: true
    def keep(%Ash.Filter{expression: expression}, env), do: keep(expression, env)

    def keep(%BooleanExpression{op: op, left: left, right: right}, env),
      do: {op, [keep(left, env), keep(right, env)]}

    def keep(expression, env) do
      case compile(expression, env) do
        {scalar, kind} when kind in [:boolean, nil] -> scalar
        {_scalar, kind} -> residual("a condition of kind #{inspect(kind)}")
      end
    end

    @doc "As `value/2`, for callers that are inside of a translation."
    @spec compile(term(), %Env{}) :: {scalar(), Kind.t()}
    def compile(%Ref{} = ref, env), do: ref(ref, env)

    def compile(%Parent{expr: expr}, %Env{parents: [parent | _]} = env) do
      {scalar, kind} = compile(expr, parent)
      {outwards(scalar, env.depth - parent.depth), kind}
    end

    def compile(%Parent{}, _env), do: residual("parent() of no query in SQL")

    def compile(%UpsertConflict{attribute: name}, %Env{incoming: incoming} = env)
        when is_function(incoming, 1),
        do: name |> attribute!(env) |> incoming.()

    def compile(%BooleanExpression{op: op, left: left, right: right}, env) do
      form = if op == :and, do: :and_value, else: :or_value
      {{form, boolean(left, env), boolean(right, env)}, :boolean}
    end

    def compile(%Not{expression: expression}, env),
      do: {{:not, boolean(expression, env)}, :boolean}

    def compile(%O.IsNil{left: left, right: nil?}, env) when is_boolean(nil?) do
      scalar = {:is_nil, presence(left, env)}
      {if(nil?, do: scalar, else: {:not, scalar}), :boolean}
    end

    def compile(%O.In{left: left, right: right}, env) do
      if is_list(right) or is_struct(right, MapSet),
        do: among(left, Enum.reject(right, &is_nil/1), env),
        else: residual("in with a computed list")
    end

    def compile(%operator{left: left, right: right}, env) when is_map_key(@comparisons, operator),
      do: {compare(Map.fetch!(@comparisons, operator), left, right, env), :boolean}

    # Matched by name: not every release of Ash has these.
    def compile(%{__struct__: F.IsDistinctFrom, arguments: [left, right]}, env),
      do: {distinct(:distinct_from, left, right, env), :boolean}

    def compile(%Exists{} = exists, env), do: {Relationship.exists(exists, env), :boolean}

    def compile(%F.If{arguments: [condition, yes, no]} = node, env) do
      constant(node, env) || conditional(condition, yes, no, env)
    end

    def compile(%F.Type{arguments: [inner, type, constraints]} = node, env) do
      constant(node, env) || typed(inner, type, constraints, env)
    end

    def compile(%F.Contains{arguments: [text, part]}, env), do: search(:contains, text, part, env)

    def compile(%{__struct__: F.StringStartsWith, arguments: [text, part]}, env),
      do: search(:starts_with, text, part, env)

    def compile(%{__struct__: F.StringEndsWith, arguments: [text, part]}, env),
      do: search(:ends_with, text, part, env)

    def compile(%F.StringLength{arguments: [text]}, env),
      do: {{:call, :string_length, [text(text, env, [:text, :ci])]}, :integer}

    def compile(%F.StringDowncase{arguments: [text]}, env),
      do: {{:call, :downcase, [text(text, env, [:text])]}, :text}

    def compile(%F.StringTrim{arguments: [text]}, env),
      do: {{:call, :trim, [text(text, env, [:text])]}, :text}

    def compile(%AshRusqlite.DataLayer.Like{arguments: [text, pattern]}, env),
      do: {{:call, :like, [text(text, env, @texts), text(pattern, env, [:text])]}, :boolean}

    def compile(%AshRusqlite.DataLayer.ILike{arguments: [text, pattern]}, env),
      do: {{:call, :ilike, [text(text, env, @texts), text(pattern, env, [:text])]}, :boolean}

    def compile(%O.Basic.Plus{left: left, right: right} = node, env),
      do: constant(node, env) || arithmetic(:+, left, right, env)

    def compile(%O.Basic.Minus{left: left, right: right} = node, env),
      do: constant(node, env) || arithmetic(:-, left, right, env)

    def compile(%O.Basic.Times{left: left, right: right} = node, env),
      do: constant(node, env) || arithmetic(:*, left, right, env)

    # Elixir raises when it divides by zero; which row SQLite would come upon first is not
    # defined.
    def compile(%O.Basic.Div{left: left, right: divisor}, env)
        when is_number(divisor) and divisor != 0,
        do: {elem(arithmetic(:/, left, divisor, env), 0), :real}

    def compile(%O.Basic.Concat{left: left, right: right} = node, env) do
      constant(node, env) ||
        {{:concat, [text(left, env, [:text]), text(right, env, [:text])]}, :text}
    end

    def compile(%O.Basic.And{left: left, right: right}, env),
      do: choose(:and_then, left, right, env)

    def compile(%O.Basic.Or{left: left, right: right}, env),
      do: choose(:or_else, left, right, env)

    def compile(%module{} = node, env) do
      literal = Kind.literal(node, :any)

      cond do
        match?({:ok, _, _}, literal) -> literal |> Tuple.delete_at(0)
        folded = constant(node, env) -> folded
        true -> residual("#{name(module)} has no SQL of the same meaning")
      end
    end

    def compile(value, _env), do: literal!(value, :any)

    ## References

    defp ref(%Ref{combinations?: true}, _env), do: residual("a combination's field")

    defp ref(%Ref{relationship_path: [], attribute: %Ash.Query.Calculation{} = calculation}, env),
      do: calculation(calculation, env)

    defp ref(%Ref{relationship_path: [], attribute: %Ash.Query.Aggregate{} = aggregate}, env),
      do: Aggregate.scalar(aggregate, env)

    defp ref(%Ref{relationship_path: [], attribute: attribute}, env) do
      attribute = attribute!(attribute, env)

      case Kind.of(attribute) do
        :other -> residual("#{attribute.name} is of a type that only Ash compares")
        kind -> {column(attribute, env), kind}
      end
    end

    defp ref(%Ref{relationship_path: path} = ref, env) do
      {scalar, kind} = Relationship.to_one(path, %{ref | relationship_path: []}, env)
      {or_default(scalar, kind, ref.attribute), kind}
    end

    # Where there is no related row, an aggregate of it is what it is of no rows.
    defp or_default(scalar, kind, %Ash.Query.Aggregate{default_value: default})
         when not is_nil(default),
         do: {:call, :coalesce, [scalar, elem(literal!(default, kind), 0)]}

    defp or_default(scalar, _kind, _attribute), do: scalar

    defp attribute!(%{name: name}, env), do: attribute!(name, env)

    defp attribute!(name, env) do
      Ash.Resource.Info.attribute(env.resource, name) ||
        residual("#{inspect(name)} is no attribute of #{inspect(env.resource)}")
    end

    @doc "The column of an attribute."
    @spec column(Ash.Resource.Attribute.t(), %Env{}) :: scalar()
    def column(attribute, %Env{index: 0}), do: {:col, Codec.column(attribute)}
    def column(attribute, %Env{index: index}), do: {:col, 0, index, Codec.column(attribute)}

    defp calculation(%{module: module, opts: opts, context: context} = calculation, env) do
      if module.has_expression?() do
        module.expression(opts, context)
        |> Ash.Expr.fill_template(
          actor: context.actor,
          tenant: context.tenant,
          args: context.arguments,
          context: context.source_context
        )
        |> hydrate(env)
        |> typed(calculation.type, calculation.constraints, env)
      else
        residual("the calculation #{inspect(calculation.name)} is Elixir")
      end
    end

    @doc "An expression with its names looked up."
    @spec hydrate(term(), %Env{}) :: term()
    def hydrate(expression, env) do
      case Ash.Filter.hydrate_refs(expression, %{resource: env.resource, public?: false}) do
        {:ok, expression} -> expression
        {:error, error} -> residual("it cannot be resolved: #{Exception.message(error)}")
      end
    end

    ## Comparisons

    defp compare(op, left, right, env) do
      {left, right, kind} = pair(left, right, op, env)
      {op, right} = whole_seconds(op, right, kind)
      check_order(op, kind)
      {:compare, op, collation(kind), left, right}
    end

    # A column of seconds has no fraction: less than 5.5 s is at most 5 s.
    defp whole_seconds(op, {:fraction, scalar}, _kind) when op in [:<, :<=], do: {:<=, scalar}
    defp whole_seconds(op, {:fraction, scalar}, _kind) when op in [:>, :>=], do: {:>, scalar}
    defp whole_seconds(op, scalar, _kind), do: {op, scalar}

    defp distinct(form, left, right, env) do
      {left, right, kind} = pair(left, right, :==, env)
      {form, collation(kind), left, right}
    end

    defp among(left, values, env) do
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

    defp value?(%Ash.CiString{}), do: true
    defp value?(%struct{}), do: struct in [DateTime, NaiveDateTime, Date, Time, Decimal]
    defp value?(_value), do: true

    defp operand(%DateTime{microsecond: {micro, _}} = at, :datetime, op)
         when micro != 0 and op in [:<, :<=, :>, :>=] do
      {scalar, kind} = literal!(DateTime.truncate(at, :second), :datetime)
      {{:fraction, scalar}, kind}
    end

    defp operand(value, kind, _op), do: literal!(value, kind)

    defp literal!(value, kind) do
      case Kind.literal(value, kind || :any) do
        {:ok, scalar, kind} -> {scalar, kind}
        :error -> residual("#{inspect(value, limit: 3)} beside #{inspect_kind(kind)}")
      end
    end

    # nil has every kind.
    defp common!(nil, kind), do: kind
    defp common!(kind, nil), do: kind
    defp common!(kind, kind), do: kind
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

    ## Logic

    @doc "A boolean, as `compile/2` gives it."
    @spec boolean(term(), %Env{}) :: scalar()
    def boolean(expression, env) do
      case compile(expression, env) do
        {scalar, kind} when kind in [:boolean, nil] -> scalar
        {_scalar, kind} -> residual("#{inspect_kind(kind)} as a boolean")
      end
    end

    defp choose(form, left, right, env) do
      {left, kind} = compile(left, env)
      {right, other} = if(value?(right), do: literal!(right, kind), else: compile(right, env))
      {{form, kind == :boolean, left, right}, same!(kind, other)}
    end

    defp conditional(condition, yes, no, env) do
      {condition, kind} = compile(condition, env)
      {yes, no, result} = branches(yes, no, env)
      {{:if, kind == :boolean, condition, yes, no}, result}
    end

    defp branches(yes, no, env) do
      {yes, kind} = compile(yes, env)
      {no, other} = if(value?(no), do: literal!(no, kind), else: compile(no, env))
      {yes, no, same!(kind, other)}
    end

    defp same!(nil, kind), do: kind
    defp same!(kind, nil), do: kind
    defp same!(kind, kind), do: kind
    defp same!(a, b), do: residual("#{inspect_kind(a)} or #{inspect_kind(b)}")

    # What has the type already stays as it is. A cast that may fail is Ash's.
    defp typed(inner, type, constraints, env) do
      type = type && Ash.Type.get_type(type)
      {scalar, kind} = compile(inner, env)
      wanted = type && Kind.of(%{type: type, constraints: constraints || []})

      cond do
        is_nil(type) or is_nil(kind) -> {scalar, kind}
        same_type?(kind, wanted) -> {scalar, kind}
        kind == :integer and wanted == :real -> {{:cast, :real, scalar}, :real}
        true -> residual("a cast from #{inspect_kind(kind)} to #{inspect(type)}")
      end
    end

    defp same_type?({:opaque, %{type: type}}, {:opaque, %{type: type}}), do: true
    defp same_type?(kind, kind), do: true
    defp same_type?(_kind, _wanted), do: false

    ## Texts and numbers

    defp search(function, text, part, env) do
      {text, kind} = compile(text, env)
      {part, other} = if(value?(part), do: literal!(part, kind), else: compile(part, env))

      case {kind, other} do
        {:text, :text} ->
          {{:call, function, [text, part]}, :boolean}

        {kind, other} when kind in [:text, :ci] and other in [:text, :ci] ->
          lower = &{:call, :downcase, [&1]}
          {{:call, function, [lower.(text), lower.(part)]}, :boolean}

        {kind, other} when nil in [kind, other] ->
          {nil, :boolean}

        _ ->
          residual("#{function} of #{inspect_kind(kind)} and #{inspect_kind(other)}")
      end
    end

    defp text(expression, env, kinds) do
      case compile(expression, env) do
        {scalar, nil} ->
          scalar

        {scalar, kind} ->
          if kind in kinds, do: scalar, else: residual("#{inspect_kind(kind)} as text")
      end
    end

    # Decimals are Elixir's: their precision is that of a context.
    defp arithmetic(op, left, right, env) do
      {left, kind} = compile(left, env)
      {right, other} = compile(right, env)

      case {kind, other} do
        {:integer, :integer} -> {{:arith, op, left, right}, :integer}
        {a, b} when a in @numbers and b in @numbers -> {{:arith, op, left, right}, :real}
        _ -> residual("#{op} of #{inspect_kind(kind)} and #{inspect_kind(other)}")
      end
    end

    @doc "What is null exactly when the expression is nil. Any attribute has that."
    @spec presence(term(), %Env{}) :: scalar()
    def presence(%Ref{relationship_path: [], attribute: %Ash.Resource.Attribute{} = given}, env),
      do: given |> attribute!(env) |> column(env)

    def presence(expression, env), do: elem(compile(expression, env), 0)

    ## Values that no row has a part in

    # The value of an expression without references, as a scalar; nil if it has some.
    defp constant(node, env) do
      case fold(node, env) do
        {:ok, value} -> literal!(value, :any)
        nil -> nil
      end
    end

    defp fold(node, env) do
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

    ## Depth

    @doc "A scalar of an outer query as one further in speaks of it."
    @spec outwards(scalar(), non_neg_integer()) :: scalar()
    def outwards(scalar, 0), do: scalar
    def outwards({:col, name}, levels), do: {:col, levels, name}
    def outwards({:col, depth, name}, levels), do: {:col, depth + levels, name}
    def outwards({:col, depth, index, name}, levels), do: {:col, depth + levels, index, name}
    def outwards({:value, _, _} = value, _levels), do: value

    def outwards(tuple, _levels) when is_tuple(tuple),
      do: residual("parent() of a computed value")

    def outwards(scalar, _levels), do: scalar

    @doc "Leaves a translation."
    @spec residual(String.t()) :: no_return()
    def residual(reason), do: throw({:residual, reason})

    defp name(module), do: module |> Module.split() |> List.last()

    defp inspect_kind({:opaque, %{type: type}}), do: inspect(type)
    defp inspect_kind(kind), do: to_string(kind || "nil")
  end
end
