# Relationships with filters, sorts and limits, and destinations with base filters, tenants, and
# read actions that do more than read, are SQL wherever they are asked of, and give what ETS gives.
defmodule AshRusqlite.RelatedRowsTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.Related

  import Ash.Expr
  require Ash.Query

  # ETS logs every create, and warns of each relationship to one that has several rows.
  @moduletag :capture_log

  setup do
    {:ok, _} = Application.ensure_all_started(:ash)
    Related.fill()
  end

  defp ids(filter, opts \\ []) do
    Related.same(fn layer ->
      layer
      |> Module.concat(Room)
      |> Ash.Query.do_filter(filter)
      |> Ash.read!(opts)
      |> Enum.map(& &1.id)
    end)
  end

  defp loaded(fields, opts \\ []) do
    Related.same(fn layer ->
      rooms = layer |> Module.concat(Room) |> Ash.Query.load(fields) |> Ash.read!(opts)
      for room <- rooms, do: for(field <- fields, do: related(Map.get(room, field)))
    end)
  end

  defp related(list) when is_list(list), do: Enum.map(list, &related/1)
  defp related(%{id: id}), do: id
  defp related(other), do: other

  defp sorted(sort, opts \\ []) do
    Related.same(fn layer ->
      layer
      |> Module.concat(Room)
      |> Ash.Query.sort(sort)
      |> Ash.Query.limit(3)
      |> Ash.read!(opts)
      |> Enum.map(& &1.id)
    end)
  end

  test "SQL reads related rows by a relationship's filter" do
    assert ids(expr(exists(unread, at > 2))) == [1]
    assert ids(expr(not exists(unread, true and id > 0))) == [2, 4]
    assert loaded([:unread_count, :unread]) == [[1, [2]], [0, []], [1, [5]], [0, []]]
    assert sorted(unread_count: :desc) == [1, 3, 2]
  end

  test "SQL reads related rows by a relationship's filter with parent()" do
    assert ids(expr(exists(new_messages, text == "x"))) == [3]
    assert loaded([:new_count, :new_messages]) == [[2, [2, 3]], [0, []], [1, [6]], [0, []]]
    assert sorted(new_count: :desc) == [1, 3, 2]
  end

  test "SQL reads related rows by a relationship without attributes" do
    assert ids(expr(exists(namesakes, id == 3))) == [1]
    assert loaded([:namesakes]) == [[[3]], [[]], [[1]], [[]]]
  end

  test "SQL reads related rows up to a relationship's limit" do
    assert ids(expr(exists(last_two, id == 1))) == []
    assert ids(expr(exists(last_two, text == "x"))) == [2, 3]

    assert loaded([:last_two, :last_two_count, :last_two_sum, :last_texts]) ==
             [
               [[3, 2], 2, 5, ["y"]],
               [[4], 1, nil, ["x"]],
               [[5, 6], 2, 5, ["z", "x"]],
               [[], 0, nil, []]
             ]
  end

  test "SQL reads the first of several related rows by a sort" do
    assert ids(expr(last_message.text == "z")) == [3]
    assert ids(expr(is_nil(last_message.text))) == [1, 4]
    assert ids(expr(exists(last_message, text == "x"))) == [2]
    assert loaded([:last_message, :last_text]) == [[3, nil], [4, "x"], [5, "z"], [nil, nil]]
  end

  test "SQL applies a base filter and a preparation of the primary read action to related rows" do
    assert ids(expr(exists(jobs, number > 0))) == [1, 3]
    assert ids(expr(exists(jobs, number == 5))) == []
    assert loaded([:job_count, :jobs]) == [[1, [2]], [0, []], [1, [5]], [0, []]]
    assert sorted(job_count: :desc) == [1, 3, 2]
  end

  test "SQL reads the related rows of a tenant that is an attribute" do
    actor = [actor: %{level: nil}]

    for {tenant, found} <- [{"o", [1, 2]}, {"p", [1, 3]}, {nil, [1, 2, 3]}] do
      assert ids(expr(exists(notes, number > 0)), [tenant: tenant] ++ actor) == found
    end

    assert loaded([:note_count, :last_note], [tenant: "o"] ++ actor) ==
             [[1, 1], [1, 5], [0, nil], [0, nil]]

    assert loaded([:note_count, :last_note], actor) == [[2, 7], [1, 5], [1, 2], [0, nil]]
  end

  # ETS sorts without a tenant and without an actor.
  test "SQL sorts by an aggregate of a tenant's rows" do
    {rooms, []} =
      Related.residual(fn ->
        Related.OnSqlite.Room
        |> Ash.Query.sort(note_count: :desc, id: :desc)
        |> Ash.read!(tenant: "p", actor: %{level: 5})
      end)

    assert Enum.map(rooms, & &1.id) == [3, 4, 2, 1]
  end

  test "SQL takes the actor in the filter of the primary read action of related rows" do
    actor = [actor: %{level: 5}]
    assert ids(expr(exists(notes, number > 1)), actor) == [3]
    assert loaded([:note_count], actor) == [[1], [0], [1], [0]]
  end

  test "SQL follows several relationships one after the other" do
    assert ids(expr(exists(active_users.messages, text == "x"))) == [1, 2]

    assert loaded([:user_texts, :authors]) ==
             [[["x", "x", "y", "x"], 3], [["y", "x"], 1], [["x", "x"], 0], [[], 0]]
  end

  test "SQL reads a row at the end of a path" do
    for {filter, found} <- [
          {expr(room.exists(unread, text == "y")), [1, 2, 3]},
          {expr(exists(room.unread, text == "y")), [1, 2, 3]},
          {expr(not room.exists(unread, text == "y")), [4, 5, 6, 7]}
        ] do
      assert Related.same(fn layer ->
               layer
               |> Module.concat(Message)
               |> Ash.Query.do_filter(filter)
               |> Ash.read!()
               |> Enum.map(& &1.id)
             end) == found
    end
  end

  test "what only Elixir can read is named, with what makes it so" do
    query = fn filter -> Ash.Query.do_filter(Related.OnSqlite.Room, filter) end

    assert {_, [{_, [filter: reason]}]} =
             Related.residual(fn -> Ash.read!(query.(expr(exists(hooked, number > 0)))) end)

    assert reason =~
             ~r/the read action :hooked of .*Job has a preparation that adds :before_action/
  end
end
