defmodule AshRusqlite.Repo.Extension do
  @moduledoc false
  # What is built on the repo and takes part in it, such as the data layer: the repo calls it without
  # knowing it. The modules are listed under `:extensions` in the environment of this application,
  # which mix.exs sets, so releases and reloads have them. One that is not compiled, as the data layer
  # where Ash is not, is left out.

  alias AshRusqlite.{Package, Repo}

  @doc """
  Called about a second after a repo has started, and after its migrations, in a process of its own.
  `module` is the repo's module and `otp_app` its application.
  """
  @callback repo_started(module :: module(), otp_app :: atom(), repo :: Repo.repo()) :: term()

  @doc """
  The repo, the table and the primary key of a record: `:error` where the record is of another
  extension.
  """
  @callback row(record :: struct()) ::
              {:ok, {Repo.repo(), Repo.table(), Repo.key()}} | {:error, Exception.t()} | :error

  @doc "The extensions that are compiled."
  @spec all() :: [module()]
  def all do
    for module <- Application.get_env(:ash_rusqlite, :extensions, []),
        Package.available?(module),
        do: module
  end

  @doc "Calls the extensions after the start of a repo. What they raise ends with their process."
  @spec repo_started(module(), atom(), Repo.repo()) :: :ok
  def repo_started(module, otp_app, repo) do
    for extension <- all(),
        do: Task.start(extension, :repo_started, [module, otp_app, repo])

    :ok
  end

  @doc "The row of a record, of the extension that it is of. Raises where it is of none."
  @spec row(struct()) :: {:ok, {Repo.repo(), Repo.table(), Repo.key()}} | {:error, Exception.t()}
  def row(%module{} = record) do
    found =
      Enum.find_value(all(), fn extension ->
        with :error <- extension.row(record), do: nil
      end)

    found || raise ArgumentError, "#{inspect(module)} is not a resource that a repo stores"
  end
end
