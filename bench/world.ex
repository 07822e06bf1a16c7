defmodule AshRusqlite.Bench.World do
  @moduledoc false
  # How much is measured, and the databases that it is measured on.

  alias AshRusqlite.Bench.{Data, PlainRusqlite, Progress}

  @enforce_keys [:folder, :rounds, :write_rounds, :messages, :few, :many, :hot] ++
                  [:gets, :latest, :scans, :rebuilds, :inserts, :bulk, :tick_ms, :ash]
  defstruct @enforce_keys

  @typedoc """
    * `folder` - where the databases are
    * `rounds`, `write_rounds` - of reads and of writes, each of both sides
    * `messages` - in the chat's tables; `few` and `many` where both are compared
    * `hot` - the latest messages, that are in the cache
    * `gets`, `latest`, `scans` - reads of one round
    * `rebuilds` - rounds in which the table of `many` messages is rebuilt
    * `inserts` - of one round, by the number of processes
    * `bulk` - rows that are inserted or read at once
    * `tick_ms` - how long a round of the timer is
    * `ash` - of Ash's actions: rounds against ash_sqlite and against ETS, rows that are read or
      updated in one, creates by the number of processes, and those by one call; rounds and
      inserts against ecto_sqlite3 are as many
  """
  @type t :: %__MODULE__{}

  @doc "All of it, which takes minutes."
  @spec full(Path.t()) :: t()
  def full(folder) do
    %__MODULE__{
      folder: folder,
      rounds: 15,
      write_rounds: 9,
      messages: 100_000,
      few: 1_000,
      many: 1_000_000,
      hot: 5_000,
      gets: 5_000,
      latest: 1_000,
      scans: 5,
      rebuilds: 3,
      inserts: %{1 => 600, 8 => 2_400, 64 => 6_400, 512 => 10_240},
      bulk: 100_000,
      tick_ms: 2_500,
      ash: %{
        rounds: 7,
        ets_rounds: 3,
        rows: 100,
        creates: %{1 => 300, 32 => 3_200, 256 => 5_120},
        bulk_rounds: 3,
        bulk: 20_000
      }
    }
  end

  @doc "A little of everything, in seconds. What comes out means nothing."
  @spec quick(Path.t()) :: t()
  def quick(folder) do
    %__MODULE__{
      folder: folder,
      rounds: 2,
      write_rounds: 1,
      messages: 400,
      few: 200,
      many: 400,
      hot: 50,
      gets: 20,
      latest: 128,
      scans: 1,
      rebuilds: 1,
      inserts: %{1 => 8, 8 => 16, 64 => 64, 512 => 512},
      bulk: 100,
      tick_ms: 100,
      ash: %{
        rounds: 1,
        ets_rounds: 1,
        rows: 2,
        creates: %{1 => 2, 32 => 32, 256 => 256},
        bulk_rounds: 1,
        bulk: 20
      }
    }
  end

  @doc "How many rooms the chats of Ash's figures have: of 1,000 messages each has 50."
  @spec ash_rooms() :: pos_integer()
  def ash_rooms, do: 20

  @doc "The file of a chat with a number of messages, made when it is first asked for."
  @spec seed(t(), non_neg_integer(), pos_integer()) :: Path.t()
  def seed(world, messages, rooms) do
    path = Path.join(world.folder, "seed-#{messages}-#{rooms}.db")

    unless File.exists?(path) do
      Progress.note("making a chat of #{messages} messages in #{rooms} rooms")
      Data.create(path, messages, rooms)
    end

    path
  end

  @doc "A copy of such a file, for one side to read and write."
  @spec copy(t(), String.t(), non_neg_integer(), pos_integer()) :: Path.t()
  def copy(world, name, messages \\ nil, rooms \\ 100) do
    path = Path.join(world.folder, "#{name}.db")
    File.cp!(seed(world, messages || world.messages, rooms), path)
    path
  end

  @doc "Removes a copy with its log."
  @spec remove(Path.t()) :: :ok
  def remove(path), do: Enum.each(["", "-wal", "-shm"], &File.rm(path <> &1))

  @doc "Gives a copy to the repo, and another to plain rusqlite."
  @spec with_both(t(), (PlainRusqlite.t() -> result)) :: result when result: term()
  def with_both(world, messages \\ nil, fun) do
    with_repo(world, messages, fn ->
      path = copy(world, "plain", messages)
      result = PlainRusqlite.with_open(path, fun)
      remove(path)
      result
    end)
  end

  @doc "Gives a copy to the repo."
  @spec with_repo(t(), (() -> result)) :: result when result: term()
  def with_repo(world, messages \\ nil, rooms \\ 100, fun) do
    path = copy(world, "ours", messages, rooms)
    {:ok, _} = Data.start(path)
    result = fun.()
    AshRusqlite.Bench.Repo.stop()
    remove(path)
    result
  end
end
