defmodule AshRusqlite.Oracle.Data do
  @moduledoc false
  # The same rows in both stores.

  alias AshRusqlite.Oracle
  alias AshRusqlite.Oracle.Schema

  import AshRusqlite.Oracle.Values

  @stores [Oracle.Ets, Oracle.Ours]

  @doc "Empties both stores, and fills them with new rows."
  def reset do
    rows = Enum.map(Oracle.Resources.resources(), &{&1, rows(&1)})
    for store <- @stores, do: empty(store)

    for store <- @stores,
        {resource, rows} <- rows,
        rows != [],
        do: insert(store, resource, rows)

    rows
  end

  defp empty(store) do
    for resource <- Oracle.Resources.resources(), tenant <- tenants(resource) do
      module = Module.concat(store, resource)
      Ash.DataLayer.data_layer(module).stop(module, tenant)
      # The process still knows of the table that is no more.
      Process.delete({:ash_ets_table, module, tenant})
    end
  end

  defp tenants(:Memo), do: [nil, "a", "b"]
  defp tenants(_), do: [nil]

  defp insert(store, :Memo, rows) do
    for {tenant, rows} <- Enum.group_by(rows, & &1.org), do: insert(store, :Memo, rows, tenant)
  end

  defp insert(store, :Note, rows) do
    for {tenant, rows} <- Enum.group_by(rows, &(&1.org || "a")),
        do: insert(store, :Note, Enum.map(rows, &Map.delete(&1, :org)), tenant)
  end

  defp insert(store, resource, rows), do: insert(store, resource, rows, nil)

  defp insert(store, resource, rows, tenant) do
    %{status: :success} =
      Ash.bulk_create!(rows, Module.concat(store, resource), :create,
        tenant: tenant,
        return_errors?: true
      )
  end

  @doc "Rows of a resource that its types and identities allow, in any order."
  def rows(resource) do
    resource
    |> keys()
    |> Enum.map(fn key -> resource |> attributes() |> Map.merge(key) end)
    |> unique(resource)
    |> Enum.shuffle()
  end

  @doc "Random values for the attributes of a resource."
  def attributes(resource) do
    for {name, kind} <- Schema.attributes(resource), into: %{} do
      {name, attribute(resource, name, kind)}
    end
  end

  defp attribute(_resource, name, _kind) when name in [:group_id],
    do: pick([nil, 1, 2, 3, 9])

  defp attribute(_resource, name, _kind) when name in [:author_id, :boss_id],
    do: pick([nil | author_ids()])

  defp attribute(_resource, :topic_id, _kind), do: pick(topic_ids())
  defp attribute(_resource, :post_id, _kind), do: between(1, 9)
  defp attribute(_resource, :parent_id, _kind), do: pick([nil, between(1, 9)])

  defp attribute(:Secret, :owner, _kind), do: pick([nil | owners()])
  defp attribute(:Secret, :level, _kind), do: pick([nil, 0, 1, 2, 3])

  defp attribute(_resource, name, _kind) when name in [:above_id, :next_id],
    do: pick([nil, between(1, 6)])

  defp attribute(_resource, :org, _kind), do: pick(["a", "b"])
  defp attribute(_resource, :id, _kind), do: nil
  defp attribute(_resource, _name, :other), do: nil
  defp attribute(_resource, _name, kind), do: maybe(kind)

  defp keys(:Author), do: author_ids() |> some(9) |> Enum.map(&%{id: &1})
  defp keys(:Topic), do: topic_ids() |> some(6) |> Enum.map(&%{id: &1})
  defp keys(:Group), do: [1, 2, 3, 9] |> some(4) |> Enum.map(&%{id: &1})
  defp keys(:Card), do: ["a", "B", "c", "Ä", "b", ""] |> some(6) |> Enum.map(&%{id: &1})

  defp keys(:Comment) do
    for(post <- 1..9, number <- 1..3, do: %{post_id: post, number: number}) |> some(14)
  end

  defp keys(:PostTopic) do
    for(post <- 1..9, topic <- topic_ids(), do: %{post_id: post, topic_id: topic}) |> some(14)
  end

  defp keys(:AuthorTopic), do: 1..12 |> Enum.to_list() |> some(12) |> Enum.map(&%{id: &1})
  defp keys(_), do: 1..9 |> Enum.to_list() |> some(9) |> Enum.map(&%{id: &1})

  defp unique(rows, :Author), do: distinct(rows, :code, & &1)
  defp unique(rows, :Topic), do: distinct(rows, :label, &(&1 && String.downcase(&1)))
  defp unique(rows, _), do: rows

  # One that is there already becomes nil.
  defp distinct(rows, field, fold) do
    {rows, _} =
      Enum.map_reduce(rows, MapSet.new(), fn row, seen ->
        value = fold.(Map.fetch!(row, field))

        if is_nil(value) or value in seen,
          do: {Map.put(row, field, nil), seen},
          else: {row, MapSet.put(seen, value)}
      end)

    rows
  end
end
