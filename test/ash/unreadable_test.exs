# A value that cannot be read is named, and keeps nobody from the others: they are read, it is found,
# and its row is destroyed.
defmodule AshRusqlite.UnreadableTest do
  # The shell of Mix and the log are one for the whole VM.
  use ExUnit.Case, async: false

  @current Version.match?(to_string(Application.spec(:ash, :vsn) || "0.0.0"), ">= 3.32.0")
  # Older releases of Ash do not destroy by `:atomic_batches` alone, with no data layer.
  @strategies if(@current, do: [:atomic, :atomic_batches, :stream], else: [:atomic, :stream])

  import ExUnit.CaptureLog

  alias Ash.Query
  alias AshRusqlite.DataLayer.UnreadableValue
  alias AshRusqlite.Repo.{Maintenance, StoredAtoms, Unreadable, Writes}

  require Ash.Expr
  require Ash.Query

  @moduletag :tmp_dir
  @moduletag :capture_log

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_rusqlite
  end

  defmodule Mood do
    use Ash.Type.Enum, values: [:calm, :wild]
  end

  defmodule Note do
    use Ash.Resource,
      domain: AshRusqlite.UnreadableTest.Domain,
      data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "notes"
    end

    actions do
      defaults [:read, :destroy, create: :*, update: :*]

      destroy :archive do
        soft?(true)
        change set_attribute(:title, "archived")
      end

      destroy :with_hook do
        require_atomic? false
        change after_action(fn _changeset, record, _context -> {:ok, record} end)
      end
    end

    attributes do
      attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
      attribute :parent_id, :integer, public?: true
      attribute :title, :string, public?: true
      attribute :mood, Mood, public?: true, source: :state_of_mind
      attribute :style, :map, public?: true
      attribute :kind, :atom, public?: true
      attribute :secret, Mood, public?: true, sensitive?: true
    end

    identities do
      identity :parent, [:parent_id], pre_check_with: AshRusqlite.UnreadableTest.Domain
    end

    relationships do
      has_many :notes, __MODULE__, destination_attribute: :parent_id, public?: true
    end

    aggregates do
      first(:first_mood, :notes, :mood, sort: :id)
      first(:first_secret, :notes, :secret, sort: :id)
    end
  end

  defmodule Domain do
    use Ash.Domain, validate_config_inclusion?: false

    resources do
      resource Note
    end
  end

  setup %{tmp_dir: folder} do
    database = Path.join(folder, "a.db")
    start_supervised!({Repo, database: database, auto_migrate: true, synchronous: :off})
    for id <- [1, 2, 3, 4], do: Ash.create!(Note, %{id: id, title: "note #{id}", mood: :calm})

    # 2 holds a pid, which its column cannot be read as, and 3 a mood that its type does not have.
    Maintenance.migrate!(Repo,
      migrations: blob!(folder, :erlang.term_to_binary(%{"by" => self()}))
    )

    Writes.update_all(Repo, :notes, [set: [state_of_mind: "frenzied"]], where: [id: 3])
    {:ok, database: database}
  end

  defp blob!(folder, bytes) do
    folder = Path.join(folder, "migrations")
    File.mkdir_p!(folder)
    sql = "-- up\nUPDATE notes SET style = X'#{Base.encode16(bytes)}' WHERE id = 2;"
    File.write!(Path.join(folder, "1_a.sql"), sql)
    folder
  end

  defp context(mode), do: %{data_layer: %{unreadable: mode}}
  defp read(mode), do: Note |> Query.sort(:id) |> Ash.read!(context: context(mode))
  defp ids(records), do: Enum.map(records, & &1.id)
  defp left, do: Repo.all(:notes, select: [:id], order_by: :id) |> ids()

  defp error(query) do
    assert {:error, %{errors: [%UnreadableValue{} = error]}} = Ash.read(query)
    error
  end

  describe "the error" do
    test "says the row's key, the column, the value and why, also in the log" do
      log = capture_log(fn -> send(self(), error(Query.filter(Note, id == 3))) end)
      assert_received %UnreadableValue{} = error

      assert %{resource: Note, field: :mood, column: :state_of_mind, key: %{id: 3}} = error
      assert error.value == ~s("frenzied")
      assert error.reason =~ "it cannot be read as AshRusqlite.UnreadableTest.Mood"

      for text <- [
            "Could not load AshRusqlite.UnreadableTest.Note: invalid stored data for mood",
            "id: 3",
            "column state_of_mind",
            ~s("frenzied"),
            "AshRusqlite.unreadable(AshRusqlite.UnreadableTest.Note)"
          ] do
        assert Exception.message(error) =~ text
        assert log =~ text
      end
    end

    test "says the same of what the engine cannot read" do
      log = capture_log(fn -> send(self(), error(Query.filter(Note, id == 2))) end)
      assert_received %UnreadableValue{} = error

      assert %{field: :style, column: "style", key: "id: 2"} = error
      assert error.reason =~ "it holds a pid"
      assert Exception.message(error) =~ "id: 2"
      assert log =~ "it holds a pid"
    end

    test "names the atom that is beyond the limit, which is met when more may be made" do
      name = "an_atom_" <> "beyond_the_limit"
      Writes.update_all(Repo, :notes, [set: [kind: name]], where: [id: 1])
      Application.put_env(:ash_rusqlite, :max_stored_atoms, 0)
      :ok = StoredAtoms.set_limit()

      on_exit(fn ->
        Application.delete_env(:ash_rusqlite, :max_stored_atoms)
        :ok = StoredAtoms.set_limit()
      end)

      assert %{field: :kind, key: %{id: 1}} = error = error(Query.filter(Note, id == 1))
      assert Exception.message(error) =~ name
      assert Exception.message(error) =~ "max_stored_atoms: 0"
      assert [%{column: :kind}] = Note |> AshRusqlite.unreadable() |> Enum.take(1)

      Application.put_env(:ash_rusqlite, :max_stored_atoms, StoredAtoms.count().made + 1)
      :ok = StoredAtoms.set_limit()
      assert Atom.to_string(Ash.get!(Note, 1).kind) == name
    end

    test "of a sensitive attribute shows no value" do
      Writes.update_all(Repo, :notes, [set: [secret: "unspeakable"]], where: [id: 1])
      log = capture_log(fn -> send(self(), error(Query.filter(Note, id == 1))) end)
      assert_received %UnreadableValue{} = error
      assert %{field: :secret, key: %{id: 1}, value: nil} = error
      refute Exception.message(error) =~ "unspeakable"
      refute inspect(error) =~ "unspeakable"
      refute log =~ "unspeakable"
    end

    test "of what is computed names the row that it was computed for" do
      Writes.update_all(Repo, :notes, [set: [parent_id: 1]], where: [id: 3])
      query = Note |> Query.filter(id == 1) |> Query.load(:first_mood)
      assert %{field: :first_mood, key: %{id: 1}, value: ~s("frenzied")} = error(query)

      assert [%{id: 1, first_mood: %Ash.NotLoaded{}}] =
               Ash.read!(query, context: context(:not_loaded))

      assert [] = Ash.read!(query, context: context(:skip))
    end
  end

  test "an aggregate of a sensitive attribute shows no value either" do
    Writes.update_all(Repo, :notes, [set: [parent_id: 1, secret: "unspeakable"]], where: [id: 4])

    query = Note |> Query.filter(id == 1) |> Query.load(:first_secret)

    log =
      capture_log(fn ->
        assert %{field: :first_secret, value: nil} = error = error(query)
        refute Exception.message(error) =~ "unspeakable"
      end)

    assert log =~ "first_secret"
    refute log =~ "unspeakable"
  end

  describe "what a read does about them" do
    test "`:skip` leaves their rows out" do
      assert ids(read(:skip)) == [1, 4]
    end

    test "`:not_loaded` gives the record without the value" do
      assert [%{mood: :calm}, two, three, %{id: 4}] = read(:not_loaded)
      assert %{id: 2, title: "note 2", style: %Ash.NotLoaded{field: :style}, mood: :calm} = two
      assert %{id: 3, title: "note 3", mood: %Ash.NotLoaded{field: :mood}, style: nil} = three
    end

    test "both count the rows in one event and one line of the log" do
      me = self()

      :telemetry.attach(
        "unreadable",
        [:ash_rusqlite, :unreadable],
        fn _event, measurements, metadata, _ -> send(me, {measurements, metadata}) end,
        nil
      )

      on_exit(fn -> :telemetry.detach("unreadable") end)
      log = capture_log(fn -> read(:skip) end)

      assert log =~ "2 rows of AshRusqlite.UnreadableTest.Note hold values that cannot be read"
      assert_received {%{rows: 2}, %{resource: Note, unreadable: :skip, errors: [two, three]}}
      assert %{field: :style, key: %{id: 2}} = two
      assert %{field: :mood, key: %{id: 3}} = three

      read(:not_loaded)
      assert_received {%{rows: 2}, %{unreadable: :not_loaded}}
      Ash.read(Note)
      assert_received {%{rows: 1}, %{unreadable: :error}}
      assert [:ash_rusqlite, :unreadable] in AshRusqlite.Telemetry.events()
    end

    test "another word is refused" do
      assert_raise Ash.Error.Unknown, ~r/:error, :skip or :not_loaded/, fn ->
        Ash.read!(Note, context: context(:ignore))
      end
    end

    test "are not reported by a read without their column" do
      assert Note |> Query.select([:title]) |> Ash.read!() |> ids() |> Enum.sort() == [
               1,
               2,
               3,
               4
             ]
    end
  end

  describe "their rows are destroyed" do
    test "by a query, with every strategy, and given back" do
      ways = for(strategy <- @strategies, do: {:destroy, strategy}) ++ [{:with_hook, :stream}]

      for {action, strategy} <- ways do
        {:error, rolled_back} =
          Repo.transaction(fn ->
            result =
              Ash.bulk_destroy!(Note, action, %{},
                strategy: strategy,
                return_records?: true,
                return_errors?: true
              )

            assert result.records |> ids() |> Enum.sort() == [1, 2, 3, 4]
            Repo.rollback({strategy, left()})
          end)

        assert rolled_back == {strategy, []}
      end
    end

    test "by a query that Elixir decides" do
      Ash.bulk_destroy!(
        Query.filter(Note, string_downcase(title) < "note 4" and is_nil(parent_id)),
        :destroy,
        %{}
      )

      assert left() == [4]
    end

    test "by their key, and after they were read without the value" do
      :ok = Ash.destroy!(%Note{id: 2, __meta__: %Ecto.Schema.Metadata{state: :loaded}})
      assert left() == [1, 3, 4]

      for note <- read(:not_loaded), do: Ash.destroy!(note)
      assert left() == []
    end

    test "by a destroy that keeps them" do
      Ash.bulk_destroy!(Note, :archive, %{}, strategy: [:atomic, :stream], return_records?: true)

      assert Repo.all(:notes, select: [:title], distinct: true) == [%{title: "archived"}]
    end
  end

  describe "their rows are changed" do
    test "where the value itself is set" do
      [_, two, three, _] = read(:not_loaded)
      assert %{style: %{"a" => 1}} = Ash.update!(two, %{style: %{"a" => 1}})
      assert %{mood: :wild} = Ash.update!(three, %{mood: :wild})
      assert ids(read(:error)) == [1, 2, 3, 4]
    end

    test "where the update says what becomes of the value, and else nothing is written" do
      [_, two, _, _] = read(:not_loaded)
      assert {:error, error} = Ash.update(two, %{title: "new"})
      assert Exception.message(error) =~ "it holds a pid"
      assert [_, %{title: "note 2"}, _, _] = read(:not_loaded)

      assert %{title: "new", style: %Ash.NotLoaded{}} =
               Ash.update!(two, %{title: "new"}, context: context(:not_loaded))
    end
  end

  test "a query that reads them so is written so, also where Elixir computes" do
    Ash.bulk_update!(
      Note |> Query.filter(id == 2) |> Query.set_context(context(:not_loaded)),
      :update,
      %{},
      atomic_update: %{title: Ash.Expr.expr(string_join([title, "!"]))},
      strategy: :atomic,
      return_errors?: true
    )

    assert [%{title: "note 2!"}] = Repo.all(:notes, select: [:title], where: [id: 2])
  end

  test "an upsert does not make a second row of one that a read would leave out" do
    Writes.update_all(Repo, :notes, [set: [parent_id: 3]], where: [id: 3])

    opts = [
      upsert?: true,
      upsert_identity: :parent,
      upsert_fields: [:title],
      # Only Elixir can decide it.
      upsert_condition: Ash.Expr.expr(string_join([title, "x"]) != "y"),
      context: context(:skip)
    ]

    assert {:ok, %{id: 3, title: "new"}} =
             Ash.create(Note, %{id: 5, title: "new", parent_id: 3}, opts)

    assert left() == [1, 2, 3, 4]
  end

  describe "a write that is done is no error for another value of its row" do
    defp mood(id), do: Repo.all(:notes, select: [:title, :state_of_mind], where: [id: id])

    test "by an update, which gives the rest of the record" do
      [_, _, three, _] = read(:not_loaded)

      log =
        capture_log(fn ->
          assert %{title: "new", mood: %Ash.NotLoaded{field: :mood}} =
                   Ash.update!(three, %{title: "new"})
        end)

      assert log =~ ~s("frenzied")
      assert mood(3) == [%{title: "new", state_of_mind: "frenzied"}]
    end

    test "by an upsert" do
      assert %{title: "new", mood: %Ash.NotLoaded{}} =
               Ash.create!(Note, %{id: 3, title: "new"}, upsert?: true, upsert_fields: [:title])

      assert mood(3) == [%{title: "new", state_of_mind: "frenzied"}]
    end

    if function_exported?(Ash, :update_many, 4) do
      test "by an update of many" do
        [_, _, three, four] = read(:not_loaded)
        inputs = for note <- [three, four], do: {note, %{title: "new"}}
        opts = [return_records?: true, return_errors?: true]

        assert %{status: :success, records: records} =
                 Ash.update_many(inputs, Note, :update, opts)

        assert length(records) == 2
        assert mood(3) == [%{title: "new", state_of_mind: "frenzied"}]
      end
    end
  end

  describe "all of them are found" do
    test "with their keys and reasons" do
      assert [two, three] = Enum.to_list(AshRusqlite.unreadable(Note))
      assert %{resource: Note, table: "notes", key: %{id: 2}, column: :style, value: nil} = two
      assert two.why =~ "it holds a pid"
      assert %{key: %{id: 3}, column: :state_of_mind, value: ~s("frenzied")} = three
      assert three.why =~ "Mood"
    end

    test "without Ash, as far as the columns say" do
      assert [%{table: "notes", key: "id: 2", column: "style", why: why}] =
               Enum.to_list(Unreadable.stream(Repo, :notes))

      assert why =~ "it holds a pid"
    end

    test "page by page" do
      rows =
        for id <- 10..1_200,
            do: [id: id, state_of_mind: if(rem(id, 500) == 0, do: "odd", else: "calm")]

      Writes.insert_all(Repo, :notes, rows)
      me = self()
      found = AshRusqlite.unreadable(Note, progress: &send(me, {:progress, &1}))
      assert Enum.map(found, & &1.key.id) == [2, 3, 500, 1_000]

      for done <- [500, 1_000, 1_195],
          do:
            assert_received(
              {:progress, %{phase: :check, label: "notes", done: ^done, total: 1_195}}
            )
    end
  end

  describe "mix ash_rusqlite.check --unreadable" do
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
        Mix.Task.rerun("ash_rusqlite.check", ["--unreadable" | args])
      end)
    end

    defp said do
      receive do
        {:mix_shell, :info, [text]} -> [IO.iodata_to_binary(text) | said()]
      after
        0 -> []
      end
    end

    test "prints each, and ends with an error" do
      assert_raise Mix.Error, ~r/cannot be read: 2/, fn -> check() end
      lines = said()
      assert Enum.any?(lines, &(&1 =~ ~r/Note in notes, id: 2, style: .*it holds a pid/))
      assert Enum.any?(lines, &(&1 =~ ~r/Note in notes, id: 3, state_of_mind: .*"frenzied"/))
    end

    test "says so when there are none" do
      Ash.bulk_destroy!(Note, :destroy, %{})
      assert check() =~ "notes"
      assert Enum.any?(said(), &(&1 =~ "every value of"))
    end

    test "looks into a file without a repo module, too", %{database: database} do
      assert_raise Mix.Error, ~r/cannot be read: 1/, fn -> check(["--database", database]) end
      assert Enum.any?(said(), &(&1 =~ ~r/notes, id: 2, style: .*it holds a pid/))
    end
  end
end
