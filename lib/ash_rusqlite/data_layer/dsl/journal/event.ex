if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Dsl.Journal.Event do
    @moduledoc "An `event` of `sqlite do journal do … end end`: a change that has a type of its own."

    @schema [
      type: [
        type: :string,
        required: true,
        doc: "The whole type, such as `\"chat.room.hidden\"`."
      ],
      on: [
        type: {:wrap_list, {:one_of, [:create, :update, :destroy]}},
        required: true,
        doc: "What becomes of the row: `:create`, `:update`, `:destroy`, or a list of these."
      ],
      where: [
        type: :any,
        doc:
          "Which of these changes: an expression in which an attribute is the row's value after the " <>
            "change and `old.` before it that before the change, or SQL over `NEW.column` and " <>
            "`OLD.column`. Of a row that is destroyed both are its last values. By default all."
      ]
    ]

    defstruct [:__spark_metadata__ | Keyword.keys(@schema)]

    @type t :: %__MODULE__{type: String.t(), on: [:create | :update | :destroy], where: term()}

    @doc false
    def schema, do: @schema
  end
end
