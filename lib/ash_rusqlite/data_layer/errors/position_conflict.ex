if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.PositionConflict do
    @moduledoc """
    The error of an action whose `context: %{data_layer: %{expect: […]}}` expects a source of events at
    another position than it has, because another event came meanwhile. Nothing was written.

      * `:source` - such as `"room:…"`
      * `:expected` and `:position` - where it should be, and where it is
      * `:missed` - the events in between, as `AshRusqlite.Event`, at most 100
    """

    use Splode.Error,
      fields: [:source, :expected, :position, :message, missed: []],
      class: :invalid

    @impl true
    def message(%{message: message}), do: message

    @doc false
    # The engine's error as one that Ash keeps as it is.
    @spec new(AshRusqlite.Error.t()) :: Exception.t()
    def new(%AshRusqlite.Error{code: :position_conflict} = error) do
      exception(
        source: error.details[:source],
        expected: error.details[:expected],
        position: error.details[:position],
        missed: error.details[:missed] || [],
        message: error.message
      )
    end
  end
end
