defmodule AshChat.Demo.VerifyTest do
  # The check of the demo must notice each way of losing something, so each is done to it here.
  use AshChat.Case, async: true

  alias AshChat.Demo.{Script, Verify, Writer}

  doctest Script

  @count 23

  setup do
    script = Script.new(2)
    Writer.begin!(script)
    for writer <- 1..2, number <- 1..@count, do: :ok = Writer.write(script, writer, number)
    {:ok, script: script, all: %{1 => @count, 2 => @count}}
  end

  defp id(script, key), do: Script.id(script, 1, key)

  defp lost(script, acknowledged) do
    result = Verify.run(script, acknowledged)
    assert result.acknowledged == acknowledged |> Map.values() |> Enum.sum()
    assert result.recovered == result.acknowledged - result.lost
    assert result.problem_count > 0
    assert length(result.problems) == min(result.problem_count, 10)
    {result.lost, Enum.join(result.problems, "\n")}
  end

  test "all is well when all is there", %{script: script, all: all} do
    assert Verify.run(script, all) == %Verify{
             acknowledged: 2 * @count,
             recovered: 2 * @count,
             lost: 0
           }
  end

  test "the write under way may be there, or not", %{script: script} do
    for number <- 1..12 do
      count = @count + number - 1
      assert %{lost: 0, problem_count: 0} = Verify.run(script, %{1 => count, 2 => @count})
      :ok = Writer.write(script, 1, count + 1)
      assert %{lost: 0, problem_count: 0} = Verify.run(script, %{1 => count, 2 => @count})
    end
  end

  test "more than the write under way is noticed", %{script: script} do
    assert Verify.run(script, %{1 => @count - 2, 2 => @count}).problem_count > 0
  end

  test "a writer of whom nothing was acknowledged is checked as well", %{script: script} do
    assert {0, problems} = lost(script, %{1 => @count})
    assert problems =~ "writer 2 never wrote the row"
  end

  test "a missing row is noticed", %{script: script, all: all} do
    # Inserted by the first write, changed by the fourth.
    Repo.delete!(:messages, id(script, {:message, 0, 0}))
    assert {2, problems} = lost(script, all)
    assert problems =~ "write 1 of writer 1"
    assert problems =~ "write 4 of writer 1"
  end

  test "a missing row of several that were written at once is noticed", %{
    script: script,
    all: all
  } do
    Repo.delete!(:messages, id(script, {:message, 1, 4}))
    assert {2, problems} = lost(script, all)
    assert problems =~ "write 15 of writer 1"
  end

  test "a lost change leaves the row as it was before", %{script: script, all: all} do
    key = {:message, 0, 0}
    Repo.update!(:messages, id(script, key), Script.row(script, 1, key, 1) |> Map.delete(:id))
    assert {1, problem} = lost(script, all)
    assert problem =~ "write 4 of writer 1 ({:message, 0, 0}) is lost"
    assert problem =~ "the row is as after write 1"
  end

  test "one character that is another one is noticed in any column", %{script: script, all: all} do
    id = id(script, {:message, 0, 7})
    row = Repo.get!(:messages, id)

    for {column, value} <- [
          content: row.content <> " ",
          content: String.slice(row.content, 0..-2//1),
          metadata: Map.put(row.metadata, "version", 2),
          image_data: binary_part(row.image_data, 0, 511),
          image_url: "x",
          role: "system",
          user_id: Script.id(script, 2, :user),
          updated_at: DateTime.add(row.updated_at, 1, :microsecond)
        ] do
      Repo.update!(:messages, id, [{column, value}])
      assert {1, problem} = lost(script, all)
      assert problem =~ "write 9 of writer 1"
      Repo.update!(:messages, id, Map.delete(row, :id))
    end

    assert %{lost: 0, problem_count: 0} = Verify.run(script, all)
  end

  test "a deleted row that is back is noticed", %{script: script, all: all} do
    key = {:message, 1, 2}
    Repo.insert!(:messages, Script.row(script, 1, key, 1))
    assert {1, problem} = lost(script, all)
    assert problem =~ "write 17 of writer 1"
  end

  test "an upsert or an update of a transaction that is lost is noticed", %{
    script: script,
    all: all
  } do
    for {key, number, before} <- [{:user, 16, 6}, {:membership, 22, 12}] do
      row = Script.row(script, 1, key, before) |> Map.delete(:id)
      Repo.update!(Script.table(key), id(script, key), row)
      {lost, problem} = lost(script, all)
      assert lost >= 1
      assert problem =~ "write #{number} of writer 1 (#{inspect(key)}) is lost"
    end
  end

  test "half of a transaction that was not acknowledged is noticed" do
    script = Script.new(1)
    Writer.begin!(script)
    for number <- 1..11, do: :ok = Writer.write(script, 1, number)
    assert %{problem_count: 0} = Verify.run(script, %{1 => 11})

    # Write 12 is this message and the time when its writer was last seen.
    key = {:message, 1, 1}
    Repo.insert!(:messages, Script.row(script, 1, key, 1))
    assert {0, problem} = lost(script, %{1 => 11})
    assert problem =~ "write 12 of writer 1 is there by half"

    Repo.update!(:messages, id(script, key), content: "Half")
    assert {0, problem} = lost(script, %{1 => 11})
    assert problem =~ "left a row that nobody wrote"
  end

  test "a row that a savepoint had taken back is noticed", %{script: script, all: all} do
    key = Script.taken_back(18)
    Repo.insert!(:messages, Script.row(script, 1, key, 1))
    assert {0, problem} = lost(script, all)
    assert problem =~ "never wrote the row #{id(script, key)}"
  end

  test "the loss of everything is noticed", %{script: script, all: all} do
    Repo.delete_all(:messages)
    Repo.delete_all(:users)
    # Two messages of each writer had been inserted and deleted again: these four writes left
    # nothing that could be missing.
    assert {lost, _} = lost(script, all)
    assert lost == 2 * (@count - 4)
  end
end
