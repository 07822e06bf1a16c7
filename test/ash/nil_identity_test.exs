# Nil in the keys of an identity means what Ash documents of `nils_distinct?`. Its ETS data layer
# does the opposite, so it is not the reference here.
defmodule AshRusqlite.NilIdentityTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.Asked

  @moduletag :capture_log

  defmodule Person do
    use Ash.Resource, domain: AshRusqlite.AnyDomain, data_layer: AshRusqlite.DataLayer

    ets do
      private?(true)
    end

    actions do
      default_accept(:*)
      defaults([:read, create: :*])

      for {name, identity} <- [by_email: :email, by_active: :active_code] do
        create name do
          accept(:*)
          upsert?(true)
          upsert_identity(identity)
          upsert_fields([:name])
        end
      end

      create :by_email_if_newer do
        accept(:*)
        upsert?(true)
        upsert_identity(:email)
        upsert_fields([:name])
        upsert_condition(expr(version < upsert_conflict(:version)))
      end

      # What only Elixir can decide.
      create :by_email_in_elixir do
        accept(:*)
        upsert?(true)
        upsert_identity(:email)
        upsert_fields([:name])
        upsert_condition(expr(string_split(name, "x") != []))
      end
    end

    attributes do
      integer_primary_key(:id)
      attribute(:email, :string, public?: true)
      attribute(:code, :string, public?: true)
      attribute(:active, :boolean, public?: true, default: true)
      attribute(:name, :string, public?: true)
      attribute(:version, :integer, public?: true, default: 1)
    end

    identities do
      identity(:email, [:email])
      identity(:active_code, [:code], where: expr(active == true))
    end
  end

  defmodule House do
    use Ash.Resource, domain: AshRusqlite.AnyDomain, data_layer: AshRusqlite.DataLayer

    ets do
      private?(true)
    end

    actions do
      default_accept(:*)
      defaults([:read, create: :*])

      create :by_place do
        accept(:*)
        upsert?(true)
        upsert_identity(:place)
        upsert_fields([:name])
      end

      create :by_place_if_newer do
        accept(:*)
        upsert?(true)
        upsert_identity(:place)
        upsert_fields([:name])
        upsert_condition(expr(version < upsert_conflict(:version)))
      end
    end

    attributes do
      integer_primary_key(:id)
      attribute(:city, :string, public?: true)
      attribute(:street, :string, public?: true)
      attribute(:name, :string, public?: true)
      attribute(:version, :integer, public?: true, default: 1)
    end

    identities do
      identity(:place, [:city, :street], nils_distinct?: false)
    end
  end

  setup do
    {:ok, _} = Application.ensure_all_started(:ash)
    :ok
  end

  defp put!(input, action, opts \\ []) do
    resource = if input[:city], do: House, else: Person
    Ash.create!(resource, input, [action: action] ++ opts)
  end

  defp names(resource \\ Person),
    do: resource |> Ash.read!() |> Enum.sort_by(& &1.id) |> Enum.map(& &1.name)

  test "an upsert with a nil key inserts where nils are distinct, and leaves other rows alone" do
    put!(%{email: nil, name: "Ann"}, :create)

    for {action, name} <- [by_email: "Bob", by_email_if_newer: "Cy", by_email_in_elixir: "Di"] do
      assert %{name: ^name} = record = put!(%{email: nil, name: name}, action)
      assert record.__metadata__[:upsert_action] == :create
    end

    assert names() == ["Ann", "Bob", "Cy", "Di"]
  end

  test "an upsert with a value in its keys updates, whatever nils mean" do
    put!(%{email: "a", name: "Ann"}, :by_email)
    assert %{id: 1} = put!(%{email: "a", name: "Bob"}, :by_email)
    put!(%{city: "a", street: "b", name: "Cy"}, :by_place)
    assert %{id: 1} = put!(%{city: "a", street: "b", name: "Di"}, :by_place)
    assert names() ++ names(House) == ["Bob", "Di"]
  end

  test "an upsert with a nil key updates the row with nil where nils are not distinct" do
    put!(%{city: "a", street: nil, name: "Ann"}, :create)
    put!(%{city: "b", street: nil, name: "Other"}, :create)

    {record, asked} =
      Asked.during(fn -> put!(%{city: "a", street: nil, name: "Bob"}, :by_place) end)

    assert :update_or_insert in asked and :insert not in asked
    assert %{id: 1} = record
    assert record.__metadata__[:upsert_action] == :update
    assert names(House) == ["Bob", "Other"]

    skip = [return_skipped_upsert?: true]
    put!(%{city: "a", street: nil, name: "Cy", version: 1}, :by_place_if_newer, skip)
    put!(%{city: "a", street: nil, name: "Di", version: 2}, :by_place_if_newer)
    assert names(House) == ["Di", "Other"]
  end

  test "a bulk upsert does the same for each of its rows" do
    opts = [return_records?: true, return_errors?: true, sorted?: true]
    inputs = [%{email: nil, name: "a"}, %{email: nil, name: "b"}, %{email: "x", name: "c"}]
    result = Ash.bulk_create(inputs ++ [%{email: "x", name: "d"}], Person, :by_email, opts)
    assert %{status: :success, records: [_, _, _, _]} = result
    assert names() == ["a", "b", "d"]

    inputs = for name <- ["e", "f"], do: %{city: "a", street: nil, name: name}
    assert %{status: :success} = Ash.bulk_create(inputs, House, :by_place, opts)
    assert names(House) == ["f"]
  end

  test "an identity of some rows does the same" do
    put!(%{code: nil, name: "a"}, :by_active)
    put!(%{code: nil, name: "b"}, :by_active)
    put!(%{code: "x", name: "c"}, :by_active)
    put!(%{code: "x", name: "d"}, :by_active)
    assert names() == ["a", "b", "d"]
  end

  test "an upsert by a primary key that SQLite gives inserts" do
    opts = [upsert?: true, upsert_fields: [:name]]
    put!(%{name: "a"}, :create, opts)
    put!(%{name: "b"}, :create, opts)
    assert names() == ["a", "b"]
  end
end
