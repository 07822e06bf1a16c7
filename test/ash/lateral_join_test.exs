defmodule AshRusqlite.DataLayer.LateralJoinTest do
  use ExUnit.Case, async: true

  require Ash.Query

  defmodule Shop do
    use Ash.Domain, otp_app: :ash_rusqlite, validate_config_inclusion?: false

    resources do
      resource(AshRusqlite.DataLayer.LateralJoinTest.Basket)
    end
  end

  defmodule Market do
    use Ash.Domain, otp_app: :ash_rusqlite, validate_config_inclusion?: false

    resources do
      resource(AshRusqlite.DataLayer.LateralJoinTest.Apple)
    end
  end

  defmodule Basket do
    use Ash.Resource, domain: Shop, data_layer: AshRusqlite.DataLayer

    ets do
      private?(true)
    end

    attributes do
      attribute(:id, :integer, primary_key?: true, allow_nil?: false, public?: true)
    end

    relationships do
      has_many :apples, AshRusqlite.DataLayer.LateralJoinTest.Apple do
        domain(Market)
        public?(true)
      end
    end

    actions do
      defaults(create: :*)

      read :read do
        primary?(true)
        pagination(offset?: true, default_limit: 1, required?: true)
      end
    end
  end

  defmodule Apple do
    use Ash.Resource, domain: Market, data_layer: AshRusqlite.DataLayer

    ets do
      private?(true)
    end

    attributes do
      attribute(:id, :integer, primary_key?: true, allow_nil?: false, public?: true)
      attribute(:basket_id, :integer, public?: true)
    end

    calculations do
      calculate(:weight, :integer, AshRusqlite.DataLayer.LateralJoinTest.Weight)
    end

    actions do
      defaults([:read, create: :*])
    end
  end

  defmodule Weight do
    @moduledoc false
    use Ash.Resource.Calculation

    def load(_, _, _), do: [:id]

    def calculate(apples, _, _) do
      Process.sleep(60)
      Enum.map(apples, & &1.id)
    end
  end

  setup do
    {:ok, _} = Application.ensure_all_started(:ash)

    baskets = Ash.bulk_create!([%{id: 1}, %{id: 2}], Basket, :create, return_records?: true)

    Ash.bulk_create!(
      for(id <- 1..6, do: %{id: id, basket_id: rem(id, 2) + 1}),
      Apple,
      :create
    )

    {:ok, baskets: baskets.records}
  end

  test "the parents are of another domain, and read in pages", %{baskets: baskets} do
    query = Apple |> Ash.Query.sort(id: :desc) |> Ash.Query.limit(2)

    found = for basket <- Ash.load!(baskets, apples: query), do: ids(basket)
    assert Enum.sort(found) == [{1, [6, 4]}, {2, [5, 3]}]
  end

  defp ids(basket), do: {basket.id, Enum.map(basket.apples, & &1.id)}

  test "the time that a context gives is that of all parents together" do
    inputs = for id <- 11..20, do: %{id: id}
    %{records: baskets} = Ash.bulk_create!(inputs, Basket, :create, return_records?: true)
    apples = for id <- 11..20, do: %{id: id, basket_id: id}
    Ash.bulk_create!(apples, Apple, :create)

    query = Apple |> Ash.Query.filter(weight > 0) |> Ash.Query.limit(1) |> Ash.Query.sort(:id)
    assert [_ | _] = Ash.load!(baskets, apples: query)

    query = Ash.Query.set_context(query, %{data_layer: %{timeout: 300}})
    assert {:error, error} = Ash.load(baskets, apples: query)

    assert %{errors: [%Ash.Error.Invalid.Timeout{timeout: 300}]} = Ash.Error.to_error_class(error)
  end
end
