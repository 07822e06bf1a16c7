# Another OS process that writes to journaled tables.
[database] = System.argv()
{:ok, repo} = AshRusqlite.Repo.start_link(database: database)

for number <- 1..3 do
  {:ok, _} =
    AshRusqlite.Repo.Writes.insert(repo, :notes, id: "theirs-#{number}", room_id: "theirs")
end

IO.puts("written")
IO.gets("")
