if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Dsl.Journal.Subject do
    @moduledoc """
    The `source` or `actor` of the section `journal`: a kind of things, and the attribute with the id of one
    of them.
    """

    @schema [
      kind: [
        type: {:or, [:atom, :string]},
        required: true,
        doc: "What its name begins with: `:room` for `room:<id>`."
      ],
      attribute: [type: :atom, required: true, doc: "The attribute with its id."]
    ]

    defstruct [:__spark_metadata__ | Keyword.keys(@schema)]

    @type t :: %__MODULE__{kind: atom() | String.t(), attribute: atom()}

    @doc false
    def schema, do: @schema
  end
end
