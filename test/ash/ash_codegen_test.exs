# Ash's tasks as they call this data layer.
defmodule Mix.Tasks.AshCodegenTest do
  use ExUnit.Case, async: false

  import AshRusqlite.MixShell, only: [files: 1, printed: 0]
  import ExUnit.CaptureIO

  alias Ash.Error.Framework.PendingCodegen
  alias AshRusqlite.{DataLayer, MixShell}

  @moduletag :tmp_dir

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_rusqlite
  end

  defmodule Domain do
    use Ash.Domain, validate_config_inclusion?: false

    resources do
      resource Mix.Tasks.AshCodegenTest.Room
      resource Mix.Tasks.AshCodegenTest.Message
      resource Mix.Tasks.AshCodegenTest.Tenanted
    end
  end

  defmodule Room do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "rooms"
    end

    actions do
      defaults [:read, create: :*]
    end

    attributes do
      uuid_primary_key :id
      attribute :title, :string, allow_nil?: false, public?: true
    end
  end

  defmodule Message do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "messages"

      references do
        reference :room, on_delete: :delete
      end

      check_constraints do
        check_constraint :role, "messages_role", check: "role = 'user' OR role = 'agent'"
      end

      custom_statements do
        statement :latest do
          up("CREATE VIEW latest AS SELECT max(id) AS id FROM messages")
          down("DROP VIEW latest")
        end
      end
    end

    attributes do
      uuid_primary_key :id
      attribute :text, :string, allow_nil?: false, default: ""
      attribute :role, :atom, default: :user
    end

    relationships do
      belongs_to :room, Room
    end
  end

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

  setup %{tmp_dir: folder} do
    migrations = Path.join(folder, "migrations")
    database = Path.join(folder, "codegen.db")
    options = [database: database, migrations: migrations]
    MixShell.replace([{Repo, options}, {:ash_domains, [Domain]}])
    {:ok, migrations: migrations, database: database}
  end

  test "codegen writes what the resources ask for, and then nothing", context do
    %{migrations: migrations} = context
    assert DataLayer.codegen(["--name", "create_rooms"]) == :ok
    assert [file] = files(migrations)
    assert file =~ ~r/^\d{14}_create_rooms\.sql$/
    text = File.read!(Path.join(migrations, file))
    assert text =~ ~r/title TEXT NOT NULL/
    assert text =~ ~r/text TEXT NOT NULL DEFAULT ''/
    assert text =~ ~r/REFERENCES rooms \(id\) ON DELETE CASCADE/
    assert text =~ "messages_role"
    assert text =~ "CREATE VIEW latest"

    assert text =~ ~r/^-- tenants: tenanted$/m

    assert DataLayer.codegen(["--name", "again"]) == :ok
    assert files(migrations) == [file]
  end

  test "what is generated can be applied, taken back and applied again", context do
    %{database: database} = context
    DataLayer.codegen(["--name", "create_rooms"])
    io = capture_io(fn -> DataLayer.setup([]) end)
    assert io =~ "create_rooms"
    assert File.regular?(database)
    assert states() == [:applied]

    capture_io(fn -> DataLayer.rollback([]) end)
    assert states() == [:pending]
    capture_io(fn -> DataLayer.migrate([]) end)
    assert states() == [:applied]

    DataLayer.tear_down([])
    refute File.exists?(database)
    assert DataLayer.tear_down([]) == :ok
  end

  defp states do
    {:ok, states} =
      AshRusqlite.Migrator.with_repo(Repo, fn repo ->
        Enum.map(repo.migrations!(), & &1.state)
      end)

    states
  end

  test "--check raises what Ash waits for, with the files that are pending", context do
    %{migrations: migrations} = context
    error = assert_raise PendingCodegen, fn -> DataLayer.codegen(["--check"]) end
    assert [{path, text}] = error.diff
    assert path =~ migrations and text =~ "CREATE TABLE rooms"
    assert files(migrations) == []

    DataLayer.codegen(["--name", "create_rooms"])
    assert DataLayer.codegen(["--check"]) == :ok
  end

  test "--dev needs no name, is not enough for --check, and is replaced by a named file",
       context do
    %{migrations: migrations} = context
    # As Ash calls it.
    DataLayer.codegen(["--dev", "--name", nil])
    assert [dev] = files(migrations)
    assert dev =~ ~r/_dev\.sql$/
    DataLayer.codegen(["--dev", "--name", nil])
    assert files(migrations) == [dev]
    assert_raise PendingCodegen, fn -> DataLayer.codegen(["--check", "--name", nil]) end

    DataLayer.codegen(["--name", "create_rooms"])
    assert [named] = files(migrations)
    assert named =~ ~r/_create_rooms\.sql$/
  end

  test "options of other extensions are no mistake", %{migrations: migrations} do
    DataLayer.codegen(["--snapshots-only", "--name", "create_rooms", "--tenants"])
    assert [_] = files(migrations)
  end

  test "without resources of ours the tasks do nothing" do
    Application.put_env(:ash_rusqlite, :ash_domains, [])

    for task <- [:codegen, :migrate, :rollback, :setup, :tear_down],
        do: assert(apply(DataLayer, task, [[]]) == :ok)

    assert printed() == ""
  end

  test "a repo of another data layer is not ours", %{migrations: migrations} do
    DataLayer.codegen(["--name", "create_rooms", "--repo", inspect(__MODULE__)])
    assert files(migrations) == []
  end

  test "a repo that is not there is an error, or nothing would be checked in silence" do
    assert_raise Mix.Error, ~r/there is no module Elsewhere.Repo/, fn ->
      DataLayer.codegen(["--check", "--repo", "Elsewhere.Repo"])
    end
  end

  test "before the first migration ash.migrate says what writes it" do
    capture_io(fn -> DataLayer.migrate([]) end)
    assert printed() =~ "mix ash.codegen NAME"
  end

  test "a database of a running repo is not deleted", %{database: database} do
    start_supervised!(Repo)
    assert_raise Mix.Error, ~r/is running/, fn -> DataLayer.tear_down([]) end
    assert File.exists?(database)
  end

  test "mix ash.codegen and mix ash_rusqlite.generate_migrations find the data layer",
       context do
    %{migrations: migrations} = context
    error = assert_raise Mix.Error, fn -> task("ash.codegen", ["--check"]) end
    assert error.message =~ "Pending Code Generation" and error.message =~ "--dry-run"
    task("ash.codegen", ["create_rooms"])
    assert [_] = files(migrations)

    File.rm_rf!(migrations)

    error =
      assert_raise Mix.Error, fn -> task("ash_rusqlite.generate_migrations", ["--check"]) end

    assert error.message =~ "--dry-run"
    task("ash_rusqlite.generate_migrations", ["create_rooms"])
    assert [_] = files(migrations)

    task("ash.setup", [])
    task("ash.rollback", [])
    task("ash.migrate", [])
    assert states() == [:applied]
    Mix.Task.reenable("ash.setup")
    task("ash.reset", [])
    assert states() == [:applied]
    task("ash.tear_down", [])
    refute File.exists?(context.database)
  end

  defp task(name, args), do: capture_io(fn -> Mix.Task.rerun(name, args) end)
end
