if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.Upsert do
    @moduledoc false
    # Finds the row of the keys and updates it, or creates one: in one transaction, by the rules
    # of the ETS data layer, which tells which of the two it was.

    alias AshRusqlite.DataLayer.{Query, Read, Runtime, Store, Transaction, Write}

    @doc "Creates the row of a changeset, or updates the one with the same keys."
    @spec upsert(Ash.Resource.t(), Ash.Changeset.t(), [atom()] | nil, map() | nil) ::
            {:ok, Ash.Resource.record()} | {:error, term()}
    def upsert(resource, changeset, keys, identity) do
      keys = keys || Ash.Resource.Info.primary_key(resource)

      if new?(changeset, keys, identity) do
        Write.create(resource, changeset)
      else
        with {:ok, store} <- Store.fetch(resource, changeset.tenant, changeset.context) do
          Transaction.all_or_nothing(store, fn ->
            find_and_write(resource, changeset, keys, identity)
          end)
        end
      end
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
        set =
          changeset
          |> Ash.Changeset.set_on_upsert(keys)
          |> touch(resource, changeset)

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
