defmodule Mix.Tasks.AshRusqlite.Gen.Migration do
  @shortdoc "Writes a new migration of a repo"

  @moduledoc """
  Writes a migration, see `AshRusqlite.Migrator`: an empty one, or with `--schema` the difference between
  a schema in SQL and the files in the folder.

      mix ash_rusqlite.gen.migration add_topic_to_rooms
      mix ash_rusqlite.gen.migration add_topic_to_rooms --schema priv/repo/schema.sql

  The schema is a file of `CREATE TABLE`, `CREATE INDEX`, `CREATE VIEW` and `CREATE TRIGGER` statements: the
  database as it should be. Change this file, then let the task write the migration. It reads only the
  files, no database. For Ash resources, `mix ash.codegen` does the same.

  The repo is that of `config :my_app, ash_rusqlite_repos: [MyApp.Repo]`.

    * `-r`, `--repo` - a repo module
    * `--migrations` - the folder of the migrations; without a repo module it is enough
    * `--schema` - the file of the schema
    * `-q`, `--quiet` - print errors only

  With `--schema`:

    * `--dry-run` - print the file instead of writing it
    * `--check` - write nothing, and fail if a file would be written, or files of `--dev` are left
    * `--dev` - write a file without a final name, `…_dev.sql`. The next file with a name replaces all of
      these: they are removed, and a database of the repo in which they were applied keeps its rows and has
      the named one recorded as applied
    * `--drop` - drop the tables and columns that the schema has no longer. Without it they stay, and a
      note says so
    * `--rename-table from:to`, `--rename-column table.from:to` - the new table or column is the old one
      under another name. Without this the task asks on a terminal, and fails elsewhere. Each may be given
      several times
    * `--no-renames` - nothing (else) was renamed
    * `--fill table.column=SQL` - the value that existing rows get in a column that is new and has no
      default, or may not be null any longer
  """

  use Mix.Task

  alias Mix.AshRusqlite.Generate

  @empty """
  -- up

  -- down
  """

  @impl true
  def run(args) do
    switches = [schema: :string] ++ Generate.switches()
    {opts, rest} = Mix.AshRusqlite.parse!(args, switches)
    opts = named(opts, rest)
    Mix.Task.run("app.config")
    {:ok, _} = Application.ensure_all_started(:ash_rusqlite)

    case opts[:schema] do
      nil -> empty(opts)
      path -> generate(path, opts)
    end
  end

  defp named(opts, []), do: opts
  defp named(opts, [name]), do: Keyword.put(opts, :name, name)
  defp named(_opts, [_, extra | _]), do: Mix.raise("#{extra} is not understood: give one name")

  defp empty(opts) do
    case Enum.find(
           [:check, :dry_run, :dev, :drop, :fill, :rename_table, :rename_column],
           &opts[&1]
         ) do
      nil -> :ok
      switch -> Mix.raise("--#{String.replace("#{switch}", "_", "-")} needs --schema")
    end

    name = Generate.file_name(opts[:name]) || Mix.raise(usage())
    {_repo, folder} = place(opts)
    path = Path.join(folder, "#{Generate.version(folder)}_#{name}.sql")
    File.mkdir_p!(folder)
    File.write!(path, @empty, [:exclusive])
    Mix.shell().info([:green, "* creating ", :reset, Generate.shown(path)])
  end

  defp usage, do: "give the migration a name: mix ash_rusqlite.gen.migration add_topic_to_rooms"

  defp generate(path, opts) do
    schema =
      case File.read(path) do
        {:ok, text} -> text
        {:error, reason} -> Mix.raise("#{path} cannot be read: #{:file.format_error(reason)}")
      end

    {repo, folder} = place(opts)
    words = if repo, do: inspect(repo), else: Generate.shown(folder)

    case Generate.run(%{words: words, repo: repo, folder: folder, wanted: [schema: schema]}, opts) do
      {:ok, _paths} ->
        :ok

      {:pending, files} ->
        names = Enum.map_join(files, "", fn {path, _text} -> "\n  * #{Generate.shown(path)}" end)

        Mix.raise(
          "the migrations are not what #{path} asks for:#{names}\n\n" <>
            "Run with --dry-run to view them, and with a name to write them"
        )
    end
  end

  defp place(opts) do
    case {Mix.AshRusqlite.modules(opts), opts[:migrations]} do
      {[repo], _} -> {repo, Generate.folder(repo, opts)}
      {[], folder} when is_binary(folder) -> {nil, Path.expand(folder)}
      {[], nil} -> Mix.raise("give --repo MyApp.Repo, or the folder by --migrations")
      {many, _} -> Mix.raise("give one --repo of " <> Enum.map_join(many, ", ", &inspect/1))
    end
  end
end
