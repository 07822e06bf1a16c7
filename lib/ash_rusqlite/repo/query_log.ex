defmodule AshRusqlite.Repo.QueryLog do
  @moduledoc false
  # What a repo reports of each statement: the events of telemetry, and a line of the log.
  #
  # The SQL is compiled once more when a line is written or a handler calls for it. Bound values are
  # not logged: they are what users wrote.

  require Logger

  alias AshRusqlite.{Error, Native, Telemetry}
  alias AshRusqlite.Repo.{Call, Registry, Request}

  # In the process dictionary: the resource and the action that a statement is run for.
  @origin {__MODULE__, :origin}

  # Longer texts are cut.
  @longest 4_000

  @typedoc "The level and the time, in native units, from which on a statement is logged."
  @type log :: {Logger.level(), non_neg_integer()} | false

  @doc "Notes for which resource and action the statements of a function are run."
  @spec from(module(), atom(), (() -> result)) :: result when result: term()
  def from(resource, action, fun) do
    before = Process.put(@origin, {resource, action})

    try do
      fun.()
    after
      if before, do: Process.put(@origin, before), else: Process.delete(@origin)
    end
  end

  @doc "Runs a read or a write, emits its events and logs it, as far as the repo does so."
  @spec observe(Registry.t(), Request.read() | Request.write(), (() -> Call.result())) ::
          Call.result()
  def observe(%{telemetry: false, log: false}, _statement, fun), do: fun.()

  def observe(entry, statement, fun) do
    {resource, action} = Process.get(@origin, {nil, nil})
    statement = Request.unwrap(statement)

    metadata = %{
      repo: entry.repo,
      operation: Request.operation(statement),
      table: Request.table(statement),
      resource: resource,
      action: action
    }

    Call.time_queue(fn ->
      fun = logged(entry, statement, metadata, fun)
      Telemetry.span(entry.telemetry, :query, metadata, fun, &stopped(entry, statement, &1))
    end)
  end

  defp stopped(entry, statement, result) do
    measured = %{rows: Request.row_count(statement, result), queue_time: queued(result)}
    {measured, %{error: error(result), sql: fn -> text(entry, statement) end}}
  end

  @doc "Runs a transaction, and logs how it ended."
  @spec transaction(Registry.t(), (() -> result)) :: result when result: term()
  def transaction(%{log: false}, fun), do: fun.()

  def transaction(%{log: {level, slow}} = entry, fun) do
    start = System.monotonic_time()
    result = fun.()
    duration = System.monotonic_time() - start

    if duration >= slow do
      Logger.bare_log(level, fn ->
        how = if match?({:ok, _}, result), do: "COMMIT", else: "ROLLBACK"
        "TRANSACTION #{how} #{inspect(entry.repo)} took=#{ms(duration)}"
      end)
    end

    result
  end

  defp logged(%{log: false}, _statement, _metadata, fun), do: fun

  defp logged(%{log: {level, slow}} = entry, statement, metadata, fun) do
    fn ->
      start = System.monotonic_time()
      result = fun.()
      duration = System.monotonic_time() - start

      if duration >= slow,
        do: Logger.bare_log(level, fn -> line(entry, statement, metadata, result, duration) end)

      result
    end
  end

  defp line(entry, statement, metadata, result, duration) do
    queue = min(queued(result), duration)

    [
      if(error = error(result), do: "QUERY ERROR #{error.code}", else: "QUERY OK"),
      " #{inspect(entry.repo)} #{origin(metadata)} rows=#{Request.row_count(statement, result)}",
      " db=#{ms(duration - queue)} queue=#{ms(queue)}\n",
      statement |> known_text(entry) |> String.slice(0, @longest)
    ]
  end

  defp origin(%{resource: nil, operation: operation, table: nil}), do: "#{operation}"
  defp origin(%{resource: nil, operation: operation, table: table}), do: "#{operation} #{table}"
  defp origin(%{resource: resource, action: nil}), do: inspect(resource)
  defp origin(%{resource: resource, action: action}), do: "#{inspect(resource)}.#{action}"

  defp ms(native) do
    us = System.convert_time_unit(native, :native, :microsecond)
    "#{Float.round(us / 1000, 1)}ms"
  end

  defp known_text(statement, entry), do: text(entry, statement) || "(its SQL is not known)"

  # One row of many is enough: the text is the same, and its values are decoded for it. It is nil
  # where the tables have changed since.
  defp text(entry, statement) do
    with nil <- Request.own_sql(statement) do
      case Native.statement_text(entry.db, Request.first_row(statement)) do
        {:ok, text} -> text
        {:error, _} -> nil
      end
    end
  end

  # A request whose deadline passed in the queue was never run.
  defp queued({:error, %Error{code: code, details: %{waited_ms: ms}}})
       when code in [:timeout, :queue_full, :busy],
       do: System.convert_time_unit(ms, :millisecond, :native)

  defp queued(_result), do: Call.queue_time()

  defp error({:error, %Error{} = error}), do: error
  defp error(_result), do: nil
end
