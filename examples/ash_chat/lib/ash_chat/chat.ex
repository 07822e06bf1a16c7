if Code.ensure_loaded?(Ash.Domain) do
  defmodule AshChat.Chat do
    @moduledoc """
    The chat as Ash sees it: seven resources over the tables of `AshChat.Repo`, which the demo
    and the importer write without Ash. Both may be used at once on one file.
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
    end
  end
end
