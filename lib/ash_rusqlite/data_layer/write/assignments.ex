if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Write.Assignments do
    @moduledoc false
    # What a changeset sets: values, and atomics, which SQLite computes of the row as it was, or
    # else Elixir.

    alias Ash.Query.Function, as: F
    alias Ash.Query.Operator.IsNil
    alias Ash.Query.UpsertConflict
    alias AshRusqlite.DataLayer.{Expression, Like, Query}
    alias AshRusqlite.DataLayer.Value.{Codec, Kind}
    alias AshRusqlite.DataLayer.Expression.Fragment
    alias AshRusqlite.Repo.Request

    @doc "The assignments of a changeset, if SQLite can compute all of them."
    @spec of(Ash.Changeset.t(), %Expression.Env{}) ::
            {:ok, list()} | {:residual, String.t()} | {:error, term()}
    def of(changeset, env) do
      with {:ok, computed} <- computed(changeset.atomics, env),
           {:ok, set} <- set(env.resource, changeset.attributes, computed) do
        {:ok, set ++ computed}
      end
    end

    @doc "The assignments of values, but for those that are computed."
    @spec set(Ash.Resource.t(), map(), [tuple()]) :: {:ok, [tuple()]} | {:error, term()}
    def set(resource, attributes, computed) do
      with {:ok, row} <- Codec.dump(resource, attributes) do
        computed = Enum.map(computed, &elem(&1, 1))
        {:ok, for({column, value} <- row, column not in computed, do: Request.set(column, value))}
      end
    end

    @doc "Assignments of which there is one at least: a change of nothing still gives the row."
    @spec some([tuple()], %Expression.Env{}) :: [tuple()]
    def some([], env) do
      [name | _] = Ash.Resource.Info.primary_key(env.resource)
      column = env.resource |> Ash.Resource.Info.attribute(name) |> Codec.column()
      [Request.set_computed(column, {:col, column})]
    end

    def some(assignments, _env), do: assignments

    @doc "The assignments of atomics, if SQLite can compute all of them."
    @spec computed(keyword() | nil, %Expression.Env{}) ::
            {:ok, [tuple()]} | {:residual, String.t()}
    def computed(atomics, env) do
      assignments =
        Enum.map(atomics || [], fn {name, expression} ->
          attribute = Ash.Resource.Info.attribute(env.resource, name)
          assignment(attribute, expression, env)
        end)

      {:ok, assignments}
    catch
      {:residual, reason} -> {:residual, reason}
    end

    defp assignment(attribute, expression, env) do
      column = Codec.column(attribute)

      if Ash.Expr.expr?(expression) do
        {scalar, kind} = expression |> Expression.hydrate(env) |> compile(attribute, env)
        computed(column, scalar, kind, Kind.of(attribute))
      else
        case Codec.dump_written(attribute, expression) do
          {:ok, stored} -> Request.set(column, stored)
          {:error, _} -> Expression.residual("a value that #{attribute.name} does not take")
        end
      end
    end

    # Ash makes an error of its own of what is nil where it must not be.
    defp compile(
           %F.If{
             arguments: [
               %IsNil{left: same, right: true},
               %F.Error{arguments: [Ash.Error.Changes.Required, %{field: name}]},
               value
             ]
           },
           %{name: name} = attribute,
           env
         ) do
      Expression.presence(same, env)
      {scalar, kind} = Expression.compile(value, env)
      column = {:value, :text, to_string(Codec.column(attribute))}
      {{:call, :required, [scalar, column]}, kind}
    end

    defp compile(expression, _attribute, env), do: Expression.compile(expression, env)

    defp computed(column, scalar, kind, wanted) do
      # The engine sees to it that the column can hold what a fragment gives.
      if Fragment.scalar?(scalar) or (kind in [nil, wanted] and wanted not in [:blob, :other]),
        do: Request.set_computed(column, scalar),
        else: Expression.residual("a value of another kind for #{column}")
    end

    @doc "An atomic with the new values that `upsert_conflict()` refers to."
    @spec given(term(), map()) :: term()
    def given(expression, incoming) do
      if Ash.Expr.expr?(expression) do
        Ash.Filter.map(expression, fn
          %UpsertConflict{attribute: name} -> Map.get(incoming, name)
          other -> other
        end)
      else
        expression
      end
    end

    @doc """
    The assignments of those atomics of a record that hold a fragment, which only SQLite computes, and the
    atomics that are left. What is beside the fragments and has no SQL is computed of the record.
    """
    @spec of_fragments(
            keyword() | nil,
            %Expression.Env{},
            Ash.Domain.t(),
            Ash.Resource.record()
          ) :: {[tuple()], keyword()}
    def of_fragments(atomics, env, domain, record) do
      Enum.reduce(atomics || [], {[], []}, fn {name, expression} = atomic, {assignments, left} ->
        with true <- Fragment.in?(expression, env.resource),
             expression = beside_fragments(expression, env, domain, record),
             {:ok, [assignment]} <- computed([{name, expression}], env) do
          {[assignment | assignments], left}
        else
          _ -> {assignments, [atomic | left]}
        end
      end)
    end

    defp beside_fragments(%{} = node, env, domain, record) do
      cond do
        not Ash.Expr.expr?(node) ->
          node

        Fragment.in?(node, env.resource) ->
          parts(node, &beside_fragments(&1, env, domain, record))

        match?({:ok, _, _}, Expression.value(node, env)) ->
          node

        true ->
          with {:ok, value} <- eval(node, env.resource, domain, record),
               do: value,
               else: (_ -> node)
      end
    end

    defp beside_fragments(value, _env, _domain, _record), do: value

    defp parts(%F.Fragment{} = node, _fun), do: node

    defp parts(%{arguments: arguments} = node, fun),
      do: %{node | arguments: Enum.map(arguments, fun)}

    defp parts(%{left: left, right: right} = node, fun),
      do: %{node | left: fun.(left), right: fun.(right)}

    defp parts(%{expression: expression} = node, fun), do: %{node | expression: fun.(expression)}
    defp parts(node, _fun), do: node

    @doc "The values of atomics for a record."
    @spec evaluate(keyword() | nil, Ash.Resource.t(), Ash.Domain.t(), Ash.Resource.record()) ::
            {:ok, map()} | {:error, term()}
    def evaluate(atomics, resource, domain, record) do
      Enum.reduce_while(atomics || [], {:ok, %{}}, fn {name, expression}, {:ok, values} ->
        case eval(expression, resource, domain, record) do
          {:ok, value} -> {:cont, {:ok, Map.put(values, name, value)}}
          {:error, error} -> {:halt, {:error, error}}
          :unknown -> {:halt, {:error, unknown(expression, resource)}}
        end
      end)
    end

    defp eval(expression, resource, domain, record) do
      opts = [resource: resource, record: record, domain: domain, unknown_on_unknown_refs?: true]
      Like.eval(expression, resource, opts)
    end

    defp unknown(expression, resource) do
      reasons =
        case Expression.value(expression, Query.env(resource, nil, %{})) do
          {:residual, reason} -> [reason]
          _ -> []
        end

      with :ok <- Fragment.check(expression, resource, "an atomic change", reasons),
           do: "Could not evaluate expression #{inspect(expression)}",
           else: ({:error, error} -> error)
    end
  end
end
