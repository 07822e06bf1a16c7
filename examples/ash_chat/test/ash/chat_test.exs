defmodule AshChat.ChatTest do
  # Every action and read of the chat's resources.
  use AshChat.Case, async: true

  import AshChat.Entities

  alias AshChat.{AgentCard, AgentMembership, Message, Profile, Room, RoomMembership, User}

  @nobody "00000000-0000-4000-8000-000000000000"

  describe "users" do
    test "are shown by their name unless they say another, and are active" do
      assert %User{display_name: "ann", is_active: true, preferences: %{}} = user!()
      assert %User{display_name: "Ann B"} = user!(%{display_name: "Ann B"})
      assert fields(User.create(%{})) == [{:name, "Required"}]
    end

    test "are updated, deactivated, reactivated and destroyed" do
      user = user!(%{preferences: %{"theme" => "dark"}})

      changed = User.update!(user, %{email: "ann@example.org", preferences: %{"n" => [1, nil]}})
      assert %{email: "ann@example.org", preferences: %{"n" => [1, nil]}} = changed
      assert DateTime.compare(changed.updated_at, user.updated_at) == :gt
      assert changed.created_at == user.created_at
      assert attributes(User.get_by_id!(user.id)) == attributes(changed)

      assert fields(User.update(user, %{email: "ann"})) == [{:email, "is no e-mail address"}]

      assert %{is_active: false} = User.deactivate!(user)
      assert %{is_active: true} = User.reactivate!(user)
      assert :ok = User.destroy!(user)
      assert {:error, %Ash.Error.Invalid{errors: [error]}} = User.get_by_id(user.id)
      assert %Ash.Error.Query.NotFound{} = error
    end

    test "that are active are read" do
      [ann, bob] = [user!(), user!(%{name: "bob"})]
      User.deactivate!(user!(%{name: "gone"}))
      assert ids(User.active!()) == ids([ann, bob])
      assert length(User.list!()) == 3
    end
  end

  describe "rooms" do
    test "have a title by default, are hidden and shown" do
      assert %Room{title: "New Room", hidden: false} = room = Room.create!(%{})
      attic = room!(%{title: "Attic", hidden: true})
      assert ids(Room.visible!()) == [room.id]

      assert %{hidden: true} = Room.hide!(room)
      assert Room.visible!() == []
      assert %{hidden: false} = Room.unhide!(attic)
      assert ids(Room.visible!()) == [attic.id]
      assert %{current_task: "Cook"} = Room.update!(attic, %{current_task: "Cook"})
      assert :ok = Room.destroy!(attic)
      assert ids(Room.list!()) == [room.id]
    end

    test "know their parent and children" do
      parent = room!()
      child = room!(%{parent_room_id: parent.id})
      assert ids(Ash.load!(parent, :child_rooms).child_rooms) == [child.id]
      assert Ash.load!(child, :parent_room).parent_room.id == parent.id

      assert fields(Room.create(%{parent_room_id: @nobody})) ==
               [{:parent_room_id, "does not exist"}]
    end

    test "load all that is about them at once" do
      {room, ann, bot} = {room!(), user!(), agent!()}
      join!(room, ann)
      seat!(room, bot)
      message = message!(room, %{user_id: ann.id})
      message!(room!(%{title: "Garden"}))

      loads = [:users, :agent_cards, :room_memberships, :agent_memberships, :messages]
      aggregates = [:message_count, :last_message_at]
      room = Room.get_by_id!(room.id, load: loads ++ aggregates)

      assert ids(room.users) == [ann.id]
      assert ids(room.agent_cards) == [bot.id]
      assert [%{role: "member"}] = room.room_memberships
      assert [%{role: "participant", auto_respond: true}] = room.agent_memberships
      assert ids(room.messages) == [message.id]
      assert room.message_count == 1
      assert room.last_message_at == message.created_at
      assert ids(Ash.load!(ann, :rooms).rooms) == [room.id]
      assert ids(Ash.load!(bot, :rooms).rooms) == [room.id]

      assert %{message_count: 0, last_message_at: nil} =
               Room.get_by_id!(room!().id, load: aggregates)
    end
  end

  describe "messages" do
    test "of text are kept as they were typed" do
      room = room!()
      text = "  two spaces\n\t🥐 "
      message = message!(room, %{content: text, metadata: %{"a" => %{"b" => [1, 2.5]}}})

      assert %{message_type: :text, role: :user, content: ^text} = message
      assert %{message_type: :text, role: :user, content: ^text} = again(message)
      assert again(message).metadata == %{"a" => %{"b" => [1, 2.5]}}

      assert fields(Message.create_text_message(%{content: "", room_id: room.id})) ==
               [{:content, "is empty"}]

      assert fields(Message.create_text_message(%{})) ==
               [{:content, "Required"}, {:room_id, "Required"}]

      assert [{:role, _}] =
               fields(Message.create_text_message(%{content: "x", room_id: room.id, role: :boss}))
    end

    test "of an image need a picture, no words" do
      room = room!()
      data = <<0, 255, 137, 80, 78, 71>>
      message = Message.create_image_message!(%{room_id: room.id, image_data: data})
      assert %{content: "", message_type: :image, image_data: ^data} = again(message)

      assert %{content: "Look", image_url: "http://x/y.png"} =
               Message.create_image_message!(%{
                 room_id: room.id,
                 content: "Look",
                 image_url: "http://x/y.png"
               })

      assert {:error, %Ash.Error.Invalid{}} = Message.create_image_message(%{room_id: room.id})
    end

    test "keep metadata with atoms as they are" do
      metadata = %{:a => :b, "c" => {1, ~U[2026-01-01 00:00:00Z]}}
      message = message!(room!(), %{metadata: metadata})
      assert again(message).metadata == metadata
    end

    test "belong to their author" do
      {room, ann, bot, profile} = {room!(), user!(), agent!(), profile!()}

      message =
        message!(room, %{
          role: :assistant,
          user_id: ann.id,
          agent_card_id: bot.id,
          profile_id: profile.id
        })

      message = Message.get_by_id!(message.id, load: [:room, :user, :agent_card, :profile])
      assert {message.room.id, message.user.id} == {room.id, ann.id}
      assert {message.agent_card.id, message.profile.id} == {bot.id, profile.id}
      assert ids(Ash.load!(ann, :messages).messages) == [message.id]
    end

    test "are edited and destroyed" do
      message = message!(room!())
      assert %{content: "Hello"} = Message.update!(message, %{content: "Hello"})
      assert again(message).content == "Hello"
      assert :ok = Message.destroy!(message)
      assert Message.list!() == []
    end

    test "of a room come in order, the latest first, and in pages both ways" do
      room = room!()
      messages!(room, 12)
      messages!(room!(%{title: "Garden"}), 3)

      assert contents(Message.for_room!(room.id)) == Enum.map(1..12, &"#{&1}")

      latest = Message.latest_in_room!(room.id, page: [limit: 5])
      assert contents(latest.results) == ~w(12 11 10 9 8)
      assert latest.more?
      older = Ash.page!(latest, :next)
      assert contents(older.results) == ~w(7 6 5 4 3)
      oldest = Ash.page!(older, :next)
      assert contents(oldest.results) == ~w(2 1)
      refute oldest.more?
      assert contents(Ash.page!(oldest, :prev).results) == ~w(7 6 5 4 3)
      assert contents(Ash.page!(older, :prev).results) == ~w(12 11 10 9 8)

      # What is said meanwhile moves no page.
      message!(room, %{content: "new"})
      assert contents(Ash.page!(latest, :next).results) == ~w(7 6 5 4 3)

      first = Message.for_room!(room.id, page: [limit: 4])
      assert contents(Ash.page!(first, :next).results) == ~w(5 6 7 8)
    end

    test "of one time keep one order over the pages" do
      room = room!()
      now = ~U[2026-01-10 09:00:00.000000Z]

      for n <- 1..9 do
        Ash.Seed.seed!(Message, %{content: "#{n}", room_id: room.id, created_at: now})
      end

      all = ids(Message.for_room!(room.id))

      pages =
        Stream.iterate(
          Message.latest_in_room!(room.id, page: [limit: 2]),
          &Ash.page!(&1, :next)
        )

      read = pages |> Enum.take(5) |> Enum.flat_map(&ids(&1.results))
      assert read == Enum.reverse(all)
    end

    test "leave their pictures unread where these are not selected" do
      room = room!()
      Message.create_image_message!(%{room_id: room.id, image_data: <<1, 2>>})
      query = Ash.Query.deselect(Message, [:image_data])
      assert [%{image_data: %Ash.NotLoaded{}}] = Message.for_room!(room.id, query: query)
    end

    defp again(message), do: Message.get_by_id!(message.id)
    defp contents(messages), do: Enum.map(messages, & &1.content)
  end

  describe "memberships" do
    test "of a room, of a user and of both are read while they are active" do
      {kitchen, garden, ann, bob} =
        {room!(), room!(%{title: "Garden"}), user!(), user!(%{name: "bob"})}

      here = join!(kitchen, ann)
      assert %{role: "member", is_active: true, joined_at: %DateTime{}} = here
      there = join!(garden, ann)
      also = join!(kitchen, bob)

      assert ids(RoomMembership.for_room!(kitchen.id)) == ids([here, also])
      assert ids(RoomMembership.for_user!(ann.id)) == ids([here, there])
      assert RoomMembership.for_room_and_user!(kitchen.id, bob.id).id == also.id
      assert RoomMembership.for_room_and_user!(garden.id, bob.id) == nil

      assert %{is_active: false} = RoomMembership.leave_room!(here)
      assert ids(RoomMembership.for_room!(kitchen.id)) == [also.id]
      assert ids(RoomMembership.for_user!(ann.id)) == [there.id]
      assert RoomMembership.for_room_and_user!(kitchen.id, ann.id) == nil
    end

    test "are active once for a user and a room, and again after leaving" do
      {room, ann} = {room!(), user!()}
      membership = join!(room, ann)

      assert fields(RoomMembership.create(%{room_id: room.id, user_id: ann.id})) ==
               [{:room_id, "is in this room already"}, {:user_id, "is in this room already"}]

      RoomMembership.leave_room!(membership)
      back = join!(room, ann)
      assert RoomMembership.for_room_and_user!(room.id, ann.id).id == back.id

      assert [{:room_id, "is in this room already"}, _] =
               fields(RoomMembership.update(membership, %{is_active: true}))
    end

    test "are moved on, promoted and refused" do
      membership = join!(room!(), user!())
      assert membership.last_seen_at == nil
      seen = RoomMembership.update_last_seen!(membership)
      assert DateTime.compare(seen.last_seen_at, membership.created_at) == :gt
      assert %{role: "admin"} = RoomMembership.update!(membership, %{role: "admin"})
      assert [{:role, _}] = fields(RoomMembership.update(membership, %{role: "king"}))
      assert :ok = RoomMembership.destroy!(membership)

      assert fields(RoomMembership.create(%{room_id: @nobody, user_id: user!().id})) ==
               [{:room_id, "does not exist"}]

      assert fields(RoomMembership.create(%{})) ==
               [{:room_id, "Required"}, {:user_id, "Required"}]
    end
  end

  describe "agents" do
    test "keep what they are given" do
      agent =
        agent!(%{
          available_tools: ["search", "clock"],
          model_preferences: %{"temperature" => 0.7},
          context_settings: %{history: 20}
        })

      read = AgentCard.get_by_id!(agent.id)
      assert read.available_tools == ["search", "clock"]
      assert read.model_preferences == %{"temperature" => 0.7}
      assert read.context_settings == %{history: 20}
      assert {read.is_default, read.add_to_new_rooms} == {false, false}
      assert %{description: "Helps"} = AgentCard.update!(agent, %{description: "Helps"})
      assert :ok = AgentCard.destroy!(agent)
      assert AgentCard.list!() == []
    end

    test "join new rooms where they are to" do
      agent!()
      joins = agent!(%{name: "Host", add_to_new_rooms: true})
      assert ids(AgentCard.for_new_rooms!()) == [joins.id]
    end

    test "answer in a room without being asked until that is switched off" do
      {room, bot, host} = {room!(), agent!(), agent!(%{name: "Host"})}
      [seat, quiet] = [seat!(room, bot), seat!(room, host, %{auto_respond: false})]
      seat!(room!(%{title: "Garden"}), host)

      assert ids(AgentCard.auto_responders!(room.id)) == [bot.id]
      assert ids(AgentMembership.auto_responding!(room.id)) == [seat.id]

      # Of what is stored, though the caller's record is old.
      assert %{auto_respond: true} = AgentMembership.toggle_auto_respond!(quiet)
      assert %{auto_respond: false} = AgentMembership.toggle_auto_respond!(quiet)
      assert %{auto_respond: true} = AgentMembership.toggle_auto_respond!(quiet)
      assert ids(AgentCard.auto_responders!(room.id)) == ids([bot, host])

      AgentMembership.leave_room!(seat)
      assert ids(AgentCard.auto_responders!(room.id)) == [host.id]
      assert ids(AgentMembership.for_room!(room.id)) == [quiet.id]
      assert ids(AgentMembership.for_agent_card!(bot.id)) == []
      assert AgentMembership.for_room_and_agent_card!(room.id, host.id).id == quiet.id
      assert AgentMembership.for_room_and_agent_card!(room.id, bot.id) == nil
      assert %{role: "moderator"} = AgentMembership.update!(quiet, %{role: "moderator"})
      assert :ok = AgentMembership.destroy!(quiet)
    end

    test "sit in a room once" do
      {room, bot} = {room!(), agent!()}
      seat!(room, bot)

      assert fields(AgentMembership.create(%{room_id: room.id, agent_card_id: bot.id})) ==
               [
                 {:agent_card_id, "is in this room already"},
                 {:room_id, "is in this room already"}
               ]
    end

    test "are the default one at a time" do
      [bot, host] = [agent!(), agent!(%{name: "Host"})]
      AgentCard.set_as_default!(bot)
      AgentCard.set_as_default!(host)
      assert [%{is_default: false}, %{is_default: true}] = Enum.map([bot, host], &reread/1)
    end

    defp reread(%resource{id: id}), do: resource.get_by_id!(id)
  end

  describe "profiles" do
    test "are the default one at a time" do
      assert {:error, %Ash.Error.Invalid{}} = Profile.default()
      [local, other] = [profile!(), profile!(%{provider: "openai", api_key: "secret"})]
      assert %{is_default: true} = Profile.set_as_default!(local)
      assert Profile.default!().id == local.id
      assert %{is_default: true} = Profile.set_as_default!(other)
      assert Profile.default!().id == other.id
      assert %{is_default: false} = reread(local)
      assert reread(other).api_key == "secret"
      refute inspect(other) =~ "secret"
    end

    test "have one of the providers, which the file would refuse as well" do
      assert [{:provider, _}] = fields(Profile.create(%{name: "x", provider: "acme"}))

      assert_raise Ash.Error.Invalid, ~r/provider/, fn ->
        Ash.Seed.seed!(Profile, %{name: "x", provider: "acme"})
      end

      profile = profile!()
      assert %{model: "llama3.1"} = Profile.update!(profile, %{model: "llama3.1"})
      assert ids(Profile.list!()) == [profile.id]
      assert :ok = Profile.destroy!(profile)
    end
  end
end
