defmodule AshRusqlite.Repo.EctoOptions do
  @moduledoc false
  # The options of an Ecto repo on SQLite, so that the error for one in a configuration says what it
  # is here.

  alias AshRusqlite.Error

  @wal "the journal is always a write-ahead log here, which no other mode replaces"
  @pool "there is no pool to check out of: `busy_timeout:` is how long a call may wait and run"
  @types "the declared type of a column says how its values are stored, see the Repo guide"
  @client "there is no server: `database:` is the path of the file"
  @ledger "migrations are SQL files here, with a ledger of their own, see the migrations guide"
  @fixed "it is not to be set here"

  # The option that takes its place, or nil, and a sentence.
  @options [
    pool_size: {:readers, "`readers:` is how many connections read at the same time; one writes"},
    pool: {nil, @pool},
    pool_count: {nil, @pool},
    queue_target: {:busy_timeout, @pool},
    queue_interval: {:busy_timeout, @pool},
    timeout: {:busy_timeout, "`busy_timeout:` is how long a call may wait and run"},
    connect_timeout: {:busy_timeout, @pool},
    ownership_timeout: {:transaction_timeout, "`transaction_timeout:` ends a transaction"},
    idle_interval: {nil, @pool},
    idle_limit: {nil, @pool},
    configure: {nil, "`init/2` of the repo's module changes its options"},
    after_connect: {nil, "connections are set up alike; options set what may differ"},
    journal_mode: {nil, @wal},
    wal_auto_check_point: {:wal_autocheckpoint, "`wal_autocheckpoint:` is its name, in pages"},
    foreign_keys: {nil, "foreign keys are always enforced here"},
    locking_mode: {nil, "other processes may always use the file, too"},
    secure_delete: {nil, @fixed},
    auto_vacuum: {nil, "`vacuum` of the repo gives the space of deleted rows back"},
    cache_spill: {nil, @fixed},
    chunk_size: {nil, "`all` reads at once and `stream` takes `max_rows:`"},
    case_sensitive_like:
      {nil,
       "`like: :ash_sqlite`, the default, is case-sensitive in Ash's expressions; " <>
         "`like: :sqlite` does not"},
    custom_pragmas: {nil, "a connection's pragmas are set by options, the file's by migrations"},
    load_extensions: {nil, "extensions are not loaded here"},
    key: {nil, "files are not encrypted here"},
    hexkey: {nil, "files are not encrypted here"},
    soft_heap_limit: {:cache_size, "`cache_size:` bounds the memory of each connection"},
    hard_heap_limit: {:cache_size, "`cache_size:` bounds the memory of each connection"},
    mode: {:read_only, "`read_only: true` refuses every write"},
    default_transaction_mode: {nil, "a transaction takes the writer at its first statement"},
    prepare: {:statement_cache_size, "statements are kept, `statement_cache_size:` many"},
    cache_statements: {:statement_cache_size, "`statement_cache_size:` is how many are kept"},
    datetime_type: {nil, @types},
    uuid_type: {nil, @types},
    binary_id_type: {nil, @types},
    map_type: {nil, @types},
    array_type: {nil, @types},
    types: {nil, @types},
    json_library: {nil, "JSON is read and written by the engine"},
    stacktrace: {nil, "`log:` names the resource and the action that a query came from"},
    telemetry_event:
      {:telemetry_prefix, "`telemetry_prefix:` is what each event's name begins with"},
    show_sensitive_data_on_connection_error: {nil, "an error never shows what options hold"},
    adapter: {nil, "the repo is its own adapter"},
    url: {:database, @client},
    hostname: {:database, @client},
    port: {:database, @client},
    socket: {:database, @client},
    username: {:database, @client},
    password: {:database, @client},
    ssl: {:database, @client},
    parameters: {:database, @client},
    priv: {:migrations, "`migrations:` is the folder of the migrations"},
    migration_source: {nil, @ledger},
    migration_primary_key: {nil, @ledger},
    migration_foreign_key: {nil, @ledger},
    migration_timestamps: {nil, @ledger},
    migration_lock: {nil, "migrations wait for the writer as every write does"},
    migration_repo: {nil, @ledger},
    migration_default_prefix: {nil, @ledger},
    start_apps_before_migration: {nil, @ledger},
    default_dynamic_repo: {nil, "`put_dynamic_repo/1` chooses the repo of a process"}
  ]

  @doc "The names of these options."
  @spec names() :: [atom()]
  def names, do: Keyword.keys(@options)

  @doc "The error for the first of these among options that are none here."
  @spec check(keyword(), [atom()]) :: :ok | {:error, Error.t()}
  def check(options, known) do
    case Enum.find(options, fn {name, _} -> name not in known and @options[name] != nil end) do
      nil -> :ok
      {name, _value} -> {:error, error(name, @options[name])}
    end
  end

  defp error(name, {instead, sentence}) do
    message = "unknown option #{name}: it is one of Ecto's and its adapter's; #{sentence}"
    details = %{option: Atom.to_string(name)}
    details = if instead, do: Map.put(details, :nearest, Atom.to_string(instead)), else: details
    Error.new(:invalid_option, message, details)
  end
end
