defmodule AshChat.Demo do
  @moduledoc """
  The main job, `bin/demo`: imports a conversation, lets a second OS process write and be
  killed, counts what was lost, and shows the event journal. `AshChat.Demo.Options` has its
  arguments.
  """

  import AshChat.Demo.Terminal

  alias AshChat.{Import, Repo, Transcript}
  alias AshChat.Demo.{Events, Load, Options, Verify}
  alias AshRusqlite.Progress

  @enough 10_000

  @doc """
  Runs the demo and returns the exit status.

  Options: `folder:` where relative paths begin, by default the current folder; and those of
  `AshChat.Demo.Load.run/2` that say how much is written.
  """
  @spec main([String.t()], keyword()) :: 0..2
  def main(arguments, opts \\ []) do
    {folder, load} = Keyword.pop(opts, :folder, File.cwd!())
    {:ok, _} = Application.ensure_all_started(:ash_rusqlite)

    with {:ok, options} <- parse(arguments, folder),
         :ok <- check_file(options.file) do
      in_folder(options, &run(options, &1, load))
    else
      {:stop, status} -> status
    end
  catch
    {:stop, status} -> status
  end

  defp parse(arguments, folder) do
    case Options.parse(arguments, folder) do
      {:ok, options} ->
        {:ok, options}

      :help ->
        IO.write(Options.help())
        {:stop, 0}

      {:error, reason} ->
        complain(reason <> "; see bin/demo --help")
        {:stop, 2}
    end
  end

  # The file is read twice, so it must be one that can be.
  defp check_file(path) do
    case File.stat(path) do
      {:ok, %{type: :regular}} -> :ok
      {:ok, %{type: :directory}} -> unreadable(path, "is a folder, not a file")
      {:ok, _} -> unreadable(path, "is no regular file: save it as one first")
      {:error, reason} -> unreadable(path, "cannot be read: #{:file.format_error(reason)}")
    end
  end

  defp unreadable(path, why) do
    complain("#{path} #{why}")
    {:stop, 2}
  end

  # The acknowledgements are recorded in a private folder, and so is the database unless a
  # path is given.
  defp in_folder(options, fun) do
    name = "ash_chat-demo-#{Base.encode32(:rand.bytes(10), case: :lower, padding: false)}"
    folder = Path.join(System.tmp_dir!(), name)
    File.mkdir!(folder)
    File.chmod!(folder, 0o700)

    try do
      fun.(folder)
    after
      unless options.keep, do: File.rm_rf!(folder)
    end
  end

  defp run(options, folder, load) do
    database = options.database || Path.join(folder, "chat.db")
    say("Database: #{database}")

    {room, imported} =
      with_repo(database, fn ->
        report = import!(options)
        {room!(options, report), report.messages + report.unchanged}
      end)

    log = Path.join(folder, "acknowledged.log")
    killed = write!(database, log, load)
    reopen_and_check(options, database, killed, room, imported)
  end

  defp with_repo(database, fun) do
    case Repo.start_link(database: database) do
      {:ok, pid} ->
        try do
          with {:error, error} <- Repo.migrate(progress: true), do: fail(error)
          fun.()
        after
          AshRusqlite.Repo.stop(pid)
        end

      {:error, error} ->
        fail(error)
    end
  end

  defp import!(options) do
    name = Path.basename(options.file)
    {microseconds, result} = :timer.tc(fn -> import_file(options) end)

    case result do
      {:ok, %{messages: 0, unchanged: 0}} ->
        fail("#{name} has no message")

      {:ok, report} ->
        say(imported(name, report, microseconds))
        report

      {:error, %Import.Report{} = report} ->
        fail(
          "Nothing was imported: #{report.bad} of #{report.lines} lines are bad. " <>
            "Correct them, or import the others with --keep-going."
        )

      {:error, %File.Error{} = error} ->
        fail(error, 2)

      {:error, error} ->
        fail(error)
    end
  end

  defp import_file(options) do
    Progress.show(fn show ->
      Import.run(options.file,
        keep_going: options.keep_going,
        progress: show,
        on_bad_line: fn number, reason -> complain("line #{number}: #{reason}") end
      )
    end)
  end

  defp imported(name, report, microseconds) do
    unchanged = if report.unchanged > 0, do: "; #{count(report.unchanged)} were there already"
    bad = if report.bad > 0, do: "; #{counted(report.bad, "bad line")} left out"
    new = fn table, word -> counted(Map.get(report.inserted, table, 0), word) end

    "Imported #{counted(report.messages, "message")} of #{name}, with " <>
      "#{new.(:users, "new user")}, #{new.(:agent_cards, "agent")} and #{new.(:rooms, "room")}, " <>
      "in #{duration(microseconds)}#{unchanged}#{bad}"
  end

  defp room!(%{room: nil}, report), do: Repo.get!(:rooms, report.room)

  defp room!(%{room: title}, _report) do
    case Repo.all(:rooms, where: [title: title], limit: 1) do
      [room] ->
        room

      [] ->
        titles = for room <- Repo.all(:rooms, order_by: :title), do: inspect(room.title)
        fail("there is no room #{inspect(title)}; the rooms are #{Enum.join(titles, ", ")}")
    end
  end

  defp write!(database, log, load) do
    wanted = Keyword.get(load, :acknowledgements, 20_000)
    say("A second OS process writes from 64 processes …")

    result =
      Progress.show(fn show ->
        on_progress = fn count ->
          done = min(count, wanted)
          show.(%{phase: :write, label: "acknowledged", done: done, total: wanted})
        end

        Load.run(database, [log: log, on_progress: on_progress] ++ load)
      end)

    case result do
      {:ok, killed} ->
        seconds = Float.round(killed.milliseconds / 1000, 1)
        say("Killed process #{killed.pid} with SIGKILL after #{seconds} s")
        killed

      {:error, reason} ->
        fail(reason)
    end
  end

  defp reopen_and_check(options, database, killed, room, imported) do
    log_size = file_size(database <> "-wal")
    {microseconds, {pid, _}} = :timer.tc(fn -> reopen(database, room) end)

    try do
      say(
        "Reopened in #{duration(microseconds)}, with a log of #{count(log_size)} bytes to recover"
      )

      sound = sound?()
      kept = import_kept?(options, imported)
      result = verify(killed)
      {_, after_kill} = journal(killed)
      chat(room)
      shown = events(room, killed, database)
      {events, at_end} = journal(killed)
      tables()
      rate(result, killed)
      where(options, database)

      say(
        "acknowledged=#{result.acknowledged} recovered=#{result.recovered} " <>
          "events=#{events} lost=#{result.lost}"
      )

      enough = Enum.sum(Map.values(killed.acknowledged)) >= @enough
      journaled = after_kill and shown and at_end
      if sound and kept and enough and journaled and result.problem_count == 0, do: 0, else: 1
    after
      AshRusqlite.Repo.stop(pid)
    end
  end

  defp reopen(database, room) do
    with {:ok, pid} <- Repo.start_link(database: database) do
      {pid, Repo.get!(:rooms, room.id)}
    else
      {:error, error} -> fail(error)
    end
  end

  defp sound? do
    case Repo.check() do
      {:ok, []} ->
        say("Integrity check: ok")
        true

      {:ok, lines} ->
        Enum.each(lines, &complain("integrity check: #{&1}"))
        false

      {:error, error} ->
        fail(error)
    end
  end

  # A second import compares every line with its row, and must have nothing left to insert.
  defp import_kept?(options, imported) do
    case Import.run(options.file, keep_going: options.keep_going) do
      {:ok, %{messages: 0, unchanged: ^imported}} ->
        say("Imported messages, compared with the file: #{count(imported)} of #{count(imported)}")
        true

      {_, %Import.Report{messages: missing, unchanged: unchanged}} ->
        altered = imported - missing - unchanged
        complain("of #{imported} imported messages #{missing} are lost and #{altered} altered")
        false

      {:error, error} ->
        fail(error)
    end
  end

  defp verify(killed) do
    {microseconds, result} = :timer.tc(fn -> Verify.run(killed.script, killed.acknowledged) end)

    say(
      "Acknowledged writes, compared with their rows: #{count(result.recovered)} of " <>
        "#{count(result.acknowledged)}, in #{duration(microseconds)}"
    )

    Enum.each(result.problems, &complain/1)
    more = result.problem_count - length(result.problems)
    if more > 0, do: complain("and #{count(more)} more problems")
    result
  end

  defp journal(killed) do
    case Events.verify(killed.script, killed.acknowledged) do
      {:ok, events, problems} ->
        Enum.each(problems, &complain/1)
        {events, problems == []}

      {:error, error} ->
        fail(error)
    end
  end

  defp events(room, killed, database) do
    case Events.show(room, killed.script, database) do
      {:ok, problems} ->
        Enum.each(problems, &complain/1)
        problems == []

      {:error, error} ->
        fail(error)
    end
  end

  defp chat(room) do
    say("\nThe end of the room #{Transcript.printable(room.title)}, times in UTC")
    room.id |> Transcript.last(transcript()) |> Enum.each(&say/1)
  end

  defp tables do
    say("\nKept")

    for table <- Repo.tables() do
      say(
        "  #{String.pad_trailing("#{table}", 18)} #{String.pad_leading(count(Repo.count(table)), 9)}"
      )
    end
  end

  defp rate(result, killed) do
    per_second = div(result.acknowledged * 1000, max(killed.milliseconds, 1))

    say(
      "\n#{count(result.acknowledged)} writes acknowledged, #{count(per_second)} a second, " <>
        "each durable before its answer"
    )
  end

  defp where(%{database: nil, keep: false}, _database), do: :ok
  defp where(_options, database), do: say("The database stays: #{database}")

  defp file_size(path) do
    case File.stat(path) do
      {:ok, %{size: size}} -> size
      {:error, _} -> 0
    end
  end

  @spec fail(String.t() | Exception.t(), 1..2) :: no_return()
  defp fail(reason, status \\ 1) do
    complain(if is_binary(reason), do: reason, else: Exception.message(reason))
    throw({:stop, status})
  end
end
