# What a reload of native code does to what is open. The folder is a copy of the application.
[app, folder] = System.argv()
ebin = Path.join(app, "ebin")
native = Path.join(app, "priv/native")
Code.prepend_path(ebin)
Code.require_file("../../../native/mix_compiler/reload.exs", __DIR__)
Logger.configure(level: :error)

alias AshRusqlite.{Error, Native, Repo}
alias AshRusqlite.MixCompiler.Reload

# The mark before the number of the layout in the library, see native/nif/src/handover.rs.
mark = fn layout -> <<layout, "YALRhsA">> end

install = fn name, content ->
  old = File.read!(Path.join(native, "current"))

  File.write!(
    Path.join(native, name <> ".so"),
    content.(File.read!(Path.join(native, old <> ".so")))
  )

  File.write!(Path.join(native, "current"), name)
  Reload.load(name, ebin)
end

again = fn name -> install.(name, & &1) end

database = Path.join(folder, "once.db")
{:ok, repo} = Repo.start_link(database: database)
{:ok, memory} = Repo.start_link(database: ":memory:")
table = [table: "rooms", columns: [[name: "id", type: "TEXT"]], primary_key: ["id"]]
for repo <- [repo, memory], do: {:ok, _} = Repo.Schema.ensure_table(repo, table)
insert = fn repo, id -> Repo.Writes.insert(repo, :rooms, id: id) end

db = fn repo ->
  {:ok, entry} = Repo.Registry.lookup(repo)
  entry.db
end

exists? = fn repo, id -> Repo.Reads.get(repo, :rooms, id) != nil end

# A transaction that has written, one that has begun and run nothing, and one that runs at once.
{:error, %Error{} = error} =
  Repo.Transaction.transaction(repo, fn ->
    {:ok, _} = insert.(repo, "lost")
    {:ok, true} = again.("first")
    {:error, error} = insert.(repo, "after")
    {:error, ^error} = insert.(repo, "after that")
    :swallowed
  end)

IO.puts("written #{error.code} #{error.retryable?} #{Exception.message(error)}")
IO.puts("rolled back #{not exists?.(repo, "lost") and not exists?.(repo, "after")}")

{:error, error} =
  Repo.Transaction.transaction(repo, fn ->
    {:ok, _} = insert.(repo, "not committed")
    {:ok, true} = again.("second")
    :nothing_more
  end)

IO.puts("committed #{error.code} #{not exists?.(repo, "not committed")}")

{:ok, :done} =
  Repo.Transaction.transaction(repo, fn ->
    {:ok, true} = again.("third")
    {:ok, _} = insert.(repo, "kept")
    :done
  end)

IO.puts("idle #{exists?.(repo, "kept")}")

# In memory; what hosts said; who owns it.
{:ok, _} = insert.(memory, "in memory")
{:ok, true} = again.("fourth")
IO.puts("memory #{exists?.(memory, "in memory")}")

# The repo's process gets reports of replaced files from the new code, too.
:ok = GenServer.call(repo, :renew)
for file <- Path.wildcard(database <> "*"), do: File.rename!(file, file <> ".away")

for file <- Path.wildcard(database <> "*.away"),
    do: File.cp!(file, String.replace_suffix(file, ".away", ""))

ExUnit.start(autorun: false)

log =
  ExUnit.CaptureLog.capture_log(fn ->
    Enum.find(1..200, fn n ->
      Process.sleep(20)
      match?({:ok, _}, insert.(repo, "in new files #{n}"))
    end)

    :sys.get_state(repo)
  end)

IO.puts("report #{log =~ "replaced"}")

# Its owner dies.
Process.unlink(memory)

# Those that this process has open.
folders = fn ->
  links = for fd <- File.ls!("/proc/self/fd"), do: File.read_link("/proc/self/fd/#{fd}")
  length(for {:ok, link} <- links, link =~ ~r/ash_rusqlite-memory-.*memory.db$/, do: link)
end

true = folders.() > 0
Process.exit(memory, :kill)
Enum.find(1..2_000, fn _ -> Process.sleep(10) && folders.() == 0 end)
IO.puts("closed #{folders.() == 0}")

# What hosts said of another program's columns, and how many atoms stored values may make.
migrations = Path.join(folder, "migrations")
File.mkdir_p!(migrations)
ddl = "CREATE TABLE visits (id INTEGER PRIMARY KEY, at TEXT, done INTEGER)"
File.write!(Path.join(migrations, "20260101000000_visits.sql"), "-- up\n#{ddl};\n")
visits = Path.join(folder, "visits.db")
{:ok, visits} = Repo.start_link(database: visits, migrations: migrations)
{:ok, _} = Repo.Maintenance.migrate(visits)
columns = [[name: "at", type: "DATETIME_USEC_TEXT"], [name: "done", type: "BOOLEAN_INT"]]
:ok = Repo.Schema.read_as(visits, table: "visits", columns: columns)
visit = %{id: 1, at: ~U[2026-01-02 03:04:05.000006Z], done: true}
{:ok, ^visit} = Repo.Writes.insert(visits, :visits, visit)

{:ok, _} = Native.stored_atom("made_before_#{System.unique_integer([:positive])}")
{made, _} = Native.stored_atoms()
:ok = Native.limit_stored_atoms(made + 1)
{:ok, true} = again.("fifth")

