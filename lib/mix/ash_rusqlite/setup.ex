defmodule Mix.AshRusqlite.Setup do
  @moduledoc false
  # What the tasks `drop`, `setup` and `reset`, and those of Ash, share: a database, its tables, its first
  # rows.

  alias Mix.AshRusqlite.DatabaseFile

  @switches [seeds: :string, no_seeds: :boolean]

  @doc "The options of a task that sets databases up, and `switches`."
  @spec options!([String.t()], keyword()) :: keyword()
  def options!(args, switches \\ []),
    do: Mix.AshRusqlite.options!(args, @switches ++ switches)

  @doc "Creates the databases that the options name, migrates them and runs their seeds."
  @spec set_up(keyword()) :: :ok
  def set_up(opts) do
    targets = Mix.AshRusqlite.targets(opts)

    for target <- targets do
      task("create", target, opts, [])
      if migrations?(target, opts), do: task("migrate", target, opts, [:migrations])
    end

    unless opts[:no_seeds], do: Enum.each(targets, &seed(&1, opts))
  end

  @doc "Runs another task for one target, with those of the options that are named, and `--quiet`."
  @spec task(String.t(), module() | String.t(), keyword(), [atom()]) :: term()
  def task(task, target, opts, names) do
    named = if is_binary(target), do: ["--database", target], else: ["--repo", inspect(target)]
    given = for name <- names, value = opts[name], do: ["--#{name}", to_string(value)]
    quiet = if opts[:quiet], do: ["--quiet"], else: []
    Mix.Task.rerun("ash_rusqlite." <> task, named ++ List.flatten(given) ++ quiet)
  end

  defp migrations?(target, opts) do
    opts[:migrations] != nil or (is_atom(target) and folder?(target.config()[:migrations]))
  end

  # `{app, path}` is looked for by the repo.
  defp folder?(folder) when is_binary(folder), do: File.dir?(folder)
  defp folder?(folder), do: folder != nil

  # They are a script, and use the application as `mix run` would let them.
  defp seed(target, opts) do
    case seeds(target, opts) do
      nil ->
        :ok

      path ->
        Mix.Task.run("app.start")
        named = if is_binary(target), do: [database: target], else: [repo: inspect(target)]

        Mix.AshRusqlite.each_repo(named, fn _repo, words ->
          Code.eval_file(path)
          Mix.shell().info("#{words}: #{Path.relative_to_cwd(path)} was run")
        end)
    end
  end

  defp seeds(target, opts) do
    path = opts[:seeds] || beside(target)

    cond do
      path && File.regular?(path) -> Path.expand(path)
      opts[:seeds] -> Mix.raise("#{path} is not there")
      true -> nil
    end
  end

  defp beside(path) when is_binary(path), do: nil

  defp beside(repo) do
    case repo.config()[:migrations] do
      folder when is_binary(folder) -> folder |> Path.dirname() |> Path.join("seeds.exs")
      {app, folder} -> app |> Application.app_dir(Path.dirname(folder)) |> Path.join("seeds.exs")
      nil -> nil
    end
  end

  @doc "Whether one is asked before a database is deleted: in production, unless `--force` is given."
  @spec ask?(keyword()) :: boolean()
  def ask?(opts),
    do: Mix.Project.config()[:start_permanent] == true and not Keyword.get(opts, :force, false)

  @doc "Deletes databases, and asks before each if `ask?`."
  @spec drop([module() | String.t()], boolean()) :: :ok
  def drop(targets, ask?) do
    sure? = if ask?, do: &Mix.shell().yes?/1, else: fn _question -> true end

    for target <- targets do
      {_path, words} = DatabaseFile.of(target)

      case DatabaseFile.drop!(target, sure?) do
        :dropped -> Mix.shell().info("The database of #{words} is deleted")
        :absent -> Mix.shell().info("The database of #{words} is not there")
        :kept -> Mix.raise("The database of #{words} is kept")
      end
    end

    :ok
  end
end
