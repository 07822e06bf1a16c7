defmodule AshRusqlite.MixCompileTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.MixCompiler.Cargo
  alias AshRusqlite.Project

  @moduletag :tmp_dir
  @moduletag timeout: 600_000

  defp build(target \\ "release"),
    do:
      "mkdir -p target/#{target} && cp '#{Project.library()}' target/#{target}/libash_rusqlite_nif.so"

  defp cargo_calls(file) do
    case File.read(file) do
      {:ok, text} -> String.split(text, "\n", trim: true)
      {:error, :enoent} -> []
    end
  end

  defp native(folder, env, args \\ []),
    do: Project.mix(folder, ["compile.ash_rusqlite_native" | args], env)

  test "cargo is started when a source changed, and only then", %{tmp_dir: folder} do
    project = Project.copy!(folder)
    {env, calls} = Project.cargo!(folder, build())

    for _ <- 1..2, do: assert({_, 0} = native(project, env))
    assert [call] = cargo_calls(calls)
    assert call =~ "--profile release --locked"

    File.write!(Path.join(project, "native/nif/src/lib.rs"), "// changed")
    for _ <- 1..2, do: assert({_, 0} = native(project, env))
    assert [_, _] = cargo_calls(calls)
  end

  test "in dev, or where it is asked for, the profile of development is built", %{tmp_dir: folder} do
    project = Project.copy!(folder)
    {env, calls} = Project.cargo!(folder, build("development"))

    assert {_, 0} = native(project, [{"MIX_ENV", "dev"} | env])
    assert {_, 0} = native(project, [{"ASH_RUSQLITE_PROFILE", "development"} | env])
    assert [dev, asked] = cargo_calls(calls)
    assert dev =~ "--profile development" and asked =~ "--profile development"

    # The library in priv/ is that of the last build: another environment looks again.
    {env, _} = Project.cargo!(folder, build())
    assert {_, 0} = native(project, env)
    assert cargo_calls(calls) |> List.last() =~ "--profile release"

    assert {output, 1} = native(project, [{"ASH_RUSQLITE_PROFILE", "quick"} | env])
    assert output =~ "ASH_RUSQLITE_PROFILE is development or release, not quick"
  end

  test "a library for another machine is taken from where cargo puts it", %{tmp_dir: folder} do
    project = Project.copy!(folder)
    {env, _} = Project.cargo!(folder, build("aarch64-unknown-linux-gnu/release"))

    assert {_, 0} = native(project, [{"CARGO_BUILD_TARGET", "aarch64-unknown-linux-gnu"} | env])
    assert Path.wildcard(Path.join(project, "priv/native/*.so")) != []
  end

  test "where cargo is missing, the error says what to install", %{tmp_dir: folder} do
    project = Project.copy!(folder)
    tools = Path.join(folder, "tools")
    File.mkdir_p!(tools)

    for name <- ~w(mix elixir erl sh env dirname basename readlink sed uname),
        path = System.find_executable(name),
        do: File.ln_s!(path, Path.join(tools, name))

    env = [{"PATH", Path.expand(tools)}, {"CARGO_HOME", "/nonexistent"}]
    assert {output, 1} = native(project, env)
    assert output =~ "cargo was not found"
    assert output =~ "https://rustup.rs"
    assert output =~ "ASH_RUSQLITE_LIBRARY"
  end

  @output """
     Compiling ash_rusqlite_engine v0.1.0
  warning: unused variable: `a`
   --> native/engine/src/line.rs:3:9
    |
  3 |     let a = 1;
    |         ^ help: prefix it with an underscore

  error[E0308]: mismatched types
    --> native/nif/src/registry.rs:173:14
     |
  173 |         pid: 1,
     |              ^ expected `ErlNifTerm`, found integer

  error: could not compile `ash_rusqlite_nif` (lib) due to 1 previous error
  """

  test "errors and warnings of cargo are diagnostics with a file and a line" do
    assert [warning, error] = Cargo.diagnostics(@output, "/project")
    assert {warning.severity, error.severity} == {:warning, :error}
    assert error.file == "/project/native/nif/src/registry.rs"
    assert error.position == {173, 14} or error.position == 173
    assert error.message =~ "mismatched types"
    assert error.message =~ "expected `ErlNifTerm`"
    refute error.message =~ "could not compile"
    refute warning.message =~ "mismatched"
  end

  test "a build that fails fails, with cargo's own words", %{tmp_dir: folder} do
    project = Project.copy!(folder)
    {env, _} = Project.cargo!(folder, "cat <<'END'\n#{@output}\nEND\nexit 101")
    assert {output, 1} = Project.mix(project, ["compile"], env)
    assert output =~ "native/nif/src/registry.rs:173:14"
    assert output =~ "failed with status 101"
    refute File.exists?(Path.join(project, "priv/native/current"))
  end

  describe "a ready library" do
    test "is taken when its checksum is the one that is given", %{tmp_dir: folder} do
      project = Project.copy!(folder)
      {env, calls} = Project.cargo!(folder, "exit 1")
      assert {_, 0} = native(project, Project.ready_library() ++ env)

      name = File.read!(Path.join(project, "priv/native/current"))
      taken = Path.join(project, "priv/native/#{name}.so")
      assert Project.sha256(taken) == Project.sha256(Project.library())
      assert cargo_calls(calls) == []
    end

    test "is taken when its checksum is in a file beside it", %{tmp_dir: folder} do
      project = Project.copy!(folder)
      library = Path.expand(Path.join(folder, "ready.so"))
      File.cp!(Project.library(), library)
      File.write!(library <> ".sha256", "#{Project.sha256(library)}  ready.so\n")
      assert {_, 0} = native(project, [{"ASH_RUSQLITE_LIBRARY", library}])
    end

    test "is refused without a checksum, with another one, and when it is not there",
         %{tmp_dir: folder} do
      project = Project.copy!(folder)
      library = Path.expand(Path.join(folder, "ready.so"))
      ready = [{"ASH_RUSQLITE_LIBRARY", library}]
      File.write!(library, "not the one that was meant")

      assert {output, 1} = native(project, ready)
      assert output =~ "needs a checksum"

      wrong = [{"ASH_RUSQLITE_LIBRARY_SHA256", String.duplicate("0", 64)} | ready]
      assert {output, 1} = native(project, wrong)
      assert output =~ "and should have 0000"

      File.rm!(library)
      assert {output, 1} = native(project, wrong)
      assert output =~ "no such file"
      refute File.exists?(Path.join(project, "priv/native/current"))
    end
  end

  test "it works as a path and as a git dependency of another project", %{tmp_dir: folder} do
    project = Project.copy!(folder)

    git = [
      "-c",
      "user.name=test",
      "-c",
      "user.email=test@example.com",
      "-c",
      "init.defaultBranch=main"
    ]

    for args <- [~w(init -q), ~w(add .), ~w(commit -q -m all)],
        do: assert({_, 0} = System.cmd("git", git ++ args, cd: project, stderr_to_stdout: true))

    for {name, source} <- [
          by_path: "path: #{inspect(project)}",
          by_git: "git: #{inspect(project)}"
        ] do
      app = Path.join(folder, "#{name}")
      File.mkdir_p!(Path.join(app, "lib"))

      File.write!(Path.join(app, "mix.exs"), """
      defmodule App.MixProject do
        use Mix.Project
        def project, do: [app: :#{name}, version: "0.1.0", deps: [{:ash_rusqlite, #{source}}]]
      end
      """)

      File.write!(Path.join(app, "lib/app.ex"), """
      defmodule App do
        def run do
          {:ok, repo} = AshRusqlite.Repo.start_link(database: ":memory:")
          result = AshRusqlite.Repo.Reads.query!(repo, "SELECT 1 AS works", [])
          IO.puts(["answer: ", result.columns])
        end
      end
      """)

      env = Project.ready_library()
      assert {_, 0} = Project.mix(app, ["deps.get"], env)
      assert {output, 0} = Project.mix(app, ["run", "-e", "App.run()"], env)
      assert output =~ ~r/answer: .*works/s, output
    end
  end
end
