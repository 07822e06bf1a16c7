defmodule AshRusqlite.Repo.JSON do
  @moduledoc """
  Reads JSON in the way that columns of the type `JSON_TEXT` do, without another package.

  Objects become maps with strings as keys, `null` becomes nil. Integers keep every digit; of
  equal keys in one object the first counts. Arrays and objects may be nested 128 levels deep.
  """

  alias AshRusqlite.{Error, Native}

  @doc """
  The value of a JSON text, which is one binary in UTF-8.

  The error is `:invalid_value`; its details have the `:offset` in bytes where the text stops to
  be JSON.

      iex> AshRusqlite.Repo.JSON.decode(~S({"likes": 2, "by": ["Ann", null]}))
      {:ok, %{"likes" => 2, "by" => ["Ann", nil]}}

      iex> {:error, error} = AshRusqlite.Repo.JSON.decode("[1, 2, x]")
      iex> {error.code, error.details.offset}
      {:invalid_value, 7}
  """
  @spec decode(binary()) :: {:ok, term()} | {:error, Error.t()}
  def decode(text) do
    result = with :dirty <- Native.json_decode(text), do: Native.json_decode_dirty(text)
    with {:error, native} <- result, do: {:error, Error.from_native(native)}
  end

  @doc """
  As `decode/1`, but returns the value or raises.

      iex> AshRusqlite.Repo.JSON.decode!("[true, 1.5]")
      [true, 1.5]
  """
  @spec decode!(binary()) :: term()
  def decode!(text) do
    case decode(text) do
      {:ok, value} -> value
      {:error, error} -> raise error
    end
  end
end
