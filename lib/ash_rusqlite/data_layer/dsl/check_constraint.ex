if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Dsl.CheckConstraint do
    @moduledoc "A `check_constraint` of the section `check_constraints`, see the [DSL](dsl.md)."

    @schema [
      attribute: [
        type: {:wrap_list, :atom},
        required: true,
        doc:
          "The attribute, or the list of attributes, that gets the error when a row is refused."
      ],
      name: [type: :string, required: true, doc: "The name of the constraint."],
      check: [
        type: :string,
        doc:
          "The condition as SQL, for generated migrations to make the check. Without it, the check " <>
            "exists already and only gets the message."
      ],
      message: [type: :string, doc: "The message of the error. Default: \"is invalid\"."]
    ]

    defstruct [:__spark_metadata__ | Keyword.keys(@schema)]

    @type t :: %__MODULE__{
            attribute: [atom()],
            name: String.t(),
            check: String.t() | nil,
            message: String.t() | nil
          }

    @doc false
    def schema, do: @schema
  end
end
