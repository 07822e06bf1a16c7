if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Info do
    @moduledoc "The options of a resource's `sqlite` and `ets` sections, defaults included."

    alias AshRusqlite.DataLayer.Dsl.{CheckConstraint, CustomIndex, CustomStatement, Journal, Mark}
    alias AshRusqlite.DataLayer.Dsl.{ReadTimeout, Reference}
    alias Spark.Dsl.Extension

    @typedoc "A resource, or its DSL while it is compiled."
    @type resource :: Ash.Resource.t() | Spark.Dsl.t()

    @doc "The repo of a resource, or nil when neither it nor its application names one."
    @spec repo(resource(), :read | :mutate) :: module() | nil
    def repo(resource, type \\ :mutate) do
      case Extension.get_opt(resource, [:sqlite], :repo, nil, true) do
        fun when is_function(fun, 2) -> fun.(resource, type)
        nil -> default_repo(resource)
        repo -> repo
      end
    end

    defp default_repo(resource) do
      case Application.get_env(otp_app(resource), :ash_rusqlite_repos) do
        [repo | _] -> repo
        _ -> Application.get_env(:ash_rusqlite, :repo)
      end
    end

    # To look through all applications takes longer than to insert a row.
    defp otp_app(resource) when is_atom(resource) do
      key = {__MODULE__, :otp_app, resource}

      with nil <- :persistent_term.get(key, nil) do
        app = find_otp_app(resource)
        :persistent_term.put(key, app)
        app
      end
    end

    defp otp_app(dsl), do: find_otp_app(dsl)

    defp find_otp_app(resource) do
      domain = Ash.Resource.Info.domain(resource)

      Spark.otp_app(resource) || (domain && Spark.otp_app(domain)) ||
        (is_atom(resource) && Application.get_application(resource)) || :ash_rusqlite
    end

    @doc "Whether a resource says which table it is in."
    @spec names_table?(resource()) :: boolean()
    def names_table?(resource) do
      Enum.any?([:sqlite, :ets], &Extension.get_opt(resource, [&1], :table, nil, true)) or
        polymorphic?(resource)
    end

    @doc "The table of a resource; nil for a polymorphic one without a table of its own."
    @spec table(resource()) :: String.t() | nil
    def table(resource) do
      cond do
        table = Extension.get_opt(resource, [:sqlite], :table, nil, true) -> table
        polymorphic?(resource) -> nil
        table = Extension.get_opt(resource, [:ets], :table, nil, true) -> table_name(table)
        true -> to_string(Ash.Resource.Info.plural_name(resource) || "#{short_name(resource)}s")
      end
    end

    # `ets do table MyApp.Room end` is as good a name as `:rooms`.
    defp table_name(table) do
      case Atom.to_string(table) do
        "Elixir." <> module -> module
        name -> name
      end
    end

    # As `Ash.Resource.Info.short_name/1`, which a resource that is being compiled cannot answer.
    defp short_name(resource) do
      Extension.get_opt(resource, [:resource], :short_name, nil) ||
        resource |> module() |> Module.split() |> List.last() |> Macro.underscore()
    end

    defp module(resource) when is_atom(resource), do: resource
    defp module(dsl), do: Extension.get_persisted(dsl, :module)

    @doc "Whether the rows live in memory, for the calling process alone."
    @spec private?(resource()) :: boolean()
    def private?(resource), do: Extension.get_opt(resource, [:ets], :private?, false, true)

    @doc "Whether the table comes from the context of a query or changeset."
    @spec polymorphic?(resource()) :: boolean()
    def polymorphic?(resource), do: option(resource, :polymorphic?, false)

    @doc "The meaning of LIKE that the resource chooses; nil where its repo decides."
    @spec like(resource()) :: :ash_sqlite | :sqlite | nil
    def like(resource), do: option(resource, :like, nil)

    @doc "Whether a resource has this data layer."
    @spec ours?(Ash.Resource.t()) :: boolean()
    def ours?(resource), do: Mark.marked?(resource)

    @doc "Whether a resource has this data layer and is stored in this repo module. A private one is in none."
    @spec stored_in?(Ash.Resource.t(), module()) :: boolean()
    def stored_in?(resource, repo) do
      ours?(resource) and not private?(resource) and
        repo(resource) == repo
    end

    @doc "Whether the table follows the resource, and migrations are generated for it."
    @spec migrate?(resource()) :: boolean()
    def migrate?(resource), do: option(resource, :migrate?, true)

    @doc "Whether the table is made STRICT."
    @spec strict?(resource()) :: boolean()
    def strict?(resource), do: option(resource, :strict?, false)

    @doc "Declared types by attribute."
    @spec migration_types(resource()) :: keyword()
    def migration_types(resource), do: option(resource, :migration_types, [])

    @doc "Defaults of columns by attribute, as strings of Elixir code."
    @spec migration_defaults(resource()) :: keyword()
    def migration_defaults(resource), do: option(resource, :migration_defaults, [])

    @doc "Attributes whose columns generated migrations leave out."
    @spec migration_ignore_attributes(resource()) :: [atom()]
    def migration_ignore_attributes(resource),
      do: option(resource, :migration_ignore_attributes, [])

    @doc "The base filter as SQL."
    @spec base_filter_sql(resource()) :: String.t() | nil
    def base_filter_sql(resource), do: option(resource, :base_filter_sql, nil)

    @doc "Identities without a unique index."
    @spec skip_unique_indexes(resource()) :: [atom()]
    def skip_unique_indexes(resource),
      do: resource |> option(:skip_unique_indexes, []) |> List.wrap() |> Enum.filter(& &1)

    @doc "Names of identities' indexes."
    @spec identity_index_names(resource()) :: keyword()
    def identity_index_names(resource), do: option(resource, :identity_index_names, [])

    @doc "The name of an identity's unique index."
    @spec identity_index_name(resource(), String.t(), atom()) :: String.t()
    def identity_index_name(resource, table, identity) do
      to_string(identity_index_names(resource)[identity] || "#{table}_#{identity}_index")
    end

    @doc "Unique indexes that belong to no identity, as `{keys, name, message | nil}`."
    @spec unique_index_names(resource(), Ash.Changeset.t() | nil) :: [
            {[atom()], String.t(), String.t() | nil}
          ]
    def unique_index_names(resource, changeset \\ nil),
      do: resource |> option(:unique_index_names, []) |> names(changeset)

    @doc "Foreign keys that belong to no reference, as `{key, name, message | nil}`."
    @spec foreign_key_names(resource(), Ash.Changeset.t() | nil) :: [
            {atom() | String.t(), String.t(), String.t() | nil}
          ]
    def foreign_key_names(resource, changeset \\ nil),
      do: resource |> option(:foreign_key_names, []) |> names(changeset)

    defp names({module, function, args}, changeset) when is_atom(module) and is_list(args),
      do: names(apply(module, function, [changeset | args]), changeset)

    defp names(list, _changeset) do
      for item <- List.wrap(list) do
        case item do
          {keys, name} -> {keys, to_string(name), nil}
          {keys, name, message} -> {keys, to_string(name), message}
        end
      end
    end

    @doc "The indexes of `custom_indexes`."
    @spec custom_indexes(resource()) :: [CustomIndex.t()]
    def custom_indexes(resource),
      do: Extension.get_entities(resource, [:sqlite, :custom_indexes])

    @doc "The checks of `check_constraints`."
    @spec check_constraints(resource()) :: [CheckConstraint.t()]
    def check_constraints(resource),
      do: Extension.get_entities(resource, [:sqlite, :check_constraints])

    @doc "The SQL of `custom_statements`."
    @spec custom_statements(resource()) :: [CustomStatement.t()]
    def custom_statements(resource),
      do: Extension.get_entities(resource, [:sqlite, :custom_statements])

    @doc "The foreign keys of `references`."
    @spec references(resource()) :: [Reference.t()]
    def references(resource), do: Extension.get_entities(resource, [:sqlite, :references])

    @doc "The configured foreign key of a relationship."
    @spec reference(resource(), atom()) :: Reference.t() | nil
    def reference(resource, relationship),
      do: Enum.find(references(resource), &(&1.relationship == relationship))

    @doc """
    The options `polymorphic_…` of `references` that are given: what the foreign keys of a polymorphic
    resource to this one do.
    """
    @spec polymorphic_reference(resource()) :: keyword()
    def polymorphic_reference(resource) do
      for name <- [:on_delete, :on_update, :name],
          option = :"polymorphic_#{name}",
          value = Extension.get_opt(resource, [:sqlite, :references], option, nil, true),
          do: {name, value}
    end

    @doc "How the resource is journaled, or nil where it is not."
    @spec journal(resource()) :: Journal.t() | nil
    def journal(resource), do: resource |> journals() |> List.first()

    @doc false
    # Every `journal` of the resource, of which there may be one.
    @spec journals(resource()) :: [Journal.t()]
    def journals(resource), do: Extension.get_entities(resource, [:sqlite])

    defp option(resource, name, default),
      do: Extension.get_opt(resource, [:sqlite], name, default, true)

    @doc false
    # Whether a read action gives every row that there is, and nothing but rows.
    @spec plain_read?(Ash.Resource.t(), Ash.Resource.Actions.Read.t() | nil) :: boolean()
    def plain_read?(_resource, nil), do: false

    def plain_read?(resource, action) do
      action.filter in [nil, []] and Map.get(action, :filters, []) == [] and
        action.preparations == [] and is_nil(action.manual) and not ReadTimeout.modified?(action) and
        Ash.Resource.Info.preparations(resource, :read) == []
    end
  end
end
