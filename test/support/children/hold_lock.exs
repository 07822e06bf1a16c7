# Another OS process in the middle of a write: takes the file's lock, says so, and commits or
# leaves at the next line.
[database] = System.argv()
alias AshRusqlite.Repo.{Transaction, Writes}

{:ok, repo} = AshRusqlite.Repo.start_link(database: database)

Transaction.transaction(
  repo,
  fn ->
    {:ok, _} = Writes.insert(repo, :rooms, id: "theirs", title: "Theirs")
    IO.puts("held")
    "commit\n" = IO.gets("")
  end,
  timeout: :infinity
)

IO.puts("committed")
IO.gets("")
