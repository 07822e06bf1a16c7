if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Migrations.ForeignKeys do
    @moduledoc false
    # The foreign keys that generated migrations make: those that `references do` asks for.

    alias AshRusqlite.DataLayer.Info
    alias AshRusqlite.DataLayer.Value.Codec
    alias AshRusqlite.Error

    @doc """
    The keys of a resource's table, as `AshRusqlite.Repo.Schema` takes them, and why some that were
    asked for cannot be.
    """
    @spec of(Ash.Resource.t(), String.t(), module()) :: {[keyword()], [String.t()]}
    def of(resource, table, repo) do
      for %{ignore?: ignored?} = reference <- Info.references(resource),
          not ignored?,
          reduce: {[], []} do
        {keys, notes} ->
          case key(resource, table, repo, reference) do
            {:ok, key} -> {keys ++ [key], notes}
            {:none, note} -> {keys, notes ++ [note]}
          end
      end
    end

    defp key(resource, table, repo, %{relationship: name} = reference) do
      relationship = Ash.Resource.Info.relationship(resource, name)

      cond do
        relationship == nil or relationship.type != :belongs_to ->
          raise Error.new(
                  :schema_mismatch,
                  "#{inspect(resource)} has the reference #{inspect(name)}, but no belongs_to of " <>
                    "that name: give the reference the name of a belongs_to, or take it out",
                  %{table: table, reference: to_string(name), resources: [inspect(resource)]}
                )

        not Info.stored_in?(relationship.destination, repo) ->
          {:none, note(resource, relationship, repo)}

        true ->
          {:ok, key(resource, table, relationship, reference, destination_table(relationship))}
      end
    end

    defp note(resource, relationship, repo) do
      "#{inspect(resource)}: there is no foreign key for #{inspect(relationship.name)}, since " <>
        "#{inspect(relationship.destination)} has no table in #{inspect(repo)}"
    end

    defp destination_table(%{context: context, destination: destination}),
      do: context[:data_layer][:table] || Info.table(destination)

    defp key(resource, table, relationship, _reference, nil) do
      raise Error.new(
              :schema_mismatch,
              "#{inspect(resource)} refers by #{inspect(relationship.name)} to the polymorphic " <>
                "#{inspect(relationship.destination)}: name the table by `relationship_context`, or " <>
                "give the reference `ignore? true`",
              %{table: table, resources: [inspect(resource)]}
            )
    end

    defp key(resource, table, relationship, reference, destination_table) do
      %{source_attribute: source, destination: destination} = relationship
      column = column(resource, source)
      {with_source, with_destination} = tenants(resource, relationship, reference)

      [
        name: reference.name || "#{table}_#{column}_fkey",
        columns: [column | with_source],
        references: to_string(destination_table),
        on: [column(destination, relationship.destination_attribute) | with_destination],
        on_delete: reference.on_delete || :nothing,
        on_update: reference.on_update || :nothing,
        deferrable: reference.deferrable
      ]
    end

    defp tenants(_resource, _relationship, %{match_tenant?: false}), do: {[], []}

    defp tenants(resource, %{destination: destination, name: name}, _reference) do
      case {tenant(resource), tenant(destination)} do
        {source, target} when source != nil and target != nil ->
          {[column(resource, source)], [column(destination, target)]}

        _ ->
          raise Error.new(
                  :schema_mismatch,
                  "the reference #{inspect(name)} of #{inspect(resource)} has match_tenant? true, " <>
                    "which needs multitenancy by attribute in both it and #{inspect(destination)}",
                  %{reference: to_string(name), resources: [inspect(resource)]}
                )
      end
    end

    defp tenant(resource) do
      if Ash.Resource.Info.multitenancy_strategy(resource) == :attribute,
        do: Ash.Resource.Info.multitenancy_attribute(resource)
    end

    @doc """
    The key of a polymorphic resource's table to the resource whose relationship names the table, if
    that asks for one by `polymorphic_on_delete` and its kin.
    """
    @spec polymorphic(Ash.Resource.relationship(), String.t(), module()) :: [keyword()]
    def polymorphic(relationship, table, repo) do
      options = Info.polymorphic_reference(relationship.source)

      if options != [] and Info.stored_in?(relationship.source, repo) and
           Info.table(relationship.source) != nil do
        column = column(relationship.destination, relationship.destination_attribute)

        [
          [
            name: to_string(options[:name] || "#{table}_#{column}_fkey"),
            columns: [column],
            references: Info.table(relationship.source),
            on: [column(relationship.source, relationship.source_attribute)],
            on_delete: options[:on_delete] || :nothing,
            on_update: options[:on_update] || :nothing,
            deferrable: false
          ]
        ]
      else
        []
      end
    end

    defp column(resource, name),
      do: to_string(Codec.column(Ash.Resource.Info.attribute(resource, name)))

    @doc """
    The tables with the unique indexes that their foreign keys need: SQLite wants what a key refers
    to to be unique by itself. A primary key together with the tenant is unique anyhow; where rows
    could be equal, the developer has to ask for the index.
    """
    @spec add_parent_keys([keyword()]) :: [keyword()]
    def add_parent_keys(tables) do
      keys = for table <- tables, key <- table[:foreign_keys], do: {table, key}
      Enum.reduce(keys, tables, &parent_key/2)
    end

    defp parent_key({child, key}, tables) do
      case Enum.find(tables, &(&1[:table] == key[:references])) do
        nil ->
          tables

        parent ->
          cond do
            unique?(parent, &(Enum.sort(&1) == Enum.sort(key[:on]))) -> tables
            unique?(parent, &(&1 -- key[:on] == [])) -> with_index(tables, parent, key[:on])
            true -> raise not_unique(child, key, parent)
          end
      end
    end

    defp unique?(table, fits?) do
      fits?.(table[:primary_key]) or
        Enum.any?(table[:indexes], fn index ->
          index[:unique] == true and index[:where] == nil and index[:condition] == nil and
            index[:ignore_case] in [nil, []] and index[:expressions] in [nil, []] and
            Keyword.get(index, :nulls_distinct, true) and fits?.(index[:columns])
        end)
    end

    defp with_index(tables, parent, columns) do
      name = Enum.join([parent[:table] | columns] ++ ["key_index"], "_")
      index = [name: name, columns: columns, unique: true]

      Enum.map(tables, fn table ->
        if table[:table] == parent[:table],
          do: Keyword.update!(table, :indexes, &(&1 ++ [index])),
          else: table
      end)
    end

    defp not_unique(child, key, parent) do
      on = Enum.join(key[:on], ", ")

      Error.new(
        :schema_mismatch,
        "the foreign key #{key[:name]} of #{child[:table]} refers to #{parent[:table]} (#{on}), where " <>
          "rows may be equal: give the resource of #{parent[:table]} an identity of #{on}, or the " <>
          "reference `ignore? true`",
        %{table: child[:table], constraint: key[:name], references: parent[:table], on: key[:on]}
      )
    end
  end
end
