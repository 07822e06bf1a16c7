defmodule AshRusqlite.Bench.Timer do
  @moduledoc false
  # Whether the VM stands still: a process that sleeps a millisecond and looks at the clock.

  alias AshRusqlite.Bench.{Data, Repo, Work, World}

  @rounds 8
  @tick_us 1_000
  @late_us 10_000
  @writers 64

  # No index serves it, so it reads the messages over and over until its deadline.
  @long_read """
  SELECT count(*) FROM messages a, messages b WHERE a.content LIKE '%' || b.content || '!%'
  """

  @doc "Late ticks and all ticks while 64 processes write and one long read runs."
  @spec busy(World.t()) :: [{non_neg_integer(), pos_integer()}]
  def busy(world) do
    World.with_repo(world, fn ->
      Work.remember_all()
      for _ <- 1..rounds(world), do: one_round(world)
    end)
  end

  @doc "Late ticks and all ticks when nothing else runs: what the machine alone does."
  @spec idle(World.t()) :: [{non_neg_integer(), pos_integer()}]
  def idle(world), do: for(_ <- 1..rounds(world), do: ticks(now() + world.tick_ms * 1_000))

  defp rounds(%{rounds: rounds}), do: min(rounds, @rounds)

  defp one_round(world) do
    stop = :atomics.new(1, [])
    members = Work.recall(:members)
    reader = Task.async(fn -> read(world.tick_ms) end)
    writers = for n <- 1..@writers, do: Task.async(fn -> write(n, members, stop) end)
    ticker = Task.async(fn -> ticks(now() + world.tick_ms * 1_000) end)
    ticks = Task.await(ticker, :infinity)
    :atomics.put(stop, 1, 1)
    Task.await_many([reader | writers], :infinity)
    ticks
  end

  defp read(tick_ms) do
    case Repo.query(@long_read, [], timeout: tick_ms) do
      {:error, %{code: :timeout}} -> :ok
      # Few messages are read to the end before the time is over.
      {:ok, %{num_rows: 1}} -> :ok
    end
  end

  defp write(number, members, stop) do
    if :atomics.get(stop, 1) == 0 do
      {:ok, _} = Repo.insert(:messages, Data.message(number, members))
      write(number + @writers, members, stop)
    end
  end

  defp ticks(until, late \\ 0, all \\ 0) do
    before = now()
    Process.sleep(div(@tick_us, 1_000))
    after_sleep = now()
    late = if after_sleep - before - @tick_us > @late_us, do: late + 1, else: late
    if after_sleep < until, do: ticks(until, late, all + 1), else: {late, all + 1}
  end

  defp now, do: System.monotonic_time(:microsecond)
end
