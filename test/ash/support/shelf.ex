defmodule AshRusqlite.Shelf do
  @moduledoc false
  # A resource with an index and a unique name: `use AshRusqlite.Shelf, domain: Domain, repo: Repo`.

  defmacro __using__(domain: domain, repo: repo) do
    quote do
      use Ash.Resource, domain: unquote(domain), data_layer: AshRusqlite.DataLayer

      sqlite do
        repo(unquote(repo))

        custom_indexes do
          index([:floor], name: "shelves_floor")
        end
      end

      resource do
        plural_name(:shelves)
      end

      actions do
        defaults([:read, :destroy, create: :*, update: :*])
      end

      attributes do
        uuid_primary_key(:id)
        attribute(:name, :string, public?: true, allow_nil?: false)
        attribute(:floor, :integer, public?: true)
      end

      identities do
        identity(:name, [:name], message: "is on another shelf")
      end
    end
  end
end
