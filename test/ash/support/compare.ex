if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.Oracle.Compare do
    @moduledoc false
    # Runs code on a store, and reduces what it gives to terms that can be compared: of a
    # record, its attributes and what the code loads. ETS also leaves in records what it loaded
    # for itself, to filter and to sort.

    alias AshRusqlite.Oracle

    @doc "The result of code, with the resources of one store."
    def run(code, store) do
      Process.put(__MODULE__, [:computed | loaded(code)])

      code
      |> Macro.prewalk(&named(&1, store))
      |> eval()
      |> reduce()
    rescue
      error -> {:raised, error.__struct__}
    catch
      kind, value -> {kind, reduce(value)}
    end

    defp loaded(code) do
      {_, names} =
        Macro.prewalk(code, [], fn
          {{:., _, [{:__aliases__, _, [:Ash, :Query]}, :load]}, _, [loads]} = call, names ->
            {call, Enum.map(loads, &with({name, _} <- &1, do: name)) ++ names}

          other, names ->
            {other, names}
        end)

      names
    end

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

    @doc "A term without what is a store's own."
    def reduce(%Ash.BulkResult{} = result) do
      {:bulk, result.status, result.error_count, reduce_errors(result.errors),
       reduce(result.records)}
    end

    def reduce({:error, %{class: class} = error}) when is_atom(class),
      do: {:error, class, error |> errors() |> Enum.map(&error_fields/1) |> Enum.sort()}

    def reduce({:error, error}), do: {:error, error}
    def reduce(%Ash.NotLoaded{}), do: :not_loaded
    def reduce(%Ash.ForbiddenField{}), do: :forbidden
    def reduce(%Ash.CiString{} = value), do: {:ci, Ash.CiString.value(value)}
    def reduce(%Ash.Union{type: type, value: value}), do: {:union, type, reduce(value)}

    def reduce(%module{} = struct) do
      if Ash.Resource.Info.resource?(module), do: record(module, struct), else: struct
    end

    def reduce(list) when is_list(list), do: Enum.map(list, &reduce/1)

    def reduce(tuple) when is_tuple(tuple),
      do: tuple |> Tuple.to_list() |> Enum.map(&reduce/1) |> List.to_tuple()

    def reduce(map) when is_map(map),
      do: Map.new(map, fn {key, value} -> {key, reduce(value)} end)

    def reduce(value), do: value

    defp record(module, struct) do
      wanted = Process.get(__MODULE__)

      fields =
        for %{name: name, __struct__: kind} <- Ash.Resource.Info.fields(module),
            kind == Ash.Resource.Attribute or name in wanted,
            value = reduce(Map.get(struct, name)),
            value != :not_loaded,
            do: {name, value}

      more =
        for key <- [:calculations, :aggregates],
            {name, value} <- Map.get(struct, key, %{}),
            name in wanted,
            do: {{key, name}, reduce(value)}

      {Oracle.Schema.short(module), struct.__meta__.state, Map.new(fields ++ more)}
    end

    defp reduce_errors(errors) when is_list(errors) do
      errors
      |> Enum.flat_map(&errors/1)
      |> Enum.map(&{error_class(&1), error_fields(&1)})
      |> Enum.sort()
    end

    defp reduce_errors(errors), do: errors

    defp errors(%{errors: [_ | _] = errors}), do: Enum.flat_map(errors, &errors/1)
    defp errors(error), do: [error]

    defp error_class(%{class: class}), do: class
    defp error_class(_), do: :unknown

    defp error_fields(%{field: field}) when not is_nil(field), do: [field]
    defp error_fields(%{fields: fields}) when is_list(fields), do: Enum.sort(fields)
    defp error_fields(_), do: []
  end
end
