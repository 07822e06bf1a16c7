if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DynamicRepoTest do
    use AshChat.Case, async: true

    import AshChat.Entities

    test "what a process loads at the same time comes from its own instance of the repo" do
      room = room!()
      join!(room, user!())
      message!(room)
      query = Ash.Query.load(AshChat.Room, [:messages, room_memberships: [:user]])
      page = AshChat.Room.visible!(page: [limit: 1, count: true], query: query)
      assert %{results: [%{messages: [_], room_memberships: [%{user: %{name: "ann"}}]}]} = page
      assert page.count == 1
    end

    test "another process speaks with the instance that it has chosen", %{tmp_dir: folder} do
      room!()
      options = [name: nil, database: Path.join(folder, "other.db"), synchronous: :off]
      other = start_supervised!({Repo, options}, id: :other)

      task =
        Task.async(fn ->
          Repo.put_dynamic_repo(other)
          Repo.migrate!()
          {AshChat.Room.list!(), room!(%{title: "Attic"}).title}
        end)

      assert Task.await(task) == {[], "Attic"}
      assert [%{title: "Kitchen"}] = AshChat.Room.list!()
    end
  end
end
