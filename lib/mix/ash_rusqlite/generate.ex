defmodule Mix.AshRusqlite.Generate do
  @moduledoc false
  # What `mix ash.codegen` and `mix ash_rusqlite.gen.migration` share: their options, the questions about
  # renames, writing the files.

  alias AshRusqlite.Repo.{Configuration, Generator}
  alias Mix.AshRusqlite.{DevFiles, Renames}

  @switches [
    name: :string,
    check: :boolean,
    dev: :boolean,
    dry_run: :boolean,
    drop: :boolean,
    rename_table: [:string, :keep],
    rename_column: [:string, :keep],
    renames: :boolean,
    fill: [:string, :keep]
  ]

  @typedoc """
  For whom files are generated: the words by which a message calls it, the repo module if there is one,
  the folder, and the schema as `AshRusqlite.Repo.Generator.generate/3` takes it.
  """
  @type target :: %{
          words: String.t(),
          repo: module() | nil,
          folder: Path.t(),
          wanted: keyword()
        }

  @doc "The switches, for `OptionParser`."
  @spec switches() :: keyword()
  def switches, do: @switches

  @doc """
  Generates what a target lacks, and writes it unless `:check` or `:dry_run` is given.

  Returns the paths that were written, or `{:pending, [{path, text}]}` for `:check`.
  """
  @spec run(target(), keyword()) :: {:ok, [Path.t()]} | {:pending, [{Path.t(), String.t()}]}
  def run(target, opts) do
    dev_files = DevFiles.list(target.folder)
    left = if opts[:dev], do: [], else: dev_files
    options = options(target, opts, left)
    {result, options} = generate(target, options, opts)

    case result.files do
      [] when left == [] ->
        notes(result)
        Mix.shell().info("#{target.words}: the migrations are up to date")
        {:ok, []}

      files ->
        pending(target, opts, files, result, options, left)
    end
  end

  defp pending(target, opts, files, result, options, left) do
    cond do
      opts[:check] ->
        {:pending,
         paths(target, files, opts) ++ Enum.map(left, &{Path.join(target.folder, &1), ""})}

      opts[:dry_run] ->
        notes(result)

        for {path, text} <- paths(target, files, opts),
            do: Mix.shell().info("#{shown(path)}\n\n#{text}")

        {:ok, []}

      true ->
        DevFiles.unchanged!(target.folder, left)
        {files, result, options} = named(target, opts, files, result, options)
        notes(result)
        write(target, paths(target, files, opts), left, options)
    end
  end

  # A name is asked for when it is known that there is something to name.
  defp named(target, opts, files, result, options) do
    if opts[:name] || opts[:dev] || files == [] do
      {files, result, options}
    else
      options = Keyword.put(options, :name, ask_name())
      {result, options} = generate(target, options, opts)
      {result.files, result, options}
    end
  end

  defp ask_name do
    if Renames.terminal?() do
      case Mix.shell().prompt("Name of the migration, such as add_topic_to_rooms:") do
        answer when is_binary(answer) -> file_name(String.trim(answer))
        _ -> name_wanted()
      end
    else
      name_wanted()
    end
  end

  @spec name_wanted() :: no_return()
  defp name_wanted do
    Mix.raise("""
    the migration needs a name that says what it does. Give it first, or one of --dev, --check and --dry-run:

        mix ash.codegen add_topic_to_rooms
    """)
  end

  defp write(target, files, left, options) do
    carry = DevFiles.carry(target, left, files, fn -> remainder(target, options) end)

    File.mkdir_p!(target.folder)

    for {path, text} <- files do
      File.write!(path, text, [:exclusive])
      Mix.shell().info([:green, "* creating ", :reset, shown(path)])
    end

    DevFiles.remove(target, left, carry)
    {:ok, Enum.map(files, &elem(&1, 0))}
  end

  # What the dev files themselves lack, where the resources changed after the last of them. A rename that
  # is in them already is not asked about again.
  defp remainder(target, options) do
    answers = Keyword.take(options, [:rename_tables, :rename_columns])

    options =
      options
      |> Keyword.drop([:skip, :rename_tables, :rename_columns, :not_renamed])
      |> Keyword.put(:name, "left_by_dev_files")

    step(target, options, &Renames.from(&1, answers)).files
  end

  defp options(target, opts, left) do
    [
      name: file_name(opts[:name]) || "changes",
      version: version(target.folder),
      drop: opts[:drop] || false,
      fill: opts |> Keyword.get_values(:fill) |> Enum.map(&fill/1),
      skip: left,
      not_renamed: []
    ] ++ Renames.given(opts)
  end

  @doc "The name of a file, of what was given as one."
  @spec file_name(String.t() | nil) :: String.t() | nil
  def file_name(nil), do: nil

  def file_name(name) do
    case name |> Macro.underscore() |> String.replace(~r/[^a-z0-9_]+/, "_") |> String.trim("_") do
      "" ->
        Mix.raise("#{inspect(name)} is no name of a migration, such as add_topic_to_rooms")

      name ->
        # Such a file would be taken for one of --dev, and removed.
        if String.ends_with?("_" <> name, "_dev"),
          do: Mix.raise("#{name}: names that end in dev are those of files generated with --dev")

        name
    end
  end

  @doc "The version of the next file in a folder: the time, in seconds, unless there is a later one."
  @spec version(Path.t()) :: pos_integer()
  def version(folder) do
    now = DateTime.utc_now() |> Calendar.strftime("%Y%m%d%H%M%S") |> String.to_integer()

    folder
    |> Path.join("*.sql")
    |> Path.wildcard()
    |> Enum.map(fn path ->
      case Integer.parse(Path.basename(path)) do
        {version, _} -> version + 1
        :error -> 0
      end
    end)
    |> Enum.max(fn -> 0 end)
    |> max(now)
  end

  defp fill(text) do
    with [place, sql] <- String.split(text, "=", parts: 2),
         [table, column] <- String.split(place, ".") do
      {table, column, sql}
    else
      _ -> Mix.raise("--fill #{text} is not understood: give --fill table.column=SQL")
    end
  end

  defp generate(target, options, opts) do
    case generator(target, options) do
      %{questions: []} = result ->
        {result, options}

      %{questions: questions} ->
        answered = Renames.answer(questions, opts)

        known =
          Enum.flat_map(options, fn {key, values} -> List.wrap(values) |> Enum.map(&{key, &1}) end)

        if Enum.all?(answered, &(&1 in known)),
          do: Mix.raise("the question about renames came again: #{inspect(questions)}")

        generate(target, add(options, answered), opts)
    end
  end

  defp step(target, options, answer) do
    case generator(target, options) do
      %{questions: []} = result -> result
      %{questions: questions} -> step(target, add(options, answer.(questions)), answer)
    end
  end

  defp add(options, answered) do
    Enum.reduce(answered, options, fn {key, answer}, options ->
      Keyword.update(options, key, [answer], &(&1 ++ [answer]))
    end)
  end

  defp generator(%{folder: folder, wanted: wanted}, options) do
    folder = if File.dir?(folder), do: folder
    Mix.AshRusqlite.value!(Generator.generate(folder, wanted, options))
  end

  defp paths(target, files, opts) do
    for %{name: name, text: text} <- files do
      name = if opts[:dev], do: DevFiles.name(name), else: name
      {Path.join(target.folder, name), text}
    end
  end

  defp notes(%{notes: notes}), do: Enum.each(notes, &Mix.shell().info("note: #{&1}"))

  @doc "A path as a person looks for it."
  @spec shown(Path.t()) :: Path.t()
  def shown(path), do: Path.relative_to_cwd(path)

  @doc """
  The folder in which migrations of a repo are written. That of an application's build is a link to
  its sources, or nothing as long as these have no `priv`.
  """
  @spec folder(module(), keyword()) :: Path.t()
  def folder(repo, opts) do
    config = repo.config()

    case opts[:migrations] || config[:migrations] do
      nil -> "priv" |> Path.join(Configuration.default_folder(repo)) |> Path.expand()
      {app, path} -> in_sources(app, Path.join(build(app), path))
      path -> in_sources(config[:otp_app], Path.expand(path))
    end
  end

  defp build(app) do
    case :code.lib_dir(app) do
      {:error, :bad_name} ->
        Mix.raise("the application #{app} of the option migrations: is unknown")

      folder ->
        List.to_string(folder)
    end
  end

  defp in_sources(nil, path), do: path

  defp in_sources(app, path) do
    with folder when is_list(folder) <- :code.lib_dir(app),
         inside = Path.relative_to(path, List.to_string(folder)),
         true <- inside != path,
         sources when is_binary(sources) <- sources(app) do
      Path.join(sources, inside)
    else
      _ -> path
    end
  end

  defp sources(app) do
    if Mix.Project.config()[:app] == app,
      do: Path.dirname(Mix.Project.project_file()),
      else: Mix.Project.deps_paths()[app]
  end
end
