defmodule AshRusqlite.DataLayer.TimeoutTruthTest do
  # "Nothing of a write that timed out was written", of Ash's actions, whatever they are.
  use ExUnit.Case, async: true

  require Ash.Query

  defmodule Domain do
    use Ash.Domain, otp_app: :ash_rusqlite, validate_config_inclusion?: false

    resources do
      resource(AshRusqlite.DataLayer.TimeoutTruthTest.Note)
    end
  end

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_timeout_truth_test
  end

  defmodule Note do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo(Repo)
      table("notes")
    end

    attributes do
      attribute(:id, :string, primary_key?: true, allow_nil?: false, public?: true)
      attribute(:text, :string, public?: true)
    end

    actions do
      defaults([:read, :destroy, create: [:id, :text], update: [:text]])

      create :hooked do
        accept([:id, :text])
        change(after_action(fn _changeset, record, _context -> {:ok, record} end))
      end

      update :in_elixir do
        accept([:text])
        require_atomic?(false)
      end

      create :with_many do
        accept([:id])

        change(
          after_action(fn _changeset, record, _context ->
            inputs = for i <- 1..100, do: %{id: "#{record.id}/#{i}", text: "many"}
            options = [max_concurrency: 10, batch_size: 10, return_errors?: true]
            %{status: :success} = Ash.bulk_create(inputs, __MODULE__, :create, options)

            query = Ash.Query.filter(__MODULE__, text == "many")
            options = [strategy: :stream] ++ options
            %{status: :success} = Ash.bulk_update(query, :in_elixir, %{text: "more"}, options)
            {:ok, record}
          end)
        )
      end
    end
  end

  setup do
    start_supervised!({Repo, database: ":memory:", auto_migrate: true})
    assert Ash.read!(Note) == []
    :ok
  end

  # Holds the writer again and again, so that some of the others do not get it in time.
  defp hold do
    start_supervised!(
      {Task,
       fn ->
         fn ->
           Repo.transaction(fn ->
             Repo.count(:notes)
             Process.sleep(15)
           end)

           Process.sleep(5)
         end
         |> Stream.repeatedly()
         |> Stream.run()
       end}
    )
  end

  # 20 processes that do 50 things each: what each of them was answered.
  defp answers(act) do
    1..20
    |> Enum.map(fn process ->
      Task.async(fn -> for i <- 1..50, do: {"#{process}-#{i}", act.("#{process}-#{i}")} end)
    end)
    |> Task.await_many(:infinity)
    |> Enum.concat()
  end

  defp ids(answers, acknowledged?) do
    for {id, answer} <- answers,
        acknowledged?(answer) == acknowledged?,
        into: MapSet.new(),
        do: id
  end

  defp acknowledged?(:ok), do: true
  defp acknowledged?({:ok, _}), do: true
  defp acknowledged?(%Ash.BulkResult{status: :success}), do: true

  # Ash notes a success before the commit, so that one row which the commit refused is
  # a partial success of none. The errors count.
  defp acknowledged?(%Ash.BulkResult{status: status, errors: errors})
       when status in [:error, :partial_success],
       do: acknowledged?({:error, Ash.Error.to_error_class(errors)})

  defp acknowledged?({:error, %{errors: [%Ash.Error.Invalid.Timeout{}]}}), do: false

  defp stored(text \\ nil) do
    for note <- Ash.read!(Note), text in [nil, note.text], into: MapSet.new(), do: note.id
  end

  for action <- [:create, :hooked] do
    test "the rows are those of the 1,000 creates by :#{action} that were not timed out" do
      hold()

      answers = answers(&Ash.create(Note, %{id: &1}, action: unquote(action), timeout: 10))

      assert stored() == ids(answers, true)
      assert MapSet.size(ids(answers, false)) > 0
    end
  end

  test "the rows are those of the 1,000 bulk creates that were not timed out" do
    hold()

    answers =
      answers(
        &Ash.bulk_create([%{id: &1}], Note, :create,
          timeout: 10,
          max_concurrency: 4,
          return_errors?: true
        )
      )

    assert stored() == ids(answers, true)
    assert MapSet.size(ids(answers, false)) > 0
  end

  for action <- [:update, :in_elixir] do
    test "what changed is what the 1,000 updates by :#{action} changed that were not timed out" do
      notes = rows()
      hold()

      answers =
        answers(&Ash.update(notes[&1], %{text: "new"}, action: unquote(action), timeout: 10))

      assert stored("new") == ids(answers, true)
      assert MapSet.size(ids(answers, false)) > 0
    end
  end

  test "what is left is what the 1,000 destroys that timed out had left" do
    notes = rows()
    hold()
    answers = answers(&Ash.destroy(notes[&1], timeout: 10))

    assert stored() == ids(answers, false)
    assert MapSet.size(ids(answers, false)) > 0
  end

  test "what is left is what the 1,000 bulk destroys that timed out had left" do
    rows()
    hold()
    answers = answers(&destroy_by_query/1)

    assert stored() == ids(answers, false)
    assert MapSet.size(ids(answers, false)) > 0
  end

  # Ash raises the error of the read that finds the rows.
  defp destroy_by_query(id) do
    Ash.bulk_destroy(Ash.Query.filter(Note, id == ^id), :destroy, %{},
      timeout: 10,
      strategy: :stream,
      return_errors?: true
    )
  rescue
    error in Ash.Error.Invalid -> {:error, error}
  end

  test "a bulk action with max_concurrency in a hook is a part of the hook's transaction" do
    assert {:ok, _} = Ash.create(Note, %{id: "a"}, action: :with_many)
    assert MapSet.size(stored("more")) == 100

    assert {:error, %{error: "unknown error: :taken_back"}} =
             Ash.transaction(Note, fn ->
               Ash.create!(Note, %{id: "b"}, action: :with_many)
               Ash.DataLayer.rollback(Note, :taken_back)
             end)

    assert MapSet.size(stored()) == 101
  end

  defp rows do
    inputs = for process <- 1..20, i <- 1..50, do: %{id: "#{process}-#{i}", text: "old"}
    result = Ash.bulk_create!(inputs, Note, :create, return_records?: true)
    Map.new(result.records, &{&1.id, &1})
  end
end
