if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.EngineError do
    @moduledoc """
    An error of the engine for which Ash has none of its own, such as `:busy`, `:disk_full` or
    `:unknown_table`. The fields are those of `AshRusqlite.Error`, which lists the codes.

        {:error, %Ash.Error.Unknown{errors: [%AshRusqlite.DataLayer.EngineError{code: :busy}]}} =
          Ash.create(MyApp.Room, %{title: "Attic"})

    What is about one field of an action's input is an error of Ash's, as `Ash.Error.Changes.InvalidAttribute`.
    So is a timeout, `Ash.Error.Invalid.Timeout`: its `vars` are a keyword list with the engine's
    `:code`, who held the writer (`:holder`), for how long (`:held_ms`), how long the call waited
    (`:waited_ms`) and how many still do (`:waiting`), as far as the engine knows them.
    """

    use Splode.Error, fields: [:code, :message, :retryable?, details: %{}], class: :unknown

    @impl true
    def message(%{message: message}), do: message

    @doc "The engine's error as one that Ash keeps as it is."
    @spec new(AshRusqlite.Error.t()) :: Exception.t()
    def new(%AshRusqlite.Error{} = error) do
      exception(
        code: error.code,
        message: error.message,
        details: error.details,
        retryable?: error.retryable?
      )
    end
  end
end
