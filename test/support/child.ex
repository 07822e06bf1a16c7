defmodule AshRusqlite.Child do
  @moduledoc false
  # A second VM with the code of this one. It runs a script of test/support/children and
  # exchanges lines with the test on its standard input and output.

  import ExUnit.Assertions

  @scripts Path.expand("children", __DIR__)

  # What a slow machine may need for anything.
  @longest_wait 60_000

  @enforce_keys [:port, :os_pid]
  defstruct [:port, :os_pid]

  @doc """
  Starts a VM. It dies with the test, or before. Options: `shell:` commands that run before the
  VM takes the shell's place, `through:` a program, with arguments, that starts the VM, `cd:`
  the folder that it runs in.
  """
  def start!(script, arguments, options \\ []) do
    elixir = System.find_executable("elixir") || flunk("elixir is not in the PATH")
    folders = Path.wildcard(Path.expand(Mix.Project.build_path()) <> "/lib/*/ebin")
    paths = Enum.flat_map(folders, &["-pa", &1])
    through = Keyword.get(options, :through, [])
    command = through ++ [elixir] ++ paths ++ [Path.join(@scripts, script) | arguments]
    shell = Keyword.get(options, :shell, "true") <> ~S( && exec "$@")

    port =
      Port.open({:spawn_executable, "/bin/sh"}, [
        :binary,
        :exit_status,
        :stderr_to_stdout,
        line: 100_000,
        cd: Keyword.get(options, :cd, File.cwd!()),
        args: ["-c", shell, "sh" | command]
      ])

    {:os_pid, os_pid} = Port.info(port, :os_pid)
    ExUnit.Callbacks.on_exit(fn -> kill(os_pid) end)
    %__MODULE__{port: port, os_pid: os_pid}
  end

  @doc "Sends a line."
  def send_line(child, line), do: Port.command(child.port, [line, ?\n])

  @doc "The next line of the child, or its exit status."
  def next_line(%{port: port}) do
    receive do
      {^port, {:data, {:eol, line}}} -> line
      {^port, {:exit_status, status}} -> {:exit, status}
    after
      @longest_wait -> flunk("the other VM says nothing, and does not end")
    end
  end

  @doc "Waits for a line that begins with `prefix`, and gives what follows."
  def expect(child, prefix) do
    line = next_line(child)

    cond do
      match?({:exit, _}, line) -> flunk("the other VM ended before it said #{prefix}")
      String.starts_with?(line, prefix) -> String.replace_prefix(line, prefix, "")
      true -> IO.puts(:stderr, line) && expect(child, prefix)
    end
  end

  @doc "Every line until the end, and the exit status."
  def rest(child, lines \\ []) do
    case next_line(child) do
      {:exit, status} -> {Enum.reverse(lines), status}
      line -> rest(child, [line | lines])
    end
  end

  @doc "Ends the child as a power loss would."
  def kill(os_pid), do: System.cmd("kill", ["-9", "#{os_pid}"], stderr_to_stdout: true)
end
