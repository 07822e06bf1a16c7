if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Place.AsOf do
    @moduledoc false
    # Reads of the past: `context: %{data_layer: %{as_of: …}}` of a query holds for all that a callback
    # reads, the related rows included that Elixir looks for.

    alias AshRusqlite.DataLayer.EngineError
    alias AshRusqlite.{Error, Repo}

    @doc "Calls a function whose reads are of the moment that a context names, if it names one."
    @spec within(map() | nil, (() -> result)) :: result | {:error, Exception.t()}
          when result: term()
    def within(context, fun) do
      case context[:data_layer][:as_of] do
        nil ->
          fun.()

        given ->
          case Repo.AsOf.pop(as_of: given) do
            {:ok, as_of, []} -> at(as_of, fun)
            {:error, error} -> {:error, EngineError.new(error)}
          end
      end
    end

    defp at(as_of, fun) do
      before = Process.put(__MODULE__, as_of)

      try do
        fun.()
      after
        if before, do: Process.put(__MODULE__, before), else: Process.delete(__MODULE__)
      end
    end

    @doc "Runs a read, of the past where it is within one."
    @spec read(Repo.repo(), tuple(), timeout() | nil) :: {:ok, term()} | {:error, Error.t()}
    def read(repo, read, timeout),
      do: Repo.Statement.read(repo, Repo.AsOf.wrap(read, Process.get(__MODULE__)), timeout)

    @doc "The error for what cannot be done in the past that a context names, or `:ok` without one."
    @spec refuse(map() | nil, String.t()) :: :ok | {:error, Error.t()}
    def refuse(context, what) do
      case context[:data_layer][:as_of] do
        nil ->
          :ok

        given ->
          message =
            "context: %{data_layer: …}: as_of: is for reads, and #{what} is none of the past"

          {:error,
           Error.new(:invalid_option, message, %{option: "as_of", value: inspect(given, limit: 5)})}
      end
    end
  end
end
