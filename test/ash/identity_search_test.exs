# The index that an identity has serves what is asked by its keys, whatever their type.
if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.IdentitySearchTest do
    use ExUnit.Case, async: true

    require Ash.Query

    alias AshRusqlite.AnyDomain, as: Domain

    defmodule Repo do
      use AshRusqlite.Repo, otp_app: :ash_identity_search_test
    end

    defmodule Person do
      use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

      sqlite do
        repo Repo
        table "people"
      end

      actions do
        defaults [:read, create: :*]
      end

      attributes do
        uuid_primary_key :id
        attribute :name, :string, public?: true
        attribute :email, :ci_string, public?: true
        attribute :role, :atom, public?: true
        attribute :token, :uuid, public?: true
        attribute :number, :integer, public?: true
        attribute :seconds, :utc_datetime, public?: true
        attribute :at, :utc_datetime_usec, public?: true
        attribute :local, :naive_datetime, public?: true
        attribute :day, :date, public?: true
      end

      identities do
        identity :name, [:name]
        identity :email, [:email]
        identity :role, [:role]
        identity :token, [:token]
        identity :number, [:number]
        identity :seconds, [:seconds]
        identity :at, [:at]
        identity :local, [:local]
        identity :day, [:day]
      end
    end

    defmodule Member do
      use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

      sqlite do
        repo Repo
        table "members"
      end

      multitenancy do
        strategy(:attribute)
        attribute(:org)
      end

      actions do
        defaults [:read, create: :*]
      end

      attributes do
        uuid_primary_key :id
        attribute :org, :string, public?: true
        attribute :email, :ci_string, public?: true
      end

      identities do
        identity :email, [:email]
      end
    end

    @values [
      name: "Ann",
      email: "ann@x.org",
      role: :admin,
      token: "01234567-89ab-cdef-0123-456789abcdef",
      number: 7,
      seconds: ~U[2026-01-02 03:04:05Z],
      at: ~U[2026-01-02 03:04:05.000006Z],
      local: ~N[2026-01-02 03:04:05],
      day: ~D[2026-01-02]
    ]

    setup do
      {:ok, _} = Application.ensure_all_started(:ash)
      start_supervised!({Repo, database: ":memory:", auto_migrate: true})
      :ok
    end

    for {name, value} <- @values do
      @field name
      @value value
      test "by an identity of #{name} a row is found in its index" do
        Ash.create!(Person, Map.new([{@field, @value}]))
        assert served?(Ash.Query.filter(Person, ^[{@field, @value}]), "people_#{@field}_index")

        assert served?(
                 Ash.Query.filter(Person, ^[{@field, [in: [@value]]}]),
                 "people_#{@field}_index"
               )
      end
    end

    test "letters beyond ASCII are found in the index of an identity that ignores case, too" do
      for email <- ["Ärger@x.org", "KÖHLER@x.org", "\u212Aim@x.org"],
          do: Ash.create!(Person, %{email: email})

      for {asked, stored} <- [
            {"ärger@X.org", "Ärger@x.org"},
            {"köhler@x.org", "KÖHLER@x.org"},
            {"kim@x.org", "\u212Aim@x.org"}
          ] do
        query = Ash.Query.filter(Person, email == ^asked)
        assert served?(query, "people_email_index")
        assert [%{email: email}] = Ash.read!(query)
        assert to_string(email) == stored
      end
    end

    test "within a tenant its identity's index serves" do
      Ash.create!(Member, %{email: "Ann@x.org"}, tenant: "a")

      query =
        Member
        |> Ash.Query.filter(org == "a" and email == "ann@x.org")
        |> Ash.Query.set_tenant("a")

      assert served?(query, "members_email_index")
      assert [_] = Ash.read!(query)
    end

    defp served?(query, index) do
      assert {:ok, %{plan: plan, residual: []}} = AshRusqlite.explain(query)
      plan = Enum.join(plan, "; ")
      assert plan =~ ~r/^SEARCH \w+ USING INDEX \w*#{index}/, plan
    end
  end
end
