defmodule AshRusqlite.FromAshPostgresTest do
  # The fragments that guides/from-ash-postgres.md gives in the place of those of Postgres.
  use ExUnit.Case, async: true

  require Ash.Expr
  require Ash.Query

  defmodule Album do
    use AshRusqlite.PrivateResource, AshRusqlite.DataLayer

    actions do
      defaults([:read, create: :*])
    end

    attributes do
      uuid_primary_key(:id)
      attribute(:name, :string, public?: true)
      attribute(:tags, {:array, :string}, public?: true)
      attribute(:seconds, :integer, public?: true)
      attribute(:at, :utc_datetime_usec, public?: true)
    end

    calculations do
      calculate(:text, :string, expr(fragment("CAST(? AS TEXT)", seconds)))
      calculate(:many, :integer, expr(fragment("json_array_length(?)", tags)))

      calculate(
        :removed,
        {:array, :string},
        expr(
          fragment(
            "(SELECT json_group_array(value) FROM json_each(?) WHERE value <> ?)",
            tags,
            "a"
          )
        )
      )

      calculate(
        :prepended,
        {:array, :string},
        expr(
          fragment(
            "(SELECT json_group_array(value) FROM (SELECT ? AS value UNION ALL SELECT value FROM json_each(?)))",
            name,
            tags
          )
        )
      )

      calculate(
        :length,
        :string,
        expr(fragment("printf('%02d:%02d', ? / 60, ? % 60)", seconds, seconds))
      )

      calculate(:day, :date, expr(fragment("date(?)", at)))
      calculate(:year, :integer, expr(fragment("CAST(strftime('%Y', ?) AS INTEGER)", at)))
      calculate(:closer, :string, expr(fragment("(? / 60) || ':'", seconds)))
    end
  end

  setup do
    at = ~U[2026-03-04 05:06:07.000008Z]
    Ash.create!(Album, %{name: "Taranis", tags: ["a", "b"], seconds: 144, at: at})
    :ok
  end

  for {name, value} <- [
        text: "144",
        many: 2,
        removed: ["b"],
        prepended: ["Taranis", "a", "b"],
        length: "02:24",
        day: ~D[2026-03-04],
        year: 2026,
        closer: "2:"
      ] do
    test "the fragment of #{name} gives #{inspect(value)}" do
      album = Album |> Ash.Query.load(unquote(name)) |> Ash.read_one!()
      assert Map.fetch!(album, unquote(name)) == unquote(Macro.escape(value))
    end
  end

  test "what Ash has an expression for is SQL without a fragment" do
    text = "%TARAN%"
    tag = "b"

    for query <- [
          Ash.Query.filter(Album, ilike(name, ^text)),
          Ash.Query.filter(Album, at < ago(1, :day) or at > ago(1, :day))
        ] do
      assert Ash.count!(query) == 1
      assert {:ok, %{residual: []}} = AshRusqlite.explain(query)
    end

    assert Ash.count!(Ash.Query.filter(Album, ^tag in tags)) == 1
  end

  test "a function of Postgres is an error that shows the fragment" do
    assert {:error, error} =
             Album |> Ash.Query.filter(fragment("to_char(?, 'SS')", at) == "07") |> Ash.read()

    assert Exception.message(error) =~
             ~S|no such function: to_char (in fragment("(to_char(?, 'SS'))"))|
  end
end
