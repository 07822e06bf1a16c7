defmodule Mix.Tasks.Compile.AshRusqliteNative do
  @moduledoc false
  # Builds the native library with cargo and puts it into priv/native. It lives outside of
  # lib/ because mix.exs needs it before lib/ is compiled.
  #
  # A library is never overwritten: a running VM that has it loaded would crash, or keep
  # the old code without a word. Each build gets a name of its own, from its content, and
  # `priv/native/current` says which one is to be loaded. No other one stays in priv/, which
  # releases carry whole: a VM that is about to load one that is gone looks at `current` again.
  #
  # It is stripped. Its symbols, for `perf` and debuggers, are in the folder `symbols` of
  # cargo's target folder, which no release carries: copied beside the library they are found.

  use Mix.Task.Compiler

  @crate "ash_rusqlite_nif"
  @sources ~w(Cargo.toml Cargo.lock .cargo/config.toml native/{engine,nif}/Cargo.toml
              native/{engine,nif}/build.rs native/{engine,nif}/src/**/*.rs
              native/mix_compiler.exs)

  @no_cargo """
  cargo was not found, and AshRusqlite's native library is built with it.
  Install Rust from https://rustup.rs, or put cargo into the PATH, and run the command again.
  """

  @impl true
  def run(args) do
    fingerprint = fingerprint()

    if "--force" not in args and current() != nil and File.read(manifest()) == {:ok, fingerprint} do
      {:noop, []}
    else
      build(fingerprint)
    end
  end

  @impl true
  def manifests, do: [manifest()]

  @impl true
  def clean do
    File.rm(manifest())
    File.rm_rf!(native_dir())
    :ok
  end

  defp build(fingerprint) do
    cargo = cargo() || Mix.raise(@no_cargo)

    objcopy = objcopy()
    args = cargo_args(objcopy)

    case run_cargo(cargo, args) do
      {0, _output} ->
        install(built_library(), native_dir(), symbols_dir(), objcopy)
        # Links priv/, which may not have been there, to where Erlang looks for it.
        Mix.Project.build_structure()
        write!(manifest(), fingerprint)
        {:ok, []}

      {status, output} ->
        message = "cargo #{Enum.join(args, " ")} failed with status #{status}"
        Mix.shell().error(message)
        {:error, [diagnostic("#{message}\n\n#{output}")]}
    end
  end

  # The lines appear while cargo works: the first build takes minutes.
  defp run_cargo(cargo, args) do
    options = [:binary, :exit_status, :stderr_to_stdout, args: args, cd: root()]
    collect(Port.open({:spawn_executable, cargo}, options), [])
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

  # Without objcopy the linker strips the library, and its symbols are not kept.
  defp cargo_args(objcopy) do
    args = ~w(--release --locked -p #{@crate} --target-dir) ++ [target_dir()]
    if objcopy, do: ["build" | args], else: ["rustc" | args] ++ ~w(-- -C strip=symbols)
  end

  @doc """
  Puts a built library, stripped, into `native` as the current and only one, and its symbols into
  `symbols`. `objcopy` is the path of that program, or nil for a library that is stripped already.
  Returns the library's name.
  """
  def install(built, native, symbols, objcopy) do
    File.mkdir_p!(native)
    temporary = Path.join(native, "new.#{System.pid()}")
    objcopy(objcopy, ["--strip-all", built, temporary]) || File.cp!(built, temporary)
    name = "lib#{@crate}-#{temporary |> File.read!() |> hash()}"
    path = Path.join(native, name <> ".so")

    keep_symbols(objcopy, built, temporary, symbols, name)
    content = File.read!(temporary)
    File.rename!(temporary, path)
    write!(Path.join(native, "current"), name)
    remove_others(native, ".so", name)
    # Another build at the same time may have removed it before it was the current one.
    unless File.regular?(path), do: write!(path, content)
    name
  end

  # The library gets the name of the file of its symbols, by which debuggers look for it.
  defp keep_symbols(nil, _built, _library, _symbols, _name), do: :ok

  defp keep_symbols(objcopy, built, library, symbols, name) do
    File.mkdir_p!(symbols)
    path = Path.join(symbols, name <> ".debug")
    objcopy(objcopy, ["--only-keep-debug", built, path])
    objcopy(objcopy, ["--add-gnu-debuglink=#{path}", library])
    remove_others(symbols, ".debug", name)
  end

  defp objcopy(nil, _args), do: nil

  defp objcopy(objcopy, args) do
    case System.cmd(objcopy, args, stderr_to_stdout: true) do
      {_, 0} -> :ok
      {output, _} -> Mix.raise("objcopy #{Enum.join(args, " ")} failed: #{output}")
    end
  end

  # A library that is loaded lives on without its name.
  defp remove_others(folder, extension, name) do
    for file <- File.ls!(folder), Path.extname(file) == extension, file != name <> extension do
      File.rm(Path.join(folder, file))
    end
  end

  defp built_library do
    folder = Path.join([target_dir(), System.get_env("CARGO_BUILD_TARGET", ""), "release"])
    candidates = for extension <- ~w(so dylib), do: Path.join(folder, "lib#{@crate}.#{extension}")

    Enum.find(candidates, &File.regular?/1) ||
      Mix.raise("cargo succeeded, but there is no lib#{@crate} in #{folder}")
  end

  # A rename is atomic: a reader finds the whole file or none.
  defp write!(path, content) do
    temporary = "#{path}.#{System.pid()}"
    File.mkdir_p!(Path.dirname(path))
    File.write!(temporary, content)
    File.rename!(temporary, path)
  end

  defp current do
    with {:ok, name} <- File.read(Path.join(native_dir(), "current")),
         true <- File.regular?(Path.join(native_dir(), name <> ".so")) do
      name
    else
      _ -> nil
    end
  end

  defp fingerprint do
    files = Enum.flat_map(@sources, &Path.wildcard(Path.join(root(), &1), match_dot: true))

    stats =
      for file <- Enum.sort(files) do
        stat = File.stat!(file, time: :posix)
        {file, stat.mtime, stat.size}
      end

    target = System.get_env("CARGO_BUILD_TARGET")
    hash(:erlang.term_to_binary({stats, target_dir(), target, objcopy() != nil}))
  end

  defp hash(binary), do: binary |> :erlang.md5() |> Base.encode16(case: :lower)

  defp cargo do
    home = System.get_env("CARGO_HOME") || Path.join(System.user_home() || "/", ".cargo")
    System.find_executable("cargo") || System.find_executable(Path.join(home, "bin/cargo"))
  end

  # A cross compiler's own objcopy would be needed for another machine's library.
  defp objcopy do
    if System.get_env("CARGO_BUILD_TARGET") in [nil, ""],
      do: System.find_executable("objcopy") || System.find_executable("llvm-objcopy")
  end

  defp diagnostic(message) do
    %Mix.Task.Compiler.Diagnostic{
      compiler_name: "cargo",
      file: Path.join(root(), "Cargo.toml"),
      message: message,
      position: 0,
      severity: :error
    }
  end

  defp root, do: Path.dirname(Mix.Project.project_file())
  defp native_dir, do: Path.join(root(), "priv/native")
  defp target_dir, do: Path.expand(System.get_env("CARGO_TARGET_DIR", "target"), root())
  defp symbols_dir, do: Path.join(target_dir(), "symbols")
  defp manifest, do: Path.join(Mix.Project.manifest_path(), "compile.ash_rusqlite_native")
end
