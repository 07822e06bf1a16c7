defmodule AshRusqlite.FromAshSqlite do
  @moduledoc false
  # A resource as it is with AshSqlite, but for the name of the data layer.

  use Ash.Resource,
    domain: AshRusqlite.AnyDomain,
    data_layer: AshRusqlite.DataLayer

  sqlite do
    table "people"
    repo MyApp.Repo
  end

  actions do
    defaults [:read, :destroy, create: :*, update: :*]
  end

  attributes do
    uuid_primary_key :id, writable?: true, public?: true
    attribute :email, :ci_string, public?: true
    attribute :kind, :atom, constraints: [one_of: [:guest, :host]], public?: true
    attribute :member, :boolean, public?: true
    attribute :balance, :decimal, public?: true
    attribute :bio, :map, public?: true
    attribute :tags, {:array, :string}, public?: true
    attribute :avatar, :binary, public?: true
    attribute :born, :date, public?: true
    attribute :seen_at, :utc_datetime, public?: true
    create_timestamp :inserted_at, public?: true
  end

  identities do
    identity :email, [:email]
  end
end
