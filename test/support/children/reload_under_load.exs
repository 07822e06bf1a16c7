# Replaces every module and the native library again and again while 64 processes write, read and run
# transactions on a file and on a database in memory. The folder is a copy of the application.
[app, database, rounds] = System.argv()
rounds = String.to_integer(rounds)

ebin = Path.join(app, "ebin")
native = Path.join(app, "priv/native")
Code.prepend_path(ebin)
Code.require_file("../../../native/mix_compiler/reload.exs", __DIR__)

alias AshRusqlite.{Error, Repo}
alias AshRusqlite.MixCompiler.Reload

defmodule NewCode do
  # The same module with one more function, as a changed source would give it.
  def change!(file, round) do
    {:ok, {module, [debug_info: {:debug_info_v1, backend, data}]}} =
      :beam_lib.chunks(String.to_charlist(file), [:debug_info])

    {:ok, forms} = backend.debug_info(:erlang_v1, module, data, [])
    name = :"in_round_#{round}"
    function = {:function, 1, name, 0, [{:clause, 1, [], [], [{:integer, 1, round}]}]}
    {before, [eof]} = Enum.split(forms ++ [{:eof, 1}], -1)
    {[file_form, module_form], rest} = Enum.split(before, 2)
    forms = [file_form, module_form, {:attribute, 1, :export, [{name, 0}]}] ++ rest ++ [function]
    {:ok, ^module, binary} = :compile.forms(forms ++ [eof], [:return_errors])
    binary
  end

  # Another file is another library for the system, with memory of its own.
  def replace_library!(folder, round) do
    old = File.read!(Path.join(folder, "current"))
    new = "libash_rusqlite_nif-round-#{round}"
    File.cp!(Path.join(folder, old <> ".so"), Path.join(folder, new <> ".so"))
    File.write!(Path.join(folder, "current"), new)
    File.rm!(Path.join(folder, old <> ".so"))
    new
  end

  def resources do
    maps = File.read!("/proc/self/maps") |> String.split("\n")

    libraries =
      for line <- maps, [name] <- [Regex.run(~r/libash_rusqlite_nif\S+/, line)], do: name

    %{
      descriptors: length(File.ls!("/proc/self/fd")),
      threads: length(File.ls!("/proc/self/task")),
      libraries: libraries |> Enum.uniq() |> length(),
      memory: memory()
    }
  end

  # What grows by leaks alone, so the lowest of some seconds: threads that answered may still end.
  def lowest do
    for(_ <- 1..20, do: Process.sleep(100) && resources())
    |> Enum.reduce(&Map.merge(&1, &2, fn _key, one, other -> min(one, other) end))
  end

  defp memory do
    [_, kib] = Regex.run(~r/VmRSS:\s+(\d+)/, File.read!("/proc/self/status"))
    String.to_integer(kib)
  end
end

beams = Path.wildcard(Path.join(ebin, "Elixir.AshRusqlite*.beam"))
beams = Enum.reject(beams, &(Path.basename(&1) =~ ~r/DataLayer|Mix/))
originals = for beam <- beams, do: {beam, File.read!(beam)}

for beam <- beams,
    do: {:module, _} = beam |> Path.basename(".beam") |> String.to_atom() |> Code.ensure_loaded()

table = "CREATE TABLE rooms (id TEXT PRIMARY KEY, title TEXT NOT NULL)"
migrations = Path.join(app, "migrations")
File.mkdir_p!(migrations)

File.write!(
  Path.join(migrations, "20260101000000_rooms.sql"),
  "-- up\n#{table};\n-- down\nDROP TABLE rooms;\n"
)

repos =
  for database <- [database, ":memory:"] do
    {:ok, repo} = Repo.start_link(database: database, migrations: migrations)
    {:ok, _} = Repo.Maintenance.migrate(repo)

    # Its journal is followed meanwhile.
    columns = [[name: "id", type: "TEXT"], [name: "title", type: "TEXT", null: false]]
    journal = [type: "room"]
    spec = [table: "rooms", primary_key: ["id"], columns: columns, journal: journal]
    {:ok, _} = Repo.Schema.ensure_table(repo, spec)
    repo
  end

follow = fn follow, last ->
  receive do
    {:journal, subscription, events} ->
      seqs = Enum.map(events, & &1.seq)
      AshRusqlite.Journal.ack(subscription, List.last(seqs))

      if seqs == Enum.to_list((last + 1)..List.last(seqs)),
        do: follow.(follow, List.last(seqs)),
        else: exit({:followed, {last, seqs}})

    {:journal_closed, _subscription, error} ->
      exit({:followed, error})

    {:until, ^last} ->
      exit({:followed, last})

    {:until, head} ->
      send(self(), {:until, head})
      Process.sleep(5)
      follow.(follow, last)
  end
end

followers =
  for repo <- repos do
    spawn_monitor(fn ->
      {:ok, _} = Repo.Events.subscribe(repo, from: 0)
      follow.(follow, 0)
    end)
  end

