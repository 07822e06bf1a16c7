defmodule AshRusqlite.Repo.PagesTest do
  use AshRusqlite.Case, async: true

  setup do
    Repo.insert!(:rooms, id: "a", title: "A")
    rows = for n <- 1..25, do: [id: n, room_id: "a", content: "#{n}", likes: rem(n, 5)]
    Repo.insert_all(:messages, rows)
    :ok
  end

  defp ids(stream), do: Enum.map(stream, & &1.id)

  test "a stream of pages gives every row once, whatever the size of a page" do
    for size <- [1, 2, 5, 24, 25, 26, 500] do
      assert ids(Repo.stream(:messages, order_by: :id, max_rows: size)) == Enum.to_list(1..25)
    end
  end

  test "a stream of pages keeps the order where its column has equal values" do
    expected = ids(Repo.all(:messages, order_by: [:likes, :id]))
    assert ids(Repo.stream(:messages, order_by: :likes, max_rows: 3)) == expected
  end

  test "a stream of pages has the order of the primary key without another" do
    assert ids(Repo.stream(:messages, max_rows: 4)) == Enum.to_list(1..25)
  end

  test "a stream of pages takes the options of a query" do
    opts = [where: {:likes, :>, 0}, order_by: [desc: :id], max_rows: 3, select: [:id]]
    assert [%{id: 24} = row | _] = rows = Enum.to_list(Repo.stream(:messages, opts))
    assert Map.keys(row) == [:id]
    assert length(rows) == 20
    assert ids(Repo.stream(:messages, limit: 7, offset: 2, max_rows: 3)) == Enum.to_list(3..9)
    assert ids(Repo.stream(:messages, limit: 6, max_rows: 3)) == Enum.to_list(1..6)
    assert ids(Repo.stream(:messages, limit: 0)) == []
  end

  test "a stream of pages is lazy and may be left early" do
    stream = Repo.stream(:messages, max_rows: 2)
    assert stream |> Enum.take(3) |> ids() == [1, 2, 3]
    Repo.delete_all(:messages)
    assert Enum.to_list(stream) == []
  end

  test "a stream of pages goes through rows that are deleted meanwhile" do
    stream = Repo.stream(:messages, max_rows: 5)
    for %{id: id} <- stream, do: Repo.delete!(:messages, id)
    assert Repo.count(:messages) == 0
  end

  test "a stream of pages inside a transaction sees what that wrote" do
    assert {:ok, 26} =
             Repo.transaction(fn ->
               Repo.insert!(:messages, id: 26, room_id: "a", content: "x")
               :messages |> Repo.stream(max_rows: 4) |> Enum.count()
             end)
  end

  test "a stream of pages refuses what has no meaning" do
    assert error(fn -> Repo.stream(:messages, max_rows: 0) end).details.option == "max_rows"
    assert error(fn -> Repo.stream(:messages, limit: -1) end).details.option == "limit"
    assert error(fn -> Repo.stream(:messages, timeout: 0) end).details.option == "timeout"
    assert error(fn -> Enum.to_list(Repo.stream(:message)) end).code == :unknown_table

    for {wrong, near} <- [wher: "where", max_row: "max_rows", timeuot: "timeout"] do
      error = error(fn -> Enum.to_list(Repo.stream(:messages, [{wrong, 1}])) end)
      assert {error.code, error.details.nearest} == {:invalid_option, near}
      for name <- ["where", "max_rows", "timeout"], do: assert(error.message =~ name)
    end
  end
end
