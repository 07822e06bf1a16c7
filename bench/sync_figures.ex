defmodule AshRusqlite.Bench.SyncFigures do
  @moduledoc false
  # What is durable when it is answered, against the same with `synchronous: :off`, which is not.

  alias AshRusqlite.Bench.{Data, Figure, Measure, Work, World}
  alias AshRusqlite.Repo.{Transaction, Writes}

  @processes 32

  @doc "The figures."
  @spec all() :: [Figure.t()]
  def all do
    [
      figure("transaction of an insert, #{@processes} processes", fn world, repo, round ->
        # As many as 64 processes insert without one.
        count = world.inserts[64]
        Measure.per_s(Work.insert_with(count, @processes, round, &transaction(repo, &1)), count)
      end)
    ]
  end

  defp transaction(repo, message) do
    {:ok, {:ok, _}} =
      Transaction.transaction(repo, fn -> Writes.insert(repo, :messages, message) end)
  end

  @doc "A figure of a rate, which `one` gives for a round of a repo."
  @spec figure(String.t(), (World.t(), pid(), non_neg_integer() -> float())) :: Figure.t()
  def figure(name, one) do
    %Figure{
      name: name <> ", against synchronous off",
      unit: :per_s,
      limit: :at_least,
      bar: 0.85,
      measure: &measure(&1, one)
    }
  end

  defp measure(world, one) do
    World.with_repo(world, fn -> Work.remember_all() end)

    with_copy(world, "synced", [], fn synced ->
      with_copy(world, "unsynced", [synchronous: :off], fn unsynced ->
        Measure.rounds(
          world.write_rounds,
          &settled(synced, one.(world, synced, &1)),
          &settled(unsynced, one.(world, unsynced, &1))
        )
      end)
    end)
  end

  defp with_copy(world, name, options, fun) do
    path = World.copy(world, name)
    {:ok, repo} = Data.start(path, [name: nil] ++ options)
    result = fun.(repo)
    Supervisor.stop(repo)
    World.remove(path)
    result
  end

  # The kernel writes what is not synced some time later, which is no work of the next round.
  defp settled(repo, rate) do
    {0, nil} = Writes.delete_all(repo, :messages, where: [id: Data.uuid()])
    {_, 0} = System.cmd("sync", [])
    rate
  end
end
