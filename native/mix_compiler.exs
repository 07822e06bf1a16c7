defmodule Mix.Tasks.Compile.AshRusqliteNative do
  @moduledoc false
  # Builds the native library with cargo and puts it into priv/native. It lives outside of
  # lib/ because mix.exs needs it before lib/ is compiled.
  #
  # A library is never overwritten: a running VM that has it loaded would crash, or keep
  # the old code without a word. Each build gets a name of its own, from its content, and
  # `priv/native/current` says which one is to be loaded.

  use Mix.Task.Compiler

  @crate "ash_rusqlite_nif"
  @sources ~w(Cargo.toml Cargo.lock .cargo/config.toml native/{engine,nif}/Cargo.toml
              native/{engine,nif}/build.rs native/{engine,nif}/src/**/*.rs)

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

    args = ~w(build --release --locked -p #{@crate} --target-dir) ++ [target_dir()]

    case run_cargo(cargo, args) do
      {0, _output} ->
        install()
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

  defp install do
    library = File.read!(built_library())
    name = "lib#{@crate}-#{hash(library)}"
    path = Path.join(native_dir(), name <> ".so")
    previous = current()

    unless File.regular?(path), do: write!(path, library)

    if name != previous do
      write!(Path.join(native_dir(), "current"), name)
      remove_all_but([name, previous])
    end
  end

  defp built_library do
    folder = Path.join([target_dir(), System.get_env("CARGO_BUILD_TARGET", ""), "release"])
    candidates = for extension <- ~w(so dylib), do: Path.join(folder, "lib#{@crate}.#{extension}")

    Enum.find(candidates, &File.regular?/1) ||
      Mix.raise("cargo succeeded, but there is no lib#{@crate} in #{folder}")
  end

  # The previous one stays, because another VM may be about to load it. One that is
  # loaded lives on without its name.
  defp remove_all_but(names) do
    kept = for name <- names, name, do: name <> ".so"

    for file <- File.ls!(native_dir()), String.ends_with?(file, ".so"), file not in kept do
      File.rm(Path.join(native_dir(), file))
    end
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

    hash(:erlang.term_to_binary({stats, target_dir(), System.get_env("CARGO_BUILD_TARGET")}))
  end

  defp hash(binary), do: binary |> :erlang.md5() |> Base.encode16(case: :lower)

  defp cargo do
    home = System.get_env("CARGO_HOME") || Path.join(System.user_home() || "/", ".cargo")
    System.find_executable("cargo") || System.find_executable(Path.join(home, "bin/cargo"))
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
  defp manifest, do: Path.join(Mix.Project.manifest_path(), "compile.ash_rusqlite_native")
end
