defmodule AshRusqlite.Bench.Work do
  @moduledoc false
  # What the repo is measured by. Each gives nanoseconds for the whole of a round.

  alias AshRusqlite.Bench.{Data, Measure, Repo}

  # The same strides over the rows as in native/bench/src/tasks.rs.
  @stride 7_919

  @doc "Keeps ids where every process reads them without a copy."
  @spec remember(atom(), tuple()) :: :ok
  def remember(name, ids), do: :persistent_term.put({__MODULE__, name}, ids)

  @doc "What was remembered."
  @spec recall(atom()) :: tuple()
  def recall(name), do: :persistent_term.get({__MODULE__, name})

  @doc "Ids of `count` messages out of the latest `span`."
  @spec some_ids(pos_integer(), pos_integer(), non_neg_integer()) :: [String.t()]
  def some_ids(count, span, round) do
    ids = recall(:messages)
    span = min(span, tuple_size(ids))
    first = tuple_size(ids) - span
    for n <- 0..(count - 1), do: elem(ids, first + rem((n + round * count) * @stride, span))
  end

  @doc "Ids of `count` rooms, beginning with the one at `first`."
  @spec some_rooms(pos_integer(), non_neg_integer()) :: [String.t()]
  def some_rooms(count, first) do
    {rooms, _users} = recall(:members)
    for n <- first..(first + count - 1), do: elem(rooms, rem(n, tuple_size(rooms)))
  end

  @doc "New messages, numbered from `first`."
  @spec some_messages(non_neg_integer(), pos_integer()) :: [map()]
  def some_messages(first, count) do
    members = recall(:members)
    for n <- first..(first + count - 1), do: Data.message(n, members)
  end

  @doc "Remembers the ids of the running repo."
  @spec remember_all() :: :ok
  def remember_all do
    remember(:messages, Data.message_ids())
    remember(:members, Data.members())
  end

  @doc "Messages by their id."
  @spec get(pos_integer(), pos_integer(), non_neg_integer()) :: pos_integer()
  def get(count, span, round) do
    Measure.alone(
      fn -> some_ids(count, span, round) end,
      fn ids -> Enum.each(ids, &Repo.get!(:messages, &1)) end
    )
  end

  @doc "The latest 50 messages of a room."
  @spec latest(pos_integer()) :: pos_integer()
  def latest(count) do
    Measure.alone(fn -> some_rooms(count, 0) end, fn rooms -> Enum.each(rooms, &latest_50/1) end)
  end

  @doc "The same by many processes, `count` over all."
  @spec latest_together(pos_integer(), pos_integer()) :: pos_integer()
  def latest_together(count, processes) do
    Measure.together(
      processes,
      &some_rooms(div(count, processes), &1),
      fn rooms -> Enum.each(rooms, &latest_50/1) end
    )
  end

  @doc "The latest 50 messages of one room."
  @spec latest_50(String.t()) :: [map(), ...]
  def latest_50(room) do
    [_ | _] =
      Repo.all(:messages,
        where: [room_id: room],
        order_by: [desc: :created_at, desc: :id],
        limit: 50
      )
  end

  @doc "Single inserts, `count` over all processes."
  @spec insert(pos_integer(), pos_integer(), non_neg_integer()) :: pos_integer()
  def insert(count, processes, round) do
    insert_with(count, processes, round, &({:ok, _} = Repo.insert(:messages, &1)))
  end

  @doc "As `insert/3`, with another way to insert one message."
  @spec insert_with(pos_integer(), pos_integer(), non_neg_integer(), (map() -> term())) ::
          pos_integer()
  def insert_with(count, processes, round, insert) do
    share = div(count, processes)
    start = tuple_size(recall(:messages)) + round * count

    Measure.together(
      processes,
      &some_messages(start + &1 * share, share),
      fn messages -> Enum.each(messages, insert) end
    )
  end

  @doc "As `insert/3`, but the microseconds that each insert took."
  @spec insert_times(pos_integer(), pos_integer(), non_neg_integer()) :: [float()]
  def insert_times(count, processes, round) do
    times = :ets.new(:times, [:public, write_concurrency: true])

    insert_with(count, processes, round, fn message ->
      started = System.monotonic_time()
      {:ok, _} = Repo.insert(:messages, message)
      :ets.insert(times, {message.id, System.monotonic_time() - started})
    end)

    all = :ets.tab2list(times)
    :ets.delete(times)

    for {_id, time} <- all,
        do: Measure.us(System.convert_time_unit(time, :native, :nanosecond), 1)
  end

  @doc "Waits until the writer has nothing left to do, so that it does not disturb others."
  @spec settle() :: :ok
  def settle do
    {0, nil} = Repo.delete_all(:messages, where: [id: Data.uuid()])
    :ok
  end

  @doc "Inserts messages in one step."
  @spec insert_all(pos_integer()) :: pos_integer()
  def insert_all(count) do
    start = tuple_size(recall(:messages))

    Measure.alone(
      fn -> some_messages(start, count) end,
      fn messages -> {^count, nil} = Repo.insert_all(:messages, messages, timeout: :infinity) end
    )
  end

  @doc "Reads every message at once."
  @spec read_all() :: pos_integer()
  def read_all do
    Measure.alone(fn -> nil end, fn _ -> [_ | _] = Repo.all(:messages, timeout: :infinity) end)
  end
end
