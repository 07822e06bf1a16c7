# Writes through a repo while Debian's erlang-p1-sqlite3, another SQLite library in this VM, opens the
# same file, writes to it and closes it, again and again. "ack ID" is said for each row that either
# of them has acknowledged. Ends by a signal.
[database, round] = System.argv()

alias MyApp.Repo, as: MyRepo

Logger.configure(level: :none)
{:ok, _} = Supervisor.start_link([{MyRepo, database: database}], strategy: :one_for_one)

for w <- 1..4 do
  spawn_link(fn ->
    for n <- Stream.iterate(1, &(&1 + 1)) do
      id = "ours-#{round}-#{w}-#{n}"
      {:ok, _} = MyRepo.insert(:rooms, id: id, title: id)
      IO.puts("ack #{id}")
      # SQLite looks for a free lock 10 times a second: there must be one now and then.
      if rem(n, 10) == 0, do: Process.sleep(20)
    end
  end)
end

# Opens and closes a second repo of the same file: what it closes must not be theirs.
spawn_link(fn ->
  for _ <- Stream.cycle([1]) do
    {:ok, repo} = AshRusqlite.Repo.start_link(name: nil, database: database)
    AshRusqlite.Repo.stop(repo)
  end
end)

# Its open connections are processes; one of them stays, the others come and go.
open = fn name ->
  {:ok, _} = :sqlite3.open(name, file: String.to_charlist(database))
  [{:columns, _}, {:rows, _}] = :sqlite3.sql_exec(name, "PRAGMA busy_timeout = 30000")
end

insert = fn name, id ->
  {:rowid, _} = :sqlite3.sql_exec(name, "INSERT INTO rooms (id, title) VALUES ('#{id}', '#{id}')")
  IO.puts("ack #{id}")
end

spawn_link(fn ->
  open.(:stays)
  for n <- Stream.iterate(1, &(&1 + 1)), do: insert.(:stays, "theirs-#{round}-stays-#{n}")
end)

spawn_link(fn ->
  for n <- Stream.iterate(1, &(&1 + 1)) do
    open.(:comes)
    insert.(:comes, "theirs-#{round}-comes-#{n}")
    # It answers before it has freed its statement, and does not survive to be closed meanwhile.
    Process.sleep(60)
    :sqlite3.close(:comes)
  end
end)

Process.sleep(:infinity)
