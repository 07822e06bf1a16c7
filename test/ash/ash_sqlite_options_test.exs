# Every option that a resource of AshSqlite may have leaves it usable: on a file that AshSqlite's
# migrations made, and where tables follow their resources.
defmodule AshRusqlite.AshSqliteOptionsTest do
  use ExUnit.Case, async: true

  require Ash.Query

  alias AshRusqlite.AnyDomain, as: Domain
  alias AshRusqlite.DataLayer.Schema.TableSpec
  alias AshRusqlite.Repo.{Maintenance, Reads, Schema}

  @moduletag :tmp_dir

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_sqlite_options_test
  end

  defmodule Typed do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      table "typed"
      repo Repo

      migration_types(
        id: :uuid,
        amount: :decimal,
        code: {:varchar, 30},
        count: :bigint,
        name: :citext,
        ratio: :float,
        done: :boolean,
        bio: :map,
        tags: {:array, :text},
        at: :utc_datetime_usec,
        on: :date,
        data: {:binary, 16},
        odd: {:no, :type},
        price: "DECIMAL_TEXT"
      )

      migration_defaults(
        count: "0",
        code: "\"none\"",
        price: "'1.50'",
        tags: "[]",
        done: "false",
        name: "nil",
        on: ~S|fragment("CURRENT_DATE")|
      )
    end

    actions do
      defaults [:read, :destroy, create: :*, update: :*]
    end

    attributes do
      uuid_primary_key :id
      attribute :amount, :decimal, public?: true
      attribute :code, :string, public?: true
      attribute :count, :integer, public?: true
      attribute :name, :ci_string, public?: true
      attribute :ratio, :float, public?: true
      attribute :done, :boolean, public?: true
      attribute :bio, :map, public?: true
      attribute :tags, {:array, :string}, public?: true
      attribute :at, :utc_datetime_usec, public?: true
      attribute :on, :date, public?: true
      attribute :data, :binary, public?: true
      attribute :odd, :string, public?: true
      attribute :price, :decimal, public?: true
    end
  end

  defmodule Strict do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      table "stricts"
      repo Repo
      strict?(true)
      migration_types(a: :bigint, amount: :decimal)
    end

    actions do
      defaults [:read, :destroy, create: :*, update: :*]
    end

    attributes do
      uuid_primary_key :id
      attribute :a, :integer, public?: true
      attribute :amount, :decimal, public?: true
      attribute :bio, :map, public?: true
      attribute :done, :boolean, public?: true
      attribute :at, :utc_datetime_usec, public?: true
      attribute :ratio, :float, public?: true
      attribute :data, :binary, public?: true
    end
  end

  defmodule Indexed do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      table "indexed"
      repo Repo
      base_filter_sql("gone = FALSE")
      migration_ignore_attributes([:elsewhere])

      custom_indexes do
        index ["lower(title)"], name: "indexed_lower", unique: true, message: "is taken"
        index ["title DESC", :size], where: "size > 1"
        index [:size], name: "indexed_big", where: "size > 9"
        index [:shape], name: "indexed_shape"
        index ["no_column_of_ours"]
      end
    end

    resource do
      base_filter(gone: false)
    end

    actions do
      defaults [:read, :destroy, create: :*, update: :*]
    end

    attributes do
      uuid_primary_key :id
      attribute :title, :string, public?: true
      attribute :size, :integer, public?: true
      attribute :gone, :boolean, default: false, public?: true
      attribute :elsewhere, :string, public?: true
      attribute :shape, :string, source: :"its shape"
    end
  end

  defmodule Shared do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      table "shared"
      repo Repo

      custom_indexes do
        index [:code], unique: true, message: "is used"
      end
    end

    multitenancy do
      strategy(:attribute)
      attribute(:org)
    end

    actions do
      defaults [:read, create: :*]
    end

    attributes do
      uuid_primary_key :id
      attribute :org, :string, public?: true
      attribute :code, :string, public?: true
    end
  end

  @migrations """
  -- up
  CREATE TABLE typed (
    id TEXT NOT NULL PRIMARY KEY, amount DECIMAL, code VARCHAR DEFAULT 'none', count INTEGER,
    name CITEXT, ratio NUMERIC, done INTEGER, bio TEXT, tags TEXT, at TEXT, "on" TEXT, data BLOB,
    odd TEXT, price TEXT
  );
  CREATE TABLE stricts (
    id TEXT NOT NULL PRIMARY KEY, a INTEGER, amount TEXT, bio TEXT, done INTEGER, at TEXT,
    ratio REAL, data BLOB
  ) STRICT;
  CREATE TABLE indexed (
    id TEXT NOT NULL PRIMARY KEY, title TEXT, size INTEGER, gone INTEGER, elsewhere TEXT,
    "its shape" TEXT
  );
  CREATE INDEX indexed_shape ON indexed ("its shape");
  CREATE UNIQUE INDEX "indexed_lower" ON "indexed" (lower(title));
  CREATE INDEX "indexed_title_DESC_size_index" ON "indexed" (title DESC, size)
    WHERE gone = FALSE AND size > 1;
  CREATE INDEX indexed_big ON indexed (size) WHERE gone = FALSE AND size > 9;
  """

  setup do
    {:ok, _} = Application.ensure_all_started(:ash)
    :ok
  end

  defp start(folder, :made_by_ash_sqlite) do
    migrations = Path.join(folder, "migrations")
    File.mkdir_p!(migrations)
    File.write!(Path.join(migrations, "20260101000000_all.sql"), @migrations)
    start_supervised!({Repo, database: Path.join(folder, "other.db"), auto_migrate: false})
    Maintenance.migrate!(Repo, migrations: migrations)
  end

  defp start(folder, :following) do
    start_supervised!({Repo, database: Path.join(folder, "own.db"), auto_migrate: true})
  end

  defp declared(table) do
    rows = Reads.query!(Repo, "SELECT name, type FROM pragma_table_info('#{table}')").rows
    Map.new(rows, &List.to_tuple/1)
  end

  for how <- [:made_by_ash_sqlite, :following] do
    test "types of Ecto's migrations hold what the attributes hold (#{how})", %{
      tmp_dir: folder
    } do
      start(folder, unquote(how))

      values = %{
        amount: Decimal.new("1.25"),
        code: "007",
        count: 5,
        ratio: 2.0,
        done: true,
        bio: %{"a" => [1]},
        tags: ["x"],
        at: ~U[2026-01-02 03:04:05.000006Z],
        on: ~D[2026-01-02],
        data: <<255>>,
        odd: "007",
        price: Decimal.new("1.10")
      }

      created = Ash.create!(Typed, Map.put(values, :name, "Ann"))
      assert Map.take(Ash.get!(Typed, created.id), Map.keys(values)) == values
      Ash.update!(created, %{bio: %{tone: :kind}, count: 6})

      found =
        Ash.Query.filter(Typed, at == ^values.at and amount == ^values.amount and name == "ANN")

      assert [%{bio: %{tone: :kind}, count: 6}] = Ash.read!(found)
      assert {:ok, []} = Schema.differences(Repo, TableSpec.of(Typed, "typed")) |> harmless()
    end

    test "a strict table is read by the types of the attributes (#{how})", %{tmp_dir: folder} do
      start(folder, unquote(how))

      values = %{
        a: 1,
        amount: Decimal.new("1.10"),
        bio: %{"x" => 1},
        done: true,
        at: ~U[2026-01-02 03:04:05.000006Z],
        ratio: 2.0,
        data: <<255>>
      }

      created = Ash.create!(Strict, values)
      assert Map.take(Ash.get!(Strict, created.id), Map.keys(values)) == values
      assert [_] = Strict |> Ash.Query.filter(at == ^values.at and done) |> Ash.read!()
      assert Reads.query!(Repo, "SELECT strict FROM pragma_table_list('stricts')").rows == [[1]]
      assert {:ok, []} = Schema.differences(Repo, TableSpec.of(Strict, "stricts")) |> harmless()
    end

    test "indexes over expressions and base filters are AshSqlite's (#{how})", %{
      tmp_dir: folder
    } do
      start(folder, unquote(how))
      Ash.create!(Indexed, %{title: "A", size: 2, elsewhere: "x"})
      assert [%{title: "A", elsewhere: "x"}] = Ash.read!(Indexed)

      assert {:error, %{errors: [%{field: :title, message: "is taken"}]}} =
               Ash.create(Indexed, %{title: "a"})

      assert {:ok, []} = Schema.differences(Repo, TableSpec.of(Indexed, "indexed"))

      names = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1"

      assert List.flatten(Reads.query!(Repo, names).rows) ==
               ~w(indexed_big indexed_lower indexed_shape indexed_title_DESC_size_index)
    end
  end

  # The key of a table is NOT NULL there.
  defp harmless({:ok, differences}),
    do: {:ok, Enum.reject(differences, &(&1.kind == :unexpected_not_null))}

  test "tables that follow are declared as Ecto's adapter declares them, with plain defaults",
       %{
         tmp_dir: folder
       } do
    start(folder, :following)
    id = Ash.UUID.generate()
    assert [] = Ash.read!(Typed)

    assert declared("typed") == %{
             "id" => "TEXT",
             "amount" => "DECIMAL",
             "code" => "VARCHAR",
             "count" => "INTEGER",
             "name" => "CITEXT",
             "ratio" => "NUMERIC",
             "done" => "INTEGER",
             "bio" => "TEXT",
             "tags" => "TEXT",
             "at" => "TEXT",
             "on" => "TEXT",
             "data" => "BLOB",
             "odd" => "TEXT",
             "price" => "DECIMAL_TEXT"
           }

    Repo.insert!(:typed, id: id)
    row = Ash.get!(Typed, id)
    assert %{count: 0, code: "none", tags: [], done: false, name: nil, on: nil} = row
    assert Decimal.to_string(row.price) == "1.50"
  end

  test "a unique index counts within a tenant, and is reported on its own field", %{
    tmp_dir: folder
  } do
    start(folder, :following)
    for org <- ["a", "b"], do: Ash.create!(Shared, %{code: "x"}, tenant: org)

    assert {:error, %{errors: [%{field: :code, message: "is used"}]}} =
             Ash.create(Shared, %{code: "x"}, tenant: "a")
  end

  test "a strict table that follows keeps a map that JSON cannot hold", %{tmp_dir: folder} do
    start(folder, :following)
    %{id: id} = Ash.create!(Strict, %{bio: %{tone: :kind}})
    assert %{bio: %{tone: :kind}} = Ash.get!(Strict, id)
  end

  test "in a strict column of text such a map is refused on its field", %{tmp_dir: folder} do
    start(folder, :made_by_ash_sqlite)
    assert {:error, error} = Ash.create(Strict, %{bio: %{tone: :kind}})
    assert [%{field: :bio}] = error.errors
  end
end
