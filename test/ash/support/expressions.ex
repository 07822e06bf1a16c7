defmodule AshRusqlite.Oracle.Expressions do
  @moduledoc false
  # Expressions as code, each of one kind, about the fields of a resource. `env` is the
  # resource that they are about, and those that `parent()` refers to.

  alias AshRusqlite.Oracle.Schema

  import AshRusqlite.Oracle.Values

  @comparable [:string, :string, :int, :int, :int, :bool, :ci, :float, :decimal, :atom, :level] ++
                [:date, :seconds, :micros, :time, :uuid, :code, :points]

  def env(resource), do: %{resource: resource, parents: [], nils?: true}

  @doc "A condition."
  def condition(env, depth) when depth <= 0 do
    weighted([
      {10, fn -> comparison(env, 0) end},
      {3, fn -> nil_check(env) end},
      {3, fn -> among(env) end},
      {2, fn -> operand(env, :bool, 0) end},
      {1, fn -> contains(env, 0) end}
    ])
  end

  def condition(env, depth) do
    deeper = depth - 1

    weighted([
      {8, fn -> comparison(env, deeper) end},
      {3, fn -> nil_check(env) end},
      {4, fn -> among(env) end},
      {2, fn -> operand(env, :bool, deeper) end},
      {2, fn -> contains(env, deeper) end},
      {6, fn -> two(:and, env, deeper) end},
      {6, fn -> two(:or, env, deeper) end},
      {5, fn -> {:not, [], [condition(env, deeper)]} end},
      {1, fn -> two(:&&, env, deeper) end},
      {1, fn -> two(:||, env, deeper) end},
      {2, fn -> choice(env, :bool, deeper) end},
      {5, fn -> exists(env, deeper) end},
      # Ash's runtime loses the parent of one within another.
      {if(env.parents == [], do: 1, else: 0), fn -> unrelated(env, deeper) end},
      {1, fn -> distinct_from(env, deeper) end},
      {1, fn -> map_path(env) end},
      {1, fn -> dates(env, deeper) end},
      {1, fn -> {:has, [], [operand(env, :strings, 0), pick(["a", "b", "x"])]} end},
      {1, fn -> constant(env) end}
    ])
  end

  defp two(op, env, depth), do: {op, [], [condition(env, depth), condition(env, depth)]}

  defp map_path(%{resource: :Author}) do
    key = pick([:a, "a", :nick])
    field = pick([:settings, :profile])
    {:==, [], [{:get_path, [], [ref([], field), [key]]}, pick([1, :b, "b", nil])]}
  end

  defp map_path(env), do: nil_check(env)

  defp dates(env, depth) do
    {kind, function} = pick(date: :date_add, micros: :datetime_add)
    moved = {function, [], [operand(env, kind, depth), between(-3, 3), pick([:day, :month])]}
    {pick([:<, :>, :==]), [], [moved, literal(value(kind))]}
  end

  defp constant(%{nils?: true}), do: pick([true, false, nil])
  defp constant(_env), do: pick([true, false])

  defp comparison(env, depth) do
    kind = pick(@comparable)
    ops = if kind in [:bool, :atom, :level], do: [:==, :!=], else: [:==, :!=, :<, :>, :<=, :>=]
    {pick(ops), [], [operand(env, kind, depth), right(env, kind, depth)]}
  end

  # Sometimes numbers of another kind.
  defp right(env, kind, depth) do
    other =
      if kind in [:int, :float, :points] and chance?(20), do: pick([:int, :float]), else: kind

    if chance?(70), do: literal(constant_of(env, other)), else: operand(env, other, depth)
  end

  defp constant_of(env, kind), do: if(env.nils? and chance?(7), do: nil, else: value(kind))

  defp nil_check(env) do
    {name, path, _resource} = any_field(env)
    ast = {:is_nil, [], [ref(path, name)]}
    if chance?(30), do: {:not, [], [ast]}, else: ast
  end

  defp among(env) do
    kind = pick(@comparable)
    # In a list, Ash's runtime takes nil for "".
    constant = if kind in [:string, :ci, :code], do: &value/1, else: &constant_of(env, &1)
    values = Enum.map(1..between(1, 3), fn _ -> constant.(kind) end)
    values = if chance?(10), do: [], else: values
    {:in, [], [operand(env, kind, 0), {:^, [], [list(values)]}]}
  end

  defp list(values), do: Enum.map(values, &code/1)

  defp contains(env, depth) do
    function = pick([:contains, :contains, :contains, :string_starts_with, :string_ends_with])
    function = if function_exists?(function), do: function, else: :contains
    kind = pick([:string, :string, :ci])
    {function, [], [operand(env, kind, depth), literal(pick(["a", "A", "b", "", "ä"]))]}
  end

  defp function_exists?(:contains), do: true

  defp function_exists?(function) do
    Code.ensure_loaded?(Module.concat(Ash.Query.Function, Macro.camelize(to_string(function))))
  end

  # Of texts, Ash's runtime takes nil for "".
  defp distinct_from(env, depth) do
    kind = pick(Enum.reject(@comparable, &(&1 in [:string, :ci, :code])))
    {:is_distinct_from, [], [operand(env, kind, depth), operand(env, kind, 0)]}
  end

  defp exists(env, depth) do
    case Schema.plain_relationships(env.resource) do
      [] ->
        condition(env, depth)

      relationships ->
        {name, _, destination} = pick(relationships)
        {path, destination} = further([name], destination)
        {:exists, [], [path_ast(path), asked(inside(env, destination), depth)]}
    end
  end

  defp unrelated(env, depth) do
    other = pick([:Author, :Post, :Group, :Topic])

    # A condition that is nil is an invalid one there to Ash's runtime.
    inside = %{inside(env, other) | nils?: false}
    {:exists, [], [{:__aliases__, [alias: false], [other]}, asked(inside, depth)]}
  end

  # Ash's runtime loads related rows for the fields that are asked of them, so on ETS
  # `exists(posts, true)` is never true, and nothing is that simplifies to it.
  defp asked(env, depth) do
    condition = condition(env, depth)
    if sure?(condition), do: condition, else: {:and, [], [nil_check_here(env), condition]}
  end

  defp sure?({op, _, [{name, _, nil}, right]}) when op in [:==, :!=, :<, :>, :<=, :>=],
    do: is_atom(name) and not is_nil(right)

  defp sure?(_), do: false

  defp nil_check_here(env) do
    {name, _kind} = env.resource |> Schema.attributes() |> pick()
    {:or, [], [{:is_nil, [], [ref([], name)]}, {:not, [], [{:is_nil, [], [ref([], name)]}]}]}
  end

  @doc "Whether a condition asks for a field of its own rows."
  def asks?({:parent, _, [_]}), do: false
  def asks?({:exists, _, [_, _]}), do: false
  def asks?({name, _, nil}) when is_atom(name), do: true
  def asks?({head, _, arguments}) when is_list(arguments), do: asks?(head) or asks?(arguments)
  def asks?(list) when is_list(list), do: Enum.any?(list, &asks?/1)
  def asks?({key, value}), do: asks?(key) or asks?(value)
  def asks?(_), do: false

  defp inside(env, resource),
    do: %{env | resource: resource, parents: [env.resource | env.parents]}

  defp further(path, resource) do
    case Schema.plain_relationships(resource) do
      [_ | _] = relationships when length(path) < 3 ->
        if chance?(30) do
          {name, _, destination} = pick(relationships)
          further(path ++ [name], destination)
        else
          {path, resource}
        end

      _ ->
        {path, resource}
    end
  end

  @doc "A value of a kind, computed or not."
  def operand(env, kind, depth) do
    weighted([
      {12, fn -> field(env, kind) end},
      {1, fn -> literal(value(kind)) end},
      {if(depth > 0, do: 5, else: 0), fn -> computed(env, kind, depth - 1) end},
      {if(env.parents == [], do: 0, else: 5), fn -> parent(env, kind) end}
    ])
  end

  defp parent(env, kind) do
    case env.parents |> hd() |> Schema.attributes() |> Enum.filter(&(elem(&1, 1) == kind)) do
      [] -> literal(value(kind))
      fields -> parent_value({:parent, [], [ref([], elem(pick(fields), 0))]}, kind)
    end
  end

  # Ash's runtime takes a condition that is a nil of the parent's for an invalid filter.
  defp parent_value(parent, :bool), do: {:==, [], [parent, value(:bool)]}
  defp parent_value(parent, _kind), do: parent

  # A field of this resource, or of a related one.
  defp field(env, kind) do
    {path, resource} = if chance?(25), do: further([], env.resource), else: {[], env.resource}

    case Schema.fields(resource, kind) do
      [] -> own_field(env, kind)
      names -> ref(path, pick(names))
    end
  end

  defp own_field(env, kind) do
    case Schema.fields(env.resource, kind) do
      [] -> literal(value(kind))
      names -> ref([], pick(names))
    end
  end

  defp any_field(env) do
    {path, resource} = if chance?(25), do: further([], env.resource), else: {[], env.resource}
    {name, _kind} = resource |> Schema.all_fields() |> pick()
    {name, path, resource}
  end

  @doc "The code of a field at a path."
  def ref(path, name), do: path_ast(path ++ [name])

  defp path_ast([first | rest]) do
    Enum.reduce(rest, {first, [], nil}, fn name, ast ->
      {{:., [], [ast, name]}, [no_parens: true], []}
    end)
  end

  ## Computed values

  defp computed(env, :int, depth) do
    weighted([
      {4, fn -> arithmetic([:+, :-, :*], env, :int, depth) end},
      {2, fn -> {:string_length, [], [operand(env, :string, depth)]} end},
      {2, fn -> choice(env, :int, depth) end},
      {1, fn -> {:||, [], [operand(env, :int, depth), operand(env, :int, 0)]} end},
      {1, fn -> {:length, [], [operand(env, :strings, 0)]} end},
      {1, fn -> {:-, [], [operand(env, :int, depth)]} end},
      {1, fn -> {:rem, [], [operand(env, :int, depth), 3]} end},
      {1, fn -> {:round, [], [operand(env, :float, depth)]} end},
      {1, fn -> {:at, [], [operand(env, :ints, 0), pick([0, 1, -1])]} end},
      {1, fn -> typed(env, :int, depth) end},
      {1, fn -> {:count_nils, [], [[operand(env, :int, 0), operand(env, :string, 0)]]} end},
      {2, fn -> inline_aggregate(env, depth) end},
      {1, fn -> plus(env) end}
    ])
  end

  defp computed(env, :float, depth) do
    weighted([
      {2, fn -> {:/, [], [operand(env, :int, depth), pick([2, 3, 4])]} end},
      {2, fn -> arithmetic([:+, :-, :*], env, :float, depth) end},
      {1, fn -> choice(env, :float, depth) end}
    ])
  end

  defp computed(env, :decimal, depth),
    do: arithmetic([:+, :-], env, :decimal, depth)

  defp computed(env, :string, depth) do
    weighted([
      {3, fn -> {:<>, [], [operand(env, :string, depth), operand(env, :string, 0)]} end},
      {1, fn -> {:string_downcase, [], [operand(env, :string, depth)]} end},
      {1, fn -> {:string_trim, [], [operand(env, :string, depth)]} end},
      {1, fn -> typed(env, :string, depth) end},
      {1, fn -> {:at, [], [operand(env, :strings, 0), pick([0, 1, -1])]} end},
      {2, fn -> choice(env, :string, depth) end},
      {2, fn -> {:||, [], [operand(env, :string, depth), literal(value(:string))]} end},
      {1,
       fn ->
         {:string_join, [], [[operand(env, :string, 0), operand(env, :string, 0)], "-"]}
       end}
    ])
  end

  defp computed(env, :bool, depth), do: condition(env, depth)

  defp computed(_env, kind, _depth) when kind in [:seconds, :micros],
    do: pick([quote(do: now()), quote(do: ago(1000, :day)), literal(value(kind))])

  defp computed(env, kind, depth) do
    if chance?(50), do: choice(env, kind, depth), else: literal(value(kind))
  end

  # A cast, maybe of another kind. One that fails is an error of the row, and ETS asks more rows:
  # those, too, which other conditions leave out.
  defp typed(env, kind, depth) do
    {from, type} =
      pick(
        if kind == :int,
          do: [int: :integer, points: :integer],
          else: [string: :string, int: :string, atom: :string, ci: :string, code: :string]
      )

    {:type, [], [operand(env, from, depth), type]}
  end

  defp arithmetic(ops, env, kind, depth),
    do: {pick(ops), [], [operand(env, kind, depth), operand(env, kind, 0)]}

  defp choice(env, kind, depth) do
    {:if, [],
     [
       condition(env, depth),
       [do: operand(env, kind, depth), else: literal(constant_of(env, kind))]
     ]}
  end

  # Ash's runtime knows one value of a calculation for a row, whatever its arguments: that of
  # its default here.
  defp plus(%{resource: :Author}), do: {:plus, [], [[amount: 10]]}
  defp plus(env), do: operand(env, :int, 0)

  defp inline_aggregate(env, depth) do
    case Enum.filter(Schema.plain_relationships(env.resource), &(elem(&1, 1) == :many)) do
      [] ->
        operand(env, :int, 0)

      relationships ->
        {name, _, destination} = pick(relationships)
        filter = condition(env(destination), min(depth, 1))
        query = [query: [filter: {:expr, [], [filter]}]]
        query = if chance?(50), do: query, else: []

        case Schema.attributes(destination) |> Enum.filter(&(elem(&1, 1) == :int)) do
          [{field, _} | _] ->
            if chance?(50),
              do:
                {pick([:sum, :max, :min, :first]), [],
                 [path_ast([name]), [field: field] ++ query]},
              else: {:count, [], [path_ast([name])] ++ wrap(query)}

          [] ->
            {:count, [], [path_ast([name])] ++ wrap(query)}
        end
    end
  end

  defp wrap([]), do: []
  defp wrap(options), do: [options]
end
