defmodule AshRusqlite.Repo.CheckedCopy do
  @moduledoc false
  # The copy of a database on which pending migrations are tried: where it is, and a repo of it.

  alias AshRusqlite.{Error, Native}
  alias AshRusqlite.Repo.{Options, Registry, Server}

  @doc """
  Calls a function with the path of a copy that is not made yet: beside the database, or in the
  temporary folder. Nothing of it is left afterwards.
  """
  @spec with_path(Registry.t(), (Path.t() -> result)) :: result | {:error, Error.t()}
        when result: term()
  def with_path(entry, fun) do
    with {:ok, place} <- make_place(entry) do
      try do
        fun.(Path.join(place, "copy.db"))
      after
        File.rm_rf(place)
      end
    end
  end

  # A folder of its own, so that what SQLite puts beside the copy goes, too.
  defp make_place(entry) do
    unique = "check-#{System.pid()}-#{System.unique_integer([:positive])}"
    temporary = Path.join(System.tmp_dir!(), "ash_rusqlite-" <> unique)

    beside = with {:ok, config} <- Native.config(entry.db), do: config[:database]

    places =
      if is_binary(beside) and beside != ":memory:",
        do: [Path.join(Path.dirname(beside), ".#{Path.basename(beside)}-#{unique}"), temporary],
        else: [temporary]

    case Enum.find(places, &(File.mkdir(&1) == :ok)) do
      nil -> {:error, Error.new(:cannot_open, "there is no place for a copy: #{temporary}")}
      place -> {:ok, place}
    end
  end

  @doc "What a function returns of a read-only repo of the copy; nil without a function."
  @spec ask(Path.t(), (AshRusqlite.Repo.repo() -> value) | nil) ::
          {:ok, value | nil} | {:error, Error.t()}
        when value: term()
  def ask(_copy, nil), do: {:ok, nil}

  def ask(copy, fun) when is_function(fun, 1) do
    with {:ok, repo} <- Server.start_link(database: copy, read_only: true) do
      try do
        {:ok, fun.(repo)}
      after
        AshRusqlite.Repo.stop(repo)
      end
    end
  end

  def ask(_copy, other), do: Options.wrong(:on_copy, other, "a function of one argument")
end
