# A filter about the fields of a relationship to many is SQL. It holds for a row if it holds for
# one of the related rows, the same one in all of it, or for nils where there is none.
defmodule AshRusqlite.ToManyFilterTest do
  use ExUnit.Case, async: true

  @current Version.match?(to_string(Application.spec(:ash, :vsn) || "0.0.0"), ">= 3.32.0")

  alias AshRusqlite.Related

  import Ash.Expr
  require Ash.Query

  # ETS logs every create.
  @moduletag :capture_log

  setup do
    {:ok, _} = Application.ensure_all_started(:ash)
    Related.fill()
  end

  defp ids(filter, name \\ Room) do
    Related.same(fn layer ->
      layer
      |> Module.concat(name)
      |> Ash.Query.do_filter(filter)
      |> Ash.read!()
      |> Enum.map(& &1.id)
    end)
  end

  test "one predicate holds for a row if it holds for one of the related rows" do
    assert ids(expr(messages.text == "x")) == [1, 2, 3]
    assert ids(expr(messages.text == "y")) == [1]
    assert ids(expr(messages.at in [4, 5])) == [1, 3]
  end

  test "two predicates hold for the same row" do
    assert ids(expr(messages.text == "x" and messages.at > 2)) == [3]
    query = Ash.Query.filter(Related.OnSqlite.Room, messages.text == "x")
    assert [%{id: 3}] = query |> Ash.Query.filter(messages.at > 2) |> Ash.read!()

    assert ids(expr(messages.text == "x" and (messages.at > 2 or messages.read == true))) == [
             1,
             3
           ]
  end

  test "two predicates about different relationships hold for any two rows" do
    assert ids(expr(messages.text == "x" and members.active == true)) == [1, 2, 3]
    assert ids(expr(messages.text == "y" and members.rank == 1)) == [1]
  end

  test "`or` holds if either of its sides holds for one of the related rows" do
    assert ids(expr(messages.text == "y" or name == "b")) == [1, 2]
    assert ids(expr(messages.text == "y" or members.rank == 3)) == [1, 3]
  end

  test "`not` holds if it holds for one of the related rows" do
    assert ids(expr(not (messages.text == "x"))) == [1, 3]
    assert ids(expr(not (messages.text == "x" and messages.at == 1))) == [1, 2, 3]
    assert ids(expr(not (messages.text == "x" or members.active == true))) == [1]
  end

  test "nil is what rows without related ones have" do
    assert ids(expr(is_nil(messages.text))) == [1, 4]
    assert ids(expr(is_nil(messages.text) and is_nil(messages.at))) == [4]
    assert ids(expr(not is_nil(messages.text))) == [1, 2, 3]
    assert ids(expr(is_nil(messages.text) or messages.text == "y")) == [1, 4]
    assert ids(expr(is_nil(members.rank) and is_nil(messages.id))) == [4]
  end

  test "a path goes on behind the many" do
    assert ids(expr(messages.user.name == "bob")) == [1, 2]
    assert ids(expr(users.messages.text == "y" and users.name == "bob")) == [1, 2]
    assert ids(expr(is_nil(messages.user.name))) == [3, 4]
    assert ids(expr(room.members.user_id == 3), Message) == [5, 6]
    assert ids(expr(is_nil(room.members.user_id)), Message) == [7]
  end

  test "a path crosses relationships with filters and limits" do
    assert ids(expr(unread.text == "y")) == [1]
    assert ids(expr(is_nil(unread.text))) == [2, 4]
    assert ids(expr(last_two.text == "x")) == [2, 3]
    assert ids(expr(is_nil(last_two.text))) == [1, 4]
    assert ids(expr(is_nil(jobs.number))) == [2, 4]
  end

  test "exists beside it is about the same row" do
    assert ids(expr(messages.text == "x" and exists(messages, text == "y"))) == []
    assert ids(expr(messages.text == "x" and exists(messages, at > 2))) == [3]
    assert ids(expr(messages.text == "y" or exists(messages, at == 5))) == [1, 3]
    assert ids(expr(messages.exists(user, name == "ann") and messages.text == "y")) == []
    assert ids(expr(messages.exists(user, name == "ann") and messages.text == "x")) == [1]
  end

  unless @current, do: @tag(skip: "the reference is Ash 3.32 and newer")

  test "a calculation and an exists have the first row" do
    assert ids(expr(any_text == "x")) == [1, 2]
    assert ids(expr(exists(users, messages.text == "x"))) == [1, 3]
  end

  test "too many at once are named" do
    filter =
      expr(
        is_nil(messages.id) == is_nil(members.rank) or
          is_nil(users.id) == is_nil(active_users.id) == is_nil(unread.id)
      )

    left =
      expr(
        (is_nil(messages.id) and is_nil(members.rank)) ==
          (is_nil(users.id) and (is_nil(active_users.id) and is_nil(unread.id)))
      )

    assert {_, []} = Related.residual(fn -> read(filter) end)
    assert {_, [{_, [filter: reason]}]} = Related.residual(fn -> read(left) end)
    assert reason =~ "use exists(…) for each"
  end

  defp read(filter), do: Related.OnSqlite.Room |> Ash.Query.do_filter(filter) |> Ash.read!()
end
