# `fragment("…")` is SQL wherever it stands, or an error that says why not.
defmodule AshRusqlite.FragmentTest do
  # The tests share the repo's name, each with a file of its own.
  use ExUnit.Case, async: true

  require Ash.Expr
  require Ash.Query

  alias AshRusqlite.AnyDomain, as: Domain

  @moduletag :tmp_dir

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_fragment_test
  end

  defmodule Owner do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo(Repo)
      table("owners")
    end

    actions do
      defaults([:read, create: :*])
    end

    attributes do
      integer_primary_key(:id, writable?: true, public?: true)
      attribute(:name, :string, public?: true)
      attribute(:meta, :map, public?: true)
    end

    relationships do
      has_many(:things, AshRusqlite.FragmentTest.Thing)
    end

    calculations do
      calculate(:shout, :string, expr(fragment("upper(?)", name)))
    end

    aggregates do
      count(:quick, :things) do
        filter(expr(fragment("? LIKE 'q%'", name)))
      end
    end
  end

  defmodule Thing do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo(Repo)
      table("things")
    end

    actions do
      defaults([:read, :destroy, create: :*, update: :*])

      create :count do
        accept([:id, :name])
        upsert?(true)
        upsert_fields([:size])
        change(atomic_update(:size, expr(fragment("? * 10", size))))
      end

      create :miscount do
        accept([:id, :name])
        upsert?(true)
        upsert_fields([:size])
        change(atomic_update(:size, expr(fragment("tenfold(?)", size))))
      end
    end

    attributes do
      integer_primary_key(:id, writable?: true, public?: true)
      attribute(:name, :string, public?: true)
      attribute(:code, :string, allow_nil?: false, default: "c", public?: true)
      attribute(:size, :integer, public?: true)
      attribute(:day, :date, public?: true)
      attribute(:meta, :map, public?: true)
      attribute(:tags, {:array, :string}, public?: true)
    end

    relationships do
      belongs_to(:owner, Owner, attribute_type: :integer, public?: true)
    end

    calculations do
      calculate(:lower, :string, expr(fragment("lower(?)", name)))
      calculate(:long, :string, expr(lower <> "!"))
      calculate(:first_tag, :string, expr(fragment("json_extract(?, '$[0]')", tags)))
      calculate(:number, :integer, expr(fragment("json_extract(?, '$.n')", meta)))
      calculate(:next_day, :date, expr(fragment("date(?, '+1 day')", day)))
      calculate(:object, :map, expr(fragment("json_object('name', ?)", name)))
      calculate(:big?, :boolean, expr(fragment("? > 3", size)))
      calculate(:wrong, :integer, expr(fragment("lower(?)", name)))
      calculate(:sizes, :string, expr(if(fragment("? > 3", size), "big", "small")))
      calculate(:mixed, :string, expr(string_join([fragment("lower(?)", name), "x"])))
    end
  end

  setup %{tmp_dir: folder} do
    {:ok, _} = Application.ensure_all_started(:ash)
    start_supervised!({Repo, database: Path.join(folder, "things.db"), auto_migrate: true})

    for {id, name} <- [{1, "Ann"}, {2, "Ben"}],
        do: Ash.create!(Owner, %{id: id, name: name, meta: %{"n" => id}})

    for {id, name, size, day, meta, tags, owner} <- [
          {1, "Quick", 5, ~D[2026-01-31], %{"n" => 1}, ["a", "b"], 1},
          {2, "quiet", 2, ~D[2026-03-01], %{"n" => 2}, ["c"], 1},
          {3, "Loud", 9, nil, %{"n" => "no"}, [], 2},
          {4, nil, nil, nil, nil, nil, nil}
        ] do
      Ash.create!(Thing, %{
        id: id,
        name: name,
        size: size,
        day: day,
        meta: meta,
        tags: tags,
        owner_id: owner
      })
    end

    :ok
  end

  defp ids(query), do: query |> Ash.read!() |> Enum.map(& &1.id)
  defp message({:error, error}), do: Exception.message(error)

  describe "a filter" do
    test "is a fragment, or compares one by SQLite's rules" do
      name = "quick"
      assert ids(Ash.Query.filter(Thing, fragment("lower(?)", name) == ^name)) == [1]
      assert ids(Ash.Query.filter(Thing, fragment("? = ?", name, ^"quiet"))) == [2]

      assert ids(Ash.Query.filter(Thing, fragment("lower(?)", name) in ["loud", ^name])) == [
               1,
               3
             ]

      assert ids(Ash.Query.filter(Thing, fragment("? COLLATE NOCASE", name) == "QUIET")) == [2]
      assert ids(Ash.Query.filter(Thing, fragment("length(?)", name) > size)) == [2]
      assert ids(Ash.Query.filter(Thing, not fragment("? > 3", size))) == [2]
      assert ids(Ash.Query.filter(Thing, fragment("? > 3", size) or id == 4)) == [1, 3, 4]
      assert ids(Ash.Query.filter(Thing, is_nil(fragment("nullif(?, 5)", size)))) == [1, 4]
    end

    test "gets columns as they are stored, and values in the same form" do
      assert ids(Ash.Query.filter(Thing, fragment("json_extract(?, '$.n')", meta) == 2)) == [2]
      assert ids(Ash.Query.filter(Thing, fragment("? ->> '$.n'", meta) == "no")) == [3]
      assert ids(Ash.Query.filter(Thing, fragment("? < date(?)", day, ^~D[2026-02-01]))) == [1]

      assert ids(Ash.Query.filter(Thing, fragment("date(?, '+1 day')", day) == ^~D[2026-02-01])) ==
               [1]

      assert ids(Ash.Query.filter(Thing, fragment("? < ?", day, now()))) == [1, 2]
      assert ids(Ash.Query.filter(Thing, fragment("? ->> 'n'", owner.meta) == 2)) == [3]

      assert ids(
               Ash.Query.filter(
                 Thing,
                 fragment("EXISTS (SELECT 1 FROM json_each(?) WHERE value = ?)", tags, ^"b")
               )
             ) == [1]
    end

    test "gets a kind by a type" do
      query = Ash.Query.filter(Thing, type(fragment("? * 2", size), :integer) + 1 == 5)
      assert ids(query) == [2]
      assert ids(Ash.Query.filter(Thing, type(fragment("? > 3", size), :boolean))) == [1, 3]
      assert ids(Ash.Query.filter(Thing, contains(fragment("lower(?)", name), "qui"))) == [1, 2]
    end

    test "may be of related rows" do
      assert ids(Ash.Query.filter(Thing, fragment("lower(?)", owner.name) == "ben")) == [3]
      query = Ash.Query.filter(Owner, exists(things, fragment("length(?) = 4", name)))
      assert ids(query) == [2]
      assert ids(Ash.Query.filter(Thing, owner.shout == "ANN")) == [1, 2]
    end

    test "is SQL beside what is left to Elixir, as explain reports" do
      query =
        Ash.Query.filter(
          Thing,
          fragment("? > 3", size) and string_join([name, "x"]) == "Quickx"
        )

      assert {:ok, %{sql: sql, residual: [{:filter, _}]}} = AshRusqlite.explain(query)
      assert sql =~ ~r/"things"."size" +> 3/
      assert ids(query) == [1]
      assert {:ok, 1} = Ash.count(query)
    end

    test "that Elixir would have to compute is an error, whatever the rows" do
      for query <- [
            Ash.Query.filter(Thing, string_join([fragment("lower(?)", name), "x"]) == "quickx"),
            Ash.Query.filter(Thing, mixed == "quickx"),
            Ash.Query.filter(Thing, fragment("? > 3", size) or string_join([name]) == "x"),
            Ash.Query.sort(Thing, :mixed),
            Ash.Query.load(Thing, :mixed)
          ] do
        text = query |> Ash.read() |> message()
        assert text =~ "holds a fragment, which only SQLite can compute"
        assert text =~ "keep them apart"
      end

      query = Ash.Query.filter(Thing, mixed == "quickx")
      assert message(Ash.count(query)) =~ "holds a fragment"

      assert message(failed(Ash.bulk_destroy(query, :destroy, %{}, return_errors?: true))) =~
               "holds a fragment"
    end
  end

  describe "a calculation" do
    test "is loaded as its type, filters and sorts" do
      things =
        Thing
        |> Ash.Query.load([:lower, :long, :first_tag, :next_day, :object, :big?])
        |> Ash.read!()

      assert Enum.map(things, & &1.lower) == ["quick", "quiet", "loud", nil]
      assert Enum.map(things, & &1.long) == ["quick!", "quiet!", "loud!", nil]
      assert Enum.map(things, & &1.first_tag) == ["a", "c", nil, nil]
      assert Enum.map(things, & &1.next_day) == [~D[2026-02-01], ~D[2026-03-02], nil, nil]
      assert hd(things).object == %{"name" => "Quick"}
      assert Enum.map(things, & &1.big?) == [true, false, true, nil]

      assert ids(Ash.Query.filter(Thing, lower == "loud")) == [3]
      assert ids(Ash.Query.filter(Thing, big? == true)) == [1, 3]
      assert ids(Ash.Query.filter(Thing, sizes == "big")) == [1, 3]
      assert ids(Ash.Query.sort(Thing, lower: :desc)) == [4, 2, 1, 3]
      assert ids(Thing |> Ash.Query.sort(:lower) |> Ash.Query.limit(2)) == [3, 1]
      assert ids(Ash.Query.distinct(Thing, :big?)) |> Enum.sort() == [1, 2, 4]
    end

    test "of a value that is not of its type is an error that names both" do
      assert %{number: 1} =
               Thing |> Ash.Query.filter(id == 1) |> Ash.Query.load(:number) |> Ash.read_one!()

      text =
        Thing |> Ash.Query.filter(id == 3) |> Ash.Query.load(:number) |> Ash.read() |> message()

      assert text =~ "the fragment of :number gives \"no\""
      text = Thing |> Ash.Query.load(:wrong) |> Ash.read() |> message()
      assert text =~ "gives \"quick\", which is not stored for a Ash.Type.Integer"
    end
  end

  test "an aggregate filters its rows by one" do
    assert [%{quick: 1}, %{quick: 0}] = Owner |> Ash.Query.load(:quick) |> Ash.read!()
    assert {:ok, 2} = Ash.count(Ash.Query.filter(Thing, fragment("? > 3", size)))
    query = [filter: Ash.Expr.expr(fragment("? > 3", size))]
    assert {:ok, %{n: 14}} = Ash.aggregate(Thing, {:n, :sum, field: :size, query: query})
  end

  describe "a write" do
    test "computes what it changes" do
      changed =
        Thing
        |> Ash.get!(1)
        |> Ash.Changeset.for_update(:update, %{})
        |> Ash.Changeset.atomic_update(:name, Ash.Expr.expr(fragment("upper(?)", name)))
        |> Ash.Changeset.atomic_update(:size, Ash.Expr.expr(fragment("? << 1", size)))
        |> Ash.Changeset.atomic_update(:day, Ash.Expr.expr(fragment("date(?, '+1 day')", day)))
        |> Ash.update!()

      assert %{name: "QUICK", size: 10, day: ~D[2026-02-01]} = changed
      assert %{name: "QUICK", size: 10, day: ~D[2026-02-01]} = Ash.get!(Thing, 1)
    end

    test "computes what is required, and nil of it is the error of its field" do
      change = fn expression ->
        Thing
        |> Ash.get!(1)
        |> Ash.Changeset.for_update(:update, %{})
        |> Ash.Changeset.atomic_update(:code, expression)
        |> Ash.update()
      end

      assert {:ok, %{code: "c1"}} = change.(Ash.Expr.expr(fragment("'c' || ?", id)))

      assert {:error, %Ash.Error.Invalid{errors: [error]}} =
               change.(Ash.Expr.expr(fragment("nullif(?, 'c1')", code)))

      assert %Ash.Error.Changes.Required{field: :code, type: :attribute, resource: Thing} = error

      assert %{code: "c1"} = Ash.get!(Thing, 1)
    end

    test "with a check that is no SQL is an error that says so" do
      made = Ash.Expr.expr(if(id == 2, do: error(Ash.Error.Changes.Required, %{}), else: "x"))
      expression = Ash.Expr.expr(fragment("? || 'c'", ^made))

      result =
        Thing
        |> Ash.get!(1)
        |> Ash.Changeset.for_update(:update, %{})
        |> Ash.Changeset.atomic_update(:name, expression)
        |> Ash.update()

      assert message(result) =~ "an atomic change holds a fragment"
      assert message(result) =~ "Error has no SQL"
      assert %{name: "Quick"} = Ash.get!(Thing, 1)
    end

    test "of many rows finds them by one" do
      result =
        Thing
        |> Ash.Query.filter(fragment("lower(?) LIKE 'q%'", name))
        |> Ash.bulk_update!(:update, %{size: 0}, return_records?: true, strategy: :atomic)

      assert Enum.map(result.records, & &1.id) == [1, 2]
    end

    test "may be an upsert" do
      assert %{size: 50} = Ash.create!(Thing, %{id: 1, name: "x"}, action: :count)
    end

    test "of what the column cannot hold is an error, and nothing is written" do
      result =
        Ash.get!(Thing, 1)
        |> Ash.Changeset.for_update(:update, %{})
        |> Ash.Changeset.atomic_update(:size, Ash.Expr.expr(fragment("lower(?)", name)))
        |> Ash.update()

      assert message(result) =~ "size"
      assert %{size: 5} = Ash.get!(Thing, 1)
    end
  end

  describe "SQL that is wrong" do
    test "is an error with the text of the fragment" do
      for {expression, why} <- [
            {Ash.Expr.expr(fragment("lowr(?)", name) == "x"), "no such function: lowr"},
            {Ash.Expr.expr(fragment("nme = ?", name)), "no such column: nme"},
            {Ash.Expr.expr(fragment("? AND AND 1", size)), "syntax error"},
            {Ash.Expr.expr(fragment("load_extension(?)", name)), "not allowed"}
          ] do
        text = Thing |> Ash.Query.filter(^expression) |> Ash.read() |> message()
        assert text =~ why
        assert text =~ "in fragment("
      end
    end

    test "is the same error in an upsert, alone or of many, and nothing is written" do
      for result <- [
            Ash.create(Thing, %{id: 1}, action: :miscount),
            failed(Ash.bulk_create([%{id: 1}], Thing, :miscount, return_errors?: true))
          ] do
        assert message(result) =~ "no such function: tenfold"
        assert message(result) =~ "in fragment("
      end

      assert %{size: 5} = Ash.get!(Thing, 1)
    end

    test "is refused where it would leave its place" do
      for {expression, why} <- [
            {Ash.Expr.expr(fragment("1) OR (1")), nil},
            {Ash.Expr.expr(fragment("?)) OR ((1", name)), "did not open"},
            {Ash.Expr.expr(fragment("1; DROP TABLE things")), "holds a ;"},
            {Ash.Expr.expr(fragment("1 -- ")), "holds a comment"},
            {Ash.Expr.expr(fragment("'?'", name)), "not closed"},
            {Ash.Expr.expr(fragment("?::text", name)), "begins a parameter"}
          ] do
        query = Ash.Query.filter(Thing, id == 1 and ^expression)

        if why,
          do: assert(message(Ash.read(query)) =~ why),
          else: assert(ids(query) == [1])
      end
    end

    test "is refused where it would make one row of all" do
      query = &Ash.Query.calculate(Thing, :it, :integer, &1, %{})

      for {expression, name} <- [
            {Ash.Expr.expr(fragment("count(*)")), "count"},
            {Ash.Expr.expr(fragment("coalesce(max(?), 0)", size)), "max"},
            {Ash.Expr.expr(fragment("count(?)", size) + 1), "count"}
          ] do
        text = expression |> query.() |> Ash.read() |> message()
        assert text =~ "the aggregate #{name}(), which would make one row of all"
      end

      values = fn expression ->
        for thing <- Ash.read!(query.(expression)), do: thing.calculations.it
      end

      assert values.(Ash.Expr.expr(fragment("max(?, 3)", size))) == [5, 3, 9, nil]
      assert values.(Ash.Expr.expr(fragment("(SELECT count(*) FROM owners)"))) == [2, 2, 2, 2]
      assert values.(Ash.Expr.expr(fragment("count(?) OVER ()", size))) == [3, 3, 3, 3]
    end

    test "names the replacement for && of lists" do
      query = Ash.Query.filter(Thing, fragment("? && ?", tags, ^["a"]))
      text = query |> Ash.read() |> message()
      assert text =~ "SQLite has no operator &&"
      assert text =~ "json_each"
    end
  end

  defp failed(%Ash.BulkResult{errors: [error | _]}), do: {:error, error}
end
