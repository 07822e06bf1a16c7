if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.Bench.AshWork do
    @moduledoc false
    # Ash's actions, the same on each data layer. Each gives nanoseconds for the whole of a
    # round; `chat` is the domain.

    require Ash.Query

    alias AshRusqlite.Bench.{Measure, Repo, Work}

    @doc """
    Creates of `count` messages over all processes, and how many of them failed. A chat on the
    repo may be on another instance of it.
    """
    @spec create(module(), pos_integer(), pos_integer(), non_neg_integer(), pid() | module()) ::
            {pos_integer(), non_neg_integer()}
    def create(chat, count, processes, round, repo \\ Repo) do
      share = div(count, processes)
      first = tuple_size(Work.recall(:messages)) + round * count
      failed = :counters.new(1, [])

      time =
        Measure.together(
          processes,
          fn process ->
            Repo.put_dynamic_repo(repo)
            inputs(first + process * share, share)
          end,
          fn inputs -> Enum.each(inputs, &create_one(message(chat), &1, failed)) end
        )

      {time, :counters.get(failed, 1)}
    end

    # A database that is busy is an error that a user would see. Any other ends the benchmark.
    defp create_one(message, input, failed) do
      with {:error, error} <- Ash.create(message, input, action: :create_text_message) do
        unless Exception.message(error) =~ ~r/busy|locked/i, do: raise(error)
        :counters.add(failed, 1, 1)
      end
    end

    @doc "Messages by their id."
    @spec get(module(), pos_integer(), non_neg_integer()) :: pos_integer()
    def get(chat, count, round) do
      Measure.alone(
        fn -> some_ids(count, round) end,
        fn ids -> Enum.each(ids, &Ash.get!(message(chat), &1)) end
      )
    end

    @doc "The latest 50 messages of rooms."
    @spec latest(module(), pos_integer(), non_neg_integer()) :: pos_integer()
    def latest(chat, count, round) do
      Measure.alone(
        fn -> Work.some_rooms(count, round) end,
        fn rooms -> Enum.each(rooms, &latest_50(chat, &1)) end
      )
    end

    defp latest_50(chat, room) do
      %{results: [_ | _]} =
        chat
        |> message()
        |> Ash.Query.for_read(:latest_in_room, %{room_id: room})
        |> Ash.read!(page: [limit: 50])
    end

    @doc "Rooms with their members and their latest 50 messages."
    @spec load(module(), pos_integer(), non_neg_integer()) :: pos_integer()
    def load(chat, count, round) do
      Measure.alone(
        fn -> Work.some_rooms(count, round) end,
        fn rooms -> Enum.each(rooms, &load_room(chat, &1)) end
      )
    end

    defp load_room(chat, room) do
      latest =
        chat
        |> message()
        |> Ash.Query.sort(created_at: :desc, id: :desc)
        |> Ash.Query.limit(50)

      %{users: [_ | _], messages: [_ | _]} =
        Ash.get!(Module.concat(chat, Room), room, load: [users: [], messages: latest])
    end

    @doc "Updates of messages that were read before."
    @spec update(module(), pos_integer(), non_neg_integer()) :: pos_integer()
    def update(chat, count, round) do
      Measure.alone(
        fn ->
          ids = some_ids(count, round)
          chat |> message() |> Ash.Query.filter(id in ^ids) |> Ash.read!()
        end,
        fn messages -> Enum.each(messages, &Ash.update!(&1, %{content: "edited #{round}"})) end
      )
    end

    @doc "Creates messages by one call."
    @spec bulk_create(module(), pos_integer()) :: pos_integer()
    def bulk_create(chat, count) do
      Measure.alone(
        fn -> inputs(tuple_size(Work.recall(:messages)), count) end,
        fn inputs ->
          %{status: :success} =
            Ash.bulk_create(inputs, message(chat), :create_text_message, return_errors?: true)
        end
      )
    end

    defp message(chat), do: Module.concat(chat, Message)

    defp some_ids(count, round),
      do: Work.some_ids(count, tuple_size(Work.recall(:messages)), round)

    defp inputs(first, count) do
      for message <- Work.some_messages(first, count),
          do: Map.take(message, [:content, :role, :metadata, :room_id, :user_id])
    end
  end
end
