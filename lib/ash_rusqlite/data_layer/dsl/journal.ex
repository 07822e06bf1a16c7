if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Dsl.Journal do
    @moduledoc "The section `journal`, see `AshRusqlite.DataLayer.Journal`."

    alias AshRusqlite.DataLayer.Dsl.Journal.{Event, Subject}

    @schema [
      type: [
        type: :string,
        doc:
          "What the types of the events begin with, such as `\"chat.message\"`: words of a-z, 0-9 " <>
            "and _, with dots between them. Default: the resource's short name."
      ],
      skip: [
        type: {:wrap_list, :atom},
        default: [],
        doc:
          "Attributes whose changes make no event. The events of created and deleted rows have their " <>
            "values, those of updated rows do not."
      ],
      sensitive: [
        type: {:wrap_list, :atom},
        default: [],
        doc:
          "Attributes whose values are not in the events. An event notes that they changed, with a " <>
            "digest of the value."
      ]
    ]

    defstruct [:__spark_metadata__, :type, :source, :actor, skip: [], sensitive: [], events: []]

    @type t :: %__MODULE__{
            type: String.t() | nil,
            source: Subject.t() | nil,
            actor: Subject.t() | nil,
            skip: [atom()],
            sensitive: [atom()],
            events: [Event.t()]
          }

    @doc false
    def schema, do: @schema
  end
end
