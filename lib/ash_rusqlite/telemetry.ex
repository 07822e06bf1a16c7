defmodule AshRusqlite.Telemetry do
  @started "`:system_time`, `:monotonic_time`"
  @ended "`:duration`, `:monotonic_time`"
  @raised "the same, `:kind`, `:reason`, `:stacktrace`"

  # Every event: whether it is a repo's, with the repo's prefix, or the data layer's, its name, when it is
  # emitted, its measurements and its metadata. The documentation and `events/1` are made of this table,
  # and nothing else can be emitted.
  @events [
    {:repo, [:query, :start], "before a read or a write", @started,
     "`:repo`, `:operation`, `:table`, `:resource`, `:action`"},
    {:repo, [:query, :stop], "after it, successful or not", @ended <> ", `:rows`, `:queue_time`",
     "the same, `:error`, `:sql`"},
    {:repo, [:query, :exception], "it raised, threw or exited", @ended, @raised},
    {:repo, [:transaction, :start], "before a transaction's function", @started, "`:repo`"},
    {:repo, [:transaction, :stop], "after commit or rollback", @ended,
     "the same, `:result`, `:error`"},
    {:repo, [:transaction, :exception],
     "the function raised, threw or exited; the transaction was rolled back", @ended, @raised},
    {:repo, [:maintenance, :start], "before a migration, backup, check, …", @started,
     "`:repo`, `:operation`"},
    {:repo, [:maintenance, :stop], "after it, successful or not", @ended, "the same, `:error`"},
    {:repo, [:maintenance, :exception],
     "it raised, threw or exited, as a `progress:` function may", @ended, @raised},
    {:data_layer, [:ash_rusqlite, :residual], "before Elixir does a part of a query",
     "`:rows`, those that SQLite returned", "`:resource`, `:reasons`"},
    {:data_layer, [:ash_rusqlite, :unreadable], "stored values cannot be read", "`:rows`",
     "`:resource`, `:unreadable`, `:errors`"}
  ]

  table = fn from ->
    for {^from, name, moment, measurements, metadata} <- @events do
      "| `#{inspect(name)}` | #{moment} | #{measurements} | #{metadata} |\n"
    end
  end

  @moduledoc """
  The events that a repo emits when `:telemetry` is there.

  Each event name starts with the repo's `telemetry_prefix:`, by default
  `[:ash_rusqlite, :repo]`.

  | event | when | measurements | metadata |
  |---|---|---|---|
  #{table.(:repo)}
  The Ash data layer emits more, whatever the prefix:

  | event | when | measurements | metadata |
  |---|---|---|---|
  #{table.(:data_layer)}
    * times are in native units, see `System.convert_time_unit/3`
    * `:repo` is the repo's name, or its pid when it has none
    * `:operation` of a query is one of `:all`, `:get`, `:aggregate`, `:exists`, `:page`, `:compute`,
      `:explain`, `:tables`, `:sql`, `:execute`, `:insert`, `:update`, `:update_or_insert`,
      `:update_each`, `:delete`, and of the journal `:events`, `:head`, `:position`, `:consumers`,
      `:consumer`; of maintenance it is the function's name
    * `:table` is the table as the caller named it, nil for SQL and for what is not of one table
      (`:compute`, `:explain`, `:tables`)
    * `:resource` and `:action` are the Ash resource and the name of the action that a query is run
      for; nil where there is none
    * `:rows` is how many rows came back or were written; 1 for a value, 0 after an error
    * `:queue_time` is the part of `:duration` that the query waited for a reader, or for the writer
      and the writes before it
    * `:sql` is a function without arguments that returns the text, with placeholders for values, or
      nil: it is made when it is asked for, so that it costs nothing otherwise. Of many rows it is the
      text of the first. Call it in the handler
    * `:error` is an `AshRusqlite.Error`, or nil
    * `:result` is `:commit` or `:rollback`
    * `:reasons` is a list of parts of a query, each with a text that says why SQLite does not do it
    * `:unreadable` is `:error`, the read failed; `:skip`, the rows were left out; or `:not_loaded`, they
      were read without these values
    * `:errors` is a list of at most ten errors, `AshRusqlite.DataLayer.UnreadableValue`

  To see every query of a default repo that ends:

      :telemetry.attach("slow", [:ash_rusqlite, :repo, :query, :stop], &MyApp.Slow.handle/4, nil)

      def handle(_event, %{duration: duration} = times, metadata, _config) do
        if duration > @slow, do: report(metadata.sql.(), times, metadata.resource)
      end

  The option `log:` of a repo writes the same into the log, see `AshRusqlite.Repo`.
  """

  alias AshRusqlite.Package

  # A repo works without it.
  @compile {:no_warn_undefined, :telemetry}

  @default_prefix [:ash_rusqlite, :repo]
  @spans for {:repo, [name, :start], _, _, _} <- @events, do: name

  @doc """
  The names of all events: those of a repo with this prefix, and those of the data layer.

      iex> [:ash_rusqlite, :repo, :query, :stop] in AshRusqlite.Telemetry.events()
      true
  """
  @spec events([atom()]) :: [[atom()]]
  def events(prefix \\ @default_prefix) do
    for {from, name, _, _, _} <- @events, do: if(from == :repo, do: prefix ++ name, else: name)
  end

  @doc "The prefix of a repo that names none."
  @spec default_prefix() :: [atom()]
  def default_prefix, do: @default_prefix

  @doc """
  Whether `:telemetry` is there. A repo asks once, when it starts.
  """
  @spec available?() :: boolean()
  def available?, do: Package.available?(:telemetry)

  @doc false
  # `prefix` is false where there is no telemetry, so that a call costs one comparison.
  # `describe` makes what is more of the stop event from the result: `{measurements, metadata}`.
  @spec span([atom()] | false, atom(), map(), (() -> result), (result -> {map(), map()})) ::
          result
        when result: term()
  def span(false, _name, _metadata, fun, _describe), do: fun.()

  def span(prefix, name, metadata, fun, describe) when name in @spans do
    start = System.monotonic_time()
    times = %{system_time: System.system_time(), monotonic_time: start}
    execute(prefix ++ [name, :start], times, metadata)

    try do
      fun.()
    catch
      kind, reason ->
        more = %{kind: kind, reason: reason, stacktrace: __STACKTRACE__}
        execute(prefix ++ [name, :exception], since(start), Map.merge(metadata, more))
        :erlang.raise(kind, reason, __STACKTRACE__)
    else
      result ->
        times = since(start)
        {measured, described} = describe.(result)
        times = Map.merge(times, measured)
        execute(prefix ++ [name, :stop], times, Map.merge(metadata, described))
        result
    end
  end

  @doc false
  # Emits an event of the data layer.
  @spec emit(atom(), map(), map()) :: :ok
  for {:data_layer, event, _, _, _} <- @events do
    def emit(unquote(List.last(event)), measurements, metadata) do
      if available?(), do: execute(unquote(event), measurements, metadata)
      :ok
    end
  end

  @doc false
  # What of a resource's query was left to Elixir: the number of rows that SQLite returned, and why.
  @spec residual(module(), non_neg_integer(), [{atom(), String.t()}]) :: :ok
  def residual(resource, rows, reasons),
    do: emit(:residual, %{rows: rows}, %{resource: resource, reasons: reasons})

  @doc false
  # Rows of a resource have values that cannot be read, and what became of them.
  @spec unreadable(module(), atom(), pos_integer(), [Exception.t()]) :: :ok
  def unreadable(resource, mode, rows, errors),
    do: emit(:unreadable, %{rows: rows}, %{resource: resource, unreadable: mode, errors: errors})

  defp since(start) do
    now = System.monotonic_time()
    %{duration: now - start, monotonic_time: now}
  end

  defp execute(event, measurements, metadata) do
    :telemetry.execute(event, measurements, metadata)
  end
end
