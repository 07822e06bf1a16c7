if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.TimeoutTest do
    use ExUnit.Case, async: true

    defmodule Domain do
      use Ash.Domain, otp_app: :ash_rusqlite, validate_config_inclusion?: false

      resources do
        resource(AshRusqlite.DataLayer.TimeoutTest.Note)
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
        defaults([:read])

        create :slowly do
          accept([:id])

          change(
            before_action(fn changeset, _context ->
              # The transaction holds the writer from its first statement on.
              Ash.read!(__MODULE__)
              Process.sleep(100)
              changeset
            end)
          )
        end
      end
    end

    test "an action that overstays its timeout is an error of Ash's, and nothing is kept" do
      {:ok, _} = Application.ensure_all_started(:ash)

      assert {:error, %Ash.Error.Invalid{errors: [%Ash.Error.Invalid.Timeout{} = error]}} =
               Ash.create(Note, %{id: 1}, action: :slowly, timeout: 10)

      assert error.timeout == 10
      # Its name is the action's, or the resource's if it was the read that found no time left.
      assert error.name =~ "TimeoutTest.Note"
      assert Ash.read!(Note) == []
    end
  end
end
