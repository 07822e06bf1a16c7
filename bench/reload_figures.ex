defmodule AshRusqlite.Bench.ReloadFigures do
  @moduledoc false
  # How long a writer waits at most while the native library is replaced by another one.

  alias AshRusqlite.Bench.{Data, Figure, Repo, Work, World}
  alias AshRusqlite.MixCompiler.Reload

  @writers 64
  @reloads 5
  # Milliseconds: between two reloads, and what a writer may wait.
  @pause 300
  @bar 500

  @doc "The figures."
  @spec all() :: [Figure.t()]
  def all do
    [
      %Figure{
        name: "longest pause of one of 64 writers while native code is replaced, against 500 ms",
        unit: :ms,
        limit: :below,
        bar: 1.0,
        measure: &measure/1
      }
    ]
  end

  defp measure(world) do
    World.with_repo(world, fn ->
      Work.remember_all()
      members = Work.recall(:members)
      stop = :atomics.new(1, [])
      writers = for n <- 1..@writers, do: Task.async(fn -> write(n, members, stop, 0) end)

      replace(fn load ->
        for n <- 1..@reloads do
          Process.sleep(@pause)
          load.(n)
        end
      end)

      Process.sleep(@pause)
      :atomics.put(stop, 1, 1)
      [{writers |> Task.await_many(:infinity) |> Enum.max(), @bar}]
    end)
  end

  defp write(number, members, stop, longest) do
    if :atomics.get(stop, 1) == 0 do
      began = System.monotonic_time(:microsecond)
      {:ok, _} = Repo.insert(:messages, Data.message(number, members))
      took = (System.monotonic_time(:microsecond) - began) / 1_000
      write(number + @writers, members, stop, max(longest, took))
    else
      longest
    end
  end

  # Another file is another library, even with the same content.
  defp replace(fun) do
    folder = Application.app_dir(:ash_rusqlite, "priv/native")
    current = Path.join(folder, "current")
    name = File.read!(current)
    other = name <> "-again"

    try do
      File.cp!(Path.join(folder, name <> ".so"), Path.join(folder, other <> ".so"))

      fun.(fn n ->
        name = if rem(n, 2) == 1, do: other, else: name
        File.write!(current, name)
        {:ok, true} = Reload.load(name)
      end)
    after
      File.write!(current, name)
      File.rm(Path.join(folder, other <> ".so"))
      Reload.load(name)
    end
  end
end
