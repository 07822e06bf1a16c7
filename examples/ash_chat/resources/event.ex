defmodule AshChat.Event do
  @moduledoc """
  What happened in the chat, see "Events" at `AshChat.Chat`.

      # What was said in a room since somebody looked.
      AshChat.Event
      |> Ash.Query.filter(source == ^"room:\#{room.id}" and position > ^seen)
      |> Ash.Query.sort(:position)
      |> Ash.read!()
  """

  use AshRusqlite.Journal.Resource,
    domain: AshChat.Chat,
    repo: AshChat.Repo,
    about: [
      user: AshChat.User,
      room: AshChat.Room,
      message: AshChat.Message,
      agent_card: AshChat.AgentCard,
      agent_membership: AshChat.AgentMembership,
      room_membership: AshChat.RoomMembership,
      profile: AshChat.Profile
    ]
end
