if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Errors do
    @moduledoc false
    # The engine's errors as Ash's, on the field where there is one: a unique violation becomes
    # `InvalidAttribute` on its fields here. Each folder that answers Ash calls `to_ash/3` last. Those for
    # which Ash has none are `EngineError` and `PositionConflict`.

    alias Ash.Error.Changes.{InvalidAttribute, InvalidChanges, Required}

    alias AshRusqlite.DataLayer.{EngineError, Info, PositionConflict}
    alias AshRusqlite.DataLayer.Dsl.CustomIndex
    alias AshRusqlite.DataLayer.Value.{Codec, Unreadable}

    alias AshRusqlite.{Error, Repo}

    @doc "Whether Elixir may do what SQLite comes upon in a row, or does not want to decide."
    defguard elixir_may(code) when code in [:invalid_value, :invalid_query]

    @doc """
    An error as Ash's. Those that are Ash's own, or that it makes its own, stay what they are.
    """
    @spec to_ash(term(), Ash.Resource.t(), Ash.Changeset.t() | nil) :: term()
    def to_ash(error, resource, changeset \\ nil)

    def to_ash(%Error{code: :unique_violation, details: details}, resource, changeset) do
      columns = Map.get(details, :columns, [])
      fields = fields(resource, columns)
      message = unique_message(resource, fields, details[:constraint], changeset)

      case without_tenant(resource, fields) do
        [] -> InvalidChanges.exception(fields: columns, message: message)
        fields -> Enum.map(fields, &InvalidAttribute.exception(field: &1, message: message))
      end
    end

    def to_ash(%Error{code: :not_null_violation, details: details}, resource, _changeset) do
      columns = Map.get(details, :columns, [])

      case fields(resource, columns) do
        [] ->
          InvalidChanges.exception(fields: columns, message: "must be present")

        fields ->
          Enum.map(fields, &Required.exception(field: &1, type: :attribute, resource: resource))
      end
    end

    def to_ash(%Error{code: :foreign_key_violation} = error, resource, changeset),
      do: foreign_key(error.details, resource, changeset)

    def to_ash(%Error{code: :check_violation, details: details}, resource, _changeset) do
      constraint = details[:constraint]

      case {named_check(resource, constraint), fields(resource, Map.get(details, :columns, []))} do
        {%{attribute: attributes, message: message}, _fields} ->
          message = message || "is invalid"
          Enum.map(attributes, &InvalidAttribute.exception(field: &1, message: message))

        {nil, [field]} ->
          InvalidAttribute.exception(field: field, message: "is invalid")

        {nil, fields} ->
          message = "violates the constraint #{constraint}"
          InvalidChanges.exception(fields: fields, message: message)
      end
    end

    def to_ash(%Error{code: :invalid_value, details: %{column: column}} = error, resource, _) do
      InvalidAttribute.exception(field: field(resource, column), message: error.message)
    end

    def to_ash(
          %Error{code: :invalid_stored_value, details: details} = error,
          resource,
          _changeset
        ),
        do: Unreadable.to_ash(error, resource, field(resource, details[:column]))

    def to_ash(%Error{code: code} = error, resource, changeset)
        when code in [:timeout, :transaction_timeout] do
      Ash.Error.Invalid.Timeout.exception(
        timeout: error.details[:deadline_ms],
        name: action_name(resource, changeset),
        bread_crumbs: [error.message],
        vars: [{:code, code} | Map.to_list(error.details)]
      )
    end

    def to_ash(%Error{code: :position_conflict} = error, _resource, _changeset),
      do: PositionConflict.new(error)

    # `Store.retry_with_table/3` needs these as they are, and Ash makes its own of them.
    def to_ash(%Error{code: code} = error, _resource, _changeset)
        when code in [:unknown_table, :unknown_column],
        do: error

    def to_ash(%Error{} = error, _resource, _changeset), do: EngineError.new(error)
    def to_ash(error, _resource, _changeset), do: error

    @doc """
    The error of many creates in one request. Ash gives it to each of their inputs, so it says which one
    is at fault: in its bread crumbs, and as `:input`, the place in the batch, in its `vars`.
    """
    @spec of_batch(term(), Ash.Resource.t(), [Ash.Changeset.t()]) :: term()
    def of_batch(%Error{details: %{row: row}} = error, resource, changesets) do
      changeset = Enum.at(changesets, row)
      input = changeset.context[:bulk_create][:index] || row

      case to_ash(error, resource, changeset) do
        errors when is_list(errors) -> Enum.map(errors, &of_input(&1, input))
        error -> of_input(error, input)
      end
    end

    def of_batch(error, resource, [first | _]), do: to_ash(error, resource, first)

    defp of_input(%{bread_crumbs: crumbs, vars: vars} = error, input) do
      crumb =
        "the input at #{input}, counted from 0, is at fault; nothing of its batch was stored"

      %{error | bread_crumbs: [crumb | crumbs], vars: Keyword.put(vars, :input, input)}
    end

    defp of_input(error, _input), do: error

    @doc """
    The error for a table or column that is not there. `repo` is one that is not to make it.
    """
    @spec not_there(Error.t(), Ash.Resource.t(), Repo.repo() | nil) :: Exception.t()
    def not_there(error, _resource, nil), do: EngineError.new(error)

    def not_there(%Error{code: code} = error, resource, repo) do
      makes = if code == :unknown_table, do: "makes it", else: "adds it"

      message =
        "#{error.message}. #{inspect(repo)} has auto_migrate: false, so migrations make the table of " <>
          "#{inspect(resource)}: run `mix ash_rusqlite.migrate` (in a release " <>
          "`#{inspect(repo)}.migrate()`), write a migration that #{makes} if there is none, or set " <>
          "auto_migrate: true"

      EngineError.new(%{error | message: message})
    end

    @doc "The error for two resources that would be in one table, which neither of them names."
    @spec two_in_one(Ash.Resource.t(), Ash.Resource.t(), String.t()) :: Error.t()
    def two_in_one(owner, resource, table) do
      message =
        "#{inspect(owner)} and #{inspect(resource)} would both be in the table #{table}: give one " <>
          "another by `sqlite do table \"…\" end`, or name it in one if they are to share it"

      details = %{table: table, resources: [inspect(owner), inspect(resource)]}
      Error.new(:schema_mismatch, message, details)
    end

    defp named_check(resource, constraint),
      do: Enum.find(Info.check_constraints(resource), &(&1.name == constraint))

    defp action_name(resource, %{action: %{name: name}}), do: "#{inspect(resource)}.#{name}"
    defp action_name(resource, _changeset), do: inspect(resource)

    # A row that others refer to was to be deleted, or one refers to what is not there.
    defp foreign_key(details, resource, changeset) do
      column = List.first(List.wrap(details[:columns]))
      here? = details[:table] in [nil, own_table(resource, changeset)]
      field = if here? and details[:side] != "referenced", do: field(resource, column)
      named = named_key(resource, changeset, details[:constraint], field)

      cond do
        named -> named
        field -> missing(field)
        true -> left_behind(resource)
      end
    end

    defp own_table(resource, changeset) do
      table = changeset && changeset.context[:data_layer][:table]
      if table, do: to_string(table), else: Info.table(resource)
    end

    # SQLite names no foreign key, so the field is as good as a name.
    defp named_key(resource, changeset, constraint, field) do
      named = Info.foreign_key_names(resource, changeset)
      of_field? = fn {key, _name, _message} -> field && to_string(key) == to_string(field) end

      with {key, _name, message} <-
             Enum.find(named, &(elem(&1, 1) == constraint)) || Enum.find(named, of_field?) do
        InvalidAttribute.exception(field: key, message: message || "does not exist")
      end
    end

    defp missing(field), do: InvalidAttribute.exception(field: field, message: "does not exist")

    defp left_behind(resource) do
      InvalidChanges.exception(
        fields: Ash.Resource.Info.primary_key(resource),
        message: "would leave records behind"
      )
    end

    defp unique_message(resource, fields, constraint, changeset) do
      by_index(resource, fields, constraint) || by_identity(resource, fields) ||
        by_name(resource, constraint, fields, changeset) || "has already been taken"
    end

    defp by_index(resource, fields, constraint) do
      Enum.find_value(Info.custom_indexes(resource), fn index ->
        named? = is_binary(constraint) and CustomIndex.name("", index) == constraint
        if named? or is_over?(resource, index.fields, fields), do: index.message
      end)
    end

    # The tenant's attribute is a part of the index, but not of what was said to be unique.
    defp by_identity(resource, fields) do
      Enum.find_value(Ash.Resource.Info.identities(resource), fn identity ->
        if is_over?(resource, identity.keys, fields), do: Map.get(identity, :message)
      end)
    end

    # Unless it was said, too, or is all that there is.
    defp without_tenant(resource, fields) do
      said = Enum.map(Ash.Resource.Info.identities(resource), & &1.keys)
      said = said ++ Enum.map(Info.custom_indexes(resource), & &1.fields)
      rest = fields -- tenant(resource)

      if rest == [] or Enum.any?(said, &same?(&1, fields)), do: fields, else: rest
    end

    defp is_over?(resource, keys, fields),
      do: same?(keys, fields) or same?(keys, fields -- tenant(resource))

    defp tenant(resource) do
      case Ash.Resource.Info.multitenancy_strategy(resource) do
        :attribute -> [Ash.Resource.Info.multitenancy_attribute(resource)]
        _ -> []
      end
    end

    defp by_name(resource, constraint, fields, changeset) do
      Enum.find_value(Info.unique_index_names(resource, changeset), fn {keys, name, message} ->
        if name == constraint or same?(keys, fields), do: message
      end)
    end

    defp same?(left, right),
      do: Enum.sort(Enum.map(left, &to_string/1)) == Enum.sort(Enum.map(right, &to_string/1))

    defp fields(resource, columns) do
      columns |> Enum.map(&field(resource, &1)) |> Enum.reject(&is_nil/1)
    end

    defp field(_resource, nil), do: nil

    defp field(resource, column) do
      Enum.find_value(Ash.Resource.Info.attributes(resource), fn attribute ->
        if to_string(Codec.column(attribute)) == to_string(column), do: attribute.name
      end)
    end
  end
end
