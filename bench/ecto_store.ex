if Code.ensure_loaded?(Ecto.Adapters.SQLite3) do
  defmodule AshRusqlite.Bench.EctoRepo do
    @moduledoc false
    use Ecto.Repo, otp_app: :ash_rusqlite, adapter: Ecto.Adapters.SQLite3
  end

  defmodule AshRusqlite.Bench.EctoMessage do
    @moduledoc false
    use Ecto.Schema

    @primary_key {:id, :binary_id, autogenerate: true}

    schema "messages" do
      field(:content, :string)
      field(:role, :string)
      field(:message_type, :string)
      field(:image_url, :string)
      field(:image_data, :binary)
      field(:metadata, :map)
      field(:room_id, :binary_id)
      field(:user_id, :binary_id)
      field(:profile_id, :binary_id)
      field(:agent_card_id, :binary_id)
      field(:created_at, :utc_datetime_usec)
      field(:updated_at, :utc_datetime_usec)
    end
  end

  defmodule AshRusqlite.Bench.EctoStore do
    @moduledoc false
    # Messages in Ecto on ecto_sqlite3, in the table that the chat's migrations made. Structs are
    # written as they are, without a changeset that casts them: the least that Ecto does.

    import Ecto.Query

    alias AshRusqlite.Bench.{EctoMessage, EctoRepo, World}

    # SQLite takes 32,766 parameters, a message has nine. Larger and smaller chunks are no faster.
    @chunk 500

    @doc """
    Starts it on a copy of a chat. Its options are its own defaults, but for the durability and
    the page cache, which are ours.
    """
    @spec start(World.t(), non_neg_integer(), pos_integer(), keyword()) :: Path.t()
    def start(world, messages, rooms, options) do
      {:ok, _} = Application.ensure_all_started(:ecto_sqlite3)
      # Its connections close when they are collected, which deletes the log of their path: so no
      # two have one.
      name = "ecto-#{System.unique_integer([:positive])}"
      path = World.copy(world, name, messages, rooms)

      {:ok, _} =
        [
          database: path,
          journal_mode: :wal,
          synchronous: :full,
          cache_size: -16_000,
          log: false
        ]
        |> Keyword.merge(options)
        |> EctoRepo.start_link()

      # What is compared is as durable as ours.
      %{rows: [["wal"]]} = EctoRepo.query!("PRAGMA journal_mode")
      %{rows: [[2]]} = EctoRepo.query!("PRAGMA synchronous")
      path
    end

    @doc "Stops it and removes the copy."
    @spec stop(Path.t()) :: :ok
    def stop(path) do
      EctoRepo.stop()
      World.remove(path)
    end

    @doc "A message by its id."
    @spec get(String.t()) :: struct()
    def get(id), do: EctoRepo.get!(EctoMessage, id)

    @doc "The latest 50 messages of a room."
    @spec latest_50(String.t()) :: [struct()]
    def latest_50(room) do
      EctoRepo.all(
        from(message in EctoMessage,
          where: message.room_id == ^room,
          order_by: [desc: message.created_at, desc: message.id],
          limit: 50
        )
      )
    end

    @doc "The struct that `insert/1` writes."
    @spec new(map()) :: struct()
    def new(message), do: struct!(EctoMessage, message)

    @doc """
    Inserts a struct. Of the errors that a user would see, `:busy` is the lock of another
    connection that did not become free, and `:no_connection` the same of the pool's connections.
    """
    @spec insert(struct()) :: :ok | :busy | :no_connection
    def insert(message) do
      {:ok, _} = EctoRepo.insert(message)
      :ok
    rescue
      DBConnection.ConnectionError -> :no_connection
      error in Exqlite.Error -> busy(error, __STACKTRACE__)
    end

    defp busy(error, stacktrace) do
      if Exception.message(error) =~ ~r/busy|locked/i, do: :busy, else: reraise(error, stacktrace)
    end

    @doc "Inserts messages in one transaction, in as many statements as SQLite's limit needs."
    @spec insert_all([map()]) :: :ok
    def insert_all(messages) do
      {:ok, :ok} =
        EctoRepo.transaction(
          fn ->
            messages
            |> Enum.chunk_every(@chunk)
            |> Enum.each(&EctoRepo.insert_all(EctoMessage, &1, timeout: :infinity))
          end,
          timeout: :infinity
        )

      :ok
    end

    @doc "Changes the content of a message that was read before."
    @spec update(struct(), String.t()) :: :ok
    def update(message, content) do
      {:ok, _} = message |> Ecto.Changeset.change(content: content) |> EctoRepo.update()
      :ok
    end
  end
end
