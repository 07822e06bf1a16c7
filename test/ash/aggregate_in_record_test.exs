# An aggregate that a filter names is in the records that it finds, as on ETS.
defmodule AshRusqlite.AggregateInRecordTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.Related

  require Ash.Query

  # ETS logs every create.
  @moduletag :capture_log

  setup do
    {:ok, _} = Application.ensure_all_started(:ash)
    Related.fill()
  end

  for {name, change} <- [
        {"alone", quote(do: & &1)},
        {"with a limit", quote(do: &Ash.Query.limit(&1, 1))},
        {"with some fields", quote(do: &Ash.Query.select(&1, [:id]))},
        {"with the aggregate loaded", quote(do: &Ash.Query.load(&1, :unread_count))}
      ] do
    test "the aggregate of a filter #{name} is in the records that it finds" do
      change = unquote(change)

      counts =
        Related.same(fn layer ->
          layer
          |> Module.concat(Room)
          |> Ash.Query.filter(unread_count > 0)
          |> change.()
          |> Ash.read!()
          |> Enum.map(&{&1.id, &1.unread_count})
        end)

      assert [{1, 1} | _] = counts
    end
  end
end
