if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Query.Plan do
    @moduledoc false
    # Which parts of a query SQLite does, and which are left to Ash's own runtime, with the reasons:
    # this, not SQLite's query plan, is a plan in these modules. A part is only left to SQLite where it
    # gives the same answer; limits only when everything before them is.

    alias AshRusqlite.DataLayer.{Expression, Query}
    alias AshRusqlite.DataLayer.Query.{Aggregate, Order, Pages, Relationship, ToMany}
    alias AshRusqlite.DataLayer.Value.Kind
    alias AshRusqlite.DataLayer.Expression.Fragment
    alias AshRusqlite.Repo.Request

    defstruct [
      :query,
      :env,
      :select,
      where: [],
      order_by: [],
      distinct_on: nil,
      limit: nil,
      offset: nil,
      computed: [],
      filter: nil,
      sort?: false,
      distinct?: false,
      limit?: false,
      aggregates: [],
      calculations: [],
      reasons: []
    ]

    @type t :: %__MODULE__{}

    @doc """
    The plan of a query. Without `push` everything but the reading is Ash's. `parent` is the record
    that `parent()` refers to: its values are constants.
    """
    @spec of(Query.t(), keyword()) :: t()
    def of(%Query{} = query, opts \\ []) do
      env = env(query, Keyword.get(opts, :parent))
      plan = %__MODULE__{query: query, env: env}

      if Keyword.get(opts, :push, true) do
        pushed(plan)
      else
        %{
          plan
          | filter: query.filter,
            order_by: Order.key(env),
            sort?: true,
            distinct?: true,
            limit?: true,
            aggregates: query.aggregates,
            calculations: query.calculations,
            reasons: [{:query, Keyword.get(opts, :reason, "nothing is asked of SQLite")}]
        }
      end
    end

    defp pushed(plan) do
      plan
      |> filter()
      |> sort()
      |> distinct()
      |> limit()
      |> aggregates()
      |> filtered_by()
      |> calculations()
      |> select()
    end

    defp env(query, nil), do: Query.env(query.resource, query.tenant, query.context)
    defp env(query, %resource{} = parent), do: env(query, resource, parent)

    defp env(query, resource, parent) do
      env = env(query, nil)
      %{env | parents: [%{env | resource: resource, record: parent}]}
    end

    @doc """
    The plan of a query that is asked for each of several parents, if all of it is SQL: `of_parent/2`
    makes it that of one. `tie` are the attributes that match, the query's and the parent's.
    """
    @spec of_each(Query.t(), Ash.Resource.t(), {atom(), atom()} | nil) :: {:ok, t()} | :residual
    def of_each(query, resource, tie) do
      env = env(query, resource, :each)
      plan = pushed(%__MODULE__{query: query, env: env})

      with %{reasons: []} <- plan, {:ok, tied} <- attempt(fn -> tied(tie, env) end) do
        {:ok, %{plan | where: tied ++ plan.where}}
      else
        _ -> :residual
      end
    end

    defp tied(nil, _env), do: []
    defp tied({inner, outer}, env), do: [Relationship.tie({env, inner}, {hd(env.parents), outer})]

    @doc "The plan for one parent."
    @spec of_parent(t(), Ash.Resource.record()) :: {:ok, t()} | :residual
    def of_parent(plan, parent) do
      attempt(fn ->
        computed =
          for {column, kind, field} <- plan.computed, do: {known(column, parent), kind, field}

        %{plan | computed: computed}
        |> Map.update!(:where, &known(&1, parent))
        |> Map.update!(:order_by, &known(&1, parent))
        |> Map.update!(:distinct_on, &known(&1, parent))
      end)
      |> case do
        {:residual, _reason} -> :residual
        planned -> planned
      end
    end

    defp known({:parent, attribute}, parent),
      do: Expression.column(attribute, %Expression.Env{record: parent})

    defp known(tuple, parent) when is_tuple(tuple),
      do: tuple |> Tuple.to_list() |> Enum.map(&known(&1, parent)) |> List.to_tuple()

    defp known(list, parent) when is_list(list), do: Enum.map(list, &known(&1, parent))
    defp known(other, _parent), do: other

    @doc "Whether the rows that SQLite gives are the ones that were asked for."
    @spec exact?(t()) :: boolean()
    def exact?(plan),
      do: is_nil(plan.filter) and not (plan.sort? or plan.distinct? or plan.limit?)

    @doc "Whether Elixir can do what is left to it. It cannot compute fragments."
    @spec check(t()) :: :ok | {:error, AshRusqlite.Error.t()}
    def check(%{reasons: []}), do: :ok

    def check(%{query: query} = plan) do
      sorts = [query.sort, query.distinct, query.distinct_sort]

      [
        {"the filter", plan.filter},
        {"the sort", if(plan.sort? or plan.distinct?, do: sorts)},
        {"an aggregate", plan.aggregates},
        {"a calculation", plan.calculations}
      ]
      |> Enum.find_value(:ok, fn {place, expressions} ->
        reasons = Enum.map(plan.reasons, &elem(&1, 1))
        result = Fragment.check(expressions, query.resource, place, reasons)
        if result != :ok, do: result
      end)
    end

    @doc "Whether SQLite computes a fragment for it."
    @spec fragments?(t()) :: boolean()
    def fragments?(plan),
      do: Fragment.scalar?([plan.where, plan.order_by, plan.distinct_on, plan.computed])

    defp filter(%{query: %{filter: filter}} = plan) when filter in [nil, true], do: plan

    defp filter(%{query: %{filter: %{expression: none}}} = plan) when none in [nil, true],
      do: plan

    # Conditions on related rows must hold for the same row, so one that is left takes the
    # whole filter with it.
    defp filter(%{query: %{filter: filter}, env: env} = plan) do
      {pushed, left, reasons} =
        filter.expression
        |> ToMany.conjuncts(env.resource)
        |> Enum.reduce({[], [], []}, fn conjunct, {pushed, left, reasons} ->
          case ToMany.condition(conjunct, env) do
            {:ok, scalar} ->
              {[scalar | pushed], [{conjunct, scalar} | left], reasons}

            {:residual, reason} ->
              {pushed, [{conjunct, nil} | left], [{:filter, reason} | reasons]}
          end
        end)

      %{
        plan
        | where: pushed |> Enum.reverse() |> Enum.flat_map(&Pages.conditions/1),
          filter: if(reasons != [], do: left(filter, left)),
          reasons: plan.reasons ++ Enum.reverse(reasons)
      }
    end

    # SQL has decided what holds a fragment, and Elixir cannot. No other part is about the same
    # related rows, so it may be taken out.
    defp left(filter, conjuncts) do
      case Enum.split_with(conjuncts, fn {_, scalar} -> Fragment.scalar?(scalar) end) do
        {[], _} ->
          filter

        {_, rest} ->
          rest
          |> Enum.map(&elem(&1, 0))
          |> Enum.reduce(&%Ash.Query.BooleanExpression{op: :and, left: &1, right: &2})
          |> then(&%{filter | expression: &1})
      end
    end

    defp sort(%{query: query, env: env} = plan) do
      case Order.terms([query.sort || []], env) do
        {:ok, terms} -> with_sorted(%{plan | order_by: terms})
        {:residual, reason} -> leave_sort(plan, reason)
      end
    end

    # Ash makes the bounds of a page of the values that its runtime leaves in the records when
    # it sorts by what has no name: the sort of a field that a policy hides, say.
    defp with_sorted(%{query: query, env: env} = plan) do
      loaded = Enum.map(query.calculations, fn {%{name: name}, _} -> name end)

      sorted =
        for {{%{load: nil, name: name} = field, _direction}, index} <-
              Enum.with_index(query.sort || []),
            name not in loaded do
          {scalar, kind} = Order.field(field, env)
          column = {:"__sorted_#{index}", scalar, kind}
          computed(column, sorted_field(%{field | name: {:__ash_runtime_sort__, index}}))
        end

      %{plan | computed: plan.computed ++ sorted}
    end

    defp sorted_field(%Ash.Query.Calculation{} = calculation), do: {calculation, nil}
    defp sorted_field(%Ash.Query.Aggregate{} = aggregate), do: aggregate

    defp leave_sort(plan, reason) do
      reasons = plan.reasons ++ [{:sort, reason}]
      %{plan | order_by: Order.key(plan.env), sort?: true, reasons: reasons}
    end

    defp distinct(%{query: %{distinct: none}} = plan) when none in [nil, []], do: plan

    defp distinct(%{filter: nil, sort?: false} = plan) do
      case Order.distinct(plan.query, plan.env) do
        {:ok, distinct_on, order_by} ->
          %{plan | distinct_on: distinct_on, order_by: order_by}

        {:residual, reason} ->
          leave_distinct(plan, reason)
      end
    end

    defp distinct(plan), do: leave_distinct(plan, "what comes before it is not SQL")

    # Sorting is a part of it.
    defp leave_distinct(plan, reason) do
      reasons = plan.reasons ++ [{:distinct, reason}]
      %{plan | order_by: Order.key(plan.env), sort?: true, distinct?: true, reasons: reasons}
    end

    defp limit(%{query: %{limit: limit, offset: offset}} = plan) do
      offset = if offset in [nil, 0], do: nil, else: offset

      cond do
        is_nil(limit) and is_nil(offset) ->
          plan

        is_nil(plan.filter) and not plan.sort? and not plan.distinct? ->
          %{plan | limit: Pages.countable(limit), offset: Pages.countable(offset)}

        true ->
          %{
            plan
            | limit?: true,
              reasons: plan.reasons ++ [{:limit, "what comes before it is not SQL"}]
          }
      end
    end

    defp aggregates(plan) do
      compute(plan, plan.query.aggregates, :aggregates, &compile_aggregate/2)
    end

    defp compile_aggregate(aggregate, env) do
      {scalar, kind} = Aggregate.column(aggregate, env)
      readable(scalar, kind)
    end

    # On ETS, the aggregates of a filter are loaded to judge it, and stay in the records.
    defp filtered_by(%{query: %{filter: %Ash.Filter{} = filter}} = plan) do
      loaded = Enum.map(plan.query.aggregates, & &1.load)

      filter
      |> Ash.Filter.list_refs()
      |> Enum.flat_map(fn
        %Ash.Query.Ref{relationship_path: [], attribute: %Ash.Query.Aggregate{} = aggregate} ->
          if aggregate.load in [nil | loaded], do: [], else: [aggregate]

        _ref ->
          []
      end)
      |> Enum.uniq_by(& &1.load)
      |> Enum.reduce(plan, fn aggregate, plan ->
        case attempt(fn -> compile_aggregate(aggregate, plan.env) end) do
          {:ok, scalar} -> add_computed(plan, scalar, aggregate)
          {:residual, _reason} -> plan
        end
      end)
    end

    defp filtered_by(plan), do: plan

    defp calculations(plan) do
      compute(plan, plan.query.calculations, :calculations, fn {_calculation, expression}, env ->
        {scalar, kind} = expression |> Expression.hydrate(env) |> Expression.compile(env)
        readable(scalar, kind)
      end)
    end

    defp readable(scalar, kind) when kind not in [:blob, :json], do: {scalar, kind}
    defp readable(_scalar, kind), do: Expression.residual("a result of kind #{inspect(kind)}")

    # Each that compiles becomes a column; the others are left.
    defp compute(plan, fields, key, compile) do
      Enum.reduce(fields, plan, fn field, plan ->
        case attempt(fn -> compile.(field, plan.env) end) do
          {:ok, scalar} ->
            add_computed(plan, scalar, field)

          {:residual, reason} ->
            plan
            |> Map.update!(key, &(&1 ++ [field]))
            |> Map.update!(:reasons, &(&1 ++ [{key, reason}]))
        end
      end)
    end

    defp add_computed(plan, {scalar, kind}, field) do
      name = :"__computed_#{length(plan.computed)}"
      %{plan | computed: plan.computed ++ [computed({name, scalar, kind}, field)]}
    end

    # A fragment may give anything, so Elixir looks whether it is of the type.
    defp computed({name, scalar, kind}, {%{type: type} = calculation, _} = field)
         when not is_nil(type) do
      if Fragment.scalar?(scalar) do
        checked = %{
          name: calculation.name,
          type: Ash.Type.get_type(type),
          constraints: calculation.constraints || []
        }

        {Request.computed(name, scalar, :any), {:checked, checked}, field}
      else
        {Request.computed(name, scalar, Kind.type(kind)), kind, field}
      end
    end

    defp computed({name, scalar, kind}, field),
      do: {Request.computed(name, scalar, Kind.type(kind)), kind, field}

    defp attempt(fun) do
      {:ok, fun.()}
    catch
      {:residual, reason} -> {:residual, reason}
    end

    # What Ash's runtime computes may need any attribute.
    defp select(%{query: %{select: select}} = plan) when is_list(select) do
      whole? = not exact?(plan) or plan.aggregates != [] or plan.calculations != []
      if whole?, do: plan, else: %{plan | select: Enum.uniq(select ++ key(plan))}
    end

    defp select(plan), do: plan

    defp key(plan), do: Ash.Resource.Info.primary_key(plan.query.resource)
  end
end
