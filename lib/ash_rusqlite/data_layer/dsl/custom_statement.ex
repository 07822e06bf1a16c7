if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Dsl.CustomStatement do
    @moduledoc "A `statement` of the section `custom_statements`, see the [DSL](dsl.md)."

    @schema [
      name: [type: :atom, required: true, doc: "Its name, unique within the resource."],
      code?: [
        type: :boolean,
        default: false,
        doc: "Must be false: migrations are SQL, so they cannot run Elixir."
      ],
      up: [type: :string, required: true, doc: "The SQL that creates the structure."],
      down: [type: :string, required: true, doc: "The SQL that takes it away."]
    ]

    defstruct [:__spark_metadata__ | Keyword.keys(@schema)]

    @type t :: %__MODULE__{}

    @doc false
    def schema, do: @schema
  end
end
