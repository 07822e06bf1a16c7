defmodule AshRusqlite.DataLayer.TaskInHookTest do
  use ExUnit.Case, async: true

  import ExUnit.CaptureLog

  defmodule Domain do
    use Ash.Domain, otp_app: :ash_rusqlite, validate_config_inclusion?: false

    resources do
      resource(AshRusqlite.DataLayer.TaskInHookTest.Room)
    end
  end

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_task_in_hook_test
  end

  defmodule Room do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo(Repo)
      table("rooms")
    end

    attributes do
      attribute(:id, :integer, primary_key?: true, allow_nil?: false, public?: true)
    end

    actions do
      defaults([:read])

      create :announced do
        accept([:id])

        change(
          after_action(fn changeset, room, _context ->
            changeset.context.announce.(room)
            {:ok, room}
          end)
        )
      end
    end
  end

  setup do
    start_supervised!({Repo, database: ":memory:", auto_migrate: true})
    assert Ash.read!(Room) == []
    :ok
  end

  defp create(id, announce) do
    Room
    |> Ash.Changeset.new()
    |> Ash.Changeset.set_context(%{announce: announce})
    |> Ash.Changeset.for_create(:announced, %{id: id})
    |> Ash.create!()
  end

  test "a task that a hook starts reads the row, 200 times of 200" do
    test = self()

    for id <- 1..200 do
      create(id, fn room ->
        Task.start(fn -> send(test, {:seen, Ash.get!(Room, room.id, error?: false)}) end)
      end)

      assert_receive {:seen, %{id: ^id}}, 5_000
    end
  end

  test "a hook that waits for its task continues, and the task does not see the row" do
    test = self()

    log =
      capture_log(fn ->
        create(1, fn room ->
          send(
            test,
            {:seen, Task.await(Task.async(fn -> Ash.get!(Room, room.id, error?: false) end))}
          )
        end)
      end)

    assert_receive {:seen, nil}
    assert log =~ "after_transaction"
    assert [%{id: 1}] = Ash.read!(Room)
  end
end
