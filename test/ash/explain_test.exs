# What is explained is what the read does.
defmodule AshRusqlite.ExplainTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.Related
  alias AshRusqlite.Related.OnSqlite.{Diary, Message, Room}

  import Ash.Expr
  require Ash.Query

  setup do
    {:ok, _} = Application.ensure_all_started(:ash)

    for {id, owner} <- [{1, "ann"}, {2, "bob"}],
        do: Ash.create!(Diary, %{id: id, owner: owner}, authorize?: false)

    for id <- 1..3, do: Ash.create!(Message, %{id: id, text: "t#{id}", at: id})
    :ok
  end

  # The residual parts of the reads, and of what is explained of them.
  defp explained(query, opts \\ []) do
    {:ok, explained} = AshRusqlite.explain(query, opts)
    {result, events} = Related.residual(fn -> Ash.read!(query, opts) end)
    {explained, Enum.flat_map(events, &elem(&1, 1)), result}
  end

  test "the policies of an actor are a part of it" do
    {explained, reasons, read} = explained(Diary, actor: %{name: "ann"})
    assert explained.sql =~ ~s[WHERE ("owner"]
    assert explained.residual == reasons
    assert [%{id: 1}] = read
  end

  test "an actor in the query counts as well" do
    query = Ash.Query.for_read(Diary, :read, %{}, actor: %{name: "ann"})
    assert {:ok, %{sql: sql}} = AshRusqlite.explain(query)
    assert sql =~ ~s[WHERE ("owner"]
  end

  test "without authorization explain names no policies" do
    {explained, _reasons, read} = explained(Diary, authorize?: false)
    refute explained.sql =~ "WHERE"
    assert length(read) == 2
  end

  test "loaded calculations and aggregates are a part of it" do
    query = Ash.Query.load(Room, [:any_text, :unread_count])
    {explained, [], _} = explained(query)
    assert explained.residual == []
    assert explained.sql =~ "count("

    left = expr(string_join([name, "!"], ""))
    query = Ash.Query.calculate(Room, :it, :string, left, %{})
    Ash.create!(Room, %{id: 1})
    {explained, reasons, _} = explained(query)
    assert [{:calculations, _}] = explained.residual
    assert explained.residual == reasons
  end

  test "a page is a part of it" do
    query = Message |> Ash.Query.for_read(:paged) |> Ash.Query.sort(:at)
    {:ok, %{sql: sql, residual: []}} = AshRusqlite.explain(query, page: [limit: 2])
    assert sql =~ "LIMIT"
    %{results: [_, last]} = Ash.read!(query, page: [limit: 2])
    page = [limit: 2, after: last.__metadata__.keyset]
    {:ok, %{sql: sql, residual: []}} = AshRusqlite.explain(query, page: page)
    assert sql =~ ~s("at" >)
  end

  test "a sort by an aggregate is SQL" do
    query = Ash.Query.sort(Room, unread_count: :desc)
    {explained, [], _} = explained(query)
    assert explained.residual == []
    assert explained.sql =~ ~r/ORDER BY .*count\(/
  end

  test "a union is a statement for each part, and Elixir's to put together" do
    parts = [
      Ash.Query.Combination.base(filter: expr(at == 1)),
      Ash.Query.Combination.union(filter: expr(string_join([text, "!"], "") == "t2!"))
    ]

    query = Ash.Query.combination_of(Message, parts)
    {explained, reasons, read} = explained(query)
    assert [_, _] = String.split(explained.sql, "\n")
    assert [{:filter, _}, {:query, "a combination"}] = explained.residual
    assert explained.residual == reasons
    assert Enum.map(read, & &1.id) == [1, 2]
  end

  test "the error of explain is the error of the read" do
    query = Ash.Query.filter(Message, nothing == 1)
    {:error, %read{}} = Ash.read(query)
    assert {:error, %^read{}} = AshRusqlite.explain(query)
  end
end
