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

  test "what is emitted is what is listed" do
    Repo.count(:rooms)
    Repo.transaction(fn -> :ok end)
    Repo.check()

    for name <- [:query, :transaction, :maintenance] do
      fun = fn -> Telemetry.span([:my_app, :repo], name, %{}, fn -> throw(:out) end, & &1) end
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

  test "a query starts and stops" do
    assert Repo.all(:rooms) == []
    assert_received {[:query, :start], times, metadata}
    assert %{system_time: _, monotonic_time: _} = times
    assert metadata == %{repo: :observed, operation: :all, table: :rooms}
    assert_received {[:query, :stop], %{duration: duration}, %{operation: :all, error: nil}}
    assert duration > 0

    Repo.query!("SELECT 1")
    assert_received {[:query, :stop], _, %{operation: :sql, table: nil}}
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

  test "maintenance starts and stops" do
    Repo.check()
    assert_received {[:maintenance, :start], _, %{operation: :check}}
    assert_received {[:maintenance, :stop], _, %{operation: :check, error: nil}}
  end

  test "every event is documented" do
    {:docs_v1, _, _, _, %{"en" => doc}, _, _} = Code.fetch_docs(Telemetry)
    assert [:ash_rusqlite, :residual] in Telemetry.events([])
    for event <- Telemetry.events([]), do: assert(doc =~ "`#{inspect(event)}`")
  end
end
