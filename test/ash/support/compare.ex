defmodule AshRusqlite.Oracle.Compare do
  @moduledoc false
  # Runs code on a store, and reduces what it gives to terms that can be compared: of a
  # record, its attributes and what the code loads. ETS also leaves in records what it loaded
  # for itself, to filter and to sort.

  alias AshRusqlite.Oracle

  @doc "The result of code, with the resources of one store."
  def run(code, store) do
    wanted = loads(code)

    code
    |> Macro.prewalk(&named(&1, store))
    |> eval()
    |> reduce(wanted)
  rescue
    error -> {:raised, error.__struct__}
  catch
    kind, value -> {kind, value}
  end

  # What a query's code loads, with what the queries of the related rows load.
  defp loads({:|>, _, [query, {{:., _, [{:__aliases__, _, [:Ash, :Query]}, :load]}, _, [list]}]}),
    do: loads(query) ++ Enum.map(list, &load/1)

  defp loads({:|>, _, [query, _step]}), do: loads(query)

  defp loads({{:., _, [{:__aliases__, _, [:Ash]}, :bulk_destroy]}, _, [_, _, _, opts]}),
    do: opts |> Keyword.get(:load, []) |> Enum.map(&load/1)

  defp loads(_code), do: [computed: []]

  defp load({name, {_, _, _} = query}), do: {name, loads(query)}
  defp load({name, _arguments}), do: {name, []}
  defp load(name), do: {name, []}

  @doc "What code gives or raises, as it is."
  def raw(code, store) do
    code |> Macro.prewalk(&named(&1, store)) |> eval()
  rescue
    error -> Exception.format(:error, error, __STACKTRACE__)
  end

  defp named({:__aliases__, meta, [:Pages]}, _store),
    do: {:__aliases__, meta, [:AshRusqlite, :Oracle, :Pages]}

  defp named({:__aliases__, _, [name]} = alias, store) do
    if name in Oracle.Resources.resources(), do: Module.concat(store, name), else: alias
  end

  defp named(other, _store), do: other

  defp eval(code) do
    {result, _} =
      Code.eval_quoted(
        quote do
          require Ash.Query
          require Ash.Sort
          import Ash.Expr
          unquote(code)
        end
      )

    result
  end

  defp reduce(%Ash.BulkResult{} = result, wanted) do
    {:bulk, result.status, result.error_count, errors_of(result.errors),
     reduce(result.records, wanted)}
  end

  # What is raised while Ash loads in a process of its own, it returns as an error. It does so
  # where the store is not the caller's own, as ours is here.
  defp reduce({:error, %{class: class} = error}, _wanted) when is_atom(class) do
    if Enum.any?(error.bread_crumbs || [], &String.starts_with?(&1, "Exception raised in")),
      do: {:raised, error.__struct__},
      else: {:error, class, error |> errors() |> Enum.map(&error_fields/1) |> Enum.sort()}
  end

  defp reduce({:error, error}, _wanted), do: {:error, error}
  defp reduce(%Ash.NotLoaded{}, _wanted), do: :not_loaded
  defp reduce(%Ash.ForbiddenField{}, _wanted), do: :forbidden
  defp reduce(%Ash.CiString{} = value, _wanted), do: {:ci, Ash.CiString.value(value)}
  defp reduce(%Ash.Union{type: type, value: value}, _), do: {:union, type, reduce(value, [])}

  defp reduce(%module{} = struct, wanted) do
    if Ash.Resource.Info.resource?(module), do: record(module, struct, wanted), else: struct
  end

  defp reduce(list, wanted) when is_list(list), do: Enum.map(list, &reduce(&1, wanted))

  defp reduce(tuple, wanted) when is_tuple(tuple),
    do: tuple |> Tuple.to_list() |> Enum.map(&reduce(&1, wanted)) |> List.to_tuple()

  defp reduce(map, wanted) when is_map(map),
    do: Map.new(map, fn {key, value} -> {key, reduce(value, wanted)} end)

  defp reduce(value, _wanted), do: value

  defp record(module, struct, wanted) do
    fields =
      for %{name: name, __struct__: kind} <- Ash.Resource.Info.fields(module),
          kind == Ash.Resource.Attribute or List.keymember?(wanted, name, 0),
          value = reduce(Map.get(struct, name), wanted[name] || []),
          value != :not_loaded,
          do: {name, value}

    more =
      for key <- [:calculations, :aggregates],
          {name, value} <- Map.get(struct, key, %{}),
          List.keymember?(wanted, name, 0),
          do: {{key, name}, reduce(value, [])}

    {Oracle.Schema.short(module), struct.__meta__.state, Map.new(fields ++ more)}
  end

  defp errors_of(errors) when is_list(errors) do
    errors
    |> Enum.flat_map(&errors/1)
    |> Enum.map(&{error_class(&1), error_fields(&1)})
    |> Enum.sort()
  end

  defp errors_of(errors), do: errors

  defp errors(%{errors: [_ | _] = errors}), do: Enum.flat_map(errors, &errors/1)
  defp errors(error), do: [error]

  defp error_class(%{class: class}), do: class
  defp error_class(_), do: :unknown

  defp error_fields(%{field: field}) when not is_nil(field), do: [field]
  defp error_fields(%{fields: fields}) when is_list(fields), do: Enum.sort(fields)
  defp error_fields(_), do: []
end
