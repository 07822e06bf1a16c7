if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Expression.Fragment do
    @moduledoc false
    # `fragment("…")`: SQL that an application brings along. Only SQLite can compute it, so
    # where Elixir would have to, there is an error: Ash's runtime would take it for unknown.

    alias Ash.Query.{Aggregate, Calculation, Call, Ref}
    alias Ash.Query.Function, as: F
    alias AshRusqlite.DataLayer.{Expression, Like}
    alias AshRusqlite.DataLayer.Expression.{Constant, Field}
    alias AshRusqlite.Error

    # What SQLite says of the SQL of a statement.
    @about_sql [:sql_syntax, :unknown_column, :unknown_table, :not_allowed, :invalid_value]

    # These give 0, 1 or null whatever is in them.
    @booleans [:not, :compare, :is_nil, :in, :exists, :distinct_from, :not_distinct_from] ++
                [:and_value, :or_value]

    @doc "A fragment of text. Its kind is unknown."
    @spec compile(struct(), %Expression.Env{}) :: {Expression.scalar(), :unknown}
    def compile(%F.Fragment{arguments: arguments}, env) do
      if {:raw, "&&"} in Enum.map(arguments, &trimmed/1) do
        Expression.residual(
          "SQLite has no operator && for lists (use intersects/2, or EXISTS over json_each in a fragment)"
        )
      end

      {{:fragment, like(arguments, env) ++ Enum.map(arguments, &piece(&1, env))}, :unknown}
    end

    # Most have no LIKE, and need not know whose it is.
    defp like(arguments, env) do
      likes? = Enum.any?(arguments, &(match?({:raw, _}, &1) and elem(&1, 1) =~ ~r/like/i))

      if likes? and Like.dialect(env.resource) == :ash_sqlite,
        do: [:case_sensitive_like],
        else: []
    end

    defp trimmed({:raw, text}), do: {:raw, String.trim(text)}
    defp trimmed(argument), do: argument

    defp piece({:raw, text}, _env), do: text
    defp piece({_tag, expression}, env), do: argument(expression, env)

    # A column is what is stored, whatever its type.
    defp argument(%Ref{} = ref, env), do: elem(Field.ref(ref, %{env | stored?: true}), 0)

    defp argument(expression, env) do
      cond do
        Constant.value?(expression) -> value(expression)
        folded = Constant.fold(expression, env) -> value(elem(folded, 1))
        true -> elem(Expression.compile(expression, env), 0)
      end
    end

    defp value(value), do: elem(Constant.literal!(value, :unknown), 0)

    @doc "A boolean that may be made of a fragment as 0, 1 or null."
    @spec truth(Expression.scalar()) :: Expression.scalar()
    def truth(scalar) when is_tuple(scalar) do
      if elem(scalar, 0) not in @booleans and scalar?(scalar),
        do: {:not, {:not, scalar}},
        else: scalar
    end

    def truth(scalar), do: scalar

    @doc "Whether a scalar, or any term of them, holds a fragment."
    @spec scalar?(term()) :: boolean()
    def scalar?(term), do: texts(term) != []

    defp texts({:fragment, pieces}) when is_list(pieces),
      do: [Enum.map_join(pieces, &shown/1) | texts(pieces)]

    defp texts(tuple) when is_tuple(tuple), do: tuple |> Tuple.to_list() |> texts()
    defp texts([item | rest]), do: texts(item) ++ texts(rest)
    defp texts(_term), do: []

    defp shown(:case_sensitive_like), do: ""
    defp shown(text) when is_binary(text), do: text
    defp shown(_scalar), do: "?"

    @doc "The result of a statement; an error of SQL names the fragments that are in it."
    @spec explain_error(result, term()) :: result when result: {:ok, term()} | {:error, term()}
    def explain_error({:error, %Error{code: code} = error}, statement) when code in @about_sql do
      case Enum.uniq(texts(statement)) do
        [] ->
          {:error, error}

        texts ->
          shown = Enum.map_join(texts, ", ", &"fragment(#{inspect(&1)})")
          details = Map.put(error.details, :fragments, texts)
          {:error, %{error | message: "#{error.message} (in #{shown})", details: details}}
      end
    end

    def explain_error(result, _statement), do: result

    @doc "Whether an expression of Ash holds a fragment of text, through its calculations, too."
    @spec in?(term(), Ash.Resource.t()) :: boolean()
    def in?(%F.Fragment{arguments: [{:raw, _text} | _]}, _resource), do: true
    def in?(%Call{name: :fragment, args: [text | _]}, _resource) when is_binary(text), do: true
    def in?(%Call{args: args}, resource), do: in?(args, resource)

    def in?(%Ash.Filter{expression: expression} = filter, resource),
      do: in?(expression, filter.resource || resource)

    def in?(%Ref{attribute: %Calculation{} = calculation} = ref, resource),
      do: in?(calculation, ref.resource || resource)

    def in?(%Ref{attribute: %Aggregate{} = aggregate}, resource), do: in?(aggregate, resource)
    def in?(%Ref{}, _resource), do: false

    def in?(%Calculation{module: module} = calculation, resource) do
      with true <- module.has_expression?(),
           expression = Field.expression(calculation),
           names = %{resource: resource, public?: false},
           {:ok, expression} <- Ash.Filter.hydrate_refs(expression, names) do
        in?(expression, resource)
      else
        _ -> false
      end
    end

    def in?(%Aggregate{query: %{filter: filter, resource: resource}}, _),
      do: in?(filter, resource)

    def in?(%{left: left, right: right}, resource), do: in?([left, right], resource)
    def in?(%{arguments: arguments}, resource), do: in?(arguments, resource)
    def in?(%{expression: expression}, resource), do: in?(expression, resource)
    def in?(%{expr: expression}, resource), do: in?(expression, resource)
    def in?([item | rest], resource), do: in?(item, resource) or in?(rest, resource)
    def in?(tuple, resource) when is_tuple(tuple), do: tuple |> Tuple.to_list() |> in?(resource)
    def in?(_other, _resource), do: false

    @doc "Whether Elixir may compute expressions: not where they hold a fragment."
    @spec check(term(), Ash.Resource.t(), String.t(), [String.t()]) :: :ok | {:error, Error.t()}
    def check(expressions, resource, place, reasons \\ []) do
      if in?(expressions, resource),
        do: {:error, error(place, reasons)},
        else: :ok
    end

    defp error(place, reasons) do
      why = if reasons == [], do: "", else: " (#{Enum.join(reasons, "; ")})"

      Error.new(
        :invalid_query,
        "#{place} holds a fragment, which only SQLite can compute, together with something " <>
          "that is left to Elixir#{why}: give the whole of it in SQL, or keep them apart. " <>
          "AshRusqlite.explain/2 says which is which",
        %{reasons: reasons}
      )
    end
  end
end
