defmodule AshRusqlite.Package do
  @moduledoc false
  # Whether the packages that are optional are there.

  @doc """
  Whether a module of an optional package is there.

  For one that is not, Erlang looks through every folder of its code path, for milliseconds,
  each time: longer than a `:memory:` repo takes to start. So this is remembered for as long as
  the code path stays the same.
  """
  @spec available?(module()) :: boolean()
  def available?(module) do
    :erlang.module_loaded(module) or
      (:persistent_term.get({__MODULE__, module}, nil) != :code.get_path() and load?(module))
  end

  defp load?(module) do
    path = :code.get_path()
    loaded? = Code.ensure_loaded?(module)
    unless loaded?, do: :persistent_term.put({__MODULE__, module}, path)
    loaded?
  end
end
