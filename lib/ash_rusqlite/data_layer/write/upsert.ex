if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Write.Upsert do
    @moduledoc false
    # Finds the rows of the keys and updates them, or creates them, by the rules of the ETS data
    # layer, and returns which of the two it was: by one request to the writer, or, where Elixir
    # has a part in it, in one transaction.

    alias Ash.Query.{Operator, Ref}

    alias AshRusqlite.DataLayer.{
      Errors,
      Expression,
      Query,
      Read,
      Residual,
      Store,
      Transaction,
      Write
    }

    alias AshRusqlite.DataLayer.Journal.WriteContext
    alias AshRusqlite.DataLayer.Read.UnreadableRows
    alias AshRusqlite.DataLayer.Results
    alias AshRusqlite.DataLayer.Value.Kind
    alias AshRusqlite.DataLayer.Write.{Assignments, Create, Update}
    alias AshRusqlite.DataLayer.Expression.Fragment
    alias AshRusqlite.Error
    alias AshRusqlite.Repo.{Request, Writes}

    import Errors, only: [elixir_may: 1]

    @doc "Creates the row of a changeset, or updates the one with the same keys."
    @spec upsert(Ash.Resource.t(), Ash.Changeset.t(), [atom()] | nil, map() | nil) ::
            {:ok, Ash.Resource.record()} | {:error, term()}
    def upsert(resource, changeset, keys, identity) do
      with {:ok, store} <- Store.fetch(resource, changeset.tenant, changeset.context),
           {:ok, [record]} <- all(store, [changeset], keys, identity) do
        {:ok, record}
      else
        {:error, error} -> {:error, Errors.to_ash(error, resource, changeset)}
      end
    end

    @doc "The same for many rows of a store, all of them or none."
    @spec all(Store.t(), [Ash.Changeset.t()], [atom()] | nil, map() | nil) ::
            {:ok, [Ash.Resource.record()]} | {:error, term()}
    def all(store, changesets, keys, identity) do
      keys = keys || Ash.Resource.Info.primary_key(store.resource)

      with :elixir <- at_once(store, changesets, keys, identity) do
        Transaction.all_or_nothing(store, fn ->
          Results.traverse(changesets, &one(store, &1, keys, identity))
        end)
      end
    end

    defp one(store, changeset, keys, identity) do
      cond do
        not new?(changeset, keys, identity) ->
          find_and_write(store.resource, changeset, keys, identity)

        is_nil(identity) ->
          Create.create(store.resource, changeset)

        true ->
          store.resource |> Create.create(changeset) |> note(:create)
      end
    end

    ## One request

    defp at_once(store, [first | _] = changesets, keys, identity) do
      with {:ok, said} <- WriteContext.of(store.repo, store.resource, first),
           {:ok, where} <- scope(identity, Write.env(store, first)),
           {:ok, rows} <- Results.traverse(changesets, &row(store, &1, {keys, identity, where})),
           {:ok, results} <- write(store, rows, first, said),
           {outcomes, stored} = Enum.unzip(results),
           {:ok, records} <- UnreadableRows.written(stored, store.resource, :error) do
        {:ok,
         outcomes
         |> Enum.zip(records)
         |> Enum.zip_with(changesets, &with_outcome(&1, &2, keys, identity))}
      else
        {:residual, _reason} -> :elixir
        {:error, %Error{code: code}} when elixir_may(code) -> :elixir
        {:error, error} -> {:error, Errors.to_ash(error, store.resource, first)}
      end
    catch
      {:residual, _reason} -> :elixir
    end

    defp write(store, rows, changeset, said) do
      timeout = Write.timeout(changeset)
      opts = if timeout, do: [timeout: timeout], else: []

      store.repo
      |> Writes.update_or_insert_each(store.table, rows, opts ++ Map.to_list(said || %{}))
      |> WriteContext.note(store.repo, said)
      |> Fragment.explain_error(rows)
    end

    defp row(store, changeset, {keys, identity, where}) do
      env = Write.env(store, changeset)

      if new?(changeset, keys, identity) do
        {:ok,
         {Request.expression(false), nil, updates(Assignments.some([], env)),
          created(store, changeset)}}
      else
        env = %{env | incoming: incoming(changeset)}
        set = Map.new(changes(changeset, keys, store.resource))

        with {:ok, only_if} <- Write.conditions(changeset.filter, env),
             {:ok, assignments} <- Assignments.of(%{changeset | attributes: set}, env) do
          keys = Enum.map(keys, &key(changeset, &1, env))
          updates = assignments |> Assignments.some(env) |> updates()

          {:ok,
           {Read.where(keys ++ where), Read.where(only_if), updates, created(store, changeset)}}
        else
          {:residual, reason} -> Expression.residual(reason)
          {:error, error} -> {:error, error}
        end
      end
    end

    # Which rows the resource and the identity are about.
    defp scope(identity, env) do
      env.resource |> scoped(identity) |> Map.fetch!(:filter) |> Write.conditions(env)
    end

    defp scoped(resource, %{where: where}) when not is_nil(where),
      do: Ash.Query.do_filter(resource, where)

    defp scoped(resource, _identity), do: Ash.Query.new(resource)

    defp key(changeset, name, env) do
      attribute =
        Ash.Resource.Info.attribute(env.resource, name) || Expression.residual("a key of #{name}")

      ref = %Ref{attribute: attribute, relationship_path: [], resource: env.resource}

      case {Ash.Changeset.get_attribute(changeset, name), value(changeset, name)} do
        {nil, nil} -> Expression.keep(%Operator.IsNil{left: ref, right: true}, env)
        {nil, _parameter} -> Expression.residual("a key that is a parameter")
        {value, _} -> Expression.keep(%Operator.Eq{left: ref, right: value}, env)
      end
    end

    # What cannot be created may still be there.
    defp created(store, changeset) do
      case Create.row(store.resource, changeset) do
        {:ok, row} -> row
        {:error, _error} -> Expression.residual("a row that cannot be created")
      end
    end

    # What `upsert_conflict()` refers to.
    defp incoming(changeset) do
      fn %{name: name} = attribute ->
        with {:ok, record} <- Ash.Changeset.apply_attributes(changeset),
             kind when kind != :other <- Kind.of(attribute),
             {:ok, scalar, _kind} <- Kind.literal(Map.get(record, name), kind) do
          {scalar, kind}
        else
          _ -> Expression.residual("the new value of #{name}")
        end
      end
    end

    defp updates(assignments) do
      for {kind, column, value} <- assignments, do: {kind, [{column, value}]}
    end

    defp with_outcome({:skipped, record}, _changeset, _keys, _identity), do: skipped(record)

    defp with_outcome({outcome, record}, changeset, keys, identity) do
      action = if outcome == :inserted, do: :create, else: :update

      if is_nil(identity) and new?(changeset, keys, identity),
        do: record,
        else: Ash.Resource.put_metadata(record, :upsert_action, action)
    end

    defp skipped(record), do: Ash.Resource.put_metadata(record, :upsert_skipped, true)

    ## The rules

    # What an update of the row that is there changes.
    defp changes(changeset, keys, resource) do
      changeset
      |> Ash.Changeset.set_on_upsert(keys)
      |> touch(resource, changeset)
    end

    # No nil is another nil, unless the identity says `nils_distinct?: false`: then there is no row
    # to look for. (The ETS data layer does the opposite of what Ash documents in both cases.)
    defp new?(changeset, keys, nil),
      do: Enum.any?(keys, &is_nil(Ash.Changeset.get_attribute(changeset, &1)))

    defp new?(changeset, keys, identity) do
      Map.get(identity, :nils_distinct?, true) and
        Enum.any?(keys, &is_nil(value(changeset, &1)))
    end

    ## In a transaction

    defp find_and_write(resource, changeset, keys, identity) do
      query = %Query{
        resource: resource,
        domain: changeset.domain,
        filter: filter(resource, changeset, keys, identity),
        tenant: changeset.tenant,
        context: changeset |> Write.context() |> UnreadableRows.whole()
      }

      case Read.run(query) do
        {:ok, []} ->
          resource |> Create.create(changeset) |> note(:create)

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

      resource
      |> scoped(identity)
      |> Ash.Query.do_filter(and: [conditions])
      |> Map.fetch!(:filter)
    end

    defp value(changeset, key) do
      with nil <- Ash.Changeset.get_attribute(changeset, key),
           nil <- Map.get(changeset.params, key),
           do: Map.get(changeset.params, to_string(key))
    end

    defp update(resource, changeset, keys, current) do
      with {:ok, incoming} <- Ash.Changeset.apply_attributes(changeset),
           {:ok, [_]} <- wanted(changeset, current, incoming) do
        set = changes(changeset, keys, resource)
        atomics = given(changeset.atomics, incoming)
        update = %{changeset | attributes: %{}, atomics: atomics, data: current}
        update = Ash.Changeset.force_change_attributes(update, set)

        resource
        |> Update.update(%{update | action_type: :update, filter: nil})
        |> note(:update)
      else
        {:ok, []} -> {:ok, skipped(current)}
        {:error, error} -> {:error, error}
      end
    end

    defp given(atomics, incoming) do
      for {name, expression} <- atomics || [], do: {name, Assignments.given(expression, incoming)}
    end

    defp wanted(%{filter: nil}, current, _incoming), do: {:ok, [current]}

    defp wanted(%{filter: filter} = changeset, current, incoming) do
      query = %{domain: changeset.domain, context: Write.context(changeset)}
      Residual.filter([current], filter, query, nil, conflicting_upsert_values: incoming)
    end

    # What changes by itself with every update does so now, unless the changeset excludes it.
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
