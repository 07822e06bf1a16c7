defmodule AshRusqlite.Repo.OtherFormsTest do
  # The SQL that is offered for times in other forms than their columns' goes into a migration, and
  # every row reads as before.
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Repo.{Maintenance, Reads, Schema}

  @table """
  -- up
  CREATE TABLE visits (id INTEGER PRIMARY KEY, at DATETIME_USEC_TEXT, day DATETIME_TEXT, plain TEXT);
  INSERT INTO visits (id, at, day) VALUES
    (1, '2026-01-02 03:04:05', '2026-01-02T03:04:05Z'),
    (2, '2026-01-02T05:04:05.25+02:00', NULL),
    (3, '2026-01-02T03:04:05.000006Z', '2026-01-02T03:04:05.5Z'),
    (4, '2026-01-02T03:04:05.0000061Z', NULL);
  """

  test "each column is named with its rows, an example, and what a migration needs", %{repo: repo} do
    migrate!(repo, @table)

    assert {:ok, columns} = Maintenance.other_forms(repo)
    assert [at, day] = Enum.sort_by(columns, & &1.column)

    assert %{table: "visits", column: "at", rows: 3, left: 1} = at
    assert at.example == "2026-01-02 03:04:05"
    assert at.statement =~ ~s|UPDATE "visits" SET "at" = |
    refute at.statement =~ "ash_rusqlite_"

    assert day == %{
             table: "visits",
             column: "day",
             rows: 1,
             example: "2026-01-02T03:04:05.5Z",
             left: 1,
             statement: nil
           }
  end

  test "the statement is a migration after which every row reads as before", %{repo: repo} do
    migrate!(repo, @table)
    read = fn -> Reads.all(repo, "visits", select: [:id, :at], order_by: [:id]) end
    instants = fn rows -> Enum.map(rows, &DateTime.to_unix(&1.at, :microsecond)) end
    before = instants.(read.())
    {:ok, columns} = Maintenance.other_forms(repo)
    %{statement: statement} = Enum.find(columns, &(&1.column == "at"))

    migrate!(repo, @table, statement)
    assert instants.(read.()) == before

    assert %{rows: [["2026-01-02T03:04:05.000000Z"], ["2026-01-02T03:04:05.250000Z"] | left]} =
             Reads.query!(repo, "SELECT at || '' FROM visits ORDER BY id")

    assert left == [["2026-01-02T03:04:05.000006Z"], ["2026-01-02T03:04:05.0000061Z"]]

    assert {:ok, after_it} = Maintenance.other_forms(repo)
    assert %{rows: 1, left: 1, statement: nil} = Enum.find(after_it, &(&1.column == "at"))
  end

  test "another program's column counts once it is known to hold times", %{repo: repo} do
    migrate!(
      repo,
      @table <> "INSERT INTO visits (id, plain) VALUES (5, '2026-01-02 03:04:05');"
    )

    plain = fn ->
      {:ok, columns} = Maintenance.other_forms(repo)
      Enum.filter(columns, &(&1.column == "plain"))
    end

    assert plain.() == []
    columns = [[name: "plain", type: "NAIVE_DATETIME_TEXT"]]
    :ok = Schema.read_as(repo, table: "visits", columns: columns)
    assert [%{rows: 1, left: 0, example: "2026-01-02 03:04:05"}] = plain.()
  end

  test "the options about other forms are checked", %{repo: repo} do
    assert {:error, %Error{code: :invalid_option}} = Maintenance.other_forms(repo, limit: 5)
  end

  # Both migrations stay in their folder.
  defp migrate!(repo, first, second) do
    folder = Path.join(System.tmp_dir!(), "ash_rusqlite-#{System.unique_integer([:positive])}")
    File.cp_r!(migrations(), folder)
    File.write!(Path.join(folder, "29990101000000_more.sql"), first)
    File.write!(Path.join(folder, "29990101000001_one_form.sql"), "-- up\n" <> second)
    Maintenance.migrate!(repo, migrations: folder)
    File.rm_rf!(folder)
  end
end
