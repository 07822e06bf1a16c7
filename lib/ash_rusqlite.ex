defmodule AshRusqlite do
  @moduledoc """
  SQLite for Elixir on an engine written in Rust: many processes read and write one file,
  a write that was answered survives a power loss, and nothing waits on "database is busy".

      defmodule MyApp.Repo do
        use AshRusqlite.Repo, otp_app: :my_app
      end

      {:ok, _pid} = MyApp.Repo.start_link(database: "chat.db", migrations: "migrations")
      {:ok, _applied} = MyApp.Repo.migrate()
      {:ok, room} = MyApp.Repo.insert(:rooms, %{id: "kitchen", title: "Kitchen"})
      [room] = MyApp.Repo.all(:rooms, where: [hidden: false], order_by: :title)

  ## Where to read on

    * `AshRusqlite.Repo` - everything that a repo does, its queries and its options
    * `AshRusqlite.DataLayer` - the same for Ash, where Ash is
    * `AshRusqlite.Migrator` - migrations in plain SQL
    * `AshRusqlite.Repo.Schema` - tables that follow a description, without migrations
    * `AshRusqlite.Repo.StoredAtoms` - atoms in stored values, and how many may be made
    * `AshRusqlite.Repo.Unreadable` - stored values that cannot be read, and how to find them
    * `AshRusqlite.Error` - what may go wrong, as codes
    * `AshRusqlite.Telemetry` - the events it emits
    * `mix help ash_rusqlite.migrate` and its neighbours - the same from the shell

  ## How it works

  Each database has one writer, a thread of its own. Writes of all processes queue there and
  share commits; the answer comes as a message when the commit is on the medium. A
  transaction owns the writer from its first statement to its end. Reads run at the same
  time on connections of their own and see the last commit. One deadline (`timeout:`) covers
  everything that a call waits for, and an error says who was in the way.

  ## Types

  The declared type of a column says what its values are in Elixir. All of them are plain
  SQLite: any tool can read the file.

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
  The versions of the engine and of the SQLite that it contains, the layout number by which a reload
  of native code checks that it may take over, and the profile that the native code was built with:
  `"development"` (in dev: built in seconds, slower) or `"release"`.

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
  What becomes of an Ash query, or of the plain read of a resource, without running it: with what
  policies add for the actor, with what is loaded, and of a page if one is asked for.

    * `:sql` - the statement; of a combination one for each part, each on a line of its own
    * `:plan` - SQLite's query plan, a line for each step
    * `:residual` - what is left to Elixir, as `{part, reason}`; `[]` when SQLite does it all

  Options are those of `Ash.read/2`, such as `actor:`, `tenant:`, `authorize?:`, `page:` and `load:`.
  An error is that which the read would give, as where nobody may read without an actor. Hooks that
  run before the read's action run here too. Only where Ash is: otherwise it raises
  `UndefinedFunctionError`.

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
  Indexes that a running repo lacks: for foreign keys that no index begins with, and for the
  statements that looked at more rows than an index would lead to. What it returns and its options
  are those of `AshRusqlite.Repo.Maintenance.advise/2`. `mix ash_rusqlite.advise` prints them.

  Where Ash is, the `belongs_to` relationships of the repo's resources count as foreign keys, and each
  index has two keys more:

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
  The values of Ash resources that JSON cannot hold, such as maps with atoms for keys, tuples and
  structs: what another program, or AshSqlite, could not read of their tables. They are found while
  the stream runs, page by page; the values that JSON holds are not even read.

  Each is a map of

    * `:resource`, `:table`, `:column`
    * `:key` - the primary key, by attribute and as it is stored
    * `:why` - what of the value JSON cannot hold, and where in it

  Options:

    * `tenant:` - for a resource with a table for each tenant
    * `table:` - for a polymorphic resource
    * `progress:` - a function that gets the map of `AshRusqlite.Progress` after every 1,000 rows

  Raises Ash's error where a resource has no table. Only where Ash is: otherwise it raises
  `UndefinedFunctionError`. `mix ash_rusqlite.check --json` prints them for all resources of a repo.

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
  The values of Ash resources that cannot be read, and make every read of their row fail with
  `AshRusqlite.DataLayer.UnreadableValue`. They are found while the stream runs, page by page.

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

  Raises Ash's error where a resource has no table. Only where Ash is: otherwise it raises
  `UndefinedFunctionError`. `mix ash_rusqlite.check --unreadable` prints them for all resources of a
  repo, and `AshRusqlite.Repo.Unreadable` finds those of any table.

  Meanwhile a query says what becomes of such rows:

      Ash.read!(MyApp.Note, context: %{data_layer: %{unreadable: :skip}})

    * `:error` - the read fails. The default
    * `:skip` - they are left out, after `limit:` and `offset:`, so that a page may be shorter; what
      SQLite counts has them
    * `:not_loaded` - the field is `%Ash.NotLoaded{}`. Such a record can be updated and destroyed

  The log says how many rows that were, and `AshRusqlite.Telemetry` has an event for it. A bulk
  destroy reads with `:not_loaded` unless it says otherwise, so that what cannot be read can be
  destroyed.

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
