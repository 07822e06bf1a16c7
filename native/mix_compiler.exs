Code.require_file("mix_compiler/cargo.exs", __DIR__)
Code.require_file("mix_compiler/reload.exs", __DIR__)

defmodule Mix.Tasks.Compile.AshRusqliteNative do
  @moduledoc false
  # Builds the native library with cargo, or takes the one that ASH_RUSQLITE_LIBRARY names, and puts
  # it into priv/native. In a VM that has one loaded it loads the new one, see `Reload`. It lives outside of
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
  # Also where another project compiles this one.
  @root Path.expand("..", __DIR__)

  alias AshRusqlite.MixCompiler.{Cargo, Reload}

  @impl true
  def run(args) do
    with {built, warnings} when built != :error <- build("--force" in args),
         {compiled, more} when compiled != :error <- Reload.compile(),
         {:ok, loaded?} <- Reload.load(current()) do
      done? = loaded? or :ok in [built, compiled]
      {if(done?, do: :ok, else: :noop), warnings ++ more}
    else
      {:error, message} when is_binary(message) ->
        Mix.shell().error(message)
        {:error, [Reload.failed(message)]}

      {:error, diagnostics} ->
        {:error, diagnostics}
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

  defp build(force?) do
    fingerprint = fingerprint()
    name = current()

    # Another environment may have put a library of another profile in its place.
    if not force? and name != nil and File.read(manifest()) == {:ok, noted(fingerprint, name)},
      do: {:noop, []},
      else: rebuild(fingerprint)
  end

  defp rebuild(fingerprint) do
    objcopy = objcopy()

    with {:ok, built, warnings} <- library(objcopy) do
      name = install(built, native_dir(), symbols_dir(), objcopy)
      # Links priv/, which may not have been there, to where Erlang looks for it.
      Mix.Project.build_structure()
      write!(manifest(), noted(fingerprint, name))
      {:ok, warnings}
    end
  end

  defp noted(fingerprint, name), do: "#{fingerprint} #{name}"

  defp library(objcopy) do
    case System.get_env("ASH_RUSQLITE_LIBRARY", "") do
      "" ->
        with {:ok, warnings} <- Cargo.run(cargo_args(objcopy), root()),
             do: {:ok, built_library(), warnings}

      path ->
        {:ok, checked(Path.expand(path)), []}
    end
  end

  # A library from elsewhere runs in the VM: it is the one that was meant, or none.
  defp checked(path) do
    if Path.dirname(path) == native_dir() do
      Mix.raise(
        "ASH_RUSQLITE_LIBRARY: #{path} is in the folder of the library that is loaded, where " <>
          "nothing else stays: put it elsewhere"
      )
    end

    content =
      case File.read(path) do
        {:ok, content} ->
          content

        {:error, reason} ->
          Mix.raise("ASH_RUSQLITE_LIBRARY: #{path}: #{:file.format_error(reason)}")
      end

    wanted = wanted_checksum(path)
    found = content |> sha256() |> Base.encode16(case: :lower)

    if found != wanted do
      Mix.raise(
        "ASH_RUSQLITE_LIBRARY: #{path} has the SHA-256 #{found}, and should have #{wanted}"
      )
    end

    path
  end

  # Newer releases of Mix hide the applications that a project does not name.
  defp sha256(content) do
    if function_exported?(Mix, :ensure_application!, 1),
      do: apply(Mix, :ensure_application!, [:crypto])

    apply(:crypto, :hash, [:sha256, content])
  end

  defp wanted_checksum(path) do
    given = System.get_env("ASH_RUSQLITE_LIBRARY_SHA256", "")

    text =
      with "" <- given, {:ok, text} <- File.read(path <> ".sha256") do
        text
      else
        {:error, _} ->
          Mix.raise(
            "ASH_RUSQLITE_LIBRARY needs a checksum: set ASH_RUSQLITE_LIBRARY_SHA256, or put the " <>
              "output of sha256sum into #{path}.sha256"
          )

        given ->
          given
      end

    text |> String.split() |> List.first("") |> String.downcase()
  end

  # Without objcopy the linker strips the library, and its symbols are not kept.
  defp cargo_args(objcopy) do
    args = ~w(--profile #{profile()} --locked -p #{@crate} --target-dir) ++ [target_dir()]
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
    folder = Path.join([target_dir(), System.get_env("CARGO_BUILD_TARGET", ""), profile()])
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
    case System.get_env("ASH_RUSQLITE_LIBRARY", "") do
      "" -> fingerprint_of_sources()
      path -> hash(:erlang.term_to_binary({File.stat(path), wanted_checksum(Path.expand(path))}))
    end
  end

  defp fingerprint_of_sources do
    files = Enum.flat_map(@sources, &Path.wildcard(Path.join(root(), &1), match_dot: true))

    stats =
      for file <- Enum.sort(files) do
        stat = File.stat!(file, time: :posix)
        {file, stat.mtime, stat.size}
      end

    target = System.get_env("CARGO_BUILD_TARGET")
    hash(:erlang.term_to_binary({stats, target_dir(), target, objcopy() != nil, profile()}))
  end

  defp hash(binary), do: binary |> :erlang.md5() |> Base.encode16(case: :lower)

  # A build in seconds while one develops, the quickest code otherwise.
  defp profile do
    case System.get_env("ASH_RUSQLITE_PROFILE", "") do
      "" -> if Mix.env() == :dev, do: "development", else: "release"
      profile when profile in ["development", "release"] -> profile
      other -> Mix.raise("ASH_RUSQLITE_PROFILE is development or release, not #{other}")
    end
  end

  # A cross compiler's own objcopy would be needed for another machine's library.
  defp objcopy do
    if System.get_env("CARGO_BUILD_TARGET", "") == "" and
         System.get_env("ASH_RUSQLITE_LIBRARY", "") == "",
       do: System.find_executable("objcopy") || System.find_executable("llvm-objcopy")
  end

  defp root, do: @root
  defp native_dir, do: Path.join(root(), "priv/native")
  defp target_dir, do: Path.expand(System.get_env("CARGO_TARGET_DIR", "target"), root())
  defp symbols_dir, do: Path.join(target_dir(), "symbols")
  defp manifest, do: Path.join(Mix.Project.manifest_path(), "compile.ash_rusqlite_native")
end
