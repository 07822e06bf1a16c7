defmodule AshRusqlite.Repo.Request do
  @moduledoc false
  # The wire protocol between Elixir and the native library: what a read, a write, a step of a
  # transaction and a description of a table look like as terms. Every such tuple is built here, and
  # what is inside of one is looked up here. The other side is `native/nif/src/term/decode/`, of which
  # each part below names its file.
  #
  # Names of tables and columns are atoms or strings. Values are what `decode/value.rs` can store.
  # A term that does not fit is answered with `:invalid_query` or `:invalid_option`, never with a
  # crash: constructors check nothing. They are plain functions that return a tuple.
  #
  # Expressions are data of their own, described and typed in `AshRusqlite.Repo.Expression`.

  alias AshRusqlite.Repo.{Expression, Vocabulary}

  # --- Parts that reads and writes share ---

  @typedoc "The name of a table, a column or the like."
  @type name :: atom() | String.t()

  @typedoc "Values by the names of columns, as a keyword list, pairs or a map (`decode/value.rs`)."
  @type fields :: [{name(), term()}] | %{optional(name()) => term()}

  @typedoc "A primary key: its value, or fields where it has several columns."
  @type key :: term()

  @typedoc "An expression as a condition, or with the type that its value is read as."
  @type expression :: {:expr, Expression.scalar()}
  @type typed_expression :: {:expr, Expression.scalar(), Expression.type()}

  @typedoc "A comparison of a column."
  @type operator :: Vocabulary.comparison() | Vocabulary.condition()

  @typedoc """
  A condition (`decode/condition.rs`): fields that are equal, a comparison, or a list of conditions of
  which all hold. In a list `{:key, value}` and `{:expr, value}` are columns of these names; alone and
  in `:and`, `:or` and `:not` they are the primary key and an expression.
  """
  @type condition ::
          fields()
          | {name(), term()}
          | {name(), operator(), term()}
          | {:column, name(), operator(), name()}
          | {:and | :or, condition() | [condition()]}
          | {:not, condition()}
          | {:key, key()}
          | expression()
          | [condition()]

  @typedoc "A direction of an order, as in Ecto."
  @type direction :: Expression.direction()

  @typedoc "An item of `order_by:` (`decode/select.rs`)."
  @type order :: name() | {direction(), name() | typed_expression()}

  @typedoc "The name of a computed column with its expression (`decode/scalar.rs`)."
  @type computed ::
          {atom(), typed_expression() | {:expr, Expression.scalar(), {:list, Expression.type()}}}

  @typedoc "`distinct_on:`: the first row of those with equal keys, in an order."
  @type distinct_on :: {[Expression.scalar()], [{direction(), Expression.scalar()}]}

  @typedoc "`partition:`: some rows for each value of `by:`."
  @type partition :: [
          by: [Expression.scalar()],
          keys: [Expression.scalar()] | nil,
          limit: non_neg_integer() | nil,
          offset: non_neg_integer() | nil
        ]

  @typedoc "A place in an order: a row, or the values of the columns of the order."
  @type cursor :: fields() | [term()]

  @typedoc """
  The options of a select, as a keyword list or map (`decode/select.rs`). Where two conditions are
  given both hold; of any other option the first one counts. `distinct_on:` and `partition:` are for
  the data layer.
  """
  @type select_option ::
          {:select, name() | [name() | computed()]}
          | {:where, condition()}
          | {:order_by, order() | [order()]}
          | {:limit, non_neg_integer() | nil}
          | {:offset, non_neg_integer() | nil}
          | {:distinct, boolean() | nil}
          | {:distinct_on, distinct_on() | nil}
          | {:partition, partition() | nil}
          | {:after, cursor() | nil}
          | {:before, cursor() | nil}

  @type select_options :: [select_option()] | map()

  @doc """
  The condition that is the row of a primary key.

      iex> AshRusqlite.Repo.Request.key("kitchen")
      {:key, "kitchen"}
  """
  @spec key(key()) :: condition()
  def key(key), do: {:key, key}

  @doc "An expression as a condition."
  @spec expression(Expression.scalar()) :: expression()
  def expression(scalar), do: {:expr, scalar}

  @doc "An expression in an order, with the type that decides how its values compare."
  @spec expression(Expression.scalar(), Expression.type()) :: typed_expression()
  def expression(scalar, type), do: {:expr, scalar, type}

  @doc "An item of `order_by:`: a column or a typed expression."
  @spec order(direction(), name() | typed_expression()) :: order()
  def order(direction, term), do: {direction, term}

  @doc """
  A column of `select:`, or of `compute/1`, that is computed. The name is an atom, as it becomes the
  key of the row.

      iex> AshRusqlite.Repo.Request.computed(:total, {:col, :likes}, :integer)
      {:total, {:expr, {:col, :likes}, :integer}}
  """
  @spec computed(atom(), Expression.scalar(), Expression.type() | {:list, Expression.type()}) ::
          computed()
  def computed(name, scalar, type), do: {name, {:expr, scalar, type}}

  @doc "The value of `distinct_on:`."
  @spec distinct_on([Expression.scalar()], [{direction(), Expression.scalar()}]) :: distinct_on()
  def distinct_on(keys, order), do: {keys, order}

  # --- Reads: decode/read.rs, decode/events.rs ---

  @typedoc "What is aggregated of a column."
  @type aggregate :: Vocabulary.aggregate()

  @typedoc "A moment of the past: behind a seq, the last commit until a time, or a position."
  @type moment :: non_neg_integer() | DateTime.t() | {:position, non_neg_integer()}

  @typedoc """
  Which events are asked for (`decode/events.rs`): `source:`, `type:`, `actor:` and `table:` hold a
  name or a list of such, `key:` a primary key of the only table, `since:` and `until:` a time,
  `after:` and `before:` a seq, `after_position:` and `before_position:` a position of the only source,
  `journal:` the journal that the places are of. `headers: true` leaves the data out.
  """
  @type event_query :: [
          {:journal, String.t()}
          | {:source | :type | :actor | :table, name() | [name()]}
          | {:key, key()}
          | {:since | :until, DateTime.t()}
          | {:after | :before | :after_position | :before_position, non_neg_integer()}
          | {:descending | :headers, boolean()}
          | {:limit, non_neg_integer()}
        ]

  @typedoc "A read."
  @type read ::
          {:all, name(), select_options()}
          | {:get, name(), key()}
          | {:aggregate, name(), aggregate(), name() | nil, select_options()}
          | {:exists, name(), select_options()}
          | {:page, name(), select_options(), cursor() | nil}
          | {:sql, String.t(), [term()]}
          | {:compute, [computed()]}
          | {:tables}
          | {:events, event_query()}
          | {:head}
          | {:position, String.t()}
          | {:consumers}
          | {:as_of, moment(), String.t() | nil, read()}
          | {:explain, read()}
          | {:marked, read()}

  @doc "The rows of a select."
  @spec all(name(), select_options()) :: read()
  def all(table, options), do: {:all, table, options}

  @doc "The row of a primary key, or nil."
  @spec get(name(), key()) :: read()
  def get(table, key), do: {:get, table, key}

  @doc "One value over a column, or over the rows where that is nil."
  @spec aggregate(name(), aggregate(), name() | nil, select_options()) :: read()
  def aggregate(table, function, column, options),
    do: {:aggregate, table, function, column, options}

  @doc "Whether a select has a row."
  @spec exists(name(), select_options()) :: read()
  def exists(table, options), do: {:exists, table, options}

  @doc """
  A page of rows behind a cursor, with the cursor of the next page: `{rows, cursor}`. `limit:` is
  required.
  """
  @spec page(name(), select_options(), cursor() | nil) :: read()
  def page(table, options, cursor), do: {:page, table, options, cursor}

  @doc "SQL that reads, with values for its placeholders: `{columns, rows}`."
  @spec sql(String.t(), [term()]) :: read()
  def sql(sql, params), do: {:sql, sql, params}

  @doc "A row of computed columns without a table."
  @spec compute([computed()]) :: read()
  def compute(columns), do: {:compute, columns}

  @doc "The names of the tables that users have made: `{columns, rows}`."
  @spec tables() :: read()
  def tables, do: {:tables}

  @doc "Events of the journal."
  @spec events(event_query()) :: read()
  def events(query), do: {:events, query}

  @doc "The newest event of the journal and the journal itself."
  @spec head() :: read()
  def head, do: {:head}

  @doc "The last position of a source of events."
  @spec position(String.t()) :: read()
  def position(source), do: {:position, source}

  @doc "The consumers of the journal, with how far each is."
  @spec consumers() :: read()
  def consumers, do: {:consumers}

  @doc "A read of the tables as they were, of one source alone where that is not nil."
  @spec as_of(moment(), String.t() | nil, read()) :: read()
  def as_of(moment, source, read), do: {:as_of, moment, source, read}

  @doc "The SQL of a read and SQLite's plan for it: `{columns, rows}`."
  @spec explain(read()) :: read()
  def explain(read), do: {:explain, read}

  @doc """
  A read or write that returns rows, in which a value that cannot be read is `{reference, error}`
  instead of an error of the whole.
  """
  @spec marked(request) :: {:marked, request} when request: read() | write()
  def marked(request), do: {:marked, request}

  # --- Writes: decode/write.rs, decode/events.rs ---

  @typedoc "What comes back of the rows that were written: nothing, all columns or some."
  @type returning :: boolean() | [name()]

  @typedoc "What an insert does where a row is in its way; targets are columns of a constraint."
  @type conflict ::
          :raise
          | {:nothing, target :: [name()]}
          | {:replace_all, target :: [name()]}
          | {:replace, [name()], target :: [name()]}
          | {:replace_all_except, [name()], target :: [name()]}

  @typedoc "What an update does with a column."
  @type assignment ::
          {:set, name(), term()}
          | {:inc, name(), number()}
          | {:compute, name(), Expression.scalar()}

  @typedoc "A change of `update_each/3`: which rows, and what becomes of them."
  @type change :: {condition(), [assignment()]}

  @typedoc "A row of `update_or_insert/3`: which row, an update only if, what is updated, what is inserted."
  @type update_or_insert_row :: {condition(), condition() | nil, [assignment()], fields()}

  @typedoc "Who writes and why, and the positions at which sources of events are expected."
  @type context ::
          {actor :: String.t() | nil, action :: String.t() | nil, metadata :: map() | nil,
           expect :: [{String.t(), non_neg_integer()}]}

  @typedoc "A write."
  @type write ::
          {:insert, name(), [fields()], conflict(), returning()}
          | {:update, name(), condition() | nil, [assignment()], returning()}
          | {:update_each, name(), [change()], returning()}
          | {:update_or_insert, name(), [update_or_insert_row()], returning()}
          | {:delete, name(), condition() | nil, returning()}
          | {:execute, String.t(), [term()]}
          | {:consumer, String.t()}
          | {:consumer, String.t(), non_neg_integer(), String.t(), non_neg_integer() | nil}
          | {:in_context, context(), write()}
          | {:marked, write()}

  @doc "An insert of rows, all or none."
  @spec insert(name(), [fields()], conflict(), returning()) :: write()
  def insert(table, rows, conflict, returning), do: {:insert, table, rows, conflict, returning}

  @doc "An update of the rows of a condition; nil is every row."
  @spec update(name(), condition() | nil, [assignment()], returning()) :: write()
  def update(table, condition, assignments, returning),
    do: {:update, table, condition, assignments, returning}

  @doc "Updates of the rows of many conditions, each in its own way, all or none."
  @spec update_each(name(), [change()], returning()) :: write()
  def update_each(table, changes, returning), do: {:update_each, table, changes, returning}

  @doc "A change of `update_each/3`."
  @spec change(condition(), [assignment()]) :: change()
  def change(condition, assignments), do: {condition, assignments}

  @doc """
  For each of the rows an update of the one that is there, or an insert, all or none. Each row comes
  back with `:ash_rusqlite_outcome`, see `outcome/1`.
  """
  @spec update_or_insert(name(), [update_or_insert_row()], returning()) :: write()
  def update_or_insert(table, rows, returning), do: {:update_or_insert, table, rows, returning}

  @doc "A row of `update_or_insert/3`. `only_if` is a condition on the row that is there."
  @spec update_or_insert_row(condition(), condition() | nil, [assignment()], fields()) ::
          update_or_insert_row()
  def update_or_insert_row(condition, only_if, assignments, fields),
    do: {condition, only_if, assignments, fields}

  @doc "A delete of the rows of a condition; nil is every row."
  @spec delete(name(), condition() | nil, returning()) :: write()
  def delete(table, condition, returning), do: {:delete, table, condition, returning}

  @doc "SQL that writes, with values for its placeholders: `{columns, rows}`."
  @spec execute(String.t(), [term()]) :: write()
  def execute(sql, params), do: {:execute, sql, params}

  @doc """
  Notes how far a consumer of the journal is: behind a seq of a journal. `from` is the seq that it is
  at now, or nil where it has none.
  """
  @spec consumer(String.t(), non_neg_integer(), String.t(), non_neg_integer() | nil) :: write()
  def consumer(name, seq, journal, from), do: {:consumer, name, seq, journal, from}

  @doc "Forgets a consumer of the journal."
  @spec forget_consumer(String.t()) :: write()
  def forget_consumer(name), do: {:consumer, name}

  @doc "A write with who makes it and why."
  @spec in_context(context(), write()) :: write()
  def in_context(context, write), do: {:in_context, context, write}

  @doc "An assignment of a value."
  @spec set(name(), term()) :: assignment()
  def set(column, value), do: {:set, column, value}

  @doc "An assignment of what an expression computes of the row as it was."
  @spec set_computed(name(), Expression.scalar()) :: assignment()
  def set_computed(column, scalar), do: {:compute, column, scalar}

  @doc """
  An assignment of a kind that a caller gives by its name: `:set`, `:inc` or `:compute`.

      iex> AshRusqlite.Repo.Request.assignment(:inc, :likes, 1)
      {:inc, :likes, 1}
  """
  @spec assignment(:set | :inc | :compute, name(), term()) :: assignment()
  def assignment(kind, column, value), do: {kind, column, value}

  @doc "A conflict that leaves the row that is there as it is."
  @spec keep_existing([name()]) :: conflict()
  def keep_existing(target), do: {:nothing, target}

  @doc "A conflict that replaces every column of the row that is there."
  @spec replace_all([name()]) :: conflict()
  def replace_all(target), do: {:replace_all, target}

  @doc "A conflict that replaces some columns of the row that is there."
  @spec replace([name()], [name()]) :: conflict()
  def replace(columns, target), do: {:replace, columns, target}

  @doc "A conflict that replaces all but some columns of the row that is there."
  @spec replace_all_except([name()], [name()]) :: conflict()
  def replace_all_except(columns, target), do: {:replace_all_except, columns, target}

  # In the order of the engine's numbers for them.
  @outcomes {:inserted, :updated, :skipped}

  @doc "What became of a row of `update_or_insert/3`, and the row without that."
  @spec outcome(map()) :: {:inserted | :updated | :skipped, map()}
  def outcome(row) do
    {outcome, row} = Map.pop!(row, :ash_rusqlite_outcome)
    {elem(@outcomes, outcome), row}
  end

  # --- Steps of a transaction: `Decode::step` in decode/write.rs ---

  @typedoc "A step of a transaction. A write is one as it is."
  @type step ::
          write()
          | {:read, read()}
          | {:ensure_table, table_spec()}
          | {:differences, table_spec()}
          | :savepoint
          | :release_savepoint
          | :rollback_to_savepoint

  @doc "A read in a transaction."
  @spec read_step(read()) :: step()
  def read_step(read), do: {:read, read}

  @doc "Adds what a table lacks, in a transaction."
  @spec ensure_table_step(table_spec()) :: step()
  def ensure_table_step(table), do: {:ensure_table, table}

  @doc "Looks at a table, in a transaction."
  @spec differences_step(table_spec()) :: step()
  def differences_step(table), do: {:differences, table}

  @doc "Whether a step may write."
  @spec writes?(step()) :: boolean()
  def writes?({:read, _read}), do: false
  def writes?(step), do: is_tuple(step)

  # --- The time of a call: decode/options.rs ---

  @typedoc "Milliseconds."
  @type ms :: non_neg_integer() | :infinity

  @typedoc """
  The time of a call: since when it runs, since when it was kept back, its timeout. With true as a
  fourth part the answer of what was run is `{:waited, nanoseconds, result}`, with its time in the
  queue.
  """
  @type time :: {non_neg_integer(), non_neg_integer(), ms(), boolean()}

  @doc "The time of a call."
  @spec time(non_neg_integer(), non_neg_integer(), ms(), boolean()) :: time()
  def time(elapsed, waited, timeout, timed?), do: {elapsed, waited, timeout, timed?}

  # --- Tables and migrations: decode/table.rs, decode/generate.rs ---
  # `AshRusqlite.Repo.Schema` and `AshRusqlite.Repo.Generator` describe them for users.

  @typedoc "A column. `type:` is required: a declared type such as `UUID_TEXT`, or nil for any value."
  @type column_spec :: [
          {:name, name()}
          | {:type, name() | nil}
          | {:declared, name() | nil}
          | {:null, boolean()}
          | {:default, term()}
          | {:default_sql, String.t() | nil}
        ]

  @typedoc "An index. `expressions:` are those of its columns that are SQL."
  @type index_spec :: [
          {:name, name()}
          | {:columns | :ignore_case | :expressions, name() | [name()]}
          | {:unique | :nulls_distinct | :prefix, boolean()}
          | {:where, String.t() | nil}
          | {:condition, Expression.scalar()}
        ]

  @type foreign_key_spec :: [
          {:name, name() | nil}
          | {:column | :columns | :on, name() | [name()]}
          | {:references, name()}
          | {:on_delete, nil | :nothing | :restrict | :nilify | :delete}
          | {:on_update, nil | :nothing | :restrict | :nilify | :update}
          | {:deferrable, boolean() | :initially}
        ]

  @type check_spec :: [name: name(), sql: String.t()]

  @typedoc "An event with a type of its own. `condition:` is as `where:`, as an expression."
  @type event_spec :: [
          {:type, name()}
          | {:on, :insert | :update | :delete}
          | {:where, String.t() | nil}
          | {:condition, Expression.scalar()}
        ]

  @typedoc "How the changes of a table become events. A subject is `{kind, column}`."
  @type journal_spec :: [
          {:type, name()}
          | {:source | :actor, {name(), name()} | nil}
          | {:skip | :sensitive, name() | [name()]}
          | {:events, [event_spec()]}
        ]

  @typedoc "A table as it should be, a keyword list or map of these."
  @type table_option ::
          {:table, name()}
          | {:columns, [column_spec() | map()]}
          | {:primary_key, name() | [name()] | nil}
          | {:autoincrement, name() | nil}
          | {:indexes, [index_spec() | map()]}
          | {:foreign_keys, [foreign_key_spec() | map()]}
          | {:checks, [check_spec() | map()]}
          | {:strict | :best_effort, boolean()}
          | {:journal, journal_spec() | map() | nil}
          | {:tenant_of, name() | [name()]}

  @type table_spec :: [table_option()] | map()

  @typedoc "SQL of a migration that no table says."
  @type custom_statement :: [
          {:name, name()} | {:up, String.t()} | {:down, String.t() | nil}
        ]

  @typedoc "The schema that a generated migration leads to."
  @type wanted_schema :: [
          {:tables, [table_spec()]}
          | {:statements, [custom_statement() | map()]}
          | {:schema, String.t() | nil}
          | {:ignored | :tenants, [name()]}
        ]

  @typedoc "What only a person knows of a migration that is generated."
  @type generate_options :: [
          {:name, name()}
          | {:version, integer()}
          | {:drop, boolean()}
          | {:rename_tables, [{name(), name()}]}
          | {:rename_columns, [{name(), name(), name()}]}
          | {:fill, [{name(), name(), String.t()}]}
          | {:not_renamed, [{:table, name()} | {:column, name(), name()}]}
          | {:skip, [name()]}
        ]

  # --- Maintenance: decode/options.rs, decode/journal.rs ---

  @type migrate_options :: [
          {:to | :step, non_neg_integer() | nil} | {:take_over, boolean()}
        ]

  @type copy_options :: [overwrite: boolean()]
  @type check_options :: [quick: boolean(), limit: pos_integer()]
  @type checkpoint_mode :: :passive | :full | :restart | :truncate

  @typedoc "Which events go: those before a time (ISO 8601), of a table or a source."
  @type retain_options :: [
          {:before, String.t()} | {:table | :source, name() | nil}
        ]

  @type redact_options :: [
          {:columns, name() | [name()] | nil}
          | {:delete | :vacuum, boolean()}
          | {:actor | :reason, String.t() | nil}
        ]

  @typedoc "Which rows are redacted."
  @type redacted_rows :: {:key, key()} | {:where, condition() | nil}

  @doc "The row of a primary key, which may be deleted already."
  @spec redacted_key(key()) :: redacted_rows()
  def redacted_key(key), do: {:key, key}

  @doc "The rows of a condition."
  @spec redacted_where(condition() | nil) :: redacted_rows()
  def redacted_where(condition), do: {:where, condition}

  # --- What is in a request ---

  @doc """
  What a read or write does, without what it is wrapped in.

      iex> alias AshRusqlite.Repo.Request
      iex> Request.operation(Request.as_of(17, nil, Request.get(:rooms, "kitchen")))
      :get
  """
  @spec operation(read() | write()) :: atom()
  def operation(request), do: request |> unwrap() |> elem(0)

  @doc "The read or write within marks, a context or a moment of the past."
  @spec unwrap(read() | write()) :: read() | write()
  def unwrap({:marked, request}), do: unwrap(request)
  def unwrap({:as_of, _moment, _source, read}), do: unwrap(read)
  def unwrap({:in_context, _context, write}), do: unwrap(write)
  def unwrap(request), do: request

  @doc "Whether it is a read of the past."
  @spec past?(read()) :: boolean()
  def past?({:as_of, _moment, _source, _read}), do: true
  def past?(_read), do: false

  @doc "The table that a read or write names, nil where there is not one."
  @spec table(read() | write()) :: name() | nil
  def table(request) do
    case unwrap(request) do
      {kind, table, _} when kind in [:all, :get, :exists] -> table
      {kind, table, _, _} when kind in [:page, :update_each, :update_or_insert, :delete] -> table
      {kind, table, _, _, _} when kind in [:aggregate, :insert, :update] -> table
      _ -> nil
    end
  end

  @doc "The SQL that a caller gave, nil where it is the engine's."
  @spec own_sql(read() | write()) :: String.t() | nil
  def own_sql({kind, sql, _params}) when kind in [:sql, :execute] and is_binary(sql), do: sql
  def own_sql(_request), do: nil

  @doc "A write of its first row alone, which has the same SQL."
  @spec first_row(read() | write()) :: read() | write()
  def first_row({:insert, table, [row | _], conflict, returning}),
    do: {:insert, table, [row], conflict, returning}

  def first_row({kind, table, [row | _], returning})
      when kind in [:update_each, :update_or_insert],
      do: {kind, table, [row], returning}

  def first_row(request), do: request

  @doc "How many rows the result of a read or write has, or says were written; 1 for a value."
  @spec row_count(read() | write(), term()) :: non_neg_integer()
  def row_count(_request, {:error, _error}), do: 0
  def row_count(_request, {:ok, nil}), do: 0
  def row_count(_request, {:ok, rows}) when is_list(rows), do: length(rows)
  def row_count(_request, {:ok, {written, _rows}}) when is_integer(written), do: written

  def row_count({:page, _, _, _}, {:ok, {rows, _next}}) when is_list(rows), do: length(rows)
  def row_count(_request, {:ok, {_columns, rows}}) when is_list(rows), do: length(rows)
  def row_count(_request, {:ok, _value}), do: 1
end
