# Times that another program wrote in a form of its own are filtered, sorted, paged, updated and
# aggregated as the times that they are read as; so are those of an attribute that became finer.
defmodule AshRusqlite.TimesByOthersTest do
  use ExUnit.Case, async: true

  require Ash.Query

  alias AshRusqlite.AnyDomain, as: Domain

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_times_by_others_test
  end

  defmodule Visit do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "visits"
      migrate?(false)
    end

    actions do
      defaults [:read, :destroy, create: :*, update: :*]

      read :paged do
        pagination keyset?: true
      end
    end

    attributes do
      integer_primary_key(:id, writable?: true, public?: true)
      attribute :at, :utc_datetime_usec, public?: true
      attribute :local, :naive_datetime, public?: true
      attribute :seconds, :utc_datetime, public?: true
    end
  end

  defmodule Coarse do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "things"
    end

    actions do
      defaults [:read, create: :*]
    end

    attributes do
      integer_primary_key(:id, writable?: true, public?: true)
      attribute :at, :utc_datetime, public?: true
    end
  end

  defmodule Fine do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "things"
    end

    actions do
      defaults [:read, create: :*]
    end

    attributes do
      integer_primary_key(:id, writable?: true, public?: true)
      attribute :at, :utc_datetime_usec, public?: true
    end
  end

  # In the order of their times: 5, 1 and 3 and 6, 4, 2.
  @rows [
    {1, "2026-01-02 03:04:05", "2026-01-02 03:04:05"},
    {2, "2026-01-02 03:04:06", "2026-01-02 03:04:06"},
    {3, "2026-01-02T03:04:05Z", "2026-01-02T03:04:05"},
    {4, "2026-01-02 03:04:05.500", "2026-01-02 03:04:05"},
    {5, "2026-01-01 23:00:00", "2026-01-01 23:00:00"},
    {6, "2026-01-02T05:04:05.000+02:00", "2026-01-02T03:04:05Z"}
  ]

  @moment ~U[2026-01-02 03:04:05.000000Z]

  setup context do
    {:ok, _} = Application.ensure_all_started(:ash)
    folder = Path.join(System.tmp_dir!(), "times-#{System.unique_integer([:positive])}")
    File.mkdir_p!(folder)
    on_exit(fn -> File.rm_rf!(folder) end)
    type = context[:declared] || "TEXT"

    values =
      Enum.map_join(@rows, ", ", fn {id, at, local} ->
        "(#{id}, '#{at}', '#{local}', '2026-01-02T03:04:05Z')"
      end)

    File.write!(Path.join(folder, "20260101000000_visits.sql"), """
    -- up
    CREATE TABLE visits (id INTEGER PRIMARY KEY, at #{type}, local TEXT, seconds DATETIME_TEXT);
    CREATE INDEX visits_at ON visits (at);
    INSERT INTO visits VALUES #{values};
    """)

    start_supervised!({Repo, database: ":memory:", auto_migrate: true, migrations: folder})
    Repo.migrate!()
    :ok
  end

  defp ids(query), do: query |> Ash.read!() |> Enum.map(& &1.id)
  defp found(query), do: query |> ids() |> Enum.sort()

  for declared <- ["TEXT", "NUMERIC", "DATETIME_USEC_TEXT"] do
    @tag declared: declared
    test "a filter compares #{declared} as times" do
      moment = @moment
      assert found(Ash.Query.filter(Visit, at == ^moment)) == [1, 3, 6]
      assert found(Ash.Query.filter(Visit, at != ^moment)) == [2, 4, 5]
      assert found(Ash.Query.filter(Visit, at < ^moment)) == [5]
      assert found(Ash.Query.filter(Visit, at <= ^moment)) == [1, 3, 5, 6]
      assert found(Ash.Query.filter(Visit, at > ^moment)) == [2, 4]
      assert found(Ash.Query.filter(Visit, at >= ^moment)) == [1, 2, 3, 4, 6]
      assert found(Ash.Query.filter(Visit, at in [^moment])) == [1, 3, 6]
      assert found(Ash.Query.filter(Visit, local == ^~N[2026-01-02 03:04:05])) == [1, 3, 4, 6]
      assert found(Ash.Query.filter(Visit, at == seconds)) == [1, 3, 6]
      assert found(Ash.Query.filter(Visit, at > seconds)) == [2, 4]
    end

    @tag declared: declared
    test "a sort, its pages and its extremes have #{declared} in the order of time" do
      assert ids(Ash.Query.sort(Visit, [:at, :id])) == [5, 1, 3, 6, 4, 2]
      assert ids(Ash.Query.sort(Visit, at: :desc, id: :asc)) == [2, 4, 1, 3, 6, 5]
      assert Visit |> Ash.Query.sort(:at) |> Ash.Query.limit(2) |> ids() == [5, 1]
      assert Ash.max!(Visit, :at) == ~U[2026-01-02 03:04:06Z]
      assert Ash.min!(Visit, :at) == ~U[2026-01-01 23:00:00Z]
      assert Visit |> Ash.Query.distinct(:at) |> Ash.read!() |> length() == 4
      assert pages(nil) == [5, 1, 3, 6, 4, 2]

      assert Repo.all(:visits, select: [:id], order_by: [:at, :id], limit: 3) ==
               [%{id: 5}, %{id: 1}, %{id: 3}]

      assert Repo.count(:visits, where: {:at, :<, @moment}) == 1
    end
  end

  defp pages(cursor) do
    page = if cursor, do: [limit: 2, after: cursor], else: [limit: 2]

    case Visit |> Ash.Query.sort([:at, :id]) |> Ash.read!(action: :paged, page: page) do
      %{results: []} -> []
      %{results: rows} -> Enum.map(rows, & &1.id) ++ pages(List.last(rows).__metadata__.keyset)
    end
  end

  test "a bulk update takes the rows of those times" do
    moment = @moment
    query = Ash.Query.filter(Visit, at < ^moment)
    Ash.bulk_update!(query, :update, %{at: ~U[2026-01-05 00:00:00.000000Z]}, strategy: :atomic)
    assert ids(Ash.Query.sort(Visit, [:at, :id])) == [1, 3, 6, 4, 2, 5]
    Ash.bulk_destroy!(Ash.Query.filter(Visit, at == ^moment), :destroy, %{}, strategy: :atomic)
    assert found(Visit) == [2, 4, 5]
  end

  test "an index bounds a comparison of texts of any form" do
    moment = @moment
    assert {:ok, explained} = AshRusqlite.explain(Ash.Query.filter(Visit, at == ^moment))
    assert explained.residual == []
    assert Enum.join(explained.plan) =~ "SEARCH visits USING INDEX visits_at (at>? AND at<?)"
  end

  test "a time with a fraction, on either side, is compared in SQL with whole seconds" do
    half = ~U[2026-01-02 03:04:05.500000Z]

    for {query, wanted} <- [
          {Ash.Query.filter(Visit, seconds == ^half), 0},
          {Ash.Query.filter(Visit, now() >= seconds), 6},
          {Ash.Query.filter(Visit, now() <= seconds), 0},
          {Ash.Query.filter(Visit, seconds <= now()), 6}
        ] do
      assert length(found(query)) == wanted
      assert {:ok, %{residual: []}} = AshRusqlite.explain(query)
    end
  end

  test "an attribute that became finer finds its old rows" do
    for id <- 1..3,
        do: Ash.create!(Coarse, %{id: id, at: DateTime.add(~U[2026-01-02 03:04:04Z], id)})

    moment = ~U[2026-01-02 03:04:06.000000Z]
    assert found(Ash.Query.filter(Fine, at == ^moment)) == [2]
    assert found(Ash.Query.filter(Fine, at > ^moment)) == [3]
    assert found(Ash.Query.filter(Fine, at >= ^moment)) == [2, 3]
    assert found(Ash.Query.filter(Fine, at < ^moment)) == [1]
    assert found(Ash.Query.filter(Fine, at in [^moment])) == [2]
    assert ids(Ash.Query.sort(Fine, at: :desc)) == [3, 2, 1]
    just_before = ~U[2026-01-02 03:04:05.999999Z]
    assert found(Ash.Query.filter(Fine, at > ^just_before)) == [2, 3]
    assert found(Ash.Query.filter(Fine, at == ^just_before)) == []
  end
end
