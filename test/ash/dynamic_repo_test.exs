defmodule AshRusqlite.DynamicRepoTest do
  use ExUnit.Case, async: true

  alias AshChat.{Message, Repo, Room, RoomMembership, User}

  @moduletag :tmp_dir

  setup %{tmp_dir: folder} do
    Repo.put_dynamic_repo(start!(folder, "chat.db"))
    Repo.migrate!()
    :ok
  end

  # An instance of the chat's repo, without a name.
  defp start!(folder, file) do
    options = [name: nil, database: Path.join(folder, file), synchronous: :off]
    start_supervised!({Repo, options}, id: file)
  end

  test "what a process loads at the same time comes from its own instance of the repo" do
    room = Room.create!(%{title: "Kitchen"})
    RoomMembership.create!(%{room_id: room.id, user_id: User.create!(%{name: "ann"}).id})
    Message.create_text_message!(%{content: "Hi", room_id: room.id})
    query = Ash.Query.load(Room, [:messages, room_memberships: [:user]])
    page = Room.visible!(page: [limit: 1, count: true], query: query)
    assert %{results: [%{messages: [_], room_memberships: [%{user: %{name: "ann"}}]}]} = page
    assert page.count == 1
  end

  test "another process uses the instance that it has chosen", %{tmp_dir: folder} do
    Room.create!(%{title: "Kitchen"})
    other = start!(folder, "other.db")

    task =
      Task.async(fn ->
        Repo.put_dynamic_repo(other)
        Repo.migrate!()
        {Room.list!(), Room.create!(%{title: "Attic"}).title}
      end)

    assert Task.await(task) == {[], "Attic"}
    assert [%{title: "Kitchen"}] = Room.list!()
  end
end
