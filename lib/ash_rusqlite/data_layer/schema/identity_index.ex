if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Schema.IdentityIndex do
    @moduledoc false
    # The unique index of an identity, and why there is none where its condition is no SQL that an
    # index can have.

    alias AshRusqlite.DataLayer.{Expression, Info}
    alias AshRusqlite.DataLayer.Expression.Timeless
    alias AshRusqlite.DataLayer.Value.Codec

    @doc """
    The index of an identity in a table, as `AshRusqlite.Repo.Schema` takes it; `:skip` where the
    resource has its own or wants none, or why there can be none.
    """
    @spec of(Ash.Resource.t(), String.t(), Ash.Resource.Identity.t()) ::
            {:ok, keyword()} | :skip | {:none, String.t()}
    def of(resource, table, identity) do
      other = Enum.find(identity.keys, &(Ash.Resource.Info.attribute(resource, &1) == nil))

      cond do
        identity.name in Info.skip_unique_indexes(resource) or served?(resource, identity) ->
          :skip

        other ->
          {:none, "#{other} is no attribute"}

        true ->
          index(resource, table, identity)
      end
    end

    # By a custom unique index on the same attributes, with a condition in SQL.
    defp served?(resource, identity) do
      keys = Enum.sort(Enum.map(identity.keys, &to_string/1))

      Enum.any?(Info.custom_indexes(resource), fn index ->
        index.unique and index.where != nil and
          Enum.sort(Enum.map(index.fields, &to_string/1)) == keys
      end)
    end

    defp index(resource, table, identity) do
      base = Ash.Resource.Info.base_filter(resource)
      sql = base && Info.base_filter_sql(resource)
      filters = [if(is_nil(sql), do: base), Map.get(identity, :where)]

      with {:ok, scalars} <- conditions(resource, Enum.reject(filters, &is_nil/1)) do
        {:ok,
         [
           name: Info.identity_index_name(resource, table, identity.name),
           columns: columns(tenant_key(resource, identity) ++ identity.keys, resource),
           ignore_case: identity.keys |> Enum.filter(&ci?(resource, &1)) |> columns(resource),
           unique: true,
           where: sql,
           condition: if(scalars != [], do: {:and, scalars}),
           nulls_distinct: Map.get(identity, :nils_distinct?, true)
         ]}
      end
    end

    defp ci?(resource, name),
      do: Codec.storage(Ash.Resource.Info.attribute(resource, name)) in [:ci_string, :citext]

    defp columns(names, resource),
      do: Enum.map(names, &to_string(Codec.column(Ash.Resource.Info.attribute(resource, &1))))

    # An identity that only holds within a tenant's table is a plain one there.
    defp tenant_key(resource, identity) do
      case Ash.Resource.Info.multitenancy_strategy(resource) do
        :attribute ->
          if Map.get(identity, :all_tenants?, false),
            do: [],
            else: [Ash.Resource.Info.multitenancy_attribute(resource)] -- identity.keys

        _ ->
          []
      end
    end

    defp conditions(resource, filters) do
      Enum.reduce_while(filters, {:ok, []}, fn filter, {:ok, scalars} ->
        case condition(resource, filter) do
          {:ok, scalar} -> {:cont, {:ok, scalars ++ [scalar]}}
          {:none, reason} -> {:halt, {:none, reason}}
        end
      end)
    end

    defp condition(resource, given) do
      with {:ok, %{expression: expression} = filter} <- Ash.Filter.parse(resource, given),
           :ok <- Timeless.check(expression),
           {:ok, scalar} <- Expression.condition(filter, Expression.env(resource, nil, %{})) do
        {:ok, scalar}
      else
        {:residual, reason} -> {:none, "its condition is no SQL: #{reason}"}
        {:none, reason} -> {:none, "its condition has #{reason}"}
        {:error, error} -> {:none, "its condition is no filter: #{inspect(error)}"}
      end
    end

    @doc "The identities that have no unique index and are not checked either, with the reasons."
    @spec missing(Ash.Resource.t(), String.t()) :: [{atom(), String.t()}]
    def missing(resource, table) do
      for identity <- Ash.Resource.Info.identities(resource),
          is_nil(Map.get(identity, :pre_check_with)),
          {:none, reason} <- [of(resource, table, identity)],
          do: {identity.name, reason}
    end
  end
end
