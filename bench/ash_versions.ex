# The chat whose changes are kept, in two ways.
if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.Bench.AshJournaled do
    @moduledoc false
    # By the journal of its messages.

    use AshRusqlite.Bench.AshChat,
      data_layer: AshRusqlite.DataLayer,
      repo: AshRusqlite.Bench.Repo

    alias AshRusqlite.Bench.{AshOnOurs, JournalFigures, Repo}
    alias AshRusqlite.Repo.Schema

    def start(world, messages) do
      path = AshOnOurs.start(world, messages)
      Schema.ensure_table!(Repo, JournalFigures.journaled())
      path
    end

    defdelegate stop(path), to: AshOnOurs
  end

  defmodule AshRusqlite.Bench.AshVersioned do
    @moduledoc false
    # As AshPaperTrail and AshEvents do it: another create in the action's transaction.

    use AshRusqlite.Bench.AshChat,
      data_layer: AshRusqlite.DataLayer,
      repo: AshRusqlite.Bench.Repo,
      message_change: AshRusqlite.Bench.AshVersioned.Keep

    alias AshRusqlite.Bench.{AshOnOurs, JournalFigures, Repo}
    alias AshRusqlite.Repo.Schema

    def start(world, messages) do
      path = AshOnOurs.start(world, messages)
      Schema.ensure_table!(Repo, JournalFigures.versions())
      path
    end

    defdelegate stop(path), to: AshOnOurs

    defmodule Version do
      @moduledoc false
      use Ash.Resource,
        domain: AshRusqlite.Bench.AshVersioned.Versions,
        data_layer: AshRusqlite.DataLayer

      sqlite do
        table "message_versions"
        repo AshRusqlite.Bench.Repo
      end

      actions do
        create :create do
          primary? true
          accept :*
        end
      end

      attributes do
        uuid_primary_key :id
        attribute :version_source_id, :uuid, public?: true
        attribute :version_action_type, :atom, public?: true
        attribute :version_action_name, :atom, public?: true
        attribute :changes, :map, public?: true
        create_timestamp :version_inserted_at
      end
    end

    defmodule Versions do
      @moduledoc false
      use Ash.Domain, validate_config_inclusion?: false

      resources do
        resource AshRusqlite.Bench.AshVersioned.Version
      end
    end

    defmodule Keep do
      @moduledoc false
      use Ash.Resource.Change

      alias AshRusqlite.Bench.AshVersioned.Version

      @impl true
      def change(changeset, _opts, _context) do
        Ash.Changeset.after_action(changeset, fn changeset, row ->
          fields = Enum.map(Ash.Resource.Info.attributes(changeset.resource), & &1.name)

          version = %{
            version_source_id: row.id,
            version_action_type: changeset.action.type,
            version_action_name: changeset.action.name,
            changes: row |> Map.take(fields) |> Map.new(fn {key, value} -> {key, dump(value)} end)
          }

          with {:ok, _version} <- Ash.create(Version, version), do: {:ok, row}
        end)
      end

      defp dump(%DateTime{} = at), do: DateTime.to_iso8601(at)
      defp dump(other), do: other
    end
  end
end
