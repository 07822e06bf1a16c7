if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Write.Destroy do
    @moduledoc false
    # Destroys of one record's row.

    alias AshRusqlite.DataLayer.{Errors, Read, Store, Transaction, Write}
    alias AshRusqlite.DataLayer.Place.Context
    alias AshRusqlite.Repo.Request

    @doc "Deletes the row of a changeset's record. With a filter a missing row is stale."
    @spec destroy(Ash.Resource.t(), Ash.Changeset.t()) :: :ok | {:error, term()}
    def destroy(resource, changeset) do
      with :ok <- Context.check_record(changeset, changeset.context),
           {:ok, store} <- Store.fetch(resource, changeset.tenant, changeset.context),
           :ok <- delete_row(store, changeset) do
        :ok
      else
        {:error, error} -> {:error, Errors.to_ash(error, resource, changeset)}
      end
    end

    defp delete_row(store, changeset) do
      env = Write.env(store, changeset)

      with {:ok, key} <- Write.key_condition(changeset.data, env),
           {:ok, conditions} <- Write.conditions(changeset.filter, env),
           write = Request.delete(store.table, Read.where([key | conditions]), false),
           result = Write.run(store, write, changeset),
           false <- Write.by_elixir?(result, write) do
        case result do
          {:ok, {0, _}} when conditions != [] ->
            {:error, Write.stale(store.resource, changeset.filter)}

          {:ok, _} ->
            :ok

          {:error, error} ->
            {:error, error}
        end
      else
        {:error, error} -> {:error, error}
        _residual -> read_and_delete(store, changeset, env)
      end
    end

    defp read_and_delete(store, changeset, env) do
      Transaction.all_or_nothing(store, fn ->
        with {:ok, key} <- Write.key_condition(changeset.data, env),
             {:ok, current} <- Write.current(store, [key], changeset),
             {:ok, [_]} <- Write.kept(current, store, changeset),
             {:ok, _} <-
               Write.run(
                 store,
                 Request.delete(store.table, Read.where([key]), false),
                 changeset
               ) do
          :ok
        else
          {:ok, []} -> {:error, Write.stale(store.resource, changeset.filter)}
          {:residual, reason} -> {:error, reason}
          {:error, error} -> {:error, error}
        end
      end)
    end
  end
end
