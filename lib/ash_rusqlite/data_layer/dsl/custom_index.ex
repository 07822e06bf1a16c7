if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Dsl.CustomIndex do
    @moduledoc "An `index` of the section `custom_indexes`, see the [DSL](dsl.md)."

    alias AshRusqlite.DataLayer.Info

    @schema [
      fields: [
        type: {:wrap_list, {:or, [:atom, :string]}},
        doc:
          "The attributes or columns of the index, in its order. A string that is no name is SQL, " <>
            "such as `\"lower(title)\"` or `\"created_at DESC\"`. Where tenants share the table, the " <>
            "tenant's attribute is put before them, as with AshSqlite. An index over a column that " <>
            "the resource does not define is left to migrations."
      ],
      name: [
        type: :string,
        doc: "The name of the index. Default: `<table>_<fields>_index`."
      ],
      unique: [
        type: :boolean,
        default: false,
        doc: "Whether no two rows may have equal values in it."
      ],
      using: [type: :string, doc: "Accepted for AshSqlite's sake; SQLite has one kind of index."],
      where: [type: :string, doc: "The SQL condition of a partial index."],
      message: [type: :string, doc: "The message when a unique index refuses a row."],
      include: [
        type: {:list, :string},
        doc: "Columns appended to the index, so that reads of them need not touch the table."
      ]
    ]

    defstruct [:__spark_metadata__, :table | Keyword.keys(@schema)]

    @type t :: %__MODULE__{}

    @doc false
    def schema, do: @schema

    @doc "What an index is over, without what it includes: the tenant and its own fields."
    @spec keys(t(), Ash.Resource.t()) :: [atom() | String.t()]
    def keys(%__MODULE__{fields: fields}, resource) do
      with :attribute <- Ash.Resource.Info.multitenancy_strategy(resource),
           tenant = Ash.Resource.Info.multitenancy_attribute(resource),
           false <- Enum.any?(fields, &(to_string(&1) == to_string(tenant))) do
        [tenant | fields]
      else
        _ -> fields
      end
    end

    @doc "The SQL of the rows that are in it; nil for all."
    @spec condition(t(), Ash.Resource.t()) :: String.t() | nil
    def condition(%__MODULE__{where: nil}, _resource), do: nil

    def condition(%__MODULE__{where: where}, resource) do
      case Info.base_filter_sql(resource) do
        nil -> where
        filter -> operand(filter) <> " AND " <> operand(where)
      end
    end

    # OR is the only operator that binds weaker. Without one the text stays what AshSqlite's
    # migrations have made of it, so that their index is known again.
    defp operand(sql), do: if(sql =~ ~r/\bor\b/i, do: "(#{sql})", else: sql)

    @doc """
    Whether one of the columns is SQL instead of a name.

        iex> alias AshRusqlite.DataLayer.Dsl.CustomIndex
        iex> Enum.map(["title", "lower(title)"], &CustomIndex.expression?/1)
        [false, true]
    """
    @spec expression?(String.t()) :: boolean()
    def expression?(column), do: column =~ ~r/[\s()"`'\[|+*\/-]/

    @doc """
    The name of an index of a table.

        iex> alias AshRusqlite.DataLayer.Dsl.CustomIndex
        iex> CustomIndex.name("users", %CustomIndex{fields: [:email]})
        "users_email_index"
    """
    @spec name(String.t(), t()) :: String.t()
    def name(_table, %__MODULE__{name: name}) when is_binary(name), do: name

    def name(table, %__MODULE__{fields: fields}) do
      Enum.map_join([table | fields] ++ ["index"], "_", fn part ->
        part |> to_string() |> String.replace(~r/[^\w]/, "_") |> String.trim_trailing("_")
      end)
    end
  end
end
