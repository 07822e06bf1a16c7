defmodule AshRusqlite.Bench.Measure do
  @moduledoc false
  # Runs work in processes of its own and measures it, by turns with another.

  @doc """
  Both sides by turns: which one begins changes with every round. The first round is not
  counted, since it fills caches.
  """
  @spec rounds(pos_integer(), (non_neg_integer() -> number()), (non_neg_integer() -> number())) ::
          [{number(), number()}]
  def rounds(count, ours, reference) do
    pairs =
      for round <- 0..count do
        if rem(round, 2) == 0 do
          first = ours.(round)
          {first, reference.(round)}
        else
          first = reference.(round)
          {ours.(round), first}
        end
      end

    tl(pairs)
  end

  @doc """
  Nanoseconds that a new process needs for `run`. `prepare` makes its argument in the same
  process, which is not counted.
  """
  @spec alone((() -> argument), (argument -> term())) :: pos_integer() when argument: term()
  def alone(prepare, run) do
    fn ->
      argument = prepare.()
      :erlang.garbage_collect()
      started = System.monotonic_time()
      run.(argument)
      elapsed(started)
    end
    |> Task.async()
    |> Task.await(:infinity)
  end

  @doc """
  Nanoseconds until each of `count` processes has done its `run`. `prepare` makes the
  argument of process 0 to `count - 1` before all of them begin.
  """
  @spec together(pos_integer(), (non_neg_integer() -> argument), (argument -> term())) ::
          pos_integer()
        when argument: term()
  def together(count, prepare, run) do
    parent = self()

    tasks =
      for n <- 0..(count - 1) do
        Task.async(fn ->
          argument = prepare.(n)
          send(parent, :ready)
          receive do: (:go -> :ok)
          run.(argument)
        end)
      end

    for _ <- tasks, do: receive(do: (:ready -> :ok))
    started = System.monotonic_time()
    Enum.each(tasks, &send(&1.pid, :go))
    Task.await_many(tasks, :infinity)
    elapsed(started)
  end

  @doc "Microseconds of one of `count`."
  @spec us(pos_integer(), pos_integer()) :: float()
  def us(nanoseconds, count), do: nanoseconds / 1_000 / count

  @doc "How many in a second."
  @spec per_s(pos_integer(), pos_integer()) :: float()
  def per_s(nanoseconds, count), do: count * 1.0e9 / nanoseconds

  defp elapsed(started) do
    System.convert_time_unit(System.monotonic_time() - started, :native, :nanosecond)
  end
end
