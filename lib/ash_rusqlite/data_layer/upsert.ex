if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.Upsert do
    @moduledoc false
    # Finds the row of the keys and updates it, or creates one, by the rules of the ETS data
    # layer, and tells which of the two it was: by one request to the writer, or, where Elixir
    # has a part in it, in one transaction.

    alias AshRusqlite.DataLayer.{Codec, Errors, Expression, Query, Read, Runtime, Store}
    alias AshRusqlite.DataLayer.{Transaction, Write}
    alias AshRusqlite.Error
    alias AshRusqlite.Repo.Writes

    # What SQLite comes upon, or does not want to decide, Elixir may.
    @elixir_may [:invalid_value, :invalid_query]

    @doc "Creates the row of a changeset, or updates the one with the same keys."
    @spec upsert(Ash.Resource.t(), Ash.Changeset.t(), [atom()] | nil, map() | nil) ::
            {:ok, Ash.Resource.record()} | {:error, term()}
    def upsert(resource, changeset, keys, identity) do
      keys = keys || Ash.Resource.Info.primary_key(resource)

      if new?(changeset, keys, identity) do
        Write.create(resource, changeset)
      else
        with {:ok, store} <- Store.fetch(resource, changeset.tenant, changeset.context),
             :elixir <- at_once(store, changeset, keys, identity) do
          Transaction.all_or_nothing(store, fn ->
            find_and_write(resource, changeset, keys, identity)
          end)
        end
      end
    end

    # One request, if there is no condition on the row that is there, and SQLite can find it and
    # compute the changes.
    defp at_once(store, %{filter: nil} = changeset, keys, identity) do
      %{resource: resource} = store
      env = Write.env(store, changeset)
      set = Map.new(changes(changeset, keys, resource))

      with {:ok, where} <-
             Expression.condition(filter(resource, changeset, keys, identity), env),
           {:ok, [_ | _] = assignments} <-
             Write.assignments(%{changeset | attributes: set}, env),
           {:ok, row} <- Write.row(resource, changeset),
           {:ok, {action, stored}} <-
             Writes.update_or_insert(
               store.repo,
               store.table,
               {:expr, where},
               updates(assignments),
               row,
               if(changeset.timeout, do: [timeout: changeset.timeout], else: [])
             ),
           {:ok, [record]} <- Codec.load_all([stored], resource) do
        note({:ok, record}, if(action == :inserted, do: :create, else: :update))
      else
        {:ok, []} -> :elixir
        {:residual, _reason} -> :elixir
        {:error, %Error{code: code}} when code in @elixir_may -> :elixir
        {:error, error} -> {:error, Errors.to_ash(error, resource, changeset)}
      end
    end

    defp at_once(_store, _changeset, _keys, _identity), do: :elixir

    defp updates(assignments) do
      for {kind, column, value} <- assignments, do: {kind, [{column, value}]}
    end

    # What an update of the row that is there changes.
    defp changes(changeset, keys, resource) do
      changeset
      |> Ash.Changeset.set_on_upsert(keys)
      |> touch(resource, changeset)
    end

    # A nil is like no other nil, unless the identity says so.
    defp new?(changeset, keys, identity) do
      (is_nil(identity) or not identity.nils_distinct?) and
        Enum.any?(keys, &is_nil(Ash.Changeset.get_attribute(changeset, &1)))
    end

    defp find_and_write(resource, changeset, keys, identity) do
      query = %Query{
        resource: resource,
        domain: changeset.domain,
        filter: filter(resource, changeset, keys, identity),
        tenant: changeset.tenant,
        context: changeset.context
      }

      case Read.run(query) do
        {:ok, []} ->
          resource |> Write.create(changeset) |> note(:create)

        {:ok, [current]} ->
          update(resource, changeset, keys, current)

        {:ok, _} ->
          {:error, "Multiple records matching keys"}

        {:error, error} ->
          {:error, error}
      end
    end

    defp filter(resource, changeset, keys, identity) do
      conditions =
        Enum.map(keys, fn key ->
          case value(changeset, key) do
            nil -> {key, [is_nil: true]}
            value -> {key, value}
          end
        end)

      query = Ash.Query.do_filter(resource, and: [conditions])
      where = identity && identity.where
      query = if where, do: Ash.Query.do_filter(query, where), else: query
      query.filter
    end

    defp value(changeset, key) do
      Ash.Changeset.get_attribute(changeset, key) || Map.get(changeset.params, key) ||
        Map.get(changeset.params, to_string(key))
    end

    defp update(resource, changeset, keys, current) do
      with {:ok, incoming} <- Ash.Changeset.apply_attributes(changeset),
           {:ok, [_]} <- wanted(changeset, current, incoming) do
        set = changes(changeset, keys, resource)
        update = changeset |> Map.put(:attributes, %{}) |> Map.put(:data, current)
        update = Ash.Changeset.force_change_attributes(update, set)

        resource
        |> Write.update(%{update | action_type: :update, filter: nil})
        |> note(:update)
      else
        {:ok, []} -> {:ok, Ash.Resource.put_metadata(current, :upsert_skipped, true)}
        {:error, error} -> {:error, error}
      end
    end

    defp wanted(%{filter: nil}, current, _incoming), do: {:ok, [current]}

    defp wanted(%{filter: filter} = changeset, current, incoming) do
      query = %{domain: changeset.domain, context: changeset.context}
      Runtime.filter([current], filter, query, nil, conflicting_upsert_values: incoming)
    end

    # What changes by itself with every update does so now, unless it is told not to.
    defp touch(set, resource, changeset) do
      touched = resource |> Ash.Resource.Info.attributes() |> Enum.filter(& &1.update_default)

      if changeset.context[:private][:touch_update_defaults?] == false or set == [] do
        names = Enum.map(touched, & &1.name)
        Enum.reject(set, fn {name, _} -> name in names and not given?(name, changeset) end)
      else
        Enum.reduce(touched, set, fn attribute, set ->
          Keyword.put_new_lazy(set, attribute.name, fn -> default(attribute.update_default) end)
        end)
      end
    end

    defp given?(name, changeset) do
      case changeset.context[:private][:upsert_fields] do
        fields when is_list(fields) ->
          name in fields

        _ ->
          Map.has_key?(changeset.attributes, name) and
            name not in Map.get(changeset, :defaults, [])
      end
    end

    defp default(function) when is_function(function, 0), do: function.()

    defp default({module, function, args}) when is_atom(module) and is_list(args),
      do: apply(module, function, args)

    defp default(value), do: value

    defp note({:ok, record}, action),
      do: {:ok, Ash.Resource.put_metadata(record, :upsert_action, action)}

    defp note(error, _action), do: error
  end
end
