if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Dsl.Reference do
    @moduledoc "A `reference` of the section `references`, see the [DSL](dsl.md)."

    @actions [:delete, :nilify, :nothing, :restrict]

    @schema [
      relationship: [type: :atom, required: true, doc: "The belongs_to relationship."],
      index?: [
        type: :boolean,
        doc:
          "Whether the table has an index that begins with the " <>
            "relationship's attribute. Default: `index_belongs_to?` of the resource."
      ],
      ignore?: [type: :boolean, default: false, doc: "Whether to leave the foreign key out."],
      on_delete: [
        type: {:one_of, @actions},
        doc: "What happens to this resource's rows when the row they refer to is deleted."
      ],
      on_update: [
        type: {:one_of, [:update, :nilify, :nothing, :restrict]},
        doc: "What happens to this resource's rows when the key they refer to changes."
      ],
      deferrable: [
        type: {:one_of, [false, true, :initially]},
        default: false,
        doc: "Whether the key is checked at the end of the transaction."
      ],
      match_tenant?: [
        type: :boolean,
        default: false,
        doc:
          "Whether the tenant's attribute is a part of the foreign key, so that no row refers to " <>
            "one of another tenant."
      ],
      name: [type: :string, doc: "Its name. Default: `<table>_<attribute>_fkey`."]
    ]

    defstruct [:__spark_metadata__ | Keyword.keys(@schema)]

    @type t :: %__MODULE__{}

    @doc false
    def schema, do: @schema
  end
end
