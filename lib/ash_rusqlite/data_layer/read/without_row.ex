if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Read.WithoutRow do
    @moduledoc false
    # What `Ash.calculate/3` asks for: an expression in which values stand for the fields of a row. Elixir
    # computes it, and SQLite where it holds a fragment.

    alias Ash.Resource.Calculation
    alias AshRusqlite.DataLayer.{Errors, Expression, Like, Query, Store}
    alias AshRusqlite.DataLayer.Expression.Fragment
    alias AshRusqlite.DataLayer.Read.Computed
    alias AshRusqlite.DataLayer.Value.Kind
    alias AshRusqlite.Repo.{Request, Statement}

    @doc "The value of an expression. `context` is what Ash gives `c:Ash.DataLayer.calculate/3`."
    @spec value(term(), Ash.Resource.t(), map()) :: {:ok, term()} | {:error, term()}
    def value(expression, resource, context) do
      if Fragment.in?(expression, resource),
        do: by_sqlite(expression, resource, context),
        else: by_elixir(expression, resource, context)
    end

    defp by_elixir(expression, resource, context) do
      case Like.eval(expression, resource, resource: resource, context: context) do
        :unknown -> {:error, "Could not evaluate expression #{inspect(expression)}"}
        result -> result
      end
    end

    # Ash takes an error for nil where the calculation is an expression, so it is raised.
    defp by_sqlite(expression, resource, context) do
      calculation = context[:calculation_context] || %Calculation.Context{}
      source = calculation.source_context || %{}

      with {:ok, scalar, kind} <- compile(expression, resource, calculation, source),
           {:ok, store} <- Store.fetch(resource, calculation.tenant, source, :read),
           {:ok, value} <- read(store, scalar, kind, Query.timeout(source)),
           {:ok, value} <- load(value, {scalar, kind}, calculation, resource) do
        {:ok, value}
      else
        {:error, error} -> raise Ash.Error.to_error_class(Errors.to_ash(error, resource))
      end
    end

    defp compile(expression, resource, calculation, context) do
      env = Query.env(resource, calculation.tenant, context)

      with {:residual, reason} <- Expression.value(expression, env),
           do: Fragment.check(expression, resource, "a calculation", [reason])
    end

    defp read(store, scalar, kind, timeout) do
      type = if Fragment.scalar?(scalar), do: :any, else: Kind.type(kind)
      read = Request.compute([Request.computed(:value, scalar, type)])

      with {:ok, %{value: value}} <-
             store.repo |> Statement.read(read, timeout) |> Fragment.explain_error(read),
           do: {:ok, value}
    end

    # A fragment may give anything, so Elixir looks whether it is of the type.
    defp load(value, {scalar, kind}, %{type: type} = calculation, resource) do
      if Fragment.scalar?(scalar) and not is_nil(type) do
        field = %{
          name: :calculate,
          type: Ash.Type.get_type(type),
          constraints: calculation.constraints || []
        }

        Computed.from_sql(value, {:checked, field}, {resource, :calculate, field})
      else
        Computed.from_sql(value, kind, {resource, :calculate})
      end
    end
  end
end
