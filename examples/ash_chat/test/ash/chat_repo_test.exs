defmodule AshChat.ChatRepoTest do
  # The chat's resources and the repo on one file: who may write what the other reads, what
  # the file refuses and takes along, and what survives.
  use AshChat.Case, async: true

  import AshChat.Entities

  alias AshChat.{AgentCard, AgentMembership, Chat, Event, Message, Profile, Room}
  alias AshChat.{RoomMembership, User}
  alias AshRusqlite.DataLayer.Info
  alias AshRusqlite.DataLayer.Schema.TableSpec
  alias AshRusqlite.Repo.Schema

  @resources [User, Profile, AgentCard, Room, Message, RoomMembership, AgentMembership]

  describe "the tables of the migrations" do
    test "have what the resources want, which adds nothing to them", %{repo: repo} do
      # The events are a view.
      assert Enum.sort(Ash.Domain.Info.resources(Chat)) == Enum.sort([Event | @resources])
      before = schema()

      for resource <- @resources do
        table = Info.table(resource)
        assert {:ok, []} = Schema.ensure_table(repo, TableSpec.of(resource, table))
        {:ok, differences} = Schema.differences(repo, TableSpec.of(resource, table))
        assert Enum.uniq(Enum.map(differences, & &1.kind)) -- [:unexpected_not_null] == []
        assert resource.list!() == []
      end

      assert schema() == before
    end

    test "have the foreign keys that the resources describe" do
      for resource <- @resources do
        wanted =
          for reference <- Info.references(resource) do
            relationship = Ash.Resource.Info.relationship(resource, reference.relationship)
            action = %{delete: "CASCADE", nilify: "SET NULL"}[reference.on_delete]

            {to_string(relationship.source_attribute), Info.table(relationship.destination),
             action}
          end

        sql = ~s|SELECT "from", "table", on_delete FROM pragma_foreign_key_list(?)|
        %{rows: rows} = Repo.query!(sql, [Info.table(resource)])
        assert Enum.sort(Enum.map(rows, &List.to_tuple/1)) == Enum.sort(wanted)
      end
    end

    defp schema, do: Repo.query!("SELECT sql FROM sqlite_schema ORDER BY name").rows
  end

  describe "on one file" do
    test "Ash reads what the demo's script writes" do
      script = AshChat.Demo.Script.new(2)
      AshChat.Demo.Writer.begin!(script)
      for number <- 1..20, writer <- 1..2, do: AshChat.Demo.Writer.write(script, writer, number)

      for resource <- @resources do
        rows = Repo.all(Info.table(resource), order_by: :id)
        records = resource |> Ash.Query.sort(:id) |> Ash.read!()
        assert Enum.map(records, &row/1) == rows
      end

      [room] = Room.list!(load: [:message_count, users: [:messages]])
      assert room.message_count == Repo.count(:messages)
      assert [%{name: "writer-1"}, %{name: "writer-2"}] = Enum.sort_by(room.users, & &1.name)
      assert Enum.sum(Enum.map(room.users, &length(&1.messages))) == room.message_count
      assert Enum.any?(Message.list!(), &is_binary(&1.image_data))
    end

    test "the repo reads what Ash writes" do
      {room, ann, bot, profile} = {room!(), user!(), agent!(), profile!()}
      join!(room, ann)
      seat!(room, bot)
      data = %{image_data: <<0, 200>>, metadata: %{"n" => [1, 1.5, nil, "🥐"]}}
      image = Map.merge(data, %{room_id: room.id, role: :assistant, profile_id: profile.id})
      Message.create_image_message!(image)

      for resource <- @resources do
        assert [record] = resource.list!()
        assert [row(record)] == Repo.all(Info.table(resource))
      end

      assert [%{role: "assistant", message_type: "image", image_data: <<0, 200>>}] =
               Repo.all(:messages)

      texts =
        "SELECT role, CAST(metadata AS TEXT), length(CAST(created_at AS TEXT)) FROM messages"

      assert Repo.query!(texts).rows == [["assistant", ~s({"n":[1,1.5,null,"🥐"]}), 27]]
    end

    test "the importer's messages are a room to Ash", %{tmp_dir: folder} do
      path =
        file!(folder, [
          line(),
          line(
            user: nil,
            agent: ~s("Bot"),
            profile: ~s("ollama/llama3.1"),
            role: ~s("assistant")
          )
        ])

      {:ok, report} = AshChat.Import.run(path)

      assert [%{content: "Hi", role: :user, user: %{name: "ann"}}, answer] =
               Message.for_room!(report.room, load: [:user, :agent_card, :profile])

      assert %{role: :assistant, agent_card: %{name: "Bot"}, profile: %{model: "llama3.1"}} =
               answer

      assert [%{agent_card_id: id}] = AgentMembership.auto_responding!(report.room)
      assert id == answer.agent_card.id
    end

    test "a change of one is seen by the other at once" do
      room = room!()
      Repo.update!(:rooms, room.id, title: "Köket", hidden: true)
      assert %{title: "Köket", hidden: true} = Room.get_by_id!(room.id)
      Room.unhide!(room)
      assert %{hidden: false, title: "Köket"} = Repo.get!(:rooms, room.id)
      Repo.delete!(:rooms, room.id)
      assert {:error, %Ash.Error.Invalid{errors: [error]}} = Room.hide(room)
      assert %Ash.Error.Changes.StaleRecord{} = error
    end

    # What a record has is what its row has, but for atoms, which are text.
    defp row(record) do
      Map.new(attributes(record), fn
        {key, value} when key in [:role, :message_type] -> {key, to_string(value)}
        pair -> pair
      end)
    end
  end

  describe "what is deleted" do
    setup do
      {room, ann, bot, profile} = {room!(), user!(), agent!(), profile!()}
      bot = AgentCard.update!(bot, %{default_profile_id: profile.id})
      message = %{user_id: ann.id, agent_card_id: bot.id, profile_id: profile.id}

      %{
        room: room,
        child: room!(%{parent_room_id: room.id}),
        ann: ann,
        bot: bot,
        profile: profile,
        message: message!(room, message),
        here: join!(room, ann),
        seat: seat!(room, bot)
      }
    end

    test "a room takes its messages and memberships along, and leaves its children", all do
      Room.destroy!(all.room)
      assert [%{parent_room_id: nil}] = Room.list!()
      assert {Message.list!(), RoomMembership.list!(), AgentMembership.list!()} == {[], [], []}
      assert [[_], [_], [_]] = [User.list!(), AgentCard.list!(), Profile.list!()]
    end

    test "a user takes the memberships along, and what was said stays", all do
      User.destroy!(all.ann)
      assert [%{user_id: nil, content: "Hi"}] = Message.list!()
      assert RoomMembership.list!() == []
      assert [_] = AgentMembership.list!()
    end

    test "so does an agent, and a profile leaves both without it", all do
      Profile.destroy!(all.profile)
      assert [%{profile_id: nil}] = Message.list!()
      assert [%{default_profile_id: nil}] = AgentCard.list!()
      AgentCard.destroy!(all.bot)
      assert [%{agent_card_id: nil}] = Message.list!()
      assert AgentMembership.list!() == []
    end
  end

  test "what was created is there after a restart", %{tmp_dir: folder} do
    path = Path.join(folder, "again.db")
    repo = start!(path)
    {room, ann} = {room!(), user!(%{preferences: %{tone: :kind}})}
    RoomMembership.leave_room!(join!(room, ann))
    membership = join!(room, ann)
    message = message!(room, %{user_id: ann.id, metadata: %{"a" => 1}})
    edited = Message.update!(message, %{content: "Hello"})
    Message.destroy!(message!(room))
    before = for resource <- @resources, do: Enum.map(resource.list!(), &attributes/1)

    :ok = stop_supervised(:again)
    assert {:error, %Ash.Error.Unknown{}} = Room.list()
    refute Process.alive?(repo)

    start!(path)
    assert before == for(resource <- @resources, do: Enum.map(resource.list!(), &attributes/1))
    assert attributes(Message.get_by_id!(message.id)) == attributes(edited)
    assert User.get_by_id!(ann.id).preferences == %{tone: :kind}
    assert ids(RoomMembership.for_room!(room.id)) == [membership.id]
  end

  defp start!(path) do
    repo = start_supervised!({Repo, name: nil, database: path}, id: :again)
    Repo.put_dynamic_repo(repo)
    Repo.migrate!()
    repo
  end
end
