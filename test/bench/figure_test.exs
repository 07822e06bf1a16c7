Code.require_file("../../bench/figure.ex", __DIR__)
Code.require_file("../../bench/json.ex", __DIR__)
Code.require_file("../../bench/report.ex", __DIR__)

defmodule AshRusqlite.Bench.FigureTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.Bench.{Figure, JSON, Report}

  defp result(unit, bar, limit, rounds) do
    figure = %Figure{name: "it", unit: unit, bar: bar, limit: limit, measure: fn _ -> rounds end}
    Figure.measure(figure, nil)
  end

  test "the ratio is the median of the rounds' ratios, not the ratio of the medians" do
    rounds = [{10, 10}, {30, 10}, {40, 20}]
    assert %{ours: 30.0, reference: 10.0, ratio: 2.0} = result(:us, nil, nil, rounds)
    assert %{ours: 2.0, reference: 4.0, ratio: 0.5} = result(:us, nil, nil, [{1, 2}, {3, 6}])
  end

  test "a share is that of all rounds together" do
    assert %{ours: 1.0, reference: 400.0, ratio: 0.0025} =
             result(:of, 0.001, :below, [{0, 100}, {1, 300}])
  end

  test "each kind of bar is kept or missed" do
    assert result(:us, 2.0, :at_most, [{2, 1}]).ok
    refute result(:us, 2.0, :at_most, [{2.01, 1}]).ok
    assert result(:per_s, 3.0, :at_least, [{3, 1}]).ok
    refute result(:per_s, 3.0, :at_least, [{2.99, 1}]).ok
    assert result(:of, 0.5, :below, [{1, 3}]).ok
    refute result(:of, 0.5, :below, [{1, 2}]).ok
    assert result(:us, nil, nil, [{100, 1}]).ok
  end

  test "the table is aligned and says what misses its bar" do
    results = [result(:us, 2.0, :at_most, [{3, 1}]), result(:per_s, nil, nil, [{12_345, 100}])]
    [headings, first, second] = results |> Report.table() |> String.split("\n")
    assert headings =~ ~r/^figure +ours +reference +ratio +bar +ok$/
    assert first =~ ~r/^it +3.00 µs +1.00 µs +3.00 +<= 2.0 +NO$/
    assert second =~ ~r"^it +12345 /s +100 /s +123 +- +-$"
    assert String.length(first) == String.length(headings)
  end

  test "the JSON of figures can be read again" do
    text =
      IO.iodata_to_binary(JSON.encode([%{name: "a \"b\"\\\n\té", ok: true, bar: nil, n: 1.0e-9}]))

    assert {:ok, [read]} = AshRusqlite.Native.json_decode_dirty(text)
    assert read == %{"name" => "a \"b\"\\\n\té", "ok" => true, "bar" => nil, "n" => 1.0e-9}
    assert AshRusqlite.Native.json_decode_dirty(JSON.encode([]) |> to_string()) == {:ok, []}
  end
end
