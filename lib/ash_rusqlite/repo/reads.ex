defmodule AshRusqlite.Repo.Reads do
  @moduledoc """
  Reads of the repo that is given by name or pid. A repo module has the same functions
  without the first argument, documented at `AshRusqlite.Repo`; conditions and the other
  options of a query are documented at `m:AshRusqlite.Repo#module-queries`.
  """

  use AshRusqlite.Repo.Operations

  alias AshRusqlite.{Error, Result}
  alias AshRusqlite.Repo.{AsOf, Expression, Options, Pages, Request, Statement}

  @typep repo :: AshRusqlite.Repo.repo()
  @typep table :: AshRusqlite.Repo.table()
  @typep row :: AshRusqlite.Repo.row()

  @doc "See `c:AshRusqlite.Repo.all/2`."
  def all(repo, table, opts \\ []), do: read!(repo, opts, &Request.all(table, &1))

  @doc "See `c:AshRusqlite.Repo.one/2`."
  def one(repo, table, opts \\ []) do
    case read!(repo, opts, &Request.all(table, Keyword.put_new(&1, :limit, 2))) do
      [] ->
        nil

      [row] ->
        row

      _ ->
        message = "expected at most one row of #{table}, got more: give limit: 1, or use all"
        raise Error.new(:invalid_query, message, %{table: to_string(table)})
    end
  end

  @doc "See `c:AshRusqlite.Repo.one!/2`."
  def one!(repo, table, opts \\ []) do
    one(repo, table, opts) || raise not_found(table, Keyword.get(opts, :where, []))
  end

  @doc "See `c:AshRusqlite.Repo.get/3`."
  def get(repo, table, key, opts \\ []) do
    case get_row(repo, table, key, opts) do
      {:ok, row} -> row
      {:error, error} -> raise error
    end
  end

  @doc "See `c:AshRusqlite.Repo.get!/3`."
  def get!(repo, table, key, opts \\ []) do
    get(repo, table, key, opts) || raise not_found(table, key)
  end

  @doc "See `c:AshRusqlite.Repo.get_by/3`."
  def get_by(repo, table, where, opts \\ []), do: one(repo, table, [where: where] ++ opts)

  @doc "See `c:AshRusqlite.Repo.get_by!/3`."
  def get_by!(repo, table, where, opts \\ []), do: one!(repo, table, [where: where] ++ opts)

  @doc "See `c:AshRusqlite.Repo.all_by/3`."
  def all_by(repo, table, where, opts \\ []), do: all(repo, table, [where: where] ++ opts)

  @doc "See `c:AshRusqlite.Repo.count/2`."
  def count(repo, table, opts \\ []), do: aggregate(repo, table, :count, nil, opts)

  @doc "See `c:AshRusqlite.Repo.aggregate/4`."
  def aggregate(repo, table, function, column \\ nil, opts \\ [])

  def aggregate(repo, table, function, opts, []) when is_list(opts),
    do: aggregate(repo, table, function, nil, opts)

  def aggregate(repo, table, function, column, opts) do
    read!(repo, opts, &Request.aggregate(table, function, column, &1))
  end

  @doc "See `c:AshRusqlite.Repo.exists?/2`."
  def exists?(repo, table, opts \\ []), do: read!(repo, opts, &Request.exists(table, &1))

  @doc "See `c:AshRusqlite.Repo.stream/2`."
  def stream(repo, table, opts \\ []), do: Pages.stream(repo, table, opts)

  @doc """
  Computes expressions that belong to no table, and returns their values as a map. They may contain
  queries, see `AshRusqlite.Repo.Expression`: several aggregates in one read, for example.

      rooms = {:aggregate, :count, nil, [], {:select, :rooms, []}}
      Reads.compute(repo, rooms: {:expr, rooms, :integer})
      #=> %{rooms: 3}
  """
  @spec compute(
          repo(),
          [
            {atom(), {:expr, Expression.scalar(), Expression.type() | {:list, Expression.type()}}}
          ],
          keyword()
        ) :: row()
  def compute(repo, computed, opts \\ []) do
    with {:ok, timeout, opts} <- Options.pop_timeout(opts, nil),
         :ok <- Options.known(opts, []),
         {:ok, row} <- Statement.read(repo, Request.compute(computed), timeout) do
      row
    else
      {:error, error} -> raise error
    end
  end

  @doc """
  See `c:AshRusqlite.Repo.explain/2`. In place of the table it also takes a read as a tuple, as the data
  layer makes it.
  """
  @spec explain(repo(), read :: tuple(), keyword()) ::
          {:ok, %{sql: String.t(), plan: [String.t()]}} | {:error, Error.t()}
  def explain(repo, table_or_read, opts \\ [])

  def explain(repo, read, opts) when is_tuple(read) do
    with {:ok, timeout, opts} <- Options.pop_timeout(opts, nil),
         :ok <- Options.known(opts, []),
         {:ok, {_columns, [[_, _, _, sql] | nodes]}} <-
           Statement.read(repo, Request.explain(read), timeout) do
      {:ok, %{sql: sql, plan: plan(nodes, %{0 => ""})}}
    end
  end

  def explain(repo, table, opts) do
    with {:ok, timeout, opts} <- Options.pop_timeout(opts, nil) do
      explain(repo, Request.all(table, opts), if(timeout, do: [timeout: timeout], else: []))
    end
  end

  # A node is indented below the one that it is a part of.
  defp plan([], _indents), do: []

  defp plan([[id, parent, _, detail] | nodes], indents) do
    indent = Map.fetch!(indents, parent)
    [indent <> detail | plan(nodes, Map.put(indents, id, indent <> "  "))]
  end

  @doc "See `c:AshRusqlite.Repo.query/3`."
  def query(repo, sql, params \\ [], opts \\ []) do
    with {:ok, timeout, opts} <- Options.pop_timeout(opts, nil),
         {:ok, as_of, opts} <- AsOf.pop(opts),
         :ok <- Options.known(opts, [:as_of]),
         read = AsOf.wrap(Request.sql(sql, params), as_of),
         {:ok, {columns, rows}} <- Statement.read(repo, read, timeout) do
      {:ok, %Result{columns: columns, rows: rows, num_rows: length(rows)}}
    end
  end

  @doc false
  @spec get_row(repo(), table(), term(), keyword()) :: {:ok, row() | nil} | {:error, Error.t()}
  def get_row(repo, table, key, opts) do
    with {:ok, timeout, opts} <- Options.pop_timeout(opts, nil),
         {:ok, as_of, opts} <- AsOf.pop(opts),
         :ok <- Options.known(opts, [:as_of]) do
      Statement.read(repo, AsOf.wrap(Request.get(table, key), as_of), timeout)
    end
  end

  @doc false
  @spec not_found(table(), term()) :: Error.t()
  def not_found(table, key) do
    shown = Options.shorten(key)
    message = "no row of #{table} with #{shown}"
    Error.new(:not_found, message, %{table: to_string(table), value: shown})
  end

  defp read!(repo, opts, read) do
    with {:ok, timeout, opts} <- Options.pop_timeout(opts, nil),
         {:ok, as_of, opts} <- AsOf.pop(opts),
         {:ok, value} <- Statement.read(repo, AsOf.wrap(read.(opts), as_of), timeout) do
      value
    else
      {:error, error} -> raise error
    end
  end
end
