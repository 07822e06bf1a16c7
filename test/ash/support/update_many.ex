defmodule AshRusqlite.UpdateMany do
  @moduledoc false
  # Resources on both data layers, for `Ash.update_many`.

  alias AshRusqlite.AnyDomain, as: Domain

  defmodule Hook do
    @moduledoc false
    use Ash.Resource.Change

    @impl true
    def change(changeset, _opts, _context) do
      Ash.Changeset.after_action(changeset, fn _changeset, record ->
        {:ok, Ash.Resource.put_metadata(record, :hooked, record.name)}
      end)
    end

    @impl true
    def atomic(changeset, opts, context), do: {:ok, change(changeset, opts, context)}
  end

  defmodule Resources do
    @moduledoc false
    def code(layer),
      do: List.flatten([item(layer), owned(layer), shown(layer), guarded(layer)])

    defp resource(layer, opts \\ []) do
      quote do
        use Ash.Resource,
            unquote([domain: Domain, data_layer: layer, primary_read_warning?: false] ++ opts)

        ets do
          private? true
        end
      end
    end

    defp item(layer) do
      quote do
        defmodule Item do
          @moduledoc false
          unquote(resource(layer))

          actions do
            defaults [:read, :destroy, create: :*, update: :*]

            update :lock do
              accept [:name]
              require_atomic? false
              change optimistic_lock(:version)
            end

            update :grow do
              accept [:name]
              argument :by, :integer, allow_nil?: false
              change atomic_update(:size, expr(size + ^arg(:by)))
            end

            update :small do
              accept [:name, :tags]
              change filter(expr(size < 5))
            end

            update :checked do
              accept [:name]
              validate compare(:size, less_than: 100)
            end

            update :hooked do
              accept [:name]

              change AshRusqlite.UpdateMany.Hook
            end

            update :shout do
              accept []
              require_atomic? false

              change fn changeset, _context ->
                Ash.Changeset.force_change_attribute(changeset, :name, "HEY")
              end
            end
          end

          attributes do
            attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
            attribute :name, :string, public?: true
            attribute :code, :string, public?: true, source: :short
            attribute :size, :integer, public?: true, default: 1
            attribute :tags, :map, public?: true
            attribute :level, :ci_string, public?: true
            attribute :version, :integer, allow_nil?: false, default: 1
            attribute :changed, :utc_datetime_usec, update_default: &DateTime.utc_now/0
          end

          identities do
            identity :code, [:code], pre_check_with: Domain, message: "is taken"
          end
        end
      end
    end

    defp owned(layer) do
      for {name, tenancy} <- [
            OfAttribute: quote(do: [strategy(:attribute), attribute(:org)]),
            OfContext: quote(do: [strategy(:context)])
          ] do
        quote do
          defmodule unquote({:__aliases__, [], [name]}) do
            @moduledoc false
            unquote(resource(layer))

            multitenancy do
              (unquote_splicing(tenancy))
            end

            actions do
              defaults [:read, create: :*, update: :*]
            end

            attributes do
              attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
              attribute :org, :string
              attribute :name, :string, public?: true
            end
          end
        end
      end
    end

    # Rows are hidden by the resource, or by its read action.
    defp shown(layer) do
      for {name, hides} <- [
            ShownByResource:
              quote do
                resource do
                  base_filter(expr(hidden != true))
                end

                actions do
                  defaults [:read, create: :*, update: :*]
                end
              end,
            ShownByAction:
              quote do
                actions do
                  defaults create: :*, update: :*

                  read :read do
                    primary? true
                    filter expr(hidden != true)
                    pagination keyset?: true, required?: false
                  end
                end
              end
          ] do
        quote do
          defmodule unquote({:__aliases__, [], [name]}) do
            @moduledoc false
            unquote(resource(layer))
            unquote(hides)

            attributes do
              attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
              attribute :name, :string, public?: true
              attribute :hidden, :boolean, public?: true
            end
          end
        end
      end
    end

    defp guarded(layer) do
      quote do
        defmodule Guarded do
          @moduledoc false
          unquote(resource(layer, authorizers: [Ash.Policy.Authorizer]))

          policies do
            policy action_type([:create, :read]) do
              authorize_if(always())
            end

            policy action_type(:update) do
              authorize_if(expr(owner == ^actor(:name)))
            end
          end

          actions do
            defaults [:read, create: :*, update: :*]
          end

          attributes do
            attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
            attribute :owner, :string, public?: true
            attribute :name, :string, public?: true
          end
        end
      end
    end
  end

  use AshRusqlite.BothLayers, Resources
end
