defmodule AshRusqlite.P8ValuesTest do
  @moduledoc false
  # P8: a value is stored as it is or refused by name, and never becomes SQL. What each type
  # refuses is tested in test/ash_rusqlite/repo/values_test.exs and
  # native/engine/tests/p8_wrong_values.rs, names that are not there in repo/reads_test.exs and
  # repo/writes_test.exs, where these go through one way of calling, here through all of them.
  use AshRusqlite.Case, async: true

  setup %{repo: repo} do
    migrate!(repo, """
    -- up
    CREATE TABLE kinds (
      id INTEGER PRIMARY KEY, text TEXT, integer INTEGER, float REAL, decimal DECIMAL_TEXT,
      json JSON_TEXT, blob BLOB, plain NUMERIC
    );
    """)

    Repo.insert!(:kinds, id: 1)
    :ok
  end

  # Every place of a call that a value can stand in.
  defp everywhere(column, value) do
    [
      fn -> Repo.insert(:kinds, [{column, value}]) end,
      fn -> Repo.upsert(:kinds, [{:id, 1}, {column, value}]) end,
      fn -> Repo.update(:kinds, 1, [{column, value}]) end,
      fn -> Repo.insert_all(:kinds, [[id: 5], [{column, value}]]) end,
      fn -> Repo.update_all(:kinds, set: [{column, value}]) end,
      fn -> Repo.update_all(:kinds, [set: [text: "x"]], where: [{column, value}]) end,
      fn -> Repo.delete_all(:kinds, where: [{column, :!=, value}]) end,
      fn -> Repo.all(:kinds, where: [{column, value}]) end,
      fn -> Repo.all(:kinds, where: [{column, :in, [nil, value]}]) end,
      fn -> Repo.count(:kinds, where: {:or, [[id: 1], {column, :>, value}]}) end,
      fn -> Repo.exists?(:kinds, where: {:not, [{column, value}]}) end,
      fn -> Repo.get_by(:kinds, [{column, value}]) end,
      fn -> Repo.all(:kinds, order_by: column, after: [{:id, 1}, {column, value}]) end,
      fn -> Repo.transaction(fn -> Repo.insert!(:kinds, [{column, value}]) end) end
    ]
  end

  defp refused(call) do
    case call.() do
      {:error, %Error{} = error} -> error
      other -> flunk("it was not refused: #{inspect(other, limit: 5)}")
    end
  rescue
    error in Error -> error
  end

  defp refused_everywhere(column, value) do
    for call <- everywhere(column, value) do
      assert %Error{code: :invalid_value, details: details, message: message} = refused(call)
      assert {details.table, details.column} == {"kinds", "#{column}"}
      assert message =~ "kinds.#{column}"
    end

    assert Repo.all(:kinds) |> Enum.map(&Map.drop(&1, [:id])) |> Enum.uniq() ==
             [
               %{
                 text: nil,
                 integer: nil,
                 float: nil,
                 decimal: nil,
                 json: nil,
                 blob: nil,
                 plain: nil
               }
             ]
  end

  describe "in every place of a call it is refused, and nothing is written:" do
    test "an integer beyond 64 bits" do
      for integer <- [9_223_372_036_854_775_808, -9_223_372_036_854_775_809, 10 ** 9_000] do
        refused_everywhere(:integer, integer)
        refused_everywhere(:plain, integer)
      end

      # More digits than could be printed in time.
      refused_everywhere(:integer, Integer.pow(7, 100_000))
    end

    test "text that is not UTF-8" do
      for bytes <- [<<255>>, "abc" <> <<0xC3>>, <<0xED, 0xA0, 0x80>>],
          do: refused_everywhere(:text, bytes)
    end

    test "bits that are no bytes" do
      for column <- [:text, :blob, :integer], do: refused_everywhere(column, <<5::3>>)
    end

    test "what lives in a VM only: processes, references, ports and functions" do
      port = hd(Port.list())

      for value <- [self(), make_ref(), port, fn -> :ok end, &Enum.map/2],
          column <- [:text, :json, :blob, :plain] do
        refused_everywhere(column, value)
        if column == :json, do: refused_everywhere(column, %{"deep" => [{1, [value]}]})
      end
    end

    test "a value of another type" do
      for {column, values} <- [
            text: [1, 1.5, true, ~D[2026-01-02], %{}, [], {}, ~c"chars"],
            integer: ["1", 1.5, true, :one, [1], %{}],
            float: ["1.5", true, :inf, :nan, ~T[03:04:05]],
            decimal: ["x", "1,5", "", "Infinity", :inf, []],
            blob: [1, true, :atom, %{}]
          ],
          value <- values do
        refused_everywhere(column, value)
      end
    end

    test "NaN and infinity, which Elixir only has as decimals" do
      for coefficient <- [:NaN, :inf], column <- [:decimal, :float, :integer, :text] do
        refused_everywhere(column, %{__struct__: Decimal, sign: 1, coef: coefficient, exp: 0})
      end
    end

    test "calendar structs that are none" do
      for value <- [
            %{~D[2026-01-02] | month: 13},
            %{~D[2026-01-02] | year: 10 ** 30},
            %{~U[2026-01-02 03:04:05Z] | calendar: My.Calendar},
            %{~T[03:04:05] | microsecond: :none},
            %{__struct__: DateTime},
            %{__struct__: Decimal, coef: -5, sign: 1, exp: 0}
          ],
          column <- [:plain, :text] do
        refused_everywhere(column, value)
      end
    end
  end

  test "infinity that SQL computes, or that another program stored, is a typed error to read" do
    assert {:error, %Error{code: :invalid_stored_value}} = Repo.query("SELECT 9e999")
    assert {:error, %Error{code: :invalid_stored_value}} = Repo.query("SELECT -9e999")
    # SQLite has no NaN: it is null.
    assert %{rows: [[nil]]} = Repo.query!("SELECT 9e999 - 9e999")

    migrate_infinity()

    assert %Error{code: :invalid_stored_value, details: details} =
             error(fn -> Repo.get(:far, 1) end)

    assert %{table: "far", column: "away"} = details
    assert Repo.count(:far) == 1
  end

  test "sums that leave 64 bits are refused, and change nothing" do
    Repo.update!(:kinds, 1, integer: 9_223_372_036_854_775_807)
    assert error(fn -> Repo.update_all(:kinds, inc: [integer: 1]) end).code == :invalid_value
    assert Repo.get!(:kinds, 1).integer == 9_223_372_036_854_775_807
    Repo.insert!(:kinds, integer: 1)
    assert error(fn -> Repo.aggregate(:kinds, :sum, :integer) end).code == :invalid_value

    assert {:error, %Error{code: :invalid_value}} = Repo.query("SELECT sum(integer) FROM kinds")
  end

  test "strings with NUL come back whole, and are found" do
    for value <- ["a\0b", "\0", "\0\0a", "a\0"] do
      assert %{text: ^value, json: %{"k" => ^value}, blob: ^value, id: id} =
               Repo.insert!(:kinds, text: value, json: %{"k" => value}, blob: value)

      assert [%{id: ^id}] = Repo.all(:kinds, where: [text: value, blob: value])
      assert %{rows: [[^value]]} = Repo.query!("SELECT ?", [value])
      Repo.delete!(:kinds, id)
    end

    assert {:error, %Error{code: :sql_syntax}} = Repo.query("SELECT 1\0; DROP TABLE kinds")
    assert error(fn -> Repo.all("kinds\0") end).code == :unknown_table
    assert {:error, %Error{code: :unknown_column}} = Repo.insert(:kinds, %{"text\0" => "x"})
  end

  test "values of 100 MB come back whole" do
    size = 100_000_000

    for {column, value} <- [
          text: String.duplicate("x", size),
          blob: :binary.copy(<<0, 255>>, div(size, 2))
        ] do
      assert {:ok, %{}} =
               Repo.insert(:kinds, [{:id, 2}, {column, value}], returning: false, timeout: 60_000)

      assert %{^column => read} = Repo.get!(:kinds, 2, timeout: 60_000)
      assert read == value
      assert Repo.count(:kinds, where: [{column, value}], timeout: 60_000) == 1
      Repo.delete!(:kinds, 2, returning: [:id], timeout: 60_000)
    end
  end

  test "what is more than SQLite takes is refused as too big" do
    for sql <- [
          "SELECT zeroblob(1000000001)",
          "SELECT replace(hex(zeroblob(9999)), '0', hex(zeroblob(99999)))"
        ] do
      assert {:error, %Error{code: :too_big}} = Repo.query(sql)
    end
  end

  test "values and names that look like SQL stay values and names" do
    for text <- [
          "'); DROP TABLE kinds; --",
          "' OR '1'='1",
          "\"; DELETE FROM kinds; --",
          "x' UNION SELECT * FROM rooms --",
          "?1",
          ":text",
          "$$",
          "%",
          "a;b"
        ] do
      assert %{id: id, text: ^text} = Repo.insert!(:kinds, text: text)
      assert [%{id: ^id}] = Repo.all(:kinds, where: [text: text])
      assert Repo.count(:kinds, where: [{:text, :in, [text, "other"]}]) == 1
      assert %{rows: [[^id]]} = Repo.query!("SELECT id FROM kinds WHERE text = ?", [text])
      assert {1, _} = Repo.update_all(:kinds, [set: [json: %{text => text}]], where: [text: text])
      assert Repo.get!(:kinds, id).json == %{text => text}
      assert {1, _} = Repo.delete_all(:kinds, where: [text: text])

      assert error(fn -> Repo.all(text) end).code == :unknown_table
      assert error(fn -> Repo.all(:kinds, where: [{text, 1}]) end).code == :unknown_column
      assert error(fn -> Repo.all(:kinds, order_by: text) end).code == :unknown_column
      assert error(fn -> Repo.all(:kinds, select: [text]) end).code == :unknown_column
      assert error(fn -> Repo.aggregate(:kinds, :sum, text) end).code == :unknown_column
      assert {:error, %Error{code: :unknown_column}} = Repo.insert(:kinds, %{text => 1})
      assert {:error, %Error{code: :unknown_column}} = Repo.update(:kinds, 1, %{text => 1})

      assert {:error, %Error{code: :unknown_column}} =
               Repo.upsert(:kinds, [id: 1], conflict_target: [text])
    end

    assert Repo.count(:kinds) == 1
  end

  defp migrate_infinity do
    folder =
      Path.join(System.tmp_dir!(), "ash_rusqlite-far-#{System.unique_integer([:positive])}")

    database = Path.join(folder, "far.db")
    File.mkdir_p!(folder)
    on_exit(fn -> File.rm_rf!(folder) end)
    far = start_supervised!({AshRusqlite.Repo, database: database}, id: :far)

    sql =
      "-- up\nCREATE TABLE far (id INTEGER PRIMARY KEY, away REAL);\nINSERT INTO far VALUES (1, 9e999);"

    File.write!(Path.join(folder, "20260101000000_far.sql"), sql)
    {:ok, [_]} = AshRusqlite.Repo.Maintenance.migrate(far, migrations: folder)
    Repo.put_dynamic_repo(far)
  end
end
