# A transaction holds the writer from its first statement on, which is the lock that a query can ask for. So
# actions that lock a row work as on AshPostgres.
defmodule AshRusqlite.LockTest do
  use ExUnit.Case, async: true

  require Ash.Query

  alias AshRusqlite.AnyDomain, as: Domain

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_lock_test
  end

  defmodule Counter do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      table("counters")
      repo(Repo)
    end

    actions do
      defaults([:read, create: [:id, :count], update: [:count]])

      update :increment do
        require_atomic?(false)
        change(get_and_lock_for_update())

        change(
          before_action(fn changeset, _context ->
            Ash.Changeset.force_change_attribute(changeset, :count, changeset.data.count + 1)
          end)
        )
      end
    end

    attributes do
      integer_primary_key(:id, writable?: true, public?: true)
      attribute(:count, :integer, allow_nil?: false, default: 0, public?: true)
    end
  end

  setup do
    start_supervised!(
      {Repo, database: ":memory:", auto_migrate: true, transaction_timeout: 60_000}
    )

    %{counter: Ash.create!(Counter, %{id: 1, count: 0})}
  end

  defp together(fun) do
    1..8 |> Enum.map(fn _ -> Task.async(fun) end) |> Task.await_many(60_000)
  end

  test "an action that gets and locks its row loses no update of another one", %{counter: counter} do
    together(fn -> Ash.update!(counter, %{}, action: :increment) end)
    assert Ash.get!(Counter, 1).count == 8
  end

  test "a row that a transaction has locked is changed by nobody else before its end" do
    together(fn ->
      Ash.transaction(Counter, fn ->
        counter = Ash.get!(Counter, 1, lock: :for_update)
        Process.sleep(2)
        Ash.update!(counter, %{count: counter.count + 1})
      end)
    end)

    assert Ash.get!(Counter, 1).count == 8
  end

  test "a lock in SQL is one as well, and what is none is refused" do
    for lock <- [:for_update, "FOR UPDATE", "FOR NO KEY UPDATE SKIP LOCKED"] do
      assert [%{count: 0}] = Counter |> Ash.Query.lock(lock) |> Ash.read!()
    end

    for lock <- [:for_ever, "UPDATE"] do
      assert {:error, %Ash.Error.Invalid{errors: [%Ash.Error.Query.LockNotSupported{}]}} =
               Counter |> Ash.Query.lock(lock) |> Ash.read()
    end
  end
end
