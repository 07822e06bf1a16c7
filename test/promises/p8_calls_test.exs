defmodule AshRusqlite.P8CallsTest do
  @moduledoc false
  # P8: whatever a function of the repo is given, it answers with a typed error or does what
  # it says. The native functions are given random terms in p8_nif_soak_test.exs.
  use AshRusqlite.Case, async: true

  # Terms that are wrong in most places, and some that are right in some.
  @terms [
    nil,
    true,
    :rooms,
    :id,
    "rooms",
    <<255>>,
    <<1::3>>,
    0,
    -1,
    5_000_000_000,
    10 ** 30,
    1.5,
    [],
    [:id],
    [1 | 2],
    [{:id, 1} | :tail],
    [{:id, 1}, :tail],
    [id: "x"],
    [id: [1 | 2]],
    [where: [[{:id, 1} | 5]]],
    [set: [{:title, "x"} | :tail]],
    [set: [title: "x"]],
    [returning: [:id | :title]],
    [on_conflict: {:replace, [:id | 1]}, conflict_target: [1 | 2]],
    [timeout: 5_000_000_000],
    [timeout: 10 ** 40],
    [timeout: :infinity],
    %{},
    %{1 => 2},
    %{id: %{id: {}}},
    %{__struct__: 5},
    ~D[2026-01-02],
    {},
    {:key, [1 | 2]},
    {:and, [1 | 2]},
    {:not, {:not, {:or, :x}}},
    {:id, :in, [1 | 2]},
    {:id, :==, {1, [2 | 3]}},
    ["where", %{}]
  ]

  test "every function of the repo answers any terms with a value or a typed error", %{
    repo: repo,
    tmp_dir: folder
  } do
    insert_examples(%{repo: repo})

    functions =
      for {name, arity} <- AshRusqlite.Repo.behaviour_info(:callbacks),
          name not in ~w(init start_link stop put_dynamic_repo rollback config)a,
          do: {name, arity}

    :rand.seed(:exsss, {1, 2, 3})

    for {name, arity} <- functions, arity > 0, n <- 1..120 do
      # All wrong, or one wrong thing behind what is right.
      arguments =
        if rem(n, 2) == 0,
          do: for(_ <- 1..arity, do: Enum.random(@terms)),
          else: [:rooms | for(_ <- 2..arity//1, do: Enum.random(@terms))]

      check(name, Enum.map(arguments, &place(name, &1, folder)))
    end

    # What was done was done as asked, and the repo goes on.
    assert {:ok, _} = Repo.insert(:messages, room_id: nil, content: "x") |> refused_or_ok()
    assert is_integer(Repo.count(:rooms))
    assert {:ok, []} = Repo.check()
    assert Process.info(self(), :messages) == {:messages, []}
  end

  # What would be a path is one in the test's own folder.
  defp place(name, "rooms", folder) when name in [:backup, :backup!, :restore, :restore!],
    do: Path.join(folder, "rooms")

  defp place(_name, argument, _folder), do: argument

  defp check(name, arguments) do
    apply(Repo, name, arguments) |> consume()
  rescue
    error in Error ->
      assert_typed(error)

    # The function of a transaction runs in the calling process, and must be a function.
    error in FunctionClauseError ->
      assert error.function == :bind and
               name in [:transaction, :savepoint, :transact, :with_actor]
  else
    {:error, error} -> assert_typed(error)
    _ -> :ok
  catch
    kind, reason -> flunk("#{name}(#{inspect(arguments)}): #{inspect({kind, reason})}")
  end

  # A stream calls the repo only when it is read.
  defp consume(stream) when is_function(stream), do: Enum.take(stream, 3)
  defp consume(%Stream{} = stream), do: Enum.take(stream, 3)
  defp consume(other), do: other

  defp assert_typed(error) do
    assert %Error{code: code, message: message, details: %{}} = error
    assert code in Keyword.keys(Error.codes()) and code != :internal
    assert String.valid?(message) and message != ""
  end

  defp refused_or_ok({:error, %Error{code: :not_null_violation} = error}), do: {:ok, error}
  defp refused_or_ok(other), do: other
end
