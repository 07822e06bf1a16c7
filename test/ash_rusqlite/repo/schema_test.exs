defmodule AshRusqlite.Repo.SchemaTest do
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Repo.Schema

  doctest Schema

  @halls [
    table: :halls,
    primary_key: ["id"],
    columns: [
      [name: :id, type: "UUID_TEXT", null: false],
      [name: "title", type: :TEXT, null: false, default: "New Hall"],
      [name: "seats", type: "INTEGER"],
      [name: "price", type: "DECIMAL_TEXT"],
      [name: "opened_on", type: "DATE_TEXT", default: ~D[2026-01-02]],
      [name: "room_id", type: "TEXT"]
    ],
    indexes: [
      [name: "halls_title_index", columns: ["title"], unique: true, where: "seats > 10"],
      [name: "halls_seats_index", columns: [:seats], unique: true, nulls_distinct: false]
    ],
    foreign_keys: [
      [name: "halls_room_id_fkey", column: "room_id", references: :rooms, on: "id"]
      |> Keyword.put(:on_delete, :delete)
    ],
    checks: [[name: "seats_are_positive", sql: "seats > 0"]]
  ]

  @id "8c5c3a7e-1111-4222-8333-444455556666"

  defp with_column(column), do: Keyword.update!(@halls, :columns, &(&1 ++ [column]))

  defp kinds(repo, spec), do: repo |> Schema.differences!(spec) |> Enum.map(& &1.kind)

  test "a table is made at first use with all that it is asked for", %{repo: repo} do
    assert kinds(repo, @halls) == [:missing_table, :missing_index, :missing_index]
    assert {:ok, ["CREATE TABLE" <> _, _, _]} = Schema.ensure_table(repo, @halls)
    assert {:ok, []} = Schema.ensure_table(repo, @halls)
    assert Schema.differences(repo, @halls) == {:ok, []}

    Repo.insert!(:rooms, id: "kitchen", title: "Kitchen")
    hall = Repo.insert!(:halls, id: @id, seats: 20, room_id: "kitchen")
    assert %{title: "New Hall", opened_on: ~D[2026-01-02], price: nil} = hall

    assert {:error, %Error{code: :check_violation}} = Repo.update(:halls, @id, seats: -1)

    assert {:error, %Error{code: :foreign_key_violation}} =
             Repo.update(:halls, @id, room_id: "nowhere")

    Repo.delete!(:rooms, "kitchen")
    assert Repo.count(:halls) == 0
  end

  test "the SQL of a check may be long", %{repo: repo} do
    text = String.duplicate("x", 100_000)

    table = [
      table: "long",
      columns: [[name: "id", type: "TEXT"]],
      checks: [[name: "long", sql: "id <> '#{text}'"]]
    ]

    assert {:ok, _} = Schema.ensure_table(repo, table)
    assert {:error, %Error{code: :check_violation}} = Repo.insert(:long, id: text)
    assert {:ok, _} = Repo.insert(:long, id: "x")
  end

  test "nulls are equal where they shall be, and the index is named", %{repo: repo} do
    Schema.ensure_table!(repo, @halls)
    Repo.insert!(:halls, id: @id)

    assert {:error, %Error{code: :unique_violation, details: details}} =
             Repo.insert(:halls, id: "8c5c3a7e-1111-4222-8333-444455556667")

    assert %{constraint: "halls_seats_index", table: "halls", columns: ["seats"]} = details
  end

  test "ensure_table adds columns without the NOT NULL that rows would violate",
       %{repo: repo} do
    Schema.ensure_table!(repo, @halls)
    Repo.insert!(:halls, id: @id)
    grown = with_column(name: "floor", type: "INTEGER", null: false)

    assert [
             %{
               kind: :missing_column,
               table: "halls",
               column: "floor",
               index: nil,
               constraint: nil,
               expected: "INTEGER",
               found: nil,
               statement: statement,
               message: message
             }
           ] = Schema.differences!(repo, grown)

    assert message == ~s|table "halls" has no column "floor" (INTEGER)|
    assert {:ok, [^statement]} = Schema.ensure_table(repo, grown)
    assert statement == ~s|ALTER TABLE "halls" ADD COLUMN "floor" INTEGER|
    assert kinds(repo, grown) == [:missing_not_null]
    assert %{floor: nil} = Repo.get!(:halls, @id)
  end

  test "a table that is made in a transaction comes and goes with it", %{repo: repo} do
    assert {:error, :no} =
             Repo.transaction(fn ->
               assert [_, _, _] = Schema.ensure_table!(repo, @halls)
               assert Schema.differences!(repo, @halls) == []
               Repo.insert!(:halls, id: @id)
               assert Task.await(elsewhere(repo, fn -> kinds(repo, @halls) end)) != []
               Repo.rollback(:no)
             end)

    assert [:missing_table | _] = kinds(repo, @halls)

    assert {:ok, _} =
             Repo.transaction(fn ->
               Schema.ensure_table!(repo, @halls)
               Repo.insert!(:halls, id: @id)
             end)

    assert Task.await(elsewhere(repo, fn -> Repo.count(:halls) end)) == 1
  end

  test "processes that ask at once make it once", %{repo: repo} do
    ran =
      1..20
      |> Enum.map(fn _ -> elsewhere(repo, fn -> Schema.ensure_table!(repo, @halls) end) end)
      |> Task.await_many()

    assert Enum.sort(Enum.map(ran, &length/1)) == List.duplicate(0, 19) ++ [3]
  end

  test "what cannot be added is an error", %{repo: repo} do
    Schema.ensure_table!(repo, @halls)
    keyed = with_column(name: "number", type: "INTEGER") |> Keyword.put(:primary_key, [:number])
    assert {:error, %Error{code: :schema_mismatch} = error} = Schema.ensure_table(repo, keyed)
    assert %{table: "halls", column: "number"} = error.details
    assert_raise Error, fn -> Schema.ensure_table!(repo, keyed) end
  end

  test "a wrong word is named with the nearest right one", %{repo: repo} do
    for {spec, option, nearest} <- [
          {[tabel: "t"], "tabel", "table"},
          {with_column(name: "a", typ: "TEXT"), "typ", "type"},
          {with_column(name: "a", type: "UUID_TXT"), "type", "UUID_TEXT"},
          {Keyword.put(@halls, :primary_key, ["ids"]), "primary_key", "id"},
          {Keyword.put(@halls, :indexes, [[name: "i", columns: [:titel]]]), "indexes", "title"}
        ] do
      assert {:error, %Error{code: :invalid_option, details: details}} =
               Schema.ensure_table(repo, spec)

      assert %{option: ^option, nearest: ^nearest} = details
    end

    for spec <- [
          5,
          [:table],
          with_column(name: "a"),
          with_column(name: nil, type: "TEXT"),
          Keyword.put(@halls, :foreign_keys, [[on_delete: :explode]]),
          Keyword.put(@halls, :foreign_keys, [[deferrable: :maybe]]),
          Keyword.put(@halls, :indexes, [[name: "i", columns: ["title"], where: :sql]]),
          Keyword.put(@halls, :strict, "yes")
        ] do
      assert {:error, %Error{code: code}} = Schema.ensure_table(repo, spec)
      assert code in [:invalid_option, :invalid_query]
      assert {:error, %Error{code: ^code}} = Schema.differences(repo, spec)

      assert {:ok, {:error, %Error{code: ^code}}} =
               Repo.transaction(fn -> Schema.ensure_table(repo, spec) end)
    end

    assert {:error, %Error{code: :invalid_option}} = Schema.ensure_table(repo, @halls, tineout: 1)
    assert {:error, %Error{code: :closed}} = Schema.ensure_table(:no_repo, @halls)
  end

  test "a default that its column cannot hold is named", %{repo: repo} do
    spec = with_column(name: "floor", type: "INTEGER", default: "first")
    assert {:error, %Error{code: :invalid_value} = error} = Schema.ensure_table(repo, spec)
    assert error.details.column == "floor"
  end
end
