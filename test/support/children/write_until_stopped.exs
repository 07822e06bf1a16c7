# Writes from many processes and says "ack ID" for each row that was acknowledged. A long read
# and a backup run as well. At the line "stop" the VM ends in the given way, in the middle of it.
[database, folder, how] = System.argv()

alias AshRusqlite.{Native, Repo}
alias MyApp.Repo, as: MyRepo

Logger.configure(level: :none)
children = [{MyRepo, database: database}]
{:ok, _} = Supervisor.start_link(children, strategy: :one_for_one, max_restarts: 1_000)

for w <- 1..30 do
  spawn(fn ->
    for n <- Stream.iterate(1, &(&1 + 1)) do
      id = "#{w}-#{n}"

      written =
        if rem(n, 10) == 0,
          do: MyRepo.transaction(fn -> MyRepo.insert!(:rooms, id: id, title: id) end),
          else: MyRepo.insert(:rooms, id: id, title: id)

      with {:ok, _} <- written, do: IO.puts("ack #{id}")
    end
  end)
end

spawn(fn ->
  for n <- Stream.iterate(1, &(&1 + 1)), do: MyRepo.backup(Path.join(folder, "backup-#{n}"))
end)

endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

for _ <- 1..4, do: spawn(fn -> MyRepo.query(endless, [], timeout: :infinity) end)

"stop\n" = IO.gets("")

case how do
  "halt" ->
    System.halt(0)

  "init_stop" ->
    :init.stop()
    Process.sleep(:infinity)

  "unload" ->
    # Nothing of the old code stays: the library closes its databases and ends its threads.
    true = :code.delete(Native)
    :code.purge(Native)
    IO.puts("unloaded")

    {:module, Native} = Code.ensure_loaded(Native)
    {:ok, again} = Repo.start_link(database: database)
    {:ok, _} = Repo.Writes.insert(again, :rooms, id: "again", title: "again")
    IO.puts("again")
    System.halt(0)
end
