defmodule AshRusqlite.NativeTest do
  # Code is one for the whole VM.
  use AshRusqlite.Case, async: false

  alias AshRusqlite.Native

  # P7: code can change under load.
  test "the module is loaded again and again while processes write and read", %{repo: repo} do
    writers =
      for w <- 1..4 do
        elsewhere(repo, fn ->
          Stream.iterate(1, &(&1 + 1))
          |> Stream.take_while(fn _ -> not stopped?() end)
          |> Enum.map(fn n ->
            row = Repo.insert!(:rooms, id: "#{w}-#{n}", title: "#{w}-#{n}")
            assert Repo.get!(:rooms, row.id) == row

            if rem(n, 10) == 0 do
              assert {:ok, _} =
                       Repo.transaction(fn -> Repo.update!(:rooms, row.id, hidden: true) end)
            end
          end)
          |> length()
        end)
      end

    for _ <- 1..10 do
      Process.sleep(20)
      :code.purge(Native)
      assert {:module, Native} = :code.load_file(Native)
    end

    for writer <- writers, do: send(writer.pid, :stop)
    acknowledged = writers |> Task.await_many(30_000) |> Enum.sum()

    assert acknowledged > 0
    assert Repo.count(:rooms) == acknowledged
  end

  test "a time is of three or four parts, the fourth true or false", %{repo: repo} do
    {:ok, %{db: db}} = AshRusqlite.Repo.Registry.lookup(repo)
    write = &Native.write(db, make_ref(), {:delete, :rooms, nil, false}, &1)

    assert {:queued, _} = write.({0, 0, 5_000})
    assert {:queued, _} = write.({0, 0, 5_000, true})
    assert {:error, {:invalid_option, _, _, _}} = write.({0, 0, 5_000, :yes})
    assert {:error, {:invalid_option, _, _, _}} = write.({0, 0, 5_000, true, true})
  end

  test "no process waits inside the module" do
    {:ok, source} = File.read("lib/ash_rusqlite/native.ex")
    refute source =~ ~r/^\s*receive\b/m
  end

  test "only the repo's modules call it" do
    allowed = ~r"^lib/ash_rusqlite/(native\.ex|repo/)"

    for file <- Path.wildcard("lib/**/*.ex"), not (file =~ allowed) do
      refute File.read!(file) =~ ~r/\bNative\.\w/, "#{file} calls a native function"
    end
  end

  defp stopped? do
    receive do
      :stop -> true
    after
      0 -> false
    end
  end
end
