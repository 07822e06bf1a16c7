defmodule AshRusqlite.DataLayer.EngineErrorTest do
  # What the engine knows of an error reaches the callers of Ash.
  use ExUnit.Case, async: true

  alias Ash.Error.Invalid.Timeout
  alias AshRusqlite.DataLayer.EngineError
  alias AshRusqlite.Child

  defmodule Domain do
    use Ash.Domain, otp_app: :ash_rusqlite, validate_config_inclusion?: false

    resources do
      resource(AshRusqlite.DataLayer.EngineErrorTest.Room)
    end
  end

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_engine_error_test
  end

  defmodule Room do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo(Repo)
      table("rooms")
    end

    attributes do
      attribute(:id, :string, primary_key?: true, allow_nil?: false, public?: true)
      attribute(:title, :string, public?: true)
    end

    actions do
      defaults([:read, create: [:id, :title]])

      create :hooked do
        accept([:id])
        change(after_action(fn _changeset, room, _context -> {:ok, room} end))
      end
    end
  end

  defp start(options),
    do:
      start_supervised!({Repo, Keyword.merge([database: ":memory:", busy_timeout: 500], options)})

  # All the ways to create a room, each with what it said.
  defp creates do
    [
      Ash.create(Room, %{id: "a"}),
      Ash.create(Room, %{id: "a"}, action: :hooked),
      Ash.transaction(Room, fn -> Ash.create!(Room, %{id: "a"}) end),
      bulk(Ash.bulk_create([%{id: "a"}], Room, :create, return_errors?: true))
    ]
  rescue
    error -> [{:error, error}]
  end

  defp bulk(%{status: :error, errors: errors}), do: {:error, Ash.Error.to_error_class(errors)}

  defp inside({:error, error}) do
    %{errors: [inner]} = class = Ash.Error.to_error_class(error)
    {inner, Exception.message(class)}
  end

  test "a timeout says who held the writer, for how long, and how many wait" do
    start(auto_migrate: true)
    assert Ash.read!(Room) == []
    test = self()

    holder =
      start_supervised!(
        {Task,
         fn ->
           Repo.transaction(fn ->
             Repo.count(:rooms)
             send(test, :held)
             receive(do: (:go -> :ok))
           end)
         end}
      )

    assert_receive :held, 5_000
    held_by = "a transaction of #{inspect(holder)}"

    for answer <- creates() do
      assert {%Timeout{vars: vars}, message} = inside(answer)

      assert %{code: code, holder: ^held_by, waited_ms: _, held_ms: _, waiting: 0} = Map.new(vars)

      assert code in [:timeout, :transaction_timeout]
      assert message =~ held_by
      assert message =~ "0 more wait"
    end

    send(holder, :go)
  end

  @tag :tmp_dir
  test "a file that another program locks is :busy, in a transaction with hooks, too",
       context do
    path = Path.join(context.tmp_dir, "rooms.db")
    start(database: path, auto_migrate: true)
    assert Ash.read!(Room) == []
    child = Child.start!("hold_lock.exs", [path])
    Child.expect(child, "held")

    for answer <- creates() do
      assert {%EngineError{code: :busy, retryable?: true}, message} = inside(answer)

      assert message =~ "another process"
    end
  end

  test "a table that is left to migrations and not there is named with what makes it" do
    start(auto_migrate: false)

    for answer <- [Ash.read(Room), Ash.count(Room) | creates()] do
      assert {%EngineError{code: :unknown_table, details: %{table: "rooms"}}, message} =
               inside(answer)

      assert message =~ ~s(there is no table "rooms")
      assert message =~ "auto_migrate"
      assert message =~ "mix ash_rusqlite.migrate"
    end
  end

  test "a column that is left to migrations and not there is named with what makes it" do
    start(auto_migrate: false)
    spec = [table: "rooms", columns: [[name: "id", type: :text]], primary_key: ["id"]]
    {:ok, _} = AshRusqlite.Repo.Schema.ensure_table(Repo, spec)

    for answer <- [Ash.read(Room), Ash.create(Room, %{id: "a", title: "Attic"})] do
      assert {%EngineError{code: :unknown_column, details: %{column: "title"}}, message} =
               inside(answer)

      assert message =~ "a migration that adds it"
    end
  end
end
