if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Migrations.Merge do
    @moduledoc false
    # The one table of several resources: it has the columns of all, and what they say of one thing
    # must be the same.

    alias AshRusqlite.DataLayer.{Errors, Info}
    alias AshRusqlite.DataLayer.Schema.{RelationshipIndex, TableSpec}
    alias AshRusqlite.DataLayer.Migrations.Table
    alias AshRusqlite.Error

    @doc "What `AshRusqlite.Repo.Schema` takes for a table; raises where resources contradict each other."
    @spec table(String.t(), [Table.t()]) :: keyword()
    def table(table, parts) do
      claim(table, parts)
      columns = columns(table, parts)

      [
        table: table,
        columns: columns,
        primary_key: primary_key(table, parts),
        autoincrement: Enum.find_value(parts, & &1.autoincrement),
        indexes: indexes(table, parts, Enum.map(columns, & &1[:name])),
        foreign_keys: foreign_keys(table, parts),
        checks:
          unique(
            for(part <- parts, check <- part.checks, do: {part.resource, check}),
            :name,
            "the check"
          ),
        strict: Enum.any?(parts, & &1.strict)
      ] ++ TableSpec.with_journal(journal(table, parts))
    end

    # Who says nothing of it has nothing against it.
    defp journal(table, parts) do
      case for(
             %{journal: [_ | _] = journal, resource: resource} <- parts,
             do: {resource, journal}
           )
           |> Enum.uniq_by(&elem(&1, 1)) do
        [] ->
          nil

        [{_resource, journal}] ->
          journal

        [{one, _}, {other, _} | _] ->
          raise conflict(
                  table,
                  [one, other],
                  "the table #{table} is journaled in one way by #{inspect(one)} and in another by " <>
                    "#{inspect(other)}: give both the same journal, or one none"
                )
      end
    end

    # As when they are used: who shares a table says so.
    defp claim(table, parts) do
      case parts |> Enum.map(& &1.resource) |> Enum.reject(&Info.names_table?/1) do
        [one, other | _] -> raise Errors.two_in_one(one, other, table)
        _ -> :ok
      end
    end

    defp columns(table, parts) do
      given = for part <- parts, column <- part.columns, do: {part.resource, column}

      for name <- given |> Enum.map(fn {_, column} -> column[:name] end) |> Enum.uniq() do
        column(
          table,
          name,
          Enum.filter(given, fn {_, column} -> column[:name] == name end),
          parts
        )
      end
    end

    defp column(table, name, [{_resource, column} | _] = given, parts) do
      type!(table, name, given)
      knowing = Enum.map(given, &elem(&1, 0))
      strangers = Enum.filter(parts, &(&1.creates? and &1.resource not in knowing))
      key? = Enum.any?(parts, &(name in &1.primary_key))
      null? = Enum.any?(given, fn {_, column} -> column[:null] end) or strangers != []

      column
      |> Keyword.drop([:default, :default_sql])
      |> Keyword.put(:null, null? and not key?)
      |> Keyword.put(:declared, Enum.find_value(given, fn {_, column} -> column[:declared] end))
      |> Keyword.merge(default(given))
    end

    defp type!(table, name, [{one, column} | rest]) do
      with {other, another} <-
             Enum.find(rest, fn {_, another} -> declared(another) != declared(column) end) do
        raise conflict(
                table,
                [one, other],
                "the column #{name} of the table #{table} is #{declared(column)} to #{inspect(one)} " <>
                  "and #{declared(another)} to #{inspect(other)}: give the attribute the same type " <>
                  "in both, or the same in `migration_types`",
                %{column: name}
              )
      end
    end

    defp declared(column), do: column[:declared] || column[:type]

    # Where they differ each resource gives its own.
    defp default(given) do
      case given
           |> Enum.map(fn {_, column} -> Keyword.take(column, [:default, :default_sql]) end)
           |> Enum.uniq() do
        [default] -> default
        _ -> []
      end
    end

    defp primary_key(table, parts) do
      case parts
           |> Enum.reject(&(&1.primary_key == []))
           |> Enum.uniq_by(&Enum.sort(&1.primary_key)) do
        [] ->
          []

        [part] ->
          part.primary_key

        [one, other | _] ->
          raise conflict(
                  table,
                  [one.resource, other.resource],
                  "the primary key of the table #{table} is #{Enum.join(one.primary_key, ", ")} to " <>
                    "#{inspect(one.resource)} and #{Enum.join(other.primary_key, ", ")} to " <>
                    "#{inspect(other.resource)}: give both the same, or one `migrate? false`"
                )
      end
    end

    # Two identities over the same columns need one index.
    defp indexes(table, parts, names) do
      own =
        for part <- parts,
            index <- TableSpec.indexes(part.resource, table, names),
            Table.over?(index, names),
            do: {part.resource, index}

      own = unique(own, :name, "the index") |> Enum.uniq_by(&Keyword.delete(&1, :name))

      searches =
        parts
        |> Enum.flat_map(&(RelationshipIndex.add(own, &1.resource, table) -- own))
        |> Enum.filter(&Table.over?(&1, names))
        |> Enum.uniq_by(& &1[:name])

      own ++ searches
    end

    defp foreign_keys(table, parts) do
      given = for part <- parts, key <- part.foreign_keys, do: {part.resource, key}
      unique(given, :name, "the foreign key")
      unique(given, :columns, "the foreign key of #{table} by")
    end

    @doc """
    What several resources say, without what they say twice. Raises where two say different things
    under one name.
    """
    @spec unique([{Ash.Resource.t(), keyword()}], atom(), String.t()) :: [keyword()]
    def unique(given, key, words) do
      for {_name, [{one, said} | rest]} <- Enum.group_by(given, fn {_, said} -> said[key] end),
          {other, another} <- rest,
          another != said do
        name = said[key] |> List.wrap() |> Enum.join(", ")

        raise conflict(
                nil,
                Enum.uniq([one, other]),
                "#{words} #{name} is #{inspect(said)} to #{inspect(one)} and #{inspect(another)} to " <>
                  "#{inspect(other)}: give both the same, or one another name",
                %{constraint: name}
              )
      end

      given |> Enum.map(&elem(&1, 1)) |> Enum.uniq()
    end

    defp conflict(table, resources, message, details \\ %{}) do
      details = Map.merge(details, %{table: table, resources: Enum.map(resources, &inspect/1)})
      Error.new(:schema_mismatch, message, details)
    end
  end
end
