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
        "The foreign keys of the table. Generated migrations make them, and an error of one of them is " <>
          "reported on its relationship's attribute. A table that follows its resource has none, and " <>
          "neither has a `belongs_to` without a `reference`.",
      examples: ["references do\n  reference :room, on_delete: :delete\nend"],
      entities: [@reference],
      schema: [
        polymorphic_on_delete: [
          type: {:one_of, [:delete, :nilify, :nothing, :restrict]},
          doc: "The `on_delete` of the foreign keys of polymorphic resources to this one."
        ],
        polymorphic_on_update: [
          type: {:one_of, [:update, :nilify, :nothing, :restrict]},
          doc: "The `on_update` of the foreign keys of polymorphic resources to this one."
        ],
        polymorphic_name: [
          type: {:or, [:string, {:one_of, [:update, :nilify, :nothing, :restrict]}]},
          doc: "The name of the foreign keys of polymorphic resources to this one."
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
      describe:
        "A check of the table, and the message that the attribute gets when it refuses a row.",
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
        "SQL that generated migrations run once they have made the tables, for views, triggers and " <>
          "rows that must be there. It is not run for tables that follow their resources.",
      examples: [
        """
        custom_statements do
          statement :view do
            up "CREATE VIEW …"
            down "DROP VIEW …"
          end
        end
        """
      ],
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
        "Who made the change, where neither the action nor `c:AshRusqlite.Repo.with_actor/3` has an " <>
          "actor.",
      examples: ["actor :user, :user_id"],
      target: Journal.Subject,
      schema: Journal.Subject.schema(),
      args: [:kind, :attribute]
    }

    @event %Spark.Dsl.Entity{
      name: :event,
      describe:
        "A type of its own for a change that means more than that a row was created, updated or " <>
          "deleted. Where several conditions hold, the first event counts.",
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
        "Writes each change of a row as an event, too, in the same commit. Generated migrations switch " <>
          "the journal on; a table that follows its resource has it from its next use on.",
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
            "The repo, or a function that returns it and is called with the resource and `:read` or " <>
              "`:mutate`. Default: the first of `config :my_app, ash_rusqlite_repos: [MyApp.Repo]`."
        ],
        table: [type: :string, doc: "The table. Default: the resource's plural name."],
        like: [
          type: {:one_of, [:ash_sqlite, :sqlite]},
          doc:
            "What `like`, `ilike` and the LIKE of fragments mean: what they do with AshSqlite, or with " <>
              "plain SQLite, see `AshRusqlite.DataLayer.Like`. Default: the repo's option `:like`."
        ],
        migrate?: [
          type: :boolean,
          default: true,
          doc:
            "Whether the table follows the resource and has generated migrations. With " <>
              "`migrate? false` the table is left as it is."
        ],
        migration_types: [
          type: :keyword_list,
          default: [],
          doc:
            "How the columns of attributes are declared: a type of Ecto's migrations, such as " <>
              "`:decimal` or `{:varchar, 30}`, becomes what Ecto's SQLite adapter makes of it, and a " <>
              "string, such as `\"DECIMAL_TEXT\"`, is a declared type. Which values the column holds " <>
              "depends on the attribute alone."
        ],
        migration_defaults: [
          type: :keyword_list,
          default: [],
          doc:
            "The defaults of the columns of attributes, as strings of Elixir code: `\"0\"`, " <>
              "`\"\\\"new\\\"\"`, `\"[]\"`, `\"nil\"` for no default, or SQL, which only generated " <>
              "migrations have: `\"fragment(\\\"CURRENT_TIMESTAMP\\\")\"`. For other attributes a generated " <>
              "migration has the attribute's default where that is a value."
        ],
        base_filter_sql: [
          type: :string,
          doc:
            "The base filter as SQL: the condition of the unique indexes of identities. It is needed " <>
              "only where the base filter is more than comparisons with values, which become SQL " <>
              "without it."
        ],
        skip_unique_indexes: [
          type: {:wrap_list, :atom},
          default: [],
          doc: "Identities that get no unique index."
        ],
        unique_index_names: [
          type: :any,
          default: [],
          doc:
            "Unique indexes that belong to no identity, so that their errors are on attributes: " <>
              "`{[:attribute], \"index_name\"}` or `{[:attribute], \"index_name\", \"message\"}`."
        ],
        exclusion_constraint_names: [
          type: :any,
          default: [],
          doc: "Accepted for AshSqlite's sake; SQLite has no such constraints."
        ],
        identity_index_names: [
          type: :any,
          default: [],
          doc: "The names of the identities' indexes, by identity."
        ],
        foreign_key_names: [
          type: :any,
          default: [],
          doc:
            "Foreign keys that belong to no reference, so that their errors are on attributes: " <>
              "`{:attribute, \"key_name\"}` or `{:attribute, \"key_name\", \"message\"}`."
        ],
        migration_ignore_attributes: [
          type: {:list, :atom},
          default: [],
          doc:
            "Attributes whose columns generated migrations leave out. A table that follows its " <>
              "resource has these columns nevertheless: without them no row could be read."
        ],
        index_belongs_to?: [
          type: :boolean,
          default: true,
          doc:
            "Whether each `belongs_to` has an index that begins with its attribute. None is added " <>
              "where an identity, a custom index or the primary key begins with it. For one " <>
              "relationship, `references do reference :room, index?: false end` decides."
        ],
        polymorphic?: [
          type: :boolean,
          default: false,
          doc:
            "Whether the resource has no table of its own, but the one that each query and changeset " <>
              "names by `context: %{data_layer: %{table: \"archive\"}}`."
        ],
        strict?: [
          type: :boolean,
          default: false,
          doc:
            "Whether the table is a STRICT one. Its columns are then declared as TEXT, INTEGER, REAL, " <>
              "BLOB and, for maps and lists, ANY."
        ]
      ]
    }

    @ets %Spark.Dsl.Section{
      name: :ets,
      describe: "The options of Ash's ETS data layer, with the same meaning.",
      examples: ["ets do\n  private? true\nend"],
      schema: [
        private?: [
          type: :boolean,
          default: false,
          doc: "Whether the rows are in memory, for the calling process alone. For async tests."
        ],
        table: [type: :atom, doc: "The table, unless `sqlite` names one."]
      ]
    }

    @doc "The sections, for `use Spark.Dsl.Extension`."
    @spec sections() :: [Spark.Dsl.Section.t()]
    def sections, do: [@sqlite, @ets]
  end
end
