if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Write do
    @moduledoc false
    # What all writes share: the request with its deadline, actor and action, the conditions of a row, and
    # when Elixir has to compute what SQLite cannot. Each callback of Ash has a file of its own in this
    # folder; the data layer calls those. A write is one request to the writer where SQLite can compute it.
    # What only Elixir can is read (`Read`), computed and written in one transaction.

    alias Ash.Error.Changes.StaleRecord

    alias AshRusqlite.DataLayer.{Expression, Query, Read, Residual, Results, Store}
    alias AshRusqlite.DataLayer.Expression.Fragment
    alias AshRusqlite.DataLayer.Journal.WriteContext
    alias AshRusqlite.DataLayer.Query.Plan
    alias AshRusqlite.DataLayer.Read.UnreadableRows
    alias AshRusqlite.DataLayer.Value.{Codec, Kind}
    alias AshRusqlite.Error
    alias AshRusqlite.Repo.{Request, Statement}

    import AshRusqlite.DataLayer.Errors, only: [elixir_may: 1]

    @doc """
    Whether Elixir may do what SQLite came upon in a row, such as an integer beyond 64 bits: it
    decides a condition by it, and names the field on which it cannot be stored.
    """
    @spec by_elixir?(term(), term()) :: boolean()
    def by_elixir?({:error, %Error{code: code} = error}, request) when elixir_may(code),
      do: not is_map_key(error.details, :column) and not Fragment.scalar?(request)

    def by_elixir?(_result, _request), do: false

    @doc "The error for a record whose row is gone, or no longer as the filter wants it."
    @spec stale(Ash.Resource.t(), term()) :: Exception.t()
    def stale(resource, filter), do: StaleRecord.exception(resource: resource, filter: filter)

    @doc "The condition of a record's row."
    @spec key_condition(Ash.Resource.record(), %Expression.Env{}) ::
            {:ok, Expression.scalar()} | {:error, term()}
    def key_condition(record, env) do
      env.resource
      |> Ash.Resource.Info.primary_key()
      |> Results.traverse(fn name ->
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

    @doc "Runs a write with the time that Ash gives it, and with its actor and action."
    @spec run(Store.t(), Request.write(), Ash.Changeset.t()) :: {:ok, term()} | {:error, term()}
    def run(%{repo: repo} = store, write, changeset) do
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
      do: Query.env(store.resource, changeset.tenant, context(changeset))

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

    @doc "Whether a plan's rows can be written by one statement of its conditions."
    @spec by_condition?(Plan.t()) :: boolean()
    def by_condition?(plan) do
      Plan.exact?(plan) and plan.query.sort in [nil, []] and is_nil(plan.limit) and
        is_nil(plan.offset) and is_nil(plan.distinct_on) and plan.query.combination_of == []
    end

    @doc "The record of the row that a changeset is about, as it is stored now; none where it is gone."
    @spec current(Store.t(), [Expression.scalar()], Ash.Changeset.t()) ::
            {:ok, [Ash.Resource.record()]} | {:error, term()}
    def current(store, conditions, changeset) do
      mode = UnreadableRows.write_mode(changeset)
      read = Request.all(store.table, where: Read.where(conditions))

      with {:ok, rows} <-
             Statement.read(store.repo, UnreadableRows.request(read, mode), timeout(changeset)),
           do: UnreadableRows.current(rows, store.resource, mode)
    end

    @doc "Those of the records that are as the changeset's filter wants them, which Elixir decides."
    @spec kept([Ash.Resource.record()], Store.t(), Ash.Changeset.t()) ::
            {:ok, [Ash.Resource.record()]} | {:error, term()}
    def kept(records, store, changeset) do
      query = %{domain: changeset.domain, context: context(changeset)}

      case changeset.filter do
        none when none in [nil, true] -> {:ok, records}
        %{expression: none} when none in [nil, true] -> {:ok, records}
        filter -> Residual.filter(records, %{filter | resource: store.resource}, query, nil)
      end
    end

    @doc "Notes which of a bulk action's inputs a record is of, where Ash looks for it."
    @spec put_metadata(Ash.Resource.record(), Ash.Changeset.t()) :: Ash.Resource.record()
    def put_metadata(record, %{context: context}) do
      Enum.find_value(
        [
          bulk_create: :bulk_create_index,
          bulk_update: :bulk_update_index,
          bulk_destroy: :bulk_destroy_index
        ],
        record,
        fn {kind, key} ->
          with %{index: index} = given <- Map.get(context, kind) do
            record = Ash.Resource.put_metadata(record, key, index)
            ref = Map.get(given, :ref)
            if ref, do: Ash.Resource.put_metadata(record, :bulk_action_ref, ref), else: record
          end
        end
      )
    end
  end
end
