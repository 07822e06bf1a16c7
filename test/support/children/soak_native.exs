# Gives every native function random terms, from several processes at once, and says how many
# calls were made and what was answered wrongly. Nothing that it does may end the VM.
[database, migrations, seed, calls, milliseconds] = System.argv()

defmodule Soak do
  alias AshRusqlite.{Error, Native, RandomTerm}

  @codes Keyword.keys(Error.codes()) -- [:internal]
  @functions for {name, arity} <- Native.module_info(:exports),
                 name not in [:module_info, :load, :__info__],
                 do: {name, arity}

  # Most of what can go wrong is in these.
  @often for {name, _} = function <- @functions,
             name in ~w(read read_dirty write write_dirty tx_exec tx_exec_dirty tx_finish)a,
             _ <- 1..5,
             do: function

  @columns [
    text: "text",
    integer: 5,
    float: 1.5,
    decimal: "1.10",
    boolean: true,
    datetime: ~U[2026-01-02 03:04:05Z],
    naive: ~N[2026-01-02 03:04:05.000006],
    date: ~D[2026-01-02],
    time: ~T[03:04:05],
    json: %{"a" => [1, 2.5, nil]},
    blob: <<0, 255>>
  ]

  # Many rows, when joined with themselves.
  @numbers inspect(Enum.to_list(1..80), limit: :infinity, charlists: :as_lists)

  @conditions [
    [id: 1],
    [{:id, :in, [1, 2]}, {:text, :like, "t%"}],
    %{text: "text", integer: 5},
    {:or, [[id: 1], {:not, [{:integer, :>=, 3}]}]},
    {:column, :id, :<, :integer},
    {:key, 1},
    {:text, :is_nil, false}
  ]

  def run(seed, until, database, migrations) do
    :rand.seed(:exsss, {seed, 0, 0})
    state = %{db: nil, others: [], tx: [], rows: [], database: database, migrations: migrations}
    loop(Map.merge(state, %{calls: 0, wrong: []}), until)
  end

  # A random call may have closed it.
  defp opened(state) do
    case Native.config(state.db) do
      {:ok, _} ->
        state

      {:error, {:closed, _, _, _}} ->
        ref = make_ref()
        {:ok, db} = Native.open(state.database, [busy_timeout: 1_000], ref)
        receive do: ({^ref, :ok} -> %{state | db: db, tx: []})
    end
  end

  defp loop(state, until) do
    if until.(state.calls) or state.wrong != [] do
      state
    else
      state |> opened() |> call() |> received() |> forget() |> loop(until)
    end
  end

  defp call(state) do
    {name, _} = function = Enum.random(@functions ++ @often)
    state = if name in [:tx_exec, :tx_exec_dirty, :tx_finish], do: begun(state), else: state
    handles = [state.db, make_ref() | state.others ++ state.tx]
    arguments = arguments(function, state, handles)
    state = %{state | calls: state.calls + 1}

    try do
      apply(Native, name, arguments)
    catch
      kind, reason -> wrong(state, {name, arguments, {kind, reason}})
    else
      answer ->
        state = if answer?(name, answer), do: state, else: wrong(state, {name, arguments, answer})
        keep(state, name, answer)
    end
  end

  defp begun(%{tx: []} = state) do
    case Native.tx_open(state.db, 200) do
      {:ok, tx} -> %{state | tx: [tx]}
      # It is just being closed.
      {:error, {:closed, _, _, _}} -> %{state | tx: [nil]}
    end
  end

  defp begun(state), do: state

  # Half of the calls are right but for one thing, a quarter is right, the others are random.
  defp arguments({name, arity}, state, handles) do
    right = right(name, state)
    ^arity = length(right)

    case :rand.uniform(8) do
      n when n <= 2 -> right
      n when n <= 6 and right != [] -> one_wrong(right, handles)
      _ -> if(right == [], do: [], else: [hd(right) | some_wrong(tl(right), handles)])
    end
  end

  defp one_wrong(right, handles),
    do: List.update_at(right, :rand.uniform(length(right)) - 1, &RandomTerm.change(&1, handles))

  # A time is looked at first, so that it is mostly right.
  defp some_wrong(right, handles) do
    Enum.map(right, fn argument ->
      if is_integer(argument) and :rand.uniform(4) > 1,
        do: argument,
        else: RandomTerm.any(handles)
    end)
  end

  defp right(:versions, _), do: []
  defp right(:replaceable, _), do: []
  defp right(name, _) when name in [:json_decode, :json_decode_dirty], do: [json()]
  defp right(:stored_atoms, _), do: []
  defp right(:vocabulary, _), do: []
  defp right(:limit_stored_atoms, _), do: [Enum.random([0, 1_000])]
  defp right(:stored_atom, _), do: [Enum.random(["kitchen", "", String.duplicate("ä", 256)])]
  defp right(name, _) when name in [:stored_term, :stored_term_dirty], do: [external()]
  defp right(:open, _), do: [Enum.random([":memory:", "other.db"]), options(), make_ref()]
  defp right(:close, state), do: [Enum.random([nil | state.others]), make_ref()]
  defp right(:config, %{db: db}), do: [db]
  defp right(:stats, %{db: db}), do: [db]
  defp right(:journal_watch, %{db: db}), do: [db]
  defp right(:read, %{db: db}), do: [db, read(), timeout()]
  defp right(:read_dirty, %{db: db}), do: [db, read(), timeout()]
  defp right(:take_rows, %{rows: rows}), do: [Enum.random([make_ref() | rows]), timeout()]
  defp right(:no_reader, %{db: db}), do: [db, :rand.uniform(10), timeout()]
  defp right(:on_synced, %{db: db}), do: [db, :rand.uniform(10)]
  defp right(:not_synced, %{db: db}), do: [db, :rand.uniform(10)]
  defp right(:queue_full, %{db: db}), do: [db, :rand.uniform(10), timeout()]
  defp right(:withdraw, %{db: db}), do: [db, :rand.uniform(10_000)]
  defp right(:statement_text, %{db: db}), do: [db, Enum.random([read(), write()])]
  defp right(:write, %{db: db}), do: [db, make_ref(), write(), time()]
  defp right(:write_dirty, %{db: db}), do: [db, make_ref(), write(), time()]
  defp right(:tx_open, %{db: db}), do: [db, timeout()]
  defp right(:tx_exec, %{tx: tx}), do: [Enum.random(tx), make_ref(), step(), time()]
  defp right(:tx_exec_dirty, state), do: right(:tx_exec, state)

  defp right(:tx_finish, %{tx: tx}),
    do: [Enum.random(tx), make_ref(), Enum.random([:commit, :rollback])]

  defp right(:migrate, %{db: db, migrations: m}), do: [db, make_ref(), m, [step: 1]]

  defp right(:rollback_migration, %{migrations: m} = state),
    do: [Enum.random([nil | state.others]), make_ref(), m, [step: 1]]

  defp right(:migrations, %{db: db, migrations: m}), do: [db, make_ref(), m]

  defp right(:check_migrations, %{db: db, migrations: m}),
    do: [db, make_ref(), m, "checked.db", [step: 1]]

  defp right(:baseline, %{db: db}), do: [db, make_ref(), "baseline", "first", 1]

  defp right(:generate_migrations, %{migrations: m}),
    do: [Enum.random([m, nil]), [tables: [table()], ignored: ["x"]], [name: "next", drop: true]]

  defp right(:backup, %{db: db}), do: [db, make_ref(), "backup.db", [overwrite: true]]

  defp right(:restore, %{others: others}),
    do: [Enum.random([nil | others]), make_ref(), "backup.db"]

  defp right(:advise, %{db: db}), do: [db, make_ref(), 100]
  defp right(:other_forms, %{db: db}), do: [db, make_ref()]
  defp right(:journal_verify, %{db: db}), do: [db, make_ref(), 5]

  defp right(:journal_rebuild, %{db: db}),
    do: [db, make_ref(), "rebuilt.db", [overwrite: true]]

  defp right(:check, %{db: db}), do: [db, make_ref(), [quick: true, limit: 5]]

  defp right(:checkpoint, %{db: db}),
    do: [db, make_ref(), Enum.random([:passive, :full, :restart, :truncate])]

  defp right(:vacuum, %{db: db}), do: [db, make_ref()]
  defp right(:journal_baseline, %{db: db}), do: [db, make_ref()]
  defp right(:verify_chain, %{db: db}), do: [db, make_ref()]

  defp right(:retain, %{db: db}),
    do: [db, make_ref(), [before: "2026-01-02T03:04:05Z", table: "kinds", source: "room:1"]]

  defp right(:redact, %{db: db}) do
    rows = Enum.random([{:key, 1}, {:where, Enum.random(@conditions)}])
    [db, make_ref(), :kinds, rows, [columns: [:text], reason: "none", vacuum: false]]
  end

  defp right(:ensure_table, %{db: db}), do: [db, make_ref(), table(), timeout()]
  defp right(:read_table_as, %{db: db}), do: [db, table()]
  defp right(:table_differences, %{db: db}), do: [db, table(), timeout()]

  defp table do
    [
      table: Enum.random(["rooms", "made"]),
      columns: [[name: "id", type: "TEXT"], [name: "n", type: "INTEGER", null: true]],
      primary_key: ["id"],
      indexes: [[name: "made_n", columns: ["n"], unique: false]]
    ]
  end

  defp timeout, do: Enum.random([1, 10, 50, 50, 50])
  defp time, do: Enum.random([timeout(), {0, 0, timeout()}, {0, 1, timeout(), true}])

  defp options,
    do:
      Enum.random([
        [],
        [readers: 1, busy_timeout: 100],
        [queue_limit: 1, max_batch: 1],
        [synchronous: :off]
      ])

  defp json do
    Enum.random([
      ~s({"a": [1, 2.5e3, "\\u00e9\\ud83d\\ude00", null, true], "b": {}}),
      ~s([#{String.duplicate("[", 200)}]),
      "[1,]",
      "\"" <> String.duplicate("x", 20_000) <> "\"",
      String.duplicate("9", 12_000)
    ])
  end

  # A term, or a piece of it, or one with another byte.
  defp external do
    term = Enum.random([%{a: [1, {2.5, "b"}, self()]}, [make_ref() | <<1::3>>], &is_atom/1, 7])
    bytes = :erlang.term_to_binary(term)
    at = :rand.uniform(byte_size(bytes)) - 1
    <<before::binary-size(at), _byte, rest::binary>> = bytes
    Enum.random([bytes, before, before <> <<:rand.uniform(256) - 1>> <> rest])
  end

  defp read do
    condition = Enum.random(@conditions)

    Enum.random([
      {:tables},
      {:marked, {:all, :kinds, [where: condition]}},
      {:marked, {:page, :kinds, [limit: 3], nil}},
      {:all, :kinds,
       [where: condition, order_by: [desc: :integer, asc: :id], limit: 5, offset: 1]},
      {:all, "rooms", [select: [:id], distinct: true, after: [id: "a"]]},
      {:all, :kinds, [order_by: [:text], before: ["x"]]},
      {:get, :kinds, 1},
      {:as_of, Enum.random([0, 1, ~U[2026-01-02 03:04:05Z], {:position, 1}]),
       Enum.random([nil, "room:a"]), {:get, :rooms, "a"}},
      {:get, :seats, [room_id: "a", number: 1]},
      {:aggregate, :kinds, Enum.random([:count, :sum, :avg, :min, :max]),
       Enum.random([nil, :integer, :decimal]), [where: condition]},
      {:exists, :kinds, [where: condition]},
      {:page, :kinds, [limit: 3, order_by: [asc: :text]], Enum.random([nil, ["text", 1]])},
      {:sql, "SELECT ? + 1, count(*), max(text) FROM kinds", [5]},
      {:sql,
       Enum.random([
         "",
         "-- nothing",
         "SELECT 1; SELECT 2",
         "PRAGMA user_version",
         "BEGIN",
         "SELECT hex(zeroblob(300000))",
         "SELECT n.value, m.value FROM json_each('#{@numbers}') n, json_each('#{@numbers}') m"
       ]), []}
    ])
  end

  defp write do
    row = Enum.take_random(@columns, :rand.uniform(11))
    returning = Enum.random([true, false, [:id, :text]])

    Enum.random([
      {:insert, :kinds, [row], :raise, returning},
      {:insert, :kinds, [[id: 1], Map.new(row)], {:replace_all, []}, returning},
      {:insert, :kinds, [[{:id, 2} | row]], {:replace, [:text], [:id]}, returning},
      {:insert, :rooms, [[id: "a", title: "A"]], {:nothing, [:id]}, returning},
      {:update, :kinds, Enum.random(@conditions), [{:set, :text, "x"}, {:inc, :integer, 1}],
       returning},
      {:update_or_insert, :kinds, [{:id, :rand.uniform(9)}], [{:set, :text, "y"}], row,
       returning},
      {:update, :kinds, nil, for({column, value} <- row, do: {:set, column, value}), returning},
      {:delete, :kinds, Enum.random(@conditions), returning},
      {:marked, {:delete, :kinds, Enum.random(@conditions), returning}},
      {:execute, "UPDATE kinds SET text = ? WHERE id < 5 RETURNING id, text", ["x"]},
      {:execute,
       Enum.random([
         "",
         "DELETE FROM kinds WHERE id = 9",
         "INSERT OR ROLLBACK INTO rooms (id, title) VALUES ('b', 'A'), ('c', 'A')",
         "INSERT OR FAIL INTO rooms (id, title) VALUES ('b', 'B'), ('c', 'B')",
         "DROP TABLE kinds",
         "COMMIT",
         "SELECT 1"
       ]), []}
    ])
  end

  defp step do
    Enum.random([write(), {:read, read()}, :savepoint, :release_savepoint, :rollback_to_savepoint])
  end

  defp keep(state, :open, {:ok, db}), do: %{state | others: Enum.take([db | state.others], 2)}
  defp keep(state, :tx_open, {:ok, tx}), do: %{state | tx: Enum.take([tx | state.tx], 2)}
  defp keep(state, :read_dirty, {:gathered, rows, _, _}), do: %{state | rows: [rows]}
  defp keep(state, :tx_finish, answer) when elem(answer, 0) == :queued, do: %{state | tx: []}
  defp keep(state, _name, _answer), do: state

  defp answer?(_name, {:error, error}), do: error?(error)
  defp answer?(_name, answer) when answer in [:ok, :dirty, :running, :idle, :ready], do: true
  defp answer?(_name, {:ok, _}), do: true
  defp answer?(_name, {:queued, id}) when is_integer(id), do: true

  defp answer?(_name, {tag, ref, id})
       when tag in [:wait, :full] and is_reference(ref) and is_integer(id),
       do: true

  defp answer?(:read_dirty, {:gathered, rows, words, bytes}),
    do: is_reference(rows) and words > 0 and is_integer(bytes)

  # It has seen a commit of another process that is being synced.
  defp answer?(:read, {:unsynced, commit, {:ok, _}}), do: is_integer(commit)

  defp answer?(:replaceable, answer), do: answer in [:maintenance, :writing]
  defp answer?(:stored_atoms, {made, limit}), do: is_integer(made) and is_integer(limit)
  defp answer?(:versions, %{engine: _, sqlite: _, layout: _}), do: true
  defp answer?(_name, _answer), do: false

  defp error?({code, message, details, retryable}) do
    code in @codes and is_binary(message) and String.valid?(message) and is_map(details) and
      is_boolean(retryable)
  end

  defp error?(_), do: false

  defp received(state) do
    receive do
      {_ref, :progress, %{phase: _, done: _, total: _}} -> received(state)
      {_ref, {:waited, ns, result}} when is_integer(ns) -> received(state, result)
      {_ref, result} -> received(state, result)
      other -> wrong(state, other)
    after
      0 -> state
    end
  end

  defp received(state, result) do
    case result do
      answer when answer in [:ok, :ready] -> received(state)
      {:ok, _} -> received(state)
      {:error, error} -> if error?(error), do: received(state), else: wrong(state, error)
      other -> wrong(state, other)
    end
  end

  # Handles go as garbage, which closes databases and ends transactions.
  defp forget(state) do
    if rem(state.calls, 100) == 0 do
      state = %{state | tx: [], rows: [], others: Enum.take(state.others, 1)}
      :erlang.garbage_collect()
      state
    else
      state
    end
  end

  defp wrong(state, what), do: %{state | wrong: [what | state.wrong]}
end

seed = String.to_integer(seed)
calls = String.to_integer(calls)
deadline = System.monotonic_time(:millisecond) + String.to_integer(milliseconds)

until = fn made -> made >= calls and System.monotonic_time(:millisecond) >= deadline end

states = for n <- 1..3, do: Task.async(fn -> Soak.run(seed + n, until, database, migrations) end)

for %{wrong: [wrong | _]} <- Task.await_many(states, :infinity),
    do: IO.puts("wrong " <> inspect(wrong, limit: 50, printable_limit: 200))

IO.puts("survived")
