if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Journal.Record do
    @moduledoc false
    # Which row of the journal a record is about.

    alias AshRusqlite.DataLayer.{Info, Place}
    alias AshRusqlite.DataLayer.Place.Context
    alias AshRusqlite.DataLayer.Value.Codec

    @doc """
    The repo, the table and the primary key of a record, as it was read, otherwise as its resource
    says. An error is one of a value that its type cannot dump.
    """
    @spec row(Ash.Resource.record()) ::
            {:ok, {AshRusqlite.Repo.repo(), String.t(), map()}} | {:error, term()}
    def row(%resource{} = record) do
      key = Map.take(record, Ash.Resource.Info.primary_key(resource))

      with {:ok, key} <- Codec.dump(resource, key) do
        read = read(record)

        repo = Place.current(read[:repo] || Info.repo(resource, :read))
        {:ok, {repo, read[:table] || Info.table(resource), key}}
      end
    end

    defp read(%{__meta__: %{context: {Context, read}}}), do: read
    defp read(_record), do: %{}
  end
end
