defmodule Mix.AshRusqlite.DatabaseFile do
  @moduledoc false
  # The file of a repo that does not run: where it is, who has it open, and how it is deleted.

  alias AshRusqlite.Repo.Registry

  @suffixes ["", "-wal", "-shm", "-journal"]

  @doc "The path of the file of a repo module or of a file's path, and the words for it."
  @spec of(module() | String.t()) :: {String.t(), String.t()}
  def of(path) when is_binary(path), do: {Path.expand(path), path}

  def of(repo) do
    case repo.config()[:database] do
      path when is_binary(path) and path != ":memory:" -> {Path.expand(path), inspect(repo)}
      _ -> Mix.raise("#{inspect(repo)} has no file: its option database: names none")
    end
  end

  @doc """
  Deletes the file of a repo, with its log, unless somebody has it open. A file that is not there is
  no error. `sure?` is asked before.
  """
  @spec drop!(module() | String.t(), (String.t() -> boolean())) :: :dropped | :absent | :kept
  def drop!(target, sure?) do
    {given, words} = of(target)
    path = real(given)
    there = Enum.filter(@suffixes, &File.exists?(path <> &1))
    if is_atom(target) and running?(target), do: Mix.raise("#{words} is running: stop it first")

    case {there, users(path)} do
      {[], _} ->
        :absent

      {_, [_ | _] = pids} ->
        who = Enum.join(pids, ", ")
        Mix.raise("#{path} is open in the process #{who} of the system: end that first")

      {_, []} ->
        if sure?.("Delete #{path}, the database of #{words}?"),
          do: delete!(path, there),
          else: :kept
    end
  end

  defp running?(repo), do: match?({:ok, _}, Registry.lookup(repo))

  # The log goes first: without its file it would be taken for that of the next one.
  defp delete!(path, there) do
    for suffix <- Enum.reverse(there),
        {:error, reason} <- [File.rm(path <> suffix)],
        reason != :enoent,
        do: Mix.raise("#{path}#{suffix} cannot be deleted: #{:file.format_error(reason)}")

    :dropped
  end

  @doc """
  The other processes of the system that have a file or its log open, as far as the system says
  (`/proc` on Linux, of processes of the same user).
  """
  @spec users(String.t()) :: [String.t()]
  def users(path) do
    path = real(path)
    names = for suffix <- @suffixes, do: path <> suffix
    own = System.pid()

    for folder <- Path.wildcard("/proc/[0-9]*/fd"),
        pid = folder |> Path.dirname() |> Path.basename(),
        pid != own,
        Enum.any?(open(folder), &(&1 in names)),
        do: pid
  end

  defp open(folder) do
    with {:ok, descriptors} <- File.ls(folder) do
      for descriptor <- descriptors,
          {:ok, name} <- [File.read_link(Path.join(folder, descriptor))],
          do: name
    else
      _ -> []
    end
  end

  # The file that a link leads to: its log is beside it, and the system knows it by that name.
  defp real(path) do
    case System.cmd("realpath", [path], stderr_to_stdout: true) do
      {real, 0} -> String.trim_trailing(real, "\n")
      _ -> path
    end
  rescue
    # There is no such program: the path is taken as it is.
    ErlangError -> path
  end
end
