if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Query.ToMany do
    @moduledoc false
    # Filters about related rows by a path to many: `messages.text == "x"`. A row is kept
    # if there are related rows, one for each path and the same one wherever the path is named, of
    # which the filter holds; where a path leads to none, all of it is nil (Ash's
    # `Ash.Filter.Runtime`: a left join). So the filter is put into an EXISTS for each path, and
    # into a second form for rows without related ones where it may hold for nils.

    alias Ash.Query.{BooleanExpression, Exists}
    alias AshRusqlite.DataLayer.Expression
    alias AshRusqlite.DataLayer.Query.Relationship

    import Expression, only: [residual: 1]

    # Each is written twice at most.
    @most 4

    @doc "A whole filter as a condition."
    @spec keep(Ash.Filter.t() | term(), %Expression.Env{}) :: Expression.scalar()
    def keep(none, _env) when none in [nil, true], do: true
    def keep(%Ash.Filter{expression: expression}, env), do: keep(expression, env)

    def keep(expression, env) do
      case paths(expression, env.resource) do
        [] ->
          Expression.keep(expression, env)

        _paths ->
          expression |> conjuncts(env.resource) |> Enum.map(&part(&1, env)) |> Relationship.all()
      end
    end

    # What holds for some row of one of two, holds for some row of either.
    defp part(%BooleanExpression{op: :or, left: left, right: right}, env),
      do: {:or, [keep(left, env), keep(right, env)]}

    defp part(expression, env) do
      paths = paths(expression, env.resource)

      if length(paths) > @most do
        residual(
          "a filter about #{length(paths)} relationships to many at once: use exists(…) for each"
        )
      end

      joined(expression, paths, env)
    end

    @doc "As `keep/2`, for a whole filter's conjunct."
    @spec condition(term(), %Expression.Env{}) ::
            {:ok, Expression.scalar()} | {:residual, String.t()}
    def condition(expression, env) do
      {:ok, keep(expression, env)}
    catch
      {:residual, reason} -> {:residual, reason}
    end

    @doc """
    The parts of a filter that must all hold, those together that must hold for the same related
    rows.
    """
    @spec conjuncts(term(), Ash.Resource.t()) :: [term()]
    def conjuncts(expression, resource) do
      conjuncts = for conjunct <- flatten(expression), do: {[conjunct], paths(conjunct, resource)}

      case Enum.flat_map(conjuncts, &elem(&1, 1)) do
        [] ->
          Enum.map(conjuncts, fn {[conjunct], []} -> conjunct end)

        known ->
          conjuncts
          |> Enum.map(fn {conjunct, paths} -> {conjunct, paths ++ asked(conjunct, known)} end)
          |> Enum.reduce([], &group/2)
          |> Enum.reverse()
          |> Enum.map(fn {conjuncts, _} -> Enum.reduce(conjuncts, &together(&2, &1)) end)
      end
    end

    defp group({conjuncts, paths}, groups) do
      {same, others} =
        Enum.split_with(groups, fn {_, known} -> Enum.any?(known, &(&1 in paths)) end)

      conjuncts = Enum.flat_map(Enum.reverse(same), &elem(&1, 0)) ++ conjuncts
      [{conjuncts, Enum.uniq(Enum.flat_map(same, &elem(&1, 1)) ++ paths)} | others]
    end

    # An exists by one of the paths is about the same row.
    defp asked(conjunct, known) do
      conjunct
      |> Ash.Filter.flat_map(fn
        %Exists{related?: true, at_path: at_path, path: path} -> [at_path ++ path]
        _other -> []
      end)
      |> Enum.flat_map(fn path -> Enum.filter(known, &List.starts_with?(path, &1)) end)
    end

    defp together(left, right), do: %BooleanExpression{op: :and, left: left, right: right}

    defp flatten(%BooleanExpression{op: :and, left: left, right: right}),
      do: flatten(left) ++ flatten(right)

    defp flatten(expression), do: [expression]

    @doc """
    The paths to rows of which there may be several, and those to the rows on the way, which may be
    missing.
    """
    @spec paths(term(), Ash.Resource.t()) :: [[atom()]]
    def paths(expression, resource) do
      expression
      |> Ash.Filter.relationship_paths()
      |> Enum.flat_map(&on_the_way(&1, resource))
      |> Enum.uniq()
      |> Enum.sort_by(&length/1)
    end

    defp on_the_way(path, resource) do
      {_, many} =
        path
        |> Enum.with_index(1)
        |> Enum.reduce({resource, 0}, fn {name, count}, {resource, many} ->
          case resource && Ash.Resource.Info.relationship(resource, name) do
            nil -> {nil, many}
            %{cardinality: :many} = relationship -> {relationship.destination, count}
            relationship -> {relationship.destination, many}
          end
        end)

      for count <- 1..many//1, do: Enum.take(path, count)
    end

    defp joined(expression, [], env), do: Expression.keep(expression, env)

    defp joined(expression, [path | rest], env) do
      {before, [name]} = Enum.split(path, -1)
      source = if before == [], do: env, else: %{Map.fetch!(env.rows, before) | at: env.at}
      relationship = Relationship.fetch!(name, source)

      found =
        Relationship.some(relationship, source, fn row ->
          joined(expression, rest, %{bind(env, path, %{row | parents: env.parents}) | at: row.at})
        end)

      further = Enum.reject(rest, &List.starts_with?(&1, path))

      case joined(expression, further, bind(env, path, :none)) do
        true ->
          true

        nils ->
          if never?(nils),
            do: found,
            else: {:or, [found, {:and, [none(relationship, source), nils]}]}
      end
    end

    defp bind(env, path, row), do: %{env | rows: Map.put(env.rows, path, row)}

    defp none(relationship, source),
      do: {:not, Relationship.some(relationship, source, fn _row -> true end)}

    # Whether a condition holds for no row, whatever is in it.
    defp never?(false), do: true
    defp never?({:and, list}), do: Enum.any?(list, &never?/1)
    defp never?({:or, list}), do: Enum.all?(list, &never?/1)
    defp never?({:and_value, left, right}), do: never?(left) or never?(right)
    defp never?({:or_value, left, right}), do: never?(left) and never?(right)
    defp never?({:not, {:is_nil, scalar}}), do: null?(scalar)
    defp never?(scalar), do: null?(scalar)

    defp null?(nil), do: true
    defp null?({:compare, _op, _collation, left, right}), do: null?(left) or null?(right)
    defp null?({:in, _collation, scalar, _list}), do: null?(scalar)
    defp null?({:not, scalar}), do: null?(scalar)
    defp null?({:arith, _op, left, right}), do: null?(left) or null?(right)
    defp null?({:neg, scalar}), do: null?(scalar)
    defp null?({:cast, _type, scalar}), do: null?(scalar)
    defp null?({:concat, list}), do: Enum.any?(list, &null?/1)
    defp null?({:call, :coalesce, list}), do: Enum.all?(list, &null?/1)
    defp null?({:call, _function, list}), do: Enum.any?(list, &null?/1)
    defp null?(_scalar), do: false
  end
end
