# The chat on each data layer. A store is started with a chat of a number of messages.
if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.Bench.AshOnOurs do
    @moduledoc false
    # This project's data layer, with the options that a repo has when none is given.

    use AshRusqlite.Bench.AshChat,
      data_layer: AshRusqlite.DataLayer,
      repo: AshRusqlite.Bench.Repo

    alias AshRusqlite.Bench.{Data, Repo, World}

    def start(world, messages, options \\ []) do
      path = World.copy(world, "ash-ours", messages, World.ash_rooms())
      {:ok, _} = Data.start(path, options)
      path
    end

    def stop(path) do
      Repo.stop()
      World.remove(path)
    end
  end

  defmodule AshRusqlite.Bench.AshOnEts do
    @moduledoc false
    # Ash's own data layer that keeps everything in memory. Filling it takes so long that what
    # is in its tables then is kept, to begin each figure with.

    use AshRusqlite.Bench.AshChat, data_layer: Ash.DataLayer.Ets

    alias Ash.DataLayer.Ets.Info
    alias AshRusqlite.Bench.{Progress, Repo, World}

    @tables [users: :User, rooms: :Room, room_memberships: :RoomMembership, messages: :Message]

    def start(world, messages) do
      case Process.get({__MODULE__, messages}) do
        nil -> Process.put({__MODULE__, messages}, fill(world, messages))
        kept -> for {table, copy} <- kept, do: :ets.insert(table, :ets.tab2list(copy))
      end
    end

    def stop(_), do: Enum.each(resources(), &:ets.delete_all_objects(Info.table(&1)))

    defp resources, do: for({_table, name} <- @tables, do: Module.concat(__MODULE__, name))

    defp fill(world, messages) do
      Progress.note("filling ETS with a chat of #{messages} messages")

      World.with_repo(world, messages, World.ash_rooms(), fn ->
        for {table, name} <- @tables do
          resource = Module.concat(__MODULE__, name)
          rows = Repo.all(table, timeout: :infinity)
          %{status: :success} = Ash.bulk_create(rows, resource, :seed, return_errors?: true)
          copy(Info.table(resource))
        end
      end)
    end

    defp copy(table) do
      copy = :ets.new(:copy, [])
      :ets.insert(copy, :ets.tab2list(table))
      {table, copy}
    end
  end
end

if Code.ensure_loaded?(Ash) and Code.ensure_loaded?(AshSqlite) do
  defmodule AshRusqlite.Bench.AshSqliteRepo do
    @moduledoc false
    use AshSqlite.Repo, otp_app: :ash_rusqlite
  end

  defmodule AshRusqlite.Bench.AshOnAshSqlite do
    @moduledoc false
    # ash_sqlite with its own defaults, but for the durability and the page cache, which are
    # ours, and for waiting, which never ends in an error: for the lock of another connection
    # (busy_timeout), and for one of the pool's five connections (queue_target).

    use AshRusqlite.Bench.AshChat,
      data_layer: AshSqlite.DataLayer,
      repo: AshRusqlite.Bench.AshSqliteRepo

    alias AshRusqlite.Bench.{AshSqliteRepo, World}

    @wait_ms 600_000

    def start(world, messages) do
      {:ok, _} = Application.ensure_all_started(:ash_sqlite)
      # Its connections close when they are collected, which deletes the log of their path: so no
      # two have one.
      name = "ash-sqlite-#{System.unique_integer([:positive])}"
      path = World.copy(world, name, messages, World.ash_rooms())

      {:ok, _} =
        AshSqliteRepo.start_link(
          database: path,
          journal_mode: :wal,
          synchronous: :full,
          cache_size: -16_000,
          busy_timeout: @wait_ms,
          queue_target: @wait_ms,
          queue_interval: @wait_ms,
          timeout: :infinity,
          log: false
        )

      path
    end

    def stop(path) do
      AshSqliteRepo.stop()
      World.remove(path)
    end
  end
end
