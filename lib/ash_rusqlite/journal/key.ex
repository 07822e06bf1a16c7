if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.Journal.Key do
    @moduledoc """
    The type of the key of an event's row: the value itself, a text, number or binary, as it is
    stored. Of a primary key of several columns it is the text of a JSON list.
    """

    use Ash.Type

    @doc false
    @impl true
    def storage_type(_constraints), do: :any

    @doc false
    @impl true
    def cast_input(value, _constraints), do: cast(value)

    @doc false
    @impl true
    def cast_stored(value, _constraints), do: cast(value)

    @doc false
    @impl true
    def dump_to_native(value, _constraints), do: cast(value)

    defp cast(%Ash.CiString{} = text), do: {:ok, Ash.CiString.value(text)}

    defp cast(value) when is_nil(value) or is_binary(value) or is_number(value),
      do: {:ok, value}

    defp cast(_other), do: :error
  end
end
