defmodule AshRusqlite.Repo.Definition do
  @moduledoc false
  # The functions of a repo module: each passes the repo that the process speaks with on to
  # the module that does the work.

  alias AshRusqlite.Repo.{Events, Maintenance, Reads, Writes}

  # Where a function is, and its arguments between the repo and the options.
  @operations [
    {Reads, [:table], [:all, :one, :one!, :count, :exists?, :stream, :explain]},
    {Reads, [:table, :key], [:get, :get!]},
    {Reads, [:table, :where], [:get_by, :get_by!, :all_by]},
    {Reads, [:sql, params: []], [:query, :query!]},
    {Writes, [:sql, params: []], [:execute, :execute!]},
    {Writes, [:table, :fields], [:insert, :insert!, :upsert, :upsert!]},
    {Writes, [:table, :key, :changes], [:update, :update!]},
    {Writes, [:table, :key], [:delete, :delete!]},
    {Writes, [:table, :rows], [:insert_all]},
    {Writes, [:table, :updates], [:update_all]},
    {Writes, [:table], [:delete_all]},
    {Events, [], [:events, :stream_events, :head, :subscribe]},
    {Events, [:source], [:position]},
    {Maintenance, [], [:migrate, :migrate!, :rollback_migration, :rollback_migration!]},
    {Maintenance, [], [:migrations, :migrations!, :check, :vacuum]},
    {Maintenance, [:path], [:backup, :backup!, :restore, :restore!, :journal_rebuild]},
    {Maintenance, [], [:journal_verify]},
    {Maintenance, [], [:journal_baseline, :retain, :verify_chain]},
    {Maintenance, [:table, :rows], [:redact]},
    {Maintenance, [mode: :passive], [:checkpoint]}
  ]

  @doc "The functions that are passed on: `{module, arguments, names}`."
  @spec operations() :: [{module(), [atom() | {atom(), term()}], [atom()]}]
  def operations, do: @operations

  @doc "Arguments as the head of a function has them, and as they are passed on."
  @spec arguments([atom() | {atom(), term()}]) :: {[Macro.t()], [Macro.t()]}
  def arguments(arguments) do
    given =
      for argument <- arguments do
        case argument do
          {name, default} -> {:\\, [], [Macro.var(name, nil), default]}
          name -> Macro.var(name, nil)
        end
      end

    {given, for(argument <- arguments, do: argument |> name() |> Macro.var(nil))}
  end

  defp name({name, _default}), do: name
  defp name(name), do: name

  @doc "What the callbacks of a repo say of each of its functions, by name and arity."
  @spec docs() :: %{{atom(), arity()} => String.t()}
  def docs do
    written = written(Code.fetch_docs(AshRusqlite.Repo))

    for {name, arity} <- AshRusqlite.Repo.behaviour_info(:callbacks), into: %{} do
      {{name, arity}, written[{name, arity}] || "See `c:AshRusqlite.Repo.#{name}/#{arity}`."}
    end
  end

  # They were not kept where the library was compiled without them, or is being compiled.
  defp written({:docs_v1, _, _, "text/markdown", _, _, docs}) do
    for {{:callback, name, arity}, _, _, %{"en" => doc}, _} <- docs, into: %{} do
      # Here a callback is a function of another module.
      {{name, arity}, Regex.replace(~r/`c:(?=[a-z])/, doc, "`c:AshRusqlite.Repo.")}
    end
  end

  defp written(_none), do: %{}

  @doc false
  defmacro __using__(opts) do
    quote bind_quoted: [opts: opts] do
      @behaviour AshRusqlite.Repo

      alias AshRusqlite.Repo.{Configuration, Definition, Maintenance, Reads, Server, Transaction}
      alias AshRusqlite.Repo.WriteContext

      docs = Definition.docs()

      @otp_app Configuration.otp_app!(opts)
      # Of the project whose repo this is: its tables follow its resources while it is developed.
      @auto_migrate Configuration.developed?()
      @log Configuration.log_defaults()

      @doc docs[{:start_link, 1}]
      @impl AshRusqlite.Repo
      def start_link(opts \\ []) do
        with {:ok, options} <- Configuration.options(__MODULE__, @otp_app, opts, :supervisor) do
          Server.start_link(options)
        end
      end

      @doc false
      def child_spec(opts) do
        %{Server.child_spec(opts) | id: opts[:name] || __MODULE__}
        |> Map.put(:start, {__MODULE__, :start_link, [opts]})
      end

      @doc false
      def __auto_migrate__, do: @auto_migrate

      @doc false
      def __log__, do: @log

      @doc docs[{:stop, 1}]
      @impl AshRusqlite.Repo
      def stop(timeout \\ :infinity), do: AshRusqlite.Repo.stop(get_dynamic_repo(), timeout)

      @doc docs[{:config, 0}]
      @impl AshRusqlite.Repo
      def config, do: Configuration.current(get_dynamic_repo(), __MODULE__, @otp_app)

      @doc docs[{:get_dynamic_repo, 0}]
      @impl AshRusqlite.Repo
      def get_dynamic_repo, do: Process.get({__MODULE__, :dynamic_repo}, __MODULE__)

      @doc docs[{:put_dynamic_repo, 1}]
      @impl AshRusqlite.Repo
      def put_dynamic_repo(repo) when is_atom(repo) or is_pid(repo) do
        Process.put({__MODULE__, :dynamic_repo}, repo) || __MODULE__
      end

      for {module, arguments, names} <- Definition.operations(), name <- names do
        {given, passed} = Definition.arguments(arguments)

        @doc docs[{name, length(passed) + 1}]
        @impl AshRusqlite.Repo
        def unquote(name)(unquote_splicing(given), opts \\ []),
          do: unquote(module).unquote(name)(get_dynamic_repo(), unquote_splicing(passed), opts)
      end

      @doc docs[{:aggregate, 4}]
      @impl AshRusqlite.Repo
      def aggregate(table, function, column_or_opts \\ nil, opts \\ []),
        do: Reads.aggregate(get_dynamic_repo(), table, function, column_or_opts, opts)

      @doc docs[{:transaction, 2}]
      @impl AshRusqlite.Repo
      def transaction(fun, opts \\ []) do
        Transaction.transaction(get_dynamic_repo(), Transaction.bind(fun, __MODULE__), opts)
      end

      @doc docs[{:transact, 2}]
      @impl AshRusqlite.Repo
      def transact(fun, opts \\ []) do
        Transaction.transact(get_dynamic_repo(), Transaction.bind(fun, __MODULE__), opts)
      end

      @doc docs[{:savepoint, 2}]
      @impl AshRusqlite.Repo
      def savepoint(fun, opts \\ []) do
        Transaction.savepoint(get_dynamic_repo(), Transaction.bind(fun, __MODULE__), opts)
      end

      @doc docs[{:rollback, 1}]
      @impl AshRusqlite.Repo
      def rollback(reason), do: Transaction.rollback(get_dynamic_repo(), reason)

      @doc docs[{:in_transaction?, 0}]
      @impl AshRusqlite.Repo
      def in_transaction?, do: Transaction.in_transaction?(get_dynamic_repo())

      @doc docs[{:unsubscribe, 1}]
      @impl AshRusqlite.Repo
      def unsubscribe(subscription),
        do: AshRusqlite.Repo.Events.unsubscribe(get_dynamic_repo(), subscription)

      @doc docs[{:with_actor, 3}]
      @impl AshRusqlite.Repo
      def with_actor(actor, opts \\ [], fun) do
        fun = Transaction.bind(fun, __MODULE__)
        WriteContext.with_actor(get_dynamic_repo(), actor, opts, fun)
      end

      @doc docs[{:stats, 0}]
      @impl AshRusqlite.Repo
      def stats, do: Maintenance.stats(get_dynamic_repo())

      defoverridable child_spec: 1
    end
  end
end
