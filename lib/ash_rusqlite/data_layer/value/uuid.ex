if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Value.Uuid do
    @moduledoc false
    # The 36 characters of a UUID, which Ash dumps as 16 bytes.

    @doc """
    The text of a UUID.

        iex> AshRusqlite.DataLayer.Value.Uuid.to_text(<<1::128>>)
        "00000000-0000-0000-0000-000000000001"
    """
    @spec to_text(<<_::128>>) :: String.t()
    def to_text(<<raw::binary-size(16)>>) do
      <<a::binary-8, b::binary-4, c::binary-4, d::binary-4, e::binary-12>> =
        Base.encode16(raw, case: :lower)

      <<a::binary, ?-, b::binary, ?-, c::binary, ?-, d::binary, ?-, e::binary>>
    end

    @doc """
    Whether a value is the text of a UUID as it is stored, in lower case.

        iex> AshRusqlite.DataLayer.Value.Uuid.text?("00000000-0000-0000-0000-00000000000a")
        true
        iex> AshRusqlite.DataLayer.Value.Uuid.text?("00000000-0000-0000-0000-00000000000A")
        false
    """
    @spec text?(term()) :: boolean()
    def text?(
          <<a::binary-8, ?-, b::binary-4, ?-, c::binary-4, ?-, d::binary-4, ?-, e::binary-12>>
        ),
        do: hex?(a) and hex?(b) and hex?(c) and hex?(d) and hex?(e)

    def text?(_value), do: false

    defp hex?(<<digit, rest::binary>>) when digit in ?0..?9 or digit in ?a..?f, do: hex?(rest)
    defp hex?(rest), do: rest == ""
  end
end
