if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.EngineError do
    @moduledoc """
    An error of the engine for which Ash has none of its own, such as `:busy`, `:disk_full` or
    `:unknown_table`. The fields are those of `AshRusqlite.Error`, which lists the codes.

        {:error, %Ash.Error.Unknown{errors: [%AshRusqlite.DataLayer.EngineError{code: :busy}]}} =
          Ash.create(MyApp.Room, %{title: "Attic"})

    An error about one field of an action's input is one of Ash's own, such as
    `Ash.Error.Changes.InvalidAttribute`. So is a timeout, `Ash.Error.Invalid.Timeout`. Its `vars` are a
    keyword list with what the engine knows:

      * `:code` - the code of the engine's error
      * `:holder`, `:held_ms` - what held the writer meanwhile, and for how long
      * `:waited_ms` - how long the call waited
      * `:waiting` - how many calls still wait
    """

    use Splode.Error, fields: [:code, :message, :retryable?, details: %{}], class: :unknown

    @impl true
    def message(%{message: message}), do: message

    @doc false
    # The engine's error as one that Ash keeps as it is.
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
