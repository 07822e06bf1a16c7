# Manual relationships are loaded by their own code, here as on ETS, wherever Ash asks for them.
defmodule AshRusqlite.ManualRelationshipTest do
  use ExUnit.Case, async: true

  @current Version.match?(to_string(Application.spec(:ash, :vsn) || "0.0.0"), ">= 3.32.0")

  alias Ash.Query
  alias AshRusqlite.ManualRelationship.{OnEts, OnSqlite}

  require Ash.Query

  @posts [{1, "a", 1}, {2, "a", 9}, {3, "b", 7}, {4, "a", 2}, {5, "b", nil}, {6, "c", 3}]

  @moduletag :capture_log

  setup do
    for post <- [OnEts.Post, OnSqlite.Post],
        {id, thread, likes} <- @posts,
        do: Ash.create!(post, %{id: id, thread: thread, likes: likes})

    :ok
  end

  # The same answer of both, by both relationships.
  defp same(fun) do
    answers = for post <- [OnEts.Post, OnSqlite.Post], do: fun.(post)
    assert [answer, answer] = answers
    answer
  end

  defp ids(query), do: query |> Query.sort(:id) |> Ash.read!() |> Enum.map(& &1.id)

  test "a manual relationship filters by `exists` and by a path through it" do
    assert same(&ids(Query.filter(&1, exists(later, likes > 5)))) == [1]
    # ETS loads none where no field is asked for, and finds none.
    assert ids(Query.filter(OnSqlite.Post, exists(later, true))) == [1, 2, 3]
    assert ids(Query.filter(OnSqlite.Post, not exists(later, true))) == [4, 5, 6]
    assert same(&ids(Query.filter(&1, later.likes == 2))) == [1, 2]
    assert same(&ids(Query.filter(&1, exists(later, likes > parent(likes))))) == [1]
    assert same(&ids(Query.filter(&1, exists(later.later, likes > 0)))) == [1]
    assert same(&ids(Query.filter(&1, liked_later))) == [1]
  end

  unless @current, do: @tag(skip: "the reference is Ash 3.32 and newer")

  test "a manual relationship has aggregates that are loaded, filtered and sorted by" do
    names = [:count_of_later, :likes_of_later, :first_of_later, :list_of_later, :any_of_later]

    loaded =
      same(fn post ->
        post
        |> Query.load([:liked_later | names])
        |> Query.sort(:id)
        |> Ash.read!()
        |> Enum.map(&{&1.id, Map.take(&1, [:liked_later | names])})
      end)

    assert [{1, one} | _] = loaded

    assert one == %{
             count_of_later: 2,
             likes_of_later: 11,
             first_of_later: 2,
             list_of_later: [9, 2],
             any_of_later: true,
             liked_later: true
           }

    assert same(&ids(Query.filter(&1, count_of_later > 0))) == [1, 2, 3]

    sorted =
      &(&1
        |> Query.sort(count_of_later: :desc, id: :asc)
        |> Ash.read!()
        |> Enum.map(fn post -> post.id end))

    assert same(sorted) == [1, 2, 3, 4, 5, 6]
  end

  test "a manual relationship is loaded with a filter, a sort and a limit" do
    loaded =
      same(fn post ->
        related = post |> Query.filter(likes > 1) |> Query.sort(id: :desc)

        post
        |> Query.load(later: related)
        |> Query.sort(:id)
        |> Ash.read!()
        |> Enum.map(&{&1.id, Enum.map(&1.later, fn post -> post.id end)})
      end)

    assert loaded == [{1, [4, 2]}, {2, [4]}, {3, []}, {4, []}, {5, []}, {6, []}]
  end

  test "explain says what of it is left to Elixir" do
    assert {:ok, %{residual: [{:filter, reason}]}} =
             AshRusqlite.explain(Query.filter(OnSqlite.Post, exists(later, likes > 5)))

    assert reason =~ "is manual"
  end

  test "a relationship without attributes whose filter says the same gives the same" do
    for {manual, filtered} <- [
          {&Query.filter(&1, exists(later, likes > 5)),
           &Query.filter(&1, exists(later_posts, likes > 5))},
          {&Query.filter(&1, count_of_later > 1), &Query.filter(&1, count_of_later_posts > 1)},
          {&Query.filter(&1, likes_of_later > 1), &Query.filter(&1, likes_of_later_posts > 1)}
        ] do
      assert ids(manual.(OnSqlite.Post)) == ids(filtered.(OnSqlite.Post))
    end

    [one | _] =
      OnSqlite.Post
      |> Query.load([:later, :later_posts, :list_of_later, :list_of_later_posts])
      |> Query.sort(:id)
      |> Ash.read!()

    assert Enum.map(one.later, & &1.id) == Enum.map(one.later_posts, & &1.id)
    assert one.list_of_later == one.list_of_later_posts
  end
end
