defmodule AshChat.Import.Id do
  @moduledoc """
  Ids that are made from what they stand for, so that a second import finds the rows of the
  first one.
  """

  @doc """
  The id of something with a name: a UUID of version 3, from the MD5 of its kind and name.

      iex> AshChat.Import.Id.of_name(:user, "mara")
      "4a0b76e1-f0fa-3147-819d-f23638dfea21"

      iex> AshChat.Import.Id.of_name(:room, "mara") == AshChat.Import.Id.of_name(:user, "mara")
      false
  """
  @spec of_name(atom(), String.t()) :: String.t()
  def of_name(kind, name) do
    <<a::48, _::4, b::12, _::2, c::62>> = :erlang.md5("ash_chat:#{kind}:#{name}")
    format(<<a::48, 3::4, b::12, 2::2, c::62>>)
  end

  @doc """
  The id of a message without one: a UUID of version 8 that sorts by time, then by `place`
  among the messages of the same millisecond, then by the MD5 of `parts`.

      iex> id = &AshChat.Import.Id.of_message(~U[2026-01-10 09:00:00Z], &1, ["kitchen", "Hi"])
      iex> {id.(0) == id.(0), id.(0) < id.(1)}
      {true, true}
  """
  @spec of_message(DateTime.t(), non_neg_integer(), [String.t()]) :: String.t()
  def of_message(time, place, parts) do
    milliseconds = max(DateTime.to_unix(time, :millisecond), 0)
    <<high::12, low::20>> = <<place::32>>
    # Each part with its length, so that two lists of parts never look the same.
    hash = :erlang.md5(for part <- parts, do: [<<byte_size(part)::64>>, part])
    <<hash::42, _::bitstring>> = hash
    format(<<milliseconds::48, 8::4, high::12, 2::2, low::20, hash::42>>)
  end

  @doc """
  The 16 bytes of an id, or an error where it is none.

      iex> AshChat.Import.Id.parse("00000000-0000-0000-0000-0000000000FF")
      {:ok, <<255::128>>}

      iex> AshChat.Import.Id.parse("42")
      :error
  """
  @spec parse(String.t()) :: {:ok, <<_::128>>} | :error
  def parse(
        <<a::binary-size(8), ?-, b::binary-size(4), ?-, c::binary-size(4), ?-, d::binary-size(4),
          ?-, e::binary-size(12)>>
      ),
      do: Base.decode16(a <> b <> c <> d <> e, case: :mixed)

  def parse(_), do: :error

  @doc """
  The text of 16 bytes.

      iex> AshChat.Import.Id.format(<<255::128>>)
      "00000000-0000-0000-0000-0000000000ff"
  """
  @spec format(<<_::128>>) :: String.t()
  def format(<<bytes::binary-size(16)>>) do
    <<a::binary-size(8), b::binary-size(4), c::binary-size(4), d::binary-size(4),
      e::binary-size(12)>> = Base.encode16(bytes, case: :lower)

    a <> "-" <> b <> "-" <> c <> "-" <> d <> "-" <> e
  end
end
