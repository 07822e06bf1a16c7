defmodule AshRusqlite.Bench.Postgres do
  @moduledoc false
  # A PostgreSQL of its own, of Debian's packages and with its defaults, by which a commit is
  # synced. It listens on a socket in its folder and nowhere else.

  @enforce_keys [:port, :folder, :here]
  defstruct @enforce_keys

  @opaque t :: %__MODULE__{port: port(), folder: Path.t(), here: Path.t()}

  @oldest 13
  @programs ~w(initdb pg_ctl postgres pgbench psql)
  # PostgreSQL refuses to run as root.
  @user "postgres"

  # The shell starts in the folder and uses a relative path: a socket's path must be short, and the
  # user that the server runs as may not be allowed into the folders above. It stops the server when
  # its input ends, which happens when the VM is killed, too.
  @run """
  here=/proc/$$/cwd
  run() { program=$1; shift; (cd / && "$0/$program" -D $here/data "$@") >>log 2>&1; }
  trap '' PIPE
  run initdb -U #{@user} -A trust -E UTF8 --no-locale &&
    run pg_ctl -s -w -o "-h '' -k $here" start && echo ready && read -r _
  run pg_ctl -s -w -m fast stop
  """

  @doc "Whether it can be started here."
  @spec installed?() :: boolean()
  def installed?, do: programs() != nil and (not root?() or uid() != nil)

  defp programs do
    "/usr/lib/postgresql/*/bin"
    |> Path.wildcard()
    |> Enum.filter(&(version(&1) >= @oldest and complete?(&1)))
    |> Enum.max_by(&version/1, fn -> nil end)
  end

  defp version(programs) do
    case programs |> Path.dirname() |> Path.basename() |> Integer.parse() do
      {version, _} -> version
      :error -> 0
    end
  end

  defp complete?(programs), do: Enum.all?(@programs, &File.exists?(Path.join(programs, &1)))

  defp root?, do: System.cmd("id", ["-u"]) == {"0\n", 0}

  defp uid do
    case System.cmd("id", ["-u", @user], stderr_to_stdout: true) do
      {uid, 0} -> uid |> String.trim() |> String.to_integer()
      {_no_such_user, _} -> nil
    end
  end

  @doc "Starts it in a new folder, for a function. Nothing of it stays."
  @spec with_server(Path.t(), (t() -> result)) :: result when result: term()
  def with_server(folder, fun) do
    File.mkdir!(folder)
    if root?(), do: File.chown!(folder, uid())
    server = start(folder)

    try do
      fun.(server)
    after
      stop(server)
      File.rm_rf!(folder)
    end
  end

  defp start(folder) do
    [program | args] = as_user(["sh", "-c", @run, programs()])
    options = [:binary, :exit_status, line: 1_000, args: args, cd: folder]
    port = Port.open({:spawn_executable, System.find_executable(program)}, options)
    {:os_pid, shell} = Port.info(port, :os_pid)

    receive do
      {^port, {:data, {:eol, "ready"}}} ->
        %__MODULE__{port: port, folder: folder, here: "/proc/#{shell}/cwd"}

      {^port, {:exit_status, _}} ->
        raise "PostgreSQL does not start:\n#{File.read!(Path.join(folder, "log"))}"
    end
  end

  defp stop(%{port: port}) do
    Port.command(port, "\n")
    receive do: ({^port, {:exit_status, status}} -> 0 = status)
  end

  @doc "Runs SQL."
  @spec sql(t(), String.t()) :: :ok
  def sql(server, sql) do
    run(server, "psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql])
    :ok
  end

  @doc "Runs a script of pgbench by as many clients, `count` times over all; how many in a second."
  @spec per_s(t(), String.t(), pos_integer(), pos_integer()) :: float()
  def per_s(server, script, count, clients) do
    file = Path.join(server.folder, "script.sql")
    File.write!(file, script)
    File.chmod!(file, 0o644)
    amount = ["-c", "#{clients}", "-j", "2", "-t", "#{div(count, clients)}"]
    args = ["-M", "prepared", "-n", "-f", Path.join(server.here, "script.sql")] ++ amount
    # The last one is without the time to connect.
    [_ | _] = rates = Regex.scan(~r/^tps = ([\d.]+)/m, run(server, "pgbench", args))
    [_, rate] = List.last(rates)
    String.to_float(rate)
  end

  defp run(server, name, args) do
    to = ["-h", server.here, "-p", "5432", "-U", @user]
    [program | args] = as_user([Path.join(programs(), name)] ++ to ++ args ++ [@user])

    case System.cmd(program, args, cd: "/", env: [{"LC_ALL", "C"}], stderr_to_stdout: true) do
      {said, 0} -> said
      {said, _} -> raise "#{name}: #{said}"
    end
  end

  defp as_user(command) do
    if root?(),
      do: ["setpriv", "--reuid=#{@user}", "--regid=#{@user}", "--clear-groups"] ++ command,
      else: command
  end
end
