if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Dsl.Journal do
    @moduledoc "The `journal` of `sqlite do journal do … end end`, see `AshRusqlite.DataLayer.Journal`."

    alias AshRusqlite.DataLayer.Dsl.Journal.{Event, Subject}

    @schema [
      type: [
        type: :string,
        doc:
          "What the types of the events begin with, such as `\"chat.message\"`: words of a-z, 0-9 " <>
            "and _, with dots between them. By default the resource's short name."
      ],
      skip: [
        type: {:wrap_list, :atom},
        default: [],
        doc:
          "Attributes whose changes are no events. They are in the data of a row that is created " <>
            "or deleted, but not in that of one that is updated."
      ],
      sensitive: [
        type: {:wrap_list, :atom},
        default: [],
        doc: "Attributes of which an event has that they changed, and a digest for the value."
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
