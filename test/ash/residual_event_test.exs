defmodule AshRusqlite.ResidualEventTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.FromEts.OnSqlite

  import Ash.Expr
  require Ash.Query

  setup do
    {:ok, _} = Application.ensure_all_started(:ash)
    for size <- 1..9, do: Ash.create!(OnSqlite, %{name: "a#{size}", size: size})
    id = make_ref()
    :telemetry.attach(id, [:ash_rusqlite, :residual], &__MODULE__.forward/4, self())
    on_exit(fn -> :telemetry.detach(id) end)
  end

  # The handler runs in the process that asked; others ask beside this test.
  def forward(_event, measurements, metadata, test) do
    if self() == test, do: send(test, {:residual, measurements, metadata})
  end

  @left expr(string_join([name, "!"], "") == "a5!")

  test "the event of residual work counts all rows that SQLite gave Elixir, not those that it kept" do
    query = Ash.Query.filter(OnSqlite, size > 3 and ^@left)
    assert [%{name: "a5"}] = Ash.read!(query)
    assert_received {:residual, %{rows: 6}, metadata}
    assert %{resource: OnSqlite, reasons: [{:filter, reason}]} = metadata
    assert reason =~ "StringJoin"
    refute_received {:residual, _, _}

    assert [] = query |> Ash.Query.filter(size == 4) |> Ash.read!()
    assert_received {:residual, %{rows: 1}, _}
  end

  test "the event of residual work counts them before a limit that is left with the filter" do
    assert [_] = OnSqlite |> Ash.Query.filter(not (^@left)) |> Ash.Query.limit(1) |> Ash.read!()
    assert_received {:residual, %{rows: 9}, %{reasons: [{:filter, _}, {:limit, _}]}}
  end

  test "the event of residual work is emitted for a calculation, and for an update of the rows that Elixir finds" do
    calculation = expr(string_join([name, "!"], ""))
    query = Ash.Query.calculate(OnSqlite, :it, :string, calculation, %{})
    assert [_, _] = query |> Ash.Query.limit(2) |> Ash.read!()
    assert_received {:residual, %{rows: 2}, %{reasons: [{:calculations, _}]}}

    assert %{status: :success} =
             OnSqlite
             |> Ash.Query.filter(^@left)
             |> Ash.bulk_update(:update, %{name: "b"}, strategy: :atomic)

    assert_received {:residual, %{rows: 9}, %{reasons: [{:filter, _}]}}
  end

  test "the event of residual work is not emitted for what is SQL alone" do
    assert [_] = OnSqlite |> Ash.Query.filter(size == 4) |> Ash.read!()
    refute_received {:residual, _, _}
  end

  test "the event of residual work is among the documented events" do
    assert [:ash_rusqlite, :residual] in AshRusqlite.Telemetry.events()
    assert [:ash_rusqlite, :residual] in AshRusqlite.Telemetry.events([:my_app, :repo])
  end
end
