defmodule AshRusqlite.RandomTerm do
  @moduledoc false
  # Terms of every kind that Erlang has, and small changes of terms that are right. Seeded by
  # the calling process's `:rand`.

  @doc "Any term. `handles` are terms that it may be, or hold."
  def any(handles, depth \\ 0) do
    kinds = if depth < 3, do: 30, else: 21

    case :rand.uniform(kinds) do
      1 ->
        nil

      2 ->
        Enum.random([true, false, :infinity, :undefined, :ok, :error, :__struct__])

      3 ->
        Enum.random([:rooms, :kinds, :id, :title, :where, :and, :or, :not, :key, :in, :asc])

      4 ->
        Enum.random([:"", :Grüße, :世界, :"a\0b", String.to_atom(String.duplicate("ß", 255))])

      5 ->
        Enum.random([0, 1, -1, 255, 1_000, 4_294_967_296, -9_223_372_036_854_775_808])

      6 ->
        Enum.random([9_223_372_036_854_775_807, 9_223_372_036_854_775_808, -(10 ** 30)])

      7 ->
        Integer.pow(3, :rand.uniform(40_000))

      8 ->
        :rand.uniform(1_000_000) - 500_000

      9 ->
        Enum.random([0.0, -0.0, 1.5, 1.0e308, -5.0e-324])

      10 ->
        Enum.random(["", "rooms", "id", "x", "é", "a\0b", "[1, {\"a\": 2}]", "2026-01-02"])

      11 ->
        Enum.random([<<255>>, <<0xED, 0xA0, 0x80>>, <<1::1>>, <<0, 5::7>>, <<131, 100>>])

      12 ->
        :binary.copy(Enum.random(["x", <<0>>, <<200>>]), :rand.uniform(100_000))

      13 ->
        binary_part("a part of a longer binary", 5, :rand.uniform(10))

      14 ->
        Enum.random([self(), make_ref(), hd(Port.list()), &Enum.map/2, fn -> handles end])

      15 ->
        Enum.random([[], {}, %{}, [[]], [{}], {[]}])

      16 ->
        Enum.random([
          ~U[2026-01-02 03:04:05Z],
          ~D[2026-01-02],
          ~T[03:04:05.1],
          ~N[0000-01-01 00:00:00]
        ])

      17 ->
        Enum.random([%{~D[2026-01-02] | month: nil}, %{__struct__: DateTime}, %{__struct__: 5}])

      18 ->
        %{
          __struct__: Decimal,
          coef: Enum.random([:NaN, :inf, -1, 5, 10 ** 60]),
          sign: 1,
          exp: any(handles, 9)
        }

      19 ->
        Enum.random(1..200) |> deep(any(handles, 9))

      20 ->
        deep(50_000, :bottom)

      21 ->
        Enum.random(handles)

      n when n in 22..24 ->
        for _ <- 1..:rand.uniform(5), do: any(handles, depth + 1)

      25 ->
        [any(handles, depth + 1) | any(handles, depth + 1)]

      26 ->
        for _ <- 1..:rand.uniform(4), do: {any(handles, depth + 2), any(handles, depth + 1)}

      27 ->
        List.to_tuple(for _ <- 1..:rand.uniform(6), do: any(handles, depth + 1))

      28 ->
        Map.new(1..:rand.uniform(40), &{&1, any(handles, depth + 2)})

      29 ->
        Map.new(1..3, fn _ -> {any(handles, depth + 2), any(handles, depth + 1)} end)

      30 ->
        List.duplicate(any(handles, depth + 2), :rand.uniform(2_000))
    end
  end

  defp deep(levels, term), do: Enum.reduce(1..levels, term, fn _, term -> [term] end)

  @doc "The term with something in it replaced by another term, often near its top."
  def change(term, handles) do
    case {:rand.uniform(4), term} do
      {1, _} -> any(handles)
      {_, [head | tail]} -> change_list(head, tail, handles)
      {_, %_{}} -> any(handles)
      {_, map} when map_size(map) > 0 -> change_map(map, handles)
      {_, tuple} when is_tuple(tuple) and tuple_size(tuple) > 0 -> change_tuple(tuple, handles)
      _ -> any(handles)
    end
  end

  defp change_list(head, tail, handles) do
    case :rand.uniform(5) do
      1 -> [head | any(handles)]
      2 -> [any(handles), head | tail]
      n when n in 3..4 or tail == [] -> [change(head, handles) | tail]
      _ -> [head | change(tail, handles)]
    end
  end

  defp change_map(map, handles) do
    {key, value} = Enum.random(map)

    if :rand.uniform(3) == 1,
      do: map |> Map.delete(key) |> Map.put(change(key, handles), value),
      else: Map.put(map, key, change(value, handles))
  end

  defp change_tuple(tuple, handles) do
    place = :rand.uniform(tuple_size(tuple)) - 1

    case :rand.uniform(6) do
      1 -> Tuple.insert_at(tuple, tuple_size(tuple), any(handles))
      2 -> Tuple.delete_at(tuple, place)
      _ -> put_elem(tuple, place, change(elem(tuple, place), handles))
    end
  end
end
