defmodule AshRusqlite.Repo.Vocabulary do
  @moduledoc """
  The words that reads, writes and expressions are made of.

  One table for each kind of word. The engine has the same tables, in `query/vocabulary.rs` and
  `value/column_type.rs` and beside the decoders of `native/nif/src/term/decode`; a test compares the
  two. What the words mean is said in `AshRusqlite.Repo` (conditions and orders) and in
  `AshRusqlite.Repo.Expression`.

      iex> AshRusqlite.Repo.Vocabulary.functions()[:contains]
      2
  """

  @comparisons [:==, :!=, :<, :<=, :>, :>=]
  @conditions [:in, :not_in, :like, :not_like, :is_nil]
  @functions [
    string_length: 1,
    downcase: 1,
    upcase: 1,
    trim: 1,
    contains: 2,
    starts_with: 2,
    ends_with: 2,
    like: 2,
    ilike: 2,
    like_exact: 2,
    like_ascii: 2,
    coalesce: nil,
    length: 1,
    decimal_form: 1,
    required: 2
  ]
  @arithmetic [:+, :-, :*, :/, :rem]
  @casts [:real, :text, :boolean]
  @aggregates [:count, :sum, :avg, :min, :max]
  @aggregates_within @aggregates ++ [:exists, :first, :list]
  @collations [:decimal, :ci, :instant, :naive, :clock]
  @directions [
    :asc,
    :desc,
    :asc_nulls_first,
    :asc_nulls_last,
    :desc_nulls_first,
    :desc_nulls_last
  ]
  @types [
    text: "TEXT",
    uuid: "UUID_TEXT",
    integer: "INTEGER",
    real: "REAL",
    decimal: "DECIMAL_TEXT",
    boolean: "BOOLEAN_INT",
    datetime: "DATETIME_TEXT",
    datetime_usec: "DATETIME_USEC_TEXT",
    naive_datetime: "NAIVE_DATETIME_TEXT",
    naive_datetime_usec: "NAIVE_DATETIME_USEC_TEXT",
    date: "DATE_TEXT",
    time: "TIME_TEXT",
    time_usec: "TIME_USEC_TEXT",
    json: "JSON_TEXT",
    blob: "BLOB",
    any: ""
  ]
  @reads [
    all: 2,
    get: 2,
    aggregate: 4,
    exists: 2,
    page: 3,
    sql: 2,
    as_of: 3,
    compute: 1,
    events: 1,
    head: 0,
    position: 1,
    consumers: 0,
    explain: 1,
    marked: 1,
    tables: 0
  ]
  @writes [
    insert: 4,
    update: 4,
    update_or_insert: 3,
    update_each: 3,
    delete: 3,
    execute: 2,
    consumer: 1,
    consumer: 4
  ]

  one_of = fn words -> words |> Enum.reverse() |> Enum.reduce(&{:|, [], [&1, &2]}) end

  @typedoc "An operator that compares."
  @type comparison :: unquote(one_of.(@comparisons))

  @typedoc "What a column's condition has besides the operators that compare."
  @type condition :: unquote(one_of.(@conditions))

  @typedoc "A function of `{:call, function, arguments}`."
  @type function_name :: unquote(one_of.(Keyword.keys(@functions)))

  @typedoc "An operator of `{:arith, operator, a, b}`."
  @type arithmetic :: unquote(one_of.(@arithmetic))

  @typedoc "The form of `{:cast, form, a}`."
  @type cast :: unquote(one_of.(@casts))

  @typedoc "An aggregate over rows."
  @type aggregate :: unquote(one_of.(@aggregates))

  @typedoc "An aggregate over the rows of a query within an expression."
  @type aggregate_within :: unquote(one_of.(@aggregates_within))

  @typedoc "How texts compare; nil is by their bytes."
  @type collation :: nil | unquote(one_of.(@collations))

  @typedoc "A direction of an order."
  @type direction :: unquote(one_of.(@directions))

  @typedoc "The form in which a value is stored."
  @type type :: unquote(one_of.(Keyword.keys(@types)))

  @doc "The operators that compare, in conditions and in `{:compare, operator, collation, a, b}`."
  @spec comparisons() :: [comparison()]
  def comparisons, do: @comparisons

  @doc "What a column's condition has besides the operators that compare."
  @spec conditions() :: [condition()]
  def conditions, do: @conditions

  @doc "The functions of `{:call, function, arguments}`, with the number of arguments; nil is any."
  @spec functions() :: [{function_name(), pos_integer() | nil}]
  def functions, do: @functions

  @doc "The operators of `{:arith, operator, a, b}`."
  @spec arithmetic() :: [arithmetic()]
  def arithmetic, do: @arithmetic

  @doc "The forms of `{:cast, form, a}`."
  @spec casts() :: [cast()]
  def casts, do: @casts

  @doc "The aggregates over rows."
  @spec aggregates() :: [aggregate()]
  def aggregates, do: @aggregates

  @doc "The aggregates over the rows of a query within an expression."
  @spec aggregates_within() :: [aggregate_within()]
  def aggregates_within, do: @aggregates_within

  @doc "The collations but for nil."
  @spec collations() :: [collation()]
  def collations, do: @collations

  @doc "The directions of an order."
  @spec directions() :: [direction()]
  def directions, do: @directions

  @doc "The types of columns and values, each with the declared type of its columns."
  @spec types() :: [{type(), String.t()}]
  def types, do: @types

  @doc "The reads, each with the number of its parts."
  @spec reads() :: [{atom(), non_neg_integer()}]
  def reads, do: @reads

  @doc "The writes, each with the number of its parts. A kind may be there twice."
  @spec writes() :: [{atom(), non_neg_integer()}]
  def writes, do: @writes
end
