if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.UnreadableValue do
    @moduledoc """
    A stored value that is none of its attribute's type, so that its row cannot be read.

      * `:resource`, `:field` - of what
      * `:key` - the primary key of the row, by attribute and as it is stored; `%{}` where the read
        did not ask for it
      * `:column`, `:value` - what is stored there, shortened
      * `:reason` - why that cannot be read

    Of a sensitive attribute neither the value nor a reason with a part of it is shown. The other rows
    are read with the context `%{data_layer: %{unreadable: :skip}}`, see `AshRusqlite.unreadable/2`.
    """

    use Splode.Error,
      fields: [:resource, :field, :column, :value, :reason, key: %{}],
      class: :invalid

    @type t :: %__MODULE__{}

    @doc "The error in words: which row, which column, why, and what to do."
    @spec message(t()) :: String.t()
    def message(%{resource: resource, field: field} = error) do
      "Could not load #{inspect(resource)}: invalid stored data for #{field}" <>
        place(error) <>
        ": #{error.reason}" <>
        if(error.value, do: ". It holds #{error.value}", else: "") <>
        ". Correct the row, or read the others with the context `%{data_layer: %{unreadable: " <>
        ":skip}}`; `AshRusqlite.unreadable(#{inspect(resource)})` finds all such rows"
    end

    defp place(%{key: key, column: column}) do
      row = if key in [nil, %{}], do: "", else: " in the row with #{words(key)}"
      if column, do: row <> ", column #{column}", else: row
    end

    @doc false
    # A key in words.
    @spec words(map() | String.t()) :: String.t()
    def words(key) when is_binary(key), do: key

    def words(key),
      do: Enum.map_join(key, ", ", fn {name, value} -> "#{name}: #{inspect(value)}" end)
  end
end
