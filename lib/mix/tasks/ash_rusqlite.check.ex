defmodule Mix.Tasks.AshRusqlite.Check do
  @shortdoc "Checks the database of a repo for damage"

  @moduledoc """
  Checks the file, its indexes and its foreign keys. With a problem it prints each and ends
  with status 1.

      mix ash_rusqlite.check
      mix ash_rusqlite.check --database chat.db --quick

  With `--json` it looks for something else: values of Ash resources that JSON cannot hold, which
  another program, or AshSqlite, could not read. It prints each with its resource, table, key, column
  and the reason, and ends with status 1 if there is one.

      mix ash_rusqlite.check --json
      mix ash_rusqlite.check --json --quiet && echo "JSON holds everything"

  Then the resources are those of `config :my_app, ash_domains: [MyApp.Chat]`. Those with a table for
  each tenant, and polymorphic ones, are named and left out: `AshRusqlite.beyond_json/2` is for them.

  The repos are those of `config :my_app, ash_rusqlite_repos: [MyApp.Repo]`.

    * `-r`, `--repo` - a repo module, can be given several times
    * `--database` - a file, without a repo module
    * `--quick` - leave out whether indexes agree with their tables
    * `--json` - look for values that JSON cannot hold; needs a repo module
    * `-q`, `--quiet` - print errors only
  """

  use Mix.Task

  alias AshRusqlite.Progress

  @beyond_json AshRusqlite.DataLayer.BeyondJson
  @compile {:no_warn_undefined, @beyond_json}

  @impl true
  def run(args) do
    opts = Mix.AshRusqlite.options!(args, quick: :boolean, json: :boolean)
    check = if opts[:json], do: &json!(&1, &2, opts), else: &sound!(&1, &2, opts)
    Mix.AshRusqlite.each_repo(opts, [create: false], check)
  end

  defp sound!(repo, words, opts) do
    options = Keyword.take(opts, [:quick])

    case Mix.AshRusqlite.value!(AshRusqlite.Repo.Maintenance.check(repo, options)) do
      [] -> Mix.shell().info("#{words} is sound")
      problems -> Mix.raise(Enum.join(["#{words} is damaged:" | problems], "\n  "))
    end
  end

  defp json!(repo, words, opts) do
    case json_resources!(repo) |> print(opts[:quiet]) do
      0 -> Mix.shell().info("JSON holds every value of #{words}")
      count -> Mix.raise("values of #{words} that JSON cannot hold: #{count}")
    end
  end

  defp json_resources!(repo) do
    cond do
      not Code.ensure_loaded?(@beyond_json) ->
        Mix.raise("--json asks the resources of Ash, which is not here")

      not is_atom(repo) ->
        Mix.raise("--json asks the resources of a repo module: give --repo instead of --database")

      true ->
        {resources, others} =
          Mix.Project.config()[:app]
          |> @beyond_json.resources(repo)
          |> Enum.split_with(&(@beyond_json.tables(&1) == :one))

        for resource <- others do
          Mix.shell().info(
            "#{inspect(resource)} has many tables: ask AshRusqlite.beyond_json/2 of each"
          )
        end

        resources
    end
  end

  # As they are found, since there may be as many as rows. The progress goes elsewhere, so that
  # they can be taken into a file.
  defp print(resources, quiet?) do
    show = if quiet?, do: & &1.(nil), else: &Progress.show(&1, :stderr)

    show.(fn report ->
      resources
      |> AshRusqlite.beyond_json(progress: report)
      |> Enum.reduce(0, fn found, count ->
        Mix.shell().info([clear(quiet?), line(found)])
        count + 1
      end)
    end)
  end

  defp clear(quiet?),
    do: if(IO.ANSI.enabled?() and not quiet?, do: ["\r", IO.ANSI.clear_line()], else: "")

  defp line(%{resource: resource, table: table, key: key, column: column, why: why}) do
    key = Enum.map_join(key, ", ", fn {name, value} -> "#{name}: #{inspect(value)}" end)
    "#{inspect(resource)} in #{table}, #{key}, #{column}: #{why}"
  end
end
