defmodule AshRusqlite.Bench do
  @moduledoc false
  # The command line of bin/bench.

  alias AshRusqlite.Bench.{AshFigures, CliffFigures, EctoFigures, Figure, GenerateFigures}
  alias AshRusqlite.Bench.{JournalFigures, OtpFigures, P1Figures, PlainFigures, Postgres}
  alias AshRusqlite.Bench.{PostgresFigures, Progress, ReloadFigures, Report, SyncFigures, World}

  @help """
  bin/bench [options]

  Measures the repo against plain rusqlite in a process of its own, which is the limit, and
  against ETS, DETS, Mnesia and, if they are installed, Debian's erlang-p1-sqlite3 and PostgreSQL,
  which is started for that alone, and Ecto on ecto_sqlite3, where that is loaded. Where Ash is,
  its actions on this data layer are measured against those on its ETS data layer and, where that
  is, on ash_sqlite. Both sides run by turns on copies of one database; a ratio is the median of
  the ratios of all rounds.

    --only NAME    only the figures whose names contain NAME; may be given several times
    --json FILE    writes the figures as JSON, too: name, ours, reference, ratio, bar, ok, unit
    --check        ends with status 1 when a figure misses its bar
    --quick        a little of everything in seconds; what comes out means nothing
    --folder DIR   where the databases are made, by default tmp/ here; takes 2 GB
    --list         names the figures
    --help         this text
  """

  @switches [
    only: :keep,
    json: :string,
    check: :boolean,
    quick: :boolean,
    folder: :string,
    list: :boolean,
    help: :boolean
  ]

  @doc "Runs the benchmarks that the arguments name. Ends the VM with an error when one fails."
  @spec main([String.t()]) :: :ok
  def main(args) do
    case OptionParser.parse(args, strict: @switches) do
      {options, [], []} -> run(options)
      {_, rest, invalid} -> refuse("unknown: " <> Enum.join(rest ++ names(invalid), " "))
    end
  end

  defp names(options), do: for({name, _value} <- options, do: name)

  defp run(options) do
    figures = chosen(Keyword.get_values(options, :only))

    cond do
      options[:help] -> IO.write(@help)
      options[:list] -> Enum.each(figures, &IO.puts(&1.name))
      figures == [] -> refuse("no figure has such a name, see --list")
      true -> measure(figures, options)
    end
  end

  defp refuse(problem) do
    IO.puts(:stderr, "#{problem}\n\n#{@help}")
    System.halt(2)
  end

  defp chosen(names) do
    names = Enum.map(names, &String.downcase/1)

    Enum.filter(figures(), fn figure ->
      names == [] or Enum.any?(names, &String.contains?(String.downcase(figure.name), &1))
    end)
  end

  @doc "Every figure that can be measured here."
  @spec figures() :: [Figure.t()]
  def figures do
    PlainFigures.all() ++
      SyncFigures.all() ++
      OtpFigures.all() ++
      ReloadFigures.all() ++
      if(P1Figures.installed?(), do: P1Figures.all(), else: []) ++
      if(Postgres.installed?(), do: PostgresFigures.all(), else: []) ++
      EctoFigures.all() ++
      JournalFigures.all() ++ GenerateFigures.all() ++ AshFigures.all() ++ CliffFigures.all()
  end

  defp measure(figures, options) do
    # Mnesia logs when it stops.
    Logger.configure(level: :warning)
    folder = Path.join(options[:folder] || "tmp", "bench-#{System.pid()}")
    File.mkdir_p!(folder)
    world = if options[:quick], do: World.quick(folder), else: World.full(folder)

    results =
      try do
        measure_all(figures, world)
      after
        File.rm_rf!(folder)
      end

    IO.puts(["\n", machine(), "\n\n", Report.table(results)])
    unless P1Figures.installed?(), do: IO.puts("\nerlang-p1-sqlite3 is not installed: left out.")
    unless Postgres.installed?(), do: IO.puts("\nPostgreSQL is not installed: left out.")
    missing = EctoFigures.missing() ++ AshFigures.missing()
    for name <- missing, do: IO.puts("\n#{name} is not loaded: left out.")
    if options[:json], do: File.write!(options[:json], Report.json(results))
    if options[:check] && not Enum.all?(results, & &1.ok), do: System.halt(1)
    :ok
  end

  defp measure_all(figures, world) do
    for {figure, number} <- Enum.with_index(figures, 1) do
      Progress.figure(figure.name, number, length(figures))
      Figure.measure(figure, world)
    end
  end

  defp machine do
    otp = :erlang.system_info(:otp_release)
    "#{System.schedulers_online()} cores, OTP #{otp}, Elixir #{System.version()}"
  end
end
