defmodule AshRusqlite.Pushdown do
  @moduledoc false
  # Shops and what they sell, on both data layers.

  defmodule Resources do
    @moduledoc false
    def code(layer) do
      quote do
        defmodule Item do
          use AshRusqlite.PrivateResource, unquote(layer)

          actions do
            defaults [:read, create: :*]
          end

          attributes do
            attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
            attribute :shop_id, :integer, public?: true
            attribute :price, :decimal, public?: true
            attribute :name, :ci_string, public?: true
            attribute :count, :integer, public?: true
            attribute :weight, :float, public?: true
          end

          calculations do
            calculate :twice, :integer, expr(count * 2), public?: true
          end
        end

        defmodule Shop do
          use AshRusqlite.PrivateResource, unquote(layer)

          actions do
            defaults [:read, create: :*]
          end

          attributes do
            attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
          end

          relationships do
            has_many :items, Item, public?: true
          end

          aggregates do
            sum :total, :items, :price, public?: true
            avg(:mean, :items, :price, public?: true)
            min(:least, :items, :price, public?: true)
            max :most, :items, :price, public?: true
            max :last_name, :items, :name, public?: true
            sum :weight, :items, :weight, public?: true
            avg(:mean_count, :items, :count, public?: true)
            sum :doubled, :items, :twice, public?: true

            list :prices, :items, :price do
              public? true
              sort(price: :desc)
            end

            list :names, :items, :name do
              public? true
              uniq?(true)
              sort(name: :asc, id: :desc)
            end
          end
        end
      end
    end
  end

  use AshRusqlite.BothLayers, Resources
end
