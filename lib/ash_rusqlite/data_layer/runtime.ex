if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.Runtime do
    @moduledoc false
    # What is left of a query after SQL, done by Ash's own runtime in the order in which the
    # ETS data layer does it: filter, sort and distinct, limit, aggregates, calculations.

    alias Ash.Actions.Sort
    alias AshRusqlite.DataLayer.{Codec, Deadline, Exists, Kind, Like, Plan}
    alias AshRusqlite.DataLayer.{ResidualAggregate, ResidualFilter, Unreadable}
    alias AshRusqlite.DataLayer.Expression.{Fragment, FragmentValue}
    alias AshRusqlite.Repo.StoredAtoms

    import AshRusqlite.DataLayer.Unreadable, only: [is_mark: 1]

    @doc "The records that a plan asks for, of those that SQLite gave."
    @spec finish(Plan.t(), [Ash.Resource.record()], Ash.Resource.record() | nil) ::
            {:ok, [Ash.Resource.record()]} | {:error, term()}
    def finish(%Plan{} = plan, records, parent) do
      %{query: query} = plan

      with :ok <- tell(plan, records),
           {:ok, kept} <- filter(records, plan.filter, query, parent),
           :ok <- Deadline.check(),
           records = kept |> order(plan) |> limit(plan),
           {:ok, records} <- ResidualAggregate.add(records, plan.aggregates, query.domain) do
        calculate(records, plan)
      end
    end

    # So that a user hears of a slow query before his users do.
    defp tell(%{reasons: []}, _records), do: :ok

    defp tell(%{reasons: reasons, query: query}, records),
      do: AshRusqlite.Telemetry.residual(query.resource, length(records), reasons)

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
        filter |> Exists.sound(filter.resource, parents) |> Like.of_resource(filter.resource)

      ResidualFilter.matches(domain, records, filter, opts)
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
           {:ok, columns} <- each(calculations, &values(records, &1, query)) do
        {:ok,
         columns
         |> Enum.zip(calculations)
         |> Enum.reduce(records, fn {values, {calculation, _}}, records ->
           Enum.zip_with(records, values, &put_calculation(&1, calculation, &2))
         end)}
      end
    end

    # Each is computed of the records as they came: what is loaded for it is not theirs.
    defp values(records, {calculation, expression}, query) do
      opts = [actor: calculation.context.actor, tenant: calculation.context.tenant]

      with {:ok, values} <- ResidualFilter.values(query.domain, records, expression, opts) do
        {:ok,
         Enum.map(values, fn
           {:ok, value} -> value
           :unknown -> nil
         end)}
      end
    end

    defp hydrate(calculations, resource) do
      each(calculations, fn {calculation, expression} ->
        with {:ok, expression} <-
               Ash.Filter.hydrate_refs(expression, %{resource: resource, public?: false}),
             expression = expression |> Exists.sound(resource) |> Like.of_resource(resource),
             do: {:ok, {calculation, expression}}
      end)
    end

    defp put_calculation(record, %{load: nil, name: name}, value),
      do: Map.update!(record, :calculations, &Map.put(&1, name, value))

    defp put_calculation(record, %{load: load}, value), do: Map.put(record, load, value)

    @doc "Puts an aggregate's value where Ash looks for it."
    @spec put_aggregate(Ash.Resource.record(), Ash.Query.Aggregate.t(), term()) ::
            Ash.Resource.record()
    def put_aggregate(record, %{load: nil, name: name}, value),
      do: Map.update!(record, :aggregates, &Map.put(&1, name, value))

    def put_aggregate(record, %{load: load}, value), do: Map.put(record, load, value)

    @doc "Puts what SQLite computed into the records of its rows."
    @spec put_computed([Ash.Resource.record()], [map()], Plan.t()) ::
            {:ok, [Ash.Resource.record()]} | {:error, term()}
    def put_computed(records, rows, %{computed: computed}) do
      records
      |> Enum.zip(rows)
      |> each(fn {record, row} ->
        Enum.reduce_while(computed, {:ok, record}, fn {{name, _}, kind, field}, {:ok, record} ->
          case from_sql(Map.fetch!(row, name), kind, place(record, field)) do
            {:ok, value} -> {:cont, {:ok, put_field(record, field, value)}}
            {:error, error} -> {:halt, {:error, Unreadable.of_record(error, record)}}
          end
        end)
      end)
    end

    defp place(%resource{}, {%{name: name} = field, _expression}), do: {resource, name, field}
    defp place(%resource{}, %{name: name} = field), do: {resource, name, field}

    defp put_field(record, {calculation, _expression}, value),
      do: put_calculation(record, calculation, value)

    defp put_field(record, aggregate, value), do: put_aggregate(record, aggregate, value)

    @doc """
    What SQLite computed, as Ash knows it. `place` is the resource, the field's name and the field,
    for the error of a value that cannot be it.
    """
    @spec from_sql(
            term(),
            Kind.t() | {:checked, map()} | {:fold, map(), Kind.t()},
            Unreadable.place()
          ) :: {:ok, term()} | {:error, term()}
    def from_sql(nil, _kind, _place), do: {:ok, nil}

    def from_sql(mark, _kind, place) when is_mark(mark),
      do: {:error, Unreadable.computed(place, nil, Unreadable.problem(mark))}

    def from_sql(value, {:checked, field}, _place), do: FragmentValue.load(field, value)

    def from_sql(values, {:fold, aggregate, kind}, place) do
      with {:ok, values} <- each(values, &from_sql(&1, kind, place)),
           do: {:ok, ResidualAggregate.fold_values(values, aggregate)}
    end

    def from_sql(value, kind, place) do
      case value_of(value, kind) do
        {:ok, value} -> {:ok, value}
        problem -> {:error, Unreadable.computed(place, value, problem)}
      end
    end

    defp value_of(value, :ci), do: {:ok, Ash.CiString.new(value)}
    # A column of another program, such as DECIMAL or NUMERIC, gives numbers.
    defp value_of(value, :decimal) when not is_struct(value),
      do: Codec.load_value(%{type: Ash.Type.Decimal, constraints: []}, value)

    defp value_of(value, :real) when is_integer(value), do: {:ok, value * 1.0}
    defp value_of(value, {:opaque, attribute}), do: Codec.load_value(attribute, value)

    defp value_of(value, :atom) when is_binary(value), do: StoredAtoms.atom(value)
    defp value_of(value, _kind), do: {:ok, value}

    @doc "Maps with a function that may fail; the first error ends it."
    @spec each([item], (item -> {:ok, result} | {:error, term()})) ::
            {:ok, [result]} | {:error, term()}
          when item: term(), result: term()
    def each(items, fun) do
      items
      |> Enum.reduce_while({:ok, []}, fn item, {:ok, done} ->
        case fun.(item) do
          {:ok, result} -> {:cont, {:ok, [result | done]}}
          {:error, error} -> {:halt, {:error, error}}
        end
      end)
      |> case do
        {:ok, done} -> {:ok, Enum.reverse(done)}
        error -> error
      end
    end
  end
end
