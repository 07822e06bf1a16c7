if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Read do
    @moduledoc false
    # Runs a query of Ash: makes its plan (`Query.Plan`), has SQLite do its part as one statement, and
    # leaves the rest to `Residual`. Lateral joins, combinations and aggregates over a query have files
    # of their own in this folder. The data layer calls it, and writes that read their rows first.

    alias AshRusqlite.DataLayer.{Errors, Query, Residual, Store}
    alias AshRusqlite.DataLayer.Place.AsOf
    alias AshRusqlite.DataLayer.Query.Plan
    alias AshRusqlite.DataLayer.Read.{Combination, Computed, UnreadableRows}
    alias AshRusqlite.DataLayer.Residual.Deadline
    alias AshRusqlite.DataLayer.Value.Codec
    alias AshRusqlite.DataLayer.Expression.Fragment
    alias AshRusqlite.Error
    alias AshRusqlite.Repo.Request

    import Errors, only: [elixir_may: 1]

    @doc "The records of a query. `parent` is the record that `parent()` refers to."
    @spec run(Query.t(), Ash.Resource.record() | nil) ::
            {:ok, [Ash.Resource.record()]} | {:error, term()}
    def run(%Query{} = query, parent \\ nil) do
      Deadline.within(Query.timeout(query.context), fn ->
        query |> do_run(parent) |> Deadline.with_deadline() |> to_ash_error(query.resource)
      end)
    end

    defp do_run(%Query{combination_of: [_ | _]} = query, parent) do
      with {:ok, records} <- Combination.records(query, parent),
           do: query |> plan() |> combined(records, parent)
    end

    defp do_run(query, parent) do
      with :ok <- Deadline.check(),
           {:ok, store} <- Store.fetch(query.resource, query.tenant, query.context, :read),
           do: attempt(store, plan(query, parent), parent)
    end

    @doc "The same with a plan that is made already, for one parent."
    @spec planned(Store.t(), Plan.t(), Ash.Resource.record()) ::
            {:ok, [Ash.Resource.record()]} | {:error, term()}
    def planned(store, %{query: query} = plan, parent) do
      Deadline.within(Query.timeout(query.context), fn ->
        with(:ok <- Deadline.check(), do: attempt(store, plan, parent))
        |> Deadline.with_deadline()
        |> to_ash_error(query.resource)
      end)
    end

    @doc "What SQLite does of a query, and what is left. Of a combination, only what follows it."
    @spec plan(Query.t(), Ash.Resource.record() | nil) :: Plan.t()
    def plan(query, parent \\ nil)

    def plan(%Query{combination_of: [_ | _]} = query, _parent) do
      query
      |> Combination.prepare()
      |> Plan.of(push: false)
      |> Map.put(:reasons, [{:query, "a combination"}])
    end

    def plan(query, parent), do: Plan.of(query, parent: parent)

    defp combined(plan, records, parent) do
      with :ok <- Plan.check(plan), do: Residual.finish(plan, records, parent)
    end

    defp attempt(store, plan, parent) do
      with :ok <- Plan.check(plan),
           {:error, %Error{code: code} = error} when elixir_may(code) <-
             pushed(store, plan, parent) do
        if Plan.fragments?(plan),
          do: {:error, error},
          else: pushed(store, Plan.of(plan.query, push: false, reason: error.message), parent)
      end
    end

    defp pushed(store, plan, parent) do
      with {:ok, records} <- records(store, plan) do
        Residual.finish(plan, records, parent)
      end
    end

    defp to_ash_error({:error, error}, resource), do: {:error, Errors.to_ash(error, resource)}
    defp to_ash_error(result, _resource), do: result

    @doc "The rows that SQLite gives for a plan."
    @spec rows(Store.t(), Plan.t()) :: {:ok, [map()]} | {:error, Error.t()}
    def rows(store, plan) do
      run_read(store, Request.all(store.table, options(plan)), plan)
    end

    defp run_read(store, read, plan),
      do: store.repo |> AsOf.read(read, timeout(plan)) |> Fragment.explain_error(read)

    @doc "The options of `Repo.all` for a plan."
    @spec options(Plan.t()) :: keyword()
    def options(plan) do
      [
        select: select(plan),
        where: where(plan.where),
        order_by: plan.order_by,
        distinct_on: plan.distinct_on,
        limit: plan.limit,
        offset: plan.offset
      ]
      |> Enum.reject(fn {_option, value} -> value in [nil, []] end)
    end

    @doc "The `where:` of scalars that all must hold."
    @spec where([term()]) :: term()
    def where([]), do: nil
    def where([scalar]), do: Request.expression(scalar)
    def where(scalars), do: Request.expression({:and, scalars})

    defp select(%{select: nil, computed: []}), do: nil

    defp select(plan) do
      attributes = Ash.Resource.Info.attributes(plan.query.resource)

      columns =
        for attribute <- attributes, is_nil(plan.select) or attribute.name in plan.select do
          Codec.column(attribute)
        end

      columns ++ Enum.map(plan.computed, &elem(&1, 0))
    end

    @doc "Milliseconds that a plan's query has, nil for the repo's own."
    @spec timeout(Plan.t()) :: timeout() | nil
    def timeout(%Plan{query: %{context: context}}),
      do: context |> Query.timeout() |> Deadline.left()

    # What a row holds that cannot be read is looked for when it has come up, and only where the
    # query says what becomes of it.
    defp records(store, plan) do
      case UnreadableRows.mode(plan.query.context) do
        :error ->
          with {:ok, rows} <- rows(store, plan), do: records_of(rows, plan)

        mode ->
          with {:ok, rows} <-
                 run_read(store, Request.marked(Request.all(store.table, options(plan))), plan),
               do: UnreadableRows.load(rows, plan.query.resource, plan.select, plan, mode)
      end
    end

    defp records_of(rows, plan) do
      with {:ok, records} <- Codec.load_all(rows, plan.query.resource, plan.select) do
        if plan.computed == [],
          do: {:ok, records},
          else: Computed.put(records, rows, plan)
      end
    end
  end
end
