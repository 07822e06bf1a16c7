# A destroy that is soft is an update: the rows stay, however they are found and changed.
defmodule AshRusqlite.SoftDestroyTest do
  use ExUnit.Case, async: true

  require Ash.Query

  alias AshRusqlite.AnyDomain, as: Domain

  defmodule Note do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    ets do
      private? true
    end

    actions do
      defaults [:read, create: :*]

      destroy :archive do
        soft?(true)
        change set_attribute(:archived, true)
      end
    end

    attributes do
      attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
      attribute :tags, {:array, :string}, public?: true
      attribute :archived, :boolean, default: false
    end
  end

  setup do
    {:ok, _} = Application.ensure_all_started(:ash)
    for id <- 1..3, do: Ash.create!(Note, %{id: id, tags: ["t#{id}"]})
    :ok
  end

  defp archive(query) do
    options = [strategy: [:atomic], return_records?: true, return_errors?: true]
    result = Ash.bulk_destroy(query, :archive, %{}, options)
    {result.status, for(%{id: id, archived: true} <- result.records, do: id), rows()}
  end

  defp rows, do: for(note <- Ash.read!(Note), do: {note.id, note.archived})

  test "a soft destroy keeps rows that SQL finds" do
    assert archive(Ash.Query.filter(Note, id == 2)) ==
             {:success, [2], [{1, false}, {2, true}, {3, false}]}
  end

  test "a soft destroy keeps rows that only Elixir finds" do
    assert archive(Ash.Query.filter(Note, tags == ["t2"])) ==
             {:success, [2], [{1, false}, {2, true}, {3, false}]}
  end

  test "a soft destroy keeps the first rows of an order" do
    assert archive(Note |> Ash.Query.sort(id: :desc) |> Ash.Query.limit(1)) ==
             {:success, [3], [{1, false}, {2, false}, {3, true}]}
  end
end
