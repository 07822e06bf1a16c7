# Tables that follow their resources, and what is said of those that do not.
defmodule AshRusqlite.TablesTest do
  use ExUnit.Case, async: true

  import ExUnit.CaptureLog
  require Ash.Query

  alias AshRusqlite.Calls
  alias AshRusqlite.DataLayer.Schema.{Report, TableSpec}
  alias AshRusqlite.Repo.{Maintenance, Reads, Registry, Schema, Server}

  @moduletag :tmp_dir

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_tables_test
  end

  defmodule Domain do
    use Ash.Domain, otp_app: :ash_tables_test, validate_config_inclusion?: false

    resources do
      allow_unregistered?(true)
      resource(AshRusqlite.TablesTest.Shelf)
      resource(AshRusqlite.TablesTest.Watched)
    end
  end

  defmodule Shelf do
    use AshRusqlite.Shelf, domain: Domain, repo: Repo
  end

  # A report looks at it after the others.
  defmodule Watched do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo(fn _resource, _type ->
        pid = Process.whereis(AshRusqlite.TablesTest)
        pid && send(pid, {:report, self()})
        nil
      end)
    end

    attributes do
      uuid_primary_key(:id)
    end
  end

  setup_all do
    {:ok, _} = Application.ensure_all_started(:ash)
    :ok
  end

  defp start(folder, options) do
    start_supervised!({Repo, [database: Path.join(folder, "shelves.db")] ++ options})
  end

  test "a table is made at first use with its indexes, and an identity has its message", %{
    tmp_dir: folder
  } do
    start(folder, auto_migrate: true)
    assert [] = Ash.read!(Shelf)
    assert {:ok, %{name: "A"}} = Ash.create(Shelf, %{name: "A", floor: 1})

    assert {:error, %{errors: [%{field: :name, message: "is on another shelf"}]}} =
             Ash.create(Shelf, %{name: "A"})

    indexes = Reads.query!(Repo, "SELECT name FROM pragma_index_list('shelves')").rows
    assert ["shelves_floor"] in indexes and ["shelves_name_index"] in indexes
  end

  test "a table made in a transaction that is rolled back is made again", %{tmp_dir: folder} do
    start(folder, auto_migrate: true)

    assert {:error, :no} =
             Repo.transaction(fn ->
               Ash.create!(Shelf, %{name: "A"})
               Repo.rollback(:no)
             end)

    assert {:ok, _} = Ash.create(Shelf, %{name: "A"})
    assert [%{name: "A"}] = Ash.read!(Shelf)
  end

  test "what a required attribute left nil in older rows sorts as any nil", %{tmp_dir: folder} do
    start(folder, auto_migrate: true)
    # A column that is gained cannot be NOT NULL while there are rows.
    table = [table: "shelves", columns: [[name: "id", type: "UUID_TEXT", null: false]]]
    {:ok, _} = Schema.ensure_table(Repo, table ++ [primary_key: ["id"]])
    Repo.insert!(:shelves, id: Ash.UUID.generate())
    for name <- ["B", "A"], do: Ash.create!(Shelf, %{name: name})

    names = fn sort -> Shelf |> Ash.Query.sort(sort) |> Ash.read!() |> Enum.map(& &1.name) end
    assert names.(:name) == ["A", "B", nil]
    assert names.(name: :desc) == [nil, "B", "A"]
  end

  @tag :capture_log
  test "a table that migrations made is checked once, in a transaction, too", %{
    tmp_dir: folder
  } do
    start(folder, auto_migrate: true)
    Ash.create!(Shelf, %{name: "A"})
    stop_supervised!(Repo)
    start(folder, auto_migrate: false)

    looks =
      Calls.count({AshRusqlite.Native, :read_table_as, 2}, fn ->
        for name <- ["B", "C"],
            do: Repo.transaction(fn -> Ash.create!(Shelf, %{name: name}) end)
      end)

    assert looks == 1
    assert [_, _, _] = Ash.read!(Shelf)
  end

  test "without auto_migrate a resource that does not fit is named, with what fixes it", %{
    tmp_dir: folder
  } do
    start(folder, auto_migrate: false)
    Application.put_env(:ash_tables_test, :ash_domains, [Domain])

    log = capture_log(fn -> Report.report(Repo, :ash_tables_test, Repo) end)
    assert log =~ "AshRusqlite.TablesTest.Shelf does not fit its table"
    assert log =~ ~s(CREATE TABLE "shelves")

    # The reported statements are a migration that fixes it.
    migrations = Path.join(folder, "migrations")
    File.mkdir_p!(migrations)

    sql =
      for {Shelf, %{statement: sql}} <- Report.differences(Repo, :ash_tables_test, Repo),
          do: sql <> ";\n"

    File.write!(Path.join(migrations, "20260101000000_fix.sql"), ["-- up\n", sql])
    assert [_] = Maintenance.migrate!(Repo, migrations: migrations)

    assert Report.differences(Repo, :ash_tables_test, Repo) == []
    # Tests beside this one log, too, but each line of a report begins with its resource.
    log = capture_log(fn -> Report.report(Repo, :ash_tables_test, Repo) end)
    refute log =~ "AshRusqlite.TablesTest"
    assert {:ok, %{name: "A"}} = Ash.create(Shelf, %{name: "A"})
  end

  defp start_with_migrator(folder, sql) do
    migrations = Path.join(folder, "migrations")
    File.mkdir_p!(migrations)
    File.write!(Path.join(migrations, "20260101000000_shelves.sql"), ["-- up\n", sql])
    Application.put_env(:ash_tables_test, :ash_domains, [Domain])

    options = [
      database: Path.join(folder, "shelves.db"),
      auto_migrate: false,
      migrations: migrations
    ]

    children = [{Repo, options}, {AshRusqlite.Migrator, repos: [Repo]}]

    start_supervised!(%{
      id: :tree,
      start: {Supervisor, :start_link, [children, [strategy: :one_for_one]]},
      type: :supervisor
    })
  end

  test "what migrations make right at the start is not reported, what they do not make is", %{
    tmp_dir: folder
  } do
    Process.register(self(), __MODULE__)

    log =
      capture_log(fn ->
        start_with_migrator(folder, "CREATE TABLE shelves (id UUID_TEXT PRIMARY KEY);")
        assert_receive {:report, report}, 60_000
        ended = Process.monitor(report)
        assert_receive {:DOWN, ^ended, _, _, _}, 60_000
      end)

    assert log =~ ~s(table "shelves" has no column "name")
    refute log =~ ~s(there is no table "shelves")
  end

  test "no report is due while migrations run, and one is after them", %{tmp_dir: folder} do
    Application.put_env(:ash_tables_test, :ash_domains, [Domain])
    start(folder, auto_migrate: false)
    {:ok, entry} = Registry.lookup(Repo)
    due? = fn -> :sys.get_state(entry.pid).timer != nil end

    capture_log(fn ->
      refute Server.change_tables(entry, fn ->
               Server.change_tables(entry, fn -> :ok end)
               due?.()
             end)

      Process.register(self(), __MODULE__)
      assert_receive {:report, report}, 60_000
      ended = Process.monitor(report)
      assert_receive {:DOWN, ^ended, _, _, _}, 60_000
    end)
  end

  test "a repo that is stopped at once reports nothing", %{tmp_dir: folder} do
    Application.put_env(:ash_tables_test, :ash_domains, [Domain])
    Process.register(self(), __MODULE__)
    options = [database: Path.join(folder, "shelves.db"), auto_migrate: false]
    {:ok, _stats} = AshRusqlite.Migrator.with_repo(Repo, & &1.stats(), options)
    refute_received {:report, _}
    # Nor does a report that had begun.
    log = capture_log(fn -> Report.report(Repo, :ash_tables_test, Repo) end)
    refute log =~ "AshRusqlite.TablesTest.Shelf"
  end

  test "explain returns the SQL, its plan, and what is left to Elixir", %{tmp_dir: folder} do
    start(folder, auto_migrate: true)
    query = Shelf |> Ash.Query.filter(floor == 3 and name != "x") |> Ash.Query.limit(2)

    assert {:ok, %{sql: sql, plan: [step | _], residual: []}} = AshRusqlite.explain(query)
    assert sql =~ ~s("floor" = ?)
    assert step =~ "shelves_floor"

    left = Ash.Query.filter(Shelf, floor == 3 and string_join([name, "y"]) == "xy")
    assert {:ok, %{sql: sql, residual: [{:filter, reason}]}} = AshRusqlite.explain(left)
    assert sql =~ ~s("floor" = ?)
    assert reason =~ "StringJoin"
  end

  defmodule Named do
    defmacro __using__(options) do
      quote do
        use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

        sqlite do
          repo Repo
          unquote(if table = options[:table], do: quote(do: table(unquote(table))))
        end

        actions do
          defaults [:read, create: :*]
        end

        attributes do
          uuid_primary_key :id
        end
      end
    end
  end

  defmodule Guests do
    use Ash.Domain, otp_app: :ash_tables_guests, validate_config_inclusion?: false

    resources do
      resource AshRusqlite.TablesTest.Guest
    end
  end

  defmodule Guest do
    use Ash.Resource, domain: Guests, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
    end

    actions do
      defaults [:read, create: :*, update: :*]
    end

    attributes do
      uuid_primary_key :id
      attribute :email, :ci_string, public?: true
    end

    identities do
      identity :email, [:email], message: "is a guest already"
    end
  end

  test "an identity of a ci_string lets in no second spelling of it", %{tmp_dir: folder} do
    start(folder, auto_migrate: true)
    Ash.create!(Guest, %{email: "ann@Example.org"})

    assert {:error, %{errors: [%{field: :email, message: "is a guest already"}]}} =
             Ash.create(Guest, %{email: "Ann@example.org"})

    assert %{email: email} = Ash.get!(Guest, email: "ANN@EXAMPLE.ORG")
    assert to_string(email) == "ann@Example.org"
  end

  @nocase ~s(CREATE UNIQUE INDEX "guests_email_index_nocase" ON "guests") <>
            ~s{ ("email" COLLATE NOCASE)}

  # As where the attribute was a string before.
  defp guests(emails) do
    index = [name: "guests_email_index", columns: ["email"], unique: true]
    columns = [[name: "id", type: "UUID_TEXT", null: false], [name: "email", type: "TEXT"]]
    table = [table: "guests", columns: columns, primary_key: ["id"], indexes: [index]]
    {:ok, _} = Schema.ensure_table(Repo, table)
    for email <- emails, do: Repo.insert!(:guests, id: Ash.UUID.generate(), email: email)
  end

  test "an index that distinguishes case gets one beside it that does not, for a ci_string", %{
    tmp_dir: folder
  } do
    start(folder, auto_migrate: true)
    guests(["ann@example.org"])

    assert {:error, %{errors: [%{field: :email, message: "is a guest already"}]}} =
             Ash.create(Guest, %{email: "Ann@example.org"})

    assert {:ok, []} = Schema.differences(Repo, TableSpec.of(Guest, "guests"))
  end

  @tag :capture_log
  test "rows that it would refuse are reported when the repo starts, and can be changed", %{
    tmp_dir: folder
  } do
    start(folder, auto_migrate: true)
    [%{id: id}, _] = guests(["ann@example.org", "Ann@example.org"])
    Application.put_env(:ash_tables_guests, :ash_domains, [Guests])
    assert [_, _] = Ash.read!(Guest)
    log = capture_log(fn -> Report.report(Repo, :ash_tables_guests, Repo) end)
    assert log =~ "differ in nothing but case"
    assert log =~ @nocase

    Guest |> Ash.get!(id) |> Ash.update!(%{email: "ben@example.org"})
    stop_supervised!(Repo)
    start(folder, auto_migrate: true)
    assert {:error, _} = Ash.create(Guest, %{email: "BEN@example.org"})
  end

  test "without auto_migrate the index is named that would fix it", %{tmp_dir: folder} do
    start(folder, auto_migrate: false)
    guests(["ann@example.org"])
    Application.put_env(:ash_tables_guests, :ash_domains, [Guests])
    log = capture_log(fn -> Report.report(Repo, :ash_tables_guests, Repo) end)
    assert log =~ "distinguishes upper case from lower case"
    assert log =~ @nocase
  end

  defmodule Blog.Remark, do: use(Named)
  defmodule Shop.Remark, do: use(Named)
  defmodule Desk.Remark, do: use(Named, table: "remarks")
  defmodule Mail.Remark, do: use(Named, table: "mail_remarks")

  test "two resources share a table when they say so, but not by their names", %{
    tmp_dir: folder
  } do
    start(folder, auto_migrate: true)
    %{id: id} = Ash.create!(Blog.Remark)

    for ask <- [&Ash.read/1, &Ash.create/1] do
      assert {:error, error} = ask.(Shop.Remark)

      assert Exception.message(error) =~
               ~r"Blog.Remark and .*Shop.Remark would both be in the table remarks"
    end

    assert [%{id: ^id}] = Ash.read!(Blog.Remark)
    assert [%{id: ^id}] = Ash.read!(Desk.Remark)
    assert [] = Ash.read!(Mail.Remark)
  end
end
