defmodule AshChat.Import.Report do
  @moduledoc "What an import did."

  defstruct lines: 0, messages: 0, unchanged: 0, bad: 0, room: nil, inserted: %{}

  @typedoc """
    * `lines` - the lines of the file that are not blank
    * `messages` - those that were inserted
    * `unchanged` - those that were in the database already, just so
    * `bad` - those that were refused
    * `room` - the id of the room of the last good line, nil without one
    * `inserted` - the new rows of the other tables
  """
  @type t :: %__MODULE__{
          lines: non_neg_integer(),
          messages: non_neg_integer(),
          unchanged: non_neg_integer(),
          bad: non_neg_integer(),
          room: String.t() | nil,
          inserted: %{optional(atom()) => non_neg_integer()}
        }
end
