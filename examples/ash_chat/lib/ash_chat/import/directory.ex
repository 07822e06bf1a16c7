defmodule AshChat.Import.Directory do
  @moduledoc """
  Who talks where in an import: it gives the names of the lines their ids, and makes the rows
  of users, profiles, agents, rooms and memberships when they first appear.

  It remembers every name, but no message.
  """

  alias AshChat.Import.{Id, Line}
  alias AshChat.Repo

  @tables [:users, :profiles, :agent_cards, :rooms]
  @batch 500

  defstruct known: MapSet.new(), pending: %{}, memberships: %{}, inserted: %{}

  @typedoc """
    * `known` - the ids of rows that were inserted or wait for it
    * `pending` - rows to be inserted before the messages that refer to them
    * `memberships` - who was in which room: `{first, last}` message
    * `inserted` - how many rows were new, by table
  """
  @type t :: %__MODULE__{
          known: MapSet.t(),
          pending: %{optional(atom()) => [map()]},
          memberships: %{optional(tuple()) => {DateTime.t(), DateTime.t()}},
          inserted: %{optional(atom()) => non_neg_integer()}
        }

  @typedoc "What a message refers to."
  @type references :: %{
          room_id: String.t(),
          user_id: String.t() | nil,
          agent_card_id: String.t() | nil,
          profile_id: String.t() | nil
        }

  @doc "The ids that a line's names stand for. New names wait for `insert/1`."
  @spec refer(t(), Line.t()) :: {references(), t()}
  def refer(directory, line) do
    references = %{
      room_id: Id.of_name(:room, line.room),
      user_id: line.user && Id.of_name(:user, line.user),
      agent_card_id: line.agent && Id.of_name(:agent, line.agent),
      profile_id: line.profile && Id.of_name(:profile, profile_name(line.profile))
    }

    directory =
      directory
      |> add(:rooms, references.room_id, line, &%{title: &1.room})
      |> add(:users, references.user_id, line, &user/1)
      |> add(:profiles, references.profile_id, line, &profile/1)
      |> add(:agent_cards, references.agent_card_id, line, &agent(&1, references))
      |> join(references, line.created_at)

    {references, directory}
  end

  defp add(directory, _table, nil, _line, _row), do: directory

  defp add(directory, table, id, line, row) do
    if id in directory.known do
      directory
    else
      time = %{id: id, created_at: line.created_at, updated_at: line.created_at}
      row = Map.merge(row.(line), time)

      %{
        directory
        | known: MapSet.put(directory.known, id),
          pending: Map.update(directory.pending, table, [row], &[row | &1])
      }
    end
  end

  defp user(line), do: %{name: line.user, display_name: line.display_name || line.user}

  defp profile(%{profile: {provider, model} = profile}) do
    %{name: profile_name(profile), provider: provider, model: model}
  end

  defp profile_name({provider, model}), do: "#{provider}/#{model}"

  defp agent(line, references) do
    %{name: line.agent, default_profile_id: references.profile_id}
  end

  defp join(directory, references, time) do
    case references do
      %{user_id: id} when id != nil -> join(directory, :user, references.room_id, id, time)
      %{agent_card_id: id} when id != nil -> join(directory, :agent, references.room_id, id, time)
      _ -> directory
    end
  end

  defp join(directory, kind, room_id, id, time) do
    memberships =
      Map.update(directory.memberships, {kind, room_id, id}, {time, time}, fn {first, last} ->
        {Enum.min([first, time], DateTime), Enum.max([last, time], DateTime)}
      end)

    %{directory | memberships: memberships}
  end

  @doc "Inserts the rows that wait; those that are in the database stay as they are."
  @spec insert(t()) :: t()
  def insert(directory) do
    directory =
      for table <- @tables, rows = directory.pending[table], reduce: directory do
        directory -> insert(directory, table, Enum.reverse(rows))
      end

    %{directory | pending: %{}}
  end

  @doc """
  Inserts the memberships, and updates when a user was last seen. A user who has left a room since
  the import before, or has come back to it, is not put into it again.
  """
  @spec insert_memberships(t()) :: t()
  def insert_memberships(directory) do
    {users, agents} =
      Enum.split_with(directory.memberships, fn {{kind, _, _}, _} -> kind == :user end)

    directory =
      directory
      |> insert(:room_memberships, Enum.map(users, &room_membership/1))
      |> insert(:agent_memberships, Enum.map(agents, &agent_membership/1))

    for {{:user, room_id, user_id}, {_first, last}} <- users do
      Repo.update_all(:room_memberships, [set: [last_seen_at: last]],
        where: [
          {:room_id, :==, room_id},
          {:user_id, :==, user_id},
          {:is_active, :==, true},
          {:or, [{:last_seen_at, :is_nil, true}, {:last_seen_at, :<, last}]}
        ]
      )
    end

    directory
  end

  defp room_membership({{:user, room_id, user_id}, {first, last}}) do
    membership(room_id, user_id, first) |> Map.merge(%{user_id: user_id, last_seen_at: last})
  end

  defp agent_membership({{:agent, room_id, agent_card_id}, {first, _last}}) do
    membership(room_id, agent_card_id, first) |> Map.put(:agent_card_id, agent_card_id)
  end

  defp membership(room_id, member_id, first) do
    %{
      id: Id.of_name(:membership, room_id <> member_id),
      room_id: room_id,
      joined_at: first,
      created_at: first,
      updated_at: first
    }
  end

  defp insert(directory, table, rows) do
    count =
      rows
      |> Enum.chunk_every(@batch)
      |> Enum.map(fn batch -> elem(Repo.insert_all(table, batch, on_conflict: :nothing), 0) end)
      |> Enum.sum()

    %{directory | inserted: Map.update(directory.inserted, table, count, &(&1 + count))}
  end
end
