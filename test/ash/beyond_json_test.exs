# Before a user goes back to AshSqlite: the values that it could not read are named.
defmodule AshRusqlite.BeyondJsonTest do
  # The shell of Mix is one for the whole VM.
  use ExUnit.Case, async: false

  alias AshRusqlite.DataLayer.Check.BeyondJson

  doctest BeyondJson

  @moduletag :tmp_dir

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_rusqlite
  end

  defmodule Person do
    use Ash.Resource,
      domain: AshRusqlite.BeyondJsonTest.Domain,
      data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "people"
    end

    actions do
      defaults [:read, create: :*, update: :*]
    end

    attributes do
      attribute :group, :string, primary_key?: true, allow_nil?: false, public?: true
      attribute :number, :integer, primary_key?: true, allow_nil?: false, public?: true
      attribute :bio, :map, public?: true, source: :about
      attribute :tags, {:array, :atom}, public?: true
      attribute :notes, {:array, :map}, public?: true
      attribute :any, :term, public?: true
      attribute :avatar, :binary, public?: true
    end
  end

  defmodule Memo do
    use Ash.Resource,
      domain: AshRusqlite.BeyondJsonTest.Domain,
      data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "memos"
    end

    multitenancy do
      strategy(:context)
    end

    actions do
      defaults [:read, create: :*]
    end

    attributes do
      uuid_primary_key :id
      attribute :notes, :map, public?: true
    end
  end

  defmodule Domain do
    use Ash.Domain, validate_config_inclusion?: false

    resources do
      resource Person
      resource Memo
    end
  end

  setup %{tmp_dir: folder} do
    options = [database: Path.join(folder, "a.db"), auto_migrate: true, synchronous: :off]
    start_supervised!({Repo, options})
    :ok
  end

  defp person!(number, fields),
    do: Ash.create!(Person, Map.merge(%{group: "g", number: number}, fields))

  test "each is named with its table, key and column, and what JSON cannot hold of it" do
    person!(1, %{bio: %{"a" => [1, nil, true, 1.5, %{"b" => "c"}]}, tags: [:a], notes: [%{}]})
    person!(2, %{bio: %{tone: :kind}, notes: nil})
    person!(3, %{notes: [%{}, %{"list" => ["a", {1, 2}]}]})
    # These are no JSON for AshSqlite either.
    person!(4, %{any: {7}, avatar: <<255>>})

    assert [bio, notes] = Person |> AshRusqlite.beyond_json() |> Enum.to_list()
    key = %{group: "g", number: 2}
    assert %{resource: Person, table: "people", key: ^key, column: :about} = bio
    assert bio.why == "the key :tone"
    assert %{column: :notes, key: %{number: 3}, why: ~s(a tuple at [1]["list"][1])} = notes

    Ash.update!(Ash.get!(Person, key), %{bio: %{"tone" => "kind"}})
    assert [%{column: :notes}] = Enum.to_list(AshRusqlite.beyond_json([Person, Memo]))
  end

  test "each value that has a reason is reported, and no other" do
    deep = Enum.reduce(1..130, [], fn _, list -> [list] end)
    assert BeyondJson.reason(deep) =~ "more than 120 levels at [0]"
    person!(0, %{bio: %{"x" => deep}})

    for {{value, reason}, number} <-
          Enum.with_index(
            [
              {%{a: 1}, "the key :a"},
              {%{1 => 2}, "the key 1"},
              {:b, "the atom :b"},
              {[%{"a" => [{}]}], ~s(a tuple at [0]["a"][0])},
              {~D[2026-01-01], "the struct Date"},
              {[1 | 2], "an improper list"},
              {[<<255>>], "a binary that is not UTF-8 at [0]"},
              {<<1::3>>, "the term <<1::size(3)>>"},
              {%{<<255>> => 1}, "the key <<255>>"},
              {[0x8000000000000000], "an integer beyond 64 bits at [0]"},
              {%{"a" => [1, 1.5, "ä", nil, true, %{}]}, nil}
            ],
            1
          ) do
      assert {value, BeyondJson.reason(value)} == {value, reason}
      person!(number, %{bio: %{"x" => value}})
    end

    numbers = Person |> AshRusqlite.beyond_json() |> Enum.map(& &1.key.number)
    assert numbers == Enum.to_list(0..10)
  end

  test "a value that this code cannot read is reported, too", %{tmp_dir: folder} do
    person!(1, %{})
    term = Base.encode16(:erlang.term_to_binary([self()]))
    folder = Path.join(folder, "migrations")
    File.mkdir_p!(folder)
    File.write!(Path.join(folder, "1_a.sql"), "-- up\nUPDATE people SET about = X'#{term}';")
    AshRusqlite.Repo.Maintenance.migrate!(Repo, migrations: folder)

    assert [%{key: %{number: 1}, why: why}] = Enum.to_list(AshRusqlite.beyond_json(Person))
    assert why =~ "about"
    assert why =~ "it holds a pid"
  end

  test "long tables are read page by page, and their progress is reported" do
    person!(0, %{bio: %{"a" => 1}})
    rows = for n <- 1..2_499, do: [group: "g", number: n, about: about(n)]
    assert {2_499, _} = AshRusqlite.Repo.Writes.insert_all(Repo, :people, rows)
    me = self()
    found = AshRusqlite.beyond_json(Person, progress: &send(me, {:progress, &1}))

    assert [%{key: %{number: 500}}] = Enum.take(found, 1)
    refute_received {:progress, _}
    assert Enum.count(found) == 4

    for done <- [1_000, 2_000, 2_500] do
      assert_received {:progress, %{phase: :check, label: "people", done: ^done, total: 2_500}}
    end

    refute_received {:progress, _}
  end

  defp about(number) when rem(number, 500) == 0, do: %{n: number}
  defp about(number), do: %{"n" => number}

  test "tables of tenants are asked one by one" do
    Ash.create!(Memo, %{notes: %{"a" => {1}}}, tenant: "a")
    assert [] = Enum.to_list(AshRusqlite.beyond_json(Memo))

    found = AshRusqlite.beyond_json(Memo, tenant: "a")
    assert [%{table: "memos@a", why: ~s(a tuple at ["a"])}] = Enum.to_list(found)
  end

  describe "mix ash_rusqlite.check --json" do
    setup do
      shell = Mix.shell()
      Mix.shell(Mix.Shell.Process)
      Application.put_env(:ash_rusqlite, :ash_rusqlite_repos, [Repo])
      Application.put_env(:ash_rusqlite, :ash_domains, [Domain])

      on_exit(fn ->
        Mix.shell(shell)
        Application.delete_env(:ash_rusqlite, :ash_rusqlite_repos)
        Application.delete_env(:ash_rusqlite, :ash_domains)
      end)
    end

    defp check(args \\ []) do
      ExUnit.CaptureIO.capture_io(:stderr, fn ->
        Mix.Task.rerun("ash_rusqlite.check", ["--json" | args])
      end)
    end

    defp printed do
      receive do
        {:mix_shell, :info, [text]} -> [IO.iodata_to_binary(text) | printed()]
      after
        0 -> []
      end
    end

    test "prints each, and how far it is, and ends with an error" do
      person!(1, %{bio: %{tone: :kind}})
      assert_raise Mix.Error, ~r/JSON cannot hold: 1/, fn -> check() end
      lines = printed()

      assert Enum.any?(
               lines,
               &(&1 =~ ~s(Person in people, group: "g", number: 1, about: the key :tone))
             )

      assert Enum.any?(lines, &(&1 =~ "Memo has many tables"))
    end

    test "says so when there are none" do
      person!(1, %{bio: %{"tone" => "kind"}})
      assert check() =~ "check 1/1 people"
      assert Enum.any?(printed(), &(&1 =~ "JSON holds every value of"))
      assert check(["--quiet"]) == ""
    end

    test "needs a repo module", %{tmp_dir: folder} do
      assert_raise Mix.Error, ~r/give --repo/, fn ->
        check(["--database", Path.join(folder, "a.db")])
      end
    end
  end
end
