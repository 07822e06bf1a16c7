defmodule AshRusqlite.Repo.RequestTest do
  # Each request that can be built is one that the native library decodes and runs.
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Journaled
  alias AshRusqlite.Repo.{Call, Registry, Request, Statement, Transaction}

  doctest AshRusqlite.Repo.Request

  setup %{repo: repo} do
    Journaled.tables!(repo)
    Journaled.note!(repo, "n")
    Repo.insert_all(:rooms, for(id <- ~w(a b), do: [id: id, title: String.upcase(id)]))
    :ok
  end

  defp reads do
    by_title = Request.expression({:col, :title}, :text)
    length = Request.computed(:length, {:call, :string_length, [{:col, :title}]}, :integer)
    get = Request.get(:rooms, "a")

    [
      Request.all(:rooms, where: Request.key("a")),
      Request.all(:rooms, where: Request.expression({:is_nil, {:col, :id}})),
      Request.all(:rooms, order_by: [Request.order(:desc_nulls_last, :title)]),
      Request.all(:rooms, select: [:id, length], order_by: [Request.order(:asc, by_title)]),
      Request.all(:rooms, distinct_on: Request.distinct_on([{:col, :id}], asc: {:col, :title})),
      Request.all(:rooms, partition: [by: [{:col, :hidden}], limit: 1]),
      get,
      Request.aggregate(:rooms, :count, nil, []),
      Request.exists(:rooms, []),
      Request.page(:rooms, [limit: 1], nil),
      Request.page(:rooms, [limit: 1, order_by: :id], ["a"]),
      Request.sql("SELECT ?", [1]),
      Request.compute([Request.computed(:one, {:value, :integer, 1}, :integer)]),
      Request.tables(),
      Request.events(source: ["room:kitchen"], headers: true, limit: 1),
      Request.head(),
      Request.position("room:kitchen"),
      Request.consumers(),
      Request.as_of(1, nil, Request.get(:notes, "n")),
      Request.explain(get),
      Request.marked(Request.all(:rooms, []))
    ]
  end

  defp writes do
    id = fn id -> Request.key(id) end
    row = %{id: "a", title: "A"}
    set = [Request.set(:content, "B"), Request.assignment(:inc, :likes, 0)]
    messages = [Request.set_computed(:likes, {:arith, :+, {:col, :likes}, {:value, :integer, 1}})]
    one = Request.update_or_insert_row(id.("a"), nil, [Request.set(:title, "C")], row)

    inserts =
      for conflict <- [
            Request.keep_existing([:id]),
            Request.replace_all([:id]),
            Request.replace([:title], [:id]),
            Request.replace_all_except([:hidden], [:id])
          ],
          do: Request.insert(:rooms, [row], conflict, false)

    inserts ++
      [
        Request.insert(:rooms, [%{id: "c", title: "Third"}], :raise, [:id]),
        Request.update(:messages, nil, set, false),
        Request.update(:messages, Request.expression(true), messages, true),
        Request.update_each(:rooms, [Request.change(id.("a"), [Request.set(:title, "D")])], true),
        Request.update_or_insert(:rooms, [one], true),
        Request.marked(Request.update(:rooms, id.("a"), [Request.set(:title, "E")], true)),
        Request.delete(:rooms, id.("b"), true),
        Request.execute("UPDATE rooms SET title = ? WHERE id = 'a'", ["F"]),
        Request.consumer("mailer", 0, "journal", nil),
        Request.forget_consumer("mailer")
      ]
  end

  # The name of the journal is its own.
  defp known({:consumer, name, seq, _journal, from}, repo) do
    {:ok, %{journal: journal}} = Statement.read(repo, Request.head(), nil)
    Request.consumer(name, seq, journal, from)
  end

  defp known(write, _repo), do: write

  test "each read runs", %{repo: repo} do
    for read <- reads(), do: assert({:ok, _} = Statement.read(repo, read, nil), inspect(read))
  end

  test "each write runs", %{repo: repo} do
    for write <- writes() do
      assert {:ok, _} = Statement.write(repo, known(write, repo), nil), inspect(write)
    end
  end

  test "each write runs with its context", %{repo: repo} do
    {:ok, %{db: db}} = Registry.lookup(repo)
    context = {"user:ann", "import", %{"file" => "chat.txt"}, [{"room:kitchen", 1}]}

    for write <- writes() do
      write = Request.in_context(context, known(write, repo))
      assert {:ok, _} = Call.write(db, write, 5_000), inspect(write)
    end
  end

  test "each step of a transaction runs", %{repo: repo} do
    {:ok, entry} = Registry.lookup(repo)
    table = [table: "lamps", primary_key: ["id"], columns: [[name: "id", type: "TEXT"]]]

    steps = [
      Request.differences_step(table),
      Request.ensure_table_step(table),
      Request.read_step(Request.all(:lamps, [])),
      Request.insert(:lamps, [[id: "a"]], :raise, false)
    ]

    {:ok, _} =
      Transaction.transaction(repo, fn ->
        for step <- steps, do: assert({:ok, _} = Transaction.run(entry, step, 5_000))

        for step <- [:savepoint, :release_savepoint, :savepoint, :rollback_to_savepoint],
            do: assert(:ok = Transaction.run(entry, step, 5_000))
      end)

    assert Enum.map(steps, &Request.writes?/1) == [true, true, false, true]
    refute Request.writes?(:savepoint)
  end

  test "says what a request does, and to which table" do
    read = Request.as_of(1, nil, Request.aggregate(:rooms, :max, :title, []))
    assert Request.past?(read)
    assert Request.operation(read) == :aggregate
    assert Request.table(read) == :rooms

    tables = for read <- reads(), do: {Request.operation(read), Request.table(read)}
    assert {:page, :rooms} in tables
    assert {:explain, nil} in tables

    write = Request.in_context({nil, nil, nil, []}, Request.delete(:rooms, nil, false))
    assert {Request.operation(write), Request.table(write)} == {:delete, :rooms}
  end

  # Two elements look like a pair of a keyword list, so these are left out. Five of `:aggregate` are an
  # expression, too, which the data layer builds.
  test "no other source builds a request" do
    requests =
      for request <- reads() ++ writes(),
          size = tuple_size(request),
          size != 2,
          into: MapSet.new() do
        {elem(request, 0), size}
      end

    found =
      for path <- Path.wildcard("lib/{ash_rusqlite,mix}/**/*.ex"),
          path not in ["lib/ash_rusqlite/repo/request.ex", "lib/ash_rusqlite/repo/expression.ex"],
          tuple <- tuples(path),
          MapSet.member?(requests, tuple),
          tuple != {:aggregate, 5} or not String.contains?(path, "/data_layer/"),
          do: {path, tuple}

    assert found == []
  end

  defp tuples(path) do
    {_, found} =
      path
      |> File.read!()
      |> Code.string_to_quoted!()
      |> Macro.prewalk([], fn
        {:{}, _, [tag | rest]} = tuple, found -> {tuple, [{tag, length(rest) + 1} | found]}
        other, found -> {other, found}
      end)

    found
  end
end
