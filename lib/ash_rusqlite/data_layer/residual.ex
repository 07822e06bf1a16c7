if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Residual do
    @moduledoc false
    # What is left of a query after SQL, done by Ash's own runtime in the order in which the ETS data
    # layer does it: filter, sort and distinct, limit, aggregates, calculations. `Read` and `Write` call
    # it with the rows that SQL has found; why a part is left to it, `Query.Plan` decides. All of it ends
    # at the deadline of the query (`Residual.Deadline`).

    alias Ash.Actions.Sort
    alias AshRusqlite.DataLayer.{Like, Residual, Results}
    alias AshRusqlite.DataLayer.Query.Plan
    alias AshRusqlite.DataLayer.Residual.Deadline
    alias AshRusqlite.DataLayer.Expression.Fragment
    alias AshRusqlite.Telemetry

    @doc "The records that a plan asks for, of those that SQLite gave."
    @spec finish(Plan.t(), [Ash.Resource.record()], Ash.Resource.record() | nil) ::
            {:ok, [Ash.Resource.record()]} | {:error, term()}
    def finish(%Plan{} = plan, records, parent) do
      %{query: query} = plan

      with :ok <- emit_event(plan, records),
           {:ok, kept} <- filter(records, plan.filter, query, parent),
           :ok <- Deadline.check(),
           records = kept |> order(plan) |> limit(plan),
           {:ok, records} <- Residual.Aggregate.add(records, plan.aggregates, query.domain) do
        calculate(records, plan)
      end
    end

    # So that operators see a slow query before users do.
    defp emit_event(%{reasons: []}, _records), do: :ok

    defp emit_event(%{reasons: reasons, query: query}, records),
      do: Telemetry.residual(query.resource, length(records), reasons)

    @doc "The records for which a filter holds."
    @spec filter([Ash.Resource.record()], term(), map(), term(), keyword()) ::
            {:ok, [Ash.Resource.record()]} | {:error, term()}
    def filter(records, filter, query, parent, opts \\ [])
    def filter([], _filter, _query, _parent, _opts), do: {:ok, []}
    def filter(records, nil, _query, _parent, _opts), do: {:ok, records}

    def filter(records, filter, query, parent, opts) do
      opts =
        Keyword.merge(
          [
            parent: parent,
            tenant: query.context[:private][:tenant],
            actor: query.context[:private][:actor]
          ],
          opts
        )

      with :ok <- Fragment.check(filter, filter.resource, "the filter"),
           do: matches(query.domain, records, filter, opts)
    end

    @doc "The records that match a filter, which holds what its SQL would."
    @spec matches(Ash.Domain.t(), [Ash.Resource.record()], Ash.Filter.t(), keyword()) ::
            {:ok, [Ash.Resource.record()]} | {:error, term()}
    def matches(domain, records, filter, opts) do
      parents = opts[:parent] |> List.wrap() |> Enum.map(& &1.__struct__)

      filter =
        filter
        |> Residual.Exists.ensure_references(filter.resource, parents)
        |> Like.of_resource(filter.resource)

      Residual.Filter.matches(domain, records, filter, opts)
    end

    defp order(records, %{sort?: false, distinct?: false}), do: records

    defp order(records, %{query: query, distinct?: distinct?}) do
      sort = &Sort.runtime_sort(&1, &2, options(query))

      cond do
        not distinct? or query.distinct in [nil, []] ->
          sort.(records, query.sort)

        query.distinct_sort in [nil, []] ->
          records |> sort.(query.sort) |> distinct(query)

        true ->
          records |> sort.(query.distinct_sort) |> distinct(query) |> sort.(query.sort)
      end
    end

    defp distinct(records, query),
      do: Sort.runtime_distinct(records, query.distinct, options(query))

    # A combination can give one row twice, with other calculations each time.
    defp options(query) do
      twice? =
        Enum.any?(query.combination_of, fn {type, part} ->
          type == :union_all or not Enum.empty?(part.calculations)
        end)

      [domain: query.domain, maybe_not_distinct?: twice?, rekey?: false]
    end

    defp limit(records, %{limit?: false}), do: records

    defp limit(records, %{query: %{offset: offset, limit: limit}}) do
      records = Enum.drop(records, offset || 0)
      if limit, do: Enum.take(records, limit), else: records
    end

    defp calculate(records, %{calculations: []}), do: {:ok, records}

    defp calculate(records, %{calculations: calculations, query: query}) do
      with {:ok, calculations} <- hydrate(calculations, query.resource),
           {:ok, columns} <- Results.traverse(calculations, &values(records, &1, query)) do
        {:ok,
         columns
         |> Enum.zip(calculations)
         |> Enum.reduce(records, fn {values, calculation}, records ->
           Enum.zip_with(records, values, &put_field(&1, calculation, &2))
         end)}
      end
    end

    # Each is computed of the records as they came: what is loaded for it is not theirs.
    defp values(records, {calculation, expression}, query) do
      opts = [actor: calculation.context.actor, tenant: calculation.context.tenant]

      with {:ok, values} <- Residual.Filter.values(query.domain, records, expression, opts) do
        {:ok,
         Enum.map(values, fn
           {:ok, value} -> value
           :unknown -> nil
         end)}
      end
    end

    defp hydrate(calculations, resource) do
      Results.traverse(calculations, fn {calculation, expression} ->
        with {:ok, expression} <-
               Ash.Filter.hydrate_refs(expression, %{resource: resource, public?: false}),
             expression =
               expression
               |> Residual.Exists.ensure_references(resource)
               |> Like.of_resource(resource),
             do: {:ok, {calculation, expression}}
      end)
    end

    @doc "Puts the value of a calculation, given with its expression, or of an aggregate where Ash looks for it."
    @spec put_field(
            Ash.Resource.record(),
            {Ash.Query.Calculation.t(), term()} | Ash.Query.Aggregate.t(),
            term()
          ) :: Ash.Resource.record()
    def put_field(record, {%{load: nil, name: name}, _expression}, value),
      do: Map.update!(record, :calculations, &Map.put(&1, name, value))

    def put_field(record, {%{load: load}, _expression}, value), do: Map.put(record, load, value)

    def put_field(record, %{load: nil, name: name}, value),
      do: Map.update!(record, :aggregates, &Map.put(&1, name, value))

    def put_field(record, %{load: load}, value), do: Map.put(record, load, value)
  end
end
