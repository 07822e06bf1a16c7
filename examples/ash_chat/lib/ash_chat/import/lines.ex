defmodule AshChat.Import.Lines do
  @moduledoc """
  The lines of a file as bytes, whatever they are, in bounded memory.
  """

  @chunk 64 * 1024
  @limit 16 * 1024 * 1024

  @typedoc """
  The number of the line, from 1; its bytes without the line's end, or `:too_long`; how many
  bytes of the file have been read so far.
  """
  @type line :: {pos_integer(), binary() | :too_long, non_neg_integer()}

  @doc "How long a line may be, in bytes: #{@limit}."
  @spec limit() :: pos_integer()
  def limit, do: @limit

  @doc """
  The lines of a file as a lazy stream. A byte order mark at its beginning is left out.

  What cannot be opened or read raises `File.Error`. Of a line longer than `limit` bytes only
  the number comes.
  """
  @spec stream(Path.t(), pos_integer()) :: Enumerable.t()
  def stream(path, limit \\ @limit) do
    Stream.resource(fn -> open!(path, limit) end, &next/1, &close/1)
  end

  defp open!(path, limit) do
    case :file.open(path, [:read, :raw, :binary]) do
      {:ok, file} ->
        %{path: path, file: file, limit: limit, number: 1, read: 0, parts: [], size: 0}

      {:error, reason} ->
        raise File.Error, reason: reason, action: "open", path: path
    end
  end

  defp close({:ended, state}), do: close(state)
  defp close(state), do: :file.close(state.file)

  defp next({:ended, state}), do: {:halt, state}

  defp next(state) do
    case :file.read(state.file, @chunk) do
      {:ok, chunk} ->
        [head | tail] = :binary.split(without_mark(chunk, state), "\n", [:global])
        lines(tail, append(state, head), byte_size(chunk), [])

      :eof when state.size == 0 ->
        {:halt, state}

      :eof ->
        {[line(state)], {:ended, state}}

      {:error, reason} ->
        raise File.Error, reason: reason, action: "read", path: state.path
    end
  end

  defp lines([], state, read, lines) do
    {Enum.reverse(lines), %{state | read: state.read + read}}
  end

  defp lines([head | tail], state, read, lines) do
    line = put_elem(line(state), 2, state.read + read)
    state = append(%{state | number: state.number + 1, parts: [], size: 0}, head)
    lines(tail, state, read, [line | lines])
  end

  # What is already too long is counted, but not kept.
  defp append(state, ""), do: state

  defp append(state, part) do
    size = state.size + byte_size(part)
    parts = if size <= state.limit, do: [state.parts, part], else: []
    %{state | size: size, parts: parts}
  end

  defp line(%{size: size, limit: limit} = state) when size > limit do
    {state.number, :too_long, state.read}
  end

  defp line(state) do
    {state.number, state.parts |> IO.iodata_to_binary() |> String.trim_trailing("\r"), state.read}
  end

  defp without_mark(<<0xEF, 0xBB, 0xBF, rest::binary>>, %{read: 0}), do: rest
  defp without_mark(chunk, _state), do: chunk
end
