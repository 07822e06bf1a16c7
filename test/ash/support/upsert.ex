defmodule AshRusqlite.Upserts do
  @moduledoc false
  # Resources on both data layers, for upserts.

  alias AshRusqlite.AnyDomain, as: Domain

  defmodule Resources do
    @moduledoc false
    def code(layer), do: [part(layer), slot(layer)]

    defp resource(layer) do
      quote do
        use Ash.Resource, domain: Domain, data_layer: unquote(layer)

        ets do
          private? true
        end
      end
    end

    defp part(layer) do
      quote do
        defmodule Part do
          @moduledoc false
          unquote(resource(layer))

          actions do
            defaults [:read, :destroy, create: :*, update: :*]

            create :put do
              accept :*
              upsert? true
              upsert_identity :code
              upsert_fields([:name, :version])
            end

            create :put_newer do
              accept :*
              upsert? true
              upsert_identity :code
              upsert_fields([:name, :version])
              upsert_condition(expr(version < upsert_conflict(:version)))
            end

            create :put_other do
              accept :*
              upsert? true
              upsert_identity :code
              upsert_fields({:replace, [:tags]})
              upsert_condition(expr(tags != upsert_conflict(:tags)))
            end

            create :count do
              accept :*
              upsert? true
              upsert_identity :code
              upsert_fields([])
              upsert_condition(expr(size < 3))
              change atomic_update(:size, expr(size + 1))
            end

            create :add do
              accept :*
              upsert? true
              upsert_identity :code
              upsert_fields([])
              change atomic_update(:size, expr(size + upsert_conflict(:size)))
            end
          end

          attributes do
            attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
            attribute :code, :string, public?: true, source: :short
            attribute :name, :string, public?: true
            attribute :version, :integer, public?: true
            attribute :size, :integer, public?: true, default: 1
            attribute :tags, :map, public?: true
            attribute :touched, :integer, update_default: 7
          end

          identities do
            # A look before the write is a hook, and a hook means a transaction.
            identity :code, [:code], unquote(check(layer))
          end
        end
      end
    end

    defp check(Ash.DataLayer.Ets), do: [pre_check_with: Domain]
    defp check(_layer), do: []

    # Only rows that are shown count, and of these only those that are not free.
    defp slot(layer) do
      quote do
        defmodule Slot do
          @moduledoc false
          unquote(resource(layer))

          resource do
            base_filter(expr(hidden != true))
          end

          actions do
            defaults [:read, create: :*]

            create :take do
              accept :*
              upsert? true
              upsert_identity :place
              upsert_fields([:guest])
              upsert_condition(expr(guest != upsert_conflict(:guest)))
            end
          end

          attributes do
            attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
            attribute :place, :integer, public?: true
            attribute :taken, :boolean, public?: true, default: true
            attribute :guest, :string, public?: true
            attribute :hidden, :boolean, public?: true, default: false
          end

          identities do
            identity :place, [:place, :taken],
              where: expr(taken),
              pre_check_with: Domain
          end
        end
      end
    end
  end

  use AshRusqlite.BothLayers, Resources
end
