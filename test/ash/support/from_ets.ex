defmodule AshRusqlite.FromEts do
  @moduledoc false
  # One resource on both data layers.

  alias AshRusqlite.AnyDomain, as: Domain

  defmodule Thing do
    defmacro __using__(data_layer) do
      quote do
        use Ash.Resource, domain: Domain, data_layer: unquote(data_layer)

        # The line that stays: with it a resource is stored in memory, for the process alone.
        ets do
          private? true
        end

        actions do
          defaults [:read, :destroy, create: :*, update: :*]

          create :put do
            accept :*
            upsert? true
            upsert_identity :code
          end

          update :slow do
            accept :*
            require_atomic? false
          end
        end

        attributes do
          uuid_primary_key :id, writable?: true, public?: true
          attribute :name, :string, public?: true
          attribute :code, :string, public?: true
          attribute :size, :integer, public?: true
          attribute :day, :date, public?: true
          attribute :any, :term, public?: true
          attribute :price, :decimal, public?: true
          attribute :weight, :float, public?: true
        end

        identities do
          identity :code, [:code], pre_check_with: Domain
        end
      end
    end
  end

  defmodule Place do
    @moduledoc false
    # With an identity for which nil is a value as any other.
    defmacro __using__(data_layer) do
      quote do
        use Ash.Resource, domain: Domain, data_layer: unquote(data_layer)

        ets do
          private? true
        end

        actions do
          defaults [:read, create: :*]

          create :put do
            accept :*
            upsert? true
            upsert_identity :code
          end
        end

        attributes do
          uuid_primary_key :id
          attribute :name, :string, public?: true
          attribute :code, :string, public?: true
        end

        identities do
          identity :code, [:code], nils_distinct?: false, pre_check_with: Domain
        end
      end
    end
  end

  defmodule OnEts do
    use Thing, Ash.DataLayer.Ets

    defmodule Place do
      use AshRusqlite.FromEts.Place, Ash.DataLayer.Ets
    end
  end

  defmodule OnSqlite do
    use Thing, AshRusqlite.DataLayer

    defmodule Place do
      use AshRusqlite.FromEts.Place, AshRusqlite.DataLayer
    end
  end
end
