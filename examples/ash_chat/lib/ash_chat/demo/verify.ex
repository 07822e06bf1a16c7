defmodule AshChat.Demo.Verify do
  @moduledoc """
  Holds the database against the record of what was acknowledged.

  A writer whose writes 1 to k were acknowledged may have made write k + 1 as well: it was
  under way when the process was killed, and either happened whole or not at all. So each row
  must be in its newest acknowledged version or, if write k + 1 touches it, in the one
  after that, equal in every column.
  """

  alias AshChat.Demo.Script
  alias AshChat.Repo

  @shown 10

  defstruct acknowledged: 0, recovered: 0, lost: 0, problem_count: 0, problems: []

  @typedoc """
    * `acknowledged`, `recovered`, `lost` - counts of writes
    * `problem_count` - how many problems there are: lost writes by the row where it shows,
      writes that are there by half, rows that nobody can have written
    * `problems` - the first #{@shown} of them, as sentences
  """
  @type t :: %__MODULE__{
          acknowledged: non_neg_integer(),
          recovered: non_neg_integer(),
          lost: non_neg_integer(),
          problem_count: non_neg_integer(),
          problems: [String.t()]
        }

  @doc """
  Checks every write of a run. `acknowledged` has the number of acknowledged writes by writer,
  as `AshChat.Demo.Acknowledgements.read/1` gives it.
  """
  @spec run(Script.t(), %{optional(Script.writer()) => non_neg_integer()}) :: t()
  def run(script, acknowledged) do
    result =
      for writer <- 1..script.writers, reduce: %__MODULE__{} do
        result -> check_writer(script, writer, Map.get(acknowledged, writer, 0), result)
      end

    %{result | problems: Enum.reverse(result.problems)}
  end

  defp check_writer(script, writer, count, result) do
    histories = histories(count + 1)
    stored = stored(script, writer)

    states =
      for {key, history} <- histories, into: %{} do
        {key, state(script, writer, key, history, stored[Script.id(script, writer, key)])}
      end

    lost = for {key, state} <- states, n <- lost(state, histories[key], count), do: {n, key}
    lost_writes = lost |> Enum.map(fn {number, _key} -> number end) |> Enum.uniq() |> length()

    %{
      result
      | acknowledged: result.acknowledged + count,
        recovered: result.recovered + count - lost_writes,
        lost: result.lost + lost_writes
    }
    |> problems(for {number, key} <- lost, do: lost(writer, number, key, states[key]))
    |> problems(half_made(writer, count + 1, states))
    |> problems(unknown(script, writer, histories, stored))
  end

  # The versions of each row with the numbers of their writes, the newest first.
  defp histories(last) do
    beginning = for {key, version} <- Script.beginning(), into: %{}, do: {key, [{0, version}]}

    for number <- 1..last, {key, version} <- elem(Script.write(number), 1), reduce: beginning do
      histories ->
        Map.update(histories, key, [{number, version}, {0, nil}], &[{number, version} | &1])
    end
  end

  # The rows of a writer by their ids, which are unique over all tables.
  defp stored(script, writer) do
    user_id = Script.id(script, writer, :user)

    rows =
      Repo.all(:users, where: [id: user_id]) ++
        Repo.all(:room_memberships, where: [user_id: user_id]) ++
        Repo.all(:messages, where: [user_id: user_id])

    Map.new(rows, &{&1.id, &1})
  end

  # The number of the newest write whose version the row has.
  defp state(script, writer, key, history, row) do
    found =
      Enum.find(history, fn
        {_number, nil} -> row == nil
        {_number, version} -> row == Script.row(script, writer, key, version)
      end)

    case {found, row} do
      {{number, _version}, _row} -> {:at, number}
      {nil, nil} -> :missing
      {nil, _row} -> :altered
    end
  end

  defp lost(state, history, count) do
    at = with({:at, number} <- state, do: number, else: (_ -> 0))
    for {number, _version} <- history, number in 1..count//1, number > at, do: number
  end

  defp lost(writer, number, key, state) do
    found =
      case state do
        {:at, 0} -> "the row is as before the first write"
        {:at, at} -> "the row is as after write #{at}"
        :missing -> "the row is missing"
        :altered -> "the row is another one than was written"
      end

    "write #{number} of writer #{writer} (#{inspect(key)}) is lost: #{found}"
  end

  defp half_made(writer, number, states) do
    rows = for {key, _version} <- elem(Script.write(number), 1), do: {key, states[key]}

    case Enum.split_with(rows, fn {_key, state} -> state == {:at, number} end) do
      {[], rest} ->
        for {key, :altered} <- rest do
          "write #{number} of writer #{writer} (#{inspect(key)}) was not acknowledged, " <>
            "but left a row that nobody wrote"
        end

      {_made, []} ->
        []

      {[{made, _} | _], [{missing, _} | _]} ->
        [
          "write #{number} of writer #{writer} is there by half: #{inspect(made)} is, " <>
            "#{inspect(missing)} is not"
        ]
    end
  end

  defp unknown(script, writer, histories, stored) do
    known = for {key, _history} <- histories, do: Script.id(script, writer, key)
    for {id, _row} <- Map.drop(stored, known), do: "writer #{writer} never wrote the row #{id}"
  end

  defp problems(result, new) do
    room = @shown - length(result.problems)

    %{
      result
      | problem_count: result.problem_count + length(new),
        problems: Enum.reverse(Enum.take(new, room), result.problems)
    }
  end
end
