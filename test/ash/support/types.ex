defmodule AshRusqlite.Oracle.Level do
  @moduledoc false
  use Ash.Type.Enum, values: [:low, :mid, :high]
end

defmodule AshRusqlite.Oracle.Code do
  @moduledoc false
  use Ash.Type.NewType, subtype_of: :string, constraints: [max_length: 8]
end

defmodule AshRusqlite.Oracle.Points do
  @moduledoc false
  use Ash.Type.NewType, subtype_of: :integer, constraints: [min: -1000]
end

defmodule AshRusqlite.Oracle.Profile do
  @moduledoc false
  use Ash.Resource, data_layer: :embedded

  attributes do
    attribute(:nick, :string, public?: true)
    attribute(:mood, :atom, public?: true, constraints: [one_of: [:glad, :sad]])
    attribute(:since, :date, public?: true)
  end
end

defmodule AshRusqlite.Oracle.Thing do
  @moduledoc false
  use Ash.Type.NewType,
    subtype_of: :union,
    constraints: [
      types: [
        number: [type: :integer],
        text: [type: :string],
        profile: [type: AshRusqlite.Oracle.Profile, tag: :type, tag_value: "profile"]
      ]
    ]
end

defmodule AshRusqlite.Oracle.Repo do
  @moduledoc false
  use AshRusqlite.Repo, otp_app: :ash_rusqlite
end
