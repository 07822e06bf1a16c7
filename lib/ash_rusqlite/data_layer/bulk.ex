if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.Bulk do
    @moduledoc false
    # Many creates: one request to the writer for a batch, all of it or nothing.

    alias AshRusqlite.DataLayer.{Codec, Context, Errors, Runtime, Store, Upsert, Write}

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

      with {:ok, rows} <- Runtime.each(changesets, &Write.row(resource, &1)),
           write = {:insert, store.table, rows, :raise, return? == true},
           {:ok, {_, stored}} <- Write.statement(store, write, first) do
        if return?, do: records(stored, changesets, resource), else: :ok
      else
        {:error, error} -> {:error, Errors.of_batch(error, resource, changesets)}
      end
    end

    # The rows come in the order in which they were given.
    defp records(rows, changesets, resource) do
      with {:ok, records} <- Codec.load_all(rows, resource),
           do: {:ok, Enum.zip_with(records, changesets, &put_metadata/2)}
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
          do: put_metadata(record, changeset)
    end

    @doc "Notes which of a bulk action's inputs a record is of, where Ash looks for it."
    @spec put_metadata(Ash.Resource.record(), Ash.Changeset.t()) :: Ash.Resource.record()
    def put_metadata(record, %{context: context}) do
      Enum.find_value(
        [
          bulk_create: :bulk_create_index,
          bulk_update: :bulk_update_index,
          bulk_destroy: :bulk_destroy_index
        ],
        record,
        fn {kind, key} ->
          with %{index: index} = given <- Map.get(context, kind) do
            record = Ash.Resource.put_metadata(record, key, index)
            ref = Map.get(given, :ref)
            if ref, do: Ash.Resource.put_metadata(record, :bulk_action_ref, ref), else: record
          end
        end
      )
    end
  end
end
