if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Dsl do
    @moduledoc false
    # The sections of the data layer: `sqlite`, as AshSqlite has it with every option optional, and `ets`,
    # so that a resource of the ETS data layer keeps its own. This folder is what a resource says of its
    # storage: the sections, the options of their entities, and `Info`, by which all other folders ask for
    # them. It knows no other folder.

    alias AshRusqlite.DataLayer.Dsl.{
      CheckConstraint,
      CustomIndex,
      CustomStatement,
      Journal,
      Reference
    }

    @reference %Spark.Dsl.Entity{
      name: :reference,
      describe: "The foreign key of a belongs_to relationship.",
      examples: ["reference :room, on_delete: :delete"],
      args: [:relationship],
      target: Reference,
      schema: Reference.schema()
    }

    @references %Spark.Dsl.Section{
      name: :references,
      describe:
        "The foreign keys of the table, which generated migrations make, and by which the errors " <>
          "of those are reported. A table that follows its resource has none, nor does a " <>
          "`belongs_to` without a `reference` get one.",
      examples: ["references do\n  reference :room, on_delete: :delete\nend"],
      entities: [@reference],
      schema: [
        polymorphic_on_delete: [
          type: {:one_of, [:delete, :nilify, :nothing, :restrict]},
          doc: "The on_delete of the keys by which polymorphic resources refer to this one."
        ],
        polymorphic_on_update: [
          type: {:one_of, [:update, :nilify, :nothing, :restrict]},
          doc: "The on_update of the keys by which polymorphic resources refer to this one."
        ],
        polymorphic_name: [
          type: {:or, [:string, {:one_of, [:update, :nilify, :nothing, :restrict]}]},
          doc: "The name of the keys by which polymorphic resources refer to this one."
        ]
      ]
    }

    @index %Spark.Dsl.Entity{
      name: :index,
      describe: "An index of the table.",
      examples: ["index [:room_id, :created_at], unique: true, where: \"hidden = 0\""],
      target: CustomIndex,
      schema: CustomIndex.schema(),
      args: [:fields]
    }

    @custom_indexes %Spark.Dsl.Section{
      name: :custom_indexes,
      describe: "Indexes besides those of the identities.",
      examples: ["custom_indexes do\n  index [:room_id, :created_at]\nend"],
      entities: [@index]
    }

    @check_constraint %Spark.Dsl.Entity{
      name: :check_constraint,
      describe: "A check of the table, and the message on the attribute when it refuses a row.",
      examples: [
        "check_constraint :price, \"price_must_be_positive\", check: \"price > 0\", " <>
          "message: \"price must be positive\""
      ],
      target: CheckConstraint,
      schema: CheckConstraint.schema(),
      args: [:attribute, :name]
    }

    @check_constraints %Spark.Dsl.Section{
      name: :check_constraints,
      describe:
        "Checks of the table. Generated migrations make them: a table that follows its resource " <>
          "has none.",
      examples: [
        """
        check_constraints do
          check_constraint :price, "price_must_be_positive", check: "price > 0"
        end
        """
      ],
      entities: [@check_constraint]
    }

    @statement %Spark.Dsl.Entity{
      name: :statement,
      describe: "SQL that generated migrations run, and its reverse.",
      examples: ["statement :view do\n  up \"CREATE VIEW …\"\n  down \"DROP VIEW …\"\nend"],
      target: CustomStatement,
      schema: CustomStatement.schema(),
      args: [:name]
    }

    @custom_statements %Spark.Dsl.Section{
      name: :custom_statements,
      describe:
        "SQL that generated migrations run after they made the tables: views, triggers, rows that " <>
          "must be there. Tables that follow their resources do not run it.",
      examples: ["custom_statements do\n  statement :view do\n  …\n  end\nend"],
      entities: [@statement]
    }

    @source %Spark.Dsl.Entity{
      name: :source,
      describe:
        "What the events are about, such as the room of a message. The events of one source have " <>
          "positions, 1, 2, 3 and so on.",
      examples: ["source :room, :room_id"],
      target: Journal.Subject,
      schema: Journal.Subject.schema(),
      args: [:kind, :attribute]
    }

    @actor %Spark.Dsl.Entity{
      name: :actor,
      describe:
        "Who made the change, where neither the action nor `c:AshRusqlite.Repo.with_actor/3` says it.",
      examples: ["actor :user, :user_id"],
      target: Journal.Subject,
      schema: Journal.Subject.schema(),
      args: [:kind, :attribute]
    }

    @event %Spark.Dsl.Entity{
      name: :event,
      describe:
        "A change that means more than that a row was created, updated or deleted. Of several the " <>
          "first one counts whose condition holds.",
      examples: [
        "event \"chat.room.hidden\", on: :update, where: expr(hidden and not old.hidden)",
        "event \"chat.room_membership.joined\", on: :create"
      ],
      imports: [Ash.Expr],
      target: Journal.Event,
      schema: Journal.Event.schema(),
      args: [:type]
    }

    @journal %Spark.Dsl.Entity{
      name: :journal,
      describe:
        "Makes each change of a row an event as well, in the same commit. Generated migrations " <>
          "switch it on; a table that follows its resource has it with the next use.",
      examples: [
        """
        journal do
          type "chat.message"
          source :room, :room_id
          actor :user, :user_id
          skip [:updated_at]
          event "chat.room.hidden", on: :update, where: expr(hidden and not old.hidden)
        end
        """
      ],
      target: Journal,
      schema: Journal.schema(),
      entities: [source: [@source], actor: [@actor], events: [@event]],
      singleton_entity_keys: [:source, :actor]
    }

    @sqlite %Spark.Dsl.Section{
      name: :sqlite,
      describe: "How the resource is stored. Every option has a default.",
      examples: ["sqlite do\n  table \"rooms\"\n  repo MyApp.Repo\nend"],
      sections: [@check_constraints, @custom_indexes, @custom_statements, @references],
      entities: [@journal],
      modules: [:repo],
      schema: [
        repo: [
          type: {:or, [:module, {:fun, 2}]},
          doc:
            "The repo, or a function of the resource and `:read` or `:mutate` that gives it. " <>
              "By default the first of `config :my_app, ash_rusqlite_repos: [MyApp.Repo]`."
        ],
        table: [type: :string, doc: "The table. By default the resource's plural name."],
        like: [
          type: {:one_of, [:ash_sqlite, :sqlite]},
          doc:
            "Whose LIKE `like`, `ilike` and the LIKE of fragments are, see " <>
              "`AshRusqlite.DataLayer.Like`. By default what the repo's option of this name says."
        ],
        migrate?: [
          type: :boolean,
          default: true,
          doc:
            "Whether the table follows the resource, and migrations are generated for it. A table " <>
              "with `migrate? false` is left as it is."
        ],
        migration_types: [
          type: :keyword_list,
          default: [],
          doc:
            "By attribute, how its column is declared: a type " <>
              "of Ecto's migrations, which is what Ecto's SQLite adapter makes of it (`:decimal`, " <>
              "`{:varchar, 30}`), or a declared type as a string (`\"DECIMAL_TEXT\"`). What the " <>
              "column holds, the attribute says."
        ],
        migration_defaults: [
          type: :keyword_list,
          default: [],
          doc:
            "By attribute, as a string of Elixir, what its column gives rows that leave it out: " <>
              "`\"0\"`, `\"\\\"new\\\"\"`, `\"[]\"`, `\"nil\"` for nothing, or SQL: " <>
              "`\"fragment(\\\"CURRENT_TIMESTAMP\\\")\"`, which only generated migrations have. " <>
              "Without it a generated migration takes the attribute's default where that is a value."
        ],
        base_filter_sql: [
          type: :string,
          doc:
            "The base filter as SQL, for the unique indexes of identities. Without it they have its " <>
              "comparisons with values as their condition; it is needed where there is more to the filter."
        ],
        skip_unique_indexes: [
          type: {:wrap_list, :atom},
          default: [],
          doc: "Identities without a unique index."
        ],
        unique_index_names: [
          type: :any,
          default: [],
          doc: "Unique indexes beside identities: `{[:keys], \"name\"}` or with a message third."
        ],
        exclusion_constraint_names: [
          type: :any,
          default: [],
          doc: "Accepted for AshSqlite's sake; SQLite has no such constraints."
        ],
        identity_index_names: [
          type: :any,
          default: [],
          doc: "Names of the indexes of identities, by identity."
        ],
        foreign_key_names: [
          type: :any,
          default: [],
          doc: "Foreign keys beside references: `{:key, \"name\"}` or with a message third."
        ],
        migration_ignore_attributes: [
          type: {:list, :atom},
          default: [],
          doc:
            "Attributes whose columns generated migrations leave out. A table that follows its " <>
              "resource has them, too: without them no row could be read."
        ],
        index_belongs_to?: [
          type: :boolean,
          default: true,
          doc:
            "Whether the table has, for each belongs_to, an index that " <>
              "begins with its attribute. Where an identity, a custom index or the primary key " <>
              "begins so, none is added. `references do reference :room, index?: false end` " <>
              "decides for one relationship."
        ],
        polymorphic?: [
          type: :boolean,
          default: false,
          doc:
            "Whether it has no table of its own, but that of `context: %{data_layer: %{table: …}}`."
        ],
        strict?: [
          type: :boolean,
          default: false,
          doc:
            "Whether the table is made STRICT. Its columns are TEXT, " <>
              "INTEGER, REAL, BLOB and, for maps and lists, ANY."
        ]
      ]
    }

    @ets %Spark.Dsl.Section{
      name: :ets,
      describe: "What the ETS data layer knows, with the same meaning.",
      examples: ["ets do\n  private? true\nend"],
      schema: [
        private?: [
          type: :boolean,
          default: false,
          doc: "Keep the rows in memory, for the calling process alone. For async tests."
        ],
        table: [type: :atom, doc: "The table, unless `sqlite` names one."]
      ]
    }

    @doc "The sections, for `use Spark.Dsl.Extension`."
    @spec sections() :: [Spark.Dsl.Section.t()]
    def sections, do: [@sqlite, @ets]
  end
end
