# Each identity has a unique index, or the log says at start why it has none and what to write.
defmodule AshRusqlite.IdentityIndexTest do
  use ExUnit.Case, async: true

  import ExUnit.CaptureLog
  require Ash.Query

  alias AshRusqlite.DataLayer.Schema.Report
  alias AshRusqlite.Repo.{Maintenance, Reads, Schema}

  @moduletag :tmp_dir

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_identity_index_test
  end

  defmodule Domain do
    use Ash.Domain, validate_config_inclusion?: false

    resources do
      allow_unregistered?(true)

      for name <- ~w(Kept Active Plain Left Sql Title)a,
          do: resource(Module.concat(AshRusqlite.IdentityIndexTest, name))
    end
  end

  defmodule Code do
    @moduledoc false
    defmacro __using__(_opts) do
      quote do
        use Ash.Resource,
          domain: AshRusqlite.IdentityIndexTest.Domain,
          data_layer: AshRusqlite.DataLayer

        actions do
          default_accept(:*)
          defaults([:read, :destroy, create: :*, update: :*])
        end

        attributes do
          uuid_primary_key(:id)
          attribute(:code, :string, public?: true)
          attribute(:place, :string, public?: true)
          attribute(:active, :boolean, public?: true, default: true)
          attribute(:status, :atom, public?: true, default: :new)
          attribute(:deleted_at, :utc_datetime_usec, public?: true)
          attribute(:price, :decimal, public?: true)
          attribute(:mail, :ci_string, public?: true)
        end
      end
    end
  end

  defmodule Kept do
    use Code

    sqlite do
      repo(Repo)
    end

    resource do
      base_filter(expr(is_nil(deleted_at)))
    end

    identities do
      identity(:code, [:code], message: "is another's code")
    end
  end

  defmodule Active do
    use Code

    sqlite do
      repo(Repo)
    end

    identities do
      identity(:active_code, [:code], where: expr(active == true))

      identity(:status, [:place],
        where: expr(status in [:new, :open] and (not is_nil(code) or active))
      )

      identity(:mail, [:mail], where: expr(status == :open))
    end
  end

  defmodule Plain do
    use Code

    sqlite do
      repo(Repo)
    end

    identities do
      identity(:address, [:place, :code], nils_distinct?: false, message: "is an address")
    end
  end

  # None of these can have an index that any SQLite could write to.
  defmodule Left do
    use Code

    sqlite do
      repo(Repo)
      skip_unique_indexes([:skipped])

      custom_indexes do
        index([:mail], unique: true, where: "lower(mail) <> 'x'")
      end
    end

    identities do
      identity(:future, [:code], where: expr(deleted_at > now()))
      identity(:long, [:code], where: expr(string_length(code) > 3))
      identity(:cheap, [:code], where: expr(price < 1))
      identity(:written, [:mail], where: expr(mail != "x"))
      identity(:skipped, [:code], where: expr(price < 2))
      identity(:checked, [:code], where: expr(price < 3), pre_check_with: Domain)
    end
  end

  defmodule Sql do
    use Code

    resource do
      base_filter(expr(is_nil(deleted_at) or active == true))
    end

    sqlite do
      repo(Repo)
      base_filter_sql("deleted_at IS NULL OR active = 1")

      custom_indexes do
        index([:place], unique: true, where: "status = 'new' OR status = 'open'")
      end
    end

    identities do
      identity(:code, [:code], where: expr(status == :new or status == :open))
    end
  end

  defmodule Title do
    use Code

    sqlite do
      repo(Repo)
    end

    identities do
      identity(:code, [:code])
    end
  end

  defmodule ByTenant do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo(Repo)
      table("by_tenants")
    end

    multitenancy do
      strategy(:context)
    end

    actions do
      defaults([:read])
    end

    attributes do
      uuid_primary_key(:id)
      attribute(:code, :string)
      attribute(:deleted_at, :utc_datetime)
    end

    identities do
      identity(:future, [:code], where: expr(deleted_at > now()))
    end
  end

  setup do
    {:ok, _} = Application.ensure_all_started(:ash)
    :ok
  end

  test "why an identity has no index is logged once, however many tenants there are", %{
    tmp_dir: folder
  } do
    start(folder)

    log = capture_log(fn -> for tenant <- ~w(a b c), do: Ash.read!(ByTenant, tenant: tenant) end)

    assert [_, _] = String.split(log, "the identity future has no unique index")
  end

  defp start(folder, opts \\ [auto_migrate: true]) do
    opts = [database: Path.join(folder, "identities.db"), synchronous: :off] ++ opts
    start_supervised!({Repo, opts})
  end

  defp restart(folder) do
    stop_supervised!(Repo)
    start(folder)
  end

  defp migrate(folder, sql) do
    folder = Path.join(folder, "migrations")
    File.mkdir_p!(folder)
    File.write!(Path.join(folder, "20260101000000_changed.sql"), "-- up\n" <> sql)
    Maintenance.migrate!(Repo, migrations: folder)
  end

  defp errors({:error, %{errors: errors}}), do: Enum.map(errors, &{&1.field, &1.message})

  defp indexes(table) do
    sql =
      "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = '#{table}' AND sql NOT NULL"

    Map.new(Reads.query!(Repo, sql).rows, fn [name, sql] -> {name, sql} end)
  end

  test "an identity of the rows of a base filter is unique among these", %{tmp_dir: folder} do
    start(folder)
    gone = Ash.create!(Kept, %{code: "a", deleted_at: DateTime.utc_now()})
    first = Ash.create!(Kept, %{code: "a"})
    assert errors(Ash.create(Kept, %{code: "a"})) == [code: "is another's code"]
    Ash.update!(first, %{deleted_at: DateTime.utc_now()})
    second = Ash.create!(Kept, %{code: "a"})
    assert [%{id: id}] = Ash.read!(Kept)
    assert id == second.id and gone.deleted_at
    assert %{"kepts_code_index" => sql} = indexes("kepts")
    assert sql =~ ~s|("code") WHERE (("deleted_at" IS NULL))|
  end

  test "an identity with a condition is unique among its rows", %{tmp_dir: folder} do
    start(folder)
    Ash.create!(Active, %{code: "a", active: false})
    Ash.create!(Active, %{code: "a", active: false})
    Ash.create!(Active, %{code: "a"})
    assert errors(Ash.create(Active, %{code: "a"})) == [code: "has already been taken"]

    Ash.create!(Active, %{code: "b", place: "p", status: :done})
    Ash.create!(Active, %{code: "c", place: "p", status: :open})
    Ash.create!(Active, %{code: nil, active: false, place: "p", status: :new})

    assert errors(Ash.create(Active, %{code: "d", place: "p"})) == [
             place: "has already been taken"
           ]

    Ash.create!(Active, %{code: "e", mail: "A@b", status: :open})
    Ash.create!(Active, %{code: "f", mail: "a@B"})
    result = Ash.create(Active, %{code: "g", mail: "a@B", status: :open})
    assert errors(result) == [mail: "has already been taken"]
    assert map_size(indexes("actives")) == 3

    assert {:ok, []} =
             Schema.differences(
               Repo,
               AshRusqlite.DataLayer.Schema.TableSpec.of(Active, "actives")
             )
  end

  test "an identity whose nils are not distinct is unique with them", %{tmp_dir: folder} do
    start(folder)
    Ash.create!(Plain, %{code: nil, place: "p"})
    Ash.create!(Plain, %{code: "a", place: nil})
    Ash.create!(Plain, %{code: "b", place: nil})
    expected = [code: "is an address", place: "is an address"]
    assert Enum.sort(errors(Ash.create(Plain, %{code: nil, place: "p"}))) == expected
    assert Enum.sort(errors(Ash.create(Plain, %{code: "a", place: nil}))) == expected
  end

  test "a table that is there already gains the index", %{tmp_dir: folder} do
    start(folder)
    Ash.create!(Kept, %{code: "a"})
    migrate(folder, "DROP INDEX kepts_code_index;")
    assert indexes("kepts") == %{}
    restart(folder)
    assert errors(Ash.create(Kept, %{code: "a"})) == [code: "is another's code"]
  end

  test "what can have no index is named at start, with what to write", %{tmp_dir: folder} do
    start(folder)
    Application.put_env(:ash_identity_index_test, :ash_domains, [Domain])
    log = capture_log(fn -> Report.report(Repo, :ash_identity_index_test, Repo) end)
    assert log =~ "the identity future has no unique index, because its condition has now()"

    assert log =~
             "the identity long has no unique index, because its condition has string_length()"

    assert log =~ "`base_filter_sql`" and log =~ "`custom_indexes`" and
             log =~ "`pre_check_with`"

    for name <- ~w(written skipped checked), do: refute(log =~ "identity #{name}")
    for name <- ~w(Kept Active Plain Sql Title), do: refute(log =~ "IdentityIndexTest.#{name}")

    # SQLite's part of the look comes with the table.
    log = capture_log(fn -> Ash.create!(Left, %{code: "a"}) end)
    log = log <> capture_log(fn -> Report.report(Repo, :ash_identity_index_test, Repo) end)
    assert log =~ ~s|no index "lefts_cheap_index", and none can be made|
    refute capture_log(fn -> Ash.create!(Left, %{code: "b", price: 9}) end) =~ "lefts_"
  end

  test "a base filter and a condition with OR are each a whole", %{tmp_dir: folder} do
    start(folder)
    gone = %{deleted_at: DateTime.utc_now(), active: false}

    for status <- [:new, :open, :done],
        do: Ash.create!(Sql, Map.merge(gone, %{code: "a", place: "p", status: status}))

    for _ <- 1..2, do: Ash.create!(Sql, %{code: "a", place: "p", status: :done})
    Ash.create!(Sql, %{code: "a", place: "p", status: :open})
    assert errors(Ash.create(Sql, %{code: "a", place: "q"})) == [code: "has already been taken"]

    assert errors(Ash.create(Sql, %{code: "b", place: "p"})) == [
             place: "has already been taken"
           ]
  end

  describe "rows that keep an index from being made" do
    setup %{tmp_dir: folder} do
      # As the table was before the resource had its identity.
      start(folder)
      id = fn last -> "00000000-0000-0000-0000-00000000000#{last}" end
      Ash.read!(Title)
      rows = for n <- 1..3, do: "('#{id.(n)}', 'same', 1, 'new')"

      migrate(folder, """
      DROP INDEX titles_code_index;
      INSERT INTO titles (id, code, active, status) VALUES #{Enum.join(rows, ", ")};
      """)

      stop_supervised!(Repo)
      {:ok, id: id}
    end

    test "stop neither reads nor writes, and are logged once", %{tmp_dir: folder, id: id} do
      start(folder)

      log =
        capture_log(fn ->
          assert [_, _, _] = Ash.read!(Title)
          Ash.create!(Title, %{code: "other"})
          Ash.create!(Title, %{code: "other"})
        end)

      assert [_, rest] = String.split(log, ~s|has no index "titles_code_index", because|)

      assert rest =~
               "3 rows are equal to others in it, those with the keys #{id.(1)}, #{id.(2)}"

      assert rest =~ "CREATE UNIQUE INDEX"
      assert indexes("titles") == %{}

      Application.put_env(:ash_identity_index_test, :ash_domains, [Domain])
      log = capture_log(fn -> Report.report(Repo, :ash_identity_index_test, Repo) end)
      assert log =~ "5 rows are equal to others in it"
    end

    @tag :capture_log
    test "are checked again at the next start", %{tmp_dir: folder} do
      start(folder)
      make_distinct()
      assert indexes("titles") == %{}
      restart(folder)
      Ash.read!(Title)
      assert Map.keys(indexes("titles")) == ["titles_code_index"]
      assert errors(Ash.create(Title, %{code: "same"})) == [code: "has already been taken"]
    end

    @tag :capture_log
    test "are checked again after a while", %{tmp_dir: folder} do
      start(folder)
      make_distinct()
      Application.put_env(:ash_rusqlite, :retry_indexes_after, 0)
      on_exit(fn -> Application.delete_env(:ash_rusqlite, :retry_indexes_after) end)
      Ash.read!(Title)
      assert Map.keys(indexes("titles")) == ["titles_code_index"]
    end

    test "do not keep callers from reading while the next attempt cannot be made", %{
      tmp_dir: folder
    } do
      start(folder, auto_migrate: true, busy_timeout: 200)
      capture_log(fn -> make_distinct() end)
      Application.put_env(:ash_rusqlite, :retry_indexes_after, 0)
      on_exit(fn -> Application.delete_env(:ash_rusqlite, :retry_indexes_after) end)
      me = self()

      # Another program has the writer.
      database = Path.join(folder, "identities.db")
      {:ok, other} = Repo.start_link(name: nil, database: database)

      task =
        Task.async(fn ->
          Repo.put_dynamic_repo(other)

          Repo.transaction(fn ->
            AshRusqlite.Repo.Writes.update_all(other, :titles, [set: [status: "open"]],
              where: [code: "same"]
            )

            send(me, :held)

            receive do
              :go_on -> Repo.rollback(:done)
            end
          end)
        end)

      assert_receive :held, 5_000
      log = capture_log(fn -> assert [_, _, _] = Ash.read!(Title) end)
      send(task.pid, :go_on)
      Task.await(task)
      assert log =~ "were tried again"
    end

    defp make_distinct do
      [_ | others] = Ash.read!(Title)
      for {title, n} <- Enum.with_index(others), do: Ash.update!(title, %{code: "#{n}"})
    end
  end
end
