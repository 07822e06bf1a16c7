if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Value.Codec do
    @moduledoc false
    # Between the attributes of a resource and the columns of its table. The engine's rows come with
    # finished values, so for most types there is nothing to do. The folder `value/` is what all others
    # know of values: their columns (here), what SQLite compares them as (`Kind`), and what happens
    # where one cannot be read (`Unreadable`). It reads and writes nothing itself.

    alias Ash.Error.Changes.InvalidAttribute
    alias AshRusqlite.DataLayer.Value.{StoredAtoms, Unreadable, Uuid}
    alias AshRusqlite.Repo
    alias AshRusqlite.Repo.Vocabulary

    import AshRusqlite.DataLayer.Value.Unreadable, only: [is_mark: 1]

    # What a column gives for these is what Ash works with.
    @finished [
      Ash.Type.String,
      Ash.Type.Integer,
      Ash.Type.Boolean,
      Ash.Type.Date,
      Ash.Type.UtcDatetime,
      Ash.Type.UtcDatetimeUsec,
      Ash.Type.NaiveDatetime,
      Ash.Type.UUID,
      Ash.Type.UUIDv7
    ]

    # Structs with nothing in them that could be a term of its own.
    @scalars [Ash.CiString, Date, DateTime, Decimal, NaiveDateTime, Time, Ash.NotLoaded]

    # The engine's type for each of Ash's storage types; values of all others are JSON.
    @types %{
      string: :text,
      ci_string: :text,
      citext: :text,
      text: :text,
      uuid: :uuid,
      binary_id: :uuid,
      integer: :integer,
      bigint: :integer,
      id: :integer,
      float: :real,
      decimal: :decimal,
      boolean: :boolean,
      utc_datetime: :datetime,
      utc_datetime_usec: :datetime_usec,
      naive_datetime: :naive_datetime,
      naive_datetime_usec: :naive_datetime_usec,
      date: :date,
      time: :time,
      time_usec: :time_usec,
      binary: :blob,
      # Values as they are, of any type.
      any: :any
    }

    @declared %{Map.new(Vocabulary.types()) | any: nil}

    @doc "The engine's type of an attribute's column."
    @spec type(%{type: Ash.Type.t(), constraints: keyword()}) :: Vocabulary.type()
    def type(attribute), do: stored_type(storage(attribute))

    @doc "The engine's type of a column with one of Ash's storage types."
    @spec stored_type(term()) :: Vocabulary.type()
    def stored_type(storage), do: Map.get(@types, storage, :json)

    @doc "The declared type of an attribute's column, nil for one of values of any type."
    @spec declared_type(Ash.Resource.Attribute.t()) :: String.t() | nil
    def declared_type(attribute), do: Map.fetch!(@declared, type(attribute))

    @doc "Ash's storage type of an attribute."
    @spec storage(%{type: Ash.Type.t(), constraints: keyword()}) :: term()
    def storage(%{type: type, constraints: constraints}),
      do: Ash.Type.storage_type(type, constraints || [])

    @doc "The name of an attribute's column."
    @spec column(Ash.Resource.Attribute.t()) :: atom()
    def column(%{source: source}) when not is_nil(source), do: source
    def column(%{name: name}), do: name

    @doc "The columns of attributes; what is none is left as it is."
    @spec columns([atom() | String.t()], Ash.Resource.t()) :: [String.t()]
    def columns(fields, resource) do
      Enum.map(fields, fn field ->
        case Ash.Resource.Info.attribute(resource, field) do
          nil -> to_string(field)
          attribute -> to_string(column(attribute))
        end
      end)
    end

    @doc """
    The column values of attributes, by column. An attribute that its type cannot dump is an
    error, as in Ash's own data layers.
    """
    @spec dump(Ash.Resource.t(), %{optional(atom()) => term()}) ::
            {:ok, %{optional(atom()) => term()}} | {:error, term()}
    def dump(resource, values) do
      Enum.reduce_while(values, {:ok, %{}}, fn {name, value}, {:ok, row} ->
        case Ash.Resource.Info.attribute(resource, name) do
          nil ->
            {:cont, {:ok, row}}

          attribute ->
            case dump_written(attribute, value) do
              {:ok, stored} -> {:cont, {:ok, Map.put(row, column(attribute), stored)}}
              {:error, error} -> {:halt, {:error, error}}
            end
        end
      end)
    end

    @doc """
    The column value of what is written to an attribute. Atomic changes give a time as it is,
    also where the attribute keeps whole seconds.
    """
    @spec dump_written(Ash.Resource.Attribute.t(), term()) :: {:ok, term()} | {:error, term()}
    def dump_written(attribute, value),
      do: dump_value(attribute, whole_seconds(storage(attribute), value))

    defp whole_seconds(:utc_datetime, %DateTime{} = at), do: DateTime.truncate(at, :second)

    defp whole_seconds(:naive_datetime, %NaiveDateTime{} = at),
      do: NaiveDateTime.truncate(at, :second)

    defp whole_seconds(:time, %Time{} = at), do: Time.truncate(at, :second)
    defp whole_seconds(_storage, value), do: value

    @doc "The column value of one attribute's value."
    @spec dump_value(Ash.Resource.Attribute.t(), term()) :: {:ok, term()} | {:error, term()}
    def dump_value(_attribute, nil), do: {:ok, nil}

    # Most values are as their column takes them already. That is seen here, since asking
    # their types takes a third of the time of an insert.
    def dump_value(%{type: Ash.Type.String}, value) when is_binary(value), do: {:ok, value}
    def dump_value(%{type: Ash.Type.Integer}, value) when is_integer(value), do: {:ok, value}
    def dump_value(%{type: Ash.Type.Boolean}, value) when is_boolean(value), do: {:ok, value}

    def dump_value(%{type: Ash.Type.Atom}, value) when is_atom(value),
      do: {:ok, Atom.to_string(value)}

    def dump_value(%{type: Ash.Type.UtcDatetimeUsec}, %DateTime{microsecond: {_, 6}} = value)
        when value.time_zone == "Etc/UTC",
        do: {:ok, value}

    def dump_value(%{type: type} = attribute, value)
        when type in [Ash.Type.UUID, Ash.Type.UUIDv7] do
      if Uuid.text?(value), do: {:ok, value}, else: dump_typed(attribute, value)
    end

    def dump_value(attribute, value), do: dump_typed(attribute, value)

    defp dump_typed(%{type: type, constraints: constraints} = attribute, value) do
      case Ash.Type.dump_to_native(type, value, constraints) do
        {:ok, native} -> lasting(attribute, value, to_column(storage(attribute), native))
        {:error, error} -> {:error, error}
        :error -> {:error, "Failed to dump #{inspect(value)} as type #{inspect(type)}"}
      end
    end

    # Ash stores any term, but raises when it reads a function. Some types have a form for it.
    defp lasting(%{type: type}, _value, stored) when type in @finished, do: {:ok, stored}

    defp lasting(attribute, value, stored) do
      kind = fleeting(value)

      if is_nil(kind) or match?({:ok, _}, load_value(attribute, stored)) do
        {:ok, stored}
      else
        message = "holds a #{kind}, which cannot be read back once it is stored"
        {:error, InvalidAttribute.exception(field: attribute.name, message: message)}
      end
    end

    defp fleeting(value) when is_function(value), do: "function"
    defp fleeting(value) when is_port(value), do: "port"
    defp fleeting([item | rest]), do: fleeting(item) || fleeting(rest)
    defp fleeting(value) when is_tuple(value), do: value |> Tuple.to_list() |> fleeting()
    defp fleeting(%struct{}) when struct in @scalars, do: nil
    defp fleeting(%_{} = value), do: value |> Map.from_struct() |> fleeting()

    defp fleeting(value) when is_map(value),
      do: Enum.find_value(value, fn {key, value} -> fleeting(key) || fleeting(value) end)

    defp fleeting(_value), do: nil

    defp to_column(storage, <<raw::binary-size(16)>>) when storage in [:uuid, :binary_id],
      do: Uuid.to_text(raw)

    defp to_column(_storage, native), do: native

    @doc """
    A function from a row to a record, for the attributes in `select` (all when nil). The
    others are `%Ash.NotLoaded{}`, because nil would count as read.
    """
    @spec loader(Ash.Resource.t(), [atom()] | nil) ::
            (map() -> {:ok, Ash.Resource.record()} | {:error, term()})
    def loader(resource, select \\ nil) do
      {empty, casts} = casts(resource, select)
      fn row -> load(casts, row, empty, resource) end
    end

    @doc "A record without its attributes' values, and what makes these of a row: see `field/2`."
    @spec casts(Ash.Resource.t(), [atom()] | nil) ::
            {Ash.Resource.record(), [{atom(), atom(), (term() -> term())}]}
    def casts(resource, select) do
      attributes = Ash.Resource.Info.attributes(resource)

      {wanted, skipped} =
        if select, do: Enum.split_with(attributes, &(&1.name in select)), else: {attributes, []}

      {empty(resource, skipped), Enum.map(wanted, &{&1.name, column(&1), cast(&1)})}
    end

    defp empty(resource, skipped) do
      meta = %Ecto.Schema.Metadata{state: :loaded, schema: resource}

      Enum.reduce(skipped, struct(resource, __meta__: meta), fn attribute, record ->
        not_loaded = %Ash.NotLoaded{field: attribute.name, type: :attribute}
        Map.put(record, attribute.name, not_loaded)
      end)
    end

    @doc "The records of rows."
    @spec load_all([map()], Ash.Resource.t(), [atom()] | nil) ::
            {:ok, [Ash.Resource.record()]} | {:error, term()}
    def load_all(rows, resource, select \\ nil) do
      rows |> load_each(loader(resource, select), [])
    end

    defp load_each([], _loader, records), do: {:ok, Enum.reverse(records)}

    defp load_each([row | rows], loader, records) do
      case loader.(row) do
        {:ok, record} -> load_each(rows, loader, [record | records])
        {:error, error} -> {:error, error}
      end
    end

    defp load([], _row, record, _resource), do: {:ok, record}

    defp load([{name, _column, _cast} = field | casts], row, record, resource) do
      case field(field, row) do
        {:ok, value} -> load(casts, row, %{record | name => value}, resource)
        problem -> {:error, Unreadable.error(resource, name, row, problem)}
      end
    end

    @doc "The value that a row has for an attribute of `casts/2`."
    @spec field({atom(), atom(), (term() -> term())}, map()) ::
            {:ok, term()} | :error | {:error, term()}
    def field({_name, column, cast}, row) do
      case row do
        %{^column => nil} -> {:ok, nil}
        %{^column => mark} when is_mark(mark) -> Unreadable.problem(mark)
        %{^column => stored} -> cast.(stored)
        %{} -> {:ok, nil}
      end
    end

    defp cast(%{type: type} = attribute) when type in @finished do
      storage = storage(attribute)
      &finished(storage, &1)
    end

    defp cast(%{type: Ash.Type.Atom, constraints: constraints} = attribute) do
      if constraints[:unsafe_to_atom?], do: cast_stored(attribute), else: &atom/1
    end

    defp cast(attribute), do: cast_stored(attribute)

    defp atom(text) when is_binary(text), do: Repo.StoredAtoms.atom(text)
    defp atom(atom) when is_atom(atom), do: {:ok, atom}
    defp atom(_other), do: :error

    defp cast_stored(%{type: type, constraints: constraints} = attribute) do
      storage = storage(attribute)

      if StoredAtoms.any?(type, constraints) do
        fn stored ->
          with :ok <- StoredAtoms.make(stored, type, constraints),
               do: cast_stored(stored, storage, type, constraints)
        end
      else
        &cast_stored(&1, storage, type, constraints)
      end
    end

    # Types of other authors may raise whatever they like.
    defp cast_stored(stored, storage, type, constraints) do
      Ash.Type.cast_stored(type, from_column(storage, stored), constraints)
    rescue
      error -> {:error, error}
    end

    @doc "An attribute's value of its column's."
    @spec load_value(Ash.Resource.Attribute.t(), term()) ::
            {:ok, term()} | :error | {:error, term()}
    def load_value(_attribute, nil), do: {:ok, nil}
    def load_value(attribute, stored), do: cast(attribute).(stored)

    # A table of another program may hold the type in another form.
    defp finished(:integer, value) when not is_integer(value), do: :error
    defp finished(:string, value) when not is_binary(value), do: :error
    defp finished(:boolean, 0), do: {:ok, false}
    defp finished(:boolean, 1), do: {:ok, true}
    defp finished(:boolean, value) when not is_boolean(value), do: :error
    defp finished(:uuid, <<value::binary-size(36)>>), do: {:ok, value}
    defp finished(:uuid, value), do: Ecto.UUID.cast(value)

    defp finished(storage, value)
         when storage in [:utc_datetime, :utc_datetime_usec, :naive_datetime, :date] and
                not is_struct(value),
         do: time(storage, value)

    defp finished(_storage, value), do: {:ok, value}

    defp time(_storage, value) when not is_binary(value), do: :error
    defp time(:date, text), do: Date.from_iso8601(text)
    defp time(:naive_datetime, text), do: NaiveDateTime.from_iso8601(text)

    defp time(storage, text) do
      with {:ok, at} <- Ecto.Type.cast(:utc_datetime_usec, text) do
        {:ok, if(storage == :utc_datetime, do: DateTime.truncate(at, :second), else: at)}
      end
    end

    defp from_column(storage, <<text::binary-size(36)>>) when storage in [:uuid, :binary_id] do
      case Ecto.UUID.dump(text) do
        {:ok, raw} -> raw
        :error -> text
      end
    end

    defp from_column(:float, value) when is_integer(value), do: value * 1.0
    defp from_column(:decimal, value) when is_integer(value), do: Decimal.new(value)
    defp from_column(:decimal, value) when is_float(value), do: Decimal.from_float(value)
    defp from_column(:decimal, value) when is_binary(value), do: Decimal.new(value)
    defp from_column(_storage, value), do: value
  end
end
