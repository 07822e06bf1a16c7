defmodule AshRusqlite.Bench.Report do
  @moduledoc false
  # The results as a table and as JSON.

  alias AshRusqlite.Bench.{Figure, JSON}

  @headings ~w(figure ours reference ratio bar ok)

  @doc "An aligned table, a line for each figure."
  @spec table([Figure.result()]) :: String.t()
  def table(results) do
    rows = [@headings | Enum.map(results, &cells/1)]
    columns = rows |> Enum.zip() |> Enum.map(&Tuple.to_list/1)
    widths = for column <- columns, do: column |> Enum.map(&String.length/1) |> Enum.max()
    Enum.map_join(rows, "\n", &line(&1, widths))
  end

  defp line([name | numbers], [width | widths]) do
    aligned = Enum.zip_with(numbers, widths, &String.pad_leading/2)
    Enum.join([String.pad_trailing(name, width) | aligned], "  ")
  end

  defp cells(result) do
    [
      result.name,
      value(result.ours, result.unit),
      value(result.reference, result.unit),
      number(result.ratio),
      bar(result.limit, result.bar),
      ok(result)
    ]
  end

  defp value(value, :us), do: "#{number(value)} µs"
  defp value(value, :ms), do: "#{number(value)} ms"
  defp value(value, :per_s), do: "#{round(value)} /s"
  defp value(value, :of), do: "#{round(value)}"

  defp bar(nil, nil), do: "-"
  defp bar(:at_most, bar), do: "<= #{bar}"
  defp bar(:at_least, bar), do: ">= #{bar}"
  defp bar(:below, bar), do: "< #{bar}"

  defp ok(%{bar: nil}), do: "-"
  defp ok(%{ok: true}), do: "yes"
  defp ok(%{ok: false}), do: "NO"

  # Three significant digits, as far as that makes sense.
  defp number(value) when value == 0, do: "0"
  defp number(value) when value >= 100, do: "#{round(value)}"
  defp number(value) when value >= 10, do: :erlang.float_to_binary(value / 1, decimals: 1)
  defp number(value) when value >= 0.01, do: :erlang.float_to_binary(value / 1, decimals: 2)
  defp number(value), do: :erlang.float_to_binary(value / 1, decimals: 5)

  @doc "The figures as a JSON list."
  @spec json([Figure.result()]) :: iodata()
  def json(results), do: [results |> Enum.map(&entry/1) |> JSON.encode(), ?\n]

  defp entry(result), do: Map.take(result, [:name, :ours, :reference, :ratio, :bar, :ok, :unit])
end
