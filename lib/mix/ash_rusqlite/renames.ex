defmodule Mix.AshRusqlite.Renames do
  @moduledoc false
  # Whether something new is something old under another name: the options say so, or the person at the
  # terminal. It is never guessed, since a wrong guess loses what is stored.

  @typedoc "A question of `AshRusqlite.Repo.Generator.generate/3`."
  @type question :: %{
          kind: :table | :column,
          table: String.t() | nil,
          to: String.t(),
          from: [String.t()]
        }

  @typedoc "An option of that function, and one of its values."
  @type answer :: {:rename_tables | :rename_columns | :not_renamed, tuple()}

  @doc "The options of the generator that the switches give."
  @spec given(keyword()) :: keyword()
  def given(opts) do
    [
      rename_tables: opts |> Keyword.get_values(:rename_table) |> Enum.map(&table/1),
      rename_columns: opts |> Keyword.get_values(:rename_column) |> Enum.map(&column/1)
    ]
  end

  defp table(text) do
    case String.split(text, ":") do
      [from, to] when from != "" and to != "" -> {from, to}
      _ -> Mix.raise("--rename-table #{text} is not understood: give --rename-table from:to")
    end
  end

  defp column(text) do
    with [place, to] when to != "" <- String.split(text, ":"),
         [table, from] when table != "" and from != "" <- String.split(place, ".") do
      {table, from, to}
    else
      _ ->
        Mix.raise("--rename-column #{text} is not understood: give --rename-column table.from:to")
    end
  end

  @doc "Answers questions by `--no-renames`, or by asking; raises where there is no terminal to ask at."
  @spec answer([question()], keyword()) :: [answer()]
  def answer(questions, opts) do
    cond do
      opts[:renames] == false or opts[:check] -> Enum.map(questions, &no/1)
      terminal?() -> Enum.map(questions, &ask/1)
      true -> Mix.raise(options(questions))
    end
  end

  @doc "Answers questions by what was answered before, else by no."
  @spec from([question()], keyword()) :: [answer()]
  def from(questions, answers) do
    for question <- questions do
      Enum.find_value(question.from, no(question), fn from ->
        {key, renamed} = yes(question, from)
        if renamed in Keyword.get(answers, key, []), do: {key, renamed}
      end)
    end
  end

  @doc "Whether there is a terminal to ask at."
  @spec terminal?() :: boolean()
  def terminal? do
    Mix.shell() not in [Mix.Shell.IO, Mix.Shell.Quiet] or match?({:ok, _}, :io.columns())
  end

  defp ask(question) do
    choices = Enum.with_index(question.from, 1)

    lines = for {from, number} <- choices, do: "  #{number}. #{place(question, from)}, renamed\n"

    answer =
      Mix.shell().prompt(
        "#{kind(question)} #{place(question, question.to)} is not in the migrations, and what may have been " <>
          "it is no longer wanted. Is it\n#{lines}  0. a new #{question.kind}\nNumber:"
      )

    number = if is_binary(answer), do: answer |> String.trim() |> Integer.parse(), else: answer

    case number do
      {0, ""} ->
        no(question)

      {number, ""} when number > 0 and number <= length(choices) ->
        yes(question, Enum.at(question.from, number - 1))

      _ when is_binary(answer) ->
        ask(question)

      # The input ended.
      _ ->
        Mix.raise(options([question]))
    end
  end

  defp yes(%{kind: :table, to: to}, from), do: {:rename_tables, {from, to}}
  defp yes(%{kind: :column, table: table, to: to}, from), do: {:rename_columns, {table, from, to}}

  defp no(%{kind: :table, to: to}), do: {:not_renamed, {:table, to}}
  defp no(%{kind: :column, table: table, to: to}), do: {:not_renamed, {:column, table, to}}

  defp kind(%{kind: :table}), do: "The table"
  defp kind(%{kind: :column}), do: "The column"

  defp place(%{kind: :table}, name), do: name
  defp place(%{kind: :column, table: table}, name), do: "#{table}.#{name}"

  defp options(questions) do
    lines =
      for question <- questions do
        choices = Enum.map_join(question.from, " or ", &"    #{switch(question, &1)}\n")

        "  * #{kind(question)} #{place(question, question.to)} is new. If it was renamed:\n#{choices}"
      end

    """
    what is new may be something old under another name, and nobody can be asked here:

    #{lines}
    Give the options for what was renamed, and --no-renames for the rest.
    """
  end

  defp switch(%{kind: :table, to: to}, from), do: "--rename-table #{from}:#{to}"

  defp switch(%{kind: :column, table: table, to: to}, from),
    do: "--rename-column #{table}.#{from}:#{to}"
end
