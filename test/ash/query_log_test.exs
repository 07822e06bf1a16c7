defmodule AshRusqlite.AshQueryLogTest do
  # From which resource and action a statement came, and what is said of tables that follow.
  use ExUnit.Case, async: false

  import ExUnit.CaptureLog

  alias AshRusqlite.AnyDomain, as: Domain

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :my_app
  end

  defmodule Shelf do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo(Repo)
      table("shelves")
    end

    attributes do
      uuid_primary_key(:id)
      attribute(:name, :string, public?: true)
    end

    relationships do
      has_many(:books, AshRusqlite.AshQueryLogTest.Book)
    end

    identities do
      identity(:name, [:name])
    end

    aggregates do
      count(:book_count, :books)
    end

    actions do
      defaults([:read, :destroy, create: :*, update: :*])

      create :put do
        accept([:name])
        upsert?(true)
        upsert_identity(:name)
      end

      read :named do
        argument(:name, :string)
        filter(expr(name == ^arg(:name)))
      end

      update :shout do
        change(atomic_update(:name, expr(name <> "!")))
      end
    end
  end

  defmodule Book do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo(Repo)
      table("books")
    end

    attributes do
      uuid_primary_key(:id)
    end

    relationships do
      belongs_to(:shelf, Shelf, public?: true)
    end

    actions do
      defaults([:read, create: :*])
    end
  end

  @options [database: ":memory:", telemetry_prefix: [:ash_query_log]]

  defp start(options) do
    start_supervised!({Repo, options ++ @options})
  end

  defp observed do
    start([])
    handler = "#{inspect(make_ref())}"
    event = [:ash_query_log, :query, :stop]
    :telemetry.attach(handler, event, &__MODULE__.forward/4, self())
    on_exit(fn -> :telemetry.detach(handler) end)
  end

  def forward(_event, measurements, metadata, test), do: send(test, {measurements, metadata})

  defp origins(origins \\ []) do
    receive do
      {_, %{resource: resource, action: action}} -> origins([{resource, action} | origins])
    after
      0 -> origins |> Enum.reverse() |> Enum.dedup()
    end
  end

  test "each kind of action names its resource and itself" do
    observed()
    shelf = Ash.create!(Shelf, %{name: "Tools"})
    assert {Shelf, :create} in origins()

    for {run, origin} <- [
          {fn -> Ash.read!(Shelf) end, {Shelf, :read}},
          {fn -> Ash.get!(Shelf, shelf.id) end, {Shelf, :read}},
          {fn -> Shelf |> Ash.Query.for_read(:named, %{name: "x"}) |> Ash.read!() end,
           {Shelf, :named}},
          {fn -> Ash.count!(Shelf) end, {Shelf, :read}},
          {fn -> Ash.update!(shelf, %{}, action: :shout) end, {Shelf, :shout}},
          {fn -> Ash.bulk_update!(Shelf, :shout, %{}) end, {Shelf, :shout}},
          {fn -> Ash.bulk_create!([%{name: "a"}, %{name: "b"}], Shelf, :create) end,
           {Shelf, :create}},
          {fn -> Ash.create!(Shelf, %{name: "a"}, action: :put) end, {Shelf, :put}},
          {fn -> Ash.create!(Book, %{shelf_id: shelf.id}) end, {Book, :create}},
          {fn -> Ash.destroy!(shelf) end, {Shelf, :destroy}}
        ] do
      origins()
      run.()
      assert origin in origins()
    end

    # What a load reads is another resource's.
    Ash.read!(Shelf, load: [:books, :book_count])
    assert [{Shelf, :read}, {Book, :read}] = origins()

    # Behind an action nothing is left of it.
    Repo.all(:shelves)
    assert origins() == [{nil, nil}]
  end

  test "an action that fails is named, too, and leaves nothing behind" do
    observed()
    Ash.create!(Shelf, %{name: "Tools"})
    origins()

    assert {:error, _} = Ash.create(Shelf, %{name: "Tools"})

    Repo.all(:shelves)
    assert [{Shelf, :create}, {nil, nil}] = origins()
  end

  test "the query log names the resource and the action of a statement" do
    start(log: :debug)
    log = capture_log(fn -> Ash.create!(Shelf, %{name: "a secret"}) end)

    assert log =~
             ~r/QUERY OK AshRusqlite.AshQueryLogTest.Repo AshRusqlite.AshQueryLogTest.Shelf.create rows=1 /

    assert log =~ ~s(INSERT INTO "shelves")
    refute log =~ "secret"
    assert capture_log(fn -> Ash.read!(Shelf) end) =~ "Shelf.read rows=1 "
  end

  test "a table that is made or changed for a resource is logged with its statements, once" do
    assert capture_log(fn -> start(log_start: :info) end) =~ "Repo: in memory"
    log = capture_log(fn -> Ash.read!(Book) end)
    assert log =~ "the table books follows AshRusqlite.AshQueryLogTest.Book\nCREATE TABLE"
    assert capture_log(fn -> Ash.read!(Book) end) == ""
    refute capture_log(fn -> Ash.create!(Book, %{}) end) =~ "follows"
  end

  @tag :tmp_dir
  test "the table of another program is reported as one", %{tmp_dir: folder} do
    migrations = Path.join(folder, "migrations")
    File.mkdir_p!(migrations)

    File.write!(Path.join(migrations, "20260101000000_theirs.sql"), """
    -- up
    CREATE TABLE books (id TEXT PRIMARY KEY, shelf_id TEXT);
    PRAGMA application_id = 5;
    """)

    options = [database: Path.join(folder, "theirs.db"), migrations: migrations]
    start_supervised!({Repo, options}, id: :theirs)
    Repo.migrate!()
    stop_supervised!(:theirs)

    log =
      capture_log(fn ->
        start_supervised!({Repo, [log_start: :info, auto_migrate: false] ++ options})
        Ash.read!(Book)
      end)

    assert log =~ "made by another program"

    assert log =~
             "AshRusqlite.AshQueryLogTest.Book uses the table books, as another program made it"
  end

  test "what a repo that follows nothing and logs nothing does is quiet" do
    start([])
    assert capture_log(fn -> Ash.create!(Shelf, %{name: "Tools"}) end) == ""
  end
end
