defmodule AshChat.ChatPushdownTest do
  # What the chat asks is SQL, all of it, and finds its rows by an index.
  use AshChat.Case, async: true

  import AshChat.Entities

  alias AshChat.{AgentCard, AgentMembership, Message, Profile, Room, RoomMembership, User}
  alias AshRusqlite.DataLayer.{Info, Read}
  alias AshRusqlite.DataLayer.Query.Plan
  alias AshRusqlite.Repo.Reads

  require Ash.Query
  require Ash.Sort

  @id "00000000-0000-4000-8000-000000000001"

  # The reads with their arguments, and the index that finds the rows.
  @reads [
    {User, :active, %{}, "users_is_active_index (is_active=?)"},
    {Room, :visible, %{}, "rooms_hidden_created_at_index (hidden=?)"},
    {Message, :for_room, %{room_id: @id}, "messages_room_id_created_at_index (room_id=?)"},
    {RoomMembership, :for_room, %{room_id: @id},
     "room_memberships_room_id_is_active_user_id_index (room_id=? AND is_active=?)"},
    {RoomMembership, :for_user, %{user_id: @id},
     "room_memberships_user_id_is_active_index (user_id=? AND is_active=?)"},
    {RoomMembership, :for_room_and_user, %{room_id: @id, user_id: @id},
     "room_memberships_room_id_is_active_user_id_index " <>
       "(room_id=? AND is_active=? AND user_id=?)"},
    {AgentMembership, :for_room, %{room_id: @id},
     "agent_memberships_room_id_is_active_auto_respond_index (room_id=? AND is_active=?)"},
    {AgentMembership, :for_agent_card, %{agent_card_id: @id},
     "agent_memberships_agent_card_id_is_active_room_id_index " <>
       "(agent_card_id=? AND is_active=?)"},
    {AgentMembership, :for_room_and_agent_card, %{room_id: @id, agent_card_id: @id},
     "agent_memberships_agent_card_id_is_active_room_id_index " <>
       "(agent_card_id=? AND is_active=? AND room_id=?)"},
    {AgentMembership, :auto_responding, %{room_id: @id},
     "agent_memberships_room_id_is_active_auto_respond_index " <>
       "(room_id=? AND is_active=? AND auto_respond=?)"},
    {AgentCard, :auto_responders, %{room_id: @id},
     "agent_memberships_room_id_is_active_auto_respond_index " <>
       "(room_id=? AND is_active=? AND auto_respond=?)"},
    {AgentCard, :for_new_rooms, %{}, "agent_cards_add_to_new_rooms_index (add_to_new_rooms=?)"},
    {Profile, :default, %{}, "profiles_is_default_index (is_default=?)"}
  ]

  for {resource, action, arguments, index} <- @reads do
    test "#{inspect(resource)}.#{action} is SQL with an index", %{repo: repo} do
      query =
        Ash.Query.for_read(unquote(resource), unquote(action), unquote(Macro.escape(arguments)))

      assert {[], plan} = explain(repo, query)
      assert plan =~ unquote(index)
    end
  end

  for resource <- [User, Profile, AgentCard, Room, Message, RoomMembership, AgentMembership] do
    test "#{inspect(resource)} by its id is SQL with the key", %{repo: repo} do
      query = Ash.Query.filter(unquote(resource), id == ^@id)
      assert {[], plan} = explain(repo, query)

      assert plan ==
               "SEARCH #{Info.table(unquote(resource))} USING INDEX #{key(unquote(resource))}"
    end
  end

  test "pages of a room's messages are SQL both ways, in the order of the index", %{repo: repo} do
    room = room!()
    messages!(room, 9)

    for action <- [:for_room, :latest_in_room], direction <- [:after, :before, nil] do
      query = Ash.Query.for_read(Message, action, %{room_id: room.id})
      [_, message | _] = Ash.read!(query, page: [limit: 3]).results

      page = [limit: 3] ++ if(direction, do: [{direction, message.__metadata__.keyset}], else: [])

      assert {[], plan} = explain(repo, query, page: page)
      bound = %{after: " AND created_at", before: " AND created_at", nil: ")"}[direction]
      assert plan =~ "messages_room_id_created_at_index (room_id=?" <> bound
      refute plan =~ "TEMP B-TREE"

      assert length(Ash.read!(query, page: page).results) ==
               %{after: 3, before: 1, nil: 3}[direction]
    end
  end

  test "visible rooms come in the order of their index", %{repo: repo} do
    {[], plan} = explain(repo, Ash.Query.for_read(Room, :visible))
    refute plan =~ "TEMP B-TREE"
  end

  test "what a room's aggregates count is SQL", %{repo: repo} do
    query = Ash.Query.load(Room, [:message_count, :last_message_at])
    assert {[], plan} = explain(repo, query)
    assert plan =~ "messages_room_id_created_at_index (room_id=?)"
  end

  test "a sort by an expression is SQL", %{repo: repo} do
    for name <- ["bob", "Ann", "Carl"], do: user!(%{name: name})
    query = Ash.Query.sort(User, Ash.Sort.expr_sort(string_downcase(name), :string))
    assert {[], _plan} = explain(repo, query)
    assert Enum.map(Ash.read!(query), & &1.name) == ["Ann", "bob", "Carl"]
  end

  test "what only Ash can compare is left to it, with the reason", %{repo: repo} do
    message!(room!(), %{metadata: %{"a" => 1}})
    query = Ash.Query.filter(Message, metadata == %{"a" => 1})
    assert {[filter: reason], _plan} = explain(repo, query)
    assert reason =~ "metadata"
    assert [%{content: "Hi"}] = Ash.read!(query)
  end

  test "a row that does not hold what its attribute holds is an error that names it" do
    agent = agent!()
    Repo.update!(:agent_cards, agent.id, available_tools: %{"no" => "list"})
    assert {:error, error} = AgentCard.list()
    assert Exception.message(error) =~ "available_tools"
  end

  # Why a query is not all SQL, and how SQLite runs what is.
  defp explain(repo, query, opts \\ []) do
    %{query: query} = Ash.data_layer_query!(query, opts)
    plan = Plan.of(query)
    read = {:all, Info.table(query.resource), Read.options(plan)}
    {:ok, %{plan: steps}} = Reads.explain(repo, read)
    {plan.reasons, Enum.join(List.wrap(steps), "\n")}
  end

  defp key(resource), do: "sqlite_autoindex_#{Info.table(resource)}_1 (id=?)"
end
