if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.MigrationType do
    @moduledoc false
    # What `migration_types` of a resource declares a column as. As with AshSqlite it is a type
    # of Ecto's migrations, which Ecto's SQLite adapter writes in its own way; a string is the
    # declared type itself.

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

    @doc "The declared type; nil for what Ecto's adapter would not take either."
    @spec declared(term()) :: String.t() | nil
    def declared(type) when is_binary(type), do: type
    def declared({kind, _of}) when kind in [:array, :map], do: "TEXT"

    # The adapter keeps no sizes.
    def declared({type, size}) when is_atom(type) and is_integer(size), do: declared(type)

    def declared(type) when is_atom(type) and type not in [nil, true, false] do
      Map.get_lazy(@declared, type, fn -> type |> Atom.to_string() |> String.upcase() end)
    end

    def declared(_type), do: nil
  end
end
