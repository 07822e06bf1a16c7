if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.TableSpec do
    @moduledoc false
    # The table that a resource wants.

    alias AshRusqlite.DataLayer.{Codec, CustomIndex, Info}

    @doc "What `AshRusqlite.Repo.Schema` takes, for a resource in a table of the given name."
    @spec of(Ash.Resource.t(), String.t()) :: keyword()
    def of(resource, table) do
      attributes =
        resource
        |> Ash.Resource.Info.attributes()
        |> Enum.reject(&(&1.name in Info.migration_ignore_attributes(resource)))

      [
        table: table,
        columns: Enum.map(attributes, &column(resource, &1)),
        primary_key: resource |> Ash.Resource.Info.primary_key() |> columns(resource),
        autoincrement: autoincrement(resource),
        indexes: identities(resource, table) ++ custom_indexes(resource, table),
        strict: Info.strict?(resource)
      ]
    end

    # A table that follows its resource holds what ETS would hold: Ash itself requires what
    # is required.
    defp column(resource, attribute) do
      type =
        Keyword.get_lazy(Info.migration_types(resource), attribute.name, fn ->
          Codec.declared_type(attribute)
        end)

      [name: to_string(Codec.column(attribute)), type: to_string(type), null: true]
    end

    @doc "The column that SQLite counts up by itself, if there is one."
    @spec autoincrement(Ash.Resource.t()) :: String.t() | nil
    def autoincrement(resource) do
      with [name] <- Ash.Resource.Info.primary_key(resource),
           %{generated?: true} = attribute <- Ash.Resource.Info.attribute(resource, name),
           :integer <- Codec.storage(attribute) do
        to_string(Codec.column(attribute))
      else
        _ -> nil
      end
    end

    # An identity that only holds within a tenant's table is a plain one there.
    defp identities(resource, table) do
      for identity <- Ash.Resource.Info.identities(resource),
          identity.name not in Info.skip_unique_indexes(resource),
          where = condition(resource, identity),
          where != :unknown,
          Enum.all?(identity.keys, &Ash.Resource.Info.attribute(resource, &1)),
          Map.get(identity, :nils_distinct?, true) do
        [
          name: Info.identity_index_name(resource, table, identity.name),
          columns: columns(tenant_key(resource, identity) ++ identity.keys, resource),
          ignore_case: identity.keys |> Enum.filter(&ci?(resource, &1)) |> columns(resource),
          unique: true,
          where: if(where != :all, do: where)
        ]
      end
    end

    defp ci?(resource, name),
      do: Codec.storage(Ash.Resource.Info.attribute(resource, name)) in [:ci_string, :citext]

    # Ash gives conditions as expressions; without their SQL there can be no index.
    defp condition(resource, identity) do
      cond do
        Map.get(identity, :where) -> :unknown
        Ash.Resource.Info.base_filter(resource) == nil -> :all
        sql = Info.base_filter_sql(resource) -> sql
        true -> :unknown
      end
    end

    defp tenant_key(resource, identity) do
      case Ash.Resource.Info.multitenancy_strategy(resource) do
        :attribute ->
          if Map.get(identity, :all_tenants?, false),
            do: [],
            else: [Ash.Resource.Info.multitenancy_attribute(resource)] -- identity.keys

        _ ->
          []
      end
    end

    defp custom_indexes(resource, table) do
      for index <- Info.custom_indexes(resource) do
        [
          name: CustomIndex.name(table, index),
          columns: columns(index.fields, resource) ++ List.wrap(index.include),
          unique: index.unique,
          where: index.where
        ]
      end
    end

    defp columns(fields, resource) do
      Enum.map(fields, fn field ->
        case Ash.Resource.Info.attribute(resource, field) do
          nil -> to_string(field)
          attribute -> to_string(Codec.column(attribute))
        end
      end)
    end
  end
end
