defmodule AshChat.Repo do
  @moduledoc """
  The chat's database: the seven tables of `priv/repo/migrations`.
  """

  use AshRusqlite.Repo, otp_app: :ash_chat

  @migrations Path.expand("../../priv/repo/migrations", __DIR__)

  @tables [
    :users,
    :profiles,
    :agent_cards,
    :rooms,
    :messages,
    :room_memberships,
    :agent_memberships
  ]

  @doc "Adds the folder of the chat's migrations to the options."
  @impl AshRusqlite.Repo
  def init(_reason, options), do: {:ok, Keyword.put_new(options, :migrations, @migrations)}

  @doc """
  The tables, in an order in which rows may be inserted: what is referred to comes first.

      iex> hd(AshChat.Repo.tables())
      :users
  """
  @spec tables() :: [atom()]
  def tables, do: @tables
end
