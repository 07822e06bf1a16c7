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
  end
end
