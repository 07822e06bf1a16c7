Code.require_file("native/mix_compiler.exs", __DIR__)

defmodule AshRusqlite.MixProject do
  use Mix.Project

  @version "0.1.0"

  def project do
    [
      app: :ash_rusqlite,
      version: @version,
      elixir: "~> 1.14",
      elixirc_paths: elixirc_paths(Mix.env(), ash?()),
      test_paths: test_paths(ash?()),
      compilers: [:ash_rusqlite_native | Mix.compilers()],
      start_permanent: Mix.env() == :prod,
      # Tests define resources, each of which implements Inspect.
      consolidate_protocols: Mix.env() != :test,
      deps: deps(hex?()),
      name: "AshRusqlite",
      description:
        "An Ash data layer and a plain repo over SQLite, on an engine written in Rust.",
      package: package(),
      docs: docs()
    ]
  end

  def application do
    # Telemetry is optional wherever it comes from, but who has it needs it started.
    [
      extra_applications: [:logger, telemetry: :optional],
      # See AshRusqlite.Repo.Extension.
      env: [extensions: [AshRusqlite.DataLayer.RepoExtension]]
    ]
  end

  # The example is a project of its own. Its chat is what the benchmarks and some tests run, too.
  @chat "examples/ash_chat"

  defp elixirc_paths(:test, false), do: elixirc_paths(:dev, false) ++ ["test/support"]
  defp elixirc_paths(:dev, false), do: ["lib", "#{@chat}/lib"]
  defp elixirc_paths(env, true), do: elixirc_paths(env, false) ++ elixirc_paths_with_ash(env)
  defp elixirc_paths(_, false), do: ["lib"]

  defp elixirc_paths_with_ash(:test), do: ["#{@chat}/resources", "test/ash/support"]
  defp elixirc_paths_with_ash(:dev), do: ["#{@chat}/resources"]
  defp elixirc_paths_with_ash(_), do: []

  # What is in test/ash needs Ash. Where that is not, the other folders are run, which have a helper each.
  defp test_paths(true), do: ["test"]

  defp test_paths(false) do
    folders = "test/*" |> Path.wildcard() |> Enum.filter(&File.dir?/1)
    folders -- ["test/ash", "test/support"]
  end

  defp hex?, do: Code.ensure_loaded?(Hex)
  defp ash?, do: hex?() or :code.lib_dir(:ash) != {:error, :bad_name}

  # Without Hex, as on a bare Debian, everything but the data layer builds, runs and is tested. Where Ash is
  # on the code path all the same, it is named: Ash's tasks look for extensions in what depends on it.
  defp deps(false) do
    case :code.lib_dir(:ash) do
      {:error, :bad_name} -> []
      folder -> [{:ash, path: List.to_string(folder), compile: false, app: false}]
    end
  end

  defp deps(true) do
    [
      {:ash, "~> 3.5", optional: true},
      {:decimal, "~> 2.0 or ~> 3.0", optional: true},
      {:telemetry, "~> 1.0", optional: true},
      {:simple_sat, "~> 0.1", only: [:dev, :test]},
      {:ex_doc, "~> 0.34", only: :dev, runtime: false}
    ]
  end

  defp package do
    [
      licenses: ["MIT"],
      links: %{},
      files:
        ~w(lib native/engine native/nif native/mix_compiler.exs native/mix_compiler guides docs .cargo
                Cargo.toml Cargo.lock mix.exs .formatter.exs README.md CHANGELOG.md LICENSE)
    ]
  end

  # Extras and modules are grouped so that the sidebar reads as a table of contents.
  defp docs do
    [
      main: "readme",
      source_ref: "v#{@version}",
      extras:
        [{"README.md", title: "Overview"}] ++
          guides(~w(getting-started.md cheatsheet.cheatmd)) ++
          guides(~w(developing.md repo.md migrations.md testing.md events.md)) ++
          guides(~w(from-ets.md from-ash-sqlite.md from-ash-postgres.md)) ++
          ["docs/dsl.md", "docs/file-format.md", "guides/import-format.md"] ++
          for(name <- ~w(architecture design performance how-to-add), do: "docs/#{name}.md") ++
          ["CONTRIBUTING.md", "CHANGELOG.md", {"LICENSE", title: "MIT licence"}],
      groups_for_extras: [
        "Start here": ~r/(README|getting-started|cheatsheet)/,
        Guides: ~r/guides\/(developing|repo|migrations|testing|events)/,
        "Moving from another data layer": ~r/guides\/from-/,
        Reference: ~r/(docs\/dsl|docs\/file-format|guides\/import-format)/,
        "How it is built": ~r/(docs\/(architecture|design|performance|how-to-add)|CONTRIBUTING)/,
        Project: ~r/(CHANGELOG|LICENSE)/
      ],
      # In dev the example's modules are compiled, too.
      filter_modules: ~r/^Elixir\.(Mix\.Tasks\.)?AshRusqlite(\.|$)/,
      before_closing_body_tag: &unlink_source_files/1,
      # The groups of the operations of a repo, see AshRusqlite.Repo.Operations.
      groups_for_docs:
        for name <- ~w(Reads Writes Transaction Events Migrations Maintenance Journal Process) do
          {String.to_atom(name), &(&1[:group] == name)}
        end,
      groups_for_modules: [
        Repo: [AshRusqlite.Repo, AshRusqlite.Result],
        "Ash data layer": [
          AshRusqlite.DataLayer,
          AshRusqlite.DataLayer.Info,
          AshRusqlite.DataLayer.Journal,
          ~r/^AshRusqlite\.DataLayer\.(I?Like|Notifications)$/
        ],
        "Sections of the Ash DSL": ~r/^AshRusqlite\.DataLayer\.Dsl\./,
        Events: [AshRusqlite.Actor, AshRusqlite.Event, ~r/^AshRusqlite\.Journal/],
        Migrations: [AshRusqlite.Migrator, AshRusqlite.Repo.Schema],
        Testing: [AshRusqlite.Sandbox],
        Errors: [
          AshRusqlite.Error,
          ~r/^AshRusqlite\.DataLayer\.(EngineError|PositionConflict|UnreadableValue)$/
        ],
        "Running it": [
          AshRusqlite.Telemetry,
          AshRusqlite.Progress,
          AshRusqlite.Repo.Unreadable,
          AshRusqlite.Repo.StoredAtoms
        ],
        "Repos by name or pid":
          ~r/^AshRusqlite\.Repo\.(Reads|Writes|Transaction|Maintenance|Events)$/,
        "For programs that write queries": [
          ~r/^AshRusqlite\.Repo\.(Expression|Vocabulary|JSON|Generator)$/,
          ~r/^AshRusqlite\.DataLayer\.Migrations\.Wanted$/
        ]
      ]
    ]
  end

  # Pages link to tests and other source files, for readers of the repository. Those files are no
  # pages, so in the generated documentation their links become plain text.
  defp unlink_source_files(:html) do
    """
    <script>
      window.addEventListener("exdoc:loaded", () => {
        document.querySelectorAll("#content a[href$='.exs'], #content a[href$='.rs']").forEach(link => {
          const text = document.createElement("span");
          text.title = link.getAttribute("href").replace("../", "");
          text.append(...link.childNodes);
          link.replaceWith(text);
        });
      });
    </script>
    """
  end

  defp unlink_source_files(_format), do: ""

  defp guides(names), do: Enum.map(names, &("guides/" <> &1))
end
