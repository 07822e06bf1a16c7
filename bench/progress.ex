defmodule AshRusqlite.Bench.Progress do
  @moduledoc false
  # Progress lines, beside the results.

  @doc "Says what happens now."
  @spec note(String.t()) :: :ok
  def note(text), do: IO.puts(:stderr, "    " <> text)

  @doc "Says which figure is measured."
  @spec figure(String.t(), pos_integer(), pos_integer()) :: :ok
  def figure(name, number, all) do
    number = number |> Integer.to_string() |> String.pad_leading(2)
    IO.puts(:stderr, "#{number}/#{all} #{name}")
  end
end