# Whether to stop, whether to pause, and how many pause.
{stop, pause, paused} = {1, 2, 3}
flags = :atomics.new(3, [])
stopped? = fn -> :atomics.get(flags, stop) == 1 end

wait = fn done? ->
  Enum.find(Stream.cycle([:again]), fn _ -> done?.() || !Process.sleep(5) end)
end

pause_if_asked = fn ->
  if :atomics.get(flags, pause) == 1 do
    :atomics.add(flags, paused, 1)
    wait.(fn -> :atomics.get(flags, pause) == 0 end)
    :atomics.sub(flags, paused, 1)
  end
end

work = fn repo, w ->
  Stream.iterate(1, &(&1 + 1))
  |> Enum.reduce_while({0, 0, []}, fn n, {written, replaced, errors} ->
    pause_if_asked.()
    id = "#{w}-#{n}"
    insert = fn -> Repo.Writes.insert(repo, :rooms, id: id, title: id) end

    get = fn ->
      try do
        {:ok, Repo.Reads.get(repo, :rooms, id)}
      rescue
        error in Error -> {:error, error}
      end
    end

    result =
      case rem(n, 10) do
        0 ->
          Repo.Transaction.transaction(repo, fn ->
            with {:ok, _} <- insert.(), {:ok, row} <- get.() do
              if rem(n, 50) == 0, do: Process.sleep(20)
              row
            else
              {:error, error} -> Repo.Transaction.rollback(repo, error)
            end
          end)

        _ ->
          with {:ok, _} <- insert.(), do: get.()
      end

    acc =
      case result do
        {:ok, %{id: ^id}} ->
          {written + 1, replaced, errors}

        {:error, %Error{code: :code_replaced, retryable?: true}} ->
          {written, replaced + 1, errors}

        other ->
          {written, replaced, [other | errors]}
      end

    if stopped?.(), do: {:halt, acc}, else: {:cont, acc}
  end)
end

# Not linked: killed processes are counted.
tasks =
  for {repo, r} <- Enum.with_index(repos), w <- 1..32 do
    {_pid, ref} = spawn_monitor(fn -> exit({:done, r, work.(repo, "#{r}-#{w}")}) end)
    ref
  end

reload = fn round ->
  for {beam, original} <- originals do
    File.write!(beam, original)
    File.write!(beam, NewCode.change!(beam, round))
  end

  {:ok, true} = Reload.load(NewCode.replace_library!(native, round), ebin)
  # What starts threads beside the writer's.
  {:ok, _} = Repo.Maintenance.check(hd(repos), quick: true)
  ^round = apply(Repo.Call, :"in_round_#{round}", [])
  # The process that waits for the result sees that this continues.
  IO.puts("round #{round}")
  Process.sleep(50)
end

# Readers are opened as they are needed, so it is counted after a reload that nobody works in.
count_after = fn round ->
  :atomics.put(flags, pause, 1)
  wait.(fn -> :atomics.get(flags, paused) == length(tasks) end)
  reload.(round)
  for pid <- Process.list(), do: :erlang.garbage_collect(pid)
  counted = NewCode.lowest()
  :atomics.put(flags, pause, 0)
  wait.(fn -> :atomics.get(flags, paused) == 0 end)
  counted
end

# The first ones make what stays.
warm = min(20, div(rounds, 3))
for round <- 1..(warm - 1)//1, do: reload.(round)
before = count_after.(warm)
for round <- (warm + 1)..(rounds - 1)//1, do: reload.(round)
later = count_after.(rounds)

:atomics.put(flags, stop, 1)

results =
  for ref <- tasks do
    receive do
      {:DOWN, ^ref, _, _, {:done, r, result}} -> {r, result}
      {:DOWN, ^ref, _, _, reason} -> {0, {0, 0, [reason]}}
    after
      60_000 -> {0, {0, 0, [:hangs]}}
    end
  end

errors = for {_, {_, _, errors}} <- results, error <- errors, do: error
for error <- Enum.take(errors, 5), do: IO.puts("error #{inspect(error)}")
IO.puts("errors #{length(errors)}")

for {repo, r} <- Enum.with_index(repos) do
  acknowledged = for {^r, {written, _, _}} <- results, reduce: 0, do: (sum -> sum + written)
  stored = Repo.Reads.count(repo, :rooms)
  IO.puts("stored #{stored} of #{acknowledged}")
end

for {repo, {follower, ref}} <- Enum.zip(repos, followers) do
  send(follower, {:until, Repo.Events.head(repo)})

  receive do
    {:DOWN, ^ref, _, _, reason} -> IO.puts("followed #{inspect(reason)}")
  after
    60_000 -> IO.puts("followed nothing: it hangs")
  end
end

IO.puts("replaced #{for {_, {_, n, _}} <- results, reduce: 0, do: (sum -> sum + n)}")
IO.puts("libraries #{later.libraries}")
grown = for key <- [:descriptors, :threads, :memory], do: later[key] - before[key]
IO.puts("grown #{Enum.join(grown, " ")} in #{rounds - warm}")

IO.puts("done")
System.halt(0)
