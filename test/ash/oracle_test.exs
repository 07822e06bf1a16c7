defmodule AshRusqlite.OracleTest do
  # The same resources on ETS and on SQLite, driven by generated queries and actions: what
  # they give must be equal, order included. ORACLE_QUERIES, ORACLE_SEQUENCES and ORACLE_SEED
  # make it longer, and again the same. The reference is the ETS of current releases: that of
  # older ones raises where a sort is by an aggregate, and sums nothing to 0.
  use ExUnit.Case, async: false

  require Logger

  alias AshRusqlite.Oracle.{Repo, Runner}

  @moduletag :tmp_dir
  @moduletag timeout: :infinity

  Application.load(:ash)
  @current Version.match?(to_string(Application.spec(:ash, :vsn) || "0.0.0"), ">= 3.32.0")
  unless @current, do: @moduletag(skip: "the reference is Ash 3.32 and newer")

  setup %{tmp_dir: folder} do
    level = Logger.level()
    Logger.configure(level: :error)
    on_exit(fn -> Logger.configure(level: level) end)
    {:ok, _} = Application.ensure_all_started(:ash)

    start_supervised!(
      {Repo, database: Path.join(folder, "oracle.db"), auto_migrate: true, synchronous: :off}
    )

    {:ok, seed: number("ORACLE_SEED", System.unique_integer([:positive]))}
  end

  test "queries give what they give on ETS", %{seed: seed} do
    check("queries", seed, fn -> Runner.queries(number("ORACLE_QUERIES", 300), seed) end)
  end

  test "sequences of actions give and leave what they do on ETS", %{seed: seed} do
    check("sequences", seed, fn -> Runner.sequences(number("ORACLE_SEQUENCES", 60), seed) end)
  end

  # Ash warns of every comparison with nil.
  defp check(name, seed, run) do
    {summary, _warnings} = ExUnit.CaptureIO.with_io(:stderr, run)
    Runner.print(name, summary)

    if summary.different != 0 do
      reports = summary.failures |> Enum.reverse() |> Enum.join("\n---\n")
      flunk("#{summary.different} differ with ORACLE_SEED=#{seed}:\n\n#{reports}")
    end
  end

  defp number(name, default) do
    case System.get_env(name) do
      nil -> default
      text -> String.to_integer(text)
    end
  end
end
