if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.Transaction do
    @moduledoc false
    # Ash's transactions are the repo's. Ash flattens nested ones itself.

    alias AshRusqlite.DataLayer.{Errors, Store}
    alias AshRusqlite.{Error, Repo}

    @doc "Runs a function in a transaction of the resource's repo."
    @spec transaction(Ash.Resource.t(), (() -> result), timeout() | nil) ::
            {:ok, result} | {:error, term()}
          when result: term()
    def transaction(resource, fun, timeout) do
      # Ash says :infinity where nobody has said anything; then it is the repo's own.
      opts = if is_integer(timeout), do: [timeout: timeout], else: []

      with {:ok, repo} <- Store.repo(resource),
           {:error, %Error{} = error} <- Repo.Transaction.transaction(repo, fun, opts),
           do: {:error, Errors.to_ash(error, resource)}
    end

    @doc """
    Runs several statements of one callback as one: in the open transaction, or in one of
    its own. An `{:error, error}` takes all of them back.
    """
    @spec all_or_nothing(Store.t(), (() -> {:ok, value} | :ok | {:error, term()})) ::
            {:ok, value} | :ok | {:error, term()}
          when value: term()
    def all_or_nothing(%Store{repo: repo}, fun) do
      result =
        Repo.Transaction.savepoint(repo, fn ->
          case fun.() do
            {:error, error} -> Repo.Transaction.rollback(repo, {__MODULE__, error})
            result -> result
          end
        end)

      case result do
        {:ok, result} -> result
        {:error, {__MODULE__, error}} -> {:error, error}
        {:error, error} -> {:error, error}
      end
    end

    @doc "Takes the open transaction back."
    @spec rollback(Ash.Resource.t(), term()) :: no_return()
    def rollback(resource, reason) do
      {:ok, repo} = Store.repo(resource)
      Repo.Transaction.rollback(repo, reason)
    end

    @doc "Whether the process is in a transaction of the resource's repo."
    @spec in_transaction?(Ash.Resource.t()) :: boolean()
    def in_transaction?(resource) do
      case Store.repo(resource) do
        {:ok, repo} -> Repo.Transaction.in_transaction?(repo)
        {:error, _} -> false
      end
    end
  end
end
