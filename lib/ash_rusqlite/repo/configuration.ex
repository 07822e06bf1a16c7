defmodule AshRusqlite.Repo.Configuration do
  @moduledoc false
  # Where the options of a repo come from, and what Elixir makes of them before the engine
  # checks them.

  alias AshRusqlite.{Error, Native, Package, Telemetry}
  alias AshRusqlite.Repo.{Call, EctoOptions, Options, Registry}

  # What the engine does not know.
  @own_options [:otp_app, :name, :telemetry_prefix, :auto_migrate, :like, :log, :log_start]

  # What it does know, and checks. A misspelt name is reported before a wrong value or a missing option.
  @engine_options [
    :database,
    :migrations,
    :busy_timeout,
    :transaction_timeout,
    :synchronous,
    :durable_reads,
    :read_only,
    :create,
    :readers,
    :queue_limit,
    :max_batch,
    :cache_size,
    :statement_cache_size,
    :log_size_limit,
    :wal_autocheckpoint,
    :journal_size_limit,
    :mmap_size,
    :temp_store,
    :decimal
  ]

  @doc "The names of the options that the engine checks."
  @spec engine_options() :: [atom()]
  def engine_options, do: @engine_options

  @doc "The application of `use AshRusqlite.Repo, otp_app: …`."
  @spec otp_app!(keyword()) :: atom()
  def otp_app!(opts) do
    case Keyword.fetch(opts, :otp_app) do
      {:ok, app} when is_atom(app) -> app
      _ -> raise ArgumentError, "expected otp_app: to be given to `use AshRusqlite.Repo`"
    end
  end

  @doc """
  Whether Mix compiles for dev or test. It may be on the code path and not run, as in a script of
  `elixir`.
  """
  @spec developed?() :: boolean()
  def developed?, do: compiled_for() in [:dev, :test]

  @doc "What a repo module logs by default, which depends on the environment of Mix that compiles it."
  @spec log_defaults() :: keyword()
  def log_defaults do
    case compiled_for() do
      :dev -> [log: :debug, log_start: :info]
      :test -> [log: false, log_start: false]
      _ -> [log: false, log_start: :info]
    end
  end

  defp compiled_for do
    if List.keymember?(Application.started_applications(), :mix, 0), do: Mix.env()
  end

  @doc "The options of a repo module: its environment, then `opts`, then its `init/2`."
  @spec options(module(), atom(), keyword(), :supervisor | :runtime) :: {:ok, keyword()} | :ignore
  def options(module, otp_app, opts, reason) do
    options =
      ([name: module, otp_app: otp_app, auto_migrate: module.__auto_migrate__()] ++
         module.__log__())
      |> Keyword.merge(default_migrations(module, otp_app))
      |> Keyword.merge(Application.get_env(otp_app, module, []))
      |> Keyword.merge(opts)

    if Code.ensure_loaded?(module) and function_exported?(module, :init, 2),
      do: module.init(reason, options),
      else: {:ok, options}
  end

  defp default_migrations(module, otp_app) do
    case :code.priv_dir(otp_app) do
      {:error, :bad_name} ->
        []

      priv ->
        [migrations: Path.join(priv, default_folder(module))]
    end
  end

  @doc """
  The folder of a repo module's migrations in `priv`, unless the option `migrations:` names another.

      iex> AshRusqlite.Repo.Configuration.default_folder(MyApp.Repo)
      "repo/migrations"
  """
  @spec default_folder(module()) :: Path.t()
  def default_folder(module) do
    name = module |> Module.split() |> List.last() |> Macro.underscore()
    Path.join(name, "migrations")
  end

  @doc "The options of a running repo, otherwise the configured ones."
  @spec current(AshRusqlite.Repo.repo(), module(), atom()) :: keyword()
  def current(repo, module, otp_app) do
    with {:ok, entry} <- Registry.lookup(repo),
         {:ok, options} <- Registry.with_current(entry, entry.timeout, &config/2) do
      Keyword.merge(options, name: entry.repo, otp_app: otp_app)
    else
      _ ->
        case options(module, otp_app, [], :runtime) do
          {:ok, options} -> options
          :ignore -> []
        end
    end
  end

  defp config(entry, _left), do: Call.now(Native.config(entry.db))

  @doc "The name that a repo's process gets."
  @spec name(keyword()) :: {:ok, atom()} | {:error, Error.t()}
  def name(options) do
    if Keyword.keyword?(options) do
      case Keyword.get(options, :name) do
        name when is_atom(name) -> {:ok, name}
        name -> Options.wrong(:name, name, "an atom")
      end
    else
      Options.known(options, [], [])
    end
  end

  @doc "The path, the options for the engine and the telemetry prefix; the folder is created."
  @spec resolve(keyword()) :: {:ok, String.t(), keyword(), [atom()]} | {:error, Error.t()}
  def resolve(options) do
    {own, engine} = Keyword.split(options, @own_options)

    with :ok <- known(options),
         {:ok, prefix} <- telemetry_prefix(own),
         :ok <- auto_migrate(own),
         :ok <- like(own),
         {:ok, _log} <- log(own),
         :ok <- log_start(own),
         {:ok, engine} <- migrations(engine),
         {:ok, path} <- database(engine),
         :ok <- create_folder(path, engine) do
      # Decimals come back as %Decimal{} where that package is there.
      decimal? = Package.available?(Decimal)
      engine = engine |> Keyword.put(:database, path) |> Keyword.put_new(:decimal, decimal?)
      {:ok, path, engine, prefix}
    end
  end

  defp known(options) do
    known = @own_options ++ @engine_options

    with true <- Keyword.keyword?(options),
         {:error, error} <- EctoOptions.check(options, known) do
      {:error, error}
    else
      _ -> Options.known(options, known, [])
    end
  end

  defp telemetry_prefix(own) do
    prefix = Keyword.get(own, :telemetry_prefix, Telemetry.default_prefix())

    if is_list(prefix) and Enum.all?(prefix, &is_atom/1),
      do: {:ok, prefix},
      else: Options.wrong(:telemetry_prefix, prefix, "a list of atoms")
  end

  defp auto_migrate(own) do
    case Keyword.get(own, :auto_migrate, false) do
      value when is_boolean(value) -> :ok
      other -> Options.wrong(:auto_migrate, other, "true or false")
    end
  end

  defp like(own) do
    case Keyword.get(own, :like, :ash_sqlite) do
      whose when whose in [:ash_sqlite, :sqlite] -> :ok
      other -> Options.wrong(:like, other, ":ash_sqlite or :sqlite")
    end
  end

  @expected_log "false, a level such as :debug, or [slow: milliseconds, level: :warning]"

  @doc "From which time on a statement is logged, in native units, and at which level."
  @spec log(keyword()) :: {:ok, AshRusqlite.Repo.QueryLog.log()} | {:error, Error.t()}
  def log(options) do
    log = Keyword.get(options, :log, false)

    cond do
      log == false -> {:ok, false}
      level?(log) -> {:ok, {log, 0}}
      Keyword.keyword?(log) -> slow(log)
      true -> Options.wrong(:log, log, @expected_log)
    end
  end

  defp slow(log) do
    ms = Keyword.get(log, :slow, 0)
    level = Keyword.get(log, :level, if(ms == 0, do: :debug, else: :warning))

    if Keyword.drop(log, [:slow, :level]) == [] and level?(level) and is_integer(ms) and ms >= 0,
      do: {:ok, {level, System.convert_time_unit(ms, :millisecond, :native)}},
      else: Options.wrong(:log, log, @expected_log)
  end

  defp log_start(own) do
    level = Keyword.get(own, :log_start, false)

    if level == false or level?(level),
      do: :ok,
      else: Options.wrong(:log_start, level, "false, or a level such as :info")
  end

  @levels [:emergency, :alert, :critical, :error, :warning, :notice, :info, :debug]

  defp level?(level), do: level in @levels

  defp migrations(options) do
    case Keyword.get(options, :migrations) do
      nil ->
        {:ok, Keyword.delete(options, :migrations)}

      path when is_binary(path) and path != "" ->
        {:ok, Keyword.put(options, :migrations, Path.expand(path))}

      {app, path} = given when is_atom(app) and is_binary(path) ->
        case :code.lib_dir(app) do
          {:error, :bad_name} -> wrong_migrations(given)
          folder -> {:ok, Keyword.put(options, :migrations, Path.join(folder, path))}
        end

      other ->
        wrong_migrations(other)
    end
  end

  defp wrong_migrations(value) do
    Options.wrong(:migrations, value, "the path of a folder, or {app, path in the app}")
  end

  defp database(options) do
    case Keyword.fetch(options, :database) do
      {:ok, ":memory:"} ->
        {:ok, ":memory:"}

      {:ok, path} when is_binary(path) and path != "" ->
        {:ok, Path.expand(path)}

      {:ok, other} ->
        Options.wrong(:database, other, "the path of a file, or \":memory:\"")

      :error ->
        message = "the option database: is missing; give the path of the file, or \":memory:\""
        {:error, Error.new(:invalid_option, message, %{option: "database"})}
    end
  end

  defp create_folder(":memory:", _options), do: :ok

  defp create_folder(path, options) do
    folder = Path.dirname(path)

    with true <- Keyword.get(options, :create, true) == true,
         false <- Keyword.get(options, :read_only, false) == true,
         {:error, reason} <- File.mkdir_p(folder) do
      message = "the folder #{folder} cannot be created: #{:file.format_error(reason)}"

      {:error,
       Error.new(:cannot_open, message, %{path: folder, os_error: Atom.to_string(reason)})}
    else
      _ -> :ok
    end
  end
end
