if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Expression.Functions do
    @moduledoc false
    # The functions of Ash's expressions that the engine has with the same meaning. A new one is a row of
    # a table here, and one of the engine's.

    alias Ash.Query.Function, as: F
    alias AshRusqlite.DataLayer.Expression
    alias AshRusqlite.DataLayer.Expression.Operation
    alias AshRusqlite.DataLayer.Value.Kind

    import AshRusqlite.DataLayer.Expression.Constant, only: [literal!: 2, value?: 1]
    import Expression, only: [compile: 2, inspect_kind: 1, residual: 1]

    # The engine's name, the kinds of text that each argument may be, and the kind of the result.
    @functions %{
      F.StringDowncase => {:downcase, [[:text]], :text},
      F.StringLength => {:string_length, [[:text, :ci]], :integer},
      F.StringTrim => {:trim, [[:text]], :text}
    }

    # Those that look for a text in another; in either case where one of the two is a ci_string. They are
    # known by their names: not every release of Ash has all of them.
    @searches %{
      F.Contains => :contains,
      F.StringStartsWith => :starts_with,
      F.StringEndsWith => :ends_with
    }

    @doc "A call of a function in the tables; nil for any other expression."
    @spec call(struct(), %Expression.Env{}) :: {Expression.scalar(), Kind.t()} | nil
    def call(%module{arguments: arguments}, env) when is_map_key(@functions, module) do
      {name, kinds, result} = Map.fetch!(@functions, module)

      if length(arguments) == length(kinds),
        do: {{:call, name, Enum.zip_with(arguments, kinds, &Operation.text(&1, env, &2))}, result}
    end

    def call(%module{arguments: [text, part]}, env) when is_map_key(@searches, module),
      do: search(Map.fetch!(@searches, module), text, part, env)

    def call(_expression, _env), do: nil

    defp search(function, text, part, env) do
      {text, kind} = compile(text, env)
      {part, other} = if(value?(part), do: literal!(part, kind), else: compile(part, env))

      case {kind, other} do
        {kind, other} when kind in [:text, :unknown] and other in [:text, :unknown] ->
          {{:call, function, [text, part]}, :boolean}

        {kind, other} when kind in [:text, :ci] and other in [:text, :ci] ->
          lower = &{:call, :downcase, [&1]}
          {{:call, function, [lower.(text), lower.(part)]}, :boolean}

        {kind, other} when nil in [kind, other] ->
          {nil, :boolean}

        _ ->
          residual("#{function} of #{inspect_kind(kind)} and #{inspect_kind(other)}")
      end
    end
  end
end
