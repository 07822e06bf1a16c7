if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Journal.WriteContext do
    @moduledoc false
    # What a changeset says for the journal: Ash's actor, the action, `context: %{journal: %{…}}` with
    # the tenant, and `context: %{data_layer: %{expect: […]}}`.

    alias AshRusqlite.{Actor, Error, Repo}
    alias AshRusqlite.DataLayer.Journal
    alias AshRusqlite.Repo.Transaction

    @doc """
    It as `AshRusqlite.Repo.Statement.write/4` takes it, nil where the journal has nothing to do with
    the write. Inside of a transaction a position is expected once: what comes after has moved it.
    """
    @spec of(Repo.repo(), Ash.Resource.t(), Ash.Changeset.t()) ::
            {:ok, Repo.WriteContext.given() | nil} | {:error, Error.t()}
    def of(repo, resource, %{context: context} = changeset) do
      case context[:data_layer][:expect] do
        none when none in [nil, []] ->
          if Journal.concerns?(resource), do: said(changeset, []), else: {:ok, nil}

        expected ->
          with {:ok, pairs} <- Repo.WriteContext.expected(expected),
               do: said(changeset, Enum.reject(pairs, &Transaction.met?(repo, &1)))
      end
    end

    defp said(%{context: context} = changeset, expect) do
      with {:ok, metadata} <- metadata(context[:journal], changeset.tenant) do
        {:ok,
         %{action: action(changeset.action), expect: expect}
         |> put(:actor, actor(context[:private][:actor]))
         |> put(:metadata, metadata)}
      end
    end

    # What Ash does not know may be said around the action, by `with_actor`.
    defp put(said, _key, nil), do: said
    defp put(said, key, value), do: Map.put(said, key, value)

    defp action(nil), do: nil
    defp action(%{name: name}), do: to_string(name)

    # Whatever may act is an actor to Ash: without a name it is none to the journal.
    defp actor(nil), do: nil

    defp actor(actor) do
      Actor.name(actor)
    rescue
      ArgumentError -> nil
    end

    defp metadata(given, tenant) do
      case Repo.WriteContext.metadata(given) do
        {:ok, metadata} when is_nil(tenant) ->
          {:ok, metadata}

        {:ok, metadata} ->
          {:ok, Map.put(metadata || %{}, "tenant", "#{tenant}")}

        {:error, error} ->
          {:error, %{error | message: "context: %{journal: …}: " <> error.message}}
      end
    end

    @doc "Notes which positions a write has found as expected."
    @spec note(result, Repo.repo(), Repo.WriteContext.given() | nil) :: result when result: term()
    def note({:ok, _} = result, repo, %{expect: [_ | _] = expect}) do
      Transaction.meet(repo, expect)
      result
    end

    def note(result, _repo, _said), do: result
  end
end
