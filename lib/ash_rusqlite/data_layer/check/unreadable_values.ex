if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Check.UnreadableValues do
    @moduledoc false
    # All stored values of resources that cannot be read: see `AshRusqlite.unreadable/2`. This folder
    # searches what is stored, table by table, for `AshRusqlite` and `mix ash_rusqlite.check`.

    alias AshRusqlite.DataLayer.{Errors, Store}
    alias AshRusqlite.DataLayer.Read.UnreadableRows
    alias AshRusqlite.DataLayer.Value.Codec
    alias AshRusqlite.Repo

    @doc "All values of resources that cannot be read, found page by page while the stream runs."
    @spec stream(Ash.Resource.t() | [Ash.Resource.t()], keyword()) :: Enumerable.t()
    def stream(resources, opts),
      do: resources |> List.wrap() |> Stream.flat_map(&of_resource(&1, opts))

    defp of_resource(resource, opts) do
      context = Map.new(List.wrap(opts[:table]), &{:data_layer, %{table: &1}})

      case Store.fetch(resource, opts[:tenant], context, :read) do
        {:ok, store} -> of_table(store, opts[:progress])
        {:error, error} -> raise Errors.to_ash(error, resource)
      end
    end

    defp of_table(store, progress) do
      {empty, casts} = Codec.casts(store.resource, nil)
      columns = casts |> Enum.map(&elem(&1, 1)) |> Enum.uniq()

      store.repo
      |> Repo.Unreadable.rows(store.table, columns, progress)
      |> Stream.flat_map(fn row ->
        {_record, errors} = UnreadableRows.load_row(row, store.resource, empty, casts)
        errors |> Enum.reverse() |> Enum.map(&found(&1, store))
      end)
    end

    defp found(error, store) do
      %{
        resource: store.resource,
        table: store.table,
        key: error.key,
        column: error.column,
        value: error.value,
        why: error.reason
      }
    end
  end
end
