defmodule AshRusqlite.Repo.Definition do
  @moduledoc false
  # The functions of a repo module. Most are operations of `AshRusqlite.Repo`: each passes the repo that
  # the process uses on to the module that does the work.

  @doc "What the callbacks of a repo say of each of its functions, by name and arity."
  @spec docs() :: %{{atom(), arity()} => String.t()}
  def docs do
    written = written(Code.fetch_docs(AshRusqlite.Repo))

    for {name, arity} <- AshRusqlite.Repo.behaviour_info(:callbacks), into: %{} do
      {{name, arity}, written[{name, arity}] || "See `c:AshRusqlite.Repo.#{name}/#{arity}`."}
    end
  end

  # They were not kept where the library was compiled without them, or is being compiled.
  defp written({:docs_v1, _, _, "text/markdown", _, _, docs}) do
    for {{:callback, name, arity}, _, _, %{"en" => doc}, _} <- docs, into: %{} do
      # Here a callback is a function of another module.
      {{name, arity}, Regex.replace(~r/`c:(?=[a-z])/, doc, "`c:AshRusqlite.Repo.")}
    end
  end

  defp written(_none), do: %{}

  @doc "Arguments as they are passed on: a function may take the repo's module."
  @spec bound([Macro.t()]) :: [Macro.t()]
  def bound(arguments) do
    for argument <- arguments do
      case argument do
        {:fun, _, _} ->
          quote(do: AshRusqlite.Repo.Transaction.bind(unquote(argument), __MODULE__))

        other ->
          other
      end
    end
  end

  @doc false
  defmacro __using__(opts) do
    quote bind_quoted: [opts: opts] do
      @behaviour AshRusqlite.Repo

      alias AshRusqlite.Repo.{Configuration, Definition, Operations, Server}

      docs = Definition.docs()

      @otp_app Configuration.otp_app!(opts)
      # Of the project whose repo this is: its tables follow its resources while it is developed.
      @auto_migrate Configuration.developed?()
      @log Configuration.log_defaults()

      @doc docs[{:start_link, 1}]
      @impl AshRusqlite.Repo
      def start_link(opts \\ []) do
        with {:ok, options} <- Configuration.options(__MODULE__, @otp_app, opts, :supervisor) do
          Server.start_link(options)
        end
      end

      @doc false
      def child_spec(opts) do
        %{Server.child_spec(opts) | id: opts[:name] || __MODULE__}
        |> Map.put(:start, {__MODULE__, :start_link, [opts]})
      end

      @doc false
      def __auto_migrate__, do: @auto_migrate

      @doc false
      def __log__, do: @log

      @doc docs[{:stop, 1}]
      @impl AshRusqlite.Repo
      def stop(timeout \\ :infinity), do: AshRusqlite.Repo.stop(get_dynamic_repo(), timeout)

      @doc docs[{:config, 0}]
      @impl AshRusqlite.Repo
      def config, do: Configuration.current(get_dynamic_repo(), __MODULE__, @otp_app)

      @doc docs[{:get_dynamic_repo, 0}]
      @impl AshRusqlite.Repo
      def get_dynamic_repo, do: Process.get({__MODULE__, :dynamic_repo}, __MODULE__)

      @doc docs[{:put_dynamic_repo, 1}]
      @impl AshRusqlite.Repo
      def put_dynamic_repo(repo) when is_atom(repo) or is_pid(repo) do
        Process.put({__MODULE__, :dynamic_repo}, repo) || __MODULE__
      end

      for %{name: name, module: module} = operation <- AshRusqlite.Repo.__operations__() do
        {given, passed} = Operations.arguments(operation)

        @doc docs[{name, length(passed)}]
        @impl AshRusqlite.Repo
        def unquote(name)(unquote_splicing(given)),
          do:
            unquote(module).unquote(name)(
              get_dynamic_repo(),
              unquote_splicing(Definition.bound(passed))
            )
      end

      defoverridable child_spec: 1
    end
  end
end
