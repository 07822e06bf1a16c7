if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Write.UpdateMany do
    @moduledoc false
    # Many updates, each of a row of its own (`Ash.update_many`): one request to the writer, all
    # of it or nothing. What only Elixir can compute is read and written row by row in one
    # transaction.

    alias Ash.Error.Changes.{InvalidAttribute, StaleRecord}
    alias AshRusqlite.DataLayer.{Errors, Info, Results, Store, Transaction, Write}
    alias AshRusqlite.DataLayer.Place.Context
    alias AshRusqlite.DataLayer.Value.{Codec, Kind}
    alias AshRusqlite.DataLayer.Read.UnreadableRows
    alias AshRusqlite.DataLayer.Write.{Assignments, Update}
    alias AshRusqlite.Error
    alias AshRusqlite.Repo.Request

    import Errors, only: [elixir_may: 1]

    @doc """
    Whether the updates of a resource may be left to us. Ash asks no authorizer then, and reads
    by no action, so that rows which one hides would be found.

    Releases of Ash before 3.32 do not ask. Those since raise before they call a data layer where the
    caller of `Ash.update_many` leaves out `return_records?`, so an application has to allow it.
    """
    @spec possible?(Ash.Resource.t()) :: boolean()
    def possible?(resource) do
      Application.get_env(:ash_rusqlite, :update_many?, false) and
        Ash.Resource.Info.authorizers(resource) == [] and
        Enum.all?(read_actions(resource), &Info.plain_read?(resource, &1))
    end

    defp read_actions(resource) do
      named =
        for %{type: :update, atomic_upgrade_with: name} when not is_nil(name) <-
              Ash.Resource.Info.actions(resource),
            do: Ash.Resource.Info.action(resource, name)

      [Ash.Resource.Info.primary_action(resource, :read) | named]
    end

    @doc """
    Updates the rows of changesets that share their atomics and their filter. The records of
    rows that are gone, or are not as the filter wants them, are left out.
    """
    @spec update(Ash.Resource.t(), Enumerable.t(Ash.Changeset.t()), map()) ::
            :ok | {:ok, [Ash.Resource.record()]} | {:error, term()}
    def update(resource, changesets, options) do
      with [first | _] = changesets <- Enum.map(changesets, &%{&1 | tenant: &1.to_tenant}),
           :ok <- Context.same(changesets),
           {:ok, _} <- Results.traverse(changesets, &checked/1),
           {:ok, filter} <- filter(resource, first),
           {:ok, store} <- Store.fetch(resource, first.tenant, first.context),
           {:ok, prepared} <- prepared(resource, changesets, filter),
           {:ok, records} <- run(store, prepared, options) do
        if options[:return_records?], do: {:ok, records}, else: :ok
      else
        [] -> if options[:return_records?], do: {:ok, []}, else: :ok
        {:error, error} -> {:error, Errors.to_ash(error, resource, Enum.at(changesets, 0))}
      end
    end

    defp checked(changeset) do
      with :ok <- Context.check_record(changeset, changeset.context), do: {:ok, changeset}
    end

    defp run(_store, [], _options), do: {:ok, []}

    defp run(store, changesets, options) do
      case at_once(store, changesets, options) do
        {:residual, _reason} -> one_by_one(store, changesets)
        {:error, %Error{code: code}} when elixir_may(code) -> one_by_one(store, changesets)
        result -> result
      end
    end

    ## The changesets

    # Without those whose key no row can have. Ash finds the records by the keys that it has
    # named, so these must be as they are stored: "1" is not 1.
    defp prepared(resource, changesets, filter) do
      names = Ash.Resource.Info.primary_key(resource)

      for %{data: data} = changeset <- changesets,
          Enum.all?(names, &stored?(resource, &1, data)) do
        %{changeset | filter: filter}
      end
      |> Results.traverse(&keep_key(names, &1))
    end

    defp stored?(resource, name, data) do
      %{type: type, constraints: constraints} = Ash.Resource.Info.attribute(resource, name)
      value = Map.get(data, name)
      not is_nil(value) and Ash.Type.cast_input(type, value, constraints) === {:ok, value}
    end

    defp keep_key(names, %{data: data, attributes: attributes} = changeset) do
      case Enum.find(names, &(Map.get(attributes, &1, Map.get(data, &1)) != Map.get(data, &1))) do
        nil ->
          {:ok, changeset}

        name ->
          message = "is a part of the key, which `Ash.update_many` cannot change"
          {:error, InvalidAttribute.exception(field: name, message: message)}
      end
    end

    # Which rows the resource, the tenant and the changesets are about.
    defp filter(resource, %{filter: filter} = changeset) do
      with {:ok, %{filter: scope}} <- tenants(Ash.Query.new(resource), changeset) do
        {:ok, joined(scope, filter)}
      end
    end

    defp joined(scope, none) when none in [nil, true], do: scope
    defp joined(nil, filter), do: filter
    defp joined(scope, filter), do: Ash.Filter.add_to_filter!(scope, filter)

    defp tenants(query, %{resource: resource, tenant: tenant} = changeset) do
      strategy = Ash.Resource.Info.multitenancy_strategy(resource)

      cond do
        is_nil(strategy) or beyond_tenants?(changeset, [:bypass, :bypass_all]) ->
          {:ok, query}

        strategy == :attribute and not is_nil(tenant) ->
          {module, function, args} = Ash.Resource.Info.multitenancy_parse_attribute(resource)
          value = apply(module, function, [tenant | args])
          attribute = Ash.Resource.Info.multitenancy_attribute(resource)
          {:ok, Ash.Query.do_filter(query, [{attribute, value}])}

        is_nil(tenant) and not Ash.Resource.Info.multitenancy_global?(resource) and
            not beyond_tenants?(changeset, [:allow_global]) ->
          {:error, Ash.Error.Invalid.TenantRequired.exception(resource: resource)}

        true ->
          {:ok, query}
      end
    end

    defp beyond_tenants?(%{action: action, context: context}, modes) do
      Map.get(action, :multitenancy) in modes or
        get_in(context, [:shared, :private, :multitenancy]) in modes
    end

    ## One request

    defp at_once(store, [first | _] = changesets, options) do
      env = %{Write.env(store, first) | incoming: &incoming/1}

      with {:ok, conditions} <- Write.conditions(first.filter, env),
           {:ok, computed} <- Assignments.computed(first.atomics, env),
           {:ok, changes} <- changes(changesets, {conditions, computed}, env),
           select = select(store.resource, options),
           write = Request.update_each(store.table, changes, columns(store.resource, select)),
           {:ok, {_, rows}} <- Write.run(store, write, first) do
        UnreadableRows.written(rows, store.resource, :error, select)
      end
    end

    # What the changesets share is translated once, with a place for what each of them sets.
    defp incoming(attribute) do
      case Kind.of(attribute) do
        :other -> throw({:residual, "the new value of #{attribute.name}"})
        kind -> {{:incoming, attribute}, kind}
      end
    end

    defp changes(changesets, shared, env) do
      Results.traverse(changesets, &change(&1, shared, env))
    catch
      {:residual, reason} -> {:residual, reason}
    end

    defp change(changeset, {conditions, computed}, env) do
      with {:ok, key} <- Write.key_condition(changeset.data, env),
           {:ok, set} <- Assignments.set(env.resource, changeset.attributes, computed) do
        where = Request.expression({:and, [key | filled(conditions, changeset)]})
        {:ok, Request.change(where, Assignments.some(set ++ filled(computed, changeset), env))}
      end
    end

    defp filled({:incoming, attribute}, %{attributes: attributes}) do
      case Kind.literal(Map.get(attributes, attribute.name), Kind.of(attribute)) do
        {:ok, scalar, _kind} -> scalar
        :error -> throw({:residual, "the new value of #{attribute.name}"})
      end
    end

    defp filled({:value, _, _} = value, _changeset), do: value
    defp filled(list, changeset) when is_list(list), do: Enum.map(list, &filled(&1, changeset))

    defp filled(tuple, changeset) when is_tuple(tuple),
      do: tuple |> Tuple.to_list() |> filled(changeset) |> List.to_tuple()

    defp filled(other, _changeset), do: other

    defp select(resource, %{action_select: [_ | _] = select}),
      do: Enum.uniq(select ++ Ash.Resource.Info.primary_key(resource))

    defp select(_resource, _options), do: nil

    defp columns(_resource, nil), do: true

    defp columns(resource, select),
      do: for(name <- select, do: resource |> Ash.Resource.Info.attribute(name) |> Codec.column())

    ## Row by row

    defp one_by_one(store, changesets) do
      Transaction.all_or_nothing(store, fn ->
        with {:ok, records} <- Results.traverse(changesets, &one(store, &1)),
             do: {:ok, List.flatten(records)}
      end)
    end

    defp one(store, %{atomics: atomics, attributes: attributes} = changeset) do
      atomics =
        for {name, expression} <- atomics, do: {name, Assignments.given(expression, attributes)}

      case Update.update_row(store, %{changeset | atomics: atomics}) do
        {:ok, record} -> {:ok, [record]}
        {:error, %StaleRecord{}} -> {:ok, []}
        {:error, error} -> {:error, error}
      end
    end
  end
end
