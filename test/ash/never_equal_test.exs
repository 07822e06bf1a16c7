# What no stored value can equal is answered as ETS answers it, and no row is read for it.
defmodule AshRusqlite.NeverEqualTest do
  use ExUnit.Case, async: true

  # ETS logs every create.
  @moduletag :capture_log

  import Ash.Expr
  require Ash.Query

  alias AshRusqlite.AnyDomain, as: Domain

  defmodule Values do
    defmacro __using__(data_layer) do
      quote do
        use Ash.Resource, domain: Domain, data_layer: unquote(data_layer)

        ets do
          private? true
        end

        actions do
          defaults [:read, create: :*]
        end

        attributes do
          uuid_primary_key :id, writable?: true, public?: true
          attribute :other, :uuid, public?: true
          attribute :n, :integer, public?: true
          attribute :f, :float, public?: true
          attribute :d, :decimal, public?: true
          attribute :b, :boolean, public?: true
          attribute :t, :string, public?: true
          attribute :c, :ci_string, public?: true
          attribute :a, :atom, public?: true
          attribute :at, :utc_datetime, public?: true
          attribute :day, :date, public?: true
        end
      end
    end
  end

  defmodule OnEts do
    use Values, Ash.DataLayer.Ets
  end

  defmodule OnSqlite do
    use Values, AshRusqlite.DataLayer
  end

  @one "01234567-89ab-4def-8123-456789abcdef"
  @two "11234567-89ab-4def-8123-456789abcdef"
  @huge 99_999_999_999_999_999_999

  setup do
    {:ok, _} = Application.ensure_all_started(:ash)
    # Ash looks for this module by its name, which must be known.
    Code.ensure_loaded(Comparable.Type.Any.To.Any)
    row = %{id: @one, other: @two, n: 1, f: 1.5, d: Decimal.new("1.10"), b: true, t: "x"}
    row = Map.merge(row, %{c: "X", a: :x, at: ~U[2026-01-02 03:04:05Z], day: ~D[2026-01-02]})

    for resource <- [OnEts, OnSqlite] do
      Ash.create!(resource, row)
      Ash.create!(resource, %{id: @two})
    end

    :ok
  end

  defp far, do: %{~U[2026-01-02 03:04:05Z] | year: 10_000}
  defp early, do: %{~U[2026-01-02 03:04:05Z] | year: -1}

  # The expression, and whether SQLite knows beforehand that no row has it.
  defp expressions do
    [
      {expr(id == "foo"), true},
      {expr(other == "foo"), true},
      {expr(id == 5), true},
      {expr(other == :foo), true},
      {expr(id != "foo"), false},
      {expr(not (other == "foo")), false},
      {expr(n == "foo"), true},
      {expr(n == ^@huge), true},
      {expr(n > ^@huge), true},
      {expr(n < ^@huge), false},
      {expr(n >= ^(-@huge)), false},
      {expr(n < ^(-@huge)), true},
      {expr(n in [1, ^@huge]), false},
      {expr(n in [^@huge]), true},
      {expr(n == true), true},
      {expr(f == "foo"), true},
      {expr(d < ^@huge), false},
      {expr(b == "foo"), true},
      {expr(b == 1), true},
      {expr(t == ^<<255>>), true},
      {expr(a == 1), true},
      {expr(at == "foo"), true},
      {expr(at == 1), true},
      {expr(at == ^far()), true},
      {expr(at < ^far()), false},
      {expr(at > ^far()), true},
      {expr(at > ^early()), false},
      {expr(day == "foo"), true},
      {expr(day < ^%{~D[2026-01-02] | year: 10_000}), false},
      {expr(t == "x" and other == "foo"), true},
      {expr(t == "x" or other == "foo"), false}
    ]
  end

  test "the answers are those of ETS, all of them from SQL" do
    for {expression, none?} <- expressions() do
      [ets, sqlite] =
        for resource <- [OnEts, OnSqlite] do
          query = Ash.Query.do_filter(resource, expression)
          query |> Ash.read!() |> Enum.map(& &1.id) |> Enum.sort()
        end

      assert ets == sqlite, inspect(expression)
      query = Ash.Query.do_filter(OnSqlite, expression)
      assert {:ok, %{residual: [], sql: sql}} = AshRusqlite.explain(query)

      # Such a condition is decided before a row is looked at.
      assert sql =~ ~r/WHERE \(?(\(.*\) AND )?0[ )]|WHERE 0 / == none?,
             "#{inspect(expression)}: #{sql}"
    end
  end
end
