defmodule AshRusqlite.Repo.Operations do
  @moduledoc false
  # The operations of a repo are written once, in `AshRusqlite.Repo`, which is the table of them:
  #
  #     @doc "Inserts a row …"
  #     operation Writes,
  #               insert(table(), fields(), opts :: keyword() \\ []) ::
  #                 {:ok, row()} | {:error, Error.t()},
  #               bang: "the row"
  #
  # From such a line come
  #
  #   * the callback of `AshRusqlite.Repo` with its documentation, and that of its twin with `!`
  #   * the function of each repo module, see `AshRusqlite.Repo.Definition`, with the same arguments
  #     and defaults. An argument named `fun` is bound to the module, see `Transaction.bind/2`
  #   * in the module that is named first, if it uses this one: the `@spec` of the function, which takes
  #     the repo before the other arguments, and the twin with `!`
  #
  # What is left is the function itself, in that module. In the documentation operations are grouped by
  # the name of that module, or by `group:`.

  @typedoc "An operation; the default of an argument is `{:default, quoted}` or nil."
  @type t :: %{
          name: atom(),
          module: module(),
          arguments: [{atom(), {:default, Macro.t()} | nil}],
          types: [Macro.t()],
          result: Macro.t(),
          guards: keyword(Macro.t()),
          of: atom() | nil
        }

  @doc "Notes an operation and makes its callbacks."
  defmacro operation(module, spec, opts \\ []) do
    # What is named in here is not needed at compile time.
    env = %{__CALLER__ | function: {:__operations__, 0}}
    module = Macro.expand(module, env)
    operation = parse(module, spec)
    group = [group: opts[:group] || module |> Module.split() |> List.last()]
    callbacks = [callback(operation, group)]

    {operations, callbacks} =
      case opts[:bang] do
        nil ->
          {[operation], callbacks}

        returned ->
          twin = twin(operation)
          arity = length(operation.arguments)
          doc = "As `c:#{operation.name}/#{arity}`, but returns #{returned} or raises."
          {[operation, twin], callbacks ++ [quote(do: @doc(unquote(doc))), callback(twin, group)]}
      end

    operations = Enum.map(operations, &expanded(&1, env))

    quote do
      unquote_splicing(callbacks)

      @operations Enum.map(
                    unquote(Macro.escape(operations)),
                    &unquote(__MODULE__).resolved(&1, __MODULE__)
                  )
    end
  end

  defp parse(module, {:when, _, [spec, guards]}), do: %{parse(module, spec) | guards: guards}

  defp parse(module, {:"::", _, [{name, _, arguments}, result]}) do
    arguments = Enum.map(arguments || [], &argument/1)

    %{
      name: name,
      module: module,
      arguments: for({name, default, _type} <- arguments, do: {name, default}),
      types: for({_name, _default, type} <- arguments, do: type),
      result: result,
      guards: [],
      of: nil
    }
  end

  defp argument({:\\, _, [argument, default]}) do
    {name, nil, type} = argument(argument)
    {name, {:default, default}, type}
  end

  defp argument({:"::", _, [{name, _, context}, _type]} = type) when is_atom(context),
    do: {name, nil, type}

  # `table()` is named as its type.
  defp argument({name, _, []} = type), do: {name, nil, type}

  defp twin(%{name: name, result: {:|, _, [{:ok, value}, {:error, _}]}} = operation),
    do: %{operation | name: :"#{name}!", result: value, of: name}

  defp callback(%{name: name, types: types, result: result, guards: guards}, group) do
    quote do
      @doc unquote(group)
      @callback unquote(
                  guarded(
                    quote(do: unquote(name)(unquote_splicing(types)) :: unquote(result)),
                    guards
                  )
                )
    end
  end

  defp guarded(spec, []), do: spec
  defp guarded(spec, guards), do: quote(do: unquote(spec) when unquote(guards))

  # Types as another module has to write them: aliases in full here, and below the types of the module
  # of the table, which are known when it is compiled.
  defp expanded(operation, env) do
    walk(operation, fn
      {:__aliases__, _, _} = alias -> Macro.expand(alias, env)
      other -> other
    end)
  end

  @doc false
  @spec resolved(t(), module()) :: t()
  def resolved(operation, module) do
    walk(operation, fn
      {name, meta, arguments} = type when is_atom(name) and is_list(arguments) ->
        if Module.defines_type?(module, {name, length(arguments)}),
          do: {{:., meta, [module, name]}, meta, arguments},
          else: type

      other ->
        other
    end)
  end

  defp walk(%{types: types, result: result, guards: guards} = operation, fun) do
    [types, result, guards] = Enum.map([types, result, guards], &Macro.prewalk(&1, fun))
    %{operation | types: types, result: result, guards: guards}
  end

  @doc """
  The arguments of an operation, as the head of a function has them and as they are passed on.
  """
  @spec arguments(t()) :: {[Macro.t()], [Macro.t()]}
  def arguments(%{arguments: arguments}) do
    given =
      for argument <- arguments do
        case argument do
          {name, {:default, default}} -> {:\\, [], [Macro.var(name, nil), default]}
          {name, nil} -> Macro.var(name, nil)
        end
      end

    {given, for({name, _default} <- arguments, do: Macro.var(name, nil))}
  end

  @doc false
  defmacro __using__(_opts), do: quote(do: @before_compile(unquote(__MODULE__)))

  @doc false
  defmacro __before_compile__(%{module: module}) do
    for %{module: ^module} = operation <- AshRusqlite.Repo.__operations__() do
      quote do
        unquote(if(operation.of, do: bang(operation)))
        @spec unquote(spec(operation))
      end
    end
  end

  defp spec(%{name: name, types: types, result: result, guards: guards}) do
    types = [quote(do: AshRusqlite.Repo.repo()) | types]
    guarded(quote(do: unquote(name)(unquote_splicing(types)) :: unquote(result)), guards)
  end

  defp bang(%{name: name, of: of} = operation) do
    {given, passed} = arguments(operation)
    doc = "See `c:AshRusqlite.Repo.#{name}/#{length(passed)}`."

    quote do
      @doc unquote(doc)
      def unquote(name)(repo, unquote_splicing(given)),
        do: AshRusqlite.Error.unwrap!(unquote(of)(repo, unquote_splicing(passed)))
    end
  end
end
