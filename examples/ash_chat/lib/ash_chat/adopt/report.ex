defmodule AshChat.Adopt.Report do
  @moduledoc "What was taken of a file, and what could not be."

  defstruct taken: %{},
            there: %{},
            refused: %{},
            lost: %{},
            changed: %{},
            made: %{},
            missing: [],
            unknown: []

  @typedoc """
    * `taken` - the rows that were inserted, by table
    * `there` - those whose ids were in the database already, which stay as they are
    * `refused` - those that could not be read
    * `lost` - references to rows that nobody has, now nil, by `table.column`
    * `changed` - values that could not be read and were left out, by `table.column`
    * `made` - the memberships that follow from the messages
    * `missing` - the tables that the file does not have
    * `unknown` - the columns of the file that the chat does not have, as `table.column`
  """
  @type t :: %__MODULE__{
          taken: counts(),
          there: counts(),
          refused: counts(),
          lost: counts(),
          changed: counts(),
          made: counts(),
          missing: [atom()],
          unknown: [String.t()]
        }

  @typep counts :: %{optional(atom() | String.t()) => pos_integer() | non_neg_integer()}

  @doc """
  The report as lines for a person.

      iex> AshChat.Adopt.Report.lines(%AshChat.Adopt.Report{taken: %{users: 2}, lost: %{"messages.user_id" => 1}})
      ["taken: users 2", "references to nobody, now nil: messages.user_id 1"]
  """
  @spec lines(t()) :: [String.t()]
  def lines(%__MODULE__{} = report) do
    counted = [
      {"taken", report.taken},
      {"there already, left as they are", report.there},
      {"could not be taken", report.refused},
      {"references to nobody, now nil", report.lost},
      {"values that could not be read, left out", report.changed},
      {"memberships made from the messages", report.made}
    ]

    named = [
      {"the file has no table", Enum.map(report.missing, &to_string/1)},
      {"columns that the chat does not have, left out", report.unknown}
    ]

    for({what, counts} <- counted, text = counts(counts), text != "", do: "#{what}: #{text}") ++
      for {what, [_ | _] = names} <- named, do: "#{what}: #{Enum.join(names, ", ")}"
  end

  defp counts(counts) do
    counts
    |> Enum.reject(fn {_name, count} -> count == 0 end)
    |> Enum.sort_by(fn {name, _count} -> to_string(name) end)
    |> Enum.map_join(", ", fn {name, count} -> "#{name} #{count}" end)
  end
end
