if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Schema.IndexAdvice do
    @moduledoc false
    # What an advice on indexes says of resources: which one has a table, the line of its
    # `custom_indexes`, and the belongs_to relationships that have no foreign key in the file.

    require Logger

    alias AshRusqlite.DataLayer.Info
    alias AshRusqlite.DataLayer.Schema.{RelationshipIndex, TableSpec}
    alias AshRusqlite.DataLayer.Value.Codec
    alias AshRusqlite.Repo.{Maintenance, Registry, Schema}

    # More steps than any statement has.
    @no_statements 1_000_000_000

    @doc "Adds to an advice what the resources of a repo know."
    @spec complete(map(), AshRusqlite.Repo.repo()) :: map()
    def complete(%{foreign_keys: keys, statements: statements}, repo) do
      resources = resources(repo)
      made = for resource <- resources, follows?(resource, repo), key <- wanted(resource), do: key
      keys = Enum.reject(keys, &({&1.table, hd(&1.columns)} in made))
      in_file = MapSet.new(keys, &{&1.table, hd(&1.columns)})

      relationships =
        for resource <- resources,
            key <- relationships(resource, repo),
            {key.table, hd(key.columns)} not in in_file,
            do: key

      named = fn index -> of_resource(index, resources) end

      %{
        foreign_keys:
          for(
            key <- Enum.uniq_by(keys ++ relationships, &{&1.table, &1.columns}),
            do: %{key | index: named.(key.index)}
          ),
        statements:
          for(
            statement <- statements,
            do: %{statement | indexes: Enum.map(statement.indexes, named)}
          )
      }
    end

    @doc "Logs the foreign keys and relationships of a repo that no index begins with."
    @spec log(module(), AshRusqlite.Repo.repo()) :: :ok
    def log(module, repo) do
      with {:ok, advice} <- Maintenance.advise(repo, min_steps: @no_statements),
           [_ | _] = keys <- complete(advice, repo).foreign_keys do
        lines = Enum.map_join(keys, "\n", &"#{&1.index.statement};")

        Logger.info(
          "#{inspect(module)}: no index begins with these foreign keys, so that reads by them, and " <>
            "deletes of what they refer to, look at every row. These would serve them, and " <>
            "mix ash_rusqlite.advise says more:\n\n#{lines}"
        )
      end

      :ok
    end

    # Of all applications, since a repo does not say which one it is of.
    defp resources(repo) do
      for {app, _, _} <- Application.loaded_applications(),
          domain <- Application.get_env(app, :ash_domains, []),
          Code.ensure_loaded?(domain),
          resource <- Ash.Domain.Info.resources(domain),
          Info.stored_in?(resource, repo),
          Info.table(resource) != nil,
          uniq: true,
          do: resource
    end

    # Where tables follow their resources these indexes are made at first use.
    defp follows?(resource, repo) do
      match?({:ok, %{auto_migrate: true}}, Registry.lookup(repo)) and Info.migrate?(resource)
    end

    defp wanted(resource) do
      table = Info.table(resource)
      for index <- RelationshipIndex.add([], resource, table), do: {table, hd(index[:columns])}
    end

    defp relationships(resource, repo) do
      table = Info.table(resource)
      indexes = RelationshipIndex.add([], resource, table)
      spec = resource |> TableSpec.of(table) |> Keyword.put(:indexes, indexes)

      with false <- follows?(resource, repo),
           {:ok, [first | _] = differences} when first.kind != :missing_table <-
             Schema.differences(repo, spec) do
        for %{kind: :missing_index, statement: statement} = difference <- differences,
            index <- indexes,
            difference.index in [index[:name], "#{index[:name]}@#{table}"],
            do: relationship(resource, table, index, difference.index, statement)
      else
        _ -> []
      end
    end

    defp relationship(resource, table, index, name, statement) do
      [column | _] = index[:columns]

      %{
        table: table,
        columns: [column],
        references: references(resource, column),
        index: %{name: name, table: table, columns: index[:columns], statement: statement}
      }
    end

    defp references(resource, column) do
      Enum.find_value(Ash.Resource.Info.relationships(resource), fn relationship ->
        attribute = Ash.Resource.Info.attribute(resource, relationship.source_attribute)

        if relationship.type == :belongs_to and attribute &&
             to_string(Codec.column(attribute)) == column,
           do: destination(relationship.destination)
      end)
    end

    defp destination(resource) do
      with true <- Info.ours?(resource),
           table when is_binary(table) <- Info.table(resource) do
        table
      else
        _ -> inspect(resource)
      end
    end

    defp of_resource(index, resources) do
      # A tenant's table has its name behind.
      [table | _] = String.split(index.table, "@")
      resource = Enum.find(resources, &(Info.table(&1) == table))
      Map.merge(index, %{resource: resource, custom_index: resource && line(index, resource)})
    end

    defp line(%{columns: columns}, resource) do
      fields = Enum.map(columns, &field(&1, resource))
      "index [#{Enum.map_join(fields ++ tenant(fields, resource), ", ", &inspect/1)}]"
    end

    defp field(column, resource) do
      attributes = Ash.Resource.Info.attributes(resource)

      case Enum.find(attributes, &(to_string(Codec.column(&1)) == column)) do
        nil -> column
        attribute -> attribute.name
      end
    end

    # Where it is not named, an index has it first, and would be another one than was tried.
    defp tenant(fields, resource) do
      with :attribute <- Ash.Resource.Info.multitenancy_strategy(resource),
           tenant = Ash.Resource.Info.multitenancy_attribute(resource),
           false <- tenant in fields do
        [tenant]
      else
        _ -> []
      end
    end
  end
end
