if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Migrations.Wanted do
    @moduledoc """
    The tables that the resources of a repo ask of generated migrations.

    Other than a table that follows its resource, which holds what ETS would hold, these have NOT
    NULL for `allow_nil? false`, the foreign keys of `references`, the checks of `check_constraints`,
    the attributes' own defaults and the SQL of `custom_statements`. Of a resource with multitenancy by
    context it is the table without a tenant; a file that changes it is run for each tenant's, too.
    """

    # The first module of its folder, which `mix ash.codegen` calls (`Mix.AshRusqlite.AshTasks`): `Table` is
    # what one resource asks for, `ForeignKeys` its keys, `Merge` the one table of several resources. What
    # a table that follows its resource looks like, `schema/` says.

    alias AshRusqlite.DataLayer.Info
    alias AshRusqlite.DataLayer.Schema.IdentityIndex
    alias AshRusqlite.DataLayer.Migrations.{ForeignKeys, Merge, Table}
    alias AshRusqlite.Error

    @doc """
    What `AshRusqlite.Repo.Generator.generate/3` takes as the wanted schema of a repo module, for those of
    the resources that are stored in it, and what the developer should know of it.

    Returns `{:ok, wanted, notes}`, with `tables:`, `statements:`, `tenants:` and `ignored:` in `wanted`. The error
    is `:schema_mismatch` where resources contradict each other or themselves, with the names of
    the resources in its details.
    """
    @spec of(module(), [Ash.Resource.t()]) ::
            {:ok, keyword(), notes :: [String.t()]} | {:error, Error.t()}
    def of(repo, resources) do
      own = Enum.filter(resources, &Info.stored_in?(&1, repo))
      places = Enum.flat_map(own, &places(&1, resources, repo))
      {wanted, ignored} = Enum.split_with(places, &Info.migrate?(&1.resource))

      merged =
        wanted
        |> Enum.map(& &1.table)
        |> Enum.uniq()
        |> Enum.map(fn table ->
          Merge.table(table, for(place <- wanted, place.table == table, do: Table.of(place)))
        end)

      names = Enum.map(wanted, & &1.table)

      {:ok,
       [
         tables: ForeignKeys.add_parent_keys(merged),
         statements: statements(wanted),
         tenants: tenants(wanted),
         ignored: ignored |> Enum.map(& &1.table) |> Enum.uniq() |> Enum.reject(&(&1 in names))
       ], wanted |> Enum.flat_map(&notes(&1, merged)) |> Enum.uniq()}
    rescue
      error in Error -> {:error, error}
    end

    @doc "The repo modules of resources, each once."
    @spec repos([Ash.Resource.t()]) :: [module()]
    def repos(resources) do
      for resource <- resources,
          Info.ours?(resource),
          not Info.private?(resource),
          repo = Info.repo(resource),
          is_atom(repo),
          uniq: true,
          do: repo
    end

    # A polymorphic resource is in each table that a relationship to it names.
    defp places(resource, resources, repo) do
      own = if table = Info.table(resource), do: [{table, []}], else: []

      named =
        if Info.polymorphic?(resource),
          do: polymorphic(resource, resources, repo),
          else: []

      for {table, keys} <- own ++ named, do: place(resource, repo, table, keys)
    end

    defp place(resource, repo, table, keys) do
      {own, notes} = ForeignKeys.of(resource, table, repo)
      %{resource: resource, table: table, foreign_keys: own ++ keys, notes: notes}
    end

    defp polymorphic(resource, resources, repo) do
      named =
        for source <- resources,
            relationship <- Ash.Resource.Info.relationships(source),
            relationship.destination == resource,
            relationship.type not in [:belongs_to, :many_to_many],
            table = relationship.context[:data_layer][:table],
            do: {to_string(table), relationship}

      for {table, relationships} <- Enum.group_by(named, &elem(&1, 0), &elem(&1, 1)) do
        {table,
         relationships |> Enum.flat_map(&ForeignKeys.polymorphic(&1, table, repo)) |> Enum.uniq()}
      end
    end

    defp statements(places) do
      for %{resource: resource} <- Enum.uniq_by(places, & &1.resource),
          statement <- Info.custom_statements(resource) do
        if statement.code?, do: raise(code(resource, statement))

        name =
          "#{Info.table(resource) || Ash.Resource.Info.short_name(resource)}.#{statement.name}"

        {resource, [name: name, up: statement.up, down: statement.down]}
      end
      |> Merge.unique(:name, "the statement")
    end

    defp tenants(places) do
      for %{resource: resource, table: table} <- places,
          Ash.Resource.Info.multitenancy_strategy(resource) == :context,
          uniq: true,
          do: table
    end

    defp code(resource, statement) do
      Error.new(
        :schema_mismatch,
        "the statement #{statement.name} of #{inspect(resource)} has code? true, but migrations are " <>
          "SQL: write its up and down in SQL",
        %{statement: to_string(statement.name), resources: [inspect(resource)]}
      )
    end

    defp notes(%{resource: resource, table: table, notes: notes}, tables) do
      merged = Enum.find(tables, &(&1[:table] == table))
      columns = Enum.map(merged[:columns], & &1[:name])

      indexes =
        for {name, reason} <- IdentityIndex.missing(resource, table) do
          "#{inspect(resource)}: the identity #{name} has no unique index, because #{reason}"
        end

      notes ++ indexes ++ Table.left_out(resource, table, columns)
    end
  end
end
