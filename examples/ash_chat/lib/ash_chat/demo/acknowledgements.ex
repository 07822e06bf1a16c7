defmodule AshChat.Demo.Acknowledgements do
  @moduledoc """
  The record, outside of the database, of what was acknowledged: a file with a line of fixed
  length for each write, which is appended after the write has returned `{:ok, _}`. What was
  given to the operating system survives the death of the process that wrote it.

      003 0000000041
  """

  @bytes 15

  @doc "Opens the file for one writer to append to."
  @spec open!(Path.t()) :: :file.fd()
  def open!(path) do
    {:ok, file} = :file.open(path, [:append, :raw, :binary])
    file
  end

  @doc "Notes that a writer's write of this number was acknowledged."
  @spec add!(:file.fd(), pos_integer(), pos_integer()) :: :ok
  def add!(file, writer, number), do: :ok = :file.write(file, line(writer, number))

  @doc """
  A line of the file.

      iex> AshChat.Demo.Acknowledgements.line(3, 41)
      "003 0000000041\\n"
  """
  @spec line(pos_integer(), pos_integer()) :: String.t()
  def line(writer, number), do: "#{pad(writer, 3)} #{pad(number, 10)}\n"

  defp pad(number, digits), do: number |> Integer.to_string() |> String.pad_leading(digits, "0")

  @doc "How many lines are in the file by now; 0 while there is no file."
  @spec count(Path.t()) :: non_neg_integer()
  def count(path) do
    case File.stat(path) do
      {:ok, %{size: size}} -> div(size, @bytes)
      {:error, :enoent} -> 0
    end
  end

  @doc """
  How many writes of each writer were acknowledged. A last line that is not whole does not
  count.

  Writers write one after the other, so the numbers of each must be 1, 2, 3, …; where they are
  not, the record cannot be trusted and the error says which line is wrong.
  """
  @spec read(Path.t()) ::
          {:ok, %{optional(pos_integer()) => pos_integer()}} | {:error, String.t()}
  def read(path) do
    with {:ok, content} <- File.read(path) do
      lines = for <<line::binary-size(@bytes) <- content>>, do: line

      lines
      |> Enum.with_index(1)
      |> Enum.reduce_while({:ok, %{}}, fn {line, at}, {:ok, counts} ->
        case next(line, counts) do
          {:ok, counts} -> {:cont, {:ok, counts}}
          :error -> {:halt, {:error, "line #{at} of #{path} is not to be expected: #{line}"}}
        end
      end)
    else
      {:error, reason} -> {:error, "#{path}: #{:file.format_error(reason)}"}
    end
  end

  defp next(<<writer::binary-size(3), " ", number::binary-size(10), "\n">>, counts) do
    with {writer, ""} <- Integer.parse(writer),
         {number, ""} <- Integer.parse(number),
         true <- number == Map.get(counts, writer, 0) + 1 do
      {:ok, Map.put(counts, writer, number)}
    else
      _ -> :error
    end
  end

  defp next(_line, _counts), do: :error
end
