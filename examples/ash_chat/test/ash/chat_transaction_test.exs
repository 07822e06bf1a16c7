defmodule AshChat.ChatTransactionTest do
  # What belongs together is written together or not at all: transactions, hooks, bulk
  # actions.
  use AshChat.Case, async: true

  import AshChat.Entities

  alias AshChat.{AgentCard, AgentMembership, Message, Profile, Room, RoomMembership, User}

  require Ash.Query

  describe "a transaction over several resources" do
    test "is all there after its commit, and unseen by others before", %{repo: repo} do
      result =
        Ash.transaction([Room, Message], fn ->
          room = open_room!()
          assert [_] = Room.list!()
          assert Ash.DataLayer.in_transaction?(Message)
          assert seen_elsewhere(repo) == 0
          room
        end)

      assert {:ok, %Room{}} = result
      refute Ash.DataLayer.in_transaction?(Message)
      assert counts() == [1, 1, 1, 1, 1]
      assert seen_elsewhere(repo) == 1
    end

    test "leaves nothing after a rollback or an exception" do
      assert {:error, %Ash.Error.Unknown.UnknownError{error: error}} =
               Ash.transaction([Room, Message], fn ->
                 open_room!()
                 Ash.DataLayer.rollback(Message, :no)
               end)

      assert error =~ ":no"

      assert counts() == [0, 0, 0, 0, 0]

      assert_raise RuntimeError, "stop", fn ->
        Ash.transaction([Room, Message], fn ->
          open_room!()
          raise "stop"
        end)
      end

      assert counts() == [0, 0, 0, 0, 0]
    end

    test "is taken back with the first action that fails, and says why" do
      assert {:error, %Ash.Error.Invalid{}} =
               result =
               Ash.transaction([Room, Message], fn ->
                 room = open_room!()
                 [user] = User.list!()
                 RoomMembership.create!(%{room_id: room.id, user_id: user.id})
               end)

      assert [{:room_id, "is in this room already"}, {:user_id, _}] = fields(result)
      assert counts() == [0, 0, 0, 0, 0]
    end

    defp open_room! do
      {room, ann, bot} = {room!(), user!(), agent!()}
      join!(room, ann)
      message!(room, %{user_id: ann.id, agent_card_id: bot.id})
      room
    end

    defp counts, do: Enum.map([Room, User, AgentCard, RoomMembership, Message], &Ash.count!/1)

    defp seen_elsewhere(repo) do
      Task.async(fn ->
        Repo.put_dynamic_repo(repo)
        length(Room.list!())
      end)
      |> Task.await()
    end
  end

  describe "an action's hooks" do
    test "run in its transaction, after_transaction when it is durable", %{repo: repo} do
      test = self()

      create(fn changeset ->
        changeset
        |> Ash.Changeset.before_action(&notify(&1, test, :before_action))
        |> Ash.Changeset.after_action(fn _changeset, message ->
          send(test, {:after_action, Ash.DataLayer.in_transaction?(Message), elsewhere(repo)})
          {:ok, message}
        end)
        |> Ash.Changeset.after_transaction(fn _changeset, result ->
          send(
            test,
            {:after_transaction, Ash.DataLayer.in_transaction?(Message), elsewhere(repo)}
          )

          result
        end)
      end)

      assert_received {:before_action, true}
      # The message is there for the transaction alone.
      assert_received {:after_action, true, 0}
      assert_received {:after_transaction, false, 1}
    end

    test "take the row back with them when they fail" do
      room = room!()

      failing = fn changeset ->
        Ash.Changeset.after_action(changeset, fn _changeset, message ->
          Room.update!(room, %{title: message.content})
          {:error, Ash.Error.Changes.InvalidAttribute.exception(field: :content, message: "no")}
        end)
      end

      assert fields(create(failing)) == [{:content, "no"}]
      assert Message.list!() == []
      assert %{title: "Kitchen"} = Room.get_by_id!(room.id)
    end

    test "that raise take it back, too, and after_transaction receives the error" do
      assert_raise Ash.Error.Unknown, ~r/stop/, fn ->
        create(&Ash.Changeset.after_action(&1, fn _changeset, _message -> raise "stop" end))
      end

      assert Message.list!() == []
      test = self()

      result =
        create(fn changeset ->
          changeset
          |> Ash.Changeset.after_action(fn _changeset, _message -> {:error, "no"} end)
          |> Ash.Changeset.after_transaction(fn _changeset, result ->
            send(test, {:after_transaction, elem(result, 0), Ash.count!(Message)})
            result
          end)
        end)

      assert {:error, %Ash.Error.Invalid{}} = result
      assert_received {:after_transaction, :error, 0}
    end

    test "of the default profile leave the old one when the new one fails" do
      [local, other] = [profile!(), profile!(%{name: "other"})]
      Profile.set_as_default!(local)

      result =
        other
        |> Ash.Changeset.for_update(:set_as_default)
        |> Ash.Changeset.after_action(fn _changeset, _profile -> {:error, "no"} end)
        |> Ash.update()

      assert {:error, _} = result
      assert Profile.default!().id == local.id
    end

    defp create(hooks) do
      Message
      |> Ash.Changeset.for_create(:create_text_message, %{content: "Hi", room_id: room!().id})
      |> hooks.()
      |> Ash.create()
    end

    defp notify(changeset, test, what) do
      send(test, {what, Ash.DataLayer.in_transaction?(Message)})
      changeset
    end

    defp elsewhere(repo) do
      fn ->
        Repo.put_dynamic_repo(repo)
        Ash.count!(Message)
      end
      |> Task.async()
      |> Task.await()
    end
  end

  describe "in bulk" do
    test "creates are all there, in their order, or none is" do
      room = room!()
      inputs = for n <- 1..250, do: %{content: "#{n}", room_id: room.id}

      result =
        Ash.bulk_create(inputs, Message, :create_text_message,
          return_records?: true,
          sorted?: true,
          return_errors?: true
        )

      assert %{status: :success, error_count: 0} = result
      assert Enum.map(result.records, & &1.content) == Enum.map(inputs, & &1.content)
      assert Ash.count!(Message) == 250

      nowhere = Ash.UUID.generate()
      bad = [%{content: "good", room_id: room.id}, %{content: "bad", room_id: nowhere}]

      refused =
        Ash.bulk_create(bad, Message, :create_text_message,
          return_errors?: true,
          stop_on_error?: true,
          transaction: :all
        )

      # In which form it is reported depends on the release of Ash.
      refute match?(%{status: :success}, refused)
      assert inspect(refused) =~ ~s(field: :room_id, message: "does not exist")
      assert Ash.count!(Message) == 250
    end

    test "updates change what the query finds, with atomics and without" do
      {room, other} = {room!(), room!()}
      for n <- 1..5, do: message!(room, %{content: "#{n}"})
      message!(other)

      result =
        Message
        |> Ash.Query.filter(room_id == ^room.id and content in ["2", "4"])
        |> Ash.bulk_update(:update, %{metadata: %{"pinned" => true}},
          strategy: [:atomic],
          return_records?: true,
          return_errors?: true
        )

      assert %{status: :success, records: records} = result
      assert Enum.sort(Enum.map(records, & &1.content)) == ["2", "4"]
      pinned = Enum.filter(Message.list!(), &(&1.metadata == %{"pinned" => true}))
      assert Enum.sort(ids(pinned)) == Enum.sort(ids(records))

      # The check of a user's address is Elixir: such an update goes row by row.
      for name <- ["ann", "bob"], do: user!(%{name: name})

      assert %{status: :success} =
               Ash.bulk_update(User, :update, %{email: "a@b"},
                 strategy: [:stream],
                 return_errors?: true
               )

      assert Enum.map(User.list!(), & &1.email) == ["a@b", "a@b"]

      assert %{error_count: 2} =
               Ash.bulk_update(User, :update, %{email: "ab"}, strategy: [:stream])

      assert Enum.map(User.list!(), & &1.email) == ["a@b", "a@b"]
    end

    test "a toggle is of what each row has" do
      room = room!()
      on = seat!(room, agent!())
      off = seat!(room, agent!(), %{auto_respond: false})

      AgentMembership
      |> Ash.Query.filter(room_id == ^room.id)
      |> Ash.bulk_update!(:toggle_auto_respond, %{}, strategy: [:atomic])

      assert [false, true] = Enum.map([on, off], &AgentMembership.get_by_id!(&1.id).auto_respond)
    end

    test "destroys take what the query finds, and what belongs to it" do
      {room, other} = {room!(), room!(%{title: "Garden"})}
      for _ <- 1..3, do: message!(room)
      kept = message!(other)

      assert %{status: :success} =
               Room
               |> Ash.Query.filter(title == "Kitchen")
               |> Ash.bulk_destroy(:destroy, %{}, return_errors?: true)

      assert ids(Room.list!()) == [other.id]
      assert ids(Message.list!()) == [kept.id]
      assert %{status: :success} = Ash.bulk_destroy(Message, :destroy, %{}, strategy: [:stream])
      assert Message.list!() == []
    end
  end
end
