if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.Write do
    @moduledoc false
    # Creates, updates and destroys. What SQLite can compute is one request to the writer; what
    # only Elixir can is read and written in one transaction.

    alias Ash.Error.Changes.StaleRecord

    alias AshRusqlite.DataLayer.{Assignments, Codec, Context, Errors, Expression, Kind, Plan}
    alias AshRusqlite.DataLayer.{Query, Read, Runtime, Store, TableSpec, Transaction, Unreadable}
    alias AshRusqlite.DataLayer.WriteContext
    alias AshRusqlite.DataLayer.Expression.Fragment
    alias AshRusqlite.Error
    alias AshRusqlite.Repo.Statement

    import Errors, only: [elixir_may: 1]

    @doc "Inserts the row of a changeset."
    @spec create(Ash.Resource.t(), Ash.Changeset.t()) ::
            {:ok, Ash.Resource.record()} | {:error, term()}
    def create(resource, changeset) do
      with {:ok, store} <- Store.fetch(resource, changeset.tenant, changeset.context),
           {:ok, row} <- row(resource, changeset),
           {:ok, {_, [stored]}} <-
             statement(store, {:insert, store.table, [row], :raise, true}, changeset),
           {:ok, [record]} <- Codec.load_all([stored], resource) do
        {:ok, record}
      else
        {:error, error} -> {:error, Errors.to_ash(error, resource, changeset)}
      end
    end

    @doc "The column values of a create."
    @spec row(Ash.Resource.t(), Ash.Changeset.t()) :: {:ok, map()} | {:error, term()}
    def row(resource, changeset) do
      with :ok <- check_key(resource, changeset),
           {:ok, atomics} <- create_atomics(resource, changeset) do
        Codec.dump(resource, Map.merge(changeset.attributes, atomics))
      end
    end

    # Only what is computed needs the record.
    defp create_atomics(resource, changeset) do
      case Map.get(changeset, :create_atomics, []) do
        [] when changeset.valid? ->
          {:ok, %{}}

        atomics ->
          with {:ok, record} <- Ash.Changeset.apply_attributes(changeset),
               do: Assignments.evaluate(atomics, resource, changeset.domain, record)
      end
    end

    defp check_key(resource, changeset) do
      key = Ash.Resource.Info.primary_key(resource)
      values = Map.new(key, &{&1, Ash.Changeset.get_attribute(changeset, &1)})

      if Enum.any?(values, &is_nil(elem(&1, 1))) and is_nil(TableSpec.autoincrement(resource)) do
        {:error, Ash.Error.Invalid.InvalidPrimaryKey.exception(resource: resource, value: values)}
      else
        :ok
      end
    end

    @doc "Changes the row of a changeset's record. Without it the record is stale."
    @spec update(Ash.Resource.t(), Ash.Changeset.t()) ::
            {:ok, Ash.Resource.record()} | {:error, term()}
    def update(resource, changeset) do
      with :ok <- Context.check_record(changeset, changeset.context),
           {:ok, store} <- Store.fetch(resource, changeset.tenant, changeset.context),
           {:ok, record} <- update_row(store, changeset) do
        {:ok, retain(record, changeset)}
      else
        {:error, error} -> {:error, Errors.to_ash(error, resource, changeset)}
      end
    end

    @doc "The same in a store, with the error as it is and the record as it is stored."
    @spec update_row(Store.t(), Ash.Changeset.t()) ::
            {:ok, Ash.Resource.record()} | {:error, term()}
    def update_row(store, changeset) do
      env = env(store, changeset)

      with {:ok, key} <- key_condition(changeset.data, env),
           {:ok, conditions} <- conditions(changeset.filter, env),
           {:ok, assignments} <- Assignments.of(changeset, env) do
        result = update_where(store, [key | conditions], assignments, changeset)

        if by_elixir?(result, {conditions, assignments}),
          do: read_and_update(store, changeset, env),
          else: one(result, store, changeset)
      else
        {:residual, _reason} -> read_and_update(store, changeset, env)
        {:error, error} -> {:error, error}
      end
    end

    @doc """
    Whether Elixir may do what SQLite came upon in a row, such as an integer beyond 64 bits: it
    decides a condition by it, and tells on which field it cannot be stored.
    """
    @spec by_elixir?(term(), term()) :: boolean()
    def by_elixir?({:error, %Error{code: code} = error}, statement) when elixir_may(code),
      do: not is_map_key(error.details, :column) and not Fragment.scalar?(statement)

    def by_elixir?(_result, _statement), do: false

    defp one({:ok, [record]}, _store, _changeset), do: {:ok, record}
    defp one({:ok, []}, store, changeset), do: {:error, stale(store.resource, changeset.filter)}
    defp one({:error, error}, _store, _changeset), do: {:error, error}

    @doc "The error for a record whose row is gone, or no longer as the filter wants it."
    @spec stale(Ash.Resource.t(), term()) :: Exception.t()
    def stale(resource, filter), do: StaleRecord.exception(resource: resource, filter: filter)

    # An update of nothing still tells whether the row is there.
    defp update_where(store, conditions, [], changeset) do
      mode = Unreadable.write_mode(changeset)
      read = Unreadable.statement({:all, store.table, [where: Read.where(conditions)]}, mode)

      with {:ok, rows} <- Statement.read(store.repo, read, timeout(changeset)),
           do: Unreadable.current(rows, store.resource, mode)
    end

    defp update_where(store, conditions, assignments, changeset) do
      mode = Unreadable.write_mode(changeset)
      write = {:update, store.table, Read.where(conditions), assignments, true}

      with {:ok, {_, rows}} <- statement(store, Unreadable.statement(write, mode), changeset),
           do: Unreadable.written(rows, store.resource, mode)
    end

    # What only Elixir can compute, it computes of the row as it is in the transaction.
    defp read_and_update(store, changeset, env) do
      Transaction.all_or_nothing(store, fn ->
        with {:ok, key} <- key_condition(changeset.data, env),
             {:ok, current} <- update_where(store, [key], [], changeset),
             {:ok, [current]} <- kept(current, store, changeset),
             {:ok, atomics} <-
               Assignments.evaluate(changeset.atomics, store.resource, changeset.domain, current),
             {:ok, row} <- Codec.dump(store.resource, Map.merge(changeset.attributes, atomics)) do
          assignments = for {column, value} <- row, do: {:set, column, value}
          one(update_where(store, [key], assignments, changeset), store, changeset)
        else
          {:ok, []} -> {:error, stale(store.resource, changeset.filter)}
          {:residual, reason} -> {:error, reason}
          {:error, error} -> {:error, error}
        end
      end)
    end

    defp kept(records, store, changeset) do
      query = %{domain: changeset.domain, context: context(changeset)}

      case changeset.filter do
        none when none in [nil, true] -> {:ok, records}
        %{expression: none} when none in [nil, true] -> {:ok, records}
        filter -> Runtime.filter(records, %{filter | resource: store.resource}, query, nil)
      end
    end

    @doc "Deletes the row of a changeset's record. With a filter a missing row is stale."
    @spec destroy(Ash.Resource.t(), Ash.Changeset.t()) :: :ok | {:error, term()}
    def destroy(resource, changeset) do
      with :ok <- Context.check_record(changeset, changeset.context),
           {:ok, store} <- Store.fetch(resource, changeset.tenant, changeset.context),
           :ok <- delete_row(store, changeset) do
        :ok
      else
        {:error, error} -> {:error, Errors.to_ash(error, resource, changeset)}
      end
    end

    defp delete_row(store, changeset) do
      env = env(store, changeset)

      with {:ok, key} <- key_condition(changeset.data, env),
           {:ok, conditions} <- conditions(changeset.filter, env),
           write = {:delete, store.table, Read.where([key | conditions]), false},
           result = statement(store, write, changeset),
           false <- by_elixir?(result, write) do
        case result do
          {:ok, {0, _}} when conditions != [] -> {:error, stale(store.resource, changeset.filter)}
          {:ok, _} -> :ok
          {:error, error} -> {:error, error}
        end
      else
        {:error, error} -> {:error, error}
        _residual -> read_and_delete(store, changeset, env)
      end
    end

    defp read_and_delete(store, changeset, env) do
      Transaction.all_or_nothing(store, fn ->
        with {:ok, key} <- key_condition(changeset.data, env),
             {:ok, current} <- update_where(store, [key], [], changeset),
             {:ok, [_]} <- kept(current, store, changeset),
             {:ok, _} <-
               statement(store, {:delete, store.table, Read.where([key]), false}, changeset) do
          :ok
        else
          {:ok, []} -> {:error, stale(store.resource, changeset.filter)}
          {:residual, reason} -> {:error, reason}
          {:error, error} -> {:error, error}
        end
      end)
    end

    ## Parts

    @doc "The condition of a record's row."
    @spec key_condition(Ash.Resource.record(), %Expression.Env{}) ::
            {:ok, Expression.scalar()} | {:error, term()}
    def key_condition(record, env) do
      env.resource
      |> Ash.Resource.Info.primary_key()
      |> Runtime.each(fn name ->
        attribute = Ash.Resource.Info.attribute(env.resource, name)

        with {:ok, stored} <- Codec.dump_value(attribute, Map.get(record, name)) do
          {:ok,
           {:compare, :==, nil, Expression.column(attribute, env), key_value(attribute, stored)}}
        end
      end)
      |> case do
        {:ok, [condition]} -> {:ok, condition}
        {:ok, conditions} -> {:ok, {:and, conditions}}
        {:error, error} -> {:error, error}
      end
    end

    defp key_value(attribute, stored) do
      case Kind.of(attribute) do
        :other -> {:value, :json, stored}
        kind -> {:value, Kind.type(kind), stored}
      end
    end

    @doc "The conditions of a changeset's filter, if SQLite can decide them."
    @spec conditions(term(), %Expression.Env{}) ::
            {:ok, [Expression.scalar()]} | {:residual, String.t()}
    def conditions(none, _env) when none in [nil, true], do: {:ok, []}
    def conditions(%{expression: none}, _env) when none in [nil, true], do: {:ok, []}

    def conditions(filter, env) do
      with {:ok, scalar} <- Expression.condition(filter, env), do: {:ok, [scalar]}
    end

    @doc "Runs a write with the time that Ash gives it, and with who makes it."
    @spec statement(Store.t(), tuple(), Ash.Changeset.t()) :: {:ok, term()} | {:error, term()}
    def statement(%{repo: repo} = store, write, changeset) do
      with {:ok, said} <- WriteContext.of(repo, store.resource, changeset) do
        repo
        |> Statement.write(write, timeout(changeset), said)
        |> WriteContext.note(repo, said)
        |> Fragment.explain_error(write)
      end
    end

    @doc "Milliseconds that a changeset has, nil for the repo's own."
    @spec timeout(Ash.Changeset.t()) :: timeout() | nil
    def timeout(changeset), do: changeset.timeout || Query.timeout(changeset.context)

    @doc "The environment of a changeset's expressions."
    @spec env(Store.t(), Ash.Changeset.t()) :: %Expression.Env{}
    def env(store, changeset),
      do: Expression.env(store.resource, changeset.tenant, context(changeset))

    @doc """
    The context of a changeset with its tenant, which Ash only puts into those of queries: related
    rows are those of the tenant.
    """
    @spec context(Ash.Changeset.t()) :: map()
    def context(%{context: context, tenant: tenant}),
      do:
        Map.update(
          context,
          :private,
          %{tenant: tenant},
          &Map.put(&1, :tenant, &1[:tenant] || tenant)
        )

    # What was loaded of the record before stays loaded.
    defp retain(%resource{} = record, %{data: %resource{} = data}) do
      names = Enum.map(Ash.Resource.Info.attributes(resource), & &1.name)
      Map.merge(data, Map.take(record, [:__meta__ | names]))
    end

    defp retain(record, _changeset), do: record

    @doc "Whether a plan's rows can be written by one statement of its conditions."
    @spec by_condition?(Plan.t()) :: boolean()
    def by_condition?(plan) do
      Plan.exact?(plan) and plan.query.sort in [nil, []] and is_nil(plan.limit) and
        is_nil(plan.offset) and is_nil(plan.distinct_on) and plan.query.combination_of == []
    end
  end
end
