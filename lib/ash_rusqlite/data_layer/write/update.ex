if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Write.Update do
    @moduledoc false
    # Updates of one record's row.

    alias AshRusqlite.DataLayer.{Errors, Store, Transaction, Write}
    alias AshRusqlite.DataLayer.Place.Context
    alias AshRusqlite.DataLayer.Read
    alias AshRusqlite.DataLayer.Read.UnreadableRows
    alias AshRusqlite.DataLayer.Write.Assignments
    alias AshRusqlite.Repo.Request

    @doc "Changes the row of a changeset's record. Without it the record is stale."
    @spec update(Ash.Resource.t(), Ash.Changeset.t()) ::
            {:ok, Ash.Resource.record()} | {:error, term()}
    def update(resource, changeset) do
      with :ok <- Context.check_record(changeset, changeset.context),
           {:ok, store} <- Store.fetch(resource, changeset.tenant, changeset.context),
           {:ok, record} <- update_row(store, changeset) do
        {:ok, retain(record, changeset)}
      else
        {:error, error} -> {:error, Errors.to_ash(error, resource, changeset)}
      end
    end

    @doc "The same in a store, with the error as it is and the record as it is stored."
    @spec update_row(Store.t(), Ash.Changeset.t()) ::
            {:ok, Ash.Resource.record()} | {:error, term()}
    def update_row(store, changeset) do
      env = Write.env(store, changeset)

      with {:ok, key} <- Write.key_condition(changeset.data, env),
           {:ok, conditions} <- Write.conditions(changeset.filter, env),
           {:ok, assignments} <- Assignments.of(changeset, env) do
        result = update_where(store, [key | conditions], assignments, changeset)

        if Write.by_elixir?(result, {conditions, assignments}),
          do: read_and_update(store, changeset, env),
          else: one(result, store, changeset)
      else
        {:residual, _reason} -> read_and_update(store, changeset, env)
        {:error, error} -> {:error, error}
      end
    end

    defp one({:ok, [record]}, _store, _changeset), do: {:ok, record}

    defp one({:ok, []}, store, changeset),
      do: {:error, Write.stale(store.resource, changeset.filter)}

    defp one({:error, error}, _store, _changeset), do: {:error, error}

    # An update of nothing is a read: it says whether the row is there.
    defp update_where(store, conditions, [], changeset),
      do: Write.current(store, conditions, changeset)

    defp update_where(store, conditions, assignments, changeset) do
      mode = UnreadableRows.write_mode(changeset)
      write = Request.update(store.table, Read.where(conditions), assignments, true)

      with {:ok, {_, rows}} <-
             Write.run(store, UnreadableRows.request(write, mode), changeset),
           do: UnreadableRows.written(rows, store.resource, mode)
    end

    # What only Elixir can compute, it computes of the row as it is in the transaction.
    defp read_and_update(store, changeset, env) do
      Transaction.all_or_nothing(store, fn ->
        with {:ok, key} <- Write.key_condition(changeset.data, env),
             {:ok, current} <- Write.current(store, [key], changeset),
             {:ok, [current]} <- Write.kept(current, store, changeset),
             domain = changeset.domain,
             {computed, left} = Assignments.of_fragments(changeset.atomics, env, domain, current),
             {:ok, values} <- Assignments.evaluate(left, store.resource, domain, current),
             values = Map.merge(changeset.attributes, values),
             {:ok, set} <- Assignments.set(store.resource, values, computed) do
          one(update_where(store, [key], set ++ computed, changeset), store, changeset)
        else
          {:ok, []} -> {:error, Write.stale(store.resource, changeset.filter)}
          {:residual, reason} -> {:error, reason}
          {:error, error} -> {:error, error}
        end
      end)
    end

    # What was loaded of the record before stays loaded.
    defp retain(%resource{} = record, %{data: %resource{} = data}) do
      names = Enum.map(Ash.Resource.Info.attributes(resource), & &1.name)
      Map.merge(data, Map.take(record, [:__meta__ | names]))
    end

    defp retain(record, _changeset), do: record
  end
end
