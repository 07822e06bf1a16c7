defmodule AshRusqlite.Repo.AsOf do
  @moduledoc false
  # The option `as_of:` of reads: the tables as they were, by the events of their journals.

  alias AshRusqlite.Error
  alias AshRusqlite.Repo.{Options, Request}

  @typedoc "When, and of which source alone."
  @type t :: {Request.moment(), String.t() | nil}

  @expected "a seq, a DateTime, or a list of source: with one of seq:, at: and position:"

  @doc """
  Takes `as_of:` out of the options of a read: `{as_of or nil, other options}`.

      iex> AshRusqlite.Repo.AsOf.pop(limit: 1, as_of: 17)
      {:ok, {17, nil}, [limit: 1]}
      iex> AshRusqlite.Repo.AsOf.pop(as_of: [source: "room:1", position: 5])
      {:ok, {{:position, 5}, "room:1"}, []}
      iex> AshRusqlite.Repo.AsOf.pop(limit: 1)
      {:ok, nil, [limit: 1]}
  """
  @spec pop(keyword()) :: {:ok, t() | nil, keyword()} | {:error, Error.t()}
  def pop(opts) do
    case Keyword.pop(opts, :as_of) do
      {nil, opts} ->
        {:ok, nil, opts}

      {given, opts} ->
        case parse(given) do
          {:ok, as_of} -> {:ok, as_of, opts}
          :error -> Options.wrong(:as_of, given, @expected)
        end
    end
  end

  @doc """
  A read of the past, or the read itself without a moment.

      iex> AshRusqlite.Repo.AsOf.wrap({:get, :rooms, "a"}, {17, nil})
      {:as_of, 17, nil, {:get, :rooms, "a"}}
      iex> AshRusqlite.Repo.AsOf.wrap({:get, :rooms, "a"}, nil)
      {:get, :rooms, "a"}
  """
  @spec wrap(Request.read(), t() | nil) :: Request.read()
  def wrap(read, nil), do: read
  def wrap(read, {moment, source}), do: Request.as_of(moment, source, read)

  defp parse(given) when is_list(given) and given != [] do
    if Keyword.keyword?(given) do
      {source, moment} = Keyword.pop(given, :source)

      case moment do
        [seq: seq] when is_integer(seq) -> parse(seq, source)
        [at: %DateTime{} = at] -> parse(at, source)
        [position: position] -> parse({:position, position}, source)
        _ -> :error
      end
    else
      :error
    end
  end

  defp parse(given), do: parse(given, nil)

  defp parse(_moment, source) when not (is_nil(source) or is_binary(source)), do: :error
  defp parse(seq, source) when is_integer(seq) and seq >= 0, do: {:ok, {seq, source}}
  defp parse(%DateTime{} = at, source), do: {:ok, {at, source}}

  defp parse({:position, position} = moment, source)
       when is_integer(position) and position >= 0 and is_binary(source),
       do: {:ok, {moment, source}}

  defp parse(_moment, _source), do: :error
end
