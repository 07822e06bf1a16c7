defmodule AshRusqlite.Repo.MemoryTest do
  # It counts what the whole VM holds.
  use ExUnit.Case, async: false

  alias AshRusqlite.Repo
  alias AshRusqlite.Repo.{Reads, Schema, Writes}

  @notes [
    table: "notes",
    primary_key: ["id"],
    columns: [[name: "id", type: "INTEGER"], [name: "text", type: "TEXT"]]
  ]

  defp use_one do
    options = [database: ":memory:", name: nil, readers: 1, synchronous: :off]
    {:ok, repo} = Repo.start_link(options)
    assert [_] = Schema.ensure_table!(repo, @notes)
    Writes.insert!(repo, :notes, text: "mine")
    assert [%{text: "mine"}] = Reads.all(repo, :notes)
    repo
  end

  test "each has a content of its own" do
    repos = for _ <- 1..20, do: use_one()
    Enum.each(repos, &Repo.stop/1)
  end

  if File.dir?("/proc/self/fd") do
    test "a hundred that come and go leave no thread, file or folder behind" do
      Repo.stop(use_one())
      before = held()

      for n <- 1..100 do
        repo = use_one()
        if rem(n, 2) == 0, do: Repo.stop(repo), else: kill(repo)
      end

      assert eventually(fn -> few_more?(held(), before) end), inspect({before, held()})
    end

    # Other parts of the VM may begin something of their own meanwhile.
    defp few_more?(now, before) do
      Enum.all?(Enum.zip(now, before), fn {now, before} -> now < before + 20 end)
    end

    defp held do
      folders = Path.wildcard("/dev/shm/ash_rusqlite-memory-*")
      [length(File.ls!("/proc/self/task")), length(File.ls!("/proc/self/fd")), length(folders)]
    end

    # As a test that ends without stopping its repo.
    defp kill(repo) do
      Process.unlink(repo)
      ref = Process.monitor(repo)
      Process.exit(repo, :kill)
      assert_receive {:DOWN, ^ref, _, _, :killed}, 5_000
    end

    defp eventually(fun, tries \\ 500) do
      cond do
        fun.() -> true
        tries == 0 -> false
        Process.sleep(10) == :ok -> eventually(fun, tries - 1)
      end
    end
  end
end
