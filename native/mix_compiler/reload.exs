defmodule AshRusqlite.MixCompiler.Reload do
  @moduledoc false
  # Code that changes in a VM that runs it.
  #
  # Elixir's compiler deletes the modules that it compiles again, and what is called meanwhile is
  # not there; it also kills the processes inside of them. So where the library runs, its changed
  # sources are compiled by a second VM, and their modules are loaded here at once: calls go on in
  # the old code until then, and no process that is still in it is killed.

  # Milliseconds that a process may stay in code that was replaced before.
  @longest_wait 20_000
  @pause 10

  @native AshRusqlite.Native

  @doc "Whether the library runs in this VM."
  def running?, do: :erlang.module_loaded(@native)

  @doc """
  Compiles what changed, if the library runs here. The answer is that of a Mix compiler.
  """
  def compile do
    sources = sources()

    if running?() and stale?(sources) do
      result = in_another_vm()
      if elem(result, 0) != :error, do: Application.put_env(:mix, __MODULE__, stats(sources))
      result
    else
      {:noop, []}
    end
  end

  @doc """
  Loads what differs from what is loaded: the native library of this name, and the modules of a
  folder, by default the project's. The error is a text; the old code goes on then.
  """
  def load(library, folder \\ nil) do
    if running?() do
      folder = folder || Mix.Project.compile_path()
      changed = changed(folder)

      with {:ok, native} <- load_native(library, @native in changed),
           {:ok, elixir} <- load_modules(folder, List.delete(changed, @native)),
           do: {:ok, native or elixir}
    else
      {:ok, false}
    end
  end

  # The native module first: the others may call functions that are new in it.
  defp load_native(library, changed?) do
    if changed? or :persistent_term.get({@native, :library}, library) != library do
      with :ok <- purge([@native]) do
        wait_for_writes(now() + @longest_wait)

        case :code.load_file(@native) do
          {:module, _} -> {:ok, true}
          {:error, _} -> {:error, not_loaded()}
        end
      end
    else
      {:ok, false}
    end
  end

  # The old library finishes its writes first, while a scheduler waits and no other code is loaded:
  # one that takes long is waited for here. What is refused then says so.
  defp wait_for_writes(until) do
    if function_exported?(@native, :replaceable, 0) and @native.replaceable() == :writing and
         now() < until do
      Process.sleep(@pause)
      wait_for_writes(until)
    end
  end

  defp not_loaded do
    case :persistent_term.get({@native, :refused}, nil) do
      nil -> "the native library could not be loaded; the one before it goes on"
      reason -> "the native library could not be loaded; the one before it goes on: #{reason}"
    end
  end

  defp load_modules(folder, modules) do
    gone = gone(folder)

    with :ok <- purge(modules ++ gone) do
      files = for module <- modules, do: {module, charlist(folder, module), read(folder, module)}

      case files != [] && :code.atomic_load(files) do
        {:error, reasons} ->
          {:error, "modules could not be loaded: #{inspect(reasons)}"}

        _ ->
          Enum.each(gone, &:code.delete/1)
          {:ok, files != [] or gone != []}
      end
    end
  end

  defp charlist(folder, module), do: folder |> beam(module) |> String.to_charlist()
  defp read(folder, module), do: folder |> beam(module) |> File.read!()
  defp beam(folder, module), do: Path.join(folder, "#{module}.beam")

  # Loaded modules whose files have other content.
  defp changed(folder) do
    for module <- loaded(folder),
        {:ok, {_, md5}} <- [:beam_lib.md5(charlist(folder, module))],
        md5 != module.module_info(:md5),
        do: module
  end

  # Loaded modules whose sources were removed.
  defp gone(folder) do
    for module <- loaded(folder), not File.exists?(beam(folder, module)), do: module
  end

  defp loaded(folder) do
    folder = Path.expand(folder)

    for {module, file} when is_list(file) <- :code.all_loaded(),
        Path.dirname(Path.expand(List.to_string(file))) == folder,
        do: module
  end

  # There is room for one old version of a module. Processes still in it are waited for, not killed.
  defp purge(modules), do: purge(modules, now() + @longest_wait)

  defp purge(modules, until) do
    case Enum.reject(modules, &:code.soft_purge/1) do
      [] ->
        :ok

      kept ->
        if now() < until do
          Process.sleep(@pause)
          purge(kept, until)
        else
          {:error, kept(kept)}
        end
    end
  end

  defp kept(modules) do
    inside = for pid <- Process.list(), module <- modules, inside?(pid, module), do: {pid, module}
    who = Enum.map_join(inside, ", ", fn {pid, module} -> "#{inspect(pid)} in #{module}" end)

    "processes are still in code that was replaced before (#{who}), so the new code is not loaded " <>
      "yet: let them end, and compile again"
  end

  defp inside?(pid, module) do
    :erlang.check_process_code(pid, module)
  rescue
    ArgumentError -> false
  end

  defp sources do
    paths = Mix.Project.config()[:elixirc_paths]
    Enum.flat_map(paths, &Path.wildcard(Path.join(&1, "**/*.ex"))) ++ ["mix.exs"]
  end

  # In the second in which the modules were compiled a source may have changed after them.
  defp stale?(sources) do
    manifest = Path.join(Mix.Project.manifest_path(), "compile.elixir")
    compiled = Mix.Utils.last_modified(manifest)

    Enum.any?(sources, &(Mix.Utils.last_modified(&1) >= compiled)) and
      Application.get_env(:mix, __MODULE__) != stats(sources)
  end

  defp stats(sources) do
    for source <- sources, {:ok, stat} <- [File.stat(source)], do: {source, stat.mtime, stat.size}
  end

  @script """
  [file] = System.argv()
  File.write!(file, :erlang.term_to_binary(Mix.Task.run("compile", ["--return-errors", "--no-deps-check"])))
  """

  # Its answer comes in a file, since its output is for people. It shares the lock of this VM's
  # compilation, so it takes none.
  defp in_another_vm do
    answer = Path.join(Mix.Project.manifest_path(), "compile.ash_rusqlite_reload.#{System.pid()}")
    args = ["run", "--no-compile", "--no-start", "--no-deps-check", "-e", @script, "--", answer]

    env = [
      {"MIX_ENV", to_string(Mix.env())},
      {"MIX_BUILD_PATH", Path.expand(Mix.Project.build_path())},
      {"MIX_DEPS_PATH", Path.expand(Mix.Project.deps_path())},
      {"MIX_OS_CONCURRENCY_LOCK", "0"}
    ]

    try do
      output = IO.stream(:stdio, :line)
      {_, status} = System.cmd("mix", args, env: env, stderr_to_stdout: true, into: output)

      case File.read(answer) do
        {:ok, binary} when status == 0 -> :erlang.binary_to_term(binary)
        _ -> {:error, [failed("mix compile failed in a second VM with status #{status}")]}
      end
    after
      File.rm(answer)
    end
  end

  @doc "An error of the whole."
  def failed(message) do
    %Mix.Task.Compiler.Diagnostic{
      compiler_name: "ash_rusqlite_native",
      file: Path.expand("mix.exs"),
      message: message,
      position: 0,
      severity: :error
    }
  end

  defp now, do: System.monotonic_time(:millisecond)
end
