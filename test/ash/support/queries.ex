defmodule AshRusqlite.Oracle.Queries do
  @moduledoc false
  # Queries as data: the code of their parts, which can be left out one by one.

  alias AshRusqlite.Oracle.{Expressions, Schema}

  import AshRusqlite.Oracle.Values

  defstruct [
    :resource,
    tenant: nil,
    combinations: [],
    filters: [],
    sort: [],
    distinct: [],
    distinct_sort: [],
    limit: nil,
    offset: nil,
    select: nil,
    loads: [],
    extras: [],
    run: :read,
    actor: nil
  ]

  @directions [:asc, :desc, :asc_nils_first, :asc_nils_last, :desc_nils_first, :desc_nils_last]
  @resources [:Author, :Author, :Author, :Post, :Post, :Comment, :Group, :Topic, :Note, :Memo] ++
               [:Visible, :Card, :Secret, :Secret, :Ticket, :Ticket, :Group]

  def generate do
    resource = pick(@resources)

    weighted([
      {10, fn -> read(resource) end},
      {2, fn -> aggregates(resource) end},
      {2, fn -> pages(resource) end},
      {1, fn -> combination(resource) end},
      {2, fn -> lateral(pick([:Author, :Post, :Group])) end}
    ])
  end

  defp read(resource) do
    query = plain(resource)
    distinct = if chance?(20), do: distinct_fields(resource), else: []
    distinct_sort = if distinct != [] and chance?(40), do: sort(resource), else: []
    tenant = if resource in [:Group, :Ticket] and distinct != [], do: nil, else: query.tenant
    %{query | distinct: distinct, distinct_sort: distinct_sort, tenant: tenant}
  end

  # ETS sorts, and looks for distinct rows, without a tenant.
  defp plain(resource) do
    query = any_plain(resource)

    if resource in [:Group, :Ticket] and query.sort ++ query.distinct != [],
      do: %{query | tenant: nil},
      else: query
  end

  defp any_plain(resource) do
    %__MODULE__{
      resource: resource,
      tenant: tenant(resource),
      actor: if(resource in [:Secret, :Group], do: pick([nil | owners()])),
      filters: filters(resource, between(0, 2)),
      sort: if(chance?(60), do: sort(resource), else: []),
      limit: if(chance?(35), do: between(0, 5)),
      offset: if(chance?(25), do: between(0, 4)),
      select: if(chance?(10), do: select(resource)),
      loads: if(chance?(40), do: loads(resource), else: []),
      extras: if(chance?(15), do: [extra(resource)], else: [])
    }
  end

  defp tenant(:Note), do: pick(["a", "b"])
  defp tenant(resource) when resource in [:Memo, :Ticket, :Group], do: pick([nil, "a", "b"])
  defp tenant(_), do: nil

  def filters(_resource, 0), do: []

  def filters(resource, count) do
    env = Expressions.env(resource)
    Enum.map(1..count, fn _ -> Expressions.condition(env, between(0, 3)) end)
  end

  defp sort(resource) do
    fields = for {name, kind} <- Schema.all_fields(resource), kind in Schema.ordered(), do: name

    fields
    |> some(3)
    |> Enum.map(fn name ->
      if name == :plus and chance?(50),
        do: {:{}, [], [:plus, {Macro.escape(%{amount: 2}), pick(@directions)}]},
        else: {name, pick(@directions)}
    end)
    |> Enum.map(fn
      {:{}, _, [name, inner]} -> {name, inner}
      other -> other
    end)
    |> maybe_computed(resource)
  end

  # ETS leaves the parts of a combination as they are when they sort by something computed.
  defp attribute_sort(resource) do
    fields = for {name, kind} <- Schema.attributes(resource), kind in Schema.ordered(), do: name
    for name <- some(fields, 2), do: {name, pick(@directions)}
  end

  defp maybe_computed(sort, resource) do
    if chance?(10) do
      kind = pick(int: :integer, string: :string)
      {of_kind, type} = kind
      expression = Expressions.operand(Expressions.env(resource), of_kind, 1)
      sort ++ [{quote(do: Ash.Sort.expr_sort(unquote(expression), unquote(type))), :asc}]
    else
      sort
    end
  end

  defp distinct_fields(resource) do
    resource |> Schema.all_fields() |> Enum.map(&elem(&1, 0)) |> some(2)
  end

  defp select(resource),
    do: resource |> Schema.attributes() |> Enum.map(&elem(&1, 0)) |> some(4)

  defp loads(resource) do
    computed = Schema.calculations(resource) ++ Schema.aggregates(resource)
    computed = computed |> Enum.map(&elem(&1, 0)) |> some(4)
    elixir = if resource == :Author and chance?(20), do: [:elixir], else: []
    computed = Enum.map(computed, &with_arguments/1)
    related = if chance?(40), do: related(resource, 1), else: []
    computed ++ elixir ++ related
  end

  defp with_arguments(:plus), do: {:plus, {:%{}, [], [amount: between(0, 5)]}}
  defp with_arguments(name), do: name

  # Related rows, each relationship with a query of its own.
  defp related(resource, depth) do
    resource
    |> Schema.relationships()
    |> some(2)
    |> Enum.map(fn {name, cardinality, destination} ->
      {name, related_query(cardinality, destination, depth)}
    end)
  end

  defp related_query(cardinality, destination, depth) do
    query = %__MODULE__{
      resource: destination,
      filters: filters(destination, between(0, 1)),
      sort: if(chance?(60), do: sort(destination), else: []),
      limit: if(cardinality == :many and chance?(50), do: between(1, 3)),
      offset: if(cardinality == :many and chance?(20), do: 1),
      distinct: if(chance?(10), do: distinct_fields(destination), else: []),
      loads: nested(destination, depth)
    }

    query_code(query)
  end

  defp nested(resource, depth) do
    computed = Schema.calculations(resource) ++ Schema.aggregates(resource)
    computed = if chance?(30), do: computed |> Enum.map(&elem(&1, 0)) |> some(2), else: []
    computed = computed |> List.delete(:plus)
    computed ++ if(depth > 0 and chance?(30), do: related(resource, depth - 1), else: [])
  end

  defp lateral(resource) do
    %{plain(resource) | loads: related(resource, 1), extras: []}
  end

  # Fields that the query alone has.
  defp extra(resource) do
    env = Expressions.env(resource)

    if chance?(60) do
      {kind, type} =
        pick(int: :integer, string: :string, bool: :boolean, float: :float, decimal: :decimal)

      expression = Expressions.operand(env, kind, 2)

      quote(do: Ash.Query.calculate(:computed, unquote(type), expr(unquote(expression)), %{}))
    else
      case Schema.plain_relationships(resource) do
        [] ->
          quote(do: Ash.Query.calculate(:computed, :integer, expr(1 + 1), %{}))

        relationships ->
          {name, _, destination} = pick(relationships)
          filter = Expressions.condition(Expressions.env(destination), 1)
          kind = pick([:count, :exists])

          quote do
            Ash.Query.aggregate(:computed, unquote(kind), unquote(name),
              query: [filter: expr(unquote(filter))]
            )
          end
      end
    end
  end

  defp aggregates(resource) do
    query = %{plain(resource) | loads: [], extras: [], select: nil}

    numbers = for {name, kind} <- Schema.attributes(resource), kind in [:int, :decimal], do: name

    fields = for {name, kind} <- Schema.attributes(resource), kind in Schema.ordered(), do: name

    list =
      [
        {:n, :count},
        {:any, :exists},
        aggregate(:values, :list, fields),
        aggregate(:top, :max, fields -- Schema.unordered(resource)),
        aggregate(:bottom, :min, fields -- Schema.unordered(resource)),
        aggregate(:total, :sum, numbers),
        aggregate(:mean, :avg, numbers),
        aggregate(:start, :first, fields),
        aggregate(:some, :count, fields),
        different(fields)
      ]
      |> Enum.reject(&is_nil/1)
      |> Enum.shuffle()
      |> Enum.take(between(1, 4))

    list = if chance?(30), do: filtered(list, resource), else: list
    %{query | run: {:aggregate, list}}
  end

  defp aggregate(_name, _kind, []), do: nil
  defp aggregate(name, kind, fields), do: {:{}, [], [name, kind, [field: pick(fields)]]}

  defp different([]), do: nil
  defp different(fields), do: {:{}, [], [:unique, :count, [field: pick(fields), uniq?: true]]}

  defp filtered([{:{}, _, [name, kind, options]} | rest], resource) do
    filter = Expressions.condition(Expressions.env(resource), 1)
    options = options ++ [query: [filter: quote(do: expr(unquote(filter)))]]
    [{:{}, [], [name, kind, options]} | rest]
  end

  defp filtered(list, _resource), do: list

  defp pages(resource) do
    resource = if resource in [:Note, :Memo, :Secret, :Ticket], do: :Post, else: resource
    query = %{plain(resource) | limit: nil, offset: nil, extras: [], select: nil}
    kind = pick([:keyset, :keyset, :offset])
    %{query | run: {:pages, kind, between(1, 4)}}
  end

  defp combination(resource) do
    parts =
      Enum.map(0..between(1, 2), fn index ->
        type = if index == 0, do: :base, else: pick([:union, :union_all, :intersect, :except])

        options =
          [
            filter: quote(do: expr(unquote(hd(filters(resource, 1))))),
            sort: if(chance?(40), do: attribute_sort(resource)),
            limit: if(chance?(30), do: between(1, 4))
          ]
          |> Enum.reject(&is_nil(elem(&1, 1)))

        {type, options}
      end)

    query = %{plain(resource) | combinations: parts, loads: [], extras: [], select: nil}

    # ETS loads what a part's filter asks of related rows in the tenant, and so leaves out rows of the
    # others before the part's limit.
    if query.tenant, do: without_limits(query), else: query
  end

  defp without_limits(query) do
    parts = for {type, options} <- query.combinations, do: {type, Keyword.delete(options, :limit)}

    %{query | combinations: parts}
  end

  ## Code

  @doc "The code of the whole query, with the short names of its resources."
  def code(%__MODULE__{run: :read, actor: nil} = query),
    do: pipe(query_code(query), quote(do: Ash.read()))

  def code(%__MODULE__{run: :read, actor: actor} = query),
    do: pipe(query_code(query), quote(do: Ash.read(unquote(as(actor)))))

  def code(%__MODULE__{run: {:aggregate, list}, tenant: tenant, actor: actor} = query) do
    options = [tenant: tenant] ++ if(actor, do: as(actor), else: [])
    pipe(query_code(query), quote(do: Ash.aggregate(unquote(list), unquote(options))))
  end

  def code(%__MODULE__{run: {:pages, kind, limit}} = query),
    do: pipe(query_code(query), quote(do: Pages.walk(unquote(kind), unquote(limit))))

  @doc "The options of a call by somebody."
  def as(name), do: [actor: {:%{}, [], [name: name]}, authorize?: true]

  defp query_code(query) do
    {:__aliases__, [alias: false], [query.resource]}
    |> step(query.tenant, &quote(do: Ash.Query.set_tenant(unquote(&1))))
    |> step(listed(query.combinations), fn _ -> combination_code(query.combinations) end)
    |> then(fn code ->
      Enum.reduce(query.filters, code, fn filter, code ->
        pipe(code, quote(do: Ash.Query.filter(unquote(filter))))
      end)
    end)
    |> step(listed(query.sort), &quote(do: Ash.Query.sort(unquote(&1))))
    |> step(listed(query.distinct), &quote(do: Ash.Query.distinct(unquote(&1))))
    |> step(listed(query.distinct_sort), &quote(do: Ash.Query.distinct_sort(unquote(&1))))
    |> step(query.limit, &quote(do: Ash.Query.limit(unquote(&1))))
    |> step(query.offset, &quote(do: Ash.Query.offset(unquote(&1))))
    |> step(query.select, &quote(do: Ash.Query.select(unquote(&1))))
    |> step(listed(query.loads), &quote(do: Ash.Query.load(unquote(&1))))
    |> then(fn code -> Enum.reduce(query.extras, code, &pipe(&2, &1)) end)
  end

  defp listed([]), do: nil
  defp listed(list), do: list

  defp combination_code(parts) do
    parts =
      for {type, options} <- parts do
        {{:., [], [{:__aliases__, [alias: false], [:Ash, :Query, :Combination]}, type]}, [],
         [options]}
      end

    quote(do: Ash.Query.combination_of(unquote(parts)))
  end

  defp step(code, nil, _fun), do: code
  defp step(code, value, fun), do: pipe(code, fun.(value))
  defp pipe(code, next), do: {:|>, [], [code, next]}

  ## Shrinking

  @doc "Smaller queries, one part left out of each."
  def smaller(%__MODULE__{} = query) do
    lists =
      for key <- [:filters, :sort, :distinct, :distinct_sort, :loads, :extras],
          list = Map.fetch!(query, key),
          index <- Enum.to_list(0..(length(list) - 1)//1),
          do: Map.put(query, key, List.delete_at(list, index))

    parts =
      for index <- Enum.to_list(1..(length(query.combinations) - 1)//1),
          do: %{query | combinations: List.delete_at(query.combinations, index)}

    scalars =
      for key <- [:limit, :offset, :select, :actor],
          Map.fetch!(query, key) != nil,
          do: Map.put(query, key, nil)

    runs =
      case query.run do
        {:aggregate, [_, _ | _] = list} ->
          for item <- list, do: %{query | run: {:aggregate, List.delete(list, item)}}

        _ ->
          []
      end

    lists ++ parts ++ scalars ++ runs ++ smaller_filters(query)
  end

  defp smaller_filters(%{filters: filters} = query) do
    for {filter, index} <- Enum.with_index(filters),
        smaller <- smaller_condition(filter),
        do: %{query | filters: List.replace_at(filters, index, smaller)}
  end

  defp smaller_condition({op, meta, [left, right]}) when op in [:and, :or, :&&, :||] do
    [left, right] ++
      Enum.map(smaller_condition(left), &{op, meta, [&1, right]}) ++
      Enum.map(smaller_condition(right), &{op, meta, [left, &1]})
  end

  defp smaller_condition({:not, meta, [inner]}),
    do: [inner | Enum.map(smaller_condition(inner), &{:not, meta, [&1]})]

  defp smaller_condition({:exists, meta, [path, inner]}),
    do:
      for(
        smaller <- smaller_condition(inner),
        Expressions.asks?(smaller),
        do: {:exists, meta, [path, smaller]}
      )

  defp smaller_condition({:if, meta, [condition, [do: yes, else: no]]}) do
    [condition, yes] ++
      Enum.map(
        smaller_condition(condition),
        &{:if, meta, [&1, [do: yes, else: no]]}
      )
  end

  defp smaller_condition(_), do: []
end
