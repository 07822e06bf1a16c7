defmodule AshRusqlite.Oracle.Values do
  @moduledoc false
  # Values by kind, few of each, so that many rows tie; and their code. The process's `:rand`
  # makes every choice, so a seed gives the same ones again.

  def pick(list), do: Enum.at(list, :rand.uniform(length(list)) - 1)
  def chance?(percent), do: :rand.uniform(100) <= percent
  def between(low, high), do: low + :rand.uniform(high - low + 1) - 1
  def some(list, most), do: list |> Enum.shuffle() |> Enum.take(between(0, most))

  @doc "One of several functions, by weight."
  def weighted(choices) do
    total = choices |> Enum.map(&elem(&1, 0)) |> Enum.sum()
    take(choices, between(1, total))
  end

  defp take([{weight, fun} | rest], number),
    do: if(number <= weight, do: fun.(), else: take(rest, number - weight))

  @strings ["", "a", "A", "b", "B", "ab", "ABBA", "Äb", "äb", "a b", " a ", "10", "%", "ﬀ"]
  @decimals ["0", "1", "1.0", "1.10", "2.5", "-3", "0.1", "100000000000000000.5"]
  @floats [0.0, 1.0, 1.5, 2.0, -2.5, 1.0e10]
  @dates [~D[2020-01-01], ~D[2020-01-31], ~D[2020-02-29], ~D[1999-12-31]]
  @seconds [~U[2020-01-01 00:00:00Z], ~U[2020-01-01 00:00:01Z], ~U[2021-06-30 12:30:00Z]]
  @micros [
    ~U[2020-01-01 00:00:00.000000Z],
    ~U[2020-01-01 00:00:00.500000Z],
    ~U[2020-01-01 00:00:01.000000Z],
    ~U[2021-06-30 12:30:00.123456Z]
  ]
  @times [~T[00:00:00], ~T[07:30:00], ~T[23:59:59]]

  @doc "A value of a kind, never nil."
  def value(:string), do: pick(@strings)
  def value(:code), do: pick(["a", "b", "c", "d", "aB"])
  def value(:ci), do: pick(@strings)
  def value(:int), do: pick([-2, -1, 0, 1, 1, 2, 2, 3, 4, 10])
  def value(:points), do: value(:int)
  def value(:float), do: pick(@floats)
  def value(:decimal), do: Decimal.new(pick(@decimals))
  def value(:bool), do: pick([true, false])
  def value(:atom), do: pick([:ape, :bee, :cat])
  def value(:level), do: pick([:low, :mid, :high])
  def value(:date), do: pick(@dates)
  def value(:seconds), do: pick(@seconds)
  def value(:micros), do: pick(@micros)
  def value(:time), do: pick(@times)
  def value(:uuid), do: pick(author_ids() ++ topic_ids())
  def value(:strings), do: Enum.map(1..between(1, 4)//1, fn _ -> pick(["a", "b", "c", ""]) end)
  def value(:ints), do: Enum.map(1..between(1, 4)//1, fn _ -> value(:int) end)
  def value(:binary), do: pick([<<0>>, <<255, 1>>, "text", <<>>])

  def value(:map) do
    pick([%{}, %{a: 1}, %{"a" => 1, "b" => %{"c" => [1, nil]}}, %{a: :b, c: ~D[2020-01-01]}])
  end

  def value(:term), do: pick([{:a, 1}, "text", [1, 2], %{a: {1}}, 7, :atom])
  def value(:profile), do: %{nick: value(:string), mood: pick([:glad, :sad, nil]), since: nil}
  def value(:profiles), do: Enum.map(1..between(1, 2), fn _ -> value(:profile) end)

  def value(:thing) do
    pick([7, "seven", %{type: "profile", nick: "n", mood: :sad}])
  end

  # Not every Elixir has the struct.
  def value(:span), do: struct(Module.concat([:Duration]), pick([%{day: 1}, %{hour: 2}]))

  @doc "A value or, in one of four, nil."
  def maybe(kind), do: if(chance?(25), do: nil, else: value(kind))

  def owners, do: ["ann", "ben", "cid"]
  def author_ids, do: Enum.map(1..9, &"00000000-0000-4000-8000-00000000000#{&1}")
  def topic_ids, do: Enum.map(1..6, &"00000000-0000-4000-9000-00000000000#{&1}")

  @doc "The code of a value."
  def code(%Decimal{} = value),
    do: quote(do: Decimal.new(unquote(Decimal.to_string(value))))

  def code(%struct{} = value) when struct in [Date, DateTime, Time],
    do: Code.string_to_quoted!(inspect(value))

  def code(value), do: Macro.escape(value)

  @doc "The code of a value within an expression."
  def literal(value) when is_struct(value) or is_map(value) or is_list(value),
    do: {:^, [], [code(value)]}

  def literal(value), do: code(value)
end
