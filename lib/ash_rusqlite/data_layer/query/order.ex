if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Query.Order do
    @moduledoc false
    # Sorts in SQL. The rows of ETS come in the order of their keys, and a sort is stable: so
    # every order ends with the key.

    alias AshRusqlite.DataLayer.{Expression, Query}
    alias AshRusqlite.DataLayer.Value.Kind
    alias AshRusqlite.DataLayer.Expression.Fragment
    alias AshRusqlite.Repo.Request

    # Ash puts nils last when ascending and first when descending, SQLite the other way.
    @directions %{
      asc: :asc_nulls_last,
      desc: :desc_nulls_first,
      asc_nils_first: :asc_nulls_first,
      asc_nils_last: :asc_nulls_last,
      desc_nils_first: :desc_nulls_first,
      desc_nils_last: :desc_nulls_last
    }

    # Comparable in SQLite as `Ash.Actions.Sort` compares them.
    @ordered [:text, :atom, :uuid, :integer, :real, :boolean, :date, :datetime, :datetime_usec] ++
               [:naive_datetime, :time, :time_usec, :ci, :decimal]

    @doc "The terms of `order_by:` for sorts, one after the other, the key's included."
    @spec terms([list()], %Expression.Env{}) :: {:ok, [tuple()]} | {:residual, String.t()}
    def terms(sorts, env) do
      with {:ok, terms} <- sort_terms(sorts, env) do
        {:ok, Enum.map(terms ++ key_terms(env), &term/1)}
      end
    end

    @doc "The order of the key alone."
    @spec key(%Expression.Env{}) :: [tuple()]
    def key(env), do: env |> key_terms() |> Enum.map(&term/1)

    @doc "The same of one sort for `order_by:` of a select within an expression."
    @spec scalars(list(), %Expression.Env{}) :: {:ok, [tuple()]} | {:residual, String.t()}
    def scalars(sort, env),
      do: scalars(sort, env, for({way, scalar, _type} <- key_terms(env), do: {way, scalar}))

    @doc "The same where other keys come last."
    @spec scalars(list(), %Expression.Env{}, [tuple()]) ::
            {:ok, [tuple()]} | {:residual, String.t()}
    def scalars(sort, env, keys) do
      with {:ok, terms} <- sort_terms([sort], env) do
        {:ok, for({direction, scalar, _type} <- terms, do: {direction, scalar}) ++ keys}
      end
    end

    @doc """
    The first row of each key, in the order of `distinct_sort`, or of `sort` without one: the
    `distinct_on:` of a query, and the order in which its rows come afterwards.
    """
    @spec distinct(Query.t(), %Expression.Env{}) ::
            {:ok, {list(), list()}, list()} | {:residual, String.t()}
    def distinct(%Query{distinct: distinct, distinct_sort: distinct_sort, sort: sort}, env) do
      first = if distinct_sort in [nil, []], do: sort, else: distinct_sort
      after_ties = if distinct_sort in [nil, []], do: [], else: distinct_sort

      with {:ok, keys} <- distinct_keys(distinct, env),
           {:ok, order} <- scalars(first || [], env),
           {:ok, order_by} <- terms([sort || [], after_ties], env) do
        {:ok, Request.distinct_on(keys, order), order_by}
      end
    end

    # Keys are equal when their terms are, which for these kinds is when their bytes are.
    defp distinct_keys(distinct, env) do
      keys =
        Enum.map(distinct, fn {field, _direction} ->
          case field(field, env) do
            {scalar, kind} when kind not in [:real, :json, :other] -> scalar
            _ -> Expression.residual("a distinct of this kind")
          end
        end)

      {:ok, keys}
    catch
      {:residual, reason} -> {:residual, reason}
    end

    defp term({direction, {:col, name}, _type}), do: Request.order(direction, name)

    defp term({direction, scalar, type}),
      do: Request.order(direction, Request.expression(scalar, type))

    defp sort_terms(sorts, env) do
      {:ok, Enum.flat_map(sorts, &one_sort(&1, env))}
    catch
      {:residual, reason} -> {:residual, reason}
    end

    # By all but its last field, Ash groups the rows before it sorts the groups: what is equal, but
    # not the same, such as 1.0 and 1.00, is sorted one after the other, in the order of terms.
    defp one_sort(sort, env) do
      last = length(sort) - 1

      sort
      |> Enum.with_index()
      |> Enum.flat_map(fn {{field, direction}, index} ->
        {scalar, kind} = field(field, env)

        unless kind in @ordered or Fragment.scalar?(scalar),
          do: Expression.residual("a sort by #{inspect(field_name(field))}")

        direction = direction(direction)

        [
          {direction, collated(scalar, kind), Kind.type(kind)}
          | if(index < last, do: ties(scalar, kind), else: [])
        ]
      end)
    end

    @doc "A scalar with the collation by which its kind is ordered."
    @spec collated(Expression.scalar(), Kind.t()) :: Expression.scalar()
    def collated(scalar, kind) do
      case Kind.collation(kind) do
        nil -> scalar
        # The engine knows the type of a column, and whether its texts have one form.
        times when times in [:instant, :naive, :clock] and elem(scalar, 0) == :col -> scalar
        collation -> {:collate, collation, scalar}
      end
    end

    defp ties(scalar, :ci), do: [{:asc, {:collate, nil, scalar}, :text}]
    defp ties(scalar, :decimal), do: [{:asc, {:call, :decimal_form, [scalar]}, :any}]
    defp ties(_scalar, _kind), do: []

    # Ash leaves the arguments of a calculation here where it does not know it yet.
    defp direction(direction) do
      with nil <- Map.get(@directions, direction),
           do: Expression.residual("a sort in the direction #{inspect(direction)}")
    end

    @doc "A field of a sort as a scalar and its kind."
    @spec field(term(), %Expression.Env{}) :: {Expression.scalar(), Kind.t()}
    def field(name, env) when is_atom(name) do
      case Ash.Resource.Info.attribute(env.resource, name) do
        nil -> Expression.residual("a sort by #{name}")
        attribute -> {Expression.column(attribute, env), Kind.of(attribute)}
      end
    end

    def field(%Ash.Query.Calculation{} = calculation, env),
      do: Expression.compile(%Ash.Query.Ref{attribute: calculation, relationship_path: []}, env)

    def field(%Ash.Query.Aggregate{} = aggregate, env),
      do: Expression.compile(%Ash.Query.Ref{attribute: aggregate, relationship_path: []}, env)

    def field(_field, _env), do: Expression.residual("a sort by something computed")

    defp field_name(%{name: name}), do: name
    defp field_name(name), do: name

    # By attribute name, as the keys of a map are ordered.
    defp key_terms(env) do
      for name <- env.resource |> Ash.Resource.Info.primary_key() |> Enum.sort() do
        attribute = Ash.Resource.Info.attribute(env.resource, name)
        {:asc, Expression.column(attribute, env), :any}
      end
    end
  end
end
