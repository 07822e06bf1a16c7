defmodule AshRusqlite.MixCompiler.Cargo do
  @moduledoc false
  # Runs cargo, and makes Mix diagnostics of what it prints. Its text for people is read, not its
  # JSON: Mix has no decoder, and people see cargo's lines while it works.

  @missing """
  cargo was not found, and AshRusqlite's native library is built with it.
  Install Rust from https://rustup.rs, or put cargo into the PATH, and run the command again.
  Where Rust is not to be installed, set ASH_RUSQLITE_LIBRARY to the path of a library that was
  built elsewhere, and ASH_RUSQLITE_LIBRARY_SHA256 to its checksum.
  """

  # One error or warning with the place that it is about.
  @problem ~r/^(error|warning)(?:\[\w+\])?: (.+)\n +--> (.+?):(\d+):(\d+)$(?:\n(?!\n).*)*/m

  defp executable do
    home = System.get_env("CARGO_HOME") || Path.join(System.user_home() || "/", ".cargo")

    System.find_executable("cargo") || System.find_executable(Path.join(home, "bin/cargo")) ||
      Mix.raise(@missing)
  end

  @doc "Runs cargo in a folder. Its lines appear while it works: the first build takes minutes."
  def run(args, folder) do
    options = [:binary, :exit_status, :stderr_to_stdout, args: args, cd: folder]

    case collect(Port.open({:spawn_executable, executable()}, options), []) do
      {0, output} ->
        {:ok, diagnostics(output, folder)}

      {status, output} ->
        message = "cargo #{Enum.join(args, " ")} failed with status #{status}"
        Mix.shell().error(message)
        {:error, errors(diagnostics(output, folder), "#{message}\n\n#{output}", folder)}
    end
  end

  @doc "What cargo's output says of places in files."
  def diagnostics(output, folder) do
    for [text, severity, _message, file, line, column] <- Regex.scan(@problem, output) do
      %Mix.Task.Compiler.Diagnostic{
        compiler_name: "cargo",
        file: Path.expand(file, folder),
        message: text,
        position: {String.to_integer(line), String.to_integer(column)},
        severity: String.to_existing_atom(severity)
      }
    end
  end

  # What has no place, such as a crate that cannot be fetched, is about the whole.
  defp errors(diagnostics, message, folder) do
    if Enum.any?(diagnostics, &(&1.severity == :error)),
      do: diagnostics,
      else: diagnostics ++ [failure(message, folder)]
  end

  defp failure(message, folder) do
    %Mix.Task.Compiler.Diagnostic{
      compiler_name: "cargo",
      file: Path.join(folder, "Cargo.toml"),
      message: message,
      position: 0,
      severity: :error
    }
  end

  defp collect(port, output) do
    receive do
      {^port, {:data, data}} ->
        IO.write(:stderr, data)
        collect(port, [output, data])

      {^port, {:exit_status, status}} ->
        {status, output |> IO.iodata_to_binary() |> String.trim()}
    end
  end
end
