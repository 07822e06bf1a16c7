# A bulk destroy gives whole records to hooks, calculations and its caller, whatever finds the rows.
defmodule AshRusqlite.BulkDestroyTest do
  use ExUnit.Case, async: true

  @current Version.match?(to_string(Application.spec(:ash, :vsn) || "0.0.0"), ">= 3.32.0")
  # Older releases of Ash do not destroy by `:atomic_batches` alone, with no data layer.
  @strategies if(@current, do: [:atomic, :atomic_batches, :stream], else: [:atomic, :stream])

  require Ash.Query

  @moduletag :capture_log

  defmodule Item do
    @moduledoc false
    defmacro __using__(layer) do
      quote do
        use Ash.Resource, domain: AshRusqlite.AnyDomain, data_layer: unquote(layer)

        ets do
          private?(true)
        end

        actions do
          default_accept(:*)
          defaults([:read, :destroy, create: :*, update: :*])

          destroy :hooked do
            change(AshRusqlite.BulkDestroyTest.Hook)
          end

          destroy :hide do
            soft?(true)
            accept([])
            change(set_attribute(:hidden, true))
            change(AshRusqlite.BulkDestroyTest.Hook)
          end
        end

        attributes do
          uuid_primary_key(:id)
          attribute(:n, :integer, public?: true)
          attribute(:text, :string, public?: true, default: "text")
          attribute(:hidden, :boolean, public?: true, default: false)
        end
      end
    end
  end

  defmodule Hook do
    @moduledoc false
    use Ash.Resource.Change

    def change(changeset, _opts, _context) do
      Ash.Changeset.after_action(changeset, fn _changeset, record ->
        send(self(), {:hook, {loaded(record.n), loaded(record.text)}})
        {:ok, record}
      end)
    end

    def loaded(%Ash.NotLoaded{}), do: :not_loaded
    def loaded(value), do: value

    def atomic(changeset, opts, context), do: {:ok, change(changeset, opts, context)}
  end

  defmodule OnEts do
    use Item, Ash.DataLayer.Ets

    calculations do
      calculate(:double, :integer, expr(n * 2))
    end
  end

  defmodule OnSqlite do
    use Item, AshRusqlite.DataLayer

    calculations do
      calculate(:double, :integer, expr(n * 2))
    end
  end

  setup do
    {:ok, _} = Application.ensure_all_started(:ash)
    :ok
  end

  defp hooks do
    receive do
      {:hook, fields} -> [fields | hooks()]
    after
      0 -> []
    end
  end

  # The query, the strategy and what is selected, by which the rows are found in other ways.
  defp ways do
    for strategy <- @strategies,
        select <- [nil, [:n]],
        narrow <- [
          & &1,
          &Ash.Query.sort(&1, :n),
          &(&1 |> Ash.Query.sort(n: :desc) |> Ash.Query.limit(2)),
          &(&1 |> Ash.Query.sort(:n) |> Ash.Query.select([:id])),
          &Ash.Query.filter(&1, string_length(text) == 4 and n != 9)
        ],
        do: {strategy, select, narrow}
  end

  defp destroyed(resource, action, {strategy, select, narrow}) do
    for n <- [1, 2, 3], do: Ash.create!(resource, %{n: n})

    opts = [strategy: strategy, return_records?: true, return_errors?: true, load: [:double]]
    opts = if select, do: [select: select] ++ opts, else: opts
    result = resource |> Ash.Query.new() |> narrow.() |> Ash.bulk_destroy(action, %{}, opts)

    records =
      for record <- result.records,
          do: {Hook.loaded(record.n), Hook.loaded(record.text), Hook.loaded(record.double)}

    left = Enum.map(Ash.read!(resource), &{&1.n, &1.hidden})
    for record <- Ash.read!(resource), do: Ash.destroy!(record)
    {result.status, Enum.sort(records), Enum.sort(hooks()), Enum.sort(left)}
  end

  for action <- [:destroy, :hooked, :hide] do
    test "#{action} gives what ETS gives, by every strategy, sorted, limited and with a select" do
      for way <- ways() do
        expected = destroyed(OnEts, unquote(action), way)
        assert {way, destroyed(OnSqlite, unquote(action), way)} == {way, expected}
      end
    end
  end

  test "records and hooks have every field where nothing is selected" do
    for {strategy, nil, _narrow} = way <- ways(), strategy != :stream do
      assert {:success, [_, _ | _] = records, [_, _ | _] = hooks, _} =
               destroyed(OnSqlite, :hooked, way)

      assert Enum.all?(records, fn {n, _text, double} -> double == n * 2 end)
      assert Enum.all?(hooks, fn {n, text} -> is_integer(n) and text == "text" end)
    end
  end
end
