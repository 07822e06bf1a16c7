defmodule AshRusqlite.Project do
  @moduledoc false
  # Copies of this project, and Mix projects that depend on it, in other VMs. The library that is
  # built already is theirs, too.

  @parts ~w(lib native mix.exs Cargo.toml Cargo.lock .cargo .formatter.exs)

  @doc "A copy of what the library is compiled from."
  def copy!(folder) do
    project = Path.expand(Path.join(folder, "ash_rusqlite"))
    File.mkdir_p!(project)
    for part <- @parts, do: File.cp_r!(part, Path.join(project, part))
    project
  end

  @doc "The path of the library that is built."
  def library, do: Path.expand("priv/native/#{File.read!("priv/native/current")}.so")

  @doc "The checksum of a file."
  def sha256(path),
    do: Base.encode16(apply(:crypto, :hash, [:sha256, File.read!(path)]), case: :lower)

  @doc "What makes Mix take the library that is built, so that cargo has nothing to do."
  def ready_library do
    [{"ASH_RUSQLITE_LIBRARY", library()}, {"ASH_RUSQLITE_LIBRARY_SHA256", sha256(library())}]
  end

  @doc "Runs mix in a folder. Hex stays away: nothing is to be fetched."
  def mix(folder, args, env \\ []) do
    # What chooses the library of the tests themselves is not for the project.
    unset =
      for name <- ~w(MIX_BUILD_PATH ASH_RUSQLITE_PROFILE CARGO_BUILD_TARGET), do: {name, nil}

    env = [{"MIX_ENV", "prod"}, {"MIX_ARCHIVES", "/nonexistent"} | unset] ++ env
    System.cmd("mix", args, cd: folder, env: env, stderr_to_stdout: true)
  end

  @doc """
  A program in the place of cargo: it notes its arguments in `calls`, then runs `commands`. Returns
  the environment in which it is found.
  """
  def cargo!(folder, commands) do
    bin = Path.expand(Path.join(folder, "bin"))
    File.mkdir_p!(bin)
    cargo = Path.join(bin, "cargo")
    File.write!(cargo, "#!/bin/sh\necho \"$@\" >> \"#{bin}/calls\"\n#{commands}\n")
    File.chmod!(cargo, 0o755)

    {[{"PATH", "#{bin}:#{System.get_env("PATH")}"}, {"CARGO_TARGET_DIR", nil}],
     Path.join(bin, "calls")}
  end
end
