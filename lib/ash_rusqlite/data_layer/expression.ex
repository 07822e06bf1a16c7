if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Expression do
    @moduledoc false
    # Ash's expressions as those of `AshRusqlite.Repo.Expression`. Only what SQLite computes exactly as
    # `Ash.Filter.Runtime` does is translated; for all else there is a reason. The clauses of `compile/2`
    # are the operators, `Functions` is the table of functions; each family has a file in this folder.
    # Queries, writes, the conditions of indexes and of the journal call it. Related rows and aggregates are
    # queries within an expression: see `Expression.Related` and `query/`.

    alias Ash.Query.{BooleanExpression, Exists, Not, Parent, Ref, UpsertConflict}
    alias Ash.Query.Function, as: F
    alias Ash.Query.Operator, as: O
    alias AshRusqlite.DataLayer.{ILike, Like}
    alias AshRusqlite.DataLayer.Value.{Codec, Kind}
    alias AshRusqlite.DataLayer.Expression.{Comparison, Constant, Field, Fragment, Functions}
    alias AshRusqlite.DataLayer.Expression.{Logic, Operation, Related}

    defmodule Env do
      @moduledoc false
      # `parents`: what `parent()` refers to, the nearest first. `depth`: how many queries are
      # around this one, and `at` around the place that is written: more where it is about an outer
      # row. `index`: which table of its query the columns are of. `rows`: the environments
      # of the related rows that a filter is about, by their paths; `:none` where there is no row.
      # `record`: the row itself, where it is loaded already, or `:each` for a statement that is
      # asked for each of several.
      # `incoming`: what the new value of an attribute is, a scalar and its kind, where a write
      # has such. `stored?`: what is stored of an attribute is wanted, whatever its type.
      # `related`: the module that translates what is asked of related rows, see `Expression.Related`.
      defstruct [:resource, :tenant, :context, :incoming, :record, :related] ++
                  [parents: [], rows: %{}, depth: 0, at: 0, index: 0, stored?: false]
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

    @texts [:text, :ci, :atom]

    @doc """
    An environment for the rows of a resource. `Query.env/3` makes one in which related rows can be
    asked for, too: the conditions of indexes and triggers cannot ask for any.
    """
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
        # No row is read for it. Elsewhere it is nil of a nil.
        {{:in, _collation, _scalar, []}, :boolean} -> false
        {scalar, kind} when kind in [:boolean, :unknown, nil] -> scalar
        {_scalar, kind} -> residual("a condition of kind #{inspect(kind)}")
      end
    end

    @doc "As `value/2`, for callers that are inside of a translation."
    @spec compile(term(), %Env{}) :: {scalar(), Kind.t()}
    def compile(%Ref{} = ref, env), do: Field.ref(ref, env)

    def compile(%Parent{expr: expr}, %Env{parents: [parent | _]} = env),
      do: compile(expr, %{parent | at: env.at})

    def compile(%Parent{}, _env), do: residual("parent() of no query in SQL")

    def compile(%UpsertConflict{attribute: name}, %Env{incoming: incoming} = env)
        when is_function(incoming, 1),
        do: name |> attribute!(env) |> incoming.()

    def compile(%BooleanExpression{op: op, left: left, right: right}, env) do
      form = if op == :and, do: :and_value, else: :or_value
      {{form, Logic.boolean(left, env), Logic.boolean(right, env)}, :boolean}
    end

    def compile(%Not{expression: expression}, env),
      do: {{:not, Logic.boolean(expression, env)}, :boolean}

    def compile(%O.IsNil{left: left, right: nil?}, env) when is_boolean(nil?) do
      scalar = {:is_nil, presence(left, env)}
      {if(nil?, do: scalar, else: {:not, scalar}), :boolean}
    end

    def compile(%O.In{left: left, right: right}, env) do
      if is_list(right) or is_struct(right, MapSet),
        do: Comparison.among(left, Enum.reject(right, &is_nil/1), env),
        else: residual("in with a computed list")
    end

    def compile(%operator{left: left, right: right}, env) when is_map_key(@comparisons, operator),
      do: {Comparison.compare(Map.fetch!(@comparisons, operator), left, right, env), :boolean}

    # Matched by name: not every release of Ash has these.
    def compile(%{__struct__: F.IsDistinctFrom, arguments: [left, right]}, env),
      do: {Comparison.distinct(:distinct_from, left, right, env), :boolean}

    def compile(%Exists{} = exists, env), do: {Related.of(env).exists(exists, env), :boolean}

    def compile(%F.Fragment{arguments: [{:raw, _} | _]} = fragment, env),
      do: Fragment.compile(fragment, env)

    def compile(%F.If{arguments: [condition, yes, no]} = node, env) do
      Constant.constant(node, env) || Logic.conditional(condition, yes, no, env)
    end

    def compile(%F.Type{arguments: [inner, type, constraints]} = node, env) do
      Constant.constant(node, env) || typed(inner, type, constraints, env)
    end

    def compile(%module{arguments: [text, pattern]}, env) when module in [Like, ILike] do
      text = Operation.text(text, env, @texts)

      {{:call, Like.function(module, env.resource),
        [text, Operation.text(pattern, env, [:text])]}, :boolean}
    end

    def compile(%O.Basic.Plus{left: left, right: right} = node, env),
      do: Constant.constant(node, env) || Operation.arithmetic(:+, left, right, env)

    def compile(%O.Basic.Minus{left: left, right: right} = node, env),
      do: Constant.constant(node, env) || Operation.arithmetic(:-, left, right, env)

    def compile(%O.Basic.Times{left: left, right: right} = node, env),
      do: Constant.constant(node, env) || Operation.arithmetic(:*, left, right, env)

    # Elixir raises when it divides by zero; which row SQLite would come upon first is not
    # defined.
    def compile(%O.Basic.Div{left: left, right: divisor}, env)
        when is_number(divisor) and divisor != 0,
        do: {elem(Operation.arithmetic(:/, left, divisor, env), 0), :real}

    def compile(%O.Basic.Concat{left: left, right: right} = node, env) do
      Constant.constant(node, env) ||
        {{:concat, [Operation.text(left, env, [:text]), Operation.text(right, env, [:text])]},
         :text}
    end

    def compile(%O.Basic.And{left: left, right: right}, env),
      do: Logic.choose(:and_then, left, right, env)

    def compile(%O.Basic.Or{left: left, right: right}, env),
      do: Logic.choose(:or_else, left, right, env)

    def compile(%module{} = node, env) do
      literal = Kind.literal(node, :any)

      cond do
        match?({:ok, _, _}, literal) -> literal |> Tuple.delete_at(0)
        called = Functions.call(node, env) -> called
        folded = Constant.constant(node, env) -> folded
        true -> residual("#{name(module)} has no SQL of the same meaning")
      end
    end

    def compile(value, _env), do: Constant.literal!(value, :any)

    @doc "An attribute of the environment's resource by its name."
    @spec attribute!(map() | atom(), %Env{}) :: Ash.Resource.Attribute.t()
    def attribute!(%{name: name}, env), do: attribute!(name, env)

    def attribute!(name, env) do
      Ash.Resource.Info.attribute(env.resource, name) ||
        residual("#{inspect(name)} is no attribute of #{inspect(env.resource)}")
    end

    @doc "The column of an attribute, or its value of a row that is loaded already."
    @spec column(Ash.Resource.Attribute.t(), %Env{}) :: scalar()
    def column(attribute, %Env{record: nil, depth: depth, at: at, index: index}) do
      case {at - depth, index} do
        {0, 0} -> {:col, Codec.column(attribute)}
        {levels, 0} -> {:col, levels, Codec.column(attribute)}
        {levels, index} -> {:col, levels, index, Codec.column(attribute)}
      end
    end

    def column(attribute, %Env{record: :each}) do
      if Kind.of(attribute) == :other,
        do: residual("parent() of #{attribute.name}"),
        else: {:parent, attribute}
    end

    def column(%{name: name} = attribute, %Env{record: record}) do
      case Map.get(record, name) do
        %unknown{} when unknown in [Ash.NotLoaded, Ash.ForbiddenField] ->
          residual("#{name} of the parent is not loaded")

        value ->
          elem(Constant.literal!(value, Kind.of(attribute)), 0)
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

    # What has the type already stays as it is. A cast that may fail is Ash's.
    @doc "An expression as a value of a type."
    @spec typed(term(), Ash.Type.t() | nil, keyword() | nil, %Env{}) :: {scalar(), Kind.t()}
    def typed(inner, type, constraints, env) do
      type = type && Ash.Type.get_type(type)
      {scalar, kind} = compile(inner, env)
      wanted = type && Kind.of(%{type: type, constraints: constraints || []})

      cond do
        is_nil(type) or is_nil(kind) -> {scalar, kind}
        same_type?(kind, wanted) -> {scalar, kind}
        kind == :unknown and wanted == :other -> {scalar, stored(type, constraints)}
        kind == :unknown -> {scalar, wanted}
        same_type?(kind, stored(type, constraints)) -> {scalar, kind}
        kind == :integer and wanted == :real -> {{:cast, :real, scalar}, :real}
        true -> residual("a cast from #{inspect_kind(kind)} to #{inspect(type)}")
      end
    end

    defp stored(type, constraints), do: {:stored, %{type: type, constraints: constraints || []}}

    defp same_type?({:stored, %{type: type}}, {:stored, %{type: type}}), do: true
    defp same_type?({:opaque, %{type: type}}, {:opaque, %{type: type}}), do: true
    defp same_type?(kind, kind), do: true
    defp same_type?(_kind, _wanted), do: false

    @doc "What is null exactly when the expression is nil. Any attribute has that."
    @spec presence(term(), %Env{}) :: scalar()
    def presence(%Ref{relationship_path: [], attribute: %Ash.Resource.Attribute{} = given}, env),
      do: given |> attribute!(env) |> column(env)

    def presence(expression, env), do: elem(compile(expression, env), 0)

    @doc "Leaves a translation."
    @spec residual(String.t()) :: no_return()
    def residual(reason), do: throw({:residual, reason})

    defp name(module), do: module |> Module.split() |> List.last()

    @doc "How a reason names a kind."
    @spec inspect_kind(Kind.t()) :: String.t()
    def inspect_kind({tag, %{type: type}}) when tag in [:opaque, :stored], do: inspect(type)
    def inspect_kind(:unknown), do: "a fragment"
    def inspect_kind(kind), do: to_string(kind || "nil")
  end
end
