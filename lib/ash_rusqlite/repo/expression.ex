defmodule AshRusqlite.Repo.Expression do
  @moduledoc """
  Expressions: what a query computes from the columns of a row.

  A program writes conditions as `m:AshRusqlite.Repo#module-queries` shows them. Expressions are
  for programs that write queries, such as a data layer: they say everything, and are checked
  and compiled in the same way. Names are looked up, values are bound, and nothing of them
  becomes SQL text, but for what a `:fragment` says.

  ## Where they stand

    * `where: {:expr, scalar}` - the rows for which the scalar is neither null nor 0. Also inside
      of `{:and, list}`, `{:or, list}` and `{:not, condition}`; in a keyword list `expr:` is a column
    * `select: [:id, {:name, {:expr, scalar, type}}]` - a computed column, read as a `t:type/0`
      (or a `{:list, type}`, see `:list` below).
      Its name is an atom. It may not have the name of a column that is selected, too
    * `order_by: [{direction, {:expr, scalar, type}}]` - with one such item nothing is added to
      the order as it was given: add the primary key to make it total. There are no cursors in
      such an order. Decimals are ordered by their value, all else as `:binary` or by
      `{:collate, collation, scalar}`
    * `update_all(table, [compute: [column: scalar]], opts)` - the column gets the scalar's value,
      computed from the row as it was before the update, in the form in which the column stores
      its values; a value that it cannot hold is an error
    * `distinct_on: {[key], [{direction, scalar}]}` of `all` - of the rows with equal keys the first
      one in that order. Keys are scalars and compared as `:binary`; nulls are equal
    * `partition: [by: [scalar], limit: n, offset: m]` of `all` - at most n rows for each value of
      `by`, after skipping m, in the order of `order_by:`. The rows come partition by partition,
      in that order within each. The query's own `limit:` and `offset:` count them afterwards.
      With `keys: [scalar]`, a list of `:value`, only rows count whose `by`, of one scalar then,
      is among them. Each key is looked up by itself: with an index on `by` and the order that
      reads no more rows than it gives, where a condition on `by` reads all of them

  ## Types

  `t:type/0` is the form in which a value is stored, and how it is read back: `:text`, `:uuid`,
  `:integer`, `:real`, `:decimal`, `:boolean`, `:datetime`, `:datetime_usec`, `:naive_datetime`,
  `:naive_datetime_usec`, `:date`, `:time`, `:time_usec`, `:json`, `:blob`, or `:any`: by its
  storage class. They are the types of columns declared as `TEXT`, `UUID_TEXT`, `INTEGER`,
  `REAL`, `DECIMAL_TEXT` and so on. A value that the type does not hold is `:invalid_value`.

  ## Collations

  How texts compare: `nil` by their bytes, `:decimal` as the decimal numbers that they are (an
  integer may stand beside them, a float may not), `:ci` as `String.downcase/1` of both,
  `:instant`, `:naive` and `:clock` as the times that they are, whatever program wrote them:
  instants, dates with times without a zone, times of day. Columns and values of times compare so
  without a collation. A collation that a column was declared with plays no part.

  ## Scalars

  Values and columns:

    * `nil`, `true`, `false`
    * `{:value, type, term}` - a value, stored as a column of the type stores it
    * `{:col, name}` - a column of the innermost query's table
    * `{:col, depth, name}` - of the table of the query that is `depth` levels further out
    * `{:col, depth, index, name}` - of the query's table at this index: 0 is the table itself,
      1 the first of `joins:`

  Comparisons. Each is null when a side is null, but the last three:

    * `{:compare, op, collation, a, b}` - `:==`, `:!=`, `:<`, `:<=`, `:>`, `:>=`
    * `{:in, collation, a, list}` - list of scalars; a null among them equals nothing
    * `{:distinct_from, collation, a, b}`, `{:not_distinct_from, collation, a, b}` - null equals null
    * `{:is_nil, a}`

  Logic. Booleans are 0, 1 or null:

    * `{:and, list}`, `{:or, list}` - SQL's own: exact where only rows count for which the whole is
      true, that is under nothing but `:and` and `:or`. Which is evaluated first is not defined:
      use `:and_value` where `a` guards an error of `b`
    * `{:and_value, a, b}` - Ash's: `b` if `a` is true, else `a`. So `nil and false` is nil
    * `{:or_value, a, b}` - Ash's: true if `a` is true, else `b`. So `nil or false` is false
    * `{:not, a}` - null of null
    * `{:and_then, boolean?, a, b}` - `&&`; `boolean?` says whether `a` is a boolean. Of anything
      else, 0 and "" included, only null is not true
    * `{:or_else, boolean?, a, b}` - `||`
    * `{:if, boolean?, condition, a, b}`

  Numbers, integers or floats. What is no number, an integer beyond 64 bits, a float beyond its
  range and a division by zero are `:invalid_value`:

    * `{:arith, op, a, b}` - `:+`, `:-`, `:*`, `:/` (always a float), `:rem` (of integers)
    * `{:neg, a}`
    * `{:cast, :real, a}` of an integer, `{:cast, :text, a}` of an integer, `{:cast, :boolean, a}`
      of a boolean; what has the type already stays as it is

  Texts. Each is null when an argument is null, and `:invalid_value` when one is no text:

    * `{:concat, list}`
    * `{:call, :string_length, [a]}` - as `String.length/1`, in graphemes
    * `{:call, :downcase, [a]}`, `{:call, :upcase, [a]}`, `{:call, :trim, [a]}` - as in `String`
    * `{:call, :contains, [a, part]}`, `{:call, :starts_with, [a, part]}`,
      `{:call, :ends_with, [a, part]}` - by bytes; `""` is part of every text
    * `{:call, :like, [a, pattern]}` - `%` any text, `_` one character, `\\` escapes; ASCII letters
      match in either case
    * `{:call, :ilike, [a, pattern]}` - the same with every letter in either case

  Further:

    * `{:call, :coalesce, list}` - the first that is not null
    * `{:call, :length, [a]}` - the length of a list in a JSON column. A list that is stored in the
      External Term Format, or what is no list, is `:invalid_value`
    * `{:call, :decimal_form, [a]}` - what distinguishes decimals of one value, such as 1.0 and 1.00:
      bytes that are in the order of the terms that they are in Elixir
    * `{:call, :required, [a, {:value, :text, column}]}` - `a`, or `:not_null_violation` with the column
      in its details where it is null
    * `{:collate, collation, a}` - `a` with the collation that it is ordered by
    * `{:fragment, pieces}` - SQL that the program brings along: strings are SQL, all else are
      scalars, as in `{:fragment, ["json_extract(", {:col, :meta}, ", '$.n')"]}`. See below

  Queries within:

    * `{:exists, select}` - whether it has a row
    * `{:subquery, select, scalar}` - the scalar of its first row, or null
    * `{:aggregate, kind, scalar, options, select}` - over the scalars of its rows that are not
      null. `:count` (with nil for a scalar: of rows), `:sum`, `:avg`, `:min`, `:max`, `:first` (in
      the order of the select), `:list` (all of them, in that order), `:exists` (whether there is
      a row; the scalar does not matter). Over nothing `:count` is 0, a list empty,
      and the others are null. Options: `distinct: true` takes equal ones once (`:count`, `:sum`,
      `:avg`, `:list`), `collation:` (`:min`, `:max` and what is distinct; `:decimal` for sums of
      decimals, too, of which there is no `:avg`), `include_nil: true` lets `:first` be null and
      `:list` hold nulls, `precision: digits` makes a sum of decimals `:invalid_value` where Elixir's
      `Decimal`, with this precision, might round. A list is of use for nothing but a computed column, whose type is
      `{:list, type}`

  A select is `{:select, table, options}`:

    * `where:` - a scalar
    * `order_by:` - a list of `{direction, scalar}`
    * `limit:`, `offset:`
    * `distinct:` - true takes equal scalars once, before the limit; compared by bytes
    * `joins:` - a list of `{table, on}`: inner joins, each with a scalar as its condition that may
      refer to the tables before

  In a select, `{:col, name}` is its own table's. What `compute:` sets may not be computed from a
  select of the table that is updated, which would see rows that are already changed.

  `AshRusqlite.Repo.Reads.compute/3` computes scalars of no table in one read, for example
  several aggregates.

  ## Fragments

  A `:fragment` stands in parentheses, its scalars between the texts as columns and placeholders.
  A column is what is stored: a text for a date, a decimal, a UUID, JSON for a map. It compares and
  orders by SQLite's own rules, type affinity and collations included, so what it is compared with
  should be of the same storage class.

  The texts come from the program, never from its users: give what they enter as a `:value`. Still
  no text can leave its place. Parentheses and quotes close within the fragment, no scalar stands
  within quotes, and there is no `;`, no comment, no parameter (`?`, `:name`, `@name`, `$name`), no
  NUL, and at most 20,000 bytes; else `:invalid_query`. The connection lets SQL within read, as
  `AshRusqlite.Repo.Reads.query/4` does, and no more. What SQLite says of it is `:sql_syntax` (also
  for a function that it does not know), `:unknown_column`, `:unknown_table` or `:not_allowed`.

  In `compute:` a select within a fragment sees rows that the same update has already changed.

  ## Errors

  `:invalid_query` for what is no scalar, or nested deeper than 100 levels or 8 queries;
  `:unknown_table`, `:unknown_column`; `:invalid_value` for a value of `:value` that its type does
  not hold, and for a stored value that it cannot compute.
  """

  alias AshRusqlite.Repo.Vocabulary

  @typedoc "The form of a value."
  @type type :: Vocabulary.type()

  @typedoc "How texts compare."
  @type collation :: Vocabulary.collation()

  @typedoc "A direction of an order, as in Ecto."
  @type direction :: Vocabulary.direction()

  @typedoc "How two scalars compare."
  @type operator :: Vocabulary.comparison()

  @typedoc "A function of `:call`, see \"Scalars\" above for the arguments that it takes."
  @type function_name :: Vocabulary.function_name()

  @typedoc "What is aggregated of the rows of a query within."
  @type aggregate_kind :: Vocabulary.aggregate_within()

  @typedoc "An expression, see \"Scalars\" above."
  @type scalar ::
          nil
          | boolean()
          | {:value, type(), term()}
          | {:col, name()}
          | {:col, depth :: non_neg_integer(), name()}
          | {:col, depth :: non_neg_integer(), table :: non_neg_integer(), name()}
          | {:compare, operator(), collation(), scalar(), scalar()}
          | {:in, collation(), scalar(), [scalar()]}
          | {:distinct_from | :not_distinct_from, collation(), scalar(), scalar()}
          | {:is_nil, scalar()}
          | {:and | :or, [scalar()]}
          | {:and_value | :or_value, scalar(), scalar()}
          | {:and_then | :or_else, boolean(), scalar(), scalar()}
          | {:not, scalar()}
          | {:if, boolean(), scalar(), scalar(), scalar()}
          | {:arith, Vocabulary.arithmetic(), scalar(), scalar()}
          | {:neg, scalar()}
          | {:cast, Vocabulary.cast(), scalar()}
          | {:concat, [scalar()]}
          | {:call, function_name(), [scalar()]}
          | {:collate, collation(), scalar()}
          | {:fragment, [String.t() | :case_sensitive_like | scalar()]}
          | {:exists, select()}
          | {:subquery, select(), scalar()}
          | {:aggregate, aggregate_kind(), scalar(), keyword(), select()}

  @typedoc "The name of a column or table."
  @type name :: atom() | String.t()

  @typedoc "A query within an expression, see \"Scalars\" above."
  @type select :: {:select, name(), [select_option()]}

  @typedoc "An option of a query within."
  @type select_option ::
          {:where, scalar()}
          | {:order_by, [{direction(), scalar()}]}
          | {:limit | :offset, non_neg_integer() | nil}
          | {:distinct, boolean()}
          | {:joins, [{name(), scalar()}]}
end
