defmodule AshRusqlite.P5PlainFileTest do
  @moduledoc false
  # P5: the file is a plain SQLite file. Texts of other programs, value by value, are tested in
  # native/engine/tests/p5_other_programs.rs.
  use AshRusqlite.Case, async: true

  @types ~w(TEXT UUID_TEXT INTEGER REAL DECIMAL_TEXT BOOLEAN_INT DATETIME_TEXT DATETIME_USEC_TEXT
            NAIVE_DATETIME_TEXT NAIVE_DATETIME_USEC_TEXT DATE_TEXT TIME_TEXT TIME_USEC_TEXT
            JSON_TEXT BLOB)

  # What is written, and what is in the file: docs/file-format.md, "Values on disk".
  @written [
    {"TEXT", "Grüße, 世界", "text", "Grüße, 世界"},
    {"TEXT", :admin, "text", "admin"},
    {"UUID_TEXT", "0190163D-8694-739B-AEA5-966C26F8AD91", "text",
     "0190163d-8694-739b-aea5-966c26f8ad91"},
    {"INTEGER", -9_223_372_036_854_775_808, "integer", "-9223372036854775808"},
    {"REAL", 1.5, "real", "1.5"},
    {"REAL", 2, "real", "2.0"},
    {"DECIMAL_TEXT", "1.10", "text", "1.10"},
    {"DECIMAL_TEXT", "1.2E+4", "text", "1.2E+4"},
    {"BOOLEAN_INT", true, "integer", "1"},
    {"BOOLEAN_INT", false, "integer", "0"},
    {"DATETIME_TEXT", ~U[2026-01-02 03:04:05Z], "text", "2026-01-02T03:04:05Z"},
    {"DATETIME_USEC_TEXT", ~U[2026-01-02 03:04:05.000006Z], "text",
     "2026-01-02T03:04:05.000006Z"},
    {"DATETIME_USEC_TEXT", ~U[2026-01-02 03:04:05Z], "text", "2026-01-02T03:04:05.000000Z"},
    {"NAIVE_DATETIME_TEXT", ~N[2026-01-02 03:04:05], "text", "2026-01-02T03:04:05"},
    {"NAIVE_DATETIME_USEC_TEXT", ~N[2026-01-02 03:04:05.120000], "text",
     "2026-01-02T03:04:05.120000"},
    {"DATE_TEXT", ~D[2026-01-02], "text", "2026-01-02"},
    {"TIME_TEXT", ~T[03:04:05], "text", "03:04:05"},
    {"TIME_USEC_TEXT", ~T[03:04:05.000006], "text", "03:04:05.000006"},
    {"JSON_TEXT", %{"b" => [1, 2.5, nil, true], "a" => "x"}, "text",
     ~s({"a":"x","b":[1,2.5,null,true]})},
    {"JSON_TEXT", [], "text", "[]"},
    # What JSON would not give back is kept as the External Term Format, whose first byte is 131.
    {"JSON_TEXT", %{key: {:a, 1}}, "blob", :erlang.term_to_binary(%{key: {:a, 1}})},
    {"BLOB", <<0, 255>>, "blob", <<0, 255>>}
  ]

  # A file as Ecto's SQLite adapter and AshSqlite make it, and what its values are read as.
  @foreign """
  CREATE TABLE people (
    id TEXT PRIMARY KEY NOT NULL, email TEXT, age INTEGER, score NUMERIC, ratio REAL,
    member BOOLEAN, balance DECIMAL, bio JSON, tags TEXT, avatar BLOB,
    born DATE, wakes TIME, seen_at DATETIME, inserted_at TEXT NOT NULL,
    updated_at UTC_DATETIME_USEC, local_at NAIVE_DATETIME
  );
  CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, inserted_at TEXT);
  INSERT INTO schema_migrations VALUES (20260101000000, '2026-01-01T00:00:00');
  INSERT INTO people VALUES (
    '0190163d-8694-739b-aea5-966c26f8ad91', 'ann@example.com', 42, 1.5, 0.25,
    1, '1.10', '{"city":"Rome","langs":["it","la"]}', '["a","b"]', x'00ff',
    '1984-05-06', '07:30:00', '2026-01-02T03:04:05Z', '2026-01-02T03:04:05.000006',
    '2026-01-02 03:04:05.000006Z', '2026-01-02 03:04:05'
  );
  INSERT INTO people (id, inserted_at, score, member)
  VALUES ('22222222-2222-4222-8222-222222222222', '2026-01-02 03:04:05', 7, 0);
  """

  # What becomes of the text '1' in a column: its affinity.
  @affinities %{"INTEGER" => "integer", "BOOLEAN_INT" => "integer", "REAL" => "real"}

  setup %{repo: repo} do
    columns = @types |> Enum.with_index() |> Enum.map_join(", ", fn {t, i} -> "c#{i} #{t}" end)
    ones = Enum.map_join(@types, ", ", fn _ -> "'1'" end)

    migrate!(repo, """
    -- up
    CREATE TABLE kinds (id INTEGER PRIMARY KEY, #{columns});
    CREATE TABLE ones (#{columns});
    INSERT INTO ones VALUES (#{ones});
    #{@foreign}
    """)

    :ok
  end

  test "each value has the storage class and the text of the table in docs/file-format.md" do
    for {type, value, class, stored} <- @written do
      %{id: id} = Repo.insert!(:kinds, [{column(type), value}])

      sql =
        "SELECT typeof(#{column(type)}), CAST(#{column(type)} AS BLOB) FROM kinds WHERE id = ?"

      assert %{rows: [[^class, bytes]]} = Repo.query!(sql, [id])
      assert {type, value, bytes} == {type, value, stored}
    end
  end

  test "the declared types are those of docs/file-format.md and have SQLite's right affinities" do
    documented = File.read!("docs/file-format.md")

    for type <- @types do
      assert documented =~ "`#{type}`"
      class = Map.get(@affinities, type, "text")
      assert %{rows: [[^class]]} = Repo.query!("SELECT typeof(#{column(type)}) FROM ones")
    end
  end

  test "the order of the texts of a time type is the order of time" do
    times = for second <- [59, 0, 7], usec <- [0, 1, 999_999], do: {second, usec}

    for {type, make} <- [
          {"DATETIME_USEC_TEXT",
           fn {s, us} -> %{~U[2026-01-02 03:04:00.000000Z] | second: s, microsecond: {us, 6}} end},
          {"TIME_USEC_TEXT",
           fn {s, us} -> %{~T[03:04:00.000000] | second: s, microsecond: {us, 6}} end}
        ] do
      for time <- times, do: Repo.insert!(:kinds, [{column(type), make.(time)}])
      where = [{String.to_atom(column(type)), :is_nil, false}]
      rows = Repo.all(:kinds, where: where, order_by: column(type), select: [column(type)])
      assert Enum.flat_map(rows, &Map.values/1) == times |> Enum.sort() |> Enum.map(make)
    end
  end

  test "the header says what the file is", %{database: database} do
    {:ok, _} = Repo.checkpoint(:truncate)

    assert <<"SQLite format 3", 0, _page_size::16, write_version, read_version,
             _::binary-size(36), encoding::32, _::binary-size(8), application_id::32,
             _::binary>> = File.read!(database)

    # 2 is the write-ahead log, encoding 1 is UTF-8.
    assert {write_version, read_version, encoding} == {2, 2, 1}
    assert <<application_id::32>> == "ARqs"
  end

  test "another program reads the rows while the repo is running", %{database: database} do
    for n <- 1..3 do
      Repo.insert!(:kinds, [
        {column("TEXT"), "Grüße #{n}"},
        {column("DATETIME_TEXT"), ~U[2026-01-02 03:04:05Z]},
        {column("JSON_TEXT"), %{"n" => n}}
      ])
    end

    columns = Enum.map_join(["TEXT", "DATETIME_TEXT", "JSON_TEXT"], " || '|' || ", &column/1)
    sql = "SELECT #{columns} FROM kinds ORDER BY id"

    assert other_program(database, sql) == [
             ~s(Grüße 1|2026-01-02T03:04:05Z|{"n":1}),
             ~s(Grüße 2|2026-01-02T03:04:05Z|{"n":2}),
             ~s(Grüße 3|2026-01-02T03:04:05Z|{"n":3})
           ]

    assert other_program(database, "PRAGMA integrity_check") == ["ok"]
    assert {:ok, []} = Repo.check()
  end

  describe "a file of Ecto's SQLite adapter or AshSqlite" do
    setup %{repo: repo, database: database, tmp_dir: folder} do
      # As they make it: with a rollback journal and without our application id.
      {:ok, _} = Repo.checkpoint(:truncate)
      path = Path.join(folder, "foreign.db")

      <<start::binary-size(18), 2, 2, middle::binary-size(48), "ARqs", rest::binary>> =
        File.read!(database)

      File.write!(path, [start, 1, 1, middle, 0, 0, 0, 0, rest])
      AshRusqlite.Repo.stop(repo)
      foreign = start_supervised!({AshRusqlite.Repo, database: path}, id: :foreign)
      Repo.put_dynamic_repo(foreign)
      :ok
    end

    test "is read by what its columns declare, plain columns by their storage class" do
      assert %{
               id: "0190163d-8694-739b-aea5-966c26f8ad91",
               email: "ann@example.com",
               age: 42,
               score: 1.5,
               ratio: 0.25,
               member: true,
               bio: ~s({"city":"Rome","langs":["it","la"]}),
               tags: ~s(["a","b"]),
               avatar: <<0, 255>>,
               born: "1984-05-06",
               wakes: "07:30:00",
               seen_at: "2026-01-02T03:04:05Z",
               inserted_at: "2026-01-02T03:04:05.000006"
             } = Repo.get!(:people, "0190163d-8694-739b-aea5-966c26f8ad91")

      assert %{score: 7, member: false, age: nil, bio: nil, balance: nil} =
               Repo.get_by!(:people, member: false)
    end

    test "is found by conditions, counted and summed" do
      assert [%{age: 42}] = Repo.all(:people, where: [email: "ann@example.com", age: 42])
      assert Repo.aggregate(:people, :max, :age) == 42
      assert Repo.count(:people, where: [{:inserted_at, :<, "2026-01-02T"}]) == 1
      assert [%{version: 20_260_101_000_000}] = Repo.all(:schema_migrations)
    end

    test "is written in its own forms and keeps what it was" do
      id = "33333333-3333-4333-8333-333333333333"

      assert {:ok, row} =
               Repo.insert(:people, %{
                 id: id,
                 inserted_at: "2026-01-03T00:00:00",
                 score: 2.5,
                 member: true,
                 bio: ~s({"a":1}),
                 avatar: <<1>>
               })

      assert %{score: 2.5, member: true, bio: ~s({"a":1}), avatar: <<1>>} = row
      sql = "SELECT typeof(score), typeof(member), typeof(bio) FROM people WHERE id = ?"
      assert %{rows: [["real", "integer", "text"]]} = Repo.query!(sql, [id])
      assert %{rows: [[0]]} = Repo.query!("PRAGMA application_id")
      assert {:ok, []} = Repo.check()
    end
  end

  defp column(type), do: "c#{Enum.find_index(@types, &(&1 == type))}"

  # The lines that a program with an SQLite of its own prints; without one it is us.
  defp other_program(database, sql) do
    python =
      "import sqlite3, sys; sys.stdout.reconfigure(encoding='utf-8'); [print(r[0]) " <>
        "for r in sqlite3.connect(sys.argv[1]).execute(sys.argv[2])]"

    cond do
      System.find_executable("sqlite3") -> lines("sqlite3", [database, sql])
      System.find_executable("python3") -> lines("python3", ["-c", python, database, sql])
      true -> Repo.query!(sql).rows |> Enum.map(&hd/1)
    end
  end

  defp lines(program, arguments) do
    assert {text, 0} = System.cmd(program, arguments, stderr_to_stdout: true)
    String.split(text, "\n", trim: true)
  end
end
