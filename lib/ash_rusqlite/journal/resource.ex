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

      * `:repo` - whose journal it is. Required
      * `:about` - resources, by the names of the relationships that lead to them. Such a relationship
        gives the record that the event is about, nil where it is gone or the event is of another
        table. The way back is a relationship of the resource:

            has_many :events, MyApp.Event do
              destination_attribute :key
              validate_destination_attribute? false
              filter expr(table == "rooms")
            end

    The attributes are

      * `:seq` - the number of the event, the primary key
      * `:type` - what happened, such as `"chat.message.created"`
      * `:source`, `:position` - what it is about, such as `"room:…"`, and its place among the events
        of that
      * `:actor` - who made the change, such as `"user:…"`
      * `:table`, `:operation`, `:key` - whose row was changed, how (`:insert`, `:update`, `:delete`,
        `:baseline` or `:redact`), and the row's primary key
      * `:data`, `:old` - what is stored since and was before, as maps with the columns' names
      * `:transaction` - the `seq` of the first event of what was done at once
      * `:at` - when
      * `:action`, `:metadata` - by which action, and what was said of it

    What is read by `seq`, `source`, `type`, `actor`, `key` or `at` is found by an index. With a
    filter by `at` sort by `:at`: it has the order of `seq`, and so the index serves both. The
    resource has one action, `:read`, with pages by offset and by keyset. More of everything may be
    added as to any resource. It can be read once a table of the repo is journaled; until then
    reading is the error `:unknown_table`.
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
