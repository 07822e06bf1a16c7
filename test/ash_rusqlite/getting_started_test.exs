defmodule AshRusqlite.GettingStartedTest do
  # Runs guides/getting-started.md: its files are written, its commands run and its iex sessions evaluated
  # in a new application, each session in a VM of its own.
  use ExUnit.Case, async: true

  alias AshRusqlite.Project

  # Compiles the library and the application.
  @moduletag timeout: 600_000

  @guide "guides/getting-started.md"

  # Evaluates a session and prints what is not as the page says.
  @session """
  {steps, _} = Code.eval_file("session.terms")

  Enum.reduce(steps, {[], __ENV__}, fn {source, wanted}, {binding, env} ->
    {value, binding, env} =
      Code.eval_quoted_with_env(Code.string_to_quoted!(source), binding, env)

    unless wanted == nil or elem(Code.eval_string(wanted), 0) == value do
      IO.puts("\#{source}\\nis \#{inspect(value)}, and not \#{wanted}")
      System.halt(3)
    end

    {binding, env}
  end)
  """

  setup_all do
    [_, common, plain, ash] = Regex.split(~r/^## .*$/m, File.read!(@guide))
    folder = Path.expand("tmp/getting_started")
    File.rm_rf!(folder)
    # Beside the application, where the page expects it.
    Project.copy!(folder)
    application = Enum.reduce(blocks(common), folder, &step/2)
    on_exit(fn -> File.rm_rf!(folder) end)

    {:ok,
     application: application, common: blocks(common), plain: blocks(plain), ash: blocks(ash)}
  end

  test "the guide runs as it stands, without Ash", context do
    application = copy!(context.application, "plain")
    Enum.each(context.plain, &step(&1, application))
  end

  # With Hex the application would have to fetch Ash first.
  if Code.ensure_loaded?(Ash) and not Code.ensure_loaded?(Hex) do
    test "the guide runs as it stands, with Ash", context do
      application = copy!(context.application, "ash")
      Enum.each(context.ash, &step(&1, application))
    end
  end

  test "every block of the guide is one that the test runs", context do
    for blocks <- [context.common, context.plain, context.ash] do
      assert length(blocks) > 3
      refute Enum.any?(blocks, &match?({:unknown, _}, &1))
    end
  end

  # The application as it is before its tables, with what is compiled.
  defp copy!(application, name) do
    copy = Path.join(Path.dirname(application), name)
    File.cp_r!(application, copy)
    copy
  end

  # Blocks of the page: `{:commands, text}`, `{:session, text}`, `{:file, path, text}`.
  defp blocks(text) do
    for [_, language, code] <- Regex.scan(~r/^```(\w+)\n(.*?)^```$/ms, text) do
      cond do
        language == "console" -> {:commands, code}
        String.starts_with?(code, "iex>") -> {:session, code}
        match = Regex.run(~r/\A(?:#|--) (\S+\.\w+)\n(.*)\z/s, code) -> file(match)
        true -> {:unknown, code}
      end
    end
  end

  defp file([_, path, text]), do: {:file, path, text}

  defp step({:file, path, text}, folder) do
    path = Path.join(folder, path)
    File.mkdir_p!(Path.dirname(path))
    File.write!(path, placed(text, File.read(path)))
    folder
  end

  defp step({:session, text}, folder) do
    File.write!(Path.join(folder, "session.terms"), inspect(steps(text), limit: :infinity))
    File.write!(Path.join(folder, "session.exs"), @session)
    assert {_, 0} = run("mix run session.exs", folder)
    folder
  end

  defp step({:commands, text}, folder) do
    ~r/^\$ (.*)\n((?:(?!\$ ).*\n)*)/m
    |> Regex.scan(text, capture: :all_but_first)
    |> Enum.reduce(folder, fn [command, wanted], folder ->
      case command do
        "cd " <> other -> Path.join(folder, other)
        # There is nothing to fetch: see `placed`.
        "mix deps.get" -> folder
        command -> command(command, wanted, folder)
      end
    end)
  end

  defp command(command, wanted, folder) do
    if command == "mix test", do: reuse_library(folder)
    {output, status} = run(command, folder)
    # A VM that kills itself has the status of the signal.
    expected = if command =~ "kill", do: 137, else: 0
    assert {command, status, output} == {command, expected, output}

    for line <- String.split(wanted, "\n", trim: true) do
      pattern = line |> String.split("…") |> Enum.map_join(".*", &Regex.escape(String.trim(&1)))
      assert output =~ Regex.compile!(pattern)
    end

    folder
  end

  # What is a part of a file takes the place of that part, or follows what is there.
  defp placed("defp deps do" <> _ = text, {:ok, there}) do
    # Where Ash is, the library brings it along: Hex would have to fetch it.
    ash? = text =~ "{:ash, "
    text = String.replace(text, ~r/,\s*\{:ash, [^}]*\}/, "")
    there = if ash?, do: String.replace(there, "[:logger]", "[:logger, :ash]"), else: there
    replaced(~r/^( *)defp deps do.*?^\1end$/ms, there, text)
  end

  defp placed("children = [" <> _ = text, {:ok, there}),
    do: replaced(~r/^( *)children = \[.*?^\1\]$/ms, there, text)

  defp placed("config " <> _ = text, {:ok, there}), do: there <> "\n" <> text
  defp placed(text, _), do: text

  defp replaced(pattern, there, text) do
    assert there =~ pattern
    String.replace(there, pattern, fn _ -> text end)
  end

  # Dependencies are compiled alike for dev and test: once is enough.
  defp reuse_library(folder) do
    library = &Path.join(folder, "_build/#{&1}/lib/ash_rusqlite")
    File.mkdir_p!(Path.dirname(library.("test")))
    File.cp_r!(library.("dev"), library.("test"))
  end

  # `[{source, expected or nil}]`
  defp steps(text) do
    for [source, wanted] <-
          Regex.scan(~r/^iex> (.*\n(?:\.\.\.> .*\n)*)((?:(?!iex>).*\n)*)/m, text,
            capture: :all_but_first
          ) do
      {String.replace(source, ~r/^\.\.\.> /m, ""), if(String.trim(wanted) != "", do: wanted)}
    end
  end

  defp run(command, folder) do
    # As a shell of one's own has it, but for the library, which is built already.
    unset = for name <- ~w(MIX_BUILD_PATH MIX_ENV ASH_RUSQLITE_PROFILE), do: {name, nil}
    env = [{"MIX_ARCHIVES", "/nonexistent"} | unset] ++ Project.ready_library()
    System.cmd("sh", ["-c", command], cd: folder, env: env, stderr_to_stdout: true)
  end
end
