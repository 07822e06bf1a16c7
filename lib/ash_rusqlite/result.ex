defmodule AshRusqlite.Result do
  @moduledoc """
  The result of `query` and `execute`.

    * `:columns` - the names of the columns, in the statement's order
    * `:rows` - the rows, each a list of values in that order
    * `:num_rows` - the number of rows; of `execute`, the number of rows that were written

  A column of a table has values of its declared type, such as `%DateTime{}`. A computed column has those
  of SQLite: integer, float, text or blob.
  """

  @enforce_keys [:columns, :rows, :num_rows]
  defstruct [:columns, :rows, :num_rows]

  @type t :: %__MODULE__{
          columns: [String.t()],
          rows: [[term()]],
          num_rows: non_neg_integer()
        }

  @doc """
  The rows as maps from column to value.

      iex> result = %AshRusqlite.Result{columns: ["n"], rows: [[1], [2]], num_rows: 2}
      iex> AshRusqlite.Result.to_maps(result)
      [%{"n" => 1}, %{"n" => 2}]
  """
  @spec to_maps(t()) :: [%{String.t() => term()}]
  def to_maps(%__MODULE__{columns: columns, rows: rows}) do
    Enum.map(rows, &Map.new(Enum.zip(columns, &1)))
  end
end
