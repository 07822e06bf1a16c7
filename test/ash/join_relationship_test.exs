# The rows of a many_to_many relationship are those that its join relationship leads to.
defmodule AshRusqlite.JoinRelationshipTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.Related

  require Ash.Query

  # ETS logs every create.
  @moduletag :capture_log

  setup do
    {:ok, _} = Application.ensure_all_started(:ash)
    Related.fill()
  end

  defp room(layer), do: Module.concat(layer, Room)
  defp ids(query), do: query |> Ash.read!() |> Enum.map(& &1.id)

  test "of a join relationship its filter counts for exists" do
    assert [[1], [2], [3]] =
             for(
               user <- 1..3,
               do:
                 Related.same(fn layer ->
                   layer
                   |> room()
                   |> Ash.Query.filter(exists(active_users, id == ^user))
                   |> ids()
                 end)
             )
  end

  test "of a join relationship its filter counts for fields of the related rows" do
    query = fn layer -> layer |> room() |> Ash.Query.filter(active_users.name == "bob") end
    assert Related.same(&ids(query.(&1))) == [2]

    assert Related.same(fn layer ->
             layer |> room() |> Ash.Query.filter(is_nil(active_users.name)) |> ids()
           end) == [3, 4]
  end

  test "of a join relationship its filter counts for aggregates that are loaded, filtered and sorted by" do
    rooms =
      Related.same(fn layer ->
        layer
        |> room()
        |> Ash.Query.load([:active_count, :user_count, :active_names, :active_words])
        |> Ash.read!()
        |> Enum.map(&{&1.active_count, &1.user_count, &1.active_names, &1.active_words})
      end)

    assert rooms == [
             {1, 2, ["ann"], 11},
             {1, 1, ["bob"], 5},
             {1, 2, [], nil},
             {0, 0, [], nil}
           ]

    assert Related.same(fn layer ->
             layer
             |> room()
             |> Ash.Query.filter(active_count == 1)
             |> Ash.Query.sort(active_count: :desc, id: :desc)
             |> ids()
           end) == [3, 2, 1]
  end

  test "of a join relationship its filter counts for the loaded rows" do
    assert Related.same(fn layer ->
             layer
             |> room()
             |> Ash.Query.load(:active_users)
             |> Ash.read!()
             |> Enum.map(&Enum.map(&1.active_users, fn user -> user.id end))
           end) == [[1], [2], [3], []]
  end

  # To ETS, the limit is one for all rooms together.
  test "of a join relationship its sort and its limit count for each row" do
    found = fn user ->
      Related.residual(fn ->
        ids(Ash.Query.filter(Related.OnSqlite.Room, exists(first_user, id == ^user)))
      end)
    end

    assert for(user <- 1..3, do: found.(user)) == [{[], []}, {[1, 2], []}, {[], []}]
  end
end
