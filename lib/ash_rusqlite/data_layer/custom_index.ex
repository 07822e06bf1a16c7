if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.CustomIndex do
    @moduledoc "An index of `sqlite do custom_indexes do … end end`."

    @schema [
      fields: [
        type: {:wrap_list, {:or, [:atom, :string]}},
        doc: "The attributes or columns of the index, in its order."
      ],
      name: [
        type: :string,
        doc: "The name of the index. By default `<table>_<fields>_index`."
      ],
      unique: [type: :boolean, default: false, doc: "Whether no two rows may be equal in it."],
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

    @doc """
    The name of an index of a table.

        iex> alias AshRusqlite.DataLayer.CustomIndex
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
