if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Dsl.Journal.Event do
    @moduledoc "An `event` of the section `journal`: a change with a type of its own, see the [DSL](dsl.md)."

    @schema [
      type: [
        type: :string,
        required: true,
        doc: "The whole type, such as `\"chat.room.hidden\"`."
      ],
      on: [
        type: {:wrap_list, {:one_of, [:create, :update, :destroy]}},
        required: true,
        doc: "What happens to the row: `:create`, `:update`, `:destroy`, or a list of these."
      ],
      where: [
        type: :any,
        doc:
          "Which of these changes: an expression, in which `hidden` is the attribute after the change " <>
            "and `old.hidden` before it, or SQL over `NEW.column` and `OLD.column`. For a row that is " <>
            "destroyed both are its last values. Default: all."
      ]
    ]

    defstruct [:__spark_metadata__ | Keyword.keys(@schema)]

    @type t :: %__MODULE__{type: String.t(), on: [:create | :update | :destroy], where: term()}

    @doc false
    def schema, do: @schema
  end
end
