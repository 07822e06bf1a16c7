if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Write.BulkCreate do
    @moduledoc false
    # Many creates: one request to the writer for a batch, all of it or nothing.

    alias AshRusqlite.DataLayer.{Errors, Results, Store, Write}
    alias AshRusqlite.DataLayer.Place.Context
    alias AshRusqlite.DataLayer.Value.Codec
    alias AshRusqlite.DataLayer.Write.{Create, Upsert}
    alias AshRusqlite.Repo.Request

    @doc "Creates, or upserts, the rows of changesets."
    @spec create(Ash.Resource.t(), Enumerable.t(), map()) ::
            :ok | {:ok, [Ash.Resource.record()]} | {:error, term()}
    def create(resource, stream, options) do
      case Enum.to_list(stream) do
        [] -> if(options[:return_records?], do: {:ok, []}, else: :ok)
        changesets -> create_all(resource, changesets, options)
      end
    end

    defp create_all(resource, [first | _] = changesets, options) do
      with :ok <- Context.same(changesets),
           {:ok, store} <- Store.fetch(resource, options[:tenant], first.context) do
        if options[:upsert?],
          do: upsert(store, changesets, options),
          else: insert(store, changesets, options)
      else
        {:error, error} -> {:error, Errors.to_ash(error, resource, first)}
      end
    end

    defp insert(%{resource: resource} = store, [first | _] = changesets, options) do
      return? = options[:return_records?]

      with {:ok, rows} <- Results.traverse(changesets, &Create.row(resource, &1)),
           write = Request.insert(store.table, rows, :raise, return? == true),
           {:ok, {_, stored}} <- Write.run(store, write, first) do
        if return?, do: records(stored, changesets, resource), else: :ok
      else
        {:error, error} -> {:error, Errors.of_batch(error, resource, changesets)}
      end
    end

    # The rows come in the order in which they were given.
    defp records(rows, changesets, resource) do
      with {:ok, records} <- Codec.load_all(rows, resource),
           do: {:ok, Enum.zip_with(records, changesets, &Write.put_metadata/2)}
    end

    defp upsert(store, changesets, options) do
      context = %{
        private: %{
          upsert_fields: options[:upsert_fields] || [],
          touch_update_defaults?: Map.get(options, :touch_update_defaults?, true)
        }
      }

      changesets = Enum.map(changesets, &Ash.Changeset.set_context(&1, context))

      with {:ok, records} <-
             Upsert.all(store, changesets, options[:upsert_keys], options[:identity]) do
        if options[:return_records?], do: {:ok, written(records, changesets)}, else: :ok
      else
        {:error, error} -> {:error, Errors.of_batch(error, store.resource, changesets)}
      end
    end

    defp written(records, changesets) do
      for {record, changeset} <- Enum.zip(records, changesets),
          is_nil(Ash.Resource.get_metadata(record, :upsert_skipped)),
          do: Write.put_metadata(record, changeset)
    end
  end
end
