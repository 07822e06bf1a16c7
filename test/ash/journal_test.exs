defmodule AshRusqlite.AshJournalTest do
  # The journal of a resource's table.
  use AshRusqlite.Case, async: true

  import AshRusqlite.Journaled

  alias AshRusqlite.{DataLayer.Notifications, Journal}
  alias AshRusqlite.Repo.Writes

  @wait 60_000

  defmodule ToTest do
    @moduledoc false
    use Ash.Notifier

    @impl true
    def notify(notification) do
      if test = Process.whereis(:ash_journal_test), do: send(test, {:notified, notification})
    end
  end

  defmodule Note do
    @moduledoc false
    use Ash.Resource,
      domain: AshRusqlite.AnyDomain,
      data_layer: AshRusqlite.DataLayer,
      notifiers: [ToTest]

    sqlite do
      table "notes"
      repo MyApp.Repo
      migrate?(false)
    end

    attributes do
      attribute :id, :string, primary_key?: true, allow_nil?: false, public?: true
      attribute :room, :string, source: :room_id, public?: true
      attribute :content, :string, public?: true
      attribute :secret, :string, public?: true
    end

    actions do
      defaults [:read, :destroy, create: :*, update: :*]
    end
  end

  setup %{repo: repo} do
    tables!(repo)
    :ok
  end

  test "the history of a record is that of its row" do
    note = Ash.create!(Note, %{id: "n1", room: "kitchen", content: "one"})
    note = Ash.update!(note, %{content: "two"})
    Ash.create!(Note, %{id: "n2"})
    assert [created, updated] = Journal.history(note)
    assert {created.operation, created.data.content} == {:insert, "one"}
    assert {updated.old, updated.data} == {%{content: "one"}, %{content: "two"}}
    assert [^updated] = Journal.history(note, order: :desc, limit: 1)
  end

  test "notifiers are called for what no action has done", %{repo: repo} do
    Process.register(self(), :ash_journal_test)
    start_supervised!({Notifications, repo: repo, resources: [Note]})
    row = [id: "n1", room_id: "kitchen", content: "one", secret: "geheim"]
    Writes.insert!(repo, :notes, row)
    Writes.update!(repo, :notes, "n1", content: "two")
    Writes.delete!(repo, :notes, "n1")

    assert_receive {:notified, %{action: %{type: :create}} = created}, @wait
    assert %Note{id: "n1", room: "kitchen", content: "one"} = created.data
    assert created.metadata.event.seq == 1
    assert_receive {:notified, %{action: %{type: :update}} = updated}, @wait
    assert updated.data.content == "two"
    assert updated.changeset.data.content == "one"
    assert_receive {:notified, %{action: %{type: :destroy}} = destroyed}, @wait
    assert %Note{id: "n1", content: "two", secret: nil} = destroyed.data
  end
end
