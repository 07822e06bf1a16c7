defmodule AshChat.Entities do
  @moduledoc false
  # Rows of the chat, made through Ash.

  alias AshChat.{AgentCard, AgentMembership, Message, Profile, Room, RoomMembership, User}

  def user!(fields \\ %{}), do: User.create!(Map.merge(%{name: "ann"}, fields))
  def room!(fields \\ %{}), do: Room.create!(Map.merge(%{title: "Kitchen"}, fields))
  def agent!(fields \\ %{}), do: AgentCard.create!(Map.merge(%{name: "Bot"}, fields))

  def profile!(fields \\ %{}),
    do: Profile.create!(Map.merge(%{name: "local", provider: "ollama"}, fields))

  def message!(room, fields \\ %{}) do
    Message.create_text_message!(Map.merge(%{content: "Hi", room_id: room.id}, fields))
  end

  def join!(room, user, fields \\ %{}) do
    RoomMembership.create!(Map.merge(%{room_id: room.id, user_id: user.id}, fields))
  end

  def seat!(room, agent, fields \\ %{}) do
    AgentMembership.create!(Map.merge(%{room_id: room.id, agent_card_id: agent.id}, fields))
  end

  @doc "Messages of a room, one for each time, whose contents are their numbers."
  def messages!(room, count) do
    for number <- 1..count do
      Ash.Seed.seed!(Message, %{
        content: "#{number}",
        room_id: room.id,
        created_at: DateTime.add(~U[2026-01-10 09:00:00.000000Z], number, :second)
      })
    end
  end

  @doc "The attributes of a record, without what Ash notes beside them."
  def attributes(%resource{} = record),
    do: Map.take(record, Enum.map(Ash.Resource.Info.attributes(resource), & &1.name))

  @doc "The ids of records, in their order."
  def ids(records), do: Enum.map(records, & &1.id)

  @doc "The errors of a failed action as `{field, message}`, in order."
  def fields({:error, %{errors: errors}}) do
    errors
    |> Enum.map(&{Map.get(&1, :field) || Map.get(&1, :fields), message(&1)})
    |> Enum.sort()
  end

  defp message(%{message: message}) when is_binary(message), do: message
  defp message(error), do: error.__struct__ |> Module.split() |> List.last()
end
