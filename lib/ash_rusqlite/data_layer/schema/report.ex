if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Schema.Report do
    @moduledoc false
    # The schema report: when a repo starts, the log names the resources that do not fit their tables,
    # before a user comes upon them. Where tables follow their resources, what is only missing is made
    # at first use.

    require Logger

    alias AshRusqlite.DataLayer.Info
    alias AshRusqlite.DataLayer.Schema.{IdentityIndex, IndexAdvice, RelationshipIndex, TableSpec}
    alias AshRusqlite.Error
    alias AshRusqlite.Repo.{Registry, Schema}

    # Ash requires and orders by itself; a table may be stricter, or have more.
    @harmless [
                :unexpected_not_null,
                :missing_not_null,
                :wrong_primary_key,
                :missing_autoincrement
              ] ++
                [:missing_check, :missing_foreign_key, :wrong_foreign_key]

    # What is made at first use.
    @additions [:missing_table, :missing_column, :missing_index]

    @doc "Logs what keeps the resources of a repo's application from being stored in it."
    @spec report(module(), atom(), AshRusqlite.Repo.repo()) :: :ok
    def report(module, otp_app, repo) do
      for {resource, difference} <- differences(module, otp_app, repo) do
        note(repo, resource, difference)
        log(resource, difference)
      end

      IndexAdvice.log(module, repo)
    end

    @doc """
    Logs what a table that follows its resource still lacks after it was looked at: what its rows,
    or SQLite, keep from being added. Each is logged once for as long as the database is open.
    Returns whether rows keep an index from being made, which may change with them.
    """
    @spec report_left(Ash.Resource.t(), String.t(), AshRusqlite.Repo.repo()) :: boolean()
    def report_left(resource, table, repo) do
      left = resource |> of(table, repo) |> Enum.reject(&(&1.kind in @harmless))

      for difference <- left, not noted?(repo, resource, difference) do
        note(repo, resource, difference)
        log(resource, difference)
      end

      Enum.any?(left, &(&1.kind in [:blocked_index, :missing_index] and &1.statement != nil))
    end

    defp noted?(repo, resource, difference),
      do: key(difference) in get(repo, resource)

    defp note(repo, resource, difference) do
      with {:ok, %{db: db, repo: name}} when is_atom(name) <- Registry.lookup(repo) do
        noted = Enum.uniq([key(difference) | get(repo, resource)])
        :persistent_term.put({__MODULE__, name, resource}, {db, noted})
      end
    end

    defp get(repo, resource) do
      with {:ok, %{db: db, repo: name}} <- Registry.lookup(repo),
           {^db, noted} <- :persistent_term.get({__MODULE__, name, resource}, nil) do
        noted
      else
        _ -> []
      end
    end

    # The rows that keep an index from being made may be others the next time.
    defp key(difference), do: {difference.kind, difference[:index], difference[:column]}

    @doc "The differences, by resource."
    @spec differences(module(), atom(), AshRusqlite.Repo.repo()) :: [{module(), map()}]
    def differences(module, otp_app, repo) do
      follows? = follows?(repo)

      for domain <- Application.get_env(otp_app, :ash_domains, []),
          resource <- Ash.Domain.Info.resources(domain),
          Info.stored_in?(resource, module),
          Info.migrate?(resource),
          Info.table(resource) != nil,
          difference <- of(resource, Info.table(resource), repo),
          difference.kind not in @harmless,
          not RelationshipIndex.missing?(difference, resource),
          not (follows? and made?(difference)),
          do: {resource, difference}
    end

    defp follows?(repo), do: match?({:ok, %{auto_migrate: true}}, Registry.lookup(repo))

    defp made?(%{kind: kind, statement: statement}), do: kind in @additions and statement != nil

    defp of(resource, table, repo) do
      case Schema.differences(repo, TableSpec.of(resource, table)) do
        {:ok, differences} ->
          Enum.map(differences, &with_advice/1) ++ unindexed(resource, table)

        # It was stopped meanwhile.
        {:error, %Error{code: :closed}} ->
          []

        {:error, error} ->
          [%{kind: :unknown, message: Exception.message(error), statement: nil}]
      end
    end

    @advice "give the base filter's SQL by `base_filter_sql`, or the index by `custom_indexes` with " <>
              "`unique: true` and the SQL of its condition as `where:`, or let Ash look before " <>
              "each write by `pre_check_with`, or say that none is wanted by `skip_unique_indexes`"

    defp unindexed(resource, table) do
      for {name, reason} <- IdentityIndex.missing(resource, table) do
        message = "the identity #{name} has no unique index, because #{reason}; " <> @advice
        # The reason is the same in the table of each tenant.
        index = Info.identity_index_name(resource, Info.table(resource) || table, name)
        %{kind: :missing_index, index: index, message: message, statement: nil}
      end
    end

    defp with_advice(%{kind: :missing_index, statement: nil, message: message} = difference),
      do: %{difference | message: message <> "; " <> @advice}

    defp with_advice(difference), do: difference

    defp log(resource, %{message: message, statement: statement}) do
      fix = if statement, do: " This would fix it:\n\n#{statement};", else: ""
      Logger.warning("#{inspect(resource)} does not fit its table: #{message}.#{fix}")
    end
  end
end
