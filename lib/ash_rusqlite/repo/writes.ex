defmodule AshRusqlite.Repo.Writes do
  @moduledoc """
  Writes of the repo that is given by name or pid. A repo module has the same functions
  without the first argument, documented at `AshRusqlite.Repo`.

  Outside of a transaction each call is one request to the writer, and many requests of
  different processes share one commit. Inside of one it is durable with the transaction.
  """

  use AshRusqlite.Repo.Operations

  alias AshRusqlite.{Error, Result}
  alias AshRusqlite.Repo.{Options, Reads, Request, Statement, Transaction, WriteContext}

  @typep repo :: AshRusqlite.Repo.repo()
  @typep table :: AshRusqlite.Repo.table()
  @typep row :: AshRusqlite.Repo.row()
  @typep fields :: AshRusqlite.Repo.fields()
  @typep condition ::
           AshRusqlite.Repo.condition() | {:expr, AshRusqlite.Repo.Expression.scalar()}

  @expected_conflict ":raise, :nothing, :replace_all, {:replace, columns} or " <>
                       "{:replace_all_except, columns}"

  @doc "See `c:AshRusqlite.Repo.insert/3`."
  def insert(repo, table, fields, opts \\ []) do
    with {:ok, timeout, context, opts} <- options(opts, [:returning]) do
      write_one(
        repo,
        Request.insert(table, [row(fields)], :raise, returning(opts, true)),
        timeout,
        context
      )
    end
  end

  @doc "See `c:AshRusqlite.Repo.upsert/3`."
  def upsert(repo, table, fields, opts \\ []) do
    with {:ok, timeout, context, opts} <-
           options(opts, [:on_conflict, :conflict_target, :returning]),
         {:ok, conflict} <- conflict(opts, :replace_all) do
      write_one(
        repo,
        Request.insert(table, [row(fields)], conflict, returning(opts, true)),
        timeout,
        context
      )
    end
  end

  @doc """
  Updates the row of a condition, or inserts a row if there is none, in one step, and returns which of
  these it did. Unlike `c:AshRusqlite.Repo.upsert/3` it needs no unique index, and may change other
  columns than it inserts. If the condition holds for several rows, the error is `:invalid_query`, and
  nothing is changed.

  `updates` is as of `c:AshRusqlite.Repo.update_all/3`, `row` as of `c:AshRusqlite.Repo.insert/3`. Options
  are `returning:`, `timeout:` and `only_if:`, a condition on the existing row: where it does not hold, the
  row stays as it is and is returned as `{:skipped, row}`.

      {:ok, {:inserted, room}} =
        AshRusqlite.Repo.Writes.update_or_insert(MyApp.Repo, :rooms, [title: "Loft"],
          [set: [hidden: false]], %{id: "loft", title: "Loft"})
  """
  @spec update_or_insert(repo(), table(), condition(), keyword(), fields(), keyword()) ::
          {:ok, {:updated | :inserted | :skipped, row()}} | {:error, Error.t()}
  def update_or_insert(repo, table, where, updates, row, opts \\ []) do
    {only_if, opts} =
      if Keyword.keyword?(opts), do: Keyword.pop(opts, :only_if), else: {nil, opts}

    with {:ok, [result]} <-
           update_or_insert_each(repo, table, [{where, only_if, updates, row}], opts),
         do: {:ok, result}
  end

  @doc """
  As `update_or_insert/6` for many rows, one after the other, in one step: all of them or none.

  `rows` is a list of `{condition, only_if, updates, row}`, with nil for an `only_if` that always
  holds. Options are `returning:` and `timeout:`. It returns the result of each, in their order.

      {:ok, [{:inserted, _loft}, {:inserted, _attic}]} =
        AshRusqlite.Repo.Writes.update_or_insert_each(MyApp.Repo, :rooms, [
          {[title: "Loft"], nil, [set: [hidden: false]], %{id: "loft", title: "Loft"}},
          {[title: "Attic"], [hidden: true], [set: [hidden: false]], %{id: "attic", title: "Attic"}}
        ])
  """
  @spec update_or_insert_each(
          repo(),
          table(),
          [{condition(), condition() | nil, keyword(), fields()}],
          keyword()
        ) :: {:ok, [{:updated | :inserted | :skipped, row()}]} | {:error, Error.t()}
  def update_or_insert_each(repo, table, rows, opts \\ []) do
    with {:ok, timeout, context, opts} <- options(opts, [:returning]),
         {:ok, rows} <- each_of(rows, &either/1),
         write = Request.update_or_insert(table, rows, returning(opts, true)),
         {:ok, {_written, rows}} <- Statement.write(repo, write, timeout, context) do
      {:ok, Enum.map(rows || [], &Request.outcome/1)}
    end
  end

  defp either({where, only_if, updates, row}) do
    with {:ok, assignments} <- assignments(updates),
         do: {:ok, Request.update_or_insert_row(where, only_if, assignments, row)}
  end

  defp either(other), do: no_list("{condition, only_if, updates, row}", other)

  @doc """
  Updates the rows of several conditions, those of each condition in another way, in one step: all of them
  or none. The conditions are evaluated one after the other, and one that holds for no row changes nothing.

  `changes` is a list of `{condition, updates}`: a condition as `where:` of
  `c:AshRusqlite.Repo.update_all/3`, and the `updates` of that function. Options are `returning:` and
  `timeout:`. It returns the number of rows that were written, and with `returning:` the rows, in the order
  of the changes.

      {:ok, {2, nil}} =
        AshRusqlite.Repo.Writes.update_each(MyApp.Repo, :rooms, [
          {[id: "loft"], [set: [title: "Loft"]]},
          {[id: "attic"], [set: [hidden: true]]}
        ])
  """
  @spec update_each(
          repo(),
          table(),
          [
            {AshRusqlite.Repo.condition() | {:expr, AshRusqlite.Repo.Expression.scalar()},
             keyword()}
          ],
          keyword()
        ) :: {:ok, {non_neg_integer(), [row()] | nil}} | {:error, Error.t()}
  def update_each(repo, table, changes, opts \\ []) do
    with {:ok, timeout, context, opts} <- options(opts, [:returning]),
         {:ok, changes} <- each_of(changes, &change/1) do
      Statement.write(
        repo,
        Request.update_each(table, changes, returning(opts, false)),
        timeout,
        context
      )
    end
  end

  @doc "See `c:AshRusqlite.Repo.update/4`."
  def update(repo, table, key, changes, opts \\ []) do
    with {:ok, timeout, context, opts} <- options(opts, [:returning]),
         {:ok, set} <- assignments(set: row(changes)) do
      if set == [] do
        with :ok <- nothing_expected(context),
             do: found(Reads.get_row(repo, table, key, timeout: timeout), table, key)
      else
        write = Request.update(table, Request.key(key), set, returning(opts, true))
        found(write_one(repo, write, timeout, context), table, key)
      end
    end
  end

  # An update of nothing writes nothing, so the writer would not look.
  defp nothing_expected(%{expect: [_ | _]}) do
    message = "expect: is for what is written, and an update without changes writes nothing"
    {:error, Error.new(:invalid_option, message, %{option: "expect"})}
  end

  defp nothing_expected(_context), do: :ok

  @doc "See `c:AshRusqlite.Repo.delete/3`."
  def delete(repo, table, key, opts \\ []) do
    with {:ok, timeout, context, opts} <- options(opts, [:returning]) do
      write = Request.delete(table, Request.key(key), returning(opts, true))
      found(write_one(repo, write, timeout, context), table, key)
    end
  end

  @doc "See `c:AshRusqlite.Repo.insert_all/3`."
  def insert_all(repo, table, rows, opts \\ []) do
    with {:ok, timeout, context, opts} <-
           options(opts, [:on_conflict, :conflict_target, :returning]),
         {:ok, conflict} <- conflict(opts, :raise) do
      write = Request.insert(table, rows(rows), conflict, returning(opts, false))
      Statement.write(repo, write, timeout, context)
    end
    |> Error.unwrap!()
  end

  @doc "See `c:AshRusqlite.Repo.execute/3`."
  def execute(repo, sql, params \\ [], opts \\ []) do
    with {:ok, timeout, context, _opts} <- options(opts, []),
         {:ok, {written, {columns, rows}}} <-
           Statement.write(repo, Request.execute(sql, params), timeout, context) do
      {:ok, %Result{columns: columns, rows: rows, num_rows: written}}
    end
  end

  @doc "See `c:AshRusqlite.Repo.update_all/3`."
  def update_all(repo, table, updates, opts \\ []) do
    with {:ok, timeout, context, opts} <- options(opts, [:where, :returning]),
         {:ok, assignments} <- assignments(updates) do
      write = Request.update(table, opts[:where], assignments, returning(opts, false))
      Statement.write(repo, write, timeout, context)
    end
    |> Error.unwrap!()
  end

  @doc "See `c:AshRusqlite.Repo.delete_all/2`."
  def delete_all(repo, table, opts \\ []) do
    with {:ok, timeout, context, opts} <- options(opts, [:where, :returning]) do
      Statement.write(
        repo,
        Request.delete(table, opts[:where], returning(opts, false)),
        timeout,
        context
      )
    end
    |> Error.unwrap!()
  end

  @doc "See `c:AshRusqlite.Repo.with_actor/3`."
  def with_actor(repo, actor, opts \\ [], fun),
    do: WriteContext.with_actor(repo, actor, opts, Transaction.bind(fun, repo))

  # Structs that are one value.
  @values [Date, DateTime, Decimal, NaiveDateTime, Time]

  # A struct of Ecto has `__meta__`. Whatever else is no column is refused as of a map.
  defp row(%{__struct__: module} = struct) when module not in @values,
    do: Map.drop(struct, [:__struct__, :__meta__])

  defp row(fields), do: fields

  defp rows([%{__struct__: _} | _] = rows), do: Enum.map(rows, &row/1)
  defp rows(rows), do: rows

  # What each write takes, and its own options.
  defp options(opts, known) do
    with {:ok, timeout, opts} <- Options.pop_timeout(opts, nil),
         {:ok, context, opts} <- WriteContext.pop(opts),
         :ok <- Options.known(opts, known, [:timeout | WriteContext.options()]),
         do: {:ok, timeout, context, opts}
  end

  defp returning(opts, default), do: Keyword.get(opts, :returning, default)

  defp conflict(opts, default) do
    target = opts |> Keyword.get(:conflict_target, []) |> List.wrap()

    case Keyword.get(opts, :on_conflict, default) do
      :raise ->
        {:ok, :raise}

      :nothing ->
        {:ok, Request.keep_existing(target)}

      :replace_all ->
        {:ok, Request.replace_all(target)}

      {:replace, columns} when is_list(columns) ->
        {:ok, Request.replace(columns, target)}

      {:replace_all_except, cols} when is_list(cols) ->
        {:ok, Request.replace_all_except(cols, target)}

      other ->
        Options.wrong(:on_conflict, other, @expected_conflict)
    end
  end

  defp change({where, updates}) do
    with {:ok, assignments} <- assignments(updates), do: {:ok, Request.change(where, assignments)}
  end

  defp change(other), do: no_list("{condition, updates}", other)

  # Each of a list as the engine takes it, or the first error.
  defp each_of(list, fun) do
    if is_list(list) and not List.improper?(list) do
      results = Enum.map(list, fun)

      with nil <- Enum.find(results, &match?({:error, _}, &1)),
           do: {:ok, Enum.map(results, &elem(&1, 1))}
    else
      no_list("writes", list)
    end
  end

  defp no_list(wanted, term) do
    message = "this takes a list of #{wanted}, not #{Options.shorten(term)}"
    {:error, Error.new(:invalid_query, message)}
  end

  defp assignments(updates) do
    with true <- Keyword.keyword?(updates),
         nil <- Enum.find(updates, fn {kind, fields} -> not assignment?(kind, fields) end) do
      {:ok,
       for(
         {kind, fields} <- updates,
         {column, value} <- fields,
         do: Request.assignment(kind, column, value)
       )}
    else
      _ ->
        message =
          "updates are [set: [column: value], inc: [column: number], " <>
            "compute: [column: scalar]], not #{Options.shorten(updates)}"

        {:error, Error.new(:invalid_query, message)}
    end
  end

  defp assignment?(kind, fields) when kind in [:set, :inc, :compute] do
    (is_map(fields) and not is_struct(fields)) or
      (is_list(fields) and not List.improper?(fields) and Enum.all?(fields, &match?({_, _}, &1)))
  end

  defp assignment?(_kind, _fields), do: false

  # `returning: false` gives no row, and a conflict that is ignored has none.
  defp write_one(repo, write, timeout, context) do
    case Statement.write(repo, write, timeout, context) do
      {:ok, {0, _}} -> {:ok, nil}
      {:ok, {_, [row | _]}} -> {:ok, row}
      {:ok, {_, nil}} -> {:ok, %{}}
      {:error, error} -> {:error, error}
    end
  end

  defp found({:ok, nil}, table, key), do: {:error, Reads.not_found(table, key)}
  defp found(result, _table, _key), do: result
end
