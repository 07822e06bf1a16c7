if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Transaction do
    @moduledoc false
    # Ash's transactions are the repo's, with the deadline that Ash gives them. Ash flattens nested ones
    # itself. The data layer opens them, `Store` asks whether a write may go on in one, and writes of
    # several statements are one by `all_or_nothing/2`.

    alias AshRusqlite.DataLayer.{Errors, Place}
    alias AshRusqlite.DataLayer.Place.Context
    alias AshRusqlite.{Error, Repo}

    # By resource, the repo of the transaction that Ash opened for it, and whether that began here.
    @opened {__MODULE__, :opened}
    # The repos with transactions around it that it wrote into.
    @joined {__MODULE__, :joined}

    @doc """
    Runs a function in a transaction of the resource's repo, or of the one that the context names
    in whose name Ash asks. Ash does not always pass that on: then the first write decides, see
    `enter/2`.
    """
    @spec transaction(Ash.Resource.t(), (() -> result), timeout() | nil, map() | nil) ::
            {:ok, result} | {:error, term()}
          when result: term()
    def transaction(resource, fun, timeout, reason \\ nil) do
      # Ash says :infinity where nobody has said anything; then it is the repo's own.
      opts = if is_integer(timeout), do: [timeout: timeout], else: []

      with {:ok, repo} <- repo(resource, Context.repo_of_reason(reason)),
           {:error, %Error{} = error} <- open(resource, repo, fun, opts),
           do: {:error, Errors.to_ash(error, resource)}
    end

    defp repo(resource, nil), do: Place.own_repo(resource)
    defp repo(resource, given), do: Place.repo_in(resource, %{data_layer: %{repo: given}})

    defp open(resource, repo, fun, opts) do
      before = Process.get(@opened, %{})
      first? = not Repo.Transaction.in_transaction?(repo)
      fresh? = first? or match?({_, true}, before |> Map.values() |> List.keyfind(repo, 0))
      Process.put(@opened, Map.put(before, resource, {repo, fresh?}))
      joined = Process.put(@joined, [])

      try do
        with {:error, _} = error <- Repo.Transaction.transaction(repo, fun, opts),
             do: fail_joined(error)
      catch
        kind, reason ->
          fail_joined(:failed)
          :erlang.raise(kind, reason, __STACKTRACE__)
      after
        Process.put(@opened, before)
        if joined, do: Process.put(@joined, joined), else: Process.delete(@joined)
      end
    end

    # What was written into transactions that are around this one is taken back with it.
    defp fail_joined(result) do
      for repo <- Process.get(@joined), Repo.Transaction.in_transaction?(repo) do
        Repo.Transaction.transaction(repo, fn -> Repo.Transaction.rollback(repo, :rollback) end)
      end

      result
    end

    @doc """
    Whether a write of a resource may go to a repo. What Ash takes for one transaction is one: it is
    in that repo, or, when nothing of it has run yet, it goes there. `named?` is whether a context
    names the repo; else it is the resource's own.
    """
    @spec enter(Ash.Resource.t(), Repo.repo(), boolean()) :: :ok | {:error, Error.t()}
    def enter(resource, repo, named?) do
      case if(named?, do: opened(resource), else: Map.get(Process.get(@opened, %{}), resource)) do
        nil -> :ok
        {^repo, _fresh?} -> :ok
        {open, fresh?} -> if Context.same_repo?(open, repo), do: :ok, else: go(open, repo, fresh?)
      end
    end

    # In whose transaction Ash believes a resource to be.
    defp opened(resource) do
      with nil <- Map.get(Process.get(@opened, %{}), resource),
           {:ok, own} <- Place.own_repo(resource),
           true <- Repo.Transaction.in_transaction?(own) do
        {own, false}
      else
        {_repo, _fresh?} = opened -> opened
        _ -> nil
      end
    end

    defp go(open, repo, fresh?) do
      cond do
        Repo.Transaction.in_transaction?(repo) ->
          Process.put(@joined, Enum.uniq([repo | Process.get(@joined) || []]))
          :ok

        fresh? and Repo.Transaction.move(open, repo) == :ok ->
          Process.put(@opened, Map.new(Process.get(@opened), &moved(&1, open, repo)))
          :ok

        true ->
          {:error, elsewhere(open, repo)}
      end
    end

    defp moved({resource, {from, fresh?}}, from, to), do: {resource, {to, fresh?}}
    defp moved(opened, _from, _to), do: opened

    defp elsewhere(open, repo) do
      message =
        "a write into the repo #{inspect(repo)} is inside of a transaction of #{inspect(open)}, and " <>
          "would stay when that is rolled back: write it before or after that transaction (as in an " <>
          "after_transaction hook), or with a context that names the same repo"

      Error.new(:invalid_option, message, %{option: "repo", value: inspect(repo)})
    end

    @doc """
    Runs several statements of one callback as one: in the open transaction, or in one of
    its own. An `{:error, error}` takes all of them back.
    """
    @spec all_or_nothing(
            %{:repo => Repo.repo(), optional(atom()) => term()},
            (() -> {:ok, value} | :ok | {:error, term()})
          ) ::
            {:ok, value} | :ok | {:error, term()}
          when value: term()
    def all_or_nothing(%{repo: repo}, fun) do
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
      repo =
        case opened(resource) do
          {repo, _fresh?} -> repo
          nil -> elem({:ok, _} = Place.own_repo(resource), 1)
        end

      Repo.Transaction.rollback(repo, reason)
    end

    @doc "Whether the process is in a transaction that was opened for the resource, or of its repo."
    @spec in_transaction?(Ash.Resource.t()) :: boolean()
    def in_transaction?(resource), do: opened(resource) != nil
  end
end
