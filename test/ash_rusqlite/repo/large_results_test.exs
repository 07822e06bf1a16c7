defmodule AshRusqlite.Repo.LargeResultsTest do
  @moduledoc false
  # Large results are gathered, the caller makes room, then they become terms.
  use AshRusqlite.Case, async: true

  alias AshRusqlite.{Error, Native}
  alias AshRusqlite.Repo.Heap

  @rows 5_000
  # No row is like another, and every kind of value is there.
  @many """
  WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT #{@rows})
  SELECT n, n * 0.5, NULL, 'text ' || n, hex(zeroblob(n % 90)), CAST('b' || n AS BLOB) FROM n
  """

  @unreadable 3_001

  setup %{repo: repo} do
    migrate!(repo, """
    -- up
    CREATE TABLE kinds (
      id INTEGER PRIMARY KEY, text TEXT, integer INTEGER, float REAL, decimal DECIMAL_TEXT,
      boolean BOOLEAN_INT, datetime DATETIME_TEXT, naive NAIVE_DATETIME_USEC_TEXT,
      date DATE_TEXT, time TIME_TEXT, json JSON_TEXT, blob BLOB
    );
    INSERT INTO kinds (id, json) VALUES (#{@unreadable}, '{"n": ');
    """)

    :ok
  end

  defp db(repo) do
    {:ok, entry} = AshRusqlite.Repo.Registry.lookup(repo)
    entry.db
  end

  defp gathered(repo) do
    assert {:gathered, rows, words, bytes} = Native.read_dirty(db(repo), {:sql, @many, []}, 5_000)
    assert words > @rows and bytes > 0
    rows
  end

  defp expected do
    for n <- 1..@rows do
      [n, n * 0.5, nil, "text #{n}", String.duplicate("00", rem(n, 90)), "b#{n}"]
    end
  end

  defp kinds_of_everything do
    at = ~U[2026-01-02 03:04:05Z]

    for n <- 1..3_000 do
      %{
        id: n,
        text: "room #{rem(n, 100)}",
        integer: n,
        float: n / 3,
        decimal: "#{n}.10",
        boolean: rem(n, 2) == 0,
        datetime: DateTime.add(at, n),
        naive: NaiveDateTime.add(~N[2026-01-02 03:04:05.000006], n),
        date: Date.add(~D[2026-01-02], n),
        time: Time.add(~T[03:04:05], n),
        json: %{"n" => n, "list" => [1, nil, %{"text" => "room #{n}"}]},
        blob: <<n::32>>
      }
    end
  end

  test "large results are what smaller ones are, read one after the other" do
    {3_000, nil} = Repo.insert_all(:kinds, kinds_of_everything())
    {1, nil} = Repo.delete_all(:kinds, where: [id: @unreadable])
    all = Repo.all(:kinds, order_by: :id)
    assert all == for(n <- 1..3_000, do: Repo.get!(:kinds, n))
    assert all == :kinds |> Repo.stream(order_by: :id, max_rows: 10) |> Enum.to_list()
    assert Enum.map(all, & &1.json) == Enum.map(kinds_of_everything(), & &1.json)
    assert Enum.reverse(all) == Repo.all(:kinds, order_by: [desc: :id])
  end

  test "large results come with their columns" do
    assert %{num_rows: @rows, rows: rows, columns: [_, _, _, _, _, _]} = Repo.query!(@many)
    assert rows == expected()
  end

  test "large results leave the limits of the caller's heap as they were" do
    flags = [:min_heap_size, :min_bin_vheap_size, :max_heap_size, :fullsweep_after]
    flags = fn -> Process.info(self(), :garbage_collection) |> elem(1) |> Keyword.take(flags) end
    before = flags.()
    assert Repo.query!(@many).num_rows == @rows
    assert flags.() == before
  end

  test "large results come to a caller whose heap has a limit" do
    Process.flag(:max_heap_size, %{size: 50_000_000, kill: true, error_logger: false})
    assert Repo.query!(@many).rows == expected()
  end

  test "large results need neither fragments nor a garbage collection where there is room", %{
    repo: repo
  } do
    read = {:sql, @many, []}
    {:gathered, rows, words, bytes} = Native.read_dirty(db(repo), read, 5_000)
    :ok = Heap.reserve(words, bytes)
    before = Process.info(self(), :garbage_collection)
    {:ok, {_columns, made}} = Native.take_rows(rows, 5_000)
    assert Process.info(self(), :garbage_collection) == before
    assert {_, facts} = Process.info(self(), :garbage_collection_info)
    assert facts[:mbuf_size] == 0
    assert made == expected()
  end

  test "large results do not make the heap of a caller larger and larger", %{repo: repo} do
    read = fn -> AshRusqlite.Repo.Reads.query!(repo, @many).num_rows end
    size = fn -> self() |> Process.info(:total_heap_size) |> elem(1) end

    {first, last} =
      fn ->
        @rows = read.()
        first = size.()
        for _ <- 1..30, do: @rows = read.()
        {first, size.()}
      end
      |> Task.async()
      |> Task.await()

    assert last <= 3 * first
  end

  test "large results are refused as a whole when one value cannot be read" do
    {3_000, nil} = Repo.insert_all(:kinds, kinds_of_everything())

    assert %Error{code: :invalid_stored_value, details: %{table: "kinds", column: "json"}} =
             catch_error(Repo.all(:kinds, order_by: :id))
  end

  test "large results are made into terms once, by the process that holds them", %{repo: repo} do
    rows = gathered(repo)

    assert {:ok, {_columns, made}} =
             fn -> Native.take_rows(rows, 5_000) end |> Task.async() |> Task.await()

    assert made == expected()
    assert Native.take_rows(rows, 5_000) == :dirty
  end

  test "large results are there when their database is closed meanwhile", %{repo: repo} do
    rows = gathered(repo)
    :ok = GenServer.stop(repo)
    assert {:ok, {_columns, made}} = Native.take_rows(rows, 5_000)
    assert length(made) == @rows
  end

  test "large results end at the deadline", %{repo: repo} do
    rows = gathered(repo)
    assert {:error, {:timeout, message, _, _}} = Native.take_rows(rows, 1)
    assert message =~ "raise timeout:"
  end

  test "large results are none where there are no rows", %{repo: repo} do
    for none <- [nil, make_ref(), db(repo), 1] do
      assert {:error, {:invalid_query, _, _, _}} = Native.take_rows(none, 5_000)
    end
  end
end
