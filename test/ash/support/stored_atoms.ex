# Resources whose values hold atoms in every place that a type of Ash keeps one.
defmodule AshRusqlite.StoredAtoms.Mood do
  @moduledoc false
  # Compiled, so that a VM loads it when it is first used.
  use Ash.Type.Enum, values: [:calm_mood_of_an_enum, :wild_mood_of_an_enum]
end

defmodule AshRusqlite.StoredAtoms.Inner do
  @moduledoc false
  use Ash.Resource, data_layer: :embedded

  attributes do
    attribute :tone, :atom, public?: true
  end
end

defmodule AshRusqlite.StoredAtoms.Style do
  @moduledoc false
  use Ash.Resource, data_layer: :embedded

  attributes do
    attribute :tone, :atom, public?: true
    attribute :mood, AshRusqlite.StoredAtoms.Mood, public?: true
    attribute :inner, AshRusqlite.StoredAtoms.Inner, public?: true
  end
end

defmodule AshRusqlite.StoredAtoms.Point do
  @moduledoc false
  defstruct [:x, :label]
end

defmodule AshRusqlite.StoredAtoms.Label do
  @moduledoc false
  use Ash.Type.NewType,
    subtype_of: :union,
    constraints: [
      types: [
        word: [type: :atom],
        words: [type: {:array, :atom}],
        style: [type: AshRusqlite.StoredAtoms.Style]
      ]
    ]
end

defmodule AshRusqlite.StoredAtoms.Domain do
  @moduledoc false
  use Ash.Domain, validate_config_inclusion?: false

  resources do
    allow_unregistered? true
  end
end

defmodule AshRusqlite.StoredAtoms.Repo do
  @moduledoc false
  use AshRusqlite.Repo, otp_app: :ash_rusqlite
end

defmodule AshRusqlite.StoredAtoms.Note do
  @moduledoc false
  use Ash.Resource,
    domain: AshRusqlite.StoredAtoms.Domain,
    data_layer: AshRusqlite.DataLayer

  alias AshRusqlite.StoredAtoms.{Label, Mood, Point, Style}

  sqlite do
    repo AshRusqlite.StoredAtoms.Repo
    table "notes"
  end

  actions do
    defaults [:read, :destroy, create: :*, update: :*]
  end

  attributes do
    attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
    attribute :parent_id, :integer, public?: true
    attribute :kind, :atom, public?: true
    attribute :tags, {:array, :atom}, public?: true
    attribute :mood, Mood, public?: true
    attribute :module, :module, public?: true
    attribute :any, :term, public?: true
    attribute :style, :map, public?: true

    attribute :typed, :map do
      public? true
      constraints fields: [tone: [type: :atom], tones: [type: {:array, :atom}]]
    end

    attribute :options, :keyword do
      public? true
      constraints fields: [tone: [type: :atom], any: [type: :term]]
    end

    attribute :pair, :tuple do
      public? true
      constraints fields: [left: [type: :atom], right: [type: :module]]
    end

    attribute :point, :struct do
      public? true

      constraints instance_of: Point,
                  fields: [x: [type: :integer], label: [type: :atom]]
    end

    attribute :embedded, Style, public?: true
    attribute :many, {:array, Style}, public?: true
    attribute :label, Label, public?: true
    attribute :labels, {:array, Label}, public?: true
    attribute :secret, :atom, public?: true, sensitive?: true
  end

  relationships do
    has_many :notes, __MODULE__, destination_attribute: :parent_id, public?: true
  end

  aggregates do
    first(:first_kind, :notes, :kind, sort: :id)
    list(:kinds, :notes, :kind, sort: :id)
    list(:all_tags, :notes, :tags, sort: :id)
  end

  calculations do
    calculate :kind_or, :atom, expr(if(is_nil(kind), ^:nothing, kind))
  end
end
