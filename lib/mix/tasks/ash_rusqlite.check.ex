defmodule Mix.Tasks.AshRusqlite.Check do
  @shortdoc "Checks the database of a repo for damage"

  @moduledoc """
  Checks the file, its indexes and its foreign keys. It prints each problem, and then ends with status 1.

      mix ash_rusqlite.check
      mix ash_rusqlite.check --database chat.db --quick

  It also prints what is no problem, but may be slow:

    * foreign keys that no index begins with, see `mix ash_rusqlite.advise`
    * columns of times with texts in several forms, which no index sorts: the number of rows in another
      form, one of their texts, and the SQL for a migration that changes them, see
      `AshRusqlite.Repo.Maintenance.other_forms/2`

  ## Values that JSON cannot hold

  With `--json` it looks instead for values of Ash resources that JSON cannot hold, so that another program,
  or AshSqlite, could not read them. It prints each with its resource, table, key, column and the reason,
  and ends with status 1 if there is one.

      mix ash_rusqlite.check --json
      mix ash_rusqlite.check --json --quiet && echo "JSON holds everything"

  The resources are those of `config :my_app, ash_domains: [MyApp.Chat]`. Polymorphic resources, and those
  with a table for each tenant, are named and left out: use `AshRusqlite.beyond_json/2` for them.

  ## Values that cannot be read

  With `--unreadable` it reads every row instead. It prints each value that cannot be read, with its table,
  key, column and the reason, and ends with status 1 if there is one. Values of the same Ash resources are
  read by the types of their attributes, those of other tables by the types of their columns. A value with
  more new atoms than stored values may create cannot be read, see `AshRusqlite.Repo.StoredAtoms`.

      mix ash_rusqlite.check --unreadable
      mix ash_rusqlite.check --unreadable --database chat.db

  ## Options

  The repos are those of `config :my_app, ash_rusqlite_repos: [MyApp.Repo]`.

    * `-r`, `--repo` - a repo module, can be given several times
    * `--database` - a file, without a repo module
    * `--quick` - do not check that indexes agree with their tables, nor the forms of times
    * `--json` - look for values that JSON cannot hold; needs a repo module
    * `--unreadable` - look for values that cannot be read
    * `-q`, `--quiet` - print errors only
  """

  use Mix.Task

  alias AshRusqlite.Progress
  alias AshRusqlite.Repo.{Maintenance, Schema}
  alias Mix.AshRusqlite.Advice

  @beyond_json AshRusqlite.DataLayer.Check.BeyondJson
  @table_spec AshRusqlite.DataLayer.Schema.TableSpec
  @compile {:no_warn_undefined, [@beyond_json, @table_spec]}

  @impl true
  def run(args) do
    switches = [quick: :boolean, json: :boolean, unreadable: :boolean]
    opts = Mix.AshRusqlite.options!(args, switches)

    check =
      cond do
        opts[:json] -> &json!(&1, &2, opts)
        opts[:unreadable] -> &readable!(&1, &2, opts)
        true -> &check_integrity!(&1, &2, opts)
      end

    Mix.AshRusqlite.each_repo(opts, [create: false], check)
  end

  defp readable!(repo, words, opts) do
    resources =
      if is_atom(repo) and Code.ensure_loaded?(@beyond_json), do: resources(repo), else: []

    {resources, many} = Enum.split_with(resources, &(@beyond_json.tables(&1) == :one))
    say_many(many, "AshRusqlite.unreadable/2")
    searches = Map.new(resources, &{@beyond_json.table(&1), &1})

    # A table of a resource that is not made yet holds nothing.
    found = fn report ->
      Stream.flat_map(AshRusqlite.Repo.Unreadable.tables(repo), fn table ->
        case searches do
          %{^table => resource} -> AshRusqlite.unreadable(resource, progress: report)
          %{} -> AshRusqlite.Repo.Unreadable.stream(repo, table, progress: report)
        end
      end)
    end

    case print(found, opts[:quiet]) do
      0 -> Mix.shell().info("every value of #{words} can be read")
      count -> Mix.raise("values of #{words} that cannot be read: #{count}")
    end
  end

  defp check_integrity!(repo, words, opts) do
    options = Keyword.take(opts, [:quick])

    case Mix.AshRusqlite.value!(Maintenance.check(repo, options)) do
      [] -> slow(repo, words, opts)
      problems -> Mix.raise(Enum.join(["#{words} is damaged:" | problems], "\n  "))
    end
  end

  # What is slow is no damage.
  defp slow(repo, words, opts) do
    Mix.shell().info("#{words} is sound")
    %{foreign_keys: keys} = Mix.AshRusqlite.value!(AshRusqlite.advise(repo))
    print_lines(Advice.foreign_keys(keys, words))
    if !opts[:quick], do: print_lines(Advice.other_forms(other_forms(repo), words))
  end

  defp print_lines([]), do: :ok
  defp print_lines(lines), do: Mix.shell().info(Enum.join(lines, "\n"))

  # What the columns of other programs' tables hold, only resources know.
  defp other_forms(repo) do
    if is_atom(repo) and Code.ensure_loaded?(@beyond_json) do
      for resource <- resources(repo), @beyond_json.tables(resource) == :one do
        spec = @table_spec.reading(resource, @beyond_json.table(resource))
        :ok = Schema.read_as(repo, spec)
      end
    end

    Mix.AshRusqlite.value!(Maintenance.other_forms(repo))
  end

  defp json!(repo, words, opts) do
    resources = json_resources!(repo)

    case print(&AshRusqlite.beyond_json(resources, progress: &1), opts[:quiet]) do
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
          repo |> resources() |> Enum.split_with(&(@beyond_json.tables(&1) == :one))

        say_many(others, "AshRusqlite.beyond_json/2")
        resources
    end
  end

  defp resources(repo), do: @beyond_json.resources(Mix.Project.config()[:app], repo)

  defp say_many(resources, function) do
    for resource <- resources,
        do: Mix.shell().info("#{inspect(resource)} has many tables: ask #{function} of each")
  end

  # As they are found, since there may be as many as rows. The progress goes elsewhere, so that
  # they can be taken into a file.
  defp print(search, quiet?) do
    show = if quiet?, do: & &1.(nil), else: &Progress.show(&1, :stderr)

    show.(fn report ->
      report
      |> search.()
      |> Enum.reduce(0, fn found, count ->
        Mix.shell().info([clear(quiet?), line(found)])
        count + 1
      end)
    end)
  end

  defp clear(quiet?),
    do: if(IO.ANSI.enabled?() and not quiet?, do: ["\r", IO.ANSI.clear_line()], else: "")

  defp line(%{table: table, column: column, why: why} = found) do
    table = if found[:resource], do: "#{inspect(found.resource)} in #{table}", else: table
    value = if found[:value], do: "; it holds #{found.value}", else: ""
    "#{table}, #{key(found.key)}, #{column}: #{why}#{value}"
  end

  defp key(nil), do: "a row without a key"
  defp key(key) when is_binary(key), do: key

  defp key(key),
    do: Enum.map_join(key, ", ", fn {name, value} -> "#{name}: #{inspect(value)}" end)
end
