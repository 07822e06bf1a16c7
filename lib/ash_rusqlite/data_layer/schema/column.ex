if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Schema.Column do
    @moduledoc false
    # The column of an attribute: its type, its declared type and its default, for tables that follow
    # their resources and for those of migrations.

    alias AshRusqlite.DataLayer.Info
    alias AshRusqlite.DataLayer.Value.Codec

    @type default :: {:value, term()} | {:sql, String.t()} | :none

    # What `migration_types` declares: as with AshSqlite a type of Ecto's migrations, which Ecto's
    # SQLite adapter writes in its own way; a string is the declared type itself.
    @declared %{
      id: "INTEGER",
      serial: "INTEGER",
      bigserial: "INTEGER",
      boolean: "INTEGER",
      integer: "INTEGER",
      bigint: "INTEGER",
      string: "TEXT",
      float: "NUMERIC",
      binary: "BLOB",
      date: "TEXT",
      utc_datetime: "TEXT",
      utc_datetime_usec: "TEXT",
      naive_datetime: "TEXT",
      naive_datetime_usec: "TEXT",
      time: "TEXT",
      time_usec: "TEXT",
      timestamp: "TEXT",
      array: "TEXT",
      binary_id: "TEXT",
      map: "TEXT",
      uuid: "TEXT"
    }

    @doc """
    The column of an attribute; `counted` is that which SQLite counts up. A table that follows its
    resource holds what ETS would hold: Ash itself requires what is required.
    """
    @spec of(Ash.Resource.t(), Ash.Resource.Attribute.t(), String.t() | nil) :: keyword()
    def of(resource, attribute, counted) do
      name = to_string(Codec.column(attribute))
      type = Codec.declared_type(attribute)

      # A STRICT table knows few types, of which the engine chooses one by the declared type.
      declared =
        cond do
          name == counted -> nil
          given = declared(Info.migration_types(resource)[attribute.name]) -> given
          Info.strict?(resource) -> type
          true -> nil
        end

      [
        name: name,
        type: type,
        declared: declared,
        null: true,
        default: value(resource, attribute)
      ]
    end

    # Nil for what Ecto's adapter would not take either.
    defp declared(type) when is_binary(type), do: type
    defp declared({kind, _of}) when kind in [:array, :map], do: "TEXT"

    # The adapter keeps no sizes.
    defp declared({type, size}) when is_atom(type) and is_integer(size), do: declared(type)

    defp declared(type) when is_atom(type) and type not in [nil, true, false] do
      Map.get_lazy(@declared, type, fn -> type |> Atom.to_string() |> String.upcase() end)
    end

    defp declared(_type), do: nil

    # The default of a table that follows its resource, as its column takes it; nil if there is none.
    # What is no plain value, such as `fragment("now()")`, is left to migrations.
    defp value(resource, attribute) do
      with text when is_binary(text) <- Info.migration_defaults(resource)[attribute.name],
           {:ok, {:value, value}} <- configured(attribute, text) do
        value
      else
        _ -> nil
      end
    end

    @doc """
    The default of a generated migration: what `migration_defaults` says, as with AshSqlite a string of
    Elixir that is put into a migration as it stands, else the attribute's default. A function is none:
    Ash calls it for each row, and a column would repeat what it once returned. The error says what is
    wrong with `migration_defaults`.
    """
    @spec migration_default(Ash.Resource.t(), Ash.Resource.Attribute.t()) ::
            {:ok, default()} | {:error, String.t()}
    def migration_default(resource, attribute) do
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
