defmodule AshRusqlite.FromAshSqliteTest do
  # A file that AshSqlite and Ecto's adapter have made, used as guides/from-ash-sqlite.md says.
  use AshRusqlite.Case, async: true

  alias AshRusqlite.FromAshSqlite, as: Person

  require Ash.Query

  # The tables and rows as their migrations and inserts leave them.
  @file_of_ash_sqlite """
  -- up
  CREATE TABLE people (
    id TEXT NOT NULL PRIMARY KEY, email TEXT, kind TEXT, member INTEGER, balance DECIMAL,
    bio TEXT, tags TEXT, avatar BLOB, born TEXT, seen_at TEXT, inserted_at TEXT NOT NULL
  );
  CREATE UNIQUE INDEX people_email_index ON people (email);
  CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, inserted_at TEXT);
  INSERT INTO people VALUES (
    '0190163d-8694-739b-aea5-966c26f8ad91', 'Ann@example.com', 'host', 1, '1.5',
    '{"city":"Rome","langs":["it","la"]}', '["a","b"]', x'00ff', '1984-05-06',
    '2026-01-02T03:04:05', '2026-01-02T03:04:05.000006'
  );
  """

  @ann "0190163d-8694-739b-aea5-966c26f8ad91"
  @bob "22222222-2222-4222-8222-222222222222"

  setup %{repo: repo} do
    migrate!(repo, @file_of_ash_sqlite)
    :ok
  end

  test "a file of AshSqlite is read as it was" do
    assert [ann] = Ash.read!(Person)

    assert %{
             id: @ann,
             kind: :host,
             member: true,
             bio: %{"city" => "Rome", "langs" => ["it", "la"]},
             tags: ["a", "b"],
             avatar: <<0, 255>>,
             born: ~D[1984-05-06],
             seen_at: ~U[2026-01-02 03:04:05Z],
             inserted_at: ~U[2026-01-02 03:04:05.000006Z]
           } = ann

    assert to_string(ann.email) == "Ann@example.com"
    assert Decimal.equal?(ann.balance, Decimal.new("1.5"))

    for filter <- [
          [id: @ann],
          [email: "Ann@example.com"],
          [kind: :host],
          [member: true],
          [born: ~D[1984-05-06]],
          [balance: Decimal.new("1.50")],
          [email: "ann@EXAMPLE.com"],
          [seen_at: [less_than: ~U[2026-01-02 03:04:06Z]]]
        ] do
      found = Person |> Ash.Query.do_filter(filter) |> Ash.read!() |> Enum.map(& &1.id)
      assert {filter, found} == {filter, [@ann]}
    end
  end

  test "a file of AshSqlite is written so that the other reads it" do
    create!(%{bio: %{"a" => [1, nil]}})
    ann = Ash.get!(Person, @ann)
    Ash.update!(ann, %{bio: %{"city" => "Köln"}, seen_at: ~U[2026-02-03 04:05:06Z]})

    columns = "id, email, kind, member, balance, bio, tags, avatar, born, seen_at, inserted_at"
    types = String.replace(columns, ~r/\w+/, "typeof(\\0)")

    assert Repo.query!("SELECT DISTINCT #{types} FROM people").rows ==
             [~w(text text text integer real text text blob text text text)]

    texts = "CAST(bio AS TEXT), CAST(tags AS TEXT), CAST(born AS TEXT), CAST(seen_at AS TEXT)"

    assert Repo.query!("SELECT #{texts} FROM people ORDER BY id").rows == [
             [~s({"city":"Köln"}), ~s(["a","b"]), "1984-05-06", "2026-02-03T04:05:06Z"],
             [~s({"a":[1,null]}), ~s(["x"]), "2000-01-01", "2026-01-01T00:00:00Z"]
           ]

    assert {:error, %Ash.Error.Invalid{errors: [error]}} =
             Ash.create(Person, %{email: "ann@other", id: @ann})

    assert error.field == :id
  end

  test "a file of AshSqlite holds a map that JSON cannot hold as a BLOB, which a check and a query find" do
    create!(%{bio: %{city: :rome}})
    assert Ash.get!(Person, @bob).bio == %{city: :rome}

    assert [%{table: "people", key: %{id: @bob}, column: :bio, why: "the key :city"}] =
             Enum.to_list(AshRusqlite.beyond_json(Person))

    blobs = "SELECT id FROM people WHERE typeof(bio) = 'blob'"
    assert Repo.query!(blobs).rows == [[@bob]]

    Ash.update!(Ash.get!(Person, @bob), %{bio: %{"city" => "rome"}})
    assert Repo.query!(blobs).rows == []
    assert Enum.to_list(AshRusqlite.beyond_json(Person)) == []
  end

  test "a file of AshSqlite finds an instant exactly once its texts have our form", %{
    repo: repo,
    tmp_dir: folder
  } do
    migrations = Path.join(folder, "migrations")
    File.cp_r!(migrations(), migrations)
    File.write!(Path.join(migrations, "29990101000000_more.sql"), @file_of_ash_sqlite)

    File.write!(Path.join(migrations, "29990101000001_times.sql"), """
    -- up
    UPDATE people SET seen_at = seen_at || 'Z' WHERE seen_at NOT LIKE '%Z';
    """)

    assert {:ok, [_]} = AshRusqlite.Repo.Maintenance.migrate(repo, migrations: migrations)
    seen = Ash.Query.filter(Person, seen_at == ^~U[2026-01-02 03:04:05Z])
    assert [%{id: @ann}] = Ash.read!(seen)
  end

  test "a file of AshSqlite keeps its tables and Ecto's ledger, and gains the index that ignores case" do
    schema = "SELECT name, sql FROM sqlite_schema WHERE tbl_name = 'people' ORDER BY 1"
    before = Repo.query!(schema).rows
    create!(%{})
    assert Repo.all(:schema_migrations) == []
    assert before -- Repo.query!(schema).rows == []
    assert [["people_email_index_nocase", sql]] = Repo.query!(schema).rows -- before
    assert sql =~ ~s{"people" ("email" COLLATE NOCASE)}
  end

  defp create!(fields) do
    Ash.create!(
      Person,
      Map.merge(
        %{
          id: @bob,
          email: "bob@example.com",
          kind: :guest,
          member: false,
          balance: Decimal.new("2.25"),
          bio: %{},
          tags: ["x"],
          avatar: <<1>>,
          born: ~D[2000-01-01],
          seen_at: ~U[2026-01-01 00:00:00Z]
        },
        fields
      )
    )
  end
end
