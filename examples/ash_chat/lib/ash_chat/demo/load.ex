defmodule AshChat.Demo.Load do
  @moduledoc """
  Starts the writing OS process, waits until enough writes are acknowledged, and kills it with
  SIGKILL in the middle.
  """

  alias AshChat.Demo.{Acknowledgements, Script, Writer}

  @pause 20
  # How long nothing may be acknowledged before the demo gives up, in milliseconds.
  @longest_wait 120_000
  # How much of what it says is kept when it fails, in bytes.
  @longest 4_000

  @enforce_keys [:script, :acknowledged, :pid, :milliseconds]
  defstruct @enforce_keys

  @typedoc """
    * `script` - what was written
    * `acknowledged` - how many writes of each writer were acknowledged
    * `pid` - the process that was killed
    * `milliseconds` - from its first write to its death
  """
  @type t :: %__MODULE__{
          script: Script.t(),
          acknowledged: %{optional(Script.writer()) => pos_integer()},
          pid: pos_integer(),
          milliseconds: pos_integer()
        }

  @doc """
  Lets another OS process write into a database that has the chat's tables and is not open in
  this one. Options:

    * `:log` - where the acknowledgements are recorded, a new file. Required
    * `:writers` - how many processes write. 64
    * `:acknowledgements` - kill when this number of writes is acknowledged. 20,000
    * `:milliseconds` - but not before it has written for this time. 2,000
    * `:repo` - further options for its repo
    * `:on_progress` - called with the number of acknowledgements now and then

  The error is a sentence: the process could not be started, or ended before it was killed.
  """
  @spec run(Path.t(), keyword()) :: {:ok, t()} | {:error, String.t()}
  def run(database, opts) do
    opts =
      Keyword.validate!(opts, [
        :log,
        writers: 64,
        acknowledgements: 20_000,
        milliseconds: 2_000,
        repo: [],
        on_progress: fn _count -> :ok end
      ])

    script = Script.new(opts[:writers])
    log = Path.expand(Keyword.fetch!(opts, :log))

    with {:ok, port} <- start({Path.expand(database), log, script, opts[:repo]}) do
      try do
        with {:ok, pid} <- await_ready(port, ""),
             {:ok, milliseconds} <- write_and_kill(port, pid, log, opts),
             {:ok, acknowledged} <- Acknowledgements.read(log) do
          {:ok,
           %__MODULE__{
             script: script,
             acknowledged: acknowledged,
             pid: pid,
             milliseconds: milliseconds
           }}
        end
      after
        # Its input ends with the port, and so does the process if it is still there.
        if Port.info(port), do: Port.close(port)
      end
    end
  end

  # `erl` itself instead of `mix run`: it starts in a fraction of the time, from any folder.
  defp start(config) do
    case System.find_executable("erl") do
      nil -> {:error, "erl is not in the PATH"}
      erl -> {:ok, Port.open({:spawn_executable, erl}, port_options(config))}
    end
  end

  defp port_options(config) do
    paths =
      for path <- :code.get_path(), path != ~c".", do: path |> List.to_string() |> Path.expand()

    args =
      ["+fnu", "-noshell", "-pa"] ++
        paths ++ ["-s", Atom.to_string(Writer), "main", "-extra", Writer.encode(config)]

    # Flags for the VM that started it may not fit a second one, such as a node's name.
    env = for name <- [~c"ERL_FLAGS", ~c"ERL_AFLAGS", ~c"ERL_ZFLAGS"], do: {name, false}
    [:binary, :exit_status, :stderr_to_stdout, args: args, env: env]
  end

  defp await_ready(port, output) do
    receive do
      {^port, {:data, data}} ->
        output = output <> data

        case Regex.run(~r/^ready (\d+)\n/m, output) do
          [_, pid] -> {:ok, String.to_integer(pid)}
          nil -> await_ready(port, output)
        end

      {^port, {:exit_status, status}} ->
        ended(status, output)
    after
      @longest_wait -> {:error, "the writing process did not begin: #{output}"}
    end
  end

  defp write_and_kill(port, pid, log, opts) do
    start = now()

    with :ok <- await_writes(port, log, opts, start, {0, start}) do
      # At no particular moment of the writer's work.
      Process.sleep(:rand.uniform(100))
      System.cmd("sh", ["-c", "kill -KILL #{pid}"], stderr_to_stdout: true)
      with :ok <- await_death(port, ""), do: {:ok, now() - start}
    end
  end

  defp await_writes(port, log, opts, start, {last, since}) do
    count = Acknowledgements.count(log)
    opts[:on_progress].(count)

    cond do
      count >= opts[:acknowledgements] and now() - start >= opts[:milliseconds] ->
        :ok

      count == last and now() - since > @longest_wait ->
        {:error, "nothing was acknowledged for #{div(@longest_wait, 1000)} seconds"}

      true ->
        since = if count > last, do: now(), else: since

        receive do
          {^port, {:data, data}} -> failed(port, data)
          {^port, {:exit_status, status}} -> ended(status, "")
        after
          @pause -> await_writes(port, log, opts, start, {count, since})
        end
    end
  end

  # Once it writes, it only says something when it fails. It may go on to say more, without an end.
  defp failed(port, output, until \\ now() + 5_000) do
    receive do
      {^port, {:data, data}} when byte_size(output) < @longest ->
        failed(port, output <> data, until)

      {^port, {:exit_status, status}} ->
        ended(status, output)
    after
      max(until - now(), 0) -> {:error, "the writing process said: #{output}"}
    end
  end

  defp await_death(port, output) do
    receive do
      {^port, {:data, data}} -> await_death(port, output <> data)
      # 128 + SIGKILL
      {^port, {:exit_status, 137}} -> :ok
      {^port, {:exit_status, status}} -> ended(status, output)
    after
      @longest_wait -> {:error, "the writing process did not die of SIGKILL"}
    end
  end

  defp ended(status, output) do
    {:error, "the writing process ended with status #{status} before it was killed: #{output}"}
  end

  defp now, do: System.monotonic_time(:millisecond)
end
