defmodule AshRusqlite.Repo.ValuesTest do
  use AshRusqlite.Case, async: true

  @table """
  -- up
  CREATE TABLE kinds (
    id INTEGER PRIMARY KEY,
    text TEXT, uuid UUID_TEXT, integer INTEGER, float REAL, decimal DECIMAL_TEXT,
    boolean BOOLEAN_INT, datetime DATETIME_TEXT, datetime_usec DATETIME_USEC_TEXT,
    naive NAIVE_DATETIME_TEXT, naive_usec NAIVE_DATETIME_USEC_TEXT,
    date DATE_TEXT, time TIME_TEXT, time_usec TIME_USEC_TEXT, json JSON_TEXT, blob BLOB
  );
  """

  setup %{repo: repo} do
    migrate!(repo, @table)
    :ok
  end

  @values [
    text: "Grüße, 世界",
    text: "",
    uuid: "0190163d-8694-739b-aea5-966c26f8ad91",
    integer: -9_223_372_036_854_775_808,
    integer: 9_223_372_036_854_775_807,
    float: 1.5,
    boolean: true,
    boolean: false,
    datetime: ~U[2026-01-02 03:04:05Z],
    datetime_usec: ~U[2026-01-02 03:04:05.000006Z],
    naive: ~N[2026-01-02 03:04:05],
    naive_usec: ~N[2026-01-02 03:04:05.000006],
    date: ~D[2026-01-02],
    time: ~T[03:04:05],
    time_usec: ~T[03:04:05.000006],
    json: %{"a" => [1, 2.5, nil, true, "x"], "b" => %{}},
    json: [],
    json: %{atom: :value, tuple: {1, 2}},
    blob: <<0, 255, 1>>,
    blob: ""
  ]

  test "every type comes back as it was" do
    for {column, value} <- @values do
      assert {column, %{^column => read}} = {column, Repo.insert!(:kinds, [{column, value}])}
      assert {column, read} == {column, value}
      assert [%{^column => ^value}] = Repo.all(:kinds, where: [{column, value}], limit: 1)
    end
  end

  # Rows of a result share the terms of what they repeat: nothing may be mistaken for another.
  test "many rows with the same and with similar values come back each as it was" do
    texts =
      for length <- [0, 1, 7, 8, 9, 39, 40, 41, 70], first <- ["a", "b"], last <- ["x", "y"] do
        binary_part(first <> String.duplicate("-", 70) <> last, 0, length) <> last
      end

    times = for second <- [5, 5, 6], micro <- [1, 2], do: {second, micro}

    rows =
      for {text, n} <- Enum.with_index(texts ++ texts ++ Enum.reverse(texts)) do
        {second, micro} = Enum.at(times, rem(n, 6))
        at = %{~U[2026-01-02 03:04:00.000000Z] | second: second, microsecond: {micro, 6}}

        %{
          id: n,
          text: text,
          uuid: "0190163d-8694-739b-aea5-#{rem(n, 3)}66c26f8ad91",
          datetime_usec: at,
          datetime: DateTime.truncate(at, :second),
          json: %{text => [text, "text", %{"text" => n}], "key" => rem(n, 2)},
          blob: text
        }
      end

    Repo.insert_all(:kinds, rows)
    columns = [:id, :text, :uuid, :datetime_usec, :datetime, :json, :blob]
    assert Repo.all(:kinds, order_by: :id, select: columns) == rows
    assert Repo.stream(:kinds, select: columns, max_rows: 7) |> Enum.sort_by(& &1.id) == rows
  end

  test "null is nil in every type" do
    %{id: id} = Repo.insert!(:kinds, [])
    row = Repo.get!(:kinds, id)
    assert row |> Map.delete(:id) |> Map.values() |> Enum.uniq() == [nil]
  end

  test "values are brought into the column's form" do
    assert %{text: "atom"} = Repo.insert!(:kinds, text: :atom)
    assert %{float: 2.0} = Repo.insert!(:kinds, float: 2)

    upper = String.upcase("0190163d-8694-739b-aea5-966c26f8ad91")
    assert %{uuid: "0190163d-8694-739b-aea5-966c26f8ad91"} = Repo.insert!(:kinds, uuid: upper)

    berlin = %DateTime{
      ~U[2026-01-02 04:04:05.000000Z]
      | time_zone: "Europe/Berlin",
        zone_abbr: "CET",
        utc_offset: 3600
    }

    assert %{datetime_usec: ~U[2026-01-02 03:04:05.000000Z]} =
             Repo.insert!(:kinds, datetime_usec: berlin)
  end

  test "decimals come back exactly as they were written" do
    if Code.ensure_loaded?(Decimal) do
      for text <- ["1.10", "1E+3", "-1.2E+4", "0E+2", "-0", "1E-9"] do
        decimal = apply(Decimal, :new, [text])
        assert %{decimal: ^decimal} = Repo.insert!(:kinds, decimal: decimal)
      end
    else
      assert %{decimal: "12"} = Repo.insert!(:kinds, decimal: 12)
    end
  end

  test "what a type cannot hold is refused, and named" do
    for {column, value} <- [
          text: 1,
          text: <<255>>,
          uuid: "no uuid",
          integer: 9_223_372_036_854_775_808,
          integer: 1.5,
          integer: "1",
          float: "1.5",
          decimal: "x",
          boolean: 1,
          boolean: "true",
          datetime: ~N[2026-01-02 03:04:05],
          datetime: "yesterday",
          naive: ~U[2026-01-02 03:04:05Z],
          date: ~T[03:04:05],
          time: ~D[2026-01-02],
          blob: 5,
          text: {1},
          text: self(),
          text: make_ref(),
          text: fn -> :ok end
        ] do
      assert {_, {:error, %Error{code: :invalid_value, details: details, message: message}}} =
               {{column, value}, Repo.insert(:kinds, [{column, value}])}

      assert details.column == Atom.to_string(column)
      assert message =~ "kinds.#{column}" or message =~ Atom.to_string(column)
    end

    assert Repo.count(:kinds) == 0
  end
end
