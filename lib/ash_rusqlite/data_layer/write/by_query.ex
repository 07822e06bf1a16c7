if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Write.ByQuery do
    @moduledoc false
    # Updates and destroys of all rows of a query: one statement when SQLite can find the rows
    # and compute the changes, else row by row in one transaction.

    alias AshRusqlite.DataLayer.{Errors, Query, Read, Results, Store, Transaction, Write}
    alias AshRusqlite.DataLayer.Place.Context
    alias AshRusqlite.DataLayer.Query.Plan
    alias AshRusqlite.DataLayer.Write.{Assignments, Destroy, Update}
    alias AshRusqlite.DataLayer.Read.UnreadableRows
    alias AshRusqlite.Repo.Request

    @doc "Updates the rows of a query."
    @spec update(Query.t(), Ash.Changeset.t(), Ash.Resource.t(), map()) ::
            :ok | {:ok, [Ash.Resource.record()]} | {:error, term()}
    def update(query, changeset, resource, options) do
      query = add_filter(query, changeset.filter)

      run(query, changeset, resource, options, &Update.update/2, fn store, plan ->
        case Assignments.of(changeset, Write.env(store, changeset)) do
          {:ok, []} ->
            :rows

          {:ok, set} ->
            {:ok, Request.update(store.table, Read.where(plan.where), set, wanted(options))}

          other ->
            other
        end
      end)
    end

    @doc "Destroys the rows of a query."
    @spec destroy(Query.t(), Ash.Changeset.t(), Ash.Resource.t(), map()) ::
            :ok | {:ok, [Ash.Resource.record()]} | {:error, term()}
    def destroy(query, changeset, resource, options) do
      query = query |> add_filter(changeset.filter) |> UnreadableRows.to_destroy()

      run(query, changeset, resource, options, &delete/2, fn store, plan ->
        {:ok, Request.delete(store.table, Read.where(plan.where), wanted(options))}
      end)
    end

    defp add_filter(query, none) when none in [nil, true], do: query

    defp add_filter(query, filter) do
      base = query.filter || %Ash.Filter{resource: query.resource}
      %{query | filter: Ash.Filter.add_to_filter!(base, filter)}
    end

    defp wanted(options), do: options[:return_records?] == true

    # `one` writes a row, `write` gives the statement for all of them, if SQLite can compute it.
    defp run(query, changeset, resource, options, one, write) do
      timeout = Write.timeout(changeset) || Query.timeout(query.context)
      changeset = %{changeset | timeout: timeout}

      result =
        with {:ok, context} <- Context.of_query(resource, query.context, changeset.context),
             :ok <- Context.check_record(changeset, context),
             {:ok, store} <- Store.fetch(resource, query.tenant, context) do
          changeset = %{changeset | context: in_place(changeset, query)}
          plan = Plan.of(query)

          case if(Write.by_condition?(plan), do: write.(store, plan), else: :rows) do
            {:ok, request} ->
              result = whole(store, request, changeset, options)

              if Write.by_elixir?(result, request),
                do: row_by_row(store, query, changeset, options, one),
                else: result

            {:error, error} ->
              {:error, error}

            _rows ->
              row_by_row(store, query, changeset, options, one)
          end
        end

      to_ash_error(result, resource, changeset)
    end

    defp to_ash_error({:error, error}, resource, changeset),
      do: {:error, Errors.to_ash(error, resource, changeset)}

    defp to_ash_error(result, _resource, _changeset), do: result

    # SQLite gives the rows in no order; those of a query come in that of the key.
    defp whole(store, request, changeset, options) do
      # What is deleted need not be readable, whatever the action is called.
      mode =
        if Request.operation(request) == :delete,
          do: :not_loaded,
          else: UnreadableRows.write_mode(changeset)

      request = UnreadableRows.request(request, mode)

      with {:ok, {_count, rows}} <- Write.run(store, request, changeset) do
        if options[:return_records?] do
          with {:ok, records} <- UnreadableRows.written(rows, store.resource, mode) do
            key = Enum.sort(Ash.Resource.Info.primary_key(store.resource))
            records = Enum.sort_by(records, &Enum.map(key, fn name -> Map.get(&1, name) end))
            {:ok, Enum.map(records, &Write.put_metadata(&1, changeset))}
          end
        else
          :ok
        end
      end
    end

    # The action's type does not say what is done: a destroy may be soft, which is an update. Hooks,
    # calculations and the caller get whole records, whatever the query selects to find them: Ash
    # leaves out of them itself what is not selected.
    defp row_by_row(store, query, changeset, options, write) do
      Transaction.all_or_nothing(store, fn ->
        with {:ok, records} <- Read.run(%{query | select: nil}),
             {:ok, records} <-
               Results.traverse(records, fn record ->
                 one = %{changeset | data: record, filter: nil}

                 with {:ok, record} <- write.(store.resource, one),
                      do: {:ok, Write.put_metadata(record, one)}
               end) do
          if options[:return_records?], do: {:ok, records}, else: :ok
        end
      end)
    end

    # The rows are written where the query found them.
    defp in_place(changeset, %{context: context}) do
      case context[:data_layer] do
        nil ->
          changeset.context

        asked ->
          given = changeset.context[:data_layer] || %{}
          place = Map.take(asked, [:repo, :table, :timeout, :unreadable])
          Map.put(changeset.context, :data_layer, Map.merge(given, place))
      end
    end

    defp delete(resource, changeset) do
      with :ok <- Destroy.destroy(resource, changeset), do: {:ok, changeset.data}
    end
  end
end
