defmodule AshRusqlite.Bench.PlainRusqlite do
  @moduledoc false
  # The limit: a Rust program that does the same with rusqlite alone (native/bench). It is
  # another process of the operating system, so that neither side disturbs the other.

  @opaque t :: port()

  @doc "Opens a database in it, for a function."
  @spec with_open(Path.t(), (t() -> result)) :: result when result: term()
  def with_open(path, fun) do
    port = Port.open({:spawn_executable, program()}, [:binary, :exit_status, {:line, 10_000}])

    call(port, ["open", path])
    result = fun.(port)
    call(port, ["close"])
    Port.close(port)
    result
  end

  @doc "Runs a task with its numbers; the nanoseconds that it took."
  @spec run(t(), String.t(), [non_neg_integer()]) :: pos_integer()
  def run(port, task, numbers) do
    ["ok", time] = call(port, [task | Enum.map(numbers, &Integer.to_string/1)])
    String.to_integer(time)
  end

  defp call(port, fields) do
    Port.command(port, [Enum.intersperse(fields, "\t"), "\n"])

    receive do
      {^port, {:data, {:eol, "ok" <> _ = line}}} -> String.split(line)
      {^port, {:data, {:eol, line}}} -> raise "plain rusqlite: #{line}"
      {^port, {:exit_status, status}} -> raise "plain rusqlite ended with status #{status}"
    end
  end

  defp program do
    folders = [
      System.get_env("CARGO_TARGET_DIR", "target"),
      System.get_env("CARGO_BUILD_TARGET", "")
    ]

    path = Path.expand(Path.join(folders ++ ["release", "ash_rusqlite_bench"]))

    if File.exists?(path) do
      path
    else
      raise "#{path} is not there: cargo build --release -p ash_rusqlite_bench makes it"
    end
  end
end
