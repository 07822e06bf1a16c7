# What the context of an action asks of the data layer is obeyed or refused, never ignored.
defmodule AshRusqlite.ContextTest do
  use ExUnit.Case, async: true

  @current Version.match?(to_string(Application.spec(:ash, :vsn) || "0.0.0"), ">= 3.32.0")
  # Older releases of Ash do not destroy by `:atomic_batches` alone, with no data layer.
  @strategies if(@current, do: [:atomic, :atomic_batches, :stream], else: [:atomic, :stream])
  # They also call a destroy of which nothing was done a partial success.
  @failed if(@current, do: [:error], else: [:error, :partial_success])

  require Ash.Expr
  require Ash.Query

  alias AshRusqlite.AnyDomain

  @moduletag :tmp_dir
  @moduletag :capture_log

  defmodule Own do
    use AshRusqlite.Repo, otp_app: :ash_context_test
  end

  defmodule Other do
    use AshRusqlite.Repo, otp_app: :ash_context_test
  end

  defmodule Comment do
    use Ash.Resource, domain: AnyDomain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo(Own)
    end

    actions do
      default_accept(:*)
      defaults([:read, :destroy, create: :*, update: :*])
    end

    attributes do
      uuid_primary_key(:id)
      attribute(:text, :string, public?: true)
      attribute(:note_id, :uuid, public?: true)
    end
  end

  defmodule Log do
    use Ash.Resource, domain: AnyDomain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo(Own)
    end

    actions do
      default_accept(:*)
      defaults([:read, create: :*])
    end

    attributes do
      uuid_primary_key(:id)
      attribute(:text, :string, public?: true)
    end
  end

  defmodule Note do
    use Ash.Resource, domain: AnyDomain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo(Own)
    end

    actions do
      default_accept(:*)
      defaults([:read, :destroy, create: :*, update: :*])

      create :put do
        accept(:*)
        upsert?(true)
        upsert_identity(:title)
        upsert_fields([:size])
      end

      read :paged do
        pagination(offset?: true, countable: true)
      end

      create :with_hook do
        accept(:*)
        argument(:then, :term)
        change(&AshRusqlite.ContextTest.then/2)
      end

      update :grow do
        accept([])
        change(atomic_update(:size, expr(size + 1)))
      end

      update :grow_with_hook do
        accept([])
        argument(:then, :term)
        change(AshRusqlite.ContextTest.Then)
        change(atomic_update(:size, expr(size + 1)))
      end

      update :resize do
        accept([:size])
        require_atomic?(false)
        argument(:then, :term)
        change(&AshRusqlite.ContextTest.then/2)
      end

      destroy :destroy_with_hook do
        argument(:then, :term)
        change(AshRusqlite.ContextTest.Then)
      end
    end

    attributes do
      uuid_primary_key(:id, writable?: true)
      attribute(:title, :string, public?: true)
      attribute(:size, :integer, public?: true, default: 0)
    end

    identities do
      identity(:title, [:title])
    end

    relationships do
      has_many(:comments, Comment, destination_attribute: :note_id, public?: true)

      has_many :comments_there, Comment do
        destination_attribute(:note_id)
        relationship_context(%{data_layer: %{repo: AshRusqlite.ContextTest.Other}})
      end
    end

    calculations do
      calculate(:length, :integer, AshRusqlite.ContextTest.Length)
    end

    aggregates do
      count(:comment_count, :comments)
      count(:count_there, :comments_there)
      first(:last_text, :comments, :text, sort: [text: :desc])
    end
  end

  defmodule Length do
    @moduledoc false
    use Ash.Resource.Calculation

    def load(_, _, _), do: [:title]
    def calculate(notes, _, _), do: Enum.map(notes, &String.length(&1.title))
  end

  defmodule Then do
    @moduledoc false
    use Ash.Resource.Change

    def change(changeset, opts, context), do: atomic(changeset, opts, context) |> elem(1)

    def atomic(changeset, _opts, _context) do
      case Ash.Changeset.get_argument(changeset, :then) do
        nil -> {:ok, changeset}
        fun -> {:ok, Ash.Changeset.after_action(changeset, fn _, note -> fun.(note) end)}
      end
    end
  end

  def then(changeset, _context), do: Then.change(changeset, [], %{})

  setup %{tmp_dir: folder} do
    {:ok, _} = Application.ensure_all_started(:ash)

    for repo <- [Own, Other] do
      database = Path.join(folder, "#{inspect(repo)}.db")

      start_supervised!({repo, database: database, auto_migrate: true, synchronous: :off},
        id: repo
      )
    end

    :ok
  end

  @other %{data_layer: %{repo: Other}}
  @archive %{data_layer: %{table: "archive"}}

  defp titles(context \\ %{}),
    do:
      Note
      |> Ash.Query.set_context(context)
      |> Ash.Query.sort(:title)
      |> Ash.read!()
      |> Enum.map(& &1.title)

  defp sizes(context \\ %{}),
    do:
      Note
      |> Ash.Query.set_context(context)
      |> Ash.Query.sort(:title)
      |> Ash.read!()
      |> Enum.map(& &1.size)

  defp note!(title, context \\ %{}, more \\ %{}),
    do: Ash.create!(Note, Map.put(more, :title, title), context: context)

  defp message({:error, %{__exception__: true} = error}), do: Exception.message(error)
  defp message({:error, %{errors: errors}}), do: Enum.map_join(errors, &Exception.message/1)

  defp message(%Ash.BulkResult{status: status, errors: errors}) when status in @failed,
    do: Enum.map_join(errors, &Exception.message/1)

  # A note of one id in both places.
  defp twins(context) do
    id = Ash.UUID.generate()
    own = note!("mine", %{}, %{id: id})
    other = note!("theirs", context, %{id: id})
    note!("theirs too", context)
    {own, other}
  end

  for {what, context} <- [{"repo", @other}, {"table", @archive}] do
    describe "a #{what} that a context names" do
      @context context

      test "is where rows are created, read, counted and updated, and no other" do
        {_, other} = twins(@context)
        assert titles() == ["mine"] and titles(@context) == ["theirs", "theirs too"]
        query = Ash.Query.set_context(Note, @context)
        assert Ash.count!(Note) == 1 and Ash.count!(query) == 2
        assert Ash.exists?(Ash.Query.filter(query, title == "theirs"))
        assert Ash.max!(query, :title) == "theirs too"

        assert %{size: 1} = Ash.update!(other, %{}, action: :grow, context: @context)
        assert %{size: 5} = Ash.update!(other, %{size: 5}, context: @context)
        assert %{size: 6} = Ash.update!(other, %{size: 6}, action: :resize, context: @context)
        assert sizes() == [0] and sizes(@context) == [6, 0]
      end

      test "is where rows are destroyed, and no other" do
        {_, other} = twins(@context)
        Ash.destroy!(other, context: @context)
        assert titles() == ["mine"] and titles(@context) == ["theirs too"]
      end

      test "is where an upsert looks and writes" do
        note!("mine")
        put = &Ash.create!(Note, &1, action: :put, context: @context)
        assert %{size: 1} = put.(%{title: "mine", size: 1})
        assert %{size: 2} = put.(%{title: "mine", size: 2})
        assert sizes() == [0] and sizes(@context) == [2]
      end

      test "is where bulk actions write, by every strategy" do
        for strategy <- @strategies,
            sort <- [[], [:title]],
            on_query? <- [true, false] do
          twins(@context)
          context = if on_query?, do: @context, else: %{}
          query = Note |> Ash.Query.set_context(context) |> Ash.Query.sort(sort)
          opts = [strategy: strategy, context: @context, return_errors?: true]
          assert %{status: :success} = Ash.bulk_update(query, :grow, %{}, opts)
          assert sizes() == [0] and sizes(@context) == [1, 1]
          assert %{status: :success} = Ash.bulk_destroy(query, :destroy, %{}, opts)
          assert titles() == ["mine"] and titles(@context) == []
          Ash.bulk_destroy!(Note, :destroy, %{}, opts |> Keyword.delete(:context))
        end
      end

      test "is where bulk actions with hooks write, by every strategy, and take back what fails" do
        for strategy <- @strategies, transaction <- [:batch, :all] do
          twins(@context)
          query = Note |> Ash.Query.set_context(@context)

          opts = [
            strategy: strategy,
            context: @context,
            return_errors?: true,
            transaction: transaction
          ]

          fail = %{then: fn _ -> {:error, "no"} end}
          assert Ash.bulk_destroy(query, :destroy_with_hook, fail, opts).status in @failed
          assert titles() == ["mine"] and titles(@context) == ["theirs", "theirs too"]

          fine = %{then: fn note -> {:ok, note} end}
          assert %{status: :success} = Ash.bulk_destroy(query, :destroy_with_hook, fine, opts)
          assert titles() == ["mine"] and titles(@context) == []
          Ash.bulk_destroy!(Note, :destroy, %{}, opts |> Keyword.delete(:context))
        end
      end

      test "is where a bulk create writes" do
        inputs = [%{title: "a"}, %{title: "b"}]
        assert %{status: :success} = Ash.bulk_create(inputs, Note, :create, context: @context)

        opts = [
          context: @context,
          upsert?: true,
          upsert_identity: :title,
          upsert_fields: [:size]
        ]

        inputs = [%{title: "b", size: 2}, %{title: "c"}]
        assert %{status: :success} = Ash.bulk_create(inputs, Note, :create, opts)
        assert titles() == [] and sizes(@context) == [0, 2, 0]
      end

      test "is where `Ash.update_many` writes" do
        if function_exported?(Ash, :update_many, 4) do
          {_, other} = twins(@context)
          opts = [context: @context, return_records?: true, notify?: false]
          Ash.update_many([{other, %{size: 3}}], Note, :update, opts)
          assert sizes() == [0] and sizes(@context) == [3, 0]
        end
      end

      test "is that of the records: another context cannot write them by mistake" do
        {own, other} = twins(@context)
        assert message(Ash.destroy(other)) =~ "different places"
        assert message(Ash.update(other, %{size: 9})) =~ "different places"
        assert message(Ash.update(other, %{}, action: :grow)) =~ "different places"
        assert message(Ash.update(other, %{size: 9}, action: :resize)) =~ "different places"

        query = Ash.Query.set_context(Note, @context)

        for strategy <- @strategies -- [:atomic], sort <- [[], [:title]] do
          opts = [strategy: strategy, return_errors?: true]
          sorted = Ash.Query.sort(query, sort)
          assert message(Ash.bulk_destroy(sorted, :destroy, %{}, opts)) =~ "different places"
          assert message(Ash.bulk_update(sorted, :grow, %{}, opts)) =~ "different places"
        end

        assert titles() == ["mine"] and sizes() == [0] and length(titles(@context)) == 2
        assert %{size: 9} = Ash.update!(own, %{size: 9})

        # What was read elsewhere before is not in the way of a bulk action on records.
        opts = [strategy: List.last(@strategies -- [:stream]), context: @context]
        assert %{status: :success} = Ash.bulk_destroy(query, :destroy, %{}, opts)
        opts = [strategy: [:atomic_batches, :stream]]
        assert %{status: :success} = Ash.bulk_destroy([own], :destroy, %{}, opts)
        assert titles() == [] and titles(@context) == []
      end

      test "is that of every batch of the records, also after one that was refused" do
        ids =
          for n <- 1..25 do
            %{id: id} = note!("mine #{n}")
            note!("theirs #{n}", @context, %{id: id})
            id
          end

        query = Ash.Query.set_context(Note, @context)

        for strategy <- @strategies -- [:atomic],
            sort <- [[], [:title]],
            stop? <- [true, false] do
          opts = [
            strategy: strategy,
            batch_size: 10,
            # Older releases of Ash want it beside a batch_size.
            stream_batch_size: 25,
            return_errors?: true,
            stop_on_error?: stop?
          ]

          sorted = Ash.Query.sort(query, sort)
          assert message(Ash.bulk_destroy(sorted, :destroy, %{}, opts)) =~ "different places"
          assert message(Ash.bulk_update(sorted, :grow, %{}, opts)) =~ "different places"
          assert length(titles()) == length(ids) and length(titles(@context)) == length(ids)
          assert Enum.uniq(sizes()) == [0] and Enum.uniq(sizes(@context)) == [0]

          # None of it is in the way of the resource's own rows.
          own = note!("own")
          Ash.read!(query)
          records = Ash.read!(Ash.Query.filter(query, title == "theirs 1"))
          assert [{:error, _}] = Enum.map(records, &Ash.update(&1, %{size: 9}))
          opts = [strategy: [:atomic_batches, :stream], return_errors?: true]
          assert %{status: :success} = Ash.bulk_destroy([own], :destroy, %{}, opts)
        end
      end

      test "is where a hook's action is taken back from" do
        for action <- [:with_hook] do
          input = %{title: "a", then: fn _ -> {:error, "no"} end}
          assert message(Ash.create(Note, input, action: action, context: @context)) =~ "no"
          assert titles() == [] and titles(@context) == []
        end

        note = note!("a", @context)

        for action <- [:grow_with_hook, :resize] do
          input = %{then: fn _ -> raise "no" end}
          opts = [action: action, context: @context]
          assert_raise Ash.Error.Unknown, fn -> Ash.update!(note, input, opts) end
          assert sizes(@context) == [0]
        end
      end
    end
  end

  describe "what a query asks of related rows" do
    setup do
      note = note!("theirs", @other)
      input = %{note_id: note.id, text: "theirs"}
      Ash.create!(Comment, input, context: @other)
      Ash.create!(Comment, %{input | text: "also"}, context: @other)
      Ash.create!(Comment, %{input | text: "mine"})
      {:ok, query: Ash.Query.set_context(Note, @other)}
    end

    test "is asked of the repo that its context names, by SQL and by Elixir", %{query: query} do
      assert [_] = Ash.read!(Ash.Query.filter(query, exists(comments, text == "theirs")))
      assert [] = Ash.read!(Ash.Query.filter(query, exists(comments, text == "mine")))

      # Whatever Elixir alone can do.
      left = Ash.Query.filter(query, length == 6 and exists(comments, text == "theirs"))
      assert [_] = Ash.read!(left)
      left = Ash.Query.filter(query, length == 6 and exists(comments, text == "mine"))
      assert [] = Ash.read!(left)

      assert [%{comment_count: 2, last_text: "theirs", length: 6}] =
               query |> Ash.Query.load([:comment_count, :last_text, :length]) |> Ash.read!()
    end

    test "is asked of the repo that a relationship names" do
      note = note!("mine")
      Ash.create!(Comment, %{note_id: note.id, text: "here"})

      for text <- ["there", "too"],
          do: Ash.create!(Comment, %{note_id: note.id, text: text}, context: @other)

      assert [_] = Ash.read!(Ash.Query.filter(Note, exists(comments_there, text == "there")))
      assert [] = Ash.read!(Ash.Query.filter(Note, exists(comments_there, text == "here")))
      assert [%{count_there: 2}] = Note |> Ash.Query.load(:count_there) |> Ash.read!()
    end

    test "that it loads comes from there when the context is a shared one", %{query: query} do
      assert [%{comments: [%{text: "mine"}]}] = query |> Ash.Query.load(:comments) |> Ash.read!()

      shared = Ash.Query.set_context(Note, %{shared: @other})
      some = Ash.Query.limit(Comment, 5)

      for load <- [:comments, [comments: some]] do
        assert [%{comments: comments}] = shared |> Ash.Query.load(load) |> Ash.read!()
        assert ["also", "theirs"] = comments |> Enum.map(& &1.text) |> Enum.sort()
      end
    end
  end

  describe "a transaction" do
    test "is that of the repo that the context names, hooks and their writes included" do
      hook = fn note ->
        assert Other.in_transaction?()
        refute Own.in_transaction?()
        Ash.create!(Comment, %{note_id: note.id, text: "in a hook"}, context: @other)
        {:error, "no"}
      end

      input = %{title: "a", then: hook}
      assert {:error, _} = Ash.create(Note, input, action: :with_hook, context: @other)
      assert titles(@other) == []
      assert Ash.count!(Ash.Query.set_context(Comment, @other)) == 0
    end

    test "of another resource may be in its own repo" do
      hook = fn note ->
        Ash.create!(Log, %{text: note.title})
        {:ok, note}
      end

      Ash.create!(Note, %{title: "a", then: hook}, action: :with_hook, context: @other)
      assert [%{text: "a"}] = Ash.read!(Log)
      assert titles(@other) == ["a"]
    end

    test "refuses a write into another repo, with which it could not be taken back" do
      assert {:error, error} =
               Own.transaction(fn ->
                 note!("mine")

                 case Ash.create(Note, %{title: "theirs"}, context: @other) do
                   {:error, error} -> Own.rollback(error)
                   {:ok, _} -> :ok
                 end
               end)

      assert message({:error, error}) =~ "is inside of a transaction of"
      assert titles() == [] and titles(@other) == []

      hook = fn _ -> Ash.create(Note, %{title: "mine"}) end
      input = %{title: "theirs", then: hook}
      assert {:error, error} = Ash.create(Note, input, action: :with_hook, context: @other)
      assert message({:error, error}) =~ "is inside of a transaction of"
      assert titles() == [] and titles(@other) == []
    end

    test "of the other repo around an action is the action's own" do
      query = Ash.Query.set_context(Note, @other)
      note!("theirs", @other)
      fail = %{then: fn _ -> {:error, "no"} end}

      for strategy <- [:atomic, :stream] do
        assert {:error, _} =
                 Other.transaction(fn ->
                   opts = [strategy: strategy, context: @other, return_errors?: true]
                   Ash.bulk_destroy(query, :destroy_with_hook, fail, opts)
                 end)

        assert titles(@other) == ["theirs"]
      end

      assert {:error, :no} =
               Other.transaction(fn ->
                 Ash.bulk_destroy!(query, :destroy, %{}, strategy: :atomic, context: @other)
                 note!("more", @other)
                 Other.rollback(:no)
               end)

      assert titles(@other) == ["theirs"]
      refute Own.in_transaction?() or Other.in_transaction?()
    end
  end

  test "a repo is also named by its pid, and one that does not run is an error", %{
    tmp_dir: folder
  } do
    opts = [name: nil, database: Path.join(folder, "third.db"), auto_migrate: true]
    pid = start_supervised!({Other, opts}, id: :third)
    third = %{data_layer: %{repo: pid}}
    note!("third", third)
    assert titles(third) == ["third"] and titles(@other) == []

    for repo <- [NoSuchRepo, "Other"] do
      context = %{data_layer: %{repo: repo}}
      assert message(Ash.create(Note, %{title: "a"}, context: context)) =~ "is not running"
      query = Ash.Query.set_context(Note, context)
      assert message(Ash.read(query)) =~ "is not running"
      opts = [strategy: :atomic, context: context, return_errors?: true]
      assert message(Ash.bulk_destroy(query, :destroy, %{}, opts)) =~ "is not running"
    end
  end

  test "a table that is not there is an error where tables do not follow", %{tmp_dir: folder} do
    opts = [name: nil, database: Path.join(folder, "third.db"), auto_migrate: false]
    pid = start_supervised!({Other, opts}, id: :third)
    query = Ash.Query.set_context(Note, %{data_layer: %{repo: pid, table: "archive"}})
    assert message(Ash.read(query)) =~ "archive"
  end

  test "what is not known is an error that names the nearest" do
    for {key, nearest} <- [tabel: "table", repos: "repo", schema: nil] do
      context = %{data_layer: %{key => "archive"}}
      query = Ash.Query.set_context(Note, context)

      for result <- [
            Ash.read(query),
            Ash.count(query),
            Ash.create(Note, %{title: "a"}, context: context),
            Ash.bulk_create([%{title: "a"}], Note, :create,
              context: context,
              return_errors?: true
            ),
            Ash.bulk_destroy(query, :destroy, %{}, context: context, return_errors?: true)
          ] do
        assert message(result) =~ "unknown option #{key}"
        if nearest, do: assert(message(result) =~ "did you mean #{nearest}:?")
      end
    end

    assert titles() == []
  end

  test "changesets of one bulk action that name different places are refused" do
    inputs = [%{title: "a"}, %{title: "b"}]

    place = fn changeset ->
      table = "notes_" <> Ash.Changeset.get_attribute(changeset, :title)
      Ash.Changeset.set_context(changeset, %{data_layer: %{table: table}})
    end

    changesets =
      for input <- inputs, do: Note |> Ash.Changeset.for_create(:create, input) |> place.()

    assert {:error, error} =
             AshRusqlite.DataLayer.bulk_create(Note, changesets, %{return_records?: true})

    assert message({:error, error}) =~ "different places"
  end

  test "a combination is paged, counted, updated and destroyed as other queries are" do
    for title <- ["a", "b", "c"], do: note!(title)

    parts = [
      Ash.Query.Combination.base(filter: Ash.Expr.expr(title == "a")),
      Ash.Query.Combination.union(filter: Ash.Expr.expr(title == "b"))
    ]

    query = Note |> Ash.Query.combination_of(parts) |> Ash.Query.sort(:title)
    assert ["a", "b"] = query |> Ash.read!() |> Enum.map(& &1.title)

    page = Ash.read!(query, action: :paged, page: [limit: 1, count: true])
    assert %{count: 2, results: [%{title: "a"}]} = page

    opts = [strategy: [:atomic, :atomic_batches, :stream], return_errors?: true]
    assert %{status: :success} = Ash.bulk_update(query, :grow, %{}, opts)
    assert sizes() == [1, 1, 0]
    assert %{status: :success} = Ash.bulk_destroy(query, :destroy, %{}, opts)
    assert titles() == ["c"]
  end

  test "the table of a context does not conflict with another resource's" do
    for context <- [%{}, %{data_layer: %{table: "logs"}}], do: note!("a", context)
    Ash.create!(Log, %{text: "b"})
    assert [%{text: nil}, %{text: "b"}] = Log |> Ash.Query.sort(text: :desc) |> Ash.read!()
  end
end
