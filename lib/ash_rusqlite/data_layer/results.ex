if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Results do
    @moduledoc false
    # Lists of results. Any part of the data layer may call this one; it calls none.

    @doc "Maps with a function that may fail; the first error ends it."
    @spec traverse([item], (item -> {:ok, result} | {:error, term()})) ::
            {:ok, [result]} | {:error, term()}
          when item: term(), result: term()
    def traverse(items, fun) do
      items
      |> Enum.reduce_while({:ok, []}, fn item, {:ok, done} ->
        case fun.(item) do
          {:ok, result} -> {:cont, {:ok, [result | done]}}
          {:error, error} -> {:halt, {:error, error}}
        end
      end)
      |> case do
        {:ok, done} -> {:ok, Enum.reverse(done)}
        error -> error
      end
    end
  end
end
