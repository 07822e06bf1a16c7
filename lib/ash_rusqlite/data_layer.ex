if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer do
    @moduledoc """
    An Ash data layer that keeps resources in a SQLite file.

        defmodule MyApp.Room do
          use Ash.Resource, domain: MyApp.Chat, data_layer: AshRusqlite.DataLayer
        end

        # config :my_app, ash_rusqlite_repos: [MyApp.Repo]

    That is all. The table is named after the resource, in the plural. In dev and test it is made at first
    use and follows the resource; in production, migrations make it.

    What a resource does with `Ash.DataLayer.Ets`, it does here with the same results;
    `ets do private? true end` keeps its meaning. A resource of `AshSqlite.DataLayer` keeps its
    `sqlite do … end`. The options of that section are in the [reference of the DSL](dsl.md).

    ## What runs where

    What SQLite computes exactly as Ash does is SQL. The rest, the residual part, is left to Ash's own
    runtime, over the rows that SQL has found. `AshRusqlite.explain/2` returns which is which and why, and
    the telemetry event `[:ash_rusqlite, :residual]` counts the rows that the residual part looked at.

    `fragment("lower(?)", name)` is SQL wherever it stands: in filters, calculations, sorts, filters
    of aggregates and atomic changes. Only SQLite can compute a fragment, so an expression that also needs
    Elixir is an error. The guide [From AshSqlite](from-ash-sqlite.md) has more about fragments.

    ## Writes

    A create, update or destroy without hooks is one request to the writer, and shares its
    commit with those of other processes. Actions with hooks run in a transaction. So do the rows
    of one `Ash.bulk_create` and of one `Ash.update_many`: all of them are written, or none.

    Actions run in the process that calls them, never in tasks: `max_concurrency:` of a bulk action has no
    effect. The `timeout:` of an action is the deadline of its statements, or of its transaction. So an
    action that returned `Ash.Error.Invalid.Timeout` has written nothing. What a hook or a calculation
    does in Elixir is not interrupted.

    With `config :ash_rusqlite, update_many?: true`, `Ash.update_many` is one request instead of one for
    each row. Set it only where every call gives `return_records?`, since Ash (3.32.0 and later) raises
    for a call without it.

    ## Another database or table

    The context of a query, a changeset or a bulk action says where it reads and writes, and how:

        Ash.read!(MyApp.Room, context: %{data_layer: %{repo: MyApp.TenantRepo}})

    Its keys are

      * `:repo` - the repo, by its module, name or pid
      * `:table` - the table, such as `"archive"`
      * `:timeout` - the milliseconds that the whole query may take, its residual part included
      * `:unreadable` - `:error`, `:skip` or `:not_loaded`: what happens to rows with a value that cannot be
        read, see `AshRusqlite.unreadable/2`
      * `:as_of`, `:expect` - see "The journal" below
      * those that an application needs itself, named by `config :ash_rusqlite, context_keys: [:my_key]`.
        Any other key is an error

    Related rows that a filter, a sort, a calculation or an aggregate needs are read from the same repo.
    What is loaded is a query of its own, and has this context only if it is shared:
    `context: %{shared: %{data_layer: %{repo: MyApp.TenantRepo}}}`.

    A record that was read with such a context must be written with the same context, otherwise the write
    is an error. The transaction of an action is one of the repo that it writes to. While Ash has a
    transaction open for a resource, its writes into another repo are refused, since a rollback would not
    undo them. To allow such a write, put `MyApp.TenantRepo.transaction/1` around it, or make it in an
    `after_transaction` hook.

    ## The journal

    With a journal, each change of a row is also an event, written in the same commit:

        sqlite do
          journal do
            type "chat.message"
            source :room, :room_id
            actor :user, :user_id
          end
        end

    An event has Ash's actor (`AshRusqlite.Actor` says how it is named), the name of the action, and as its
    metadata the tenant and what the action gives as `context: %{journal: %{reason: "spam"}}`. What an
    action does not give is taken from `c:AshRusqlite.Repo.with_actor/3` around it. See
    `AshRusqlite.DataLayer.Journal` for the section, and `AshRusqlite.Journal.Resource` for a resource that
    reads the events.

    **Reads of the past.** `context: %{data_layer: %{as_of: 42}}` of a query reads the tables as they were
    after the event with the `seq` 42. It may also be a `DateTime`, or
    `[source: "room:42", position: 5]` for the rows of one source, see "The past" at `AshRusqlite.Repo`. It
    holds for everything that the query itself needs, related rows included, and each of these resources
    must be journaled. What is loaded is a query of its own, which reads the present, unless the context is
    shared: `context: %{shared: %{data_layer: %{as_of: 42}}}`.

    **Writes that expect a position.** With `context: %{data_layer: %{expect: [{"room:42", 5}]}}` an action
    writes only if the source is at this position; otherwise the error is
    `AshRusqlite.DataLayer.PositionConflict`. Within a transaction this is checked once, when the first row
    is written. A bulk action in several transactions moves its sources with the first one: give it
    `transaction: :all`.

    ## Production

    With `auto_migrate: false`, the default outside of dev and test, migrations make the tables.
    `mix ash.codegen NAME` writes them as plain SQL files, see `codegen/1`: what the resources need, and
    the files written before do not make. Soon after the start, the log names each resource that does not
    fit its table, with the statement that would fix it.
    """

    use Spark.Dsl.Extension,
      sections: AshRusqlite.DataLayer.Dsl.sections(),
      transformers: [AshRusqlite.DataLayer.Dsl.Mark, AshRusqlite.DataLayer.Dsl.ReadTimeout],
      verifiers: [AshRusqlite.DataLayer.Journal.Verifier]

    @behaviour Ash.DataLayer
    @behaviour Ash.Extension

    alias AshRusqlite.DataLayer.{ILike, Info, Like, Place, Query, Read, Results}
    alias AshRusqlite.DataLayer.{Store, Transaction}
    alias AshRusqlite.DataLayer.Place.{AsOf, Context}
    alias AshRusqlite.DataLayer.Read.{AggregateQuery, LateralJoin, WithoutRow}
    alias AshRusqlite.DataLayer.Residual.Deadline
    alias AshRusqlite.DataLayer.Write.{BulkCreate, ByQuery, Create, Destroy}
    alias AshRusqlite.DataLayer.Write.{Update, UpdateMany, Upsert}
    alias AshRusqlite.Repo.QueryLog
    alias Mix.AshRusqlite.AshTasks

    @always [
      :aggregate_filter,
      :aggregate_sort,
      :boolean_filter,
      :bulk_create,
      :calculate,
      :changeset_filter,
      :combine,
      :composite_primary_key,
      :create,
      :destroy_query,
      :distinct,
      :distinct_sort,
      :expr_error,
      :expression_calculation,
      :expression_calculation_sort,
      :filter,
      :limit,
      :multitenancy,
      :nested_expressions,
      :offset,
      :read,
      :select,
      :sort,
      :through_relationship,
      :timeout,
      :transact,
      :update_query,
      :upsert
    ]

    @kinds [:count, :first, :sum, :list, :max, :min, :avg, :exists, :unrelated]

    @impl true
    # Ash's tasks would be outside of the caller's transaction and wait for it, would not find a store
    # that only the caller uses, and go on writing after a `timeout:` that Ash reported.
    def can?(_resource, :async_engine), do: false
    def can?(resource, :transact), do: transact?(resource)
    def can?(resource, :update_many), do: UpdateMany.possible?(resource)
    def can?(_resource, feature) when feature in @always, do: true
    def can?(_resource, {:aggregate, kind}), do: kind in @kinds
    def can?(_resource, {:query_aggregate, kind}), do: kind in @kinds
    def can?(_resource, {:atomic, kind}), do: kind in [:create, :update, :upsert]
    def can?(_resource, {:exists, :unrelated}), do: true
    # A transaction holds the writer from its first statement on: its rows are locked anyway.
    def can?(resource, {:lock, lock}), do: lock?(lock) and transact?(resource)

    def can?(resource, {:join, other}),
      do: same_layer?(resource, other) or Application.get_env(:ash, :mnesia_ets_join?, true)

    def can?(_resource, {feature, _})
        when feature in [
               :aggregate_relationship,
               :combine,
               :filter_expr,
               :filter_relationship,
               :lateral_join,
               :sort
             ],
        do: true

    def can?(resource, action) when action in [:update, :destroy],
      do: Ash.Resource.Info.primary_key(resource) != []

    def can?(_resource, _feature), do: false

    # Those of AshPostgres.
    defp lock?(:for_update), do: true
    defp lock?(lock), do: is_binary(lock) and String.starts_with?(String.upcase(lock), "FOR ")

    # ETS has no transactions, and what uses a private store in its place may rely on that.
    defp transact?(resource) do
      not Info.private?(resource) or
        Application.get_env(:ash_rusqlite, :private_transactions?, true)
    end

    defp same_layer?(resource, other),
      do: Ash.DataLayer.data_layer(resource) == Ash.DataLayer.data_layer(other)

    @impl true
    def prefer_transaction?(_resource), do: false

    @impl true
    def prefer_transaction_for_atomic_updates?(_resource), do: false

    @impl true
    def prefer_lateral_join_for_many_to_many?, do: false

    @impl true
    def source(resource), do: Info.table(resource) || ""

    @impl true
    def functions(_resource), do: [Like, ILike]

    @impl true
    def resource_to_query(resource, domain), do: %Query{resource: resource, domain: domain}

    @impl true
    def combination_of(parts, resource, domain),
      do: {:ok, %Query{combination_of: parts, resource: resource, domain: domain}}

    @impl true
    def set_context(_resource, query, context), do: {:ok, %{query | context: context}}

    @impl true
    def set_tenant(_resource, query, tenant), do: {:ok, %{query | tenant: tenant}}

    @impl true
    def select(query, select, _resource), do: {:ok, %{query | select: select}}

    @impl true
    def filter(%{filter: nil} = query, filter, _resource), do: {:ok, %{query | filter: filter}}

    def filter(query, filter, _resource),
      do: {:ok, %{query | filter: Ash.Filter.add_to_filter!(query.filter, filter)}}

    @impl true
    def sort(query, sort, _resource), do: {:ok, %{query | sort: sort}}

    @impl true
    def distinct(query, distinct, _resource), do: {:ok, %{query | distinct: distinct}}

    @impl true
    def distinct_sort(query, sort, _resource), do: {:ok, %{query | distinct_sort: sort}}

    @impl true
    def limit(query, limit, _resource), do: {:ok, %{query | limit: limit}}

    @impl true
    def lock(query, _lock, _resource), do: {:ok, query}

    @impl true
    def offset(query, offset, _resource), do: {:ok, %{query | offset: offset}}

    @impl true
    def add_aggregate(query, aggregate, _resource),
      do: {:ok, %{query | aggregates: [aggregate | query.aggregates]}}

    @impl true
    def add_aggregates(query, aggregates, _resource),
      do: {:ok, %{query | aggregates: Enum.reverse(aggregates, query.aggregates)}}

    @impl true
    def add_calculations(query, calculations, _resource),
      do: {:ok, %{query | calculations: query.calculations ++ calculations}}

    @impl true
    def run_query(query, resource) do
      resource
      |> at(query, fn -> Read.run(query) end)
      |> Context.note_bulk_read(resource, query.context)
    end

    @impl true
    def run_aggregate_query(query, aggregates, resource),
      do: at(resource, query, fn -> AggregateQuery.run(query, aggregates) end)

    @impl true
    def run_query_with_lateral_join(query, parents, destination, path) do
      run = fn ->
        # One for all parents.
        Deadline.within(Query.timeout(query.context), fn ->
          AsOf.within(query.context, fn -> LateralJoin.run(query, parents, path) end)
        end)
      end

      destination
      |> Store.retry_with_table(query.context, from(destination, query.context[:action], run))
      |> Context.note(query.context)
    end

    # What a callback does where its context says.
    defp at(resource, %Query{context: context}, fun),
      do: at(resource, context, context[:action], fun)

    defp at(resource, %{context: context, action: action}, fun),
      do: at(resource, context, action, fun)

    defp at(resource, context, action, fun) do
      within = fn -> AsOf.within(context, fun) end
      run = from(resource, action, fn -> Place.within(resource, context, within) end)
      resource |> Store.retry_with_table(context, run) |> Context.note(context)
    end

    # What is logged says for which resource and action it was.
    defp from(resource, action, fun), do: fn -> QueryLog.from(resource, name(action), fun) end

    defp name(nil), do: nil
    defp name(action), do: action.name

    @impl true
    def calculate(resource, expressions, context),
      do: Results.traverse(expressions, &WithoutRow.value(&1, resource, context))

    @impl true
    def create(resource, changeset),
      do: at(resource, changeset, fn -> Create.create(resource, changeset) end)

    @impl true
    def update(resource, changeset),
      do: at(resource, changeset, fn -> Update.update(resource, changeset) end)

    @impl true
    def destroy(resource, changeset),
      do: at(resource, changeset, fn -> Destroy.destroy(resource, changeset) end)

    @impl true
    def upsert(resource, changeset, keys), do: upsert(resource, changeset, keys, nil)

    @impl true
    def upsert(resource, changeset, keys, identity),
      do:
        at(resource, changeset, fn ->
          Upsert.upsert(resource, changeset, keys, identity)
        end)

    @impl true
    def bulk_create(resource, stream, options) do
      changesets = Enum.to_list(stream)

      at(resource, context(changesets), action(changesets), fn ->
        BulkCreate.create(resource, changesets, options)
      end)
    end

    @impl true
    def update_query(query, changeset, resource, options) do
      at(resource, query.context, changeset.action, fn ->
        ByQuery.update(query, changeset, resource, options)
      end)
    end

    # Releases of Ash before 3.32 do not know it.
    @doc false
    if {:update_many, 3} in Ash.DataLayer.behaviour_info(:callbacks), do: @impl(true)

    def update_many(resource, stream, options) do
      changesets = Enum.to_list(stream)

      at(resource, context(changesets), action(changesets), fn ->
        UpdateMany.update(resource, changesets, options)
      end)
    end

    defp context([]), do: %{}
    defp context([first | _]), do: first.context

    defp action([]), do: nil
    defp action([first | _]), do: first.action

    @impl true
    def destroy_query(query, changeset, resource, options) do
      at(resource, query.context, changeset.action, fn ->
        ByQuery.destroy(query, changeset, resource, options)
      end)
    end

    @impl true
    def transaction(resource, fun, timeout \\ nil, reason \\ nil),
      do: Transaction.transaction(resource, fun, timeout, reason)

    @impl true
    def rollback(resource, reason), do: Transaction.rollback(resource, reason)

    @impl true
    def in_transaction?(resource), do: Transaction.in_transaction?(resource)

    @doc "Deletes every row of a resource, or of one tenant of it. For tests."
    @spec stop(Ash.Resource.t(), term()) :: :ok
    def stop(resource, tenant \\ nil), do: Store.stop(resource, tenant)

    @doc """
    What `mix ash.codegen NAME` does for the resources of this data layer: it writes a migration with
    what they need and the files in the repo's folder do not make yet.

        mix ash.codegen add_topic_to_rooms
        mix ash.codegen --dev
        mix ash.codegen --check

    It reads only the files, no database. Each file has the SQL for applying it and for rolling it back:
    read and edit it before you apply it.

      * `--name` - what the migration does, as the argument `NAME`
      * `--dry-run` - prints the file instead of writing it
      * `--check` - writes nothing, and fails with `Ash.Error.Framework.PendingCodegen` if a file would be
        written or files of `--dev` are left. For CI
      * `--dev` - writes a file without a final name, `…_dev.sql`. The next file with a name replaces all
        of these: they are removed, and a database of this repo in which they were applied keeps its
        rows and has the named one recorded as applied
      * `--drop` - drops the columns and tables that no resource needs any longer. Without it they stay,
        and a note says so. Those of migrations written by hand stay in any case
      * `--rename-table from:to`, `--rename-column table.from:to` - the new table or column is the old one
        under another name. Without this the task asks on a terminal, and fails elsewhere. Each may be
        given several times
      * `--no-renames` - nothing (else) was renamed
      * `--fill table.column=SQL` - the value that existing rows get in a column that is new and has no
        default, or may not be null any longer
      * `--repo`, `--migrations`, `--domains` - only one repo, another folder, only some domains
      * `--quiet` - prints nothing
    """
    @impl Ash.Extension
    @spec codegen([String.t()]) :: :ok
    def codegen(argv), do: AshTasks.codegen(argv)

    @doc """
    What `mix ash.migrate` does: applies the pending migrations, at most `--step` of them, or those up to
    the version `--to`.
    """
    @impl Ash.Extension
    @spec migrate([String.t()]) :: :ok
    def migrate(argv), do: AshTasks.migrate(argv)

    @doc """
    What `mix ash.rollback` does: rolls back the newest migration, or the newest `--step` ones, or those
    down to the version `--to`.
    """
    @impl Ash.Extension
    @spec rollback([String.t()]) :: :ok
    def rollback(argv), do: AshTasks.rollback(argv)

    @doc "What `mix ash.setup` does: creates the database and applies the migrations."
    @impl Ash.Extension
    @spec setup([String.t()]) :: :ok
    def setup(argv), do: AshTasks.setup(argv)

    @doc """
    What `mix ash.tear_down` does: deletes the database. Where the project has `start_permanent: true`,
    as in production, it asks before, unless `--force` is given.
    """
    @impl Ash.Extension
    @spec tear_down([String.t()]) :: :ok
    def tear_down(argv), do: AshTasks.tear_down(argv)
  end
else
  # Ash comes with Hex, which is not everywhere; the rest of the package needs neither.
  IO.puts("AshRusqlite: Ash is not here, so its data layer is left out.")
end
