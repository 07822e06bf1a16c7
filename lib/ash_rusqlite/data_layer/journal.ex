if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Journal do
    @moduledoc """
    How the changes of a resource's rows become events: `sqlite do journal do … end end`.

        sqlite do
          journal do
            type "chat.room"
            source :room, :id
            skip [:updated_at]
            event "chat.room.hidden", on: :update, where: expr(hidden and not old.hidden)
          end
        end

    With this section, the events are

      * `chat.room.created` for a row that is created, with the source `room:<id>` and the row as its data
      * `chat.room.updated` for one that is changed, with the old and the new values of what changed, or
        `chat.room.hidden` where that condition holds
      * `chat.room.deleted` for one that is deleted

    Events are written by the file itself, in the commit of the change, whatever program makes it.

    The options are in the [reference of the DSL](dsl.md#sqlite-journal), and the guide
    [Events](events.md) shows what events are good for.
    """

    # The journal in the data layer: what `journal do` makes of a table (here, for
    # `Schema.TableSpec`), the conditions of events, what an action says of a change (`WriteContext`, for
    # `Write`), and which row a record is of (`Record`). The journal itself is `AshRusqlite.Journal`.

    alias AshRusqlite.DataLayer.{Dsl, Info}
    alias AshRusqlite.DataLayer.Dsl.Journal.{Event, Subject}
    alias AshRusqlite.DataLayer.Journal.Condition
    alias AshRusqlite.DataLayer.Value.Codec
    alias AshRusqlite.Error

    @on %{create: "insert", update: "update", destroy: "delete"}

    @doc false
    # The `journal:` of a table's description, or nil for a resource that is not journaled. Raises
    # `AshRusqlite.Error` with `:schema_mismatch` for what a file cannot do.
    @spec spec(Ash.Resource.t()) :: keyword() | nil
    def spec(resource) do
      with %Dsl.Journal{} = journal <- Info.journal(resource) do
        [
          type: journal.type || to_string(Ash.Resource.Info.short_name(resource)),
          source: subject(journal.source, resource),
          actor: subject(journal.actor, resource),
          skip: Codec.columns(journal.skip, resource),
          sensitive: Codec.columns(journal.sensitive, resource),
          events: Enum.flat_map(journal.events, &events(&1, resource))
        ]
      end
    end

    defp subject(nil, _resource), do: nil

    defp subject(%Subject{kind: kind, attribute: name}, resource) do
      case Ash.Resource.Info.attribute(resource, name) do
        nil -> raise mismatch(resource, "#{inspect(name)} is no attribute")
        attribute -> {to_string(kind), to_string(Codec.column(attribute))}
      end
    end

    defp events(%Event{type: type, on: on} = event, resource) do
      for kind <- on do
        case Condition.of(resource, event, kind) do
          {:ok, condition} -> [type: type, on: Map.fetch!(@on, kind)] ++ condition
          {:error, reason} -> raise mismatch(resource, "the event #{type}: #{reason}")
        end
      end
    end

    defp mismatch(resource, why) do
      Error.new(
        :schema_mismatch,
        "the journal of #{inspect(resource)}: #{why}",
        %{option: "journal", resources: [inspect(resource)]}
      )
    end

    @doc false
    # Whether a write of a resource may change journaled rows: its own, or those of a resource of its
    # domain, which may go with it by a foreign key.
    @spec concerns?(Ash.Resource.t()) :: boolean()
    def concerns?(resource) do
      Info.journal(resource) != nil or
        case Ash.Resource.Info.domain(resource) do
          nil -> false
          domain -> domain?(domain)
        end
    end

    # To look through a domain takes longer than to write a row.
    defp domain?(domain) do
      key = {__MODULE__, domain}
      version = domain.module_info(:md5)

      case :persistent_term.get(key, nil) do
        {^version, journaled?} ->
          journaled?

        _ ->
          resources = Ash.Domain.Info.resources(domain)
          journaled? = Enum.any?(resources, &(Info.journal(&1) != nil))
          :persistent_term.put(key, {version, journaled?})
          journaled?
      end
    end
  end
end
