# The related rows that a change asks for are those of its tenant, also where the related resource
# may be read without one.
defmodule AshRusqlite.TenantInChangeTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.AnyDomain, as: Domain

  defmodule Grant do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    ets do
      private? true
    end

    multitenancy do
      strategy(:attribute)
      attribute(:org)
      global?(true)
    end

    actions do
      defaults [:read, create: :*]
    end

    attributes do
      uuid_primary_key :id
      attribute :org, :string, public?: true
      attribute :member_id, :integer, public?: true
    end
  end

  defmodule Member do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    ets do
      private? true
    end

    actions do
      defaults [:read, create: :*]

      update :rename do
        accept [:name]
        change filter(expr(exists(grants, true)))
      end

      # Only Elixir can decide it.
      update :rename_in_elixir do
        require_atomic? false
        accept [:name]
        change fn changeset, _ -> changeset end
        change filter(expr(exists(grants, true) and string_join([name, "x"]) != "y"))
      end

      update :rename_by_itself do
        require_atomic? false
        accept [:name]
        change filter(expr(exists(grants, true)))
        change fn changeset, _ -> changeset end
      end

      update :note do
        accept []
        change atomic_update(:name, expr(if exists(grants, true), do: "some", else: "none"))
      end

      update :number do
        accept []
        change atomic_update(:size, expr(grant_count))
      end

      destroy :remove do
        change filter(expr(exists(grants, true)))
      end
    end

    attributes do
      attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
      attribute :name, :string, public?: true
      attribute :size, :integer, public?: true
    end

    relationships do
      has_many :grants, Grant, destination_attribute: :member_id
    end

    aggregates do
      count :grant_count, :grants
    end
  end

  setup do
    {:ok, _} = Application.ensure_all_started(:ash)
    Ash.create!(Member, %{id: 1, name: "old"})
    Ash.create!(Grant, %{member_id: 1}, tenant: "a")
    :ok
  end

  defp member, do: Ash.get!(Member, 1)

  for action <- [:rename_in_elixir, :rename_by_itself] do
    test "the tenant decides a filter of the action #{action}" do
      opts = [action: unquote(action), tenant: "b"]
      assert {:error, _} = Ash.update(member(), %{name: "new"}, opts)
      assert member().name == "old"
      Ash.update!(member(), %{name: "new"}, Keyword.put(opts, :tenant, "a"))
      assert member().name == "new"
    end
  end

  test "the tenant decides a filter of many, by every strategy" do
    for strategy <- [:atomic, :stream] do
      opts = [strategy: strategy, tenant: "b", return_errors?: true]
      action = if strategy == :stream, do: :rename_by_itself, else: :rename
      Ash.bulk_update(Member, action, %{name: "new"}, opts)
      assert {strategy, member().name} == {strategy, "old"}
    end
  end

  test "the tenant is whose rows a computed change finds" do
    assert %{name: "none"} = Ash.update!(member(), %{}, action: :note, tenant: "b")
    assert %{name: "some"} = Ash.update!(member(), %{}, action: :note, tenant: "a")
  end

  test "the tenant is whose rows a computed change counts" do
    assert %{size: 0} = Ash.update!(member(), %{}, action: :number, tenant: "b")
    assert %{size: 1} = Ash.update!(member(), %{}, action: :number, tenant: "a")
  end

  test "the tenant decides a destroy" do
    Ash.destroy(member(), action: :remove, tenant: "b")
    assert [_] = Ash.read!(Member)
    assert :ok = Ash.destroy(member(), action: :remove, tenant: "a")
    assert [] = Ash.read!(Member)
  end
end
