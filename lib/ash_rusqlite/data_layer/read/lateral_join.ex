if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Read.LateralJoin do
    @moduledoc false
    # The related rows of many records, with a limit or an order for each of them.

    alias Ash.Filter
    alias AshRusqlite.DataLayer.{Place, Query, Read, Store}
    alias AshRusqlite.DataLayer.Query.Plan

    import Ash.Expr
    require Ash.Query

    @doc "The related records; `__lateral_join_source__` says whose they are."
    @spec run(Query.t(), [Ash.Resource.record()], list()) ::
            {:ok, [Ash.Resource.record()]} | {:error, term()}
    def run(query, parents, [{source_query, source, destination, relationship}]) do
      key = Ash.Resource.Info.primary_key(source_query.resource)

      with {:ok, parents} <- reload(source_query, parents, source, key, query.domain) do
        tie = if Map.get(relationship, :no_attributes?), do: nil, else: {destination, source}
        ask = within(query, fn -> asking(query, source_query.resource, tie) end)
        each_parent(parents, key, fn parent -> within(query, fn -> ask.(parent) end) end)
      end
    end

    def run(query, parents, [
          {source_query, source, near, _relationship},
          {through_query, far, destination, _through}
        ]) do
      key = Ash.Resource.Info.primary_key(source_query.resource)
      type = Ash.Resource.Info.attribute(query.resource, destination).type

      with {:ok, parents} <- reload(source_query, parents, source, key, query.domain) do
        each_parent(parents, key, fn parent ->
          with {:ok, joins} <- joins(through_query, near, Map.get(parent, source), query.domain) do
            keys = Enum.map(joins, &Map.get(&1, far))
            query = %{query | filter: add(query, [{destination, [in: keys]}])}

            with {:ok, records} <- within(query, fn -> Read.run(query, parent) end),
                 do: {:ok, for_each_join(records, keys, destination, type)}
          end
        end)
      end
    end

    # Its context is not that of the parents.
    defp within(%{resource: resource, context: context}, fun),
      do: Place.within(resource, context, fun)

    # A row that is joined twice comes twice.
    defp for_each_join(records, keys, destination, type) do
      Enum.flat_map(records, fn record ->
        value = Map.get(record, destination)
        for key <- keys, Ash.Type.equal?(type, key, value), do: record
      end)
    end

    # Later parents come first, as with ETS.
    defp each_parent(parents, key, fun) do
      Enum.reduce_while(parents, {:ok, []}, fn parent, {:ok, results} ->
        case fun.(parent) do
          {:ok, records} ->
            source = Map.take(parent, key)
            new = Enum.map(records, &Map.put(&1, :__lateral_join_source__, source))
            {:cont, {:ok, new ++ results}}

          {:error, error} ->
            {:halt, {:error, error}}
        end
      end)
    end

    # One plan serves all parents where all of it is SQL.
    defp asking(query, resource, tie) do
      with {:ok, store} <- Store.fetch(query.resource, query.tenant, query.context, :read),
           {:ok, plan} <- Plan.of_each(query, resource, tie) do
        fn parent ->
          case Plan.of_parent(plan, parent) do
            {:ok, plan} -> Read.planned(store, plan, parent)
            :residual -> alone(query, parent, tie)
          end
        end
      else
        _ -> &alone(query, &1, tie)
      end
    end

    defp alone(query, parent, nil), do: Read.run(query, parent)

    defp alone(query, parent, {destination, source}) do
      filter = add(query, expr(^ref(destination) == ^Map.get(parent, source)))
      Read.run(%{query | filter: filter}, parent)
    end

    defp add(query, condition) do
      filter = query.filter || %Filter{resource: query.resource, expression: true}
      Filter.add_to_filter!(filter, Filter.parse!(query.resource, condition))
    end

    defp joins(through_query, near, value, domain) do
      through_query
      |> Ash.Query.filter(^ref(near) == ^value)
      |> Ash.Query.set_context(%{private: %{internal?: true}})
      |> Ash.Query.set_domain(domain)
      |> read()
    end

    # Every row, whatever pages the read action wants. The domain may be that of the related
    # resource alone: `Ash.read` would ask whether it knows this one.
    defp read(query), do: Ash.Actions.Read.unpaginated_read(query, nil, authorize?: false)

    # What the caller has of the parents may be old, or not all of it.
    defp reload(source_query, parents, source, key, domain) do
      source_query
      |> Ash.Query.unset(:load)
      |> Ash.Query.unset(:page)
      |> Ash.Query.set_context(%{private: %{internal?: true}})
      |> Ash.Query.set_domain(domain)
      |> these(parents, source, key)
      |> read()
    end

    defp these(query, parents, source, []) do
      values = Enum.map(parents, &Map.get(&1, source))
      Ash.Query.filter(query, ^ref(source) in ^values)
    end

    defp these(query, parents, _source, [field]) do
      values = Enum.map(parents, &Map.get(&1, field))
      Ash.Query.filter(query, ^ref(field) in ^values)
    end

    defp these(query, parents, _source, fields) do
      keys = Enum.map(parents, &[and: &1 |> Map.take(fields) |> Map.to_list()])
      Ash.Query.do_filter(query, or: keys)
    end
  end
end
