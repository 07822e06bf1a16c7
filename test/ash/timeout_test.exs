defmodule AshRusqlite.DataLayer.TimeoutTest do
  use ExUnit.Case, async: true

  require Ash.Query

  defmodule Domain do
    use Ash.Domain, otp_app: :ash_rusqlite, validate_config_inclusion?: false

    resources do
      resource(AshRusqlite.DataLayer.TimeoutTest.Note)
      resource(AshRusqlite.DataLayer.TimeoutTest.Kept)
      resource(AshRusqlite.DataLayer.TimeoutTest.Slow)
    end
  end

  defmodule Note do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    ets do
      private?(true)
    end

    attributes do
      attribute(:id, :integer, primary_key?: true, allow_nil?: false, public?: true)
    end

    actions do
      defaults([:read, create: [:id]])

      create :slowly do
        accept([:id])

        change(
          before_action(fn changeset, _context ->
            # The transaction holds the writer from its first statement on.
            Ash.read!(__MODULE__)
            Process.sleep(300)
            changeset
          end)
        )
      end
    end
  end

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_timeout_test
  end

  defmodule Slow do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    ets do
      private?(true)
    end

    attributes do
      attribute(:id, :integer, primary_key?: true, allow_nil?: false, public?: true)
      attribute(:text, :string, public?: true)
    end

    actions do
      defaults([:read, :destroy, create: [:id, :text], update: [:text]])

      read :impatient do
        timeout(100)
      end

      read :modified do
        modify_query(&__MODULE__.none/2)
      end
    end

    def none(_ash_query, query), do: {:ok, %{query | limit: 0}}
  end

  defmodule Kept do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    sqlite do
      repo(Repo)
      table("kept")
    end

    attributes do
      attribute(:id, :integer, primary_key?: true, allow_nil?: false, public?: true)
    end

    actions do
      defaults([:read, :destroy])

      create :slowly do
        accept([:id])

        change(
          after_action(fn _changeset, record, _context ->
            Process.sleep(300)
            {:ok, record}
          end)
        )
      end
    end
  end

  test "an action that overstays its timeout is an error of Ash's, and nothing is kept" do
    {:ok, _} = Application.ensure_all_started(:ash)
    # So that the time is not spent on making the table.
    assert Ash.read!(Note) == []

    assert {:error, %Ash.Error.Invalid{errors: [%Ash.Error.Invalid.Timeout{} = error]}} =
             Ash.create(Note, %{id: 1}, action: :slowly, timeout: 100)

    assert error.timeout == 100
    # Its name is the action's, or the resource's if it was the read that found no time left.
    assert error.name =~ "TimeoutTest.Note"
    assert Ash.read!(Note) == []
  end

  test "the timeout counts before the first statement, too" do
    {:ok, _} = Application.ensure_all_started(:ash)
    assert Ash.read!(Note) == []

    assert {:error, %Ash.Error.Invalid{errors: [%Ash.Error.Invalid.Timeout{timeout: 20}]}} =
             Note
             |> Ash.Changeset.for_create(:create, %{id: 1})
             |> Ash.Changeset.before_action(fn changeset ->
               Process.sleep(50)
               changeset
             end)
             |> Ash.create(timeout: 20)

    assert Ash.read!(Note) == []
  end

  # Without a deadline it counts for ever.
  @endless "0 < (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n)"

  @in_time %{data_layer: %{timeout: 100}}

  defp endless, do: Ash.Query.filter(Slow, id > 0 and fragment(unquote(@endless)))

  # That of the transaction would be 15 seconds.
  defp stopped(ask) do
    for ask <- [
          ask,
          fn -> Ash.transaction(Slow, fn -> with({:error, e} <- ask.(), do: e) end) end
        ] do
      error = with {_, error} <- ask.(), do: Ash.Error.to_error_class(error)
      assert %{errors: [%Ash.Error.Invalid.Timeout{timeout: 100}]} = error
      assert [%{text: nil}] = Ash.read!(Slow)
    end
  end

  test "the timeout of a read is that of its context, in a transaction, too" do
    {:ok, _} = Application.ensure_all_started(:ash)
    Ash.create!(Slow, %{id: 1})

    stopped(fn -> Ash.read(endless(), context: @in_time) end)
    stopped(fn -> Ash.count(Ash.Query.set_context(endless(), @in_time)) end)
    stopped(fn -> Ash.exists(Ash.Query.set_context(endless(), @in_time)) end)
  end

  test "the timeout of a bulk action is that of its context or its query, as Ash passes on no other" do
    {:ok, _} = Application.ensure_all_started(:ash)
    Ash.create!(Slow, %{id: 1})
    opts = [strategy: :atomic, return_errors?: true]
    given = [{:context, @in_time} | opts]

    for {query, opts} <- [
          {endless(), given},
          {Ash.Query.set_context(endless(), @in_time), opts}
        ] do
      stopped(fn -> failed(Ash.bulk_update(query, :update, %{text: "x"}, opts)) end)
      stopped(fn -> failed(Ash.bulk_destroy(query, :destroy, %{}, opts)) end)
    end
  end

  test "the timeout of a read is that of its call, of its query or of its action" do
    {:ok, _} = Application.ensure_all_started(:ash)
    Ash.create!(Slow, %{id: 1})

    stopped(fn -> Ash.read(endless(), timeout: 100) end)
    stopped(fn -> Ash.read(Ash.Query.timeout(endless(), 100)) end)
    stopped(fn -> Ash.read(endless(), action: :impatient) end)
    stopped(fn -> Ash.read_one(endless(), timeout: 100) end)
  end

  test "the timeout leaves the query to the action that modifies it" do
    {:ok, _} = Application.ensure_all_started(:ash)
    Ash.create!(Slow, %{id: 1})
    assert Ash.read!(Slow, action: :modified) == []
    assert [%{id: 1}] = Ash.read!(Slow, timeout: 5_000)
  end

  defp failed(%{status: :error, errors: [error]}), do: {:error, error}

  test "a timeout that is no time is refused" do
    {:ok, _} = Application.ensure_all_started(:ash)

    assert_raise Ash.Error.Unknown, ~r/takes a positive number of milliseconds/, fn ->
      Ash.read(Slow, context: %{data_layer: %{timeout: "soon"}})
    end
  end

  test "an action without a timeout may last as long as a transaction of the repo" do
    {:ok, _} = Application.ensure_all_started(:ash)
    start_supervised!({Repo, database: ":memory:", auto_migrate: true, transaction_timeout: 50})

    for overstay <- [
          fn -> Ash.create(Kept, %{id: 1}, action: :slowly) end,
          fn ->
            Ash.transaction(Kept, fn -> Ash.create!(Kept, %{id: 2}, action: :slowly) end)
          end
        ] do
      assert {:error, error} = overstay.()

      assert %{errors: [%Ash.Error.Invalid.Timeout{timeout: 50}]} =
               Ash.Error.to_error_class(error)

      assert Ash.read!(Kept) == []
    end
  end

  test "a timeout that passes before the table can be made is reported like any other" do
    {:ok, _} = Application.ensure_all_started(:ash)
    start_supervised!({Repo, database: ":memory:", auto_migrate: true, busy_timeout: 50})
    test = self()

    holder =
      start_supervised!({Task,
       fn ->
         Repo.transaction(fn ->
           # Not within the 50 ms that the others have.
           Repo.query!("SELECT 1", [], timeout: 5_000)
           send(test, :held)
           Process.sleep(:infinity)
         end)
       end})

    assert_receive :held, 5000

    for ask <- [
          fn -> Ash.read(Kept) end,
          fn -> Ash.count(Kept) end,
          fn -> Ash.create(Kept, %{id: 1}, action: :slowly) end,
          fn -> Ash.bulk_create!([%{id: 1}], Kept, :slowly, return_errors?: true) end,
          fn -> Ash.bulk_destroy!(Kept, :destroy, %{}, return_errors?: true) end
        ] do
      error =
        try do
          elem(ask.(), 1)
        rescue
          error -> error
        end

      assert %{errors: [%Ash.Error.Invalid.Timeout{}]} = Ash.Error.to_error_class(error)
    end

    Process.exit(holder, :kill)
  end
end
