defmodule AshRusqlite.Event do
  @moduledoc """
  A change of one row of a journaled table, as the journal of the database has it.

    * `:seq` - its number in the journal, without gaps, from 1
    * `:type` - what happened, such as `"chat.message.created"`
    * `:source` - what it is about, such as `"room:kitchen"`, or nil
    * `:position` - its number among the events of its source, without gaps, from 1
    * `:actor` - who did it, such as `"user:ann"`, or nil
    * `:table` and `:key` - the row, by its table and its primary key; a list where that has
      several columns. Where a key was changed, it is the new one
    * `:operation` - `:insert`, `:update`, `:delete`, `:baseline` for a row that was there before the
      journal, or `:redact`
    * `:data` - of an insert or a baseline the row, of an update the columns that changed with their
      new values, of a delete the row as it was
    * `:old` - of an update what these columns held before, otherwise nil
    * `:transaction` - the seq of the first event of the same write or transaction
    * `:at` - when, in UTC with microseconds. It never goes back
    * `:action` and `:metadata` - by which action, and more about it, as the writer has said
    * `:journal` - which journal it is in, for `AshRusqlite.Journal.cursor/1`

  ## Values

  `:data` and `:old` are maps with the names of columns as atoms and values as
  `c:AshRusqlite.Repo.all/2` gives them. They are read by the types that the columns have today: what
  cannot be read as that is given as it is stored, and a column that is gone has its name as a string.
  What a table declares as sensitive is `:sensitive`, and what was redacted is `:redacted`.
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
