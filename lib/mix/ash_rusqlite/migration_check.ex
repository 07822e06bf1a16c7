defmodule Mix.AshRusqlite.MigrationCheck do
  @moduledoc false
  # What `mix ash_rusqlite.migrate --check FILE` does and prints.

  alias AshRusqlite.Repo.Maintenance

  # It is there where the data layer is.
  @report AshRusqlite.DataLayer.Schema.Report
  @compile {:no_warn_undefined, @report}

  @doc "Checks the file of `opts[:check]`, and ends the task where something is wrong."
  @spec run(keyword()) :: :ok
  def run(opts) do
    Mix.Task.run("app.config")
    file = Path.expand(opts[:check])
    repos = repos(opts)
    folder = folder(opts, repos)
    if opts[:database], do: Mix.raise("give either --check or --database")

    place = [database: file, migrations: folder, read_only: true, create: false]
    target = Keyword.drop(opts, [:repo, :check, :migrations]) ++ [database: file]

    Mix.AshRusqlite.each_repo(target, place, fn repo, _words ->
      options = Mix.AshRusqlite.take(opts, [:to, :step, :take_over])
      options = [on_copy: &differences(repos, &1)] ++ options
      repo |> Maintenance.check_migrations(options) |> Mix.AshRusqlite.value!() |> print(file)
    end)
  end

  defp repos(opts) do
    case Keyword.get_values(opts, :repo) do
      [] -> Application.get_env(Mix.Project.config()[:app], :ash_rusqlite_repos, [])
      names -> Enum.map(names, &Module.concat([&1]))
    end
  end

  defp folder(opts, repos) do
    case {opts[:migrations], repos} do
      {folder, _repos} when is_binary(folder) ->
        Path.expand(folder)

      {nil, [repo]} ->
        if not Code.ensure_loaded?(repo), do: Mix.raise("#{inspect(repo)} is not there")
        repo.config()[:migrations] || Mix.raise("#{inspect(repo)} has no folder of migrations")

      {nil, _none_or_many} ->
        Mix.raise("give --migrations, the folder of the migrations, or one --repo that has it")
    end
  end

  defp differences(repos, copy) do
    app = Mix.Project.config()[:app]

    if Code.ensure_loaded?(@report),
      do: Enum.flat_map(repos, &@report.differences(&1, app, copy)),
      else: []
  end

  defp print(check, file) do
    shell = Mix.shell()
    count = length(check.migrations)
    shell.info("#{file}: #{count} pending, run on a copy; the file is as it was")
    for migration <- check.migrations, do: shell.info(line(migration))

    found =
      for(line <- check.problems, do: "damage: #{line}") ++
        for(%{kind: kind} = one <- check.broken, do: "#{kind} #{one.name}: #{one.message}") ++
        for({resource, one} <- check.on_copy, do: "resource #{inspect(resource)}: #{one.message}")

    case found do
      [] -> shell.info("  nothing breaks, and the copy is sound")
      lines -> Mix.raise(Enum.join(["the migrations are not ready for #{file}:" | lines], "\n  "))
    end
  end

  defp line(%{version: version, name: name, duration_us: took, held_us: held} = migration) do
    tables = if migration.tables == [], do: "no table", else: Enum.join(migration.tables, ", ")
    taken = for line <- migration.taken_over, do: "\n    taken over: #{line}"

    "  #{version}_#{name}: #{ms(took)} ms; holds the writer for #{ms(held)} ms, and writes #{tables}" <>
      Enum.join(taken)
  end

  defp ms(us), do: Float.round(us / 1000, 1)
end
