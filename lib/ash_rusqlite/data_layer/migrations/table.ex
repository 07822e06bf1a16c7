if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Migrations.Table do
    @moduledoc false
    # The table that one resource asks of generated migrations, before it is joined with those of other
    # resources in the same table.

    alias AshRusqlite.DataLayer.{Info, Journal}
    alias AshRusqlite.DataLayer.Dsl.CustomIndex
    alias AshRusqlite.DataLayer.Schema.{Column, TableSpec}
    alias AshRusqlite.DataLayer.Value.Codec
    alias AshRusqlite.Error

    @typedoc "What the table has of a resource; its indexes are looked for once all columns are known."
    @type t :: %{
            resource: Ash.Resource.t(),
            columns: [keyword()],
            primary_key: [String.t()],
            autoincrement: String.t() | nil,
            foreign_keys: [keyword()],
            checks: [keyword()],
            strict: boolean(),
            journal: keyword() | nil,
            creates?: boolean()
          }

    @doc "The table of a place: a resource in a table, with its foreign keys."
    @spec of(%{resource: Ash.Resource.t(), table: String.t(), foreign_keys: [keyword()]}) :: t()
    def of(%{resource: resource, foreign_keys: foreign_keys}) do
      counted = TableSpec.autoincrement(resource)
      key = TableSpec.primary_key(resource)
      columns = for one <- attributes(resource), do: column(resource, one, counted, key)
      names = Enum.map(columns, & &1[:name])

      %{
        resource: resource,
        columns: columns,
        primary_key: key,
        autoincrement: counted,
        foreign_keys: Enum.filter(foreign_keys, &(&1[:columns] -- names == [])),
        checks: checks(resource),
        strict: Info.strict?(resource),
        journal: journal(resource, names),
        creates?: creates?(resource)
      }
    end

    # A column that is left to migrations by hand may be there or not.
    defp journal(resource, names) do
      with [_ | _] = journal <- Journal.spec(resource) do
        journal
        |> Keyword.update!(:skip, &Enum.filter(&1, fn name -> name in names end))
        |> Keyword.update!(:sensitive, &Enum.filter(&1, fn name -> name in names end))
      end
    end

    defp attributes(resource) do
      ignored = Info.migration_ignore_attributes(resource)
      Enum.reject(TableSpec.attributes(resource), &(&1.name in ignored))
    end

    defp column(resource, attribute, counted, key) do
      column = Column.of(resource, attribute, counted)
      required? = not attribute.allow_nil? or column[:name] in key

      column
      |> Keyword.drop([:default])
      |> Keyword.put(:null, not required?)
      |> Keyword.merge(default(resource, attribute))
    end

    defp default(resource, attribute) do
      case Column.migration_default(resource, attribute) do
        {:ok, :none} -> []
        {:ok, {:value, value}} -> [default: value]
        {:ok, {:sql, sql}} -> [default_sql: sql]
        {:error, problem} -> raise wrong_default(resource, attribute, problem)
      end
    end

    defp wrong_default(resource, attribute, problem) do
      Error.new(
        :schema_mismatch,
        "migration_defaults of #{inspect(resource)}, #{attribute.name}: #{problem}",
        %{column: to_string(Codec.column(attribute)), resources: [inspect(resource)]}
      )
    end

    defp checks(resource) do
      for %{name: name, check: sql} when is_binary(sql) <- Info.check_constraints(resource),
          do: [name: name, sql: sql]
    end

    # Only a resource that creates rows has to know what is required in them.
    defp creates?(resource) do
      resource
      |> Ash.Resource.Info.actions()
      |> Enum.any?(&(&1.type == :create and is_nil(&1.manual)))
    end

    @doc """
    The indexes of a resource that its table does not get, since they are over columns that no
    resource gives it: a sentence for each. `names` are the table's columns.
    """
    @spec left_out(Ash.Resource.t(), String.t(), [String.t()]) :: [String.t()]
    def left_out(resource, table, names) do
      every = Enum.map(TableSpec.attributes(resource), &to_string(Codec.column(&1)))
      others = Enum.flat_map(Info.custom_indexes(resource), &columns(&1, resource))
      all = TableSpec.indexes(resource, table, names ++ every ++ others)

      for index <- all, not over?(index, names) do
        "#{inspect(resource)}: the index #{index[:name]} is left to migrations that are written by " <>
          "hand, since one of its columns is"
      end
    end

    defp columns(index, resource) do
      named = Codec.columns(index.fields, resource) ++ List.wrap(index.include)
      Enum.reject(named, &CustomIndex.expression?/1)
    end

    @doc "Whether an index is over columns of the given names."
    @spec over?(keyword(), [String.t()]) :: boolean()
    def over?(index, names),
      do: Enum.all?(index[:columns], &(&1 in names or &1 in List.wrap(index[:expressions])))
  end
end
