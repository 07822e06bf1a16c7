# What happens in the chat is in its journal, by the types that `AshChat.Chat` documents.
defmodule AshChat.ChatEventsTest do
  use AshChat.Case, async: true

  require Ash.Query

  alias AshChat.{
    AgentCard,
    AgentMembership,
    Event,
    Message,
    Profile,
    Room,
    RoomMembership,
    User
  }

  setup do
    ann = User.create!(%{name: "ann"})
    room = Room.create!(%{title: "Kitchen"})
    {:ok, ann: ann, room: room, seen: last_seq()}
  end

  defp last_seq do
    Event
    |> Ash.Query.sort(seq: :desc)
    |> Ash.Query.limit(1)
    |> Ash.read_one!()
    |> Map.get(:seq)
  end

  defp since(seen),
    do: Event |> Ash.Query.filter(seq > ^seen) |> Ash.Query.sort(:seq) |> Ash.read!()

  defp types(seen), do: seen |> since() |> Enum.map(& &1.type)

  test "a user, a room and a message are created, updated and deleted", %{
    ann: ann,
    room: room,
    seen: seen
  } do
    input = %{content: "Hi", room_id: room.id, user_id: ann.id}
    message = Message.create_text_message!(input)
    message = Message.update!(message, %{content: "Hello"}, actor: ann)
    Message.destroy!(message)
    Room.update!(room, %{title: "Garden"})
    Room.hide!(room)
    Room.unhide!(Room.get_by_id!(room.id))
    Room.destroy!(room)
    User.update!(ann, %{name: "Ann"})
    User.destroy!(ann)

    assert types(seen) == [
             "chat.message.created",
             "chat.message.updated",
             "chat.message.deleted",
             "chat.room.updated",
             "chat.room.hidden",
             "chat.room.unhidden",
             "chat.room.deleted",
             "chat.user.updated",
             "chat.user.deleted"
           ]

    assert [created, updated, deleted | rest] = since(seen)
    source = "room:" <> room.id
    actor = "user:" <> ann.id

    assert %{source: ^source, actor: ^actor, position: 2, action: "create_text_message"} = created

    assert %{"content" => "Hi", "role" => "user", "message_type" => "text"} = created.data
    assert %{actor: ^actor, data: %{"content" => "Hello"}, old: %{"content" => "Hi"}} = updated
    assert Map.keys(updated.data) == ["content"]
    assert %{data: %{"content" => "Hello"}} = deleted

    assert Enum.map([created, updated, deleted | rest], & &1.source) |> Enum.uniq() == [
             source,
             actor
           ]
  end

  test "a membership joins and leaves, and comes back", %{ann: ann, room: room, seen: seen} do
    membership = RoomMembership.create!(%{room_id: room.id, user_id: ann.id})
    RoomMembership.update_last_seen!(membership)
    membership = RoomMembership.update!(membership, %{role: "admin"})
    membership = RoomMembership.leave_room!(membership)
    membership = RoomMembership.update!(membership, %{is_active: true})
    RoomMembership.destroy!(membership)

    assert types(seen) == [
             "chat.room_membership.joined",
             "chat.room_membership.updated",
             "chat.room_membership.left",
             "chat.room_membership.joined",
             "chat.room_membership.left"
           ]

    source = "room:" <> room.id
    actor = "user:" <> ann.id
    assert Enum.all?(since(seen), &(&1.source == source and &1.actor == actor))
  end

  test "an agent joins, is switched and goes with its room", %{room: room, seen: seen} do
    card = AgentCard.create!(%{name: "helper"})
    membership = AgentMembership.create!(%{room_id: room.id, agent_card_id: card.id})
    AgentMembership.toggle_auto_respond!(membership)
    AgentCard.update!(card, %{description: "helps"})
    Room.destroy!(room, actor: "user:ben")
    AgentCard.destroy!(card)

    assert Enum.sort(types(seen)) == [
             "chat.agent_card.created",
             "chat.agent_card.deleted",
             "chat.agent_card.updated",
             "chat.agent_membership.auto_respond_switched",
             "chat.agent_membership.joined",
             "chat.agent_membership.left",
             "chat.room.deleted"
           ]

    left = Enum.find(since(seen), &(&1.type == "chat.agent_membership.left"))
    assert %{actor: "user:ben", action: "destroy"} = left
  end

  test "of a profile's key the journal has that it changed alone", %{seen: seen} do
    profile = Profile.create!(%{name: "p", provider: "openai", api_key: "sk-very-secret"})
    Profile.update!(profile, %{api_key: "sk-more-secret"})
    Profile.update!(Profile.get_by_id!(profile.id), %{name: "q"})
    Profile.destroy!(profile)

    assert [created, updated, renamed, deleted] = since(seen)
    assert created.type == "chat.profile.created"
    assert %{"digest" => digest} = created.data["api_key"]
    assert %{"api_key" => %{"digest" => other}} = updated.data
    assert digest != other
    assert Map.keys(renamed.data) == ["name"]
    assert deleted.type == "chat.profile.deleted"
    for event <- since(seen), do: refute(inspect(event) =~ "secret")
  end

  test "an event leads to what it is about", %{room: room, ann: ann, seen: seen} do
    message = Message.create_text_message!(%{content: "Hi", room_id: room.id, user_id: ann.id})
    [event] = Ash.load!(since(seen), [:message, :room])
    assert event.message.id == message.id
    assert event.room == nil
  end
end
