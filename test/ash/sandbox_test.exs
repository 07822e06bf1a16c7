defmodule AshRusqlite.AshSandboxTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.AnyDomain, as: Domain
  alias AshRusqlite.Sandbox

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :my_app
  end

  defmodule Shelf do
    use Ash.Resource,
      domain: Domain,
      data_layer: AshRusqlite.DataLayer

    sqlite do
      repo(Repo)
      table("shelves")
    end

    attributes do
      uuid_primary_key(:id)
      attribute(:name, :string, public?: true)
    end

    relationships do
      has_many(:books, AshRusqlite.AshSandboxTest.Book)
    end

    actions do
      defaults([:read, :destroy, create: :*])

      create :with_book do
        accept([:name])

        change(
          after_action(fn _changeset, shelf, _context ->
            Ash.create!(AshRusqlite.AshSandboxTest.Book, %{shelf_id: shelf.id})
            {:ok, shelf}
          end)
        )
      end
    end
  end

  defmodule Book do
    use Ash.Resource,
      domain: Domain,
      data_layer: AshRusqlite.DataLayer

    sqlite do
      repo(Repo)
      table("books")
    end

    attributes do
      uuid_primary_key(:id)
    end

    relationships do
      belongs_to(:shelf, Shelf, public?: true)
    end

    actions do
      defaults([:read, create: :*])
    end
  end

  setup do: Sandbox.start_store!(Repo)

  for test <- [:one, :other] do
    test "resources of the repo are in the test's store, and nothing of the test before (#{test})" do
      assert Ash.read!(Shelf) == []
      Ash.create!(Shelf, %{name: "Tools"}, action: :with_book)
      assert [%{name: "Tools", books: [_]}] = Ash.read!(Shelf, load: :books)
      assert [%{name: "Tools"}] = Repo.all(:shelves)
    end
  end

  test "tasks that actions and tests start use it, too" do
    shelves =
      1..8
      |> Task.async_stream(&Ash.create!(Shelf, %{name: "#{&1}"}, action: :with_book))
      |> Enum.map(fn {:ok, shelf} -> shelf end)

    read = Task.async(fn -> Task.await(Task.async(fn -> Ash.read!(Shelf, load: :books) end)) end)

    assert Task.await(read) |> Enum.map(& &1.id) |> Enum.sort() ==
             shelves |> Enum.map(& &1.id) |> Enum.sort()
  end

  test "bulk actions of many batches, which run beside the caller, use it" do
    inputs = for n <- 1..50, do: %{name: "#{n}"}

    assert %{status: :success} =
             Ash.bulk_create(inputs, Shelf, :create, batch_size: 10, max_concurrency: 4)

    assert Repo.count(:shelves) == 50
  end

  test "a transaction of an action that fails leaves nothing in it" do
    {:error, _} =
      Ash.transaction([Shelf, Book], fn ->
        Ash.create!(Shelf, %{name: "Tools"}, action: :with_book)
        Ash.DataLayer.rollback(Shelf, :no)
      end)

    assert Ash.read!(Shelf) == []
  end
end
