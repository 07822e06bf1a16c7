defmodule AshRusqlite.Oracle.Pages do
  @moduledoc false
  # Every page of a query, forward and back.

  require Ash.Query

  @most 8

  def walk(query, kind, limit) do
    query = Ash.Query.for_read(query, :paged)

    case kind do
      :offset -> offsets(query, limit, 0, [])
      :keyset -> keysets(query, limit)
    end
  end

  defp offsets(_query, _limit, count, pages) when count >= @most, do: {:ok, Enum.reverse(pages)}

  defp offsets(query, limit, count, pages) do
    page = [limit: limit, offset: count * limit, count: true]

    with {:ok, page} <- Ash.read(query, page: page) do
      pages = [{page.results, page.more?, page.count} | pages]

      if page.more?,
        do: offsets(query, limit, count + 1, pages),
        else: {:ok, Enum.reverse(pages)}
    end
  end

  defp keysets(query, limit) do
    with {:ok, first} <- Ash.read(query, page: [limit: limit, count: true]),
         {:ok, forward} <- follow(query, limit, :after, first, [first]),
         {:ok, back} <- follow(query, limit, :before, List.last(forward), []) do
      {:ok, Enum.map(forward ++ back, &{&1.results, &1.more?, &1.count})}
    end
  end

  defp follow(_query, _limit, _direction, %{results: []}, pages), do: {:ok, Enum.reverse(pages)}
  defp follow(_query, _limit, _, _page, pages) when length(pages) >= @most, do: {:ok, pages}

  defp follow(query, limit, direction, page, pages) do
    record = if direction == :after, do: List.last(page.results), else: hd(page.results)
    keyset = record.__metadata__.keyset

    with {:ok, next} <- Ash.read(query, page: [{:limit, limit}, {direction, keyset}]) do
      if next.results == [],
        do: {:ok, Enum.reverse([next | pages])},
        else: follow(query, limit, direction, next, [next | pages])
    end
  end
end
