defmodule AshRusqlite.Bench.Data do
  @moduledoc false
  # The chat's tables and rows. native/bench/src/message.rs makes the same messages.

  alias AshRusqlite.Bench.Repo

  @migrations Path.expand("../examples/ash_chat/priv/repo/migrations", __DIR__)
  @without_journal Path.expand("migrations/20260110090001_without_journal.sql", __DIR__)
  @words "the quick brown fox jumps over a lazy dog and asks who cooks today "
  @users 50
  @members 10
  @chunk 10_000

  @doc "The files of the migrations. The last one switches the journal off."
  @spec migrations() :: [Path.t()]
  def migrations, do: Path.wildcard(@migrations <> "/*.sql") ++ [@without_journal]

  @doc "Opens a database for `AshRusqlite.Bench.Repo`. Its tables are as the migrations made them."
  @spec start(Path.t(), keyword()) :: {:ok, pid()} | {:error, term()}
  def start(path, options \\ []) do
    options
    |> Keyword.merge(database: path, migrations: @migrations, auto_migrate: false)
    |> Repo.start_link()
  end

  @doc "Creates a database with rooms, users, memberships and messages."
  @spec create(Path.t(), non_neg_integer(), pos_integer()) :: :ok
  def create(path, messages, rooms) do
    temporary = path <> ".new"
    {:ok, _} = start(temporary)
    folder = path <> ".migrations"
    File.mkdir_p!(folder)
    for file <- migrations(), do: File.cp!(file, Path.join(folder, Path.basename(file)))
    Repo.migrate!(migrations: folder)
    File.rm_rf!(folder)
    Repo.insert_all(:rooms, for(n <- 1..rooms, do: [id: uuid(), title: "Room #{n}"]))

    Repo.insert_all(
      :users,
      for(n <- 1..@users, do: [id: uuid(), name: "user#{n}", display_name: "User #{n}"])
    )

    members = members()
    Repo.insert_all(:room_memberships, memberships(members))

    Enum.each(Enum.chunk_every(0..(messages - 1)//1, @chunk), fn numbers ->
      Repo.insert_all(:messages, Enum.map(numbers, &message(&1, members)), timeout: :infinity)
    end)

    Repo.stop()
    File.rename!(temporary, path)
  end

  defp memberships({rooms, users}) do
    for room <- 0..(tuple_size(rooms) - 1), n <- 0..(@members - 1) do
      user = elem(users, rem(room + n, tuple_size(users)))
      [id: uuid(), room_id: elem(rooms, room), user_id: user]
    end
  end

  @doc "The ids of the rooms and users, for `message/2`."
  @spec members() :: {tuple(), tuple()}
  def members, do: {ids(:rooms), ids(:users)}

  defp ids(table) do
    rows = Repo.all(table, select: [:id], order_by: :id)
    rows |> Enum.map(& &1.id) |> List.to_tuple()
  end

  @doc "The ids of all messages, by time."
  @spec message_ids() :: tuple()
  def message_ids do
    rows = Repo.all(:messages, select: [:id], order_by: [:created_at, :id], timeout: :infinity)
    rows |> Enum.map(& &1.id) |> List.to_tuple()
  end

  @doc "A new message: the `number` of it gives all but its id."
  @spec message(non_neg_integer(), {tuple(), tuple()}) :: map()
  def message(number, {rooms, users}) do
    at = DateTime.from_unix!(1_767_225_600_000_000 + number * 1_000_003, :microsecond)

    %{
      id: uuid(),
      content: content(number),
      role: if(rem(number, 3) == 0, do: "assistant", else: "user"),
      message_type: "text",
      metadata: %{
        "model" => "llama3.1",
        "tokens" => rem(number, 4096),
        "stream" => true,
        "tags" => ["chat", "bench"]
      },
      room_id: elem(rooms, rem(number, tuple_size(rooms))),
      user_id: elem(users, rem(number, tuple_size(users))),
      created_at: at,
      updated_at: at
    }
  end

  # Between 20 and 220 characters.
  defp content(number) do
    binary_part(text(), rem(number, byte_size(@words)), 20 + rem(number * 37, 200))
  end

  @doc "What the content of messages is cut from."
  @spec text() :: String.t()
  def text, do: String.duplicate(@words, 5)

  @doc "A random UUID as text."
  @spec uuid() :: String.t()
  def uuid do
    <<a::48, _::4, b::12, _::2, c::62>> = :rand.bytes(16)
    hex = Base.encode16(<<a::48, 4::4, b::12, 2::2, c::62>>, case: :lower)
    <<a::binary-8, b::binary-4, c::binary-4, d::binary-4, e::binary-12>> = hex
    "#{a}-#{b}-#{c}-#{d}-#{e}"
  end
end
