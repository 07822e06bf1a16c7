defmodule AshChat.Timestamps do
  @moduledoc """
  What the columns of times are in rows that the demo and the importer write without Ash, which gives
  them itself.
  """

  @now "fragment(\"strftime('%Y-%m-%dT%H:%M:%f000Z')\")"

  @doc """
  The `migration_defaults` of columns.

      iex> Keyword.keys(AshChat.Timestamps.defaults())
      [:created_at, :updated_at]
  """
  @spec defaults([atom()]) :: keyword(String.t())
  def defaults(columns \\ [:created_at, :updated_at]), do: Enum.map(columns, &{&1, @now})
end
