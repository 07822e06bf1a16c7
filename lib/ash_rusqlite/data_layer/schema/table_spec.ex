if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Schema.TableSpec do
    @moduledoc false
    # The table that a resource wants, as `AshRusqlite.Repo.Schema` takes it. This folder compares it with
    # the one in the file and reports the differences at start (`Schema.Report`); `Store.ReadyTables`
    # makes it where the repo follows its resources, and the folder `migrations/` makes files of it. An index
    # is in `IdentityIndex`, `RelationshipIndex` or here, a column with its default in `Column`.

    alias AshRusqlite.DataLayer.{Info, Journal}
    alias AshRusqlite.DataLayer.Dsl.CustomIndex
    alias AshRusqlite.DataLayer.Schema.{Column, IdentityIndex, RelationshipIndex}
    alias AshRusqlite.DataLayer.Value.Codec

    @doc """
    What `AshRusqlite.Repo.Schema` takes, for a resource in a table of the given name. Raises where
    its journal cannot be.
    """
    @spec of(Ash.Resource.t(), String.t()) :: keyword()
    def of(resource, table) do
      counted = autoincrement(resource)
      known = Enum.map(attributes(resource), &to_string(Codec.column(&1)))

      [
        table: table,
        columns: Enum.map(attributes(resource), &Column.of(resource, &1, counted)),
        primary_key: primary_key(resource),
        autoincrement: counted,
        indexes: resource |> indexes(table, known) |> RelationshipIndex.add(resource, table),
        strict: Info.strict?(resource)
      ] ++ with_journal(Journal.spec(resource))
    end

    @doc "The journal as a part of a table's description."
    @spec with_journal(keyword() | nil) :: keyword()
    def with_journal(nil), do: []
    def with_journal(journal), do: [journal: journal]

    @doc "The part of it that says what the columns hold, however the table was made."
    @spec reading(Ash.Resource.t(), String.t()) :: keyword()
    def reading(resource, table) do
      columns =
        resource
        |> attributes()
        |> Enum.map(&[name: to_string(Codec.column(&1)), type: Codec.declared_type(&1)])

      [table: table, columns: columns]
    end

    @doc """
    The attributes that have columns. Two of them may be of one column. Those that generated
    migrations ignore have one, too: without it no row could be read.
    """
    @spec attributes(Ash.Resource.t()) :: [Ash.Resource.Attribute.t()]
    def attributes(resource) do
      resource |> Ash.Resource.Info.attributes() |> Enum.uniq_by(&Codec.column/1)
    end

    @doc "The columns of the primary key."
    @spec primary_key(Ash.Resource.t()) :: [String.t()]
    def primary_key(resource),
      do: resource |> Ash.Resource.Info.primary_key() |> Codec.columns(resource)

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

    @doc """
    The indexes of identities and those of `custom_indexes`, as far as they are over columns of the
    given names.
    """
    @spec indexes(Ash.Resource.t(), String.t(), [String.t()]) :: [keyword()]
    def indexes(resource, table, known),
      do: identities(resource, table) ++ custom_indexes(resource, table, known)

    defp identities(resource, table) do
      for identity <- Ash.Resource.Info.identities(resource),
          {:ok, index} <- [IdentityIndex.of(resource, table, identity)],
          do: index
    end

    # As AshSqlite makes them: with the tenant first, and of the rows of the base filter.
    defp custom_indexes(resource, table, known) do
      for index <- Info.custom_indexes(resource),
          columns =
            Codec.columns(CustomIndex.keys(index, resource), resource) ++ List.wrap(index.include),
          others = columns -- known,
          Enum.all?(others, &CustomIndex.expression?/1) do
        [
          name: CustomIndex.name(table, index),
          columns: columns,
          expressions: others,
          unique: index.unique,
          where: CustomIndex.condition(index, resource)
        ]
      end
    end
  end
end
