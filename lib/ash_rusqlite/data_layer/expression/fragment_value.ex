if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Expression.FragmentValue do
    @moduledoc false
    # What SQLite computed by a fragment, as a value of the type that the calculation has. SQLite
    # may give anything, so what does not fit is an error.

    alias AshRusqlite.DataLayer.Value.Codec
    alias AshRusqlite.Error
    alias AshRusqlite.Repo.JSON

    @type field :: %{name: term(), type: Ash.Type.t(), constraints: keyword()}

    @doc "The value of a field for what SQLite gave."
    @spec load(field(), term()) :: {:ok, term()} | {:error, Error.t()}
    def load(_field, nil), do: {:ok, nil}

    def load(field, stored) do
      with {:ok, native} <- native(Codec.type(field), stored),
           {:ok, value} <- Codec.load_value(field, native) do
        {:ok, value}
      else
        _ -> {:error, misfit(field, stored)}
      end
    end

    defp misfit(%{name: name, type: type}, stored) do
      shown = inspect(stored, limit: 5, printable_limit: 60)

      Error.new(
        :invalid_value,
        "the fragment of #{inspect(name)} gives #{shown}, which is not stored for a " <>
          "#{inspect(type)}: give the calculation another type, or convert it in the SQL",
        %{value: shown}
      )
    end

    defp native(:text, text) when is_binary(text), do: {:ok, text}
    defp native(:uuid, text) when is_binary(text), do: {:ok, text}
    defp native(:integer, number) when is_integer(number), do: {:ok, number}
    defp native(:real, number) when is_number(number), do: {:ok, number * 1.0}
    defp native(:boolean, 0), do: {:ok, false}
    defp native(:boolean, 1), do: {:ok, true}
    defp native(:decimal, number) when is_integer(number), do: {:ok, Decimal.new(number)}

    defp native(:decimal, number) when is_float(number),
      do: {:ok, Decimal.from_float(number)}

    defp native(:decimal, text) when is_binary(text) do
      case Decimal.parse(text) do
        {decimal, ""} -> {:ok, decimal}
        _ -> :error
      end
    end

    defp native(:date, text) when is_binary(text), do: Date.from_iso8601(text)

    defp native(type, text) when type in [:time, :time_usec] and is_binary(text),
      do: Time.from_iso8601(text)

    defp native(type, text)
         when type in [:naive_datetime, :naive_datetime_usec] and is_binary(text),
         do: NaiveDateTime.from_iso8601(text)

    defp native(:datetime, text) when is_binary(text) do
      with {:ok, at} <- Ecto.Type.cast(:utc_datetime_usec, text),
           do: {:ok, DateTime.truncate(at, :second)}
    end

    defp native(:datetime_usec, text) when is_binary(text),
      do: Ecto.Type.cast(:utc_datetime_usec, text)

    defp native(:json, text) when is_binary(text), do: JSON.decode(text)
    defp native(:blob, bytes) when is_binary(bytes), do: {:ok, bytes}
    defp native(_type, _stored), do: :error
  end
end
