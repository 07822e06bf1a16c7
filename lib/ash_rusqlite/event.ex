defmodule AshRusqlite.Event do
  @moduledoc """
  A change of one row of a journaled table, as the journal of the database has it.

    * `:seq` - its number in the journal, without gaps, from 1
    * `:type` - what happened, such as `"chat.message.created"`
    * `:source` - what the event is about, such as `"room:kitchen"`, or nil
    * `:position` - its number among the events of its source, without gaps, from 1
    * `:actor` - who did it, such as `"user:ann"`, or nil
    * `:table` and `:key` - the row: its table and its primary key, or a list of the key's columns
      where it has several. Where the key was changed, it is the new one
    * `:operation` - `:insert`, `:update`, `:delete`, `:baseline` for a row that was there before the
      journal, or `:redact`
    * `:data` - for an insert or a baseline the row; for an update the columns that changed, with their
      new values; for a delete the row as it was
    * `:old` - for an update the values of these columns before it, otherwise nil
    * `:transaction` - the seq of the first event of the same write or transaction
    * `:at` - when, in UTC with microseconds. It is never before that of an earlier event
    * `:action` and `:metadata` - the action that made the change, and more about it, as given with the
      write
    * `:journal` - the journal that it is in, for `AshRusqlite.Journal.cursor/1`

  ## Values

  `:data` and `:old` are maps from the names of columns, as atoms, to values as
  `c:AshRusqlite.Repo.all/2` returns them. Values are read by the present types of the columns. A value
  that cannot be read as such is returned as it is stored, and the name of a column that is gone is a
  string. The value of a sensitive column is `:sensitive`, and one that was redacted is `:redacted`.
  """

  @fields [:seq, :type, :source, :position, :actor, :table, :operation, :key, :data, :old] ++
            [:transaction, :at, :action, :metadata, :journal]

  @enforce_keys @fields
  defstruct @fields

  @type t :: %__MODULE__{
          seq: pos_integer(),
          type: String.t(),
          source: String.t() | nil,
          position: pos_integer() | nil,
          actor: String.t() | nil,
          table: String.t(),
          operation: :insert | :update | :delete | :baseline | :redact,
          key: term(),
          data: %{optional(atom() | String.t()) => term()} | nil,
          old: %{optional(atom() | String.t()) => term()} | nil,
          transaction: pos_integer(),
          at: DateTime.t(),
          action: String.t() | nil,
          metadata: map() | nil,
          journal: String.t()
        }

  @operations Map.new(~w(insert update delete baseline redact)a, &{Atom.to_string(&1), &1})

  @doc false
  @spec of_row(map()) :: t()
  def of_row(%{operation: operation} = row) do
    # It has these keys, and no others.
    %{row | operation: Map.get(@operations, operation, operation)}
    |> Map.put(:__struct__, __MODULE__)
  end
end
