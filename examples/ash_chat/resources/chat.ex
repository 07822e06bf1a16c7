defmodule AshChat.Chat do
  @moduledoc """
  The chat as Ash sees it: seven resources over the tables of `AshChat.Repo`, which the demo
  and the importer write without Ash. Both may be used at once on one file.

  ## Events

  Each change of a row is an event in the journal, in the same commit, and `AshChat.Event` reads
  them. A created row has the whole row as its data, an updated one the columns that changed, with
  what they were as `old`, and a deleted one its last state. What an event is about is its source;
  the events of a source have positions.

  | Type | Source | When |
  |---|---|---|
  | `chat.room.created`, `.updated`, `.deleted` | `room:<id>` | |
  | `chat.room.hidden`, `chat.room.unhidden` | `room:<id>` | `hidden` was switched |
  | `chat.message.created`, `.updated`, `.deleted` | `room:<room_id>` | data: `content`, `role`, `message_type`, `metadata` and who said it |
  | `chat.room_membership.joined`, `.left` | `room:<room_id>` | a user came into the room, or left it |
  | `chat.room_membership.created`, `.updated`, `.deleted` | `room:<room_id>` | an inactive membership was created or deleted, or the role changed |
  | `chat.agent_membership.joined`, `.left` | `room:<room_id>` | the same of an agent |
  | `chat.agent_membership.auto_respond_switched` | `room:<room_id>` | it answers by itself from now on, or no longer does |
  | `chat.agent_membership.created`, `.updated`, `.deleted` | `room:<room_id>` | as of a user |
  | `chat.user.created`, `.updated`, `.deleted` | `user:<id>` | |
  | `chat.agent_card.created`, `.updated`, `.deleted` | `agent_card:<id>` | |
  | `chat.profile.created`, `.updated`, `.deleted` | `profile:<id>` | of the API key only that it changed |

  `updated_at` is in no update, nor is the `last_seen_at` of a membership: that a user looked is no
  event. Who did it is Ash's actor, else the message's or the membership's user.
  """

  use Ash.Domain, validate_config_inclusion?: false

  resources do
    resource AshChat.User
    resource AshChat.Room
    resource AshChat.Message
    resource AshChat.AgentCard
    resource AshChat.AgentMembership
    resource AshChat.RoomMembership
    resource AshChat.Profile
    resource AshChat.Event
  end
end
