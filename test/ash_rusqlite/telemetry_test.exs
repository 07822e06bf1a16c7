# Where the package is missing, this takes its place for the test.
unless Code.ensure_loaded?(:telemetry) do
  defmodule :telemetry do
    def attach_many(id, events, fun, config) do
      :persistent_term.put({__MODULE__, id}, {events, fun, config})
    end

    def detach(id), do: :persistent_term.erase({__MODULE__, id})

    def execute(event, measurements, metadata) do
      for {{__MODULE__, _}, {events, fun, config}} <- :persistent_term.get(), event in events do
        fun.(event, measurements, metadata, config)
      end

      :ok
    end
  end
end

defmodule AshRusqlite.TelemetryTest do
  use AshRusqlite.Case, async: false

  alias AshRusqlite.Telemetry

  doctest AshRusqlite.Telemetry

  # Those of the data layer have no prefix. `test/ash` receives them.
  @of_data_layer [[:ash_rusqlite, :residual], [:ash_rusqlite, :unreadable]]

  setup %{tmp_dir: folder} do
    repo = start_repo!(folder, telemetry_prefix: [:my_app, :repo], name: :observed)
    Repo.put_dynamic_repo(repo)
    :telemetry.attach_many("test", Telemetry.events([:my_app, :repo]), &forward/4, self())
    on_exit(fn -> :telemetry.detach("test") end)
  end

  defp forward([:my_app, :repo | event], measurements, metadata, test) do
    send(test, {event, measurements, metadata})
  end

  defp forward(event, measurements, metadata, test) when event in @of_data_layer,
    do: send(test, {event, measurements, metadata})

  test "what is emitted is what is listed" do
    Repo.count(:rooms)
    Repo.transaction(fn -> :ok end)
    Repo.check()

    for name <- [:query, :transaction, :maintenance] do
      span = &Telemetry.span([:my_app, :repo], name, %{}, fn -> throw(:out) end, &1)
      fun = fn -> span.(fn _ -> {%{}, %{}} end) end
      assert catch_throw(fun.()) == :out
    end

    emitted = for {name, _, _} <- received(), uniq: true, do: [:my_app, :repo | name]
    listed = Telemetry.events([:my_app, :repo]) -- @of_data_layer
    assert Enum.sort(emitted) == Enum.sort(listed)
  end

  # An event that nobody listed is not received above.
  test "the sources emit by no name that is not listed" do
    sources = "lib/**/*.ex" |> Path.wildcard() |> Enum.map_join(&File.read!/1)
    spans = Regex.scan(~r/Telemetry\.span\([^,]*, :(\w+)/, sources, capture: :all_but_first)

    names =
      for [name] <- spans, ending <- [:start, :stop, :exception] do
        [:ash_rusqlite, :repo, String.to_existing_atom(name), ending]
      end

    assert Enum.sort(@of_data_layer ++ names) == Enum.sort(Telemetry.events())
    # By the telemetry module alone.
    assert 1 == length(Regex.scan(~r/telemetry\.execute/, sources))
  end

  test "an event that is not listed cannot be emitted" do
    for event <- @of_data_layer do
      assert Telemetry.emit(List.last(event), %{rows: 1}, %{}) == :ok
      assert_received {^event, %{rows: 1}, %{}}
    end

    assert_raise FunctionClauseError, fn -> Telemetry.emit(:not_listed, %{}, %{}) end

    assert_raise FunctionClauseError, fn ->
      Telemetry.span([:my_app, :repo], :not_listed, %{}, fn -> :ok end, fn _ -> {%{}, %{}} end)
    end
  end

  test "the table of events says of each span how it starts, stops and fails" do
    names = Telemetry.events([]) -- @of_data_layer

    for {name, events} <- Enum.group_by(names, &hd/1) do
      assert events == for(step <- [:start, :stop, :exception], do: [name, step])
    end
  end

  test "a query that raises ends in an exception" do
    {:ok, entry} = AshRusqlite.Repo.Registry.lookup(:observed)
    read = AshRusqlite.Repo.Request.all(:rooms, [])

    assert catch_exit(AshRusqlite.Repo.QueryLog.observe(entry, read, fn -> exit(:out) end)) ==
             :out

    assert_received {[:query, :exception], %{duration: _},
                     %{operation: :all, kind: :exit, reason: :out, stacktrace: [_ | _]}}
  end

  test "a maintenance task whose progress function raises ends in an exception", context do
    path = Path.join(context.tmp_dir, "copy.db")
    assert_raise RuntimeError, fn -> Repo.backup(path, progress: fn _ -> raise "no" end) end

    assert_received {[:maintenance, :exception], %{duration: _},
                     %{operation: :backup, kind: :error}}
  end

  defp received(events \\ []) do
    receive do
      event -> received([event | events])
    after
      0 -> events
    end
  end

  test "a query emits an event when it starts and when it stops" do
    assert Repo.all(:rooms) == []
    assert_received {[:query, :start], times, metadata}
    assert %{system_time: _, monotonic_time: _} = times

    assert metadata ==
             %{repo: :observed, operation: :all, table: :rooms, resource: nil, action: nil}

    assert_received {[:query, :stop], %{duration: duration}, %{operation: :all, error: nil}}
    assert duration > 0

    Repo.query!("SELECT 1")
    assert_received {[:query, :stop], _, %{operation: :sql, table: nil}}
  end

  defp stopped do
    assert_received {[:query, :stop], measurements, metadata}
    {measurements, metadata}
  end

  test "a query says how many rows it gave or wrote" do
    for {run, rows} <- [
          {fn -> Repo.insert_all(:rooms, [[id: "a", title: "A"], [id: "b", title: "B"]]) end, 2},
          {fn -> Repo.insert(:rooms, %{id: "c", title: "C"}) end, 1},
          {fn -> Repo.all(:rooms) end, 3},
          {fn -> Repo.all(:rooms, where: [id: "z"]) end, 0},
          {fn -> Repo.get(:rooms, "a") end, 1},
          {fn -> Repo.get(:rooms, "z") end, 0},
          {fn -> Repo.count(:rooms) end, 1},
          {fn -> Repo.exists?(:rooms) end, 1},
          {fn -> Repo.query("SELECT id FROM rooms") end, 3},
          {fn -> Enum.to_list(Repo.stream(:rooms)) end, 3},
          {fn -> Repo.update(:rooms, "a", title: "D") end, 1},
          {fn -> Repo.update_all(:rooms, set: [hidden: true]) end, 3},
          {fn -> Repo.execute("UPDATE rooms SET hidden = 0") end, 3},
          {fn -> Repo.insert(:rooms, %{id: "a", title: "A"}) end, 0},
          {fn -> Repo.delete_all(:rooms) end, 3}
        ] do
      run.()
      assert {%{rows: ^rows, queue_time: queue, duration: duration}, _} = stopped()
      assert queue in 0..duration
    end
  end

  test "a query's SQL is there when it is asked for, without the values" do
    secret = "a secret title"
    row = [id: "a", title: secret]
    where = [title: secret]

    for {run, sql} <- [
          {fn -> Repo.insert(:rooms, row) end, ~r/^INSERT INTO "rooms"/},
          {fn ->
             Repo.insert_all(:rooms, [[id: "b", title: "secret b"], [id: "c", title: "c"]])
           end, ~r/^INSERT INTO "rooms"/},
          {fn -> Repo.upsert(:rooms, row) end, ~r/^INSERT INTO "rooms".* ON CONFLICT/s},
          {fn -> Repo.get(:rooms, "a") end, ~r/^SELECT .* FROM "rooms".* WHERE .*"id" = /s},
          {fn -> Repo.all(:rooms, where: where, limit: 3) end, ~r/^SELECT .* LIMIT/s},
          {fn -> Repo.count(:rooms, where: where) end, ~r/^SELECT count/},
          {fn -> Repo.exists?(:rooms, where: where) end, ~r/^SELECT EXISTS/i},
          {fn -> Repo.update_all(:rooms, [set: [hidden: true]], where: where) end,
           ~r/^UPDATE "rooms" SET/},
          {fn -> Repo.query("SELECT ?", [secret]) end, ~r/^SELECT \?$/},
          {fn -> Repo.execute("DELETE FROM rooms WHERE title = ?", [secret]) end,
           ~r/^DELETE FROM rooms WHERE title = \?$/},
          {fn -> Repo.delete_all(:rooms, where: where) end, ~r/^DELETE FROM "rooms"/}
        ] do
      run.()
      {_, %{sql: text}} = stopped()
      assert text.() =~ sql
      refute text.() =~ "secret"
    end

    assert_raise Error, fn -> Repo.all(:nowhere) end
    assert {_, %{sql: text, error: %Error{code: :unknown_table}}} = stopped()
    assert text.() == nil
  end

  test "each kind of write of many rows has the SQL of its first" do
    alias AshRusqlite.Repo.Writes
    Writes.update_each(Repo.get_dynamic_repo(), :rooms, [{[id: "a"], [set: [title: "A"]]}])
    {_, %{sql: text}} = stopped()
    assert text.() =~ ~r/^UPDATE "rooms" SET/

    either = {[id: "a"], nil, [set: [title: "A"]], %{id: "a", title: "A"}}
    Writes.update_or_insert_each(Repo.get_dynamic_repo(), :rooms, [either])
    {_, %{sql: text}} = stopped()
    assert [update, insert] = String.split(text.(), ";\n")
    assert update =~ ~r/^UPDATE "rooms" SET/
    assert insert =~ ~r/^INSERT INTO "rooms"/
  end

  test "a write that waits for the writer says how long" do
    repo = Repo.get_dynamic_repo()
    test = self()

    holder =
      Task.async(fn ->
        Repo.put_dynamic_repo(repo)

        Repo.transaction(fn ->
          Repo.insert!(:rooms, %{id: "held", title: "Held"})
          send(test, :held)
          receive(do: (:release -> Process.sleep(30)))
        end)
      end)

    receive(do: (:held -> :ok))
    _ = received()

    writer =
      Task.async(fn -> AshRusqlite.Repo.Writes.insert(repo, :rooms, id: "a", title: "A") end)

    wait_until(fn ->
      {:ok, stats} = AshRusqlite.Repo.Maintenance.stats(repo)
      stats.queue_depth > 0
    end)

    send(holder.pid, :release)
    assert {:ok, _} = Task.await(writer)
    Task.await(holder)

    assert {_, %{queue_time: queue, duration: duration}, _} =
             Enum.find(received(), &match?({[:query, :stop], _, %{operation: :insert}}, &1))

    assert System.convert_time_unit(queue, :native, :millisecond) >= 30
    assert queue <= duration

    # A call that gives up has only waited.
    {:ok, _} =
      Repo.transaction(fn ->
        Repo.count(:rooms)

        Task.await(
          Task.async(fn ->
            AshRusqlite.Repo.Writes.insert(repo, :rooms, [id: "b", title: "B"], timeout: 20)
          end)
        )
      end)

    assert {_, %{queue_time: queue}, %{error: %Error{code: :timeout}}} =
             Enum.find(received(), &match?({_, _, %{operation: :insert, error: _}}, &1))

    assert System.convert_time_unit(queue, :native, :millisecond) >= 20
  end

  test "a query that fails says why" do
    {:error, error} = Repo.insert(:rooms, id: "a")
    assert_received {[:query, :stop], _, %{operation: :insert, table: :rooms, error: ^error}}
  end

  test "a transaction ends in a commit, a rollback or an exception" do
    Repo.transaction(fn -> Repo.count(:rooms) end)
    assert_received {[:transaction, :start], _, %{repo: :observed}}
    assert_received {[:query, :stop], _, %{operation: :aggregate}}
    assert_received {[:transaction, :stop], _, %{result: :commit, error: nil}}

    Repo.transaction(fn -> Repo.rollback(:reason) end)
    assert_received {[:transaction, :stop], _, %{result: :rollback, error: nil}}

    assert_raise RuntimeError, fn -> Repo.transaction(fn -> raise "oops" end) end

    assert_received {[:transaction, :exception], %{duration: _},
                     %{kind: :error, stacktrace: [_ | _]}}
  end

  test "maintenance emits an event when it starts and when it stops" do
    Repo.check()
    assert_received {[:maintenance, :start], _, %{operation: :check}}
    assert_received {[:maintenance, :stop], _, %{operation: :check, error: nil}}
  end

  test "every event is in the documentation of the module" do
    {:docs_v1, _, _, _, %{"en" => doc}, _, _} = Code.fetch_docs(Telemetry)
    assert [:ash_rusqlite, :residual] in Telemetry.events([])
    for event <- Telemetry.events([]), do: assert(doc =~ "`#{inspect(event)}`")
  end
end
