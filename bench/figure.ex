defmodule AshRusqlite.Bench.Figure do
  @moduledoc false
  # One comparison: how it is measured, and the bar that its ratio must keep.

  @enforce_keys [:name, :unit, :measure]
  defstruct [:name, :unit, :measure, bar: nil, limit: nil]

  @typedoc """
    * `unit` - of both values: `:us` and `:ms` are times, where less is better, `:per_s` is a
      rate, and `:of` are two counts of which one is a part of the other
    * `bar`, `limit` - the ratio must be `:at_most`, `:at_least` or `:below` the bar
    * `measure` - gives `{ours, reference}` of each round
  """
  @type t :: %__MODULE__{
          name: String.t(),
          unit: :us | :ms | :per_s | :of,
          bar: float() | nil,
          limit: :at_most | :at_least | :below | nil,
          measure: (AshRusqlite.Bench.World.t() -> [{number(), number()}])
        }

  @typedoc "What came out: medians, and the median of the rounds' ratios."
  @type result :: %{
          name: String.t(),
          unit: :us | :ms | :per_s | :of,
          ours: float(),
          reference: float(),
          ratio: float(),
          bar: float() | nil,
          limit: :at_most | :at_least | :below | nil,
          ok: boolean()
        }

  @doc "Measures a figure. Without a bar it is always ok."
  @spec measure(t(), AshRusqlite.Bench.World.t()) :: result()
  def measure(figure, world) do
    {ours, reference, ratio} = summarize(figure.unit, figure.measure.(world))

    figure
    |> Map.take([:name, :unit, :bar, :limit])
    |> Map.merge(%{ours: ours / 1, reference: reference / 1, ratio: ratio})
    |> Map.put(:ok, ok?(figure.limit, ratio, figure.bar))
  end

  # A share is that of all rounds together: most of them have no late tick at all.
  defp summarize(:of, rounds) do
    {parts, wholes} = Enum.unzip(rounds)
    {Enum.sum(parts), Enum.sum(wholes), Enum.sum(parts) / Enum.sum(wholes)}
  end

  # Both sides of a round were measured one right after the other, under the same load of the
  # machine, so the ratio of a round says more than the ratio of two medians.
  defp summarize(_unit, rounds) do
    {ours, reference} = Enum.unzip(rounds)
    ratios = for {ours, reference} <- rounds, do: ours / reference
    {median(ours), median(reference), median(ratios)}
  end

  defp ok?(nil, _ratio, nil), do: true
  defp ok?(:at_most, ratio, bar), do: ratio <= bar
  defp ok?(:at_least, ratio, bar), do: ratio >= bar
  defp ok?(:below, ratio, bar), do: ratio < bar

  @doc "The value in the middle; of two, what is between them."
  @spec median([number(), ...]) :: float()
  def median(values) do
    sorted = Enum.sort(values)
    middle = div(length(sorted), 2)
    upper = Enum.at(sorted, middle)
    lower = if rem(length(sorted), 2) == 1, do: upper, else: Enum.at(sorted, middle - 1)
    (lower + upper) / 2
  end
end
