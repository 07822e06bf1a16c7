# P7: a resource that changes in a running VM.
defmodule AshRusqlite.RecompiledResourceTest do
  use ExUnit.Case, async: false

  alias AshRusqlite.Repo.Reads

  @moduletag :tmp_dir

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_recompiled_test
  end

  defmodule Domain do
    use Ash.Domain, otp_app: :ash_recompiled_test, validate_config_inclusion?: false

    resources do
      allow_unregistered?(true)
    end
  end

  @resource AshRusqlite.RecompiledResourceTest.Room

  # As Mix does: the module of a changed source is deleted, then compiled again.
  defp compile!(attributes) do
    source = """
    defmodule AshRusqlite.RecompiledResourceTest.Room do
      use Ash.Resource,
        domain: AshRusqlite.RecompiledResourceTest.Domain,
        data_layer: AshRusqlite.DataLayer

      sqlite do
        table "rooms"
        repo AshRusqlite.RecompiledResourceTest.Repo
      end

      actions do
        defaults [:read, :destroy, create: :*, update: :*]
      end

      attributes do
        uuid_primary_key :id
        #{attributes}
      end
    end
    """

    delete()
    Code.compile_string(source, "room.ex")
  end

  defp delete do
    for module <- [@resource, Module.concat(Inspect, @resource)] do
      :code.purge(module)
      :code.delete(module)
      :code.purge(module)
    end
  end

  defp create!(attributes), do: Ash.create!(@resource, attributes)

  defp columns,
    do: Repo |> Reads.query!("SELECT name FROM pragma_table_info('rooms')", []) |> names()

  defp names(%{rows: rows}),
    do: rows |> Enum.map(fn row -> row |> values() |> hd() end) |> Enum.sort()

  defp values(row) when is_map(row), do: Map.values(row)
  defp values(row), do: row

  setup %{tmp_dir: folder} do
    {:ok, _} = Application.ensure_all_started(:ash)
    start_supervised!({Repo, database: Path.join(folder, "rooms.db"), auto_migrate: true})
    on_exit(&delete/0)
    :ok
  end

  test "an attribute that is added has its column at the next use, and rows from before keep theirs" do
    compile!("attribute :title, :string, public?: true")
    first = create!(%{title: "before"})
    assert columns() == ["id", "title"]

    compile!("""
    attribute :title, :string, public?: true
    attribute :topic, :string, public?: true
    """)

    # The next use is a read here, a write below.
    assert [%{title: "before", topic: nil}] = Ash.read!(@resource)
    assert columns() == ["id", "title", "topic"]
    assert %{topic: "after"} = create!(%{title: "second", topic: "after"})
    assert %{topic: "changed"} = first.id |> get!() |> Ash.update!(%{topic: "changed"})

    compile!("""
    attribute :title, :string, public?: true
    attribute :topic, :string, public?: true
    attribute :likes, :integer, public?: true
    """)

    assert %{likes: 3} = create!(%{title: "third", topic: "t", likes: 3})
    assert columns() == ["id", "likes", "title", "topic"]
    assert @resource |> Ash.read!() |> length() == 3
  end

  defp get!(id), do: Ash.get!(@resource, id)
end