IO.puts("types #{Repo.Reads.get(visits, :visits, 1) == visit}")
IO.puts("atoms #{inspect(Native.stored_atoms() == {made, made + 1})}")
{:ok, _} = Native.stored_atom("the_last_one_#{System.unique_integer([:positive])}")
{:error, {code, _, _, _}} = Native.stored_atom("too_many_#{System.unique_integer([:positive])}")
IO.puts("limit #{code}")

# Ids of the old code: of a request, of a transaction, and of rows that are gathered.
insert_id = fn id ->
  {:queued, request} =
    Native.write(db.(repo), make_ref(), {:insert, :rooms, [[id: id]], :raise, false}, 5_000)

  request
end

written = fn ref ->
  receive do
    {^ref, :ok} -> :ok
    {^ref, {:ok, _}} -> :ok
  end
end

for n <- 1..100, do: insert_id.("request #{n}")
old_request = insert_id.("the last request")
{:ok, old} = Native.tx_open(db.(repo), 5_000)
{:queued, _} = Native.tx_exec(old, make_ref(), :savepoint, 5_000)

count = fn until ->
  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < #{until}) SELECT"
end

many = count.(50_000) <> " i, 'row ' || i FROM n"
{:gathered, rows, _, _} = Native.read_dirty(db.(repo), {:sql, many, []}, 5_000)
{:ok, true} = again.("sixth")

{:ok, new} = Native.tx_open(db.(repo), 5_000)

{:queued, _} =
  Native.tx_exec(
    new,
    ref = make_ref(),
    {:insert, :rooms, [[id: "in the new one"]], :raise, false},
    5_000
  )

written.(ref)
{:error, {code, _, _, _}} = Native.tx_exec(old, make_ref(), {:delete, :rooms, nil, false}, 5_000)
IO.puts("old transaction #{code}")
{:error, {code, _, _, _}} = Native.tx_finish(old, make_ref(), :rollback)
IO.puts("old end #{code}")
# It waits for the transaction.
new_request = insert_id.("behind")

IO.puts(
  "old request #{new_request > old_request and Native.withdraw(db.(repo), old_request) == :running}"
)

{:queued, _} = Native.tx_finish(new, ref, :commit)

written.(ref)

IO.puts(
  "new transaction #{exists?.(repo, "in the new one") and exists?.(repo, "the last request")}"
)

IO.puts("old rows #{inspect(Native.take_rows(rows, 5_000))}")

# A write that takes long is waited for where nothing else has to wait.
slow = count.(10_000_000) <> " 'slow ' || count(*) FROM n"

write =
  Task.async(fn ->
    Repo.Writes.execute(repo, "INSERT INTO rooms (id) #{slow}", [], timeout: 60_000)
  end)

Enum.find(1..5_000, fn _ -> Process.sleep(1) && Native.replaceable() == :writing end)
reload = Task.async(fn -> again.("seventh") end)
Process.sleep(100)
{:module, _} = :code.load_file(:digraph)
IO.puts("code goes on #{Process.alive?(write.pid) and Process.alive?(reload.pid)}")
{:ok, true} = Task.await(reload, :infinity)
{:ok, _} = Task.await(write, :infinity)

# Owners that have died, and whose databases the old code has not closed yet.
owners =
  for _ <- 1..40 do
    {:ok, owner} = Repo.start_link(database: ":memory:", log_start: false)
    Process.unlink(owner)
    owner
  end

handles = Enum.map(owners, db)
reload = Task.async(fn -> again.("many owners") end)
Enum.each(owners, &Process.exit(&1, :kill))
{:ok, true} = Task.await(reload, :infinity)
Enum.find(1..2_000, fn _ -> Process.sleep(10) && folders.() == 0 end)
codes = for handle <- handles, {:error, {code, _, _, _}} <- [Native.config(handle)], do: code
IO.puts("orphans closed #{folders.() == 0} #{length(codes)} #{inspect(Enum.uniq(codes))}")

# A migration that takes long is not waited for.
File.write!(
  Path.join(migrations, "20260102000000_many.sql"),
  "-- up\nCREATE TABLE many AS #{count.(20_000_000)} count(*) AS n FROM n;\n"
)

migration = Task.async(fn -> Repo.Maintenance.migrate(visits) end)

holder = fn ->
  {:ok, stats} = Repo.Maintenance.stats(visits)
  stats.holder
end

Enum.find(1..500, fn _ -> Process.sleep(1) && holder.() end)
{:error, busy} = again.("eighth")
IO.puts("busy #{busy}")
IO.puts("not waited #{Task.yield(migration, 0) == nil}")
{:ok, _} = insert.(repo, "while it migrates")
{:ok, [_]} = Task.await(migration, :infinity)
IO.puts("through #{inspect(Reload.load("eighth", ebin))}")
IO.puts("migrated #{Repo.Reads.count(visits, :many) == 1}")

# Another layout is refused, and the old code goes on.
%{layout: layout} = AshRusqlite.versions()

{:error, refused} =
  install.("other-layout", &String.replace(&1, mark.(layout), mark.(layout + 1)))

IO.puts("refused #{refused}")
{:ok, _} = insert.(repo, "after the refusal")
IO.puts("goes on #{exists?.(repo, "after the refusal")}")
{:ok, true} = install.("same-layout", &String.replace(&1, mark.(layout + 1), mark.(layout)))
IO.puts("then #{exists?.(repo, "after the refusal")}")
System.halt(0)
