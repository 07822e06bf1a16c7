if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Query.Aggregate do
    @moduledoc false
    # Aggregates as queries within. Where SQLite computes the value as Ash does, it is a scalar;
    # else, where it is only to be read, SQLite gives the values in their order and Ash folds them.

    alias Ash.Query.Ref
    alias AshRusqlite.DataLayer.Expression
    alias AshRusqlite.DataLayer.Query.{Order, RelatedRows, ToMany}
    alias AshRusqlite.DataLayer.Value.Kind
    alias AshRusqlite.DataLayer.Expression.Fragment

    import Expression, only: [residual: 1]

    @ordered [:integer, :text, :uuid, :date, :datetime, :datetime_usec, :naive_datetime] ++
               [:time, :time_usec, :real]

    # Equal ones may be different terms, of which Ash takes the first.
    @tied [:ci, :decimal]

    @kinds [:count, :exists, :first, :sum, :min, :max, :avg, :list]

    @doc "Whether the least and the greatest of a kind are to SQLite what they are to Ash."
    @spec ordered?(Kind.t()) :: boolean()
    def ordered?(kind), do: kind in @ordered

    defmodule Rows do
      @moduledoc false
      # What an aggregate is over: a select, the environment of its rows, the keys that order
      # them in the end, and the sort before these, where it is not the aggregate's own.
      defstruct [:table, :options, :env, :keys, :sort]
    end

    @doc "An aggregate's value for a row, its default included."
    @spec scalar(Ash.Query.Aggregate.t(), %Expression.Env{}) :: {Expression.scalar(), Kind.t()}
    def scalar(%Ash.Query.Aggregate{} = aggregate, env),
      do: exact(aggregate, related(aggregate, env))

    @doc """
    An aggregate's value for a row where it is only read. The kind may be `{:fold, aggregate, kind}`:
    a list of values, for `Residual.Aggregate.fold_values/2`.
    """
    @spec column(Ash.Query.Aggregate.t(), %Expression.Env{}) ::
            {Expression.scalar(), Kind.t() | {:fold, Ash.Query.Aggregate.t(), Kind.t()}}
    def column(%Ash.Query.Aggregate{} = aggregate, env),
      do: read(aggregate, related(aggregate, env))

    @doc "As `column/2`, over the rows of a query."
    @spec of_query(Ash.Query.Aggregate.t(), %Rows{}) ::
            {Expression.scalar(), Kind.t() | {:fold, Ash.Query.Aggregate.t(), Kind.t()}}
    def of_query(aggregate, %Rows{env: env} = rows) do
      if aggregate.kind not in @kinds, do: residual("a #{aggregate.kind}")
      filter = aggregate.query && aggregate.query.filter
      read(aggregate, narrowed(rows, ToMany.keep(filter, env)))
    end

    defp related(aggregate, env) do
      check(aggregate)
      %{relationship_path: path, query: query, join_filters: filters} = aggregate
      {table, options, inner, keys} = RelatedRows.of(path, query, filters || %{}, env)
      %Rows{table: table, options: options, env: inner, keys: keys}
    end

    defp narrowed(rows, true), do: rows

    defp narrowed(%{options: options} = rows, condition),
      do: %{rows | options: Keyword.update(options, :where, condition, &{:and, [&1, condition]})}

    defp check(aggregate) do
      query = aggregate.query

      why =
        cond do
          not Map.get(aggregate, :related?, true) ->
            "is unrelated"

          filtered_source?(aggregate) ->
            "has a join filter for the row itself"

          query.limit || query.offset not in [nil, 0] ->
            "has a limit"

          query.distinct not in [nil, []] ->
            "is distinct"

          aggregate.kind not in @kinds ->
            "is a #{aggregate.kind}"

          true ->
            nil
        end

      if why, do: residual("the aggregate #{inspect(aggregate.name)} #{why}")
    end

    defp filtered_source?(%{join_filters: filters}) do
      case filters do
        %{[] => none} when none in [nil, true] -> false
        %{[] => %{expression: none}} when none in [nil, true] -> false
        %{[] => _filter} -> true
        _filters -> false
      end
    end

    ## As a scalar

    defp exact(%{kind: kind, field: nil, uniq?: false}, rows) when kind in [:count, :exists],
      do: {call(kind, nil, [], rows), result(kind)}

    defp exact(%{kind: :exists}, rows), do: {call(:exists, nil, [], rows), :boolean}

    defp exact(%{kind: :count} = aggregate, rows) do
      {scalar, kind} = field(aggregate, rows.env)
      if aggregate.uniq?, do: check_unique(kind, aggregate)
      options = if aggregate.uniq?, do: [distinct: true], else: []
      {call(:count, scalar, options, rows), :integer}
    end

    defp exact(%{kind: :first} = aggregate, rows) do
      {scalar, kind} = field(aggregate, rows.env)
      options = if aggregate.include_nil?, do: [include_nil: true], else: []
      default(call(:first, scalar, options, in_order(rows, aggregate)), aggregate, kind)
    end

    defp exact(%{kind: kind} = aggregate, rows) when kind in [:sum, :avg, :min, :max] do
      {scalar, field} = field(aggregate, rows.env)
      {value, result} = number(aggregate, scalar, field, rows)
      default(value, aggregate, result)
    end

    defp exact(%{kind: kind, name: name}, _rows),
      do: residual("the aggregate #{inspect(name)} is a #{kind}")

    defp number(%{kind: :sum, uniq?: uniq?}, scalar, :integer, rows),
      do: {call(:sum, scalar, distinct(uniq?), rows), :integer}

    # Where Decimal would round, or its context is another one, the sum is Elixir's.
    defp number(%{kind: :sum, uniq?: false} = aggregate, scalar, :decimal, rows) do
      context = Decimal.Context.get()

      if Map.delete(context, :flags) != Map.delete(%Decimal.Context{}, :flags),
        do: residual("#{inspect(aggregate.name)} in a context of decimals")

      options = [collation: :decimal, precision: context.precision]
      {call(:sum, scalar, options, rows), :decimal}
    end

    defp number(%{kind: :avg, uniq?: uniq?}, scalar, :integer, rows) do
      options = distinct(uniq?)

      {{:arith, :/, call(:sum, scalar, options, rows), call(:count, scalar, options, rows)},
       :real}
    end

    defp number(%{kind: kind}, scalar, field, rows)
         when kind in [:min, :max] and field in @ordered,
         do: {call(kind, scalar, [], rows), field}

    defp number(%{kind: kind} = aggregate, scalar, field, rows)
         when kind in [:min, :max] and field in @tied do
      direction = if kind == :min, do: :asc, else: :desc
      first = {direction, Order.collated(scalar, field)}
      {call(:first, scalar, [], in_order(rows, aggregate, [first])), field}
    end

    defp number(%{kind: kind, name: name}, _scalar, field, _rows),
      do: residual("#{inspect(name)}, a #{kind} of #{Expression.inspect_kind(field)}")

    defp distinct(true), do: [distinct: true]
    defp distinct(_uniq?), do: []

    # To Ash values are unique by their terms, to SQLite by their bytes.
    defp check_unique(kind, %{name: name}) do
      if kind in [:decimal, :real] or match?({:opaque, _}, kind),
        do: residual("#{inspect(name)}, a count of unique #{Expression.inspect_kind(kind)}")
    end

    ## As values

    defp read(aggregate, rows) do
      exact(aggregate, rows)
    catch
      {:residual, reason} -> values(aggregate, rows, reason)
    end

    defp values(%{kind: kind, field: nil}, _rows, reason) when kind != :count,
      do: residual(reason)

    defp values(aggregate, rows, reason) do
      {scalar, kind} = field(aggregate, rows.env)
      if kind in [nil, :blob, :json], do: residual(reason)
      list = call(:list, scalar, [include_nil: true], in_order(rows, aggregate))
      {list, {:fold, aggregate, kind}}
    end

    ## Parts

    defp call(kind, scalar, options, %{table: table, options: select}),
      do: {:aggregate, kind, scalar, options, {:select, table, select}}

    defp result(:count), do: :integer
    defp result(:exists), do: :boolean

    defp in_order(rows, %{query: query}, first \\ []) do
      if first != [] and rows.options[:limit], do: residual("an aggregate over rows with a limit")

      with {:ok, keys} <- rows.keys,
           {:ok, terms} <- Order.scalars(rows.sort || query.sort || [], rows.env, keys) do
        %{rows | options: Keyword.put(rows.options, :order_by, first ++ terms)}
      else
        {:residual, reason} -> residual(reason)
      end
    end

    # Without one, the key counts.
    defp field(%{field: nil}, env) do
      [name | _] = Ash.Resource.Info.primary_key(env.resource)
      field(%{field: name}, env)
    end

    defp field(%{field: name} = aggregate, env) when is_atom(name) do
      case Ash.Resource.Info.attribute(env.resource, name) do
        nil ->
          compiled(Expression.hydrate(%Ref{attribute: name, relationship_path: []}, env), env)

        attribute ->
          attribute(attribute, aggregate, env)
      end
    end

    defp field(%{field: %struct{} = field}, env)
         when struct in [Ash.Query.Calculation, Ash.Query.Aggregate],
         do: compiled(%Ref{attribute: field, relationship_path: [], resource: env.resource}, env)

    defp field(_aggregate, _env), do: residual("an aggregate of something computed")

    # What it may give is not known, and Elixir checks it of one value alone.
    defp compiled(ref, env) do
      {scalar, kind} = Expression.compile(ref, env)
      if Fragment.scalar?(scalar), do: residual("an aggregate of a fragment")
      {scalar, kind}
    end

    defp attribute(attribute, aggregate, env) do
      case Kind.of(attribute) do
        :other ->
          # Whether there is a value is all that is asked of it.
          if Map.get(aggregate, :kind) == :count and not aggregate.uniq?,
            do: {Expression.column(attribute, env), :any},
            else: residual("an aggregate of #{attribute.name}")

        kind ->
          {Expression.column(attribute, env), kind}
      end
    end

    defp default(call, %{default_value: nil}, kind), do: {call, kind}

    defp default(call, %{default_value: value}, kind) do
      case Kind.literal(value, kind) do
        {:ok, scalar, ^kind} -> {{:call, :coalesce, [call, scalar]}, kind}
        _ -> residual("a default of another type")
      end
    end
  end
end
