defmodule AshChat.Adopt.Source do
  @moduledoc """
  The file that is adopted, opened to read only. Its values are read as they are stored, whatever
  the types of its columns say.
  """

  alias AshRusqlite.Repo.Reads

  @type t :: pid()

  @doc "Opens a file for a function. A file that is no SQLite database is an error."
  @spec with_open(Path.t(), (t() -> result)) :: result | {:error, AshRusqlite.Error.t()}
        when result: term()
  def with_open(path, fun) do
    options = [database: path, read_only: true, create: false]

    with {:ok, source} <- AshRusqlite.Repo.start_link(options) do
      try do
        fun.(source)
      after
        AshRusqlite.Repo.stop(source)
      end
    end
  end

  @doc "Whether it has a table."
  @spec table?(t(), atom()) :: boolean()
  def table?(source, table), do: columns(source, table) != []

  @doc "The columns of a table, `[]` where there is none."
  @spec columns(t(), atom()) :: [String.t()]
  def columns(source, table) do
    sql = "SELECT name FROM pragma_table_info(?)"
    source |> Reads.query!(sql, [to_string(table)]) |> Map.fetch!(:rows) |> Enum.map(&hd/1)
  end

  @doc "How many rows a table has."
  @spec count(t(), atom()) :: non_neg_integer()
  def count(source, table), do: Reads.count(source, table)

  @doc "The rows of a table in batches, as maps by the names of the columns."
  @spec rows(t(), atom(), pos_integer()) :: Enumerable.t()
  def rows(source, table, batch) do
    names = columns(source, table)
    # The sign lets SQLite forget the type of the column.
    values = Enum.map_join(names, ", ", &"+#{quoted(&1)}")
    order = if "rowid" in names, do: "_rowid_", else: "rowid"

    sql =
      "SELECT #{order}, #{values} FROM #{quoted(table)} WHERE #{order} > ? ORDER BY #{order} LIMIT #{batch}"

    # No rowid is less.
    Stream.unfold(-9_223_372_036_854_775_808, fn last ->
      case Reads.query!(source, sql, [last], timeout: :infinity).rows do
        [] -> nil
        rows -> {Enum.map(rows, &row(&1, names)), hd(List.last(rows))}
      end
    end)
  end

  defp row([_rowid | values], names), do: names |> Enum.zip(values) |> Map.new()

  defp quoted(name), do: ~s("#{String.replace(to_string(name), "\"", "\"\"")}")
end
