# The index that an identity has serves what is asked by its keys, whatever their type.
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

  defmodule Ticket do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "tickets"
    end

    actions do
      defaults [:read, create: :*]
    end

    attributes do
      integer_primary_key(:id, writable?: true, public?: true)
      attribute :open, :boolean, public?: true, allow_nil?: false, default: true
      attribute :code, :string, public?: true
      attribute :number, :integer, public?: true
      attribute :name, :string, public?: true
      attribute :email, :ci_string, public?: true
      attribute :flag, :boolean, public?: true
      attribute :hall, :string, public?: true
      attribute :seat, :integer, public?: true
    end

    identities do
      identity :code, [:code], where: expr(open == true)
      identity :number, [:number], nils_distinct?: false
      identity :name, [:name], nils_distinct?: false
      identity :email, [:email], nils_distinct?: false
      identity :flag, [:flag], nils_distinct?: false
      identity :place, [:hall, :seat], nils_distinct?: false
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
    test "a row is found by an identity of #{name} in its index" do
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

  test "a row is found by an identity with a condition in its index" do
    Ash.create!(Ticket, %{id: 1, code: "a"})
    query = Ash.Query.filter(Ticket, code == "a" and open == true)
    assert served?(query, "tickets_code_index")
    assert [%{id: 1}] = Ash.read!(query)

    assert served?(
             Ash.Query.filter(Ticket, code in ["a"] and open == true),
             "tickets_code_index"
           )
  end

  describe "by an identity whose nils are not distinct" do
    setup do
      Ash.create!(Ticket, %{id: 1})

      # What null is in the index must not be taken for null.
      Ash.create!(Ticket, %{
        id: 2,
        number: 0,
        name: "0",
        email: "0",
        flag: false,
        hall: "0",
        seat: 0
      })

      Ash.create!(Ticket, %{
        id: 3,
        number: 7,
        name: "Ann",
        email: "Kim@x.org",
        flag: true,
        hall: "a"
      })

      :ok
    end

    for {field, value, id} <- [
          {:number, 7, 3},
          {:number, 0, 2},
          {:name, "Ann", 3},
          {:name, "0", 2},
          {:email, "KIM@x.org", 3},
          {:email, "0", 2},
          {:flag, true, 3},
          {:flag, false, 2}
        ] do
      @field field
      @value value
      @id id
      test "a row of #{field} #{inspect(value)} is found in its index" do
        query = Ash.Query.filter(Ticket, ^[{@field, @value}])
        assert served?(query, "tickets_#{@field}_index")
        assert [%{id: @id}] = Ash.read!(query)
        assert [%{id: @id}] = Ash.read!(Ash.Query.limit(query, 1))
      end

      test "a row of no other #{field} than #{inspect(value)} is found by what is not so" do
        query = Ash.Query.filter(Ticket, ^[not: [{@field, @value}]])
        assert [%{id: other}] = Ash.read!(query)
        assert other == 5 - @id
      end
    end

    test "a row of two values is found, and neither value matches another" do
      query = Ash.Query.filter(Ticket, hall == "0" and seat == 0)
      assert served?(query, "tickets_place_index")
      assert [%{id: 2}] = Ash.read!(query)
      assert [%{id: 3}] = Ash.read!(Ash.Query.filter(Ticket, hall == "a" and is_nil(seat)))
      assert [] = Ash.read!(Ash.Query.filter(Ticket, hall == "a" and seat == 0))
      assert served?(Ash.Query.filter(Ticket, hall == "a"), "tickets_place_index")
    end

    test "nil, one of two, and one of a list find what they found" do
      ids = fn query -> query |> Ash.read!() |> Enum.map(& &1.id) |> Enum.sort() end
      assert ids.(Ash.Query.filter(Ticket, is_nil(number))) == [1]
      assert ids.(Ash.Query.filter(Ticket, number == 7 or name == "0")) == [2, 3]
      assert ids.(Ash.Query.filter(Ticket, number in [0, 7])) == [2, 3]
      assert ids.(Ash.Query.filter(Ticket, number == 7 and name == "0")) == []
    end
  end

  defp served?(query, index) do
    assert {:ok, %{plan: plan, residual: []}} = AshRusqlite.explain(query)
    plan = Enum.join(plan, "; ")
    assert plan =~ ~r/^SEARCH \w+ USING INDEX \w*#{index}/, plan
  end
end
