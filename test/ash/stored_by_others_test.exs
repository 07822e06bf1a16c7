# What another program has written into a column, and what is asked beyond what SQLite counts,
# is reported or answered as by Ash, and never raised.
defmodule AshRusqlite.StoredByOthersTest do
  use ExUnit.Case, async: true

  import Ash.Expr
  require Ash.Query

  alias AshRusqlite.AnyDomain, as: Domain

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_stored_by_others_test
  end

  defmodule Pet do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
    end

    actions do
      defaults [:read, create: :*]
    end

    attributes do
      attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
      attribute :kind, :atom, public?: true
    end

    calculations do
      calculate :kind_again, :atom, expr(kind)
    end
  end

  setup do
    {:ok, _} = Application.ensure_all_started(:ash)
    start_supervised!({Repo, database: ":memory:", auto_migrate: true})
    for id <- 1..2, do: Ash.create!(Pet, %{id: id, kind: :cat})
    :ok
  end

  test "an atom that the VM has not met is made, in its attribute and in what is computed of it" do
    Repo.update!(:pets, 2, kind: "an_atom_" <> "that_no_code_names")
    computed = Pet |> Ash.Query.select([:id]) |> Ash.Query.load(:kind_again) |> Ash.read!()
    assert [:cat, kind] = computed |> Enum.sort_by(& &1.id) |> Enum.map(& &1.kind_again)
    assert Atom.to_string(kind) == "an_atom_" <> "that_no_code_names"
    assert Ash.get!(Pet, 2).kind == kind
  end

  @tag :capture_log
  test "a text that is too long for an atom is invalid, in its attribute and in what is computed" do
    Repo.update!(:pets, 2, kind: String.duplicate("long", 64))

    for query <- [Pet, Pet |> Ash.Query.select([:id]) |> Ash.Query.load(:kind_again)] do
      assert {:error, error} = Ash.read(query)
      assert Exception.message(error) =~ "kind"
      assert Exception.message(error) =~ "id: 2"
      assert Exception.message(error) =~ "too long"
    end
  end

  test "limits and offsets beyond 64 bits are as good as the largest" do
    beyond = 0x1_0000_0000_0000_0000
    assert [_, _] = Pet |> Ash.Query.limit(beyond) |> Ash.read!()
    assert [] = Pet |> Ash.Query.offset(beyond) |> Ash.read!()
  end
end
