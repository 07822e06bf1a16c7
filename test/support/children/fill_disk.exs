# Writes from 20 processes until each of them was refused, says what was acknowledged and what
# was refused, and then, after a line that there is space again, writes once more.
[database] = System.argv()
alias AshRusqlite.Repo.{Reads, Transaction, Writes}

{:ok, repo} = AshRusqlite.Repo.start_link(database: database)
IO.puts("ready")
"go\n" = IO.gets("")

text = String.duplicate("x", 20_000)

insert = fn id ->
  case Writes.insert(repo, :rooms, [id: id, title: id <> text], timeout: 60_000) do
    {:ok, _} -> IO.puts("ack #{id}")
    {:error, error} -> IO.puts("refused #{id} #{error.code}") && error
  end
end

until_refused = fn w ->
  1
  |> Stream.iterate(&(&1 + 1))
  |> Enum.find(fn n -> insert.("#{w}-#{n}") != :ok end)
end

for(w <- 1..20, do: Task.async(fn -> until_refused.(w) end)) |> Task.await_many(60_000)

transaction = fn id ->
  Transaction.transaction(repo, fn ->
    for n <- 1..200,
        do: Writes.insert!(repo, :rooms, id: "#{id}-#{n}", title: "#{id}-#{n}" <> text)
  end)
end

code =
  try do
    {:error, error} = transaction.("tx")
    error.code
  rescue
    error in AshRusqlite.Error -> error.code
  end

IO.puts("transaction #{code}")
IO.puts("read #{Reads.count(repo, :rooms)}")
IO.puts("full")
"space\n" = IO.gets("")

for(w <- 1..20, do: Task.async(fn -> insert.("#{w}-again") end)) |> Task.await_many(60_000)
{:ok, _} = transaction.("tx-again")
IO.puts("over")
IO.gets("")
