# What a reload of native code does to what is open. The folder is a copy of the application.
[app, folder] = System.argv()
ebin = Path.join(app, "ebin")
native = Path.join(app, "priv/native")
Code.prepend_path(ebin)
Code.require_file("../../../native/mix_compiler/reload.exs", __DIR__)
Logger.configure(level: :error)

alias AshRusqlite.{Error, Repo}
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
Enum.find(1..500, fn _ -> Process.sleep(10) && folders.() == 0 end)
IO.puts("closed #{folders.() == 0}")

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
