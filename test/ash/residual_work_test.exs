# What is left to Elixir takes a time that grows with the rows, and ends with its deadline.
defmodule AshRusqlite.ResidualWorkTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.Related
  alias AshRusqlite.Related.OnSqlite.{Message, Room}

  import Ash.Expr
  require Ash.Query

  setup do
    {:ok, _} = Application.ensure_all_started(:ash)
    :ok
  end

  # It is a function of Elixir's.
  @left expr(string_join([text, "!"], "") == "nobody!")

  defp fill(room, messages) do
    Ash.create!(Room, %{id: room})

    %{status: :success} =
      Ash.bulk_create!(
        for(n <- 1..messages, do: %{id: room * 10_000 + n, room_id: room, text: "t#{n}"}),
        Message,
        :create
      )
  end

  # What a process does is counted in reductions.
  defp work(fun) do
    fun.()
    {:reductions, before} = Process.info(self(), :reductions)
    result = fun.()
    {:reductions, afterwards} = Process.info(self(), :reductions)
    {result, afterwards - before}
  end

  defp asking("exists in a filter"), do: Ash.Query.filter(Room, exists(messages, ^@left))

  defp asking("exists within exists") do
    Ash.Query.filter(Room, exists(messages, exists(room, id > 0) and ^@left))
  end

  defp asking("exists in a calculation"),
    do: Ash.Query.calculate(Room, :found, :boolean, expr(exists(messages, ^@left)), %{})

  for name <- ["exists in a filter", "exists within exists", "exists in a calculation"] do
    test "#{name} looks at each related row once" do
      fill(1, 150)
      fill(2, 600)
      query = fn room -> unquote(name) |> asking() |> Ash.Query.filter(id == ^room) end
      [{_, few}, {_, many}] = for room <- 1..2, do: work(fn -> Ash.read!(query.(room)) end)
      # Four times the rows: of the square it would be sixteen times the work.
      assert many < 8 * few
    end
  end

  test "aggregates load the rows of all records at once" do
    for room <- 1..5, do: fill(room, 3)

    query =
      Ash.Query.aggregate(Room, :found, :count, :messages, query: [filter: expr(not (^@left))])

    {rooms, asked} = AshRusqlite.Asked.during(fn -> Ash.read!(query) end)
    assert Enum.map(rooms, & &1.aggregates.found) == [3, 3, 3, 3, 3]
    assert length(asked) < 5
  end

  @doc false
  def slow(test, id) do
    send(test, {:asked, id})
    Process.sleep(10)
    true
  end

  @in_time [context: %{data_layer: %{timeout: 60}}]

  defp asked do
    receive do
      {:asked, id} -> [id | asked()]
    after
      0 -> []
    end
  end

  defp slow do
    test = self()
    expr(fragment(&__MODULE__.slow/2, ^test, id))
  end

  defp slowly("a filter"), do: Ash.read(Ash.Query.filter(Message, ^slow()), @in_time)

  defp slowly("an exists"),
    do: Ash.read(Ash.Query.filter(Room, exists(messages, ^slow())), @in_time)

  defp slowly("a calculation"),
    do: Ash.read(Ash.Query.calculate(Message, :it, :boolean, slow(), %{}), @in_time)

  defp slowly("a count") do
    Message
    |> Ash.Query.filter(^slow())
    |> Ash.Query.set_context(@in_time[:context])
    |> Ash.count()
  end

  for name <- ["a filter", "an exists", "a calculation", "a count"] do
    test "the timeout of a context ends #{name} in Elixir" do
      for room <- 1..100, do: fill(room, 1)
      assert {:error, error} = slowly(unquote(name))

      assert %{errors: [%Ash.Error.Invalid.Timeout{timeout: 60}]} =
               Ash.Error.to_error_class(error)

      # All of them are a second.
      assert length(asked()) < 100
    end
  end

  test "residual work without a timeout takes its time" do
    for room <- 1..10, do: fill(room, 1)
    assert {:ok, [_ | _] = found} = Ash.read(Ash.Query.filter(Message, ^slow()))
    assert length(found) == 10

    assert {_, [_ | _]} =
             Related.residual(fn -> Ash.read!(Ash.Query.filter(Message, ^slow())) end)
  end
end
