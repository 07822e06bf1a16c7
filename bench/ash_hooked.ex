if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.Bench.AshHooked do
    @moduledoc false
    # The chat with a hook after each create, which therefore runs in a transaction.

    use AshRusqlite.Bench.AshChat,
      data_layer: AshRusqlite.DataLayer,
      repo: AshRusqlite.Bench.Repo,
      message_change: AshRusqlite.Bench.AshHooked.Hook

    defmodule Hook do
      @moduledoc false
      use Ash.Resource.Change

      @impl true
      def change(changeset, _opts, _context),
        do: Ash.Changeset.after_action(changeset, fn _changeset, row -> {:ok, row} end)
    end
  end
end
