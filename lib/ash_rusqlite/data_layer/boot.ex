if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.Boot do
    @moduledoc false
    # When a repo starts, resources that do not fit their tables are named, before a user comes upon
    # them. Where tables follow their resources, what is only missing is made at first use.

    require Logger

    alias AshRusqlite.DataLayer
    alias AshRusqlite.DataLayer.{Info, TableSpec}
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

    @additions [:missing_table, :missing_column, :missing_index]

    @doc "Logs what keeps the resources of a repo's application from being stored in it."
    @spec report(module(), atom(), AshRusqlite.Repo.repo()) :: :ok
    def report(module, otp_app, repo) do
      for {resource, difference} <- differences(module, otp_app, repo),
          do: log(resource, difference)

      :ok
    end

    @doc "The differences, by resource."
    @spec differences(module(), atom(), AshRusqlite.Repo.repo()) :: [{module(), map()}]
    def differences(module, otp_app, repo) do
      follows? = follows?(repo)

      for domain <- Application.get_env(otp_app, :ash_domains, []),
          resource <- Ash.Domain.Info.resources(domain),
          stored?(resource, module),
          difference <- of(resource, repo),
          difference.kind not in @harmless,
          not (follows? and made?(difference)),
          do: {resource, difference}
    end

    defp follows?(repo), do: match?({:ok, %{auto_migrate: true}}, Registry.lookup(repo))

    defp made?(%{kind: kind, statement: statement}), do: kind in @additions and statement != nil

    defp stored?(resource, module) do
      Ash.DataLayer.data_layer(resource) == DataLayer and not Info.private?(resource) and
        Info.migrate?(resource) and Info.table(resource) != nil and Info.repo(resource) == module
    end

    defp of(resource, repo) do
      case Schema.differences(repo, TableSpec.of(resource, Info.table(resource))) do
        {:ok, differences} ->
          differences

        # It was stopped meanwhile.
        {:error, %Error{code: :closed}} ->
          []

        {:error, error} ->
          [%{kind: :unknown, message: Exception.message(error), statement: nil}]
      end
    end

    defp log(resource, %{message: message, statement: statement}) do
      mend = if statement, do: " This would mend it:\n\n#{statement};", else: ""
      Logger.warning("#{inspect(resource)} does not fit its table: #{message}.#{mend}")
    end
  end
end
