if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Query.RelatedQuery do
    @moduledoc false
    # Which rows of a relationship's destination Ash would load, in which order, and how many of
    # them for each row: what the relationship says, the read action, its preparations, the base
    # filter and the tenant. The query is built as Ash builds it to load the relationship
    # (`Ash.Actions.Read.Relationships.related_query/4`); a query with hooks is only Elixir's.

    alias Ash.Resource.Info, as: Resource
    alias AshRusqlite.DataLayer.{Expression, Info, Place, Query, Store}
    alias AshRusqlite.DataLayer.Dsl.ReadTimeout
    alias AshRusqlite.DataLayer.Place.Context

    import Expression, only: [residual: 1]

    defstruct [:table, :filter, :limit, offset: 0, sort: []]

    @type t :: %__MODULE__{
            table: String.t(),
            filter: Ash.Filter.t() | nil,
            sort: list(),
            limit: pos_integer() | nil,
            offset: non_neg_integer()
          }

    @hooks [:before_action, :after_action, :authorize_results, :before_transaction] ++
             [:after_transaction, :around_transaction]

    @doc """
    The rows that a relationship leads to from the rows of an environment's resource. `leaf` is the
    query that an aggregate has of them, if any.
    """
    @spec of(map(), %Expression.Env{}, Ash.Query.t() | nil) :: t()
    def of(relationship, env, leaf \\ nil) do
      check(relationship)
      destination = relationship.destination
      check_resource(destination, env)

      if every_row?(relationship) and every_row?(destination, leaf) do
        filter = leaf && leaf.filter
        table = table(destination, env, env.tenant, %{})
        %__MODULE__{table: table, filter: filter, sort: sort(leaf)}
      else
        relationship |> query(env, leaf) |> asked(relationship, env)
      end
    end

    @doc "The table of a resource that no relationship leads to, whose rows are all meant."
    @spec table_of(Ash.Resource.t(), %Expression.Env{}) :: String.t()
    def table_of(resource, env) do
      check_resource(resource, env)

      unless every_row?(resource, nil),
        do:
          residual("an exists over #{inspect(resource)}, which is read with a filter or a tenant")

      table(resource, env, env.tenant, %{})
    end

    defp sort(nil), do: []
    defp sort(leaf), do: leaf.sort || []

    defp check(%{name: name} = relationship) do
      why =
        cond do
          Map.get(relationship, :manual) ->
            "is manual: only its module can read it"

          is_list(Map.get(relationship, :through)) ->
            "goes through other relationships: write their path, as in `posts.comments`"

          true ->
            nil
        end

      if why, do: residual("the relationship #{name} of #{inspect(relationship.source)} #{why}")
    end

    defp check_resource(resource, env) do
      why =
        cond do
          not Info.ours?(resource) -> "is not in this data layer"
          Place.repo(resource) != Place.repo(env.resource) -> "is in another repo"
          true -> nil
        end

      if why, do: residual("#{inspect(resource)} #{why}")
    end

    # Whether nothing is said about the rows but which attributes match.
    defp every_row?(relationship) do
      Enum.all?(
        [:filter, :sort, :default_sort, :limit, :offset, :from_many?, :read_action, :context],
        &(Map.get(relationship, &1) in [nil, [], false, %{}])
      )
    end

    defp every_row?(resource, leaf) do
      action = (leaf && leaf.action) || Resource.primary_action(resource, :read)

      is_nil(Resource.multitenancy_strategy(resource)) and is_nil(Resource.base_filter(resource)) and
        Resource.default_context(resource) in [nil, %{}] and not Info.polymorphic?(resource) and
        Info.plain_read?(resource, action)
    end

    defp query(%{destination: destination} = relationship, env, leaf) do
      private = env.context[:private] || %{}
      leaf = leaf && Ash.Query.unset(leaf, :load)
      query = leaf || Ash.Query.new(destination)
      {action, arguments} = action(relationship, leaf)

      query
      |> Ash.Query.set_context(%{
        private: %{loading_relationships?: true, internal?: true, authorize?: false}
      })
      |> Ash.Query.set_tenant(private[:tenant] || query.tenant)
      |> Ash.Query.set_context(Map.take(env.context || %{}, [:shared]))
      |> for_read(action, arguments,
        domain: query.domain || relationship.domain || Resource.domain(destination),
        authorize?: false,
        actor: private[:actor]
      )
      |> cut(relationship)
      |> Ash.Query.sort(relationship.sort)
      |> default_sort(Map.get(relationship, :default_sort))
      |> Ash.Query.do_filter(relationship.filter, parent_stack: [relationship.source])
      |> Ash.Query.set_context(relationship.context || %{})
      |> hydrate(relationship, private[:actor])
      |> Ash.Query.set_context(%{
        accessing_from: %{source: relationship.source, name: relationship.name},
        parent_stack: [relationship.source]
      })
    end

    defp action(relationship, leaf) do
      name =
        (leaf && leaf.action && leaf.action.name) || relationship.read_action ||
          (Resource.primary_action(relationship.destination, :read) ||
             residual("#{inspect(relationship.destination)} has no primary read action")).name

      arguments = Map.get(relationship, :read_action_arguments) || %{}
      {name, Map.merge(arguments, (leaf && leaf.arguments) || %{})}
    end

    # What is validated already has the action's filter and preparations.
    defp for_read(%{__validated_for_action__: action} = query, action, _arguments, _opts),
      do: query

    defp for_read(query, action, arguments, opts),
      do: Ash.Query.for_read(query, action, arguments, opts)

    defp cut(query, %{cardinality: :one, from_many?: true}), do: Ash.Query.limit(query, 1)

    defp cut(query, relationship) do
      query =
        case Map.get(relationship, :limit) do
          nil -> query
          limit -> Ash.Query.limit(query, limit)
        end

      case Map.get(relationship, :offset) do
        nil -> query
        offset -> Ash.Query.offset(query, offset)
      end
    end

    defp default_sort(query, none) when none in [nil, []], do: query
    defp default_sort(query, sort), do: Ash.Query.default_sort(query, sort)

    defp hydrate(query, relationship, actor) do
      query.filter
      |> Ash.Expr.fill_template(
        actor: actor,
        tenant: query.to_tenant,
        args: %{},
        context: query.context
      )
      |> Ash.Filter.hydrate_refs(%{
        resource: query.resource,
        parent_stack: [relationship.source],
        public?: false
      })
      |> case do
        {:ok, filter} -> %{query | filter: filter}
        {:error, error} -> Ash.Query.add_error(query, error)
      end
    end

    defp asked(query, relationship, env) do
      check_query(query)

      # Rows are loaded without pages, whatever the action wants.
      case Ash.Actions.Read.unpaginated_read(query, nil,
             data_layer_query?: true,
             authorize?: false,
             actor: env.context[:private][:actor]
           ) do
        {:ok, %{query: %Query{combination_of: [], distinct: none} = query}}
        when none in [nil, []] ->
          %__MODULE__{
            table: table(relationship.destination, env, query.tenant, query.context),
            filter: query.filter,
            sort: query.sort || [],
            limit: limit(query),
            offset: query.offset || 0
          }

        {:ok, _other} ->
          residual(
            "#{inspect(query.resource)}.#{query.action.name} reads distinct or combined rows"
          )

        {:error, error} ->
          residual("Ash refuses to read #{inspect(query.resource)}: #{message(error)}")
      end
    end

    # Nothing is in none; so much is not said in SQL.
    defp limit(%{limit: 0}), do: residual("a relationship with a limit of 0")
    defp limit(%{limit: limit}), do: limit

    defp message(error) when is_exception(error), do: Exception.message(error)
    defp message(error), do: inspect(error)

    defp check_query(%{valid?: false, errors: errors, resource: resource}),
      do: residual("Ash refuses to read #{inspect(resource)}: #{inspect(errors, limit: 5)}")

    defp check_query(%{action: action, resource: resource} = query) do
      hooks = for hook <- @hooks, Map.get(query, hook, []) not in [nil, []], do: hook

      why =
        cond do
          hooks != [] ->
            "has a preparation that adds #{Enum.map_join(hooks, " and ", &inspect/1)}"

          action.manual ->
            "is a manual action"

          ReadTimeout.modified?(action) ->
            "has a `modify_query`"

          true ->
            nil
        end

      if why,
        do: residual("the read action #{inspect(action.name)} of #{inspect(resource)} #{why}")
    end

    # What the relationship, or a preparation, puts into the context may name another repo.
    defp table(resource, env, tenant, context) do
      case Store.fetch(resource, tenant, context, :read) do
        {:ok, store} -> in_reach(store, env).table
        {:error, error} -> residual("#{inspect(resource)} has no table here: #{message(error)}")
      end
    end

    defp in_reach(store, env) do
      case Place.repo(env.resource, :read) do
        {:ok, repo} when repo != store.repo ->
          if Context.same_repo?(repo, store.repo),
            do: store,
            else: residual("#{inspect(store.resource)} is read from another repo")

        _ ->
          store
      end
    end
  end
end
