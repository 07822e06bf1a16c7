defmodule AshRusqlite do
  @moduledoc """
  SQLite for Elixir, on an engine written in Rust. Many processes read and write one file. A write whose
  call has returned survives a power loss, and no call fails because the database is busy.

      defmodule MyApp.Repo do
        use AshRusqlite.Repo, otp_app: :my_app
      end

      {:ok, _pid} = MyApp.Repo.start_link(database: "chat.db", migrations: "migrations")
      {:ok, _applied} = MyApp.Repo.migrate()
      {:ok, room} = MyApp.Repo.insert(:rooms, %{id: "kitchen", title: "Kitchen"})
      [room] = MyApp.Repo.all(:rooms, where: [hidden: false], order_by: :title)

  This module has the types of columns, and functions over a repo or over Ash resources: what becomes of a
  query, which indexes are missing, which stored values cannot be read.

  ## Where to read on

    * [Getting started](getting-started.md) - from `mix new` to rows that survive a restart
    * `AshRusqlite.Repo` - reads, writes, transactions, and the options of a repo
    * `AshRusqlite.DataLayer` - the data layer for Ash
    * `AshRusqlite.Migrator` - migrations in plain SQL
    * `AshRusqlite.Repo.Schema` - tables that follow a description, without migrations
    * `AshRusqlite.Journal` - each change of a row as an event
    * `AshRusqlite.Sandbox` - a database for each test
    * `AshRusqlite.Error` - the codes of errors
    * `AshRusqlite.Telemetry` - the telemetry events
    * `AshRusqlite.Repo.StoredAtoms` - atoms in stored values, and how many may be created
    * `AshRusqlite.Repo.Unreadable` - stored values that cannot be read, and how to find them
    * `mix ash_rusqlite.migrate` and the other tasks - the same from the shell

  ## How it works

  Each database has one writer, which is a thread. The writes of all processes wait in its queue and share
  commits; a process receives the answer as a message, once the commit is on the disk. A transaction has
  the writer for itself from its first statement to its end. Reads run at the same time, on connections of
  their own, and see the last commit.

  One deadline (`timeout:`) covers everything that a call waits for. An error says what held it up.
  [Architecture](architecture.md) has more.

  ## Types

  The declared type of a column decides which values it holds in Elixir. In the file all of them are
  values that any other SQLite program can read.

  | declared as | in Elixir | in the file |
  |---|---|---|
  | `TEXT` | string; an atom is stored by its name | text |
  | `UUID_TEXT` | string | text, 36 lower-case characters |
  | `INTEGER` | integer of 64 bits | integer |
  | `REAL` | float | real |
  | `DECIMAL_TEXT` | `Decimal`, or a string where that package is missing | text, exact |
  | `BOOLEAN_INT` | boolean | 0 or 1 |
  | `DATETIME_TEXT`, `DATETIME_USEC_TEXT` | `DateTime` in UTC | text, ISO 8601 |
  | `NAIVE_DATETIME_TEXT`, `NAIVE_DATETIME_USEC_TEXT` | `NaiveDateTime` | text, ISO 8601 |
  | `DATE_TEXT`, `TIME_TEXT`, `TIME_USEC_TEXT` | `Date`, `Time` | text, ISO 8601 |
  | `JSON_TEXT` | map, list and what is in them | JSON, or a blob where JSON is not exact |
  | `BLOB` | binary | blob |
  """

  @doc """
  The versions of the engine and of its SQLite, and how the native code was built:

    * `:engine`, `:sqlite` - the versions
    * `:layout` - a number: native code can be replaced in a running VM by code of the same layout
    * `:profile` - `"release"`, or `"development"`, which is built in seconds and runs slower

  For example:

      iex> [major | _] = String.split(AshRusqlite.versions().sqlite, ".")
      iex> major
      "3"
  """
  @spec versions() :: %{
          engine: String.t(),
          sqlite: String.t(),
          layout: integer(),
          profile: String.t()
        }
  defdelegate versions(), to: AshRusqlite.Repo.Maintenance

  @explain AshRusqlite.DataLayer.Explain
  @compile {:no_warn_undefined, @explain}

  @doc """
  Which part of an Ash query is SQL, and why the rest is not. It takes a query, or a resource for a read
  without conditions, and does not run it. Policies of the actor, pages and loads are taken into account.

    * `:sql` - the statement; of a combination one for each part, each on a line of its own
    * `:plan` - SQLite's query plan, a line for each step
    * `:residual` - what is left to Elixir, as `{part, reason}`; `[]` when SQLite does it all

  Options are those of `Ash.read/2`, such as `actor:`, `tenant:`, `authorize?:`, `page:` and `load:`.
  Errors are those of the read, such as that of a policy that requires an actor. Hooks that run before the
  read's action run here, too.

  It needs Ash: without it, it raises `UndefinedFunctionError`.

      {:ok, explained} = AshRusqlite.explain(Ash.Query.filter(MyApp.Room, hidden == false))
      explained.residual
      #=> []

      AshRusqlite.explain(MyApp.Message, actor: user, page: [limit: 20])
  """
  @spec explain(query :: term(), keyword()) ::
          {:ok, %{sql: String.t(), plan: [String.t()], residual: [{atom(), String.t()}]}}
          | {:error, term()}
  def explain(query, opts \\ []), do: @explain.explain(query, opts)

  @index_advice AshRusqlite.DataLayer.Schema.IndexAdvice
  @compile {:no_warn_undefined, @index_advice}

  @doc """
  Indexes that a running repo lacks: for foreign keys that no index begins with, and for statements that
  looked at more rows than with an index. It has the result and the options of
  `AshRusqlite.Repo.Maintenance.advise/2`. `mix ash_rusqlite.advise` prints it.

  With Ash, the `belongs_to` relationships of the repo's resources count as foreign keys, too, and each
  index has two more keys:

    * `:resource` - the resource of the table, or nil
    * `:custom_index` - the line of its `custom_indexes`, or nil

  For example:

        {:ok, %{statements: [statement | _]}} = AshRusqlite.advise(MyApp.Repo)
        for index <- statement.indexes, do: {index.resource, index.custom_index}
        #=> [{MyApp.Message, "index [:room_id, :created_at]"}]
  """
  @spec advise(AshRusqlite.Repo.repo(), keyword()) ::
          {:ok, %{foreign_keys: [map()], statements: [map()]}} | {:error, AshRusqlite.Error.t()}
  def advise(repo, opts \\ []) do
    with {:ok, advice} <- AshRusqlite.Repo.Maintenance.advise(repo, opts) do
      if Code.ensure_loaded?(@index_advice),
        do: {:ok, @index_advice.complete(advice, repo)},
        else: {:ok, advice}
    end
  end

  @beyond_json AshRusqlite.DataLayer.Check.BeyondJson
  @compile {:no_warn_undefined, @beyond_json}

  @doc """
  The values of Ash resources that JSON cannot hold, such as maps with atom keys, tuples and structs.
  Another program, or AshSqlite, could not read these values. The result is a stream, which searches page
  by page as it runs, and does not read the values that JSON holds.

  Each is a map of

    * `:resource`, `:table`, `:column`
    * `:key` - the primary key, by attribute and as it is stored
    * `:why` - what of the value JSON cannot hold, and where in it

  Options:

    * `tenant:` - for a resource with a table for each tenant
    * `table:` - for a polymorphic resource
    * `progress:` - a function that gets the map of `AshRusqlite.Progress` after every 1,000 rows

  Raises Ash's error where a resource has no table. It needs Ash: without it, it raises
  `UndefinedFunctionError`. `mix ash_rusqlite.check --json` prints these values of all resources of a repo.

      [MyApp.Person] |> AshRusqlite.beyond_json() |> Enum.take(1)
      #=> [%{resource: MyApp.Person, table: "people", key: %{id: 7}, column: :bio,
      #=>    why: "the key :tone"}]
  """
  @spec beyond_json(resource_or_resources :: module() | [module()], keyword()) ::
          Enumerable.t(%{
            resource: module(),
            table: String.t(),
            key: map(),
            column: atom(),
            why: String.t()
          })
  def beyond_json(resources, opts \\ []), do: @beyond_json.stream(resources, opts)

  @unreadable AshRusqlite.DataLayer.Check.UnreadableValues
  @compile {:no_warn_undefined, @unreadable}

  @doc """
  The values of Ash resources that cannot be read, so that every read of their row fails with
  `AshRusqlite.DataLayer.UnreadableValue`. The result is a stream, which searches page by page as it runs.

  Each is a map of

    * `:resource`, `:table`, `:column`
    * `:key` - the primary key, by attribute and as it is stored
    * `:value` - what is stored, shortened; nil where the attribute is sensitive, or the engine
      could not read it
    * `:why` - the reason

  Options:

    * `tenant:` - for a resource with a table for each tenant
    * `table:` - for a polymorphic resource
    * `progress:` - a function that gets the map of `AshRusqlite.Progress` after every 500 rows

  Raises Ash's error where a resource has no table. It needs Ash: without it, it raises
  `UndefinedFunctionError`. `mix ash_rusqlite.check --unreadable` prints these values of all resources of a
  repo, and `AshRusqlite.Repo.Unreadable` finds those of any table.

  A query can be made to read the other rows nevertheless:

      Ash.read!(MyApp.Note, context: %{data_layer: %{unreadable: :skip}})

    * `:error` - the read fails. The default
    * `:skip` - such rows are left out, after `limit:` and `offset:`, so a page may be shorter. Counts by
      SQLite include them
    * `:not_loaded` - the field is `%Ash.NotLoaded{}`. Such a record can be updated and destroyed

  The log has the number of these rows, and `AshRusqlite.Telemetry` an event. A bulk destroy reads with
  `:not_loaded` by default, so that such rows can be destroyed.

  For example:

      Enum.to_list(AshRusqlite.unreadable(MyApp.Person))
      #=> [%{resource: MyApp.Person, table: "people", key: %{id: 7}, column: :group,
      #=>    value: "\"frends\"", why: "it cannot be read as MyApp.Group"}]
  """
  @spec unreadable(resource_or_resources :: module() | [module()], keyword()) ::
          Enumerable.t(%{
            resource: module(),
            table: String.t(),
            key: map(),
            column: atom(),
            value: String.t() | nil,
            why: String.t()
          })
  def unreadable(resources, opts \\ []), do: @unreadable.stream(resources, opts)
end
