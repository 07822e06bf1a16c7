# From the first resource to a release: tables follow in dev, migrations are generated, dev takes them
# over, production runs them.
defmodule AshRusqlite.WorkflowTest do
  use ExUnit.Case, async: false

  import ExUnit.CaptureIO

  alias AshRusqlite.{DataLayer, MixShell}
  alias AshRusqlite.DataLayer.Schema.TableSpec
  alias AshRusqlite.Repo.{Maintenance, Reads, Schema}

  @moduletag :tmp_dir

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_rusqlite
  end

  # The same two resources before and after a change.
  defmodule Before do
    use Ash.Domain, validate_config_inclusion?: false

    resources do
      resource AshRusqlite.WorkflowTest.Before.Room
      resource AshRusqlite.WorkflowTest.Before.Message
    end
  end

  defmodule Before.Room do
    use Ash.Resource, domain: Before, data_layer: AshRusqlite.DataLayer

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

    identities do
      identity :title, [:title]
    end
  end

  defmodule Before.Message do
    use Ash.Resource, domain: Before, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "messages"

      references do
        reference :room, on_delete: :delete
      end
    end

    actions do
      defaults [:read, create: :*]
    end

    attributes do
      uuid_primary_key :id
      attribute :text, :string, public?: true
    end

    relationships do
      belongs_to :room, Before.Room, public?: true, allow_nil?: false
    end
  end

  defmodule Later do
    use Ash.Domain, validate_config_inclusion?: false

    resources do
      resource AshRusqlite.WorkflowTest.Later.Room
      resource AshRusqlite.WorkflowTest.Later.Message
    end
  end

  defmodule Later.Room do
    use Ash.Resource, domain: Later, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "rooms"
    end

    actions do
      defaults [:read, create: :*, update: :*]
    end

    attributes do
      uuid_primary_key :id
      attribute :title, :string, allow_nil?: false, public?: true
      attribute :topic, :string, public?: true
    end

    identities do
      identity :title, [:title]
    end
  end

  defmodule Later.Message do
    use Ash.Resource, domain: Later, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "messages"

      references do
        reference :room, on_delete: :delete
      end

      custom_indexes do
        index [:room_id, :stars]
      end
    end

    actions do
      defaults [:read, create: :*]
    end

    attributes do
      uuid_primary_key :id
      attribute :text, :string, public?: true
      attribute :stars, :integer, allow_nil?: false, default: 0, public?: true
    end

    relationships do
      belongs_to :room, Later.Room, public?: true, allow_nil?: false
    end
  end

  setup %{tmp_dir: folder} do
    migrations = Path.join(folder, "migrations")

    options = [database: Path.join(folder, "dev.db"), migrations: migrations]
    MixShell.replace([{Repo, options}], Mix.Shell.Quiet)
    {:ok, migrations: migrations}
  end

  defp codegen(domain, name, args \\ []) do
    capture_io(fn ->
      DataLayer.codegen(["--name", name, "--domains", inspect(domain)] ++ args)
    end)
  end

  defp check!(domain), do: DataLayer.codegen(["--check", "--domains", inspect(domain)])

  defp migrate, do: capture_io(fn -> assert {:ok, _} = Repo.migrate() end)

  defp start(folder, name, options),
    do: start_supervised!({Repo, [database: Path.join(folder, name)] ++ options})

  defp differences(domain) do
    for resource <- Ash.Domain.Info.resources(domain),
        table = DataLayer.Info.table(resource),
        difference <- Schema.differences!(Repo, TableSpec.of(resource, table)),
        difference.kind != :unexpected_not_null,
        do: difference
  end

  defp columns do
    for table <- ~w(rooms messages), into: %{} do
      sql = "SELECT name, type FROM pragma_table_info(?) ORDER BY name"
      {table, Reads.query!(Repo, sql, [table]).rows}
    end
  end

  defp indexes do
    sql = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"

    Reads.query!(Repo, sql).rows
  end

  defp states, do: Enum.map(Maintenance.migrations!(Repo), & &1.state)

  test "a database that only runs migrations keeps its rows from release to release", context do
    %{tmp_dir: folder, migrations: migrations} = context
    codegen(Before, "create_rooms")
    check!(Before)
    start(folder, "production.db", auto_migrate: false)
    migrate()

    room = Ash.create!(Before.Room, %{title: "General"})
    message = Ash.create!(Before.Message, %{text: "Hi", room_id: room.id})
    assert {:error, _} = Ash.create(Before.Message, %{text: "?", room_id: Ash.UUID.generate()})

    codegen(Later, "add_topic_and_stars")
    check!(Later)
    assert [_, _] = File.ls!(migrations)
    migrate()
    assert differences(Later) == []
    assert [%{title: "General", topic: nil}] = Ash.read!(Later.Room)
    assert [%{stars: 0, text: "Hi"} = kept] = Ash.read!(Later.Message)
    assert kept.id == message.id

    capture_io(fn -> assert {:ok, [_]} = Repo.rollback_migration() end)
    assert [%{title: "General"}] = Ash.read!(Before.Room)
    assert [%{text: "Hi"}] = Ash.read!(Before.Message)
  end

  test "a database that followed its resources takes the generated files over", context do
    %{tmp_dir: folder} = context
    start(folder, "dev.db", auto_migrate: true)
    room = Ash.create!(Before.Room, %{title: "General"})
    Ash.create!(Before.Message, %{text: "Hi", room_id: room.id})

    codegen(Before, "create_rooms")
    migrate()
    assert states() == [:applied]
    assert [%{title: "General"}] = Ash.read!(Before.Room)

    # The resources change, and the tables follow.
    assert [room] = Ash.read!(Later.Room)
    Ash.update!(room, %{topic: "Elixir"})
    Ash.create!(Later.Message, %{text: "Well", room_id: room.id, stars: 5})

    codegen(Later, "add_topic_and_stars")
    check!(Later)
    migrate()
    assert states() == [:applied, :applied]
    assert differences(Later) == []
    assert [%{title: "General", topic: "Elixir"}] = Ash.read!(Later.Room)
    assert ["Hi", "Well"] = Later.Message |> Ash.read!() |> Enum.map(& &1.text) |> Enum.sort()
    dev = {columns(), indexes()}

    stop_supervised!(Repo)
    start(folder, "production.db", auto_migrate: false)
    migrate()
    assert differences(Later) == []
    assert {columns(), indexes()} == dev
  end
end
