if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.Query do
    @moduledoc false
    # What Ash asks for, piece by piece, before any of it is translated.

    defstruct [
      :resource,
      :domain,
      :filter,
      :select,
      :limit,
      :tenant,
      :distinct_sort,
      offset: 0,
      sort: [],
      distinct: [],
      context: %{},
      calculations: [],
      aggregates: [],
      combination_of: []
    ]

    @type t :: %__MODULE__{}

    alias AshRusqlite.Repo.Options

    @doc """
    Milliseconds that the context of a query or a changeset gives each of its statements, or nil.
    It counts for what Elixir does of a query, too. The `timeout:` of a read is put there by
    `ReadTimeout`; of that of a bulk action without hooks a data layer learns nothing.
    """
    @spec timeout(map()) :: timeout() | nil
    def timeout(context) do
      case context[:data_layer][:timeout] do
        nil ->
          nil

        given ->
          case Options.pop_timeout([timeout: given], nil) do
            {:ok, timeout, []} -> timeout
            {:error, error} -> raise error
          end
      end
    end
  end
end
