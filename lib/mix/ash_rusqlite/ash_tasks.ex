if Code.ensure_loaded?(Ash) do
  defmodule Mix.AshRusqlite.AshTasks do
    @moduledoc false
    # What `mix ash.codegen`, `ash.migrate`, `ash.rollback`, `ash.setup` and `ash.tear_down` do here. They
    # call every extension of the project with the same arguments, so what is another's is no
    # mistake, and without resources of ours there is nothing to do.

    alias Ash.Error.Framework.PendingCodegen
    alias AshRusqlite.DataLayer.Migrations.Wanted
    alias Mix.AshRusqlite.{Generate, Setup}

    @shared [repo: [:string, :keep], migrations: :string, quiet: :boolean, domains: :string]
    @aliases [r: :repo, q: :quiet, n: :step]

    @doc "See `AshRusqlite.DataLayer.codegen/1`."
    @spec codegen([String.t()]) :: :ok
    def codegen(argv) do
      opts = parse(argv, Generate.switches())
      resources = resources(opts)

      pending =
        for repo <- repos(resources, opts),
            {:pending, files} <- [generate(repo, resources, opts)],
            file <- files,
            do: file

      if pending != [] do
        for {path, _text} <- pending, do: Mix.shell().info("pending: #{Generate.shown(path)}")
        raise PendingCodegen, diff: pending
      end

      :ok
    end

    @doc "The same for a task of ours, which what is pending ends as it ends `mix ash.codegen`."
    @spec generate_migrations([String.t()]) :: :ok
    def generate_migrations(argv) do
      codegen(argv)
    rescue
      error in PendingCodegen ->
        Mix.raise(Exception.message(error) <> "\n\nRun with --dry-run to view pending changes")
    end

    defp generate(repo, resources, opts) do
      case Wanted.of(repo, resources) do
        {:ok, wanted, notes} ->
          unless opts[:check], do: Enum.each(notes, &Mix.shell().info("note: #{&1}"))

          Generate.run(
            %{
              words: inspect(repo),
              repo: repo,
              folder: Generate.folder(repo, opts),
              wanted: wanted
            },
            opts
          )

        {:error, error} ->
          Mix.raise(Exception.message(error))
      end
    end

    @doc "See `AshRusqlite.DataLayer.migrate/1`."
    @spec migrate([String.t()]) :: :ok
    def migrate(argv) do
      opts = parse(argv, to: :integer, step: :integer)

      for repo <- repos(resources(opts), opts),
          migrations?(repo, opts),
          do: Setup.task("migrate", repo, opts, [:to, :step, :migrations])

      :ok
    end

    @doc "See `AshRusqlite.DataLayer.rollback/1`."
    @spec rollback([String.t()]) :: :ok
    def rollback(argv) do
      opts = parse(argv, to: :integer, step: :integer)

      for repo <- repos(resources(opts), opts),
          migrations?(repo, opts),
          do: Setup.task("rollback", repo, opts, [:to, :step, :migrations])

      :ok
    end

    @doc "See `AshRusqlite.DataLayer.setup/1`."
    @spec setup([String.t()]) :: :ok
    def setup(argv) do
      opts = parse(argv, [])

      for repo <- repos(resources(opts), opts) do
        Setup.task("create", repo, opts, [])
        if migrations?(repo, opts), do: Setup.task("migrate", repo, opts, [:migrations])
      end

      :ok
    end

    @doc "See `AshRusqlite.DataLayer.tear_down/1`."
    @spec tear_down([String.t()]) :: :ok
    def tear_down(argv) do
      opts = parse(argv, force: :boolean)
      opts |> resources() |> repos(opts) |> Enum.filter(&file?/1) |> Setup.drop(Setup.ask?(opts))
    end

    defp file?(repo), do: repo.config()[:database] not in [nil, ":memory:"]

    # The folder of what has no migrations yet need not be there.
    defp migrations?(repo, opts) do
      folder = opts[:migrations] || repo.config()[:migrations]
      there? = is_tuple(folder) or (is_binary(folder) and File.dir?(folder))

      unless there?,
        do:
          Mix.shell().info(
            "#{inspect(repo)} has no migrations: `mix ash.codegen NAME` writes them"
          )

      there?
    end

    defp parse(argv, switches) do
      {opts, _rest, _others} =
        argv |> named() |> OptionParser.parse(strict: @shared ++ switches, aliases: @aliases)

      if opts[:quiet], do: Mix.shell(Mix.Shell.Quiet)
      opts
    end

    # Ash gives nil as the name where nobody gave one.
    defp named(["--name", nil | rest]), do: named(rest)
    defp named([argument | rest]), do: [argument | named(rest)]
    defp named([]), do: []

    defp repos(resources, opts) do
      configured =
        for app <- apps(), repo <- Application.get_env(app, :ash_rusqlite_repos, []), do: repo

      named = opts |> Keyword.get_values(:repo) |> Enum.map(&repo!/1)

      Enum.uniq(Wanted.repos(resources) ++ configured)
      |> Enum.filter(&(named == [] or &1 in named))
    end

    # It may be another data layer's, but not nobody's: then nothing would be checked, in silence.
    defp repo!(name) do
      module = Module.concat([name])

      if Code.ensure_loaded?(module),
        do: module,
        else: Mix.raise("--repo #{name}: there is no module #{inspect(module)}")
    end

    defp resources(opts) do
      Mix.Task.run("app.config")
      {:ok, _} = Application.ensure_all_started(:ash_rusqlite)
      for domain <- domains(opts[:domains]), resource <- of(domain), uniq: true, do: resource
    end

    defp of(domain) do
      case Code.ensure_compiled(domain) do
        {:module, domain} ->
          domain |> Ash.Domain.Info.resources() |> Enum.filter(&compiled?/1)

        {:error, reason} ->
          Mix.raise("the domain #{inspect(domain)} cannot be loaded: #{inspect(reason)}")
      end
    end

    defp compiled?(resource), do: match?({:module, _}, Code.ensure_compiled(resource))

    defp domains(nil), do: Enum.flat_map(apps(), &Application.get_env(&1, :ash_domains, []))

    defp domains(names),
      do:
        for(name <- String.split(names, ",", trim: true), do: Module.concat([String.trim(name)]))

    defp apps do
      case Mix.Project.apps_paths() do
        nil -> [Mix.Project.config()[:app]]
        paths -> paths |> Map.keys() |> Enum.sort()
      end
    end
  end
end
