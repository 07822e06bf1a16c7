defmodule AshChat.Demo.Terminal do
  @moduledoc "How the demo prints: results on the output, complaints on the error output."

  alias AshChat.Transcript

  @doc "Prints a line."
  @spec say(String.t()) :: :ok
  def say(text), do: IO.puts(text)

  @doc "Prints a line to the error output. On a terminal the line may hold a bar."
  @spec complain(String.t()) :: :ok
  def complain(text) do
    terminal = match?({:ok, _}, :io.columns(:standard_error))
    clear = if terminal, do: ["\r", IO.ANSI.clear_line()], else: []
    IO.puts(:stderr, [clear, Transcript.printable(text)])
  end

  @doc "What `AshChat.Transcript.last/2` has to know of the terminal."
  @spec transcript() :: keyword()
  def transcript do
    width = with({:ok, columns} <- :io.columns(), do: columns, else: (_ -> 80))
    [width: width, ansi: IO.ANSI.enabled?()]
  end

  @doc """
  A number with commas.

      iex> AshChat.Demo.Terminal.count(1234567)
      "1,234,567"
  """
  @spec count(non_neg_integer()) :: String.t()
  def count(number) do
    number
    |> Integer.to_string()
    |> String.reverse()
    |> String.replace(~r/\d{3}(?=\d)/, "\\0,")
    |> String.reverse()
  end

  @doc """
  A number of things.

      iex> {AshChat.Demo.Terminal.counted(1, "row"), AshChat.Demo.Terminal.counted(2, "row")}
      {"1 row", "2 rows"}
  """
  @spec counted(non_neg_integer(), String.t()) :: String.t()
  def counted(1, word), do: "1 #{word}"
  def counted(number, word), do: "#{count(number)} #{word}s"

  @doc "Microseconds as milliseconds."
  @spec duration(non_neg_integer()) :: String.t()
  def duration(microseconds), do: "#{Float.round(microseconds / 1000, 1)} ms"
end
