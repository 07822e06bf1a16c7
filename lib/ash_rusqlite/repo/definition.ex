defmodule AshRusqlite.Repo.Definition do
  @moduledoc false
  # The functions of a repo module: each passes the repo that the process speaks with on to
  # the module that does the work.

  @doc false
  defmacro __using__(opts) do
    quote bind_quoted: [opts: opts] do
      @behaviour AshRusqlite.Repo

      alias AshRusqlite.Repo.{Configuration, Maintenance, Reads, Server, Transaction, Writes}

      @otp_app Configuration.otp_app!(opts)
      # Of the project whose repo this is: its tables follow its resources while it is developed.
      @auto_migrate Configuration.developed?()

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

      @impl AshRusqlite.Repo
      def stop(timeout \\ :infinity), do: AshRusqlite.Repo.stop(get_dynamic_repo(), timeout)

      @impl AshRusqlite.Repo
      def config, do: Configuration.current(get_dynamic_repo(), __MODULE__, @otp_app)

      @impl AshRusqlite.Repo
      def get_dynamic_repo, do: Process.get({__MODULE__, :dynamic_repo}, __MODULE__)

      @impl AshRusqlite.Repo
      def put_dynamic_repo(repo) when is_atom(repo) or is_pid(repo) do
        Process.put({__MODULE__, :dynamic_repo}, repo) || __MODULE__
      end

      @impl AshRusqlite.Repo
      def all(table, opts \\ []), do: Reads.all(get_dynamic_repo(), table, opts)

      @impl AshRusqlite.Repo
      def one(table, opts \\ []), do: Reads.one(get_dynamic_repo(), table, opts)

      @impl AshRusqlite.Repo
      def one!(table, opts \\ []), do: Reads.one!(get_dynamic_repo(), table, opts)

      @impl AshRusqlite.Repo
      def get(table, key, opts \\ []), do: Reads.get(get_dynamic_repo(), table, key, opts)

      @impl AshRusqlite.Repo
      def get!(table, key, opts \\ []), do: Reads.get!(get_dynamic_repo(), table, key, opts)

      @impl AshRusqlite.Repo
      def get_by(table, where, opts \\ []),
        do: Reads.get_by(get_dynamic_repo(), table, where, opts)

      @impl AshRusqlite.Repo
      def get_by!(table, where, opts \\ []),
        do: Reads.get_by!(get_dynamic_repo(), table, where, opts)

      @impl AshRusqlite.Repo
      def count(table, opts \\ []), do: Reads.count(get_dynamic_repo(), table, opts)

      @impl AshRusqlite.Repo
      def aggregate(table, function, column, opts \\ []),
        do: Reads.aggregate(get_dynamic_repo(), table, function, column, opts)

      @impl AshRusqlite.Repo
      def exists?(table, opts \\ []), do: Reads.exists?(get_dynamic_repo(), table, opts)

      @impl AshRusqlite.Repo
      def stream(table, opts \\ []), do: Reads.stream(get_dynamic_repo(), table, opts)

      @impl AshRusqlite.Repo
      def explain(table, opts \\ []), do: Reads.explain(get_dynamic_repo(), table, opts)

      @impl AshRusqlite.Repo
      def query(sql, params \\ [], opts \\ []),
        do: Reads.query(get_dynamic_repo(), sql, params, opts)

      @impl AshRusqlite.Repo
      def query!(sql, params \\ [], opts \\ []),
        do: Reads.query!(get_dynamic_repo(), sql, params, opts)

      @impl AshRusqlite.Repo
      def insert(table, fields, opts \\ []),
        do: Writes.insert(get_dynamic_repo(), table, fields, opts)

      @impl AshRusqlite.Repo
      def insert!(table, fields, opts \\ []),
        do: Writes.insert!(get_dynamic_repo(), table, fields, opts)

      @impl AshRusqlite.Repo
      def upsert(table, fields, opts \\ []),
        do: Writes.upsert(get_dynamic_repo(), table, fields, opts)

      @impl AshRusqlite.Repo
      def upsert!(table, fields, opts \\ []),
        do: Writes.upsert!(get_dynamic_repo(), table, fields, opts)

      @impl AshRusqlite.Repo
      def update(table, key, changes, opts \\ []),
        do: Writes.update(get_dynamic_repo(), table, key, changes, opts)

      @impl AshRusqlite.Repo
      def update!(table, key, changes, opts \\ []),
        do: Writes.update!(get_dynamic_repo(), table, key, changes, opts)

      @impl AshRusqlite.Repo
      def delete(table, key, opts \\ []),
        do: Writes.delete(get_dynamic_repo(), table, key, opts)

      @impl AshRusqlite.Repo
      def delete!(table, key, opts \\ []),
        do: Writes.delete!(get_dynamic_repo(), table, key, opts)

      @impl AshRusqlite.Repo
      def insert_all(table, rows, opts \\ []),
        do: Writes.insert_all(get_dynamic_repo(), table, rows, opts)

      @impl AshRusqlite.Repo
      def update_all(table, updates, opts \\ []),
        do: Writes.update_all(get_dynamic_repo(), table, updates, opts)

      @impl AshRusqlite.Repo
      def delete_all(table, opts \\ []), do: Writes.delete_all(get_dynamic_repo(), table, opts)

      @impl AshRusqlite.Repo
      def transaction(fun, opts \\ []) do
        Transaction.transaction(get_dynamic_repo(), Transaction.bind(fun, __MODULE__), opts)
      end

      @impl AshRusqlite.Repo
      def savepoint(fun, opts \\ []) do
        Transaction.savepoint(get_dynamic_repo(), Transaction.bind(fun, __MODULE__), opts)
      end

      @impl AshRusqlite.Repo
      def rollback(reason), do: Transaction.rollback(get_dynamic_repo(), reason)

      @impl AshRusqlite.Repo
      def in_transaction?, do: Transaction.in_transaction?(get_dynamic_repo())

      @impl AshRusqlite.Repo
      def migrate(opts \\ []), do: Maintenance.migrate(get_dynamic_repo(), opts)

      @impl AshRusqlite.Repo
      def migrate!(opts \\ []), do: Maintenance.migrate!(get_dynamic_repo(), opts)

      @impl AshRusqlite.Repo
      def rollback_migration(opts \\ []),
        do: Maintenance.rollback_migration(get_dynamic_repo(), opts)

      @impl AshRusqlite.Repo
      def rollback_migration!(opts \\ []),
        do: Maintenance.rollback_migration!(get_dynamic_repo(), opts)

      @impl AshRusqlite.Repo
      def migrations(opts \\ []), do: Maintenance.migrations(get_dynamic_repo(), opts)

      @impl AshRusqlite.Repo
      def migrations!(opts \\ []), do: Maintenance.migrations!(get_dynamic_repo(), opts)

      @impl AshRusqlite.Repo
      def backup(path, opts \\ []), do: Maintenance.backup(get_dynamic_repo(), path, opts)

      @impl AshRusqlite.Repo
      def backup!(path, opts \\ []), do: Maintenance.backup!(get_dynamic_repo(), path, opts)

      @impl AshRusqlite.Repo
      def restore(path, opts \\ []), do: Maintenance.restore(get_dynamic_repo(), path, opts)

      @impl AshRusqlite.Repo
      def restore!(path, opts \\ []), do: Maintenance.restore!(get_dynamic_repo(), path, opts)

      @impl AshRusqlite.Repo
      def check(opts \\ []), do: Maintenance.check(get_dynamic_repo(), opts)

      @impl AshRusqlite.Repo
      def checkpoint(mode \\ :passive, opts \\ []),
        do: Maintenance.checkpoint(get_dynamic_repo(), mode, opts)

      @impl AshRusqlite.Repo
      def vacuum(opts \\ []), do: Maintenance.vacuum(get_dynamic_repo(), opts)

      @impl AshRusqlite.Repo
      def stats, do: Maintenance.stats(get_dynamic_repo())

      defoverridable child_spec: 1
    end
  end
end
