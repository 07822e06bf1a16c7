if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Schema.RelationshipIndex do
    @moduledoc false
    # The indexes of what belongs_to relationships look rows up by, for tables that follow their
    # resources. The engine makes one where no other index begins with these columns.

    alias AshRusqlite.DataLayer.Info
    alias AshRusqlite.DataLayer.Schema.TableSpec
    alias AshRusqlite.DataLayer.Value.Codec
    alias Spark.Dsl.Extension

    @doc """
    Adds them to the other indexes of a table, as `AshRusqlite.Repo.Schema` takes them.
    """
    @spec add([keyword()], Ash.Resource.t(), String.t()) :: [keyword()]
    def add(others, resource, table) do
      names = Enum.map(others, & &1[:name])

      others ++
        for(attribute <- attributes(resource), do: index(resource, table, attribute, names))
    end

    @doc "Whether a difference is that one of them is missing, which only makes reads slow."
    @spec missing?(map(), Ash.Resource.t()) :: boolean()
    def missing?(%{kind: :missing_index, index: name, table: table}, resource) do
      # Another index, of an identity perhaps, may have the name that one of them would have.
      own = for index <- TableSpec.of(resource, table)[:indexes], index[:prefix], do: index[:name]

      String.replace_suffix(name, "@#{table}", "") in own
    end

    def missing?(_difference, _resource), do: false

    defp attributes(resource) do
      resource
      |> Ash.Resource.Info.relationships()
      |> Enum.filter(&(&1.type == :belongs_to and wanted?(resource, &1)))
      |> Enum.map(&Ash.Resource.Info.attribute(resource, &1.source_attribute))
      |> Enum.filter(& &1)
      |> Enum.uniq_by(&Codec.column/1)
    end

    defp wanted?(resource, relationship) do
      case Info.reference(resource, relationship.name) do
        %{index?: index?} when is_boolean(index?) -> index?
        _ -> Extension.get_opt(resource, [:sqlite], :index_belongs_to?, true, true)
      end
    end

    # A partial index of the column alone may have the name that comes first to mind.
    defp index(resource, table, attribute, names) do
      column = to_string(Codec.column(attribute))
      name = "#{table}_#{column}_index"

      [
        name: if(name in names, do: "#{table}_#{column}_belongs_to_index", else: name),
        columns: Enum.uniq([column | tenant(resource)]),
        prefix: true
      ]
    end

    # Reads of a tenant name both. The tenant comes second, so that foreign keys and reads of all
    # tenants are served as well, and there at all, so that this index is preferred to another one
    # that begins with the tenant.
    defp tenant(resource) do
      if Ash.Resource.Info.multitenancy_strategy(resource) == :attribute and
           not Ash.Resource.Info.multitenancy_global?(resource) do
        name = Ash.Resource.Info.multitenancy_attribute(resource)
        [to_string(Codec.column(Ash.Resource.Info.attribute(resource, name)))]
      else
        []
      end
    end
  end
end
