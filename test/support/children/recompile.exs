# Runs in a copy of the project, by `mix run`: changes every source while processes write, and
# compiles as `recompile()` does.
[database] = System.argv()

alias AshRusqlite.Repo

{:ok, repo} = Repo.start_link(database: database)

{:ok, _} =
  Repo.Schema.ensure_table(repo,
    table: "rooms",
    columns: [[name: "id", type: "TEXT"]],
    primary_key: ["id"]
  )

stop = :atomics.new(1, [])

writers =
  for w <- 1..8 do
    spawn_monitor(fn ->
      count =
        Stream.iterate(1, &(&1 + 1))
        |> Enum.find(fn n ->
          {:ok, _} = Repo.Writes.insert(repo, :rooms, id: "#{w}-#{n}")
          %{} = Repo.Reads.get(repo, :rooms, "#{w}-#{n}")
          :atomics.get(stop, 1) == 1
        end)

      exit({:done, count})
    end)
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

for round <- 1..2 do
  # What needs Ash and what is a protocol are left as they are.
  for file <- Path.wildcard("lib/**/*.ex"),
      not (file =~ "data_layer"),
      source = File.read!(file),
      [line] <- [
        Regex.run(~r/^defmodule AshRusqlite\S* do$/m, source) ||
          Regex.run(~r/^defmodule \S+ do$/m, source)
      ] do
    source = String.replace(source, ~r/\n  def in_round, do: \d+$/m, "")

    File.write!(
      file,
      String.replace(source, line, "#{line}\n  def in_round, do: #{round}", global: false)
    )
  end

  IO.puts("compiled #{compile.()}")
  IO.puts("round #{apply(Repo.Call, :in_round, [])} #{apply(AshRusqlite.Native, :in_round, [])}")
end

IO.puts("again #{compile.()}")

# A source that cannot be compiled leaves what runs as it is.
call = File.read!("lib/ash_rusqlite/repo/call.ex")
File.write!("lib/ash_rusqlite/repo/call.ex", call <> "\nthis is no Elixir(")
IO.puts("broken #{compile.()} round #{apply(Repo.Call, :in_round, [])}")
:atomics.put(stop, 1, 1)

counts =
  for {_, ref} <- writers do
    receive do
      {:DOWN, ^ref, _, _, {:done, count}} -> count
      {:DOWN, ^ref, _, _, reason} -> IO.puts("error #{inspect(reason)}") && 0
    end
  end

IO.puts("stored #{Repo.Reads.count(repo, :rooms)} of #{Enum.sum(counts)}")
System.halt(0)
