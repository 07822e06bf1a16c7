defmodule AshRusqlite.Oracle.Runner do
  @moduledoc false
  # Generates, runs on both stores, compares; what differs is made small and reported.

  alias AshRusqlite.Oracle
  alias AshRusqlite.Oracle.{Actions, Compare, Data, Queries}

  @rows_for 20

  @doc "Runs queries; the differences, and a summary."
  def queries(count, seed) do
    start(seed)

    Enum.reduce(indexes(count), summary(), fn index, summary ->
      fill(seed, index)

      :rand.seed(:exsss, {seed, index, 2})
      query = Queries.generate()
      reasons = listen(fn -> Compare.run(Queries.code(query), Oracle.Ours) end)
      {ours, reasons} = reasons
      ets = Compare.run(Queries.code(query), Oracle.Ets)

      summary
      |> count(ets, reasons)
      |> note(ets === ours or no_tenant?(query, ets), fn ->
        query = shrink(query)
        report({seed, index}, Queries.code(query))
      end)
    end)
  end

  # ETS sorts, and looks for distinct rows, by aggregates without the tenant that they need.
  defp no_tenant?(%{tenant: tenant} = query, {:raised, Ash.Error.Invalid}),
    do: tenant != nil and query.sort ++ query.distinct != []

  defp no_tenant?(_query, _ets), do: false

  # ORACLE_ONLY runs one again.
  defp indexes(count) do
    case System.get_env("ORACLE_ONLY") do
      nil -> 0..(count - 1)//1
      index -> [String.to_integer(index)]
    end
  end

  defp fill(seed, index) do
    block = div(index, @rows_for)

    if Process.get(__MODULE__) != {seed, block} do
      :rand.seed(:exsss, {seed, block, 1})
      Data.reset()
      Process.put(__MODULE__, {seed, block})
    end
  end

  @doc "Runs sequences of actions, each on rows of its own."
  def sequences(count, seed) do
    start(seed)

    Enum.reduce(indexes(count), summary(), fn index, summary ->
      :rand.seed(:exsss, {seed, index, 3})
      rows_seed = {seed, index, 4}
      actions = Actions.generate()
      {ets, ours} = replay(rows_seed, actions)

      summary
      |> count(Enum.find(ets, List.first(ets), &(elem(tupled(&1), 0) != :ok)), [])
      |> note(ets === ours, fn ->
        actions = shrink_actions(rows_seed, actions)
        {ets, ours} = replay(rows_seed, actions)
        sequence_report({seed, index}, rows_seed, actions, {ets, ours})
      end)
    end)
  end

  # What each action gives on both, and what is there in the end. ETS keeps what an action did
  # before it failed, so there the sequence ends; of ours nothing may be left.
  defp replay(rows_seed, actions) do
    :rand.seed(:exsss, rows_seed)
    Data.reset()

    actions
    |> Enum.reduce_while({[], []}, fn action, {ets, ours} ->
      before = if hooked?(action), do: dump(Oracle.Ours)
      results = {Compare.run(code(action), Oracle.Ets), Compare.run(code(action), Oracle.Ours)}
      pair = {[elem(results, 0) | ets], [elem(results, 1) | ours]}

      if hooked?(action) and either_failed?(results),
        do: {:halt, {:failed, pair, before === dump(Oracle.Ours)}},
        else: {:cont, pair}
    end)
    |> case do
      {:failed, {ets, ours}, nothing_left?} ->
        {Enum.reverse([true | ets]), Enum.reverse([nothing_left? | ours])}

      {ets, ours} ->
        {Enum.reverse(ets) ++ dump(Oracle.Ets), Enum.reverse(ours) ++ dump(Oracle.Ours)}
    end
  end

  defp hooked?({:hooked, _code}), do: true
  defp hooked?(_code), do: false

  defp code({:hooked, code}), do: code
  defp code(code), do: code

  defp dump(store), do: Enum.map(Actions.dumps(), &Compare.run(&1, store))

  defp either_failed?({ets, ours}), do: failed?(ets) or failed?(ours)
  defp failed?(:ok), do: false
  defp failed?(result) when elem(result, 0) == :bulk, do: elem(result, 1) != :success

  defp failed?(result) when is_tuple(result),
    do: elem(result, 0) in [:error, :raised, :throw, :exit]

  defp failed?(_result), do: false

  defp tupled(tuple) when is_tuple(tuple), do: tuple
  defp tupled(other), do: {other}

  defp start(seed), do: :rand.seed(:exsss, {seed, 0, 0})

  defp summary,
    do: %{runs: 0, raised: 0, errors: 0, sql: 0, reasons: %{}, failures: [], different: 0}

  defp count(summary, result, reasons) do
    summary
    |> Map.update!(:runs, &(&1 + 1))
    |> Map.update!(:raised, &(&1 + if(match?({:raised, _}, result), do: 1, else: 0)))
    |> Map.update!(:errors, &(&1 + if(match?({:error, _, _}, result), do: 1, else: 0)))
    |> Map.update!(:sql, &(&1 + if(reasons == [], do: 1, else: 0)))
    |> Map.update!(:reasons, fn all ->
      reasons = if match?({:raised, _}, result), do: [result | reasons], else: reasons
      Enum.reduce(reasons, all, fn reason, all -> Map.update(all, reason, 1, &(&1 + 1)) end)
    end)
  end

  defp note(summary, true, _report), do: summary

  # A few are enough to work on.
  defp note(summary, false, report) do
    summary = Map.update!(summary, :different, &(&1 + 1))
    most = String.to_integer(System.get_env("ORACLE_REPORTS", "5"))

    if length(summary.failures) < most,
      do: Map.update!(summary, :failures, &[report.() | &1]),
      else: summary
  end

  ## Shrinking

  defp shrink(query, left \\ 150)
  defp shrink(query, left) when left <= 0, do: query

  defp shrink(query, left) do
    candidates = Queries.smaller(query)

    case Enum.find(candidates, &differs?/1) do
      nil -> query
      smaller -> shrink(smaller, left - length(candidates))
    end
  end

  defp differs?(query) do
    code = Queries.code(query)
    Compare.run(code, Oracle.Ets) !== Compare.run(code, Oracle.Ours)
  end

  defp shrink_actions(rows_seed, actions) do
    indexes = Enum.to_list(0..(length(actions) - 1)//1)

    smaller =
      Enum.find_value(indexes, fn index ->
        fewer = List.delete_at(actions, index)
        {ets, ours} = replay(rows_seed, fewer)
        if ets !== ours, do: fewer
      end)

    if smaller, do: shrink_actions(rows_seed, smaller), else: actions
  end

  ## Telling

  @doc "What was left to Ash while a function ran: parts and reasons."
  def listen(fun) do
    id = make_ref()
    me = self()

    :telemetry.attach(
      id,
      [:ash_rusqlite, :residual],
      fn _event, _measurements, metadata, _config ->
        if self() == me, do: Process.put(id, [metadata.reasons | Process.get(id, [])])
      end,
      nil
    )

    result = fun.()
    :telemetry.detach(id)
    {result, Enum.uniq(List.flatten(Process.delete(id) || []))}
  end

  defp report({seed, index}, code) do
    {ours, reasons} = listen(fn -> Compare.run(code, Oracle.Ours) end)
    ets = Compare.run(code, Oracle.Ets)

    """
    ORACLE_SEED=#{seed}, query #{index}:

    #{Macro.to_string(code)}

    left to Ash: #{inspect(reasons)}
    #{difference(ets, ours)}
    #{why(ours, code)}
    """
  end

  defp sequence_report({seed, index}, rows_seed, actions, {ets, ours}) do
    actions = Enum.map(actions, &code/1)

    whole = actions ++ Actions.dumps()
    ended = Enum.take(actions, length(ets) - 1) ++ [:nothing_left]

    results =
      if(length(ets) == length(whole), do: whole, else: ended)
      |> Enum.zip(Enum.zip(ets, ours))
      |> Enum.reject(fn {_, {ets, ours}} -> ets === ours end)
      |> Enum.map_join("\n", fn {code, {ets, ours}} ->
        "# #{Macro.to_string(code)}\n#{difference(ets, ours)}"
      end)

    alone = if match?([_], actions), do: why(hd(ours), replayed(rows_seed, hd(actions)))

    """
    ORACLE_SEED=#{seed}, sequence #{index}:

    #{Enum.map_join(actions, "\n", &Macro.to_string/1)}

    #{results}
    #{alone}
    """
  end

  defp replayed(rows_seed, code) do
    :rand.seed(:exsss, rows_seed)
    Data.reset()
    code
  end

  # The text of an error of ours.
  defp why(result, code) when elem(result, 0) in [:error, :raised, :bulk],
    do: "#{inspect(Compare.raw(code, Oracle.Ours), limit: 40, printable_limit: 800)}"

  defp why(_result, _code), do: ""

  # Rows that both have in the same place say nothing.
  defp difference({:ok, ets}, {:ok, ours})
       when is_list(ets) and is_list(ours) and length(ets) == length(ours) do
    {ets, ours} = ets |> Enum.zip(ours) |> Enum.reject(fn {a, b} -> a === b end) |> Enum.unzip()

    {ets, ours} = ets |> Enum.zip(ours) |> Enum.map(&fields/1) |> Enum.unzip()
    "ets:  #{show(ets)}\nours: #{show(ours)}"
  end

  defp difference({:ok, ets}, {:ok, ours}) when is_list(ets) and is_list(ours),
    do: "only ets:  #{show(ets -- ours)}\nonly ours: #{show(ours -- ets)}"

  defp difference(ets, ours), do: "ets:  #{show(ets)}\nours: #{show(ours)}"

  defp fields({{name, state, ets}, {name, state, ours}}) do
    keys = for {key, value} <- ets, Map.get(ours, key) !== value, do: key
    keys = keys ++ Enum.filter([:id, :post_id, :number], &is_map_key(ets, &1))
    {Map.take(ets, keys), Map.take(ours, keys)}
  end

  defp fields(pair), do: pair

  defp show(term), do: inspect(term, limit: 200, printable_limit: 400, width: 160, pretty: true)

  @doc "Prints the share of what SQLite did, and why not more."
  def print(name, summary) do
    share = if summary.runs == 0, do: 0, else: div(100 * summary.sql, summary.runs)

    reasons =
      summary.reasons
      |> Enum.sort_by(&(-elem(&1, 1)))
      |> Enum.take(if(System.get_env("ORACLE_VERBOSE"), do: 60, else: 0))
      |> Enum.map_join(fn {{part, reason}, count} -> "\n  #{count}  #{part}: #{reason}" end)

    IO.puts(
      "#{name}: #{summary.runs}, different #{summary.different}, " <>
        "errors on both #{summary.errors}, raised #{summary.raised}, " <>
        "all of it SQL #{share}%#{reasons}"
    )
  end
end
