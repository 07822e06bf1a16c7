if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.Journal.Resource do
    @moduledoc """
    Makes a read-only Ash resource of the events of a repo's journal.

        defmodule MyApp.Event do
          use AshRusqlite.Journal.Resource,
            domain: MyApp.Chat,
            repo: MyApp.Repo,
            about: [room: MyApp.Room, message: MyApp.Message]
        end

        MyApp.Event
        |> Ash.Query.filter(source == ^"room:\#{room.id}" and position > 40)
        |> Ash.Query.sort(:position)
        |> Ash.Query.load(:message)
        |> Ash.read!(page: [limit: 50])

    Options, besides those of `Ash.Resource`:

      * `:repo` - the repo with the journal. Required
      * `:about` - relationships to the resources that events are about: their names with the resources.
        Such a relationship is the record of the event's row, or nil where it is gone or the event is of
        another table

    The way back, from a record to its events, is a relationship of its resource:

        has_many :events, MyApp.Event do
          destination_attribute :key
          validate_destination_attribute? false
          filter expr(table == "rooms")
        end

    The attributes of an event are

      * `:seq` - the number of the event, the primary key
      * `:type` - what happened, such as `"chat.message.created"`
      * `:source`, `:position` - what it is about, such as `"room:…"`, and its number among the events
        of this source
      * `:actor` - who made the change, such as `"user:…"`
      * `:table`, `:operation`, `:key` - the table of the row that was changed, how it was changed
        (`:insert`, `:update`, `:delete`, `:baseline` or `:redact`), and its primary key
      * `:data`, `:old` - the values after and before the change, as maps with the names of columns
      * `:transaction` - the `seq` of the first event of the same write or transaction
      * `:at` - when
      * `:action`, `:metadata` - the action that made the change, and what was given with it

    Filters by `seq`, `source`, `type`, `actor`, `key` and `at` use an index. With a filter by `at`, sort
    by `:at`: this is the order of `seq`, and one index serves both.

    The resource has one action, `:read`, with pages by offset and by keyset. Actions, calculations and so
    on may be added as to any resource. It can be read once a table of the repo is journaled; until then
    the error is `:unknown_table`.
    """

    @doc false
    defmacro __using__(opts) do
      {own, opts} = Keyword.split(opts, [:repo, :about])
      repo = Keyword.fetch!(own, :repo)
      opts = Keyword.put(opts, :data_layer, AshRusqlite.DataLayer)

      relationships =
        for {name, resource} <- Keyword.get(own, :about, []) do
          quote do
            has_one unquote(name), unquote(resource) do
              public? true
              # Older releases of Ash select it, whatever is manual.
              source_attribute :seq
              manual AshRusqlite.Journal.About
            end
          end
        end

      quote do
        use Ash.Resource, unquote(opts)

        sqlite do
          table "ash_rusqlite_journal"
          repo unquote(repo)
          migrate?(false)
        end

        actions do
          read :read do
            primary? true
            pagination offset?: true, keyset?: true, countable: true, required?: false
          end
        end

        attributes do
          attribute :seq, :integer,
            primary_key?: true,
            allow_nil?: false,
            public?: true,
            writable?: false

          attribute :type, :string, allow_nil?: false, public?: true, writable?: false
          attribute :source, :string, public?: true, writable?: false
          attribute :position, :integer, public?: true, writable?: false
          attribute :actor, :string, public?: true, writable?: false
          attribute :table, :string, allow_nil?: false, public?: true, writable?: false

          attribute :operation, :atom do
            constraints one_of: [:insert, :update, :delete, :baseline, :redact]
            allow_nil? false
            public? true
            writable?(false)
          end

          attribute :key, AshRusqlite.Journal.Key, public?: true, writable?: false
          attribute :data, :map, public?: true, writable?: false
          attribute :old, :map, public?: true, writable?: false
          attribute :transaction, :integer, allow_nil?: false, public?: true, writable?: false
          attribute :at, :utc_datetime_usec, allow_nil?: false, public?: true, writable?: false
          attribute :action, :string, public?: true, writable?: false
          attribute :metadata, :map, public?: true, writable?: false
        end

        relationships do
          (unquote_splicing(relationships))
        end
      end
    end
  end
end
