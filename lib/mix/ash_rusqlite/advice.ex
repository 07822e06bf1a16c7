defmodule Mix.AshRusqlite.Advice do
  @moduledoc false
  # What the tasks say of indexes that are missing, and of what no index sorts.

  @doc "The foreign keys that no index begins with, as lines; none where all have one."
  @spec foreign_keys([map()], String.t()) :: [String.t()]
  def foreign_keys([], _words), do: []

  def foreign_keys(keys, words) do
    heading =
      "#{words}: no index begins with these foreign keys, so that reads by them, and deletes of " <>
        "what they refer to, look at every row:"

    [heading | Enum.flat_map(keys, &foreign_key/1)]
  end

  defp foreign_key(%{table: table, columns: columns, references: references, index: index}),
    do: ["", "  #{table} (#{Enum.join(columns, ", ")}) refers to #{references}" | index(index)]

  @doc "The columns of times in other forms than their own, as lines."
  @spec other_forms([map()], String.t()) :: [String.t()]
  def other_forms([], _words), do: []

  def other_forms(columns, words) do
    heading =
      "#{words}: these columns hold times in other forms than the one that they are written in, so " <>
        "that no index sorts them. For a migration:"

    [heading | Enum.flat_map(columns, &column/1)]
  end

  defp column(%{rows: rows, left: left} = column) do
    place =
      "  #{column.table}, #{column.column}: #{rows} rows, such as #{inspect(column.example)}"

    left =
      if left == 0,
        do: [],
        else: [
          "    #{left} of them are left as they are: the form of the column would lose something " <>
            "of them, or they cannot be read"
        ]

    ["", place] ++ left ++ indented(column.statement)
  end

  defp indented(nil), do: []

  defp indented(statement),
    do: ["" | for(line <- String.split(statement, "\n"), do: "    #{line}")]

  @doc "The statements that scanned, as lines."
  @spec statements([map()], String.t()) :: [String.t()]
  def statements([], _words), do: []

  def statements(statements, words) do
    heading = "#{words}: these statements looked at more rows than an index would lead to:"
    [heading | Enum.flat_map(statements, &statement/1)]
  end

  defp statement(%{indexes: indexes} = statement) do
    %{runs: runs, full_scan_steps: steps, automatic_index_rows: automatic, rows: rows} = statement

    served =
      if indexes == [],
        do: ["    no index was found that its plan would use"],
        else: Enum.flat_map(indexes, &index/1)

    ["", "  #{runs} runs looked at #{steps + automatic} rows, for #{rows}:", ""] ++
      ["    #{statement.sql}", ""] ++ served
  end

  defp index(%{statement: statement} = index) do
    case index do
      %{resource: resource, custom_index: line} when resource != nil ->
        ["    #{inspect(resource)}, custom_indexes: #{line}", "    or #{statement};"]

      _ ->
        ["    #{statement};"]
    end
  end
end
