if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Journal.Verifier do
    @moduledoc false
    # Says when a resource is compiled what the engine would refuse when its table is made.

    use Spark.Dsl.Verifier

    alias AshRusqlite.DataLayer.Info
    alias AshRusqlite.DataLayer.Dsl.Journal
    alias AshRusqlite.DataLayer.Journal.Condition
    alias Spark.Dsl.Verifier
    alias Spark.Error.DslError

    @name ~r/\A[a-z0-9_-]+(\.[a-z0-9_-]+)*\z/

    @impl true
    def verify(dsl) do
      resource = Verifier.get_persisted(dsl, :module)

      case Info.journals(dsl) do
        [] ->
          :ok

        [journal] ->
          with :ok <- names(journal, dsl, resource),
               :ok <- attributes(journal, dsl, resource),
               do: conditions(journal, resource)

        [_, _ | _] ->
          wrong(resource, [], "a resource has one journal, not several")
      end
    end

    defp names(%Journal{} = journal, _dsl, resource) do
      subjects = for %{kind: kind} <- [journal.source, journal.actor], do: to_string(kind)
      types = List.wrap(journal.type) ++ Enum.map(journal.events, & &1.type)

      case Enum.find(types ++ subjects, &(not (&1 =~ @name))) do
        nil ->
          :ok

        name ->
          wrong(
            resource,
            [],
            "#{inspect(name)} is no name for a journal; take words of a-z, 0-9 and _, with dots " <>
              "between them"
          )
      end
    end

    defp attributes(journal, dsl, resource) do
      named =
        for(%{attribute: name} = subject <- [journal.source, journal.actor], do: {subject, name}) ++
          for option <- [:skip, :sensitive],
              name <- Map.fetch!(journal, option),
              do: {option, name}

      key = Ash.Resource.Info.primary_key(dsl)

      Enum.find_value(named, :ok, fn {option, name} ->
        cond do
          Ash.Resource.Info.attribute(dsl, name) == nil ->
            wrong(resource, path(option), "#{inspect(name)} is no attribute of the resource")

          is_atom(option) and name in key ->
            wrong(
              resource,
              path(option),
              "#{inspect(name)} is of the primary key, by which " <>
                "events refer to their row: it can be neither skipped nor sensitive"
            )

          true ->
            nil
        end
      end)
    end

    defp path(option) when is_atom(option), do: [option]
    defp path(_subject), do: []

    defp conditions(journal, resource) do
      Enum.find_value(journal.events, :ok, fn event ->
        Enum.find_value(event.on, fn on ->
          case Condition.of(resource, event, on) do
            {:ok, _condition} -> nil
            {:error, reason} -> wrong(resource, [:event, event.type], reason)
          end
        end)
      end)
    end

    defp wrong(resource, path, message) do
      {:error,
       DslError.exception(module: resource, path: [:sqlite, :journal | path], message: message)}
    end
  end
end
