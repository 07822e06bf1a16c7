# Who made a change, by which action and why, is with the events of Ash's writes, whatever way they
# take into the file.
defmodule AshRusqlite.JournalContextTest do
  use ExUnit.Case, async: true

  require Ash.Query

  alias AshRusqlite.DataLayer.PositionConflict

  @moduletag :tmp_dir

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_journal_context_test
  end

  defmodule Domain do
    use Ash.Domain, validate_config_inclusion?: false

    resources do
      resource AshRusqlite.JournalContextTest.User
      resource AshRusqlite.JournalContextTest.Note
      resource AshRusqlite.JournalContextTest.Folder
    end
  end

  defmodule User do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
    end

    actions do
      defaults [:read, create: :*]
    end

    attributes do
      uuid_primary_key :id
    end
  end

  defmodule Folder do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "folders"
    end

    actions do
      defaults [:read, :destroy, create: :*, update: :*]
    end

    attributes do
      attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
      attribute :name, :string, public?: true
    end
  end

  defmodule Note do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo Repo
      table "notes"

      journal do
        source :folder, :folder_id
        skip [:updated_at]
        event "note.finished", on: :update, where: expr(done and not old.done)
        event "note.moved", on: :update, where: expr(folder_id != old.folder_id)
        event "note.dropped", on: :destroy, where: expr(not done)
      end
    end

    multitenancy do
      strategy(:attribute)
      attribute(:org)
      global?(true)
    end

    actions do
      defaults [:read, :destroy, create: :*, update: :*]

      create :put do
        accept :*
        upsert? true
        upsert_identity :title
        upsert_fields([:text])
      end

      update :finish do
        accept []
        change set_attribute(:done, true)
      end

      update :shout do
        accept []
        require_atomic? false
        change fn changeset, _ -> Ash.Changeset.before_action(changeset, & &1) end
        change atomic_update(:text, expr(text <> "!"))
      end

      destroy :archive do
        require_atomic? false

        change fn changeset, _ ->
          Ash.Changeset.after_action(changeset, &{:ok, elem({&1, &2}, 1)})
        end
      end
    end

    attributes do
      uuid_primary_key :id
      attribute :org, :string, public?: true
      attribute :title, :string, public?: true
      attribute :text, :string, public?: true
      attribute :done, :boolean, default: false, public?: true
      attribute :folder_id, :integer, default: 1, public?: true
      update_timestamp :updated_at
    end

    identities do
      # Of all tenants, and of nobody.
      identity :title, [:title], all_tenants?: true
    end
  end

  setup %{tmp_dir: folder} do
    start_supervised!({Repo, database: Path.join(folder, "a.db"), synchronous: :off})
    ann = Ash.create!(User, %{})
    # Its table, and with it the journal.
    Ash.read!(Note)
    {:ok, ann: ann, name: "user:" <> ann.id}
  end

  defp events(columns) do
    names = Enum.map_join(columns, ", ", &~s("#{&1}"))
    Repo.query!("SELECT #{names} FROM ash_rusqlite_journal ORDER BY seq").rows
  end

  test "a create, an update and a destroy have actor and action", %{ann: ann, name: name} do
    note = Ash.create!(Note, %{title: "a"}, actor: ann)
    note = Ash.update!(note, %{}, action: :finish, actor: ann)
    note = Ash.update!(note, %{}, action: :shout, actor: ann)
    Ash.destroy!(note, action: :archive, actor: ann)
    other = Ash.create!(Note, %{title: "b"})
    Ash.destroy!(other, actor: "the janitor")

    assert events([:type, :actor, :action]) == [
             ["note.created", name, "create"],
             ["note.finished", name, "finish"],
             ["note.deleted", name, "archive"],
             ["note.created", nil, "create"],
             ["note.dropped", "the janitor", "destroy"]
           ]
  end

  test "bulk actions have them in all strategies", %{ann: ann, name: name} do
    opts = [actor: ann, return_errors?: true, stop_on_error?: true]
    inputs = for title <- ["a", "b"], do: %{title: title, text: title}
    assert %{status: :success} = Ash.bulk_create(inputs, Note, :create, opts)
    inputs = for title <- ["a", "b"], do: %{title: title, text: "new"}
    assert %{status: :success} = Ash.bulk_create(inputs, Note, :put, opts)

    for strategy <- [:atomic, :stream] do
      assert %{status: :success} =
               Ash.bulk_update(
                 Note,
                 :update,
                 %{text: "#{strategy}"},
                 [strategy: strategy] ++ opts
               )
    end

    assert %{status: :success} = Ash.bulk_update(Note, :shout, %{}, [strategy: :stream] ++ opts)

    for {strategy, title} <- [atomic: "a", stream: "b"] do
      assert %{status: :success} =
               Note
               |> Ash.Query.filter(title == ^title)
               |> Ash.bulk_destroy(:destroy, %{}, [strategy: strategy] ++ opts)
    end

    assert events = events([:actor, :action])
    assert Enum.uniq(Enum.map(events, &hd/1)) == [name]

    assert events |> Enum.map(&List.last/1) |> Enum.dedup() ==
             ["create", "put", "update", "shout", "destroy"]
  end

  if function_exported?(Ash, :update_many, 4) do
    test "many updates at once have them", %{ann: ann, name: name} do
      notes = for title <- ["a", "b"], do: Ash.create!(Note, %{title: title})
      inputs = for note <- notes, do: {note, %{text: note.title}}

      assert %{status: :success} =
               Ash.update_many(inputs, Note, :update,
                 actor: ann,
                 return_errors?: true,
                 return_records?: true
               )

      assert [_, _, [^name, "update"], [^name, "update"]] = events([:actor, :action])
    end
  end

  test "an upsert has them, whether it creates or updates", %{ann: ann, name: name} do
    for text <- ["x", "y"],
        do: Ash.create!(Note, %{title: "a", text: text}, action: :put, actor: ann)

    assert events([:type, :actor, :action]) == [
             ["note.created", name, "put"],
             ["note.updated", name, "put"]
           ]
  end

  test "what the context says of the journal and the tenant are the metadata", %{ann: ann} do
    context = %{journal: %{reason: "spam"}}
    note = Ash.create!(Note, %{title: "a"}, context: context, tenant: "acme", actor: ann)
    note = Ash.update!(note, %{text: "b"}, tenant: "acme")
    Ash.create!(Note, %{title: "b"}, context: context)
    Ash.update!(note, %{text: "c"}, context: context, tenant: "acme")

    assert events([:metadata]) == [
             [%{"reason" => "spam", "tenant" => "acme"}],
             [%{"tenant" => "acme"}],
             [%{"reason" => "spam"}],
             [%{"reason" => "spam", "tenant" => "acme"}]
           ]

    assert {:error, error} = Ash.create(Note, %{title: "z"}, context: %{journal: "spam"})

    assert Exception.message(error) =~
             "context: %{journal: …}: the option metadata: takes a map"
  end

  test "around an action with_actor says what Ash does not", %{ann: ann, name: name} do
    Repo.with_actor("cron", [action: :nightly, metadata: %{job: 1}], fn ->
      Ash.create!(Note, %{title: "a"})
      Ash.create!(Note, %{title: "b"}, actor: ann)
    end)

    assert events([:actor, :action, :metadata]) == [
             ["cron", "create", %{"job" => 1}],
             [name, "create", %{"job" => 1}]
           ]
  end

  test "the actions of one transaction each have their own", %{ann: ann, name: name} do
    Ash.transaction([Note], fn ->
      note = Ash.create!(Note, %{title: "a"}, actor: ann)
      Ash.update!(note, %{text: "b"})
    end)

    assert [[^name, "create", unit], [nil, "update", unit]] =
             events([:actor, :action, :transaction])
  end

  test "a destroy of what is not journaled carries the actor to what goes with it", %{
    ann: ann,
    name: name
  } do
    Ash.create!(Folder, %{id: 1})
    Ash.create!(Note, %{title: "a"})

    # As a foreign key would.
    sql = "CREATE TRIGGER cascade AFTER DELETE ON folders BEGIN DELETE FROM notes; END"
    File.mkdir_p!(Path.join(System.tmp_dir!(), "journal_context"))

    folder = Path.join(System.tmp_dir!(), "journal_context/#{System.unique_integer([:positive])}")

    File.mkdir_p!(folder)
    File.write!(Path.join(folder, "1_cascade.sql"), "-- up\n#{sql};\n")
    Repo.migrate!(migrations: folder)
    File.rm_rf!(folder)

    Ash.destroy!(Ash.get!(Folder, 1), actor: ann)
    assert List.last(events([:type, :actor, :action])) == ["note.dropped", name, "destroy"]
  end

  ## Expected positions

  defp expecting(pairs), do: %{data_layer: %{expect: pairs}}

  test "an action that expects another position is a conflict" do
    Ash.create!(Note, %{title: "a"}, context: expecting([{"folder:1", 0}]))
    Ash.create!(Note, %{title: "b"}, context: expecting([{"folder:1", 1}]))

    assert {:error, %{errors: [%PositionConflict{} = error]}} =
             Ash.create(Note, %{title: "c"}, context: expecting([{"folder:1", 1}]))

    assert %{source: "folder:1", expected: 1, position: 2} = error
    assert [%AshRusqlite.Event{position: 2, type: "note.created"}] = error.missed
    assert Exception.message(error) =~ "folder:1 is at position 2"
    assert length(Ash.read!(Note)) == 2
  end

  test "an update, a destroy, an upsert and bulk actions find the conflict, too" do
    note = Ash.create!(Note, %{title: "a"})
    opts = [context: expecting([{"folder:1", 5}])]
    bulk = opts ++ [return_errors?: true, strategy: [:atomic, :stream]]

    results = [
      Ash.update(note, %{text: "b"}, opts),
      Ash.update(note, %{}, [action: :shout] ++ opts),
      Ash.destroy(note, opts),
      Ash.create(Note, %{title: "a", text: "x"}, [action: :put] ++ opts),
      Ash.bulk_create([%{title: "z"}], Note, :create, opts ++ [return_errors?: true]),
      Ash.bulk_update(Note, :update, %{text: "c"}, bulk),
      Ash.bulk_destroy(Note, :destroy, %{}, bulk)
    ]

    for result <- results do
      errors =
        case result do
          {:error, %{errors: errors}} -> errors
          %Ash.BulkResult{status: :error, errors: errors} -> Enum.flat_map(errors, &flat/1)
        end

      assert Enum.any?(errors, &is_struct(&1, PositionConflict)), inspect(errors)
    end

    assert events([:type]) == [["note.created"]]
  end

  defp flat(%{errors: errors}), do: errors
  defp flat(error), do: [error]

  test "rows of one action that are written one by one expect the position once" do
    for title <- ["a", "b", "c"], do: Ash.create!(Note, %{title: title})

    assert %{status: :success} =
             Ash.bulk_update(Note, :shout, %{},
               strategy: :stream,
               transaction: :all,
               return_errors?: true,
               context: expecting([{"folder:1", 3}])
             )
  end

  test "what is no position is refused" do
    for wrong <- ["folder:1", [{"folder:1", -1}], [{"folder:1", nil}]] do
      assert {:error, error} = Ash.create(Note, %{title: "a"}, context: expecting(wrong))
      assert Exception.message(error) =~ "the option expect: takes a list such as"
    end
  end
end
