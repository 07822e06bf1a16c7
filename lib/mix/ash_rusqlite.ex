defmodule Mix.AshRusqlite do
  @moduledoc false
  # What the mix tasks share: their options, finding the repos, running them.

  alias AshRusqlite.{Error, Repo}

  @switches [
    repo: [:string, :keep],
    database: :string,
    migrations: :string,
    quiet: :boolean
  ]
  @aliases [r: :repo, q: :quiet, f: :force, n: :step]

  @doc "Parses the arguments of a task: those of all tasks and `switches`."
  @spec parse!([String.t()], keyword()) :: {keyword(), [String.t()]}
  def parse!(args, switches \\ []) do
    options = [strict: @switches ++ switches, aliases: @aliases]
    {opts, rest} = OptionParser.parse!(args, options)
    if opts[:quiet], do: Mix.shell(Mix.Shell.Quiet)
    {opts, rest}
  rescue
    error in OptionParser.ParseError -> Mix.raise(Exception.message(error))
  end

  @doc "As `parse!/2`, for a task that takes options only."
  @spec options!([String.t()], keyword()) :: keyword()
  def options!(args, switches \\ []) do
    case parse!(args, switches) do
      {opts, []} ->
        opts

      {_opts, [extra | _]} ->
        Mix.raise("#{extra} is not understood: this task takes options only")
    end
  end

  @doc "The options for a repo's own functions among the given names."
  @spec take(keyword(), [atom()]) :: keyword()
  def take(opts, names), do: Keyword.take(opts, names) ++ [progress: not quiet?(opts)]

  defp quiet?(opts), do: Keyword.get(opts, :quiet, false)

  @doc """
  Calls `fun` with each repo that the options name, running, and with the words by which a
  message calls it. An error of the repo ends the task.
  """
  @spec each_repo(keyword(), keyword(), (Repo.repo(), String.t() -> term())) :: :ok
  def each_repo(opts, start_opts \\ [], fun) do
    Mix.Task.run("app.config")
    {:ok, _} = Application.ensure_all_started(:ash_rusqlite)

    # A task prints what it does.
    quiet = [log: false, log_start: false]

    start_opts =
      quiet ++ start_opts ++ for {:migrations, path} <- opts, do: {:migrations, Path.expand(path)}

    for target <- targets(opts) do
      if is_binary(target),
        do: with_database(target, start_opts, fun),
        else: with_module(target, start_opts, fun)
    end

    :ok
  end

  @doc "As `each_repo/3`, for a task that makes sense for one repo only."
  @spec one_repo(keyword(), keyword(), (Repo.repo(), String.t() -> term())) :: :ok
  def one_repo(opts, start_opts, fun) do
    Mix.Task.run("app.config")

    case targets(opts) do
      [_] -> each_repo(opts, start_opts, fun)
      many -> Mix.raise("give one --repo of " <> Enum.map_join(many, ", ", &inspect/1))
    end
  end

  @doc "The repo modules that the options name, or the path of a file."
  @spec targets(keyword()) :: [module() | String.t()]
  def targets(opts) do
    case {opts[:database], Keyword.get_values(opts, :repo)} do
      {nil, names} -> repos(names)
      {database, []} -> [database]
      _ -> Mix.raise("give either --repo or --database")
    end
  end

  @doc "The value, or the end of the task with the error's message."
  @spec value!({:ok, value} | {:error, Error.t()}) :: value when value: term()
  def value!({:ok, value}), do: value
  def value!({:error, error}), do: Mix.raise(message(error))

  # The error in the words of the command line.
  defp message(%{details: %{option: "overwrite", path: path}}),
    do: "#{path} exists; give --overwrite to replace it"

  defp message(%{details: %{option: "create", path: path}}),
    do: "#{path} is not there; mix ash_rusqlite.create makes it"

  defp message(error), do: Exception.message(error)

  @doc """
  The repo modules that the options name, else those of the configuration; with `--migrations` there
  need be none.
  """
  @spec modules(keyword()) :: [module()]
  def modules(opts) do
    configured = Application.get_env(Mix.Project.config()[:app], :ash_rusqlite_repos, [])

    case Keyword.get_values(opts, :repo) do
      [] -> if opts[:migrations] && configured == [], do: [], else: repos([])
      names -> repos(names)
    end
  end

  defp with_module(repo, start_opts, fun) do
    case repo.start_link(start_opts) do
      {:ok, pid} -> run(pid, repo, inspect(repo), fun)
      {:error, {:already_started, _}} -> fun.(repo, inspect(repo))
      {:error, error} -> Mix.raise("#{inspect(repo)}: #{message(error)}")
      :ignore -> Mix.shell().info("#{inspect(repo)} is not to be started")
    end
  end

  defp with_database(database, start_opts, fun) do
    pid = value!(Repo.start_link([database: database] ++ start_opts))
    run(pid, pid, database, fun)
  end

  defp run(pid, repo, words, fun) do
    fun.(repo, words)
  after
    Repo.stop(pid)
  end

  defp repos([]) do
    app = Mix.Project.config()[:app]

    case Application.get_env(app, :ash_rusqlite_repos, []) do
      [] ->
        Mix.raise("""
        no repo is known. Give one of:

            --repo MyApp.Repo
            --database path/of/the/file
            config #{inspect(app)}, ash_rusqlite_repos: [MyApp.Repo]
        """)

      repos ->
        Enum.map(repos, &check!/1)
    end
  end

  defp repos(names), do: Enum.map(names, &check!(Module.concat([&1])))

  defp check!(repo) do
    if Code.ensure_loaded?(repo) and function_exported?(repo, :get_dynamic_repo, 0),
      do: repo,
      else: Mix.raise("#{inspect(repo)} is no module with `use AshRusqlite.Repo`")
  end
end
