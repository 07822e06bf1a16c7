if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.MigrationDefault do
    @moduledoc false
    # What `migration_defaults` gives rows that leave a column out. As with AshSqlite it is a
    # string of Elixir, put into a migration as it stands; what is no plain value there, such as
    # `fragment("now()")`, is left to migrations.

    alias AshRusqlite.DataLayer.{Codec, Info}

    @doc "The default as its column takes it; nil if there is none."
    @spec value(Ash.Resource.t(), Ash.Resource.Attribute.t()) :: term()
    def value(resource, attribute) do
      with text when is_binary(text) <- Info.migration_defaults(resource)[attribute.name],
           {:ok, value} when not is_nil(value) <-
             literal(Code.string_to_quoted(text, emit_warnings: false)),
           {:ok, cast} <- cast(attribute, value),
           {:ok, stored} <- Codec.dump_value(attribute, cast) do
        stored
      else
        _ -> nil
      end
    end

    defp cast(%{type: type, constraints: constraints}, value),
      do: Ash.Type.cast_input(type, value, constraints)

    defp literal({:ok, {:%{}, _, []}}), do: {:ok, %{}}
    defp literal({:ok, {:-, _, [number]}}) when is_number(number), do: {:ok, -number}
    defp literal({:ok, list}) when is_list(list), do: plain_list(list)

    defp literal({:ok, value}) when is_binary(value) or is_number(value) or is_atom(value),
      do: {:ok, value}

    defp literal(_quoted), do: :error

    # 'draft' with the quotes of SQL is a list of characters to Elixir.
    defp plain_list(list) do
      cond do
        list != [] and List.ascii_printable?(list) -> {:ok, List.to_string(list)}
        Enum.all?(list, &(is_binary(&1) or is_number(&1))) -> {:ok, list}
        true -> :error
      end
    end
  end
end
