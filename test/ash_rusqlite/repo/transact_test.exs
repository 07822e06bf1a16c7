defmodule AshRusqlite.Repo.TransactTest do
  # A transaction that what its function returns ends.
  use AshRusqlite.Case, async: true

  defp insert(id), do: Repo.insert(:rooms, %{id: id, title: id})

  test "transact commits when the function returns {:ok, value}" do
    assert {:ok, %{id: "attic"}} = Repo.transact(fn -> insert("attic") end)

    assert Repo.transact(fn repo -> {:ok, {repo, repo.in_transaction?()}} end) ==
             {:ok, {Repo, true}}

    assert Repo.count(:rooms) == 1
    refute Repo.in_transaction?()
  end

  test "transact rolls back when the function returns {:error, reason}" do
    result =
      Repo.transact(fn ->
        with {:ok, _} <- insert("attic"), do: insert("attic")
      end)

    assert {:error, %Error{code: :unique_violation}} = result
    assert Repo.transact(fn -> insert("hall") && {:error, :full} end) == {:error, :full}
    assert Repo.count(:rooms) == 0
  end

  test "anything else raises, and is rolled back" do
    for value <- [:ok, nil, {:ok, 1, 2}, %{}] do
      assert_raise ArgumentError, ~r/to return {:ok, value} or {:error, reason}/, fn ->
        Repo.transact(fn -> insert("attic") && value end)
      end
    end

    assert Repo.count(:rooms) == 0
  end

  test "a transact inside of another is a part of it" do
    assert {:ok, :outer} =
             Repo.transact(fn ->
               {:ok, _} = Repo.transact(fn -> insert("attic") end)
               {:ok, :outer}
             end)

    assert {:error, :rollback} =
             Repo.transact(fn ->
               {:error, :inner} = Repo.transact(fn -> insert("hall") && {:error, :inner} end)
               {:ok, :outer}
             end)

    assert Repo.count(:rooms) == 1
  end

  test "transact takes the options of a transaction" do
    assert {:error, %Error{code: :transaction_timeout}} =
             Repo.transact(fn -> Process.sleep(20) && insert("attic") end, timeout: 5)

    assert {:error, %Error{code: :invalid_option}} = Repo.transact(fn -> {:ok, 1} end, tiemout: 5)
  end
end
