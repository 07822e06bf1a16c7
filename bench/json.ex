defmodule AshRusqlite.Bench.JSON do
  @moduledoc false
  # As much JSON as the figures need: Elixir 1.14 has no encoder, and the project no package.

  @doc """
  Encodes lists, maps with atom or text keys, texts, numbers, booleans and nil. Keys are in the
  order of their names.
  """
  @spec encode(term()) :: iodata()
  def encode(nil), do: "null"
  def encode(value) when is_boolean(value), do: Atom.to_string(value)
  def encode(value) when is_atom(value), do: encode(Atom.to_string(value))
  def encode(value) when is_integer(value), do: Integer.to_string(value)
  def encode(value) when is_float(value), do: Float.to_string(value)
  def encode(text) when is_binary(text), do: [?", for(<<c::utf8 <- text>>, do: char(c)), ?"]
  def encode(list) when is_list(list), do: [?[, list |> Enum.map(&encode/1) |> joined(), ?]]

  def encode(map) when is_map(map) do
    pairs =
      map |> Enum.sort() |> Enum.map(fn {key, value} -> [encode(key), ?:, encode(value)] end)

    [?{, joined(pairs), ?}]
  end

  defp joined(parts), do: Enum.intersperse(parts, ?,)

  defp char(c) when c in [?", ?\\], do: [?\\, c]

  defp char(c) when c < 0x20,
    do: ["\\u", c |> Integer.to_string(16) |> String.pad_leading(4, "0")]

  defp char(c), do: <<c::utf8>>
end
