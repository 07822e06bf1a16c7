if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Write.Create do
    @moduledoc false
    # Creates: the row of a changeset, and its insert.

    alias AshRusqlite.DataLayer.{Errors, Store, Write}
    alias AshRusqlite.DataLayer.Schema.TableSpec
    alias AshRusqlite.DataLayer.Value.Codec
    alias AshRusqlite.DataLayer.Write.Assignments
    alias AshRusqlite.Repo.Request

    @doc "Inserts the row of a changeset."
    @spec create(Ash.Resource.t(), Ash.Changeset.t()) ::
            {:ok, Ash.Resource.record()} | {:error, term()}
    def create(resource, changeset) do
      with {:ok, store} <- Store.fetch(resource, changeset.tenant, changeset.context),
           {:ok, row} <- row(resource, changeset),
           {:ok, {_, [stored]}} <-
             Write.run(store, Request.insert(store.table, [row], :raise, true), changeset),
           {:ok, [record]} <- Codec.load_all([stored], resource) do
        {:ok, record}
      else
        {:error, error} -> {:error, Errors.to_ash(error, resource, changeset)}
      end
    end

    @doc "The column values of a create."
    @spec row(Ash.Resource.t(), Ash.Changeset.t()) :: {:ok, map()} | {:error, term()}
    def row(resource, changeset) do
      with :ok <- check_key(resource, changeset),
           {:ok, atomics} <- create_atomics(resource, changeset) do
        Codec.dump(resource, Map.merge(changeset.attributes, atomics))
      end
    end

    # Only what is computed needs the record.
    defp create_atomics(resource, changeset) do
      case Map.get(changeset, :create_atomics, []) do
        [] when changeset.valid? ->
          {:ok, %{}}

        atomics ->
          with {:ok, record} <- Ash.Changeset.apply_attributes(changeset),
               do: Assignments.evaluate(atomics, resource, changeset.domain, record)
      end
    end

    defp check_key(resource, changeset) do
      key = Ash.Resource.Info.primary_key(resource)
      values = Map.new(key, &{&1, Ash.Changeset.get_attribute(changeset, &1)})

      if Enum.any?(values, &is_nil(elem(&1, 1))) and is_nil(TableSpec.autoincrement(resource)) do
        {:error, Ash.Error.Invalid.InvalidPrimaryKey.exception(resource: resource, value: values)}
      else
        :ok
      end
    end
  end
end
