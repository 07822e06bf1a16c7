# The file of an AshSqlite app, there and back. Only where ash_sqlite is.
if Code.ensure_loaded?(AshSqlite.DataLayer) do
  defmodule AshRusqlite.AshSqliteTest do
    # One of the two at a time: two SQLite libraries in one process drop each other's locks.
    use ExUnit.Case, async: false

    import Ash.Expr, only: [expr: 1]
    require Ash.Query

    alias AshRusqlite.AnyDomain, as: Domain

    @moduletag :tmp_dir
    @moduletag :capture_log

    defmodule TheirRepo do
      use AshSqlite.Repo, otp_app: :ash_sqlite_test
    end

    defmodule OurRepo do
      use AshRusqlite.Repo, otp_app: :ash_sqlite_test
    end

    defmodule Migration do
      use Ecto.Migration

      def change do
        create table(:people, primary_key: false) do
          add(:id, :uuid, primary_key: true, null: false)
          add(:name, :text, null: false)
        end

        create(unique_index(:people, [:name], name: "people_name_index"))

        create table(:notes, primary_key: false) do
          add(:id, :uuid, primary_key: true, null: false)
          add(:text, :text)
          add(:nick, :citext)
          add(:count, :bigint)
          add(:ratio, :float)
          add(:price, :decimal)
          add(:done, :boolean)
          add(:kind, :text)
          add(:day, :date)
          add(:clock, :time)
          add(:seconds, :utc_datetime)
          add(:at, :utc_datetime_usec)
          add(:tags, {:array, :text})
          add(:meta, :map)
          add(:data, :binary)
          add(:person_id, references(:people, type: :uuid, name: "notes_person_id_fkey"))
        end
      end
    end

    # The same resources on either data layer, with the same `sqlite do … end`.
    for {space, layer, repo} <- [
          {Theirs, AshSqlite.DataLayer, TheirRepo},
          {Ours, AshRusqlite.DataLayer, OurRepo}
        ] do
      @person Module.concat([__MODULE__, space, Person])
      @note Module.concat([__MODULE__, space, Note])
      @layer layer
      @repo Module.concat(__MODULE__, repo |> Module.split() |> List.last())

      Module.create(
        @person,
        quote do
          use Ash.Resource, domain: unquote(Domain), data_layer: unquote(@layer)

          sqlite do
            table("people")
            repo(unquote(@repo))
          end

          actions do
            defaults([:read, :destroy, create: :*, update: :*])
          end

          attributes do
            uuid_primary_key(:id)
            attribute(:name, :string, public?: true, allow_nil?: false)
          end

          identities do
            identity(:name, [:name])
          end

          relationships do
            has_many(:notes, unquote(@note))
          end
        end,
        Macro.Env.location(__ENV__)
      )

      Module.create(
        @note,
        quote do
          use Ash.Resource, domain: unquote(Domain), data_layer: unquote(@layer)

          sqlite do
            table("notes")
            repo(unquote(@repo))

            references do
              reference(:person, on_delete: :delete)
            end
          end

          actions do
            defaults([:read, :destroy, create: :*, update: :*])
          end

          attributes do
            uuid_primary_key(:id)
            attribute(:text, :string, public?: true)
            attribute(:nick, :ci_string, public?: true)
            attribute(:count, :integer, public?: true)
            attribute(:ratio, :float, public?: true)
            attribute(:price, :decimal, public?: true)
            attribute(:done, :boolean, public?: true)
            attribute(:kind, :atom, public?: true)
            attribute(:day, :date, public?: true)
            attribute(:clock, :time, public?: true)
            attribute(:seconds, :utc_datetime, public?: true)
            attribute(:at, :utc_datetime_usec, public?: true)
            attribute(:tags, {:array, :string}, public?: true)
            attribute(:meta, :map, public?: true)
            attribute(:data, :binary, public?: true)
          end

          calculations do
            calculate(:lower, :string, expr(fragment("lower(?)", ^ref(:text))))
            calculate(:first_tag, :string, expr(fragment("json_extract(?, '$[0]')", ^ref(:tags))))
            calculate(:next_day, :date, expr(fragment("date(?, '+1 day')", ^ref(:day))))
            calculate(:many?, :boolean, expr(if(fragment("? > 5", ^ref(:count)), true, false)))
          end

          relationships do
            belongs_to(:person, unquote(@person), public?: true)
          end
        end,
        Macro.Env.location(__ENV__)
      )
    end

    alias __MODULE__.{Ours, Theirs}

    @note %{
      text: "fünf 🦀",
      nick: "AnN",
      count: 7,
      ratio: 2.0,
      price: Decimal.new("12.5"),
      done: true,
      kind: :idea,
      day: ~D[2026-03-04],
      clock: ~T[05:06:07],
      seconds: ~U[2026-03-04 05:06:07Z],
      at: ~U[2026-03-04 05:06:07.000008Z],
      tags: ["a", "b"],
      meta: %{"deep" => [1, %{"x" => nil}]},
      data: <<0, 255>>
    }

    setup %{tmp_dir: folder} do
      {:ok, _} = Application.ensure_all_started(:ash_sqlite)
      path = Path.join(folder, "theirs.db")

      for repo <- [TheirRepo, OurRepo],
          do: Application.put_env(:ash_sqlite_test, repo, database: path)

      theirs(fn -> Ecto.Migrator.up(TheirRepo, 1, Migration, log: false) end)
      :ok
    end

    defp theirs(fun), do: with_repo({TheirRepo, pool_size: 1}, TheirRepo, fun)
    defp ours(fun), do: with_repo({OurRepo, auto_migrate: false}, OurRepo, fun)

    defp with_repo(child, repo, fun) do
      start_supervised!(child, id: repo)
      fun.()
    after
      stop_supervised!(repo)
    end

    defp values(note), do: Map.take(note, Map.keys(@note))

    test "what AshSqlite wrote is read, and found by every column" do
      {person, theirs} =
        theirs(fn ->
          person = Ash.create!(Theirs.Person, %{name: "Ann"})
          {person, Ash.create!(Theirs.Note, Map.put(@note, :person_id, person.id))}
        end)

      ours(fn ->
        assert [note] = Ash.read!(Ours.Note)
        assert note.id == theirs.id
        assert values(note) == values(theirs)
        assert Ash.load!(note, :person).person.name == "Ann"

        for {name, value} <- Map.drop(@note, [:tags, :meta, :data]) do
          assert [_] = Ours.Note |> Ash.Query.filter(^[{name, value}]) |> Ash.read!(),
                 inspect(name)
        end

        assert [_] =
                 Ours.Note
                 |> Ash.Query.filter(at > ^~U[2026-03-04 05:06:07.000007Z])
                 |> Ash.read!()

        assert [] = Ours.Note |> Ash.Query.filter(day > ^~D[2026-03-04]) |> Ash.read!()
        assert {:error, %Ash.Error.Invalid{}} = Ash.create(Ours.Person, %{name: person.name})
      end)
    end

    test "fragments of SQL give what they give on AshSqlite" do
      fields = [:lower, :first_tag, :next_day, :many?]

      asked = fn note ->
        filters = [
          expr(fragment("lower(?)", text) == "ben"),
          expr(fragment("? = ?", text, ^"Ben")),
          expr(fragment("? COLLATE NOCASE", text) == "BEN"),
          expr(fragment("json_extract(?, '$.n')", meta) == 2),
          expr(fragment("? > date(?)", day, ^~D[2026-03-04])),
          expr(fragment("? < ?", at, ^~U[2026-03-04 05:06:07.000008Z])),
          expr(fragment("? * 2", count) + 1 == 15),
          expr(fragment("(SELECT count(*) FROM notes n WHERE n.count < ?) = 1", count)),
          expr(not fragment("? > 5", count)),
          expr(lower == "ann" or first_tag == "x"),
          expr(many? == true and next_day > ^~D[2026-03-05])
        ]

        found =
          for filter <- filters do
            note |> Ash.Query.filter(^filter) |> Ash.read!() |> Enum.map(& &1.text) |> Enum.sort()
          end

        loaded = note |> Ash.Query.load(fields) |> Ash.Query.sort(lower: :desc) |> Ash.read!()
        {found, Enum.map(loaded, &Map.take(&1, [:text | fields]))}
      end

      theirs =
        theirs(fn ->
          for {text, count, n, day} <- [
                {"Ann", 7, 1, ~D[2026-03-04]},
                {"Ben", 3, 2, ~D[2026-03-05]},
                {"Cem", 9, 3, ~D[2026-03-31]}
              ] do
            given = %{text: text, count: count, meta: %{"n" => n}, day: day}
            Ash.create!(Theirs.Note, Map.merge(@note, given))
          end

          asked.(Theirs.Note)
        end)

      assert {[["Ben"], ["Ben"], ["Ben"], ["Ben"], ["Ben", "Cem"] | _], [%{text: "Cem"} | _]} =
               theirs

      assert ours(fn -> asked.(Ours.Note) end) == theirs
    end

    test "what we write, AshSqlite reads" do
      ours =
        ours(fn ->
          person = Ash.create!(Ours.Person, %{name: "Ben"})
          note = Ash.create!(Ours.Note, Map.put(@note, :person_id, person.id))
          Ash.update!(note, %{count: 8, at: ~U[2026-03-04 05:06:08.000000Z]})
        end)

      theirs(fn ->
        assert [note] = Ash.read!(Theirs.Note)
        assert values(note) == values(ours)

        assert [_] =
                 Theirs.Note
                 |> Ash.Query.filter(at >= ^ours.at and done == true and person.name == "Ben")
                 |> Ash.read!()
      end)
    end
  end
end
