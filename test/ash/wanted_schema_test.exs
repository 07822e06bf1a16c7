# The tables that resources ask of generated migrations.
defmodule AshRusqlite.WantedSchemaTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.AnyDomain, as: Domain
  alias AshRusqlite.DataLayer.Migrations.Wanted
  alias AshRusqlite.Repo.{Generator, Maintenance, Schema}

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_wanted_test
  end

  defmodule OtherRepo do
    use AshRusqlite.Repo, otp_app: :ash_wanted_test
  end

  defmodule Author do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "authors"

      references do
        polymorphic_on_delete(:delete)
      end
    end

    multitenancy do
      strategy(:attribute)
      attribute(:org)
      global?(true)
    end

    attributes do
      integer_primary_key(:id)
      attribute :org, :string, allow_nil?: false
      attribute :name, :string, allow_nil?: false, source: :full_name
      attribute :level, :integer, default: 3
    end

    relationships do
      has_many :notes, AshRusqlite.WantedSchemaTest.Note do
        destination_attribute(:about_id)
        relationship_context(%{data_layer: %{table: "author_notes"}})
      end
    end

    identities do
      identity :name, [:name]
    end
  end

  defmodule Post do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "posts"
      migration_types(price: :decimal, code: {:varchar, 30})
      migration_ignore_attributes([:score])

      migration_defaults(
        seen: "0",
        state: "nil",
        made_at: "fragment(\"CURRENT_TIMESTAMP\")",
        tags: "[\"a\"]"
      )

      references do
        reference :author,
          on_delete: :delete,
          on_update: :update,
          deferrable: :initially,
          match_tenant?: true

        reference :editor, on_delete: :nilify, name: "posts_edited_by"
        reference :reviewer, ignore?: true
        reference :abroad, on_delete: :delete
      end

      check_constraints do
        check_constraint(:price, "posts_price", check: "price > 0", message: "is too small")
        check_constraint([:code, :seen], "posts_by_hand")
      end

      custom_indexes do
        index [:state, :made_at], where: "state IS NOT NULL"
        index ["lower(title)"], unique: true
        index [:score]
        index ["by_hand"]
      end

      custom_statements do
        statement :titles do
          up("CREATE VIEW titles AS SELECT title FROM posts")
          down("DROP VIEW titles")
        end
      end
    end

    multitenancy do
      strategy(:attribute)
      attribute(:org)
      global?(true)
    end

    attributes do
      uuid_primary_key :id
      attribute :org, :string
      attribute :title, :string, allow_nil?: false
      attribute :price, :decimal
      attribute :code, :string
      attribute :seen, :integer, allow_nil?: false
      attribute :state, :atom, default: :draft
      attribute :kind, :atom, default: :article, allow_nil?: false
      attribute :open, :boolean, default: false
      attribute :options, :map, default: %{}
      attribute :tags, {:array, :string}, default: []
      attribute :score, :float
      attribute :made_at, :utc_datetime_usec
      attribute :token, :uuid, default: &Ash.UUID.generate/0
      attribute :slug, :string, default: fn -> "#{System.unique_integer()}" end
      attribute :turn, :integer, default: {System, :unique_integer, []}
      create_timestamp :created_at
      update_timestamp :updated_at
    end

    relationships do
      belongs_to :author, Author, attribute_type: :integer, allow_nil?: false
      belongs_to :editor, Author, attribute_type: :integer
      belongs_to :reviewer, Author, attribute_type: :integer
      belongs_to :abroad, AshRusqlite.WantedSchemaTest.Abroad
      belongs_to :plain, Author, attribute_type: :integer
    end
  end

  defmodule Abroad do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo OtherRepo
      table "abroad"
    end

    attributes do
      uuid_primary_key :id
    end
  end

  defmodule Note do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      polymorphic?(true)
    end

    attributes do
      uuid_primary_key :id
      attribute :about_id, :integer, allow_nil?: false
      attribute :text, :string
    end

    identities do
      identity :text, [:about_id, :text]
    end
  end

  defmodule Legacy do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "legacy"
      migrate?(false)
    end

    attributes do
      uuid_primary_key :id
    end
  end

  defmodule InEts do
    use Ash.Resource, domain: Domain, data_layer: Ash.DataLayer.Ets

    attributes do
      uuid_primary_key :id
    end
  end

  defmodule Embedded do
    use Ash.Resource, data_layer: :embedded

    attributes do
      attribute :text, :string
    end
  end

  defmodule Private do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    ets do
      private? true
    end

    attributes do
      uuid_primary_key :id
    end
  end

  defmodule Strict do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "stricts"
      strict?(true)
    end

    attributes do
      attribute :left, :string, primary_key?: true, allow_nil?: false
      attribute :right, :integer, primary_key?: true, allow_nil?: false
      attribute :at, :utc_datetime
    end
  end

  @resources [Author, Post, Abroad, Note, Legacy, InEts, Embedded, Private, Strict]

  defp wanted(resources \\ @resources) do
    {:ok, wanted, _notes} = Wanted.of(Repo, resources)
    wanted
  end

  defp table(wanted, name), do: Enum.find(wanted[:tables], &(&1[:table] == name))
  defp column(table, name), do: Enum.find(table[:columns], &(&1[:name] == name))
  defp named(list, name), do: Enum.find(list, &(&1[:name] == name))
  defp posts, do: wanted() |> table("posts")

  test "only resources that are stored in the repo have tables" do
    tables = Enum.map(wanted()[:tables], & &1[:table])
    assert Enum.sort(tables) == ["author_notes", "authors", "posts", "stricts"]
    assert Wanted.repos(@resources) == [Repo, OtherRepo]
  end

  test "a table with migrate? false is ignored" do
    assert wanted()[:ignored] == ["legacy"]
  end

  test "what must not be nil is NOT NULL, as is the primary key" do
    nulls = for column <- posts()[:columns], column[:null], do: column[:name]

    refute Enum.any?(~w(id title seen kind author_id created_at updated_at), &(&1 in nulls))
    assert Enum.all?(~w(org price state options token editor_id), &(&1 in nulls))
    assert posts()[:primary_key] == ["id"]
    assert table(wanted(), "stricts")[:primary_key] == ["left", "right"]
    assert table(wanted(), "authors")[:autoincrement] == "id"
  end

  test "columns have the types of their attributes or those of migration_types" do
    types = for column <- posts()[:columns], into: %{}, do: {column[:name], column[:declared]}
    assert %{"price" => "DECIMAL", "code" => "VARCHAR", "title" => nil} = types
    assert column(posts(), "made_at")[:type] == "DATETIME_USEC_TEXT"
    assert column(table(wanted(), "authors"), "full_name")
  end

  test "a default that is a value is the column's" do
    assert column(posts(), "kind")[:default] == "article"
    assert column(posts(), "open")[:default] == false
    assert column(posts(), "options")[:default] == %{}
    assert column(table(wanted(), "authors"), "level")[:default] == 3
  end

  test "migration_defaults come before it, as a value, as SQL, or as none" do
    assert column(posts(), "seen")[:default] == 0
    assert column(posts(), "tags")[:default] == ["a"]
    assert column(posts(), "made_at")[:default_sql] == "CURRENT_TIMESTAMP"
    refute Keyword.has_key?(column(posts(), "state"), :default)
  end

  test "a function is never a column's default, since it is called for each row" do
    for name <- ~w(id token slug turn created_at updated_at) do
      refute Keyword.has_key?(column(posts(), name), :default), name
      refute Keyword.has_key?(column(posts(), name), :default_sql), name
    end
  end

  test "a reference makes a foreign key, a belongs_to alone only an index" do
    assert [by_author, by_editor] = posts()[:foreign_keys]

    assert by_author == [
             name: "posts_author_id_fkey",
             columns: ["author_id", "org"],
             references: "authors",
             on: ["id", "org"],
             on_delete: :delete,
             on_update: :update,
             deferrable: :initially
           ]

    assert [name: "posts_edited_by", columns: ["editor_id"]] =
             Keyword.take(by_editor, [:name, :columns])

    assert by_editor[:on_delete] == :nilify

    searches = for index <- posts()[:indexes], index[:prefix], do: hd(index[:columns])
    assert Enum.sort(searches) == ~w(abroad_id author_id editor_id plain_id reviewer_id)
  end

  test "a key with the tenant has the unique index that SQLite needs" do
    assert %{unique: true, columns: ["id", "org"]} =
             wanted()
             |> table("authors")
             |> Keyword.fetch!(:indexes)
             |> named("authors_id_org_key_index")
             |> Map.new()
  end

  test "a key into another repo is left out, and a note says so" do
    {:ok, _wanted, notes} = Wanted.of(Repo, @resources)
    assert Enum.any?(notes, &(&1 =~ "no foreign key for :abroad"))
  end

  test "checks with SQL are made, those without are only known" do
    assert posts()[:checks] == [[name: "posts_price", sql: "price > 0"]]
  end

  test "identities and custom indexes are there, as far as their columns are" do
    indexes = posts()[:indexes]
    assert named(indexes, "posts_state_made_at_index")[:where] == "state IS NOT NULL"
    assert named(indexes, "posts_lower_title_index")[:columns] == ["org", "lower(title)"]

    assert wanted()
           |> table("authors")
           |> Keyword.fetch!(:indexes)
           |> named("authors_name_index")

    {:ok, _wanted, notes} = Wanted.of(Repo, @resources)
    assert Enum.any?(notes, &(&1 =~ "posts_score_index is left to migrations"))
    assert Enum.any?(notes, &(&1 =~ "posts_by_hand_index is left to migrations"))
  end

  test "ignored attributes have no column" do
    refute column(posts(), "score")
    refute named(posts()[:indexes], "posts_score_index")
  end

  test "a table that each tenant has one of is named" do
    defmodule Tenanted do
      use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

      sqlite do
        repo Repo
        table "tenanted"
      end

      multitenancy do
        strategy(:context)
      end

      attributes do
        uuid_primary_key :id
      end
    end

    assert wanted([Tenanted, Author])[:tenants] == ["tenanted"]
    assert table(wanted([Tenanted]), "tenanted")
  end

  test "statements are named by their table" do
    assert wanted()[:statements] == [
             [
               name: "posts.titles",
               up: "CREATE VIEW titles AS SELECT title FROM posts",
               down: "DROP VIEW titles"
             ]
           ]
  end

  test "a polymorphic resource has the table that a relationship names" do
    notes = table(wanted(), "author_notes")
    assert named(notes[:indexes], "author_notes_text_index")[:unique]

    assert [[name: "author_notes_about_id_fkey", columns: ["about_id"]] ++ rest] = [
             hd(notes[:foreign_keys])
           ]

    assert rest[:references] == "authors" and rest[:on_delete] == :delete
  end

  test "a STRICT table says how its columns may be declared" do
    stricts = table(wanted(), "stricts")
    assert stricts[:strict]
    assert column(stricts, "at")[:declared] == "DATETIME_TEXT"
  end

  @tag :tmp_dir
  test "all of it can be generated, applied and taken back, and then nothing is left to do", %{
    tmp_dir: folder
  } do
    {:ok, %{files: [file]}} =
      Generator.generate(nil, wanted(), name: "create", version: 20_260_101_000_000)

    File.write!(Path.join(folder, file.name), file.text)
    {:ok, repo} = AshRusqlite.Repo.start_link(database: ":memory:", name: nil)
    assert {:ok, [_]} = Maintenance.migrate(repo, migrations: folder)
    assert {:ok, %{files: []}} = Generator.generate(folder, wanted(), name: "again", drop: true)

    for table <- wanted()[:tables],
        do: assert({:ok, []} = Schema.differences(repo, read(table)))

    assert {:ok, [_]} = Maintenance.rollback_migration(repo, migrations: folder)
  end

  # What a table that is there already is not asked about.
  defp read(table) do
    Keyword.update!(table, :columns, fn columns ->
      Enum.map(columns, &Keyword.delete(&1, :default_sql))
    end)
  end
end
