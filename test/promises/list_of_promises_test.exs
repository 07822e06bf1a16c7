defmodule AshRusqlite.Promises.ListOfPromisesTest do
  @moduledoc false
  # The table in docs/architecture.md, by which somebody finds the tests of a promise.

  use ExUnit.Case, async: true

  @tests ~w(native/*/tests/*.rs test/**/*_test.exs examples/*/test/**/*_test.exs)
  # A file says within this number of lines which promise it tests.
  @first_lines 6

  # The rows of the table, as `{promise, files}`: a row ends with links, each to a file.
  defp rows do
    [_, section] = "docs/architecture.md" |> File.read!() |> String.split("## The promises\n")
    [section | _] = String.split(section, "\n## ")

    for [_, promise, links] <- Regex.scan(~r/^\| \*\*(P\d) .* \| (.+) \|$/m, section) do
      files = for [_, file] <- Regex.scan(~r/\]\(\.\.\/([^)]+)\)/, links), do: file
      {promise, files}
    end
  end

  defp all_tests, do: Enum.flat_map(@tests, &Path.wildcard/1)

  # The promise in the name of a file, or in the comment that it begins with.
  defp promise_of(file) do
    beginning = file |> File.stream!() |> Enum.take(@first_lines) |> Enum.join()

    with nil <- Regex.run(~r/^p(\d)_/, Path.basename(file), capture: :all_but_first),
         nil <-
           Regex.run(~r/^ *(?:#|\/\/!) (?:Promise )?P(\d)\b/m, beginning, capture: :all_but_first),
         do: nil,
         else: ([number] -> "P" <> number)
  end

  test "every promise of the design is in the list, and no other one" do
    assert for({promise, _files} <- rows(), do: promise) == for(number <- 1..8, do: "P#{number}")
  end

  test "every file that the list names is there" do
    for {promise, files} <- rows() do
      assert files != [], "#{promise} has no tests"
      assert files == Enum.uniq(files)
      for file <- files, do: assert(File.regular?(file), "#{promise}: there is no #{file}")
    end
  end

  test "every file that says that it tests a promise is in the list of that promise" do
    listed = Map.new(rows())
    said = for file <- all_tests(), promise = promise_of(file), do: {promise, file}
    assert length(said) > 30

    for {promise, file} <- said,
        do: assert(file in listed[promise], "#{promise}: #{file} is missing")
  end

  test "every test file is in a folder that is run where Ash is not, or in test/ash" do
    folders = for helper <- Path.wildcard("test/*/test_helper.exs"), do: Path.dirname(helper)
    files = Path.wildcard("test/**/*_test.exs")

    for file <- files do
      folder = file |> Path.split() |> Enum.take(2) |> Path.join()
      assert folder in ["test/ash" | folders], "#{file} is not run"
    end
  end
end
