if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Place do
    @moduledoc false
    # Where the rows of a resource are: the repo and the name of the table, by what the resource says
    # and what the context of an action asks for (`Place.Context`), and the moment in the past of which
    # a read is (`Place.AsOf`). Nothing is read or written here: `Store` opens a place, and makes its
    # table where that follows the resource.

    alias AshRusqlite.DataLayer.Info
    alias AshRusqlite.DataLayer.Place.Context
    alias AshRusqlite.{Error, Repo}

    @private {__MODULE__, :private}
    @instead {__MODULE__, :instead}

    @doc """
    The repo of a resource; that of a private one is in memory and the caller's own. Inside of
    `within/3` it may be another.
    """
    @spec repo(Ash.Resource.t(), :read | :mutate) :: {:ok, Repo.repo()} | {:error, Error.t()}
    def repo(resource, type \\ :mutate) do
      resource |> named(type) |> instead() |> running(resource)
    end

    @doc "The same, whatever a context says."
    @spec own_repo(Ash.Resource.t()) :: {:ok, Repo.repo()} | {:error, Error.t()}
    def own_repo(resource), do: resource |> named(:mutate) |> running(resource)

    defp named(resource, type),
      do: if(Info.private?(resource), do: :private, else: Info.repo(resource, type))

    defp running(nil, resource), do: {:error, no_repo(resource)}
    defp running(:private, _resource), do: private_repo()
    defp running(repo, _resource), do: {:ok, current(repo)}

    @doc "The repo that a context names, else the resource's."
    @spec repo_in(Ash.Resource.t(), map() | nil, :read | :mutate) ::
            {:ok, Repo.repo()} | {:error, Error.t()}
    def repo_in(resource, context, type \\ :mutate) do
      with {:ok, %{repo: given}} <- Context.fetch(context),
           do: if(given, do: {:ok, current(given)}, else: repo(resource, type))
    end

    defp instead(own) do
      case Process.get(@instead) do
        nil -> own
        %{repos: repos} -> Map.get(repos, own, own)
      end
    end

    @doc "The table that is the resource's own inside of `within/3`, if a context names one."
    @spec instead_table(Ash.Resource.t()) :: String.t() | atom() | nil
    def instead_table(resource) do
      case Process.get(@instead) do
        nil -> nil
        %{tables: tables} -> Map.get(tables, resource)
      end
    end

    @doc """
    Calls a function in which the place that a context names is the resource's own: what Ash's
    runtime reads once more, and the related rows that conditions, sorts, calculations and
    aggregates ask for, are looked for there. So they are what SQL finds, which runs in one file.
    """
    @spec within(Ash.Resource.t(), map() | nil, (() -> result)) :: result when result: term()
    def within(resource, context, fun) do
      case context[:data_layer] do
        %{} = asked when is_map_key(asked, :repo) or is_map_key(asked, :table) ->
          before = Process.get(@instead)
          Process.put(@instead, place(before || %{repos: %{}, tables: %{}}, resource, asked))

          try do
            fun.()
          after
            if before, do: Process.put(@instead, before), else: Process.delete(@instead)
          end

        _ ->
          fun.()
      end
    end

    defp place(places, resource, asked) do
      places
      |> Map.update!(:repos, &if(asked[:repo], do: repos(&1, resource, asked[:repo]), else: &1))
      |> Map.update!(
        :tables,
        &if(asked[:table], do: Map.put(&1, resource, asked[:table]), else: &1)
      )
    end

    defp repos(repos, resource, repo),
      do: Enum.reduce([:read, :mutate], repos, &Map.put(&2, named(resource, &1), repo))

    @doc "The instance of a repo's module that the calling process uses."
    @spec current(AshRusqlite.Repo.repo()) :: AshRusqlite.Repo.repo()
    def current(repo) do
      if is_atom(repo) and function_exported?(repo, :get_dynamic_repo, 0),
        do: repo.get_dynamic_repo(),
        else: repo
    end

    defp no_repo(resource) do
      Error.new(
        :closed,
        "#{inspect(resource)} has no repo: name one in `config :my_app, ash_rusqlite_repos: " <>
          "[MyApp.Repo]`, or by `sqlite do repo MyApp.Repo end`",
        %{name: inspect(resource)}
      )
    end

    # It is linked to the process that uses it and ends with it.
    defp private_repo do
      pid = Process.get(@private)

      if is_pid(pid) and Process.alive?(pid) do
        {:ok, pid}
      else
        with {:ok, pid} <-
               Repo.start_link(database: ":memory:", readers: 1, synchronous: :off) do
          Process.put(@private, pid)
          {:ok, pid}
        end
      end
    end

    @doc "The table of a resource."
    @spec table(Ash.Resource.t(), term(), map() | nil) :: {:ok, String.t()} | {:error, term()}
    def table(resource, tenant, context) do
      case base_table(resource, context) do
        nil -> {:error, no_table(resource)}
        table -> {:ok, with_tenant(table, resource, tenant)}
      end
    end

    defp base_table(resource, context) do
      given = context[:data_layer][:table] || instead_table(resource)

      cond do
        given -> to_string(given)
        Info.private?(resource) -> private_table(resource)
        true -> Info.table(resource)
      end
    end

    # Test modules define resources of one name again and again.
    defp private_table(resource) do
      case Spark.Dsl.Extension.get_opt(resource, [:ets], :table, nil, true) do
        nil -> inspect(resource)
        table -> to_string(table)
      end
    end

    # No tenant is a tenant of its own, as with ETS. `@` is in no table's own name.
    defp with_tenant(table, resource, tenant) do
      if tenant && Ash.Resource.Info.multitenancy_strategy(resource) == :context,
        do: "#{table}@#{without_capitals("#{tenant}")}",
        else: table
    end

    # To SQLite `rooms@Acme` and `rooms@acme` are one table.
    defp without_capitals(tenant) do
      for <<byte <- tenant>>, into: "" do
        case byte do
          capital when capital in ?A..?Z -> <<?^, capital + 32>>
          ?^ -> "^^"
          other -> <<other>>
        end
      end
    end

    defp no_table(resource) do
      "#{inspect(resource)} is polymorphic: give its table by " <>
        "`Ash.Query.set_context(%{data_layer: %{table: \"…\"}})`, or by `sqlite do table … end`"
    end
  end
end
