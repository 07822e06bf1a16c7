# Runs in a copy of the project, by `mix run`: changes Rust sources, by turns of the NIF and of the
# engine, and compiles as `recompile()` does, while processes write, read and run transactions.
[database, rounds] = System.argv()

alias AshRusqlite.{Error, Repo}

nif = {"native/nif/src/nifs/database.rs", ~s|env!("CARGO_PKG_VERSION").as_bytes()|}

engine =
  {"native/engine/src/sqlite/not_a_read.rs", ~s("writes: use delete, delete_all or execute")}

repos =
  for database <- [database, ":memory:"] do
    {:ok, repo} = Repo.start_link(database: database)

    {:ok, _} =
      Repo.Schema.ensure_table(repo,
        table: "rooms",
        columns: [[name: "id", type: "TEXT"]],
        primary_key: ["id"]
      )

    repo
  end

# What the code in each of the changed places says.
says = fn ->
  {:error, %Error{message: message}} = Repo.Reads.query(hd(repos), "DELETE FROM rooms")
  {AshRusqlite.versions().engine, message}
end

stop = :atomics.new(1, [])

write = fn repo, id ->
  try do
    with {:ok, _} <- Repo.Writes.insert(repo, :rooms, id: id) do
      %{id: ^id} = Repo.Reads.get(repo, :rooms, id)
      {:ok, id}
    end
  rescue
    error in Error -> {:error, error}
  end
end

transact = fn repo, id ->
  Repo.Transaction.transaction(repo, fn ->
    case write.(repo, id) do
      {:ok, id} -> id
      {:error, error} -> Repo.Transaction.rollback(repo, error)
    end
  end)
end

work = fn repo, w ->
  Stream.iterate(1, &(&1 + 1))
  |> Enum.reduce_while({0, []}, fn n, {written, errors} ->
    id = "#{w}-#{n}"

    acc =
      case if(rem(n, 10) == 0, do: transact, else: write).(repo, id) do
        {:ok, ^id} -> {written + 1, errors}
        {:error, %Error{code: :code_replaced}} when rem(n, 10) == 0 -> {written, errors}
        {:error, error} -> {written, [error | errors]}
      end

    # Cargo needs some of the machine, too.
    Process.sleep(5)
    if :atomics.get(stop, 1) == 1, do: {:halt, acc}, else: {:cont, acc}
  end)
end

tasks =
  for {repo, r} <- Enum.with_index(repos), w <- 1..32 do
    {_pid, ref} = spawn_monitor(fn -> exit({:done, r, work.(repo, "#{r}-#{w}")}) end)
    ref
  end

compile = fn ->
  for task <- [
        "compile",
        "compile.all" | Enum.map(Mix.Tasks.Compile.compilers(), &"compile.#{&1}")
      ],
      do: Mix.Task.reenable(task)

  {result, _diagnostics} = Mix.Task.run("compile", ["--return-errors"])
  result
end

change = fn {file, text}, new ->
  source = File.read!(file)
  true = source =~ text
  File.write!(file, String.replace(source, text, new))
  {file, new}
end

Enum.reduce(1..String.to_integer(rounds), {nif, engine}, fn round, {nif, engine} ->
  {before, message} = says.()
  began = System.monotonic_time(:millisecond)
  nif? = rem(round, 2) == 1

  {nif, engine} =
    if nif?,
      do: {change.(nif, ~s(b"round #{round}")), engine},
      else: {nif, change.(engine, ~s("says round #{round}"))}

  result = compile.()
  {version, now} = says.()
  milliseconds = System.monotonic_time(:millisecond) - began

  runs? =
    if nif?,
      do: {version, now} == {"round #{round}", message},
      else: version == before and now =~ "says round #{round}"

  IO.puts("round #{round} #{result} #{runs?}")
  IO.puts("took #{if nif?, do: "nif", else: "engine"} #{milliseconds}")
  {nif, engine}
end)

:atomics.put(stop, 1, 1)

results =
  for ref <- tasks do
    receive do
      {:DOWN, ^ref, _, _, {:done, r, {written, errors}}} -> {r, written, errors}
      {:DOWN, ^ref, _, _, reason} -> {0, 0, [reason]}
    after
      60_000 -> {0, 0, [:hangs]}
    end
  end

for {_, _, errors} <- results, error <- errors, do: IO.puts("error #{inspect(error)}")

for {repo, r} <- Enum.with_index(repos) do
  acknowledged = for {^r, written, _} <- results, reduce: 0, do: (sum -> sum + written)
  IO.puts("stored #{Repo.Reads.count(repo, :rooms)} of #{acknowledged}")
end

System.halt(0)
