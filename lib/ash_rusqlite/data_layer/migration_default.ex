if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.MigrationDefault do
    @moduledoc false
    # What a column gives rows that leave it out: what `migration_defaults` says, else the
    # attribute's default. As with AshSqlite the former is a string of Elixir, put into a migration as
    # it stands.

    alias AshRusqlite.DataLayer.{Codec, Info}

    @type t :: {:value, term()} | {:sql, String.t()} | :none

    @doc """
    The default of a table that follows its resource, as its column takes it; nil if there is none.
    What is no plain value, such as `fragment("now()")`, is left to migrations.
    """
    @spec value(Ash.Resource.t(), Ash.Resource.Attribute.t()) :: term()
    def value(resource, attribute) do
      with text when is_binary(text) <- Info.migration_defaults(resource)[attribute.name],
           {:ok, {:value, value}} <- configured(attribute, text) do
        value
      else
        _ -> nil
      end
    end

    @doc """
    The default of a generated migration. A function is none: Ash calls it for each row, and a column
    would repeat what it once returned. The error says what is wrong with `migration_defaults`.
    """
    @spec of(Ash.Resource.t(), Ash.Resource.Attribute.t()) :: {:ok, t()} | {:error, String.t()}
    def of(resource, attribute) do
      case Info.migration_defaults(resource)[attribute.name] do
        nil -> {:ok, static(attribute)}
        given -> configured(attribute, given)
      end
    end

    defp static(%{default: default}) when is_function(default) or is_nil(default), do: :none

    defp static(%{default: {module, function, args}})
         when is_atom(module) and is_atom(function) and is_list(args),
         do: :none

    # What no column can hold is left to Ash, which gives it to each row in any case.
    defp static(%{default: default} = attribute) do
      with {:ok, cast} when not is_nil(cast) <- cast(attribute, default),
           {:ok, stored} when not is_nil(stored) <- Codec.dump_value(attribute, cast) do
        {:value, stored}
      else
        _ -> :none
      end
    end

    defp configured(attribute, text) when is_binary(text) do
      with {:ok, quoted} <- Code.string_to_quoted(text, emit_warnings: false),
           {:ok, default} <- literal(quoted),
           {:ok, default} <- stored(attribute, default) do
        {:ok, default}
      else
        _ -> {:error, "#{text} is neither a value of the attribute nor fragment(\"SQL\")"}
      end
    end

    defp configured(_attribute, other), do: {:error, "#{inspect(other)} is no string of Elixir"}

    defp stored(_attribute, {:value, nil}), do: {:ok, :none}

    defp stored(attribute, {:value, value}) do
      with {:ok, cast} <- cast(attribute, value),
           {:ok, stored} <- Codec.dump_value(attribute, cast),
           do: {:ok, if(is_nil(stored), do: :none, else: {:value, stored})}
    end

    defp stored(_attribute, default), do: {:ok, default}

    defp cast(%{type: type, constraints: constraints}, value),
      do: Ash.Type.cast_input(type, value, constraints)

    defp literal({:fragment, _, [sql]}) when is_binary(sql), do: {:ok, {:sql, sql}}
    defp literal({:%{}, _, []}), do: {:ok, {:value, %{}}}
    defp literal({:-, _, [number]}) when is_number(number), do: {:ok, {:value, -number}}
    defp literal(list) when is_list(list), do: plain_list(list)

    defp literal(value) when is_binary(value) or is_number(value) or is_atom(value),
      do: {:ok, {:value, value}}

    defp literal(_quoted), do: :error

    # 'draft' with the quotes of SQL is a list of characters to Elixir.
    defp plain_list(list) do
      cond do
        list != [] and List.ascii_printable?(list) -> {:ok, {:value, List.to_string(list)}}
        Enum.all?(list, &(is_binary(&1) or is_number(&1))) -> {:ok, {:value, list}}
        true -> :error
      end
    end
  end
end
