defmodule Mix.AshRusqlite.DevFiles do
  @moduledoc false
  # Migrations that were generated with --dev. The first one with a name takes their place: it is
  # generated as if they were not there, and a database in which they were applied has it already.

  alias AshRusqlite.{Migrator, Repo}
  alias AshRusqlite.Repo.{Maintenance, Reads, Writes}
  alias Mix.AshRusqlite.Generate

  @ledger "ash_rusqlite_migrations"

  @typedoc "The versions in a database's ledger, and the rows that take their place; nil for none."
  @type carried :: %{versions: [pos_integer()], rows: [map()]} | nil

  @header "-- Written by AshRusqlite "

  @doc "The names of those in a folder: what ends in `_dev.sql` and was generated."
  @spec list(Path.t()) :: [String.t()]
  def list(folder) do
    for path <- folder |> Path.join("*_dev.sql") |> Path.wildcard() |> Enum.sort(),
        String.starts_with?(File.read!(path), @header),
        do: Path.basename(path)
  end

  @doc "Raises where one of them was changed by hand, which would be lost with it."
  @spec unchanged!(Path.t(), [String.t()]) :: :ok
  def unchanged!(folder, names) do
    for name <- names, path = Path.join(folder, name), changed?(File.read!(path)) do
      Mix.raise("""
      #{Generate.shown(path)} was changed by hand, and what takes its place would be without that.
      To keep it, name it #{Path.rootname(name) |> String.replace_suffix("_dev", "")}.sql: it counts as \
      applied where it is applied. Otherwise delete it.
      """)
    end

    :ok
  end

  # As the generator says in the first line what the rest was. A checkout may have changed the ends of
  # the lines.
  defp changed?(text) do
    [first, rest] = text |> String.replace("\r\n", "\n") |> String.split("\n", parts: 2)
    first != @header <> Base.encode16(sha256(rest), case: :lower)
  end

  # Only Mix needs it here, so the application does not depend on it; newer releases of Mix hide what a
  # project does not name.
  defp sha256(text) do
    if function_exported?(Mix, :ensure_application!, 1),
      do: apply(Mix, :ensure_application!, [:crypto])

    apply(:crypto, :hash, [:sha256, text])
  end

  @doc """
  The name of a file that is one of them.

      iex> Mix.AshRusqlite.DevFiles.name("20261128150000_add_topic.sql")
      "20261128150000_add_topic_dev.sql"
  """
  @spec name(String.t()) :: String.t()
  def name(name) do
    root = Path.rootname(name)
    if String.ends_with?(root, "_dev"), do: name, else: root <> "_dev.sql"
  end

  @doc """
  Brings the database of a target to where the named files will have it, if some of its dev files are
  applied there: the others are applied, too, and what `remainder` generates beyond them. No row is
  lost by that, as it would be if they were rolled back. The named files are tried in an empty
  database.
  """
  @spec carry(Generate.target(), [String.t()], [{Path.t(), String.t()}], (() -> [map()])) ::
          carried()
  def carry(target, left, named, remainder) do
    versions = Enum.map(left, &version/1)

    with_database(target, left, fn repo ->
      applied =
        for %{version: version, applied_at: at} <- migrations(repo, target.folder),
            at != nil and version in versions,
            do: version

      if applied != [] do
        rows = rows(target, left, named)
        %{versions: versions ++ apply_all(repo, target.folder, remainder.()), rows: rows}
      end
    end)
  end

  defp with_database(_target, [], _fun), do: nil
  defp with_database(%{repo: nil}, _left, _fun), do: nil

  defp with_database(%{repo: repo}, _left, fun) do
    database = repo.config()[:database]

    if is_binary(database) and File.regular?(database),
      do:
        Mix.AshRusqlite.value!(
          Migrator.with_repo(repo, fun, create: false, log: false, log_start: false)
        )
  end

  defp migrations(repo, folder),
    do: Mix.AshRusqlite.value!(Maintenance.migrations(repo, migrations: folder))

  defp apply_all(repo, folder, files) do
    with_copy(folder, [], fn copy ->
      for %{name: name, text: text} <- files, do: File.write!(Path.join(copy, name), text)
      Mix.AshRusqlite.value!(Maintenance.migrate(repo, migrations: copy))
      Enum.map(files, & &1.version)
    end)
  end

  defp with_copy(folder, left, fun) do
    number = System.unique_integer([:positive])
    copy = Path.join(System.tmp_dir!(), "ash_rusqlite_#{System.pid()}_#{number}")
    File.mkdir_p!(copy)

    try do
      for path <- Path.wildcard(Path.join(folder, "*.sql")),
          name = Path.basename(path),
          name not in left,
          do: File.cp!(path, Path.join(copy, name))

      fun.(copy)
    after
      File.rm_rf!(copy)
    end
  end

  defp version(name), do: name |> Integer.parse() |> elem(0)

  @doc "Removes the dev files, and notes the named files as applied where these were carried over."
  @spec remove(Generate.target(), [String.t()], carried()) :: :ok
  def remove(target, left, carried) do
    if carried, do: with_database(target, left, &note(&1, carried))

    for name <- left do
      path = Path.join(target.folder, name)
      File.rm!(path)
      Mix.shell().info([:yellow, "* removing ", :reset, Generate.shown(path)])
    end

    if carried, do: with_database(target, left, &check!(&1, target))
    :ok
  end

  defp note(repo, %{versions: versions, rows: rows}) do
    {:ok, _} =
      Repo.Transaction.transaction(repo, fn ->
        Writes.delete_all(repo, @ledger, where: [{:version, :in, versions}])
        if rows != [], do: Writes.insert_all(repo, @ledger, rows)
      end)
  end

  # As an empty database notes them.
  defp rows(_target, _left, []), do: []

  defp rows(target, left, named) do
    names = Enum.map(named, fn {path, _text} -> Path.basename(path) end)

    with_copy(target.folder, left, fn copy ->
      for {path, text} <- named, do: File.write!(Path.join(copy, Path.basename(path)), text)
      {:ok, repo} = Repo.start_link(database: ":memory:", name: nil)

      try do
        Mix.AshRusqlite.value!(Maintenance.migrate(repo, migrations: copy))
        Reads.all(repo, @ledger, where: [{:version, :in, Enum.map(names, &version/1)}])
      after
        Repo.stop(repo)
      end
    end)
  end

  defp check!(repo, target) do
    case Enum.reject(migrations(repo, target.folder), &(&1.state == :applied)) do
      [] ->
        Mix.shell().info(
          "#{target.words}: the database had the dev files and has the named one now"
        )

      wrong ->
        states = Enum.map_join(wrong, ", ", &"#{&1.version}_#{&1.name} is #{&1.state}")
        Mix.raise("#{target.words}: the database was not carried over: #{states}")
    end
  end
end
