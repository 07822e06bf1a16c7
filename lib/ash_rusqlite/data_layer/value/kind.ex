if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Value.Kind do
    @moduledoc false
    # What an attribute or a value is to SQLite when it computes with it.
    #
    #   * one of the types of `AshRusqlite.Repo.Expression`
    #   * `:ci` and `:atom`: texts that compare in their own way
    #   * `{:opaque, attribute}`: stored as a scalar, but only Ash knows how; may be compared for
    #     equality with what Ash dumps, and with itself
    #   * `:unknown`: what a fragment gives, and a value beside that, as it is
    #   * `{:stored, type}`: the same with a type that only Ash compares
    #   * `nil`: the value nil

    alias AshRusqlite.DataLayer.Value.{Codec, Uuid}

    @type t :: atom() | {:opaque, Ash.Resource.Attribute.t()} | {:stored, map()}

    @builtin %{
      Ash.Type.String => :text,
      Ash.Type.CiString => :ci,
      Ash.Type.Atom => :atom,
      Ash.Type.UUID => :uuid,
      Ash.Type.UUIDv7 => :uuid,
      Ash.Type.Integer => :integer,
      Ash.Type.Float => :real,
      Ash.Type.Decimal => :decimal,
      Ash.Type.Boolean => :boolean,
      Ash.Type.Date => :date,
      Ash.Type.NaiveDatetime => :naive_datetime,
      Ash.Type.UtcDatetime => :datetime,
      Ash.Type.UtcDatetimeUsec => :datetime_usec
    }

    # The storage types whose stored values are equal where Ash's values are, whatever the type.
    @comparable [
      :string,
      :uuid,
      :integer,
      :date,
      :time,
      :time_usec,
      :utc_datetime,
      :utc_datetime_usec,
      :any
    ]

    @finer %{datetime: :datetime_usec, naive_datetime: :naive_datetime_usec, time: :time_usec}

    @integers -0x8000000000000000..0x7FFFFFFFFFFFFFFF

    @doc "The kind of an attribute, or of a type with its constraints."
    @spec of(%{type: Ash.Type.t(), constraints: keyword()}) :: t() | :other
    def of(%{type: type} = attribute) do
      with nil <- Map.get(@builtin, type) do
        storage = Codec.storage(attribute)

        cond do
          type in [Ash.Type.Time, Ash.Type.DateTime] -> comparable(storage)
          opaque?(type, storage) -> {:opaque, attribute}
          true -> :other
        end
      end
    end

    defp opaque?(type, storage) do
      is_atom(type) and storage in @comparable and Ash.Type.simple_equality?(type)
    end

    defp comparable(storage),
      do: if(storage in @comparable, do: Codec.stored_type(storage), else: :other)

    @doc "A value as a scalar of the given kind, and the kind that it has; nil if it has none."
    @spec literal(term(), t() | :any) :: {:ok, term(), t()} | :error
    def literal(nil, _kind), do: {:ok, nil, nil}

    # Beside a fragment a map or a list is JSON.
    def literal(value, :unknown) do
      with {:ok, scalar, _kind} <- plain(value), do: {:ok, scalar, :unknown}
    end

    def literal(value, {:opaque, attribute} = kind) do
      with {:ok, stored} when not is_nil(stored) <- Codec.dump_value(attribute, value) do
        {:ok, {:value, Codec.type(attribute), stored}, kind}
      else
        _ -> :error
      end
    end

    def literal(value, kind) when is_boolean(value) and kind in [:boolean, :any],
      do: {:ok, value, :boolean}

    def literal(value, :decimal) when is_integer(value),
      do: {:ok, {:value, :decimal, value}, :decimal}

    def literal(value, kind) when value in @integers and kind in [:integer, :real, :any],
      do: {:ok, {:value, :integer, value}, :integer}

    def literal(value, kind) when is_float(value) and kind in [:integer, :real, :any],
      do: {:ok, {:value, :real, value}, :real}

    def literal(value, kind) when is_binary(value) and kind in [:text, :ci, :atom, :any] do
      if String.valid?(value), do: {:ok, {:value, :text, value}, :text}, else: :error
    end

    def literal(<<raw::binary-size(16)>>, :uuid),
      do: {:ok, {:value, :uuid, Uuid.to_text(raw)}, :uuid}

    def literal(value, :uuid) when is_binary(value) do
      case Ecto.UUID.cast(value) do
        {:ok, text} -> {:ok, {:value, :uuid, text}, :uuid}
        :error -> :error
      end
    end

    def literal(%Ash.CiString{} = value, kind) when kind in [:text, :ci, :any],
      do: {:ok, {:value, :text, Ash.CiString.value(value)}, :ci}

    def literal(value, kind)
        when is_atom(value) and not is_boolean(value) and kind in [:atom, :text, :any],
        do: {:ok, {:value, :text, Atom.to_string(value)}, :atom}

    def literal(%Decimal{coef: coef} = value, kind)
        when is_integer(coef) and kind in [:decimal, :integer, :any],
        do: {:ok, {:value, :decimal, value}, :decimal}

    def literal(%DateTime{} = value, kind) when kind in [:datetime, :datetime_usec, :any] do
      utc = DateTime.shift_zone!(value, "Etc/UTC")
      kind = if kind == :any, do: :datetime_usec, else: kind
      time(utc, kind)
    rescue
      ArgumentError -> :error
    end

    def literal(%NaiveDateTime{} = value, :naive_datetime), do: time(value, :naive_datetime)
    def literal(%Date{} = value, kind) when kind in [:date, :any], do: time(value, :date)
    def literal(%Time{} = value, kind) when kind in [:time, :time_usec], do: time(value, kind)
    def literal(_value, _kind), do: :error

    @doc """
    A value as what an expression of a kind is compared with: as `literal/2`, but a time may have a
    fraction beside a column that keeps seconds.
    """
    @spec beside(term(), t() | :any) :: {:ok, term(), t()} | :error
    def beside(value, kind) do
      with :error <- literal(value, kind) do
        case Map.fetch(@finer, kind) do
          {:ok, :naive_datetime_usec} -> fraction(value, :naive_datetime_usec)
          {:ok, finer} -> literal(value, finer)
          :error -> :error
        end
      end
    end

    defp fraction(%NaiveDateTime{} = value, kind), do: time(value, kind)
    defp fraction(_value, _kind), do: :error

    @times [:date, :datetime, :datetime_usec, :naive_datetime, :time, :time_usec]

    @doc """
    Where a value is that no stored value of a kind can equal: `:above` or `:below` all of them,
    `:beside` them where they have no order; nil where one may equal it. Values that have another
    form beside the kind, as `beside/2` gives it, are not for this function.
    """
    @spec never(term(), t()) :: :above | :below | :beside | nil
    def never(value, :integer) when is_integer(value), do: side(value > 0)

    def never(%struct{year: year, calendar: Calendar.ISO}, kind)
        when year not in 0..9999 and
               ((struct == DateTime and kind in [:datetime, :datetime_usec]) or
                  (struct == NaiveDateTime and kind == :naive_datetime) or
                  (struct == Date and kind == :date)),
        do: side(year > 0)

    def never(value, :uuid) when is_binary(value) or is_number(value) or is_atom(value),
      do: :beside

    def never(value, kind)
        when kind in [:integer, :real, :boolean] and (is_binary(value) or is_atom(value)),
        do: :beside

    def never(value, :boolean) when is_number(value), do: :beside
    def never(value, kind) when kind in [:text, :ci, :atom] and is_number(value), do: :beside
    # A text that is no UTF-8.
    def never(value, kind) when kind in [:text, :ci] and is_binary(value), do: :beside

    def never(value, kind)
        when kind in @times and (is_binary(value) or is_number(value) or is_atom(value)),
        do: :beside

    def never(_value, _kind), do: nil

    defp side(true), do: :above
    defp side(false), do: :below

    @doc "How the texts of a kind are compared, as `AshRusqlite.Repo.Expression` names it."
    @spec collation(t()) :: atom()
    def collation(kind) when kind in [:ci, :decimal], do: kind
    def collation(kind) when kind in [:datetime, :datetime_usec], do: :instant
    def collation(kind) when kind in [:naive_datetime, :naive_datetime_usec], do: :naive
    def collation(kind) when kind in [:time, :time_usec], do: :clock
    def collation(_kind), do: nil

    # In the form in which a column of its own precision is written.
    defp plain(%DateTime{microsecond: {_, 0}} = value), do: literal(value, :datetime)
    defp plain(%NaiveDateTime{} = value), do: text(NaiveDateTime.to_iso8601(value))
    defp plain(%Time{} = value), do: text(Time.to_iso8601(value))

    defp plain(value) when is_list(value) or (is_map(value) and not is_struct(value)) do
      case Jason.encode(value) do
        {:ok, json} -> text(json)
        {:error, _} -> :error
      end
    rescue
      Protocol.UndefinedError -> :error
    end

    defp plain(value), do: literal(value, :any)

    defp text(text), do: {:ok, {:value, :text, text}, :text}

    defp time(%{year: year}, _kind) when year not in 0..9999, do: :error
    defp time(%{calendar: calendar}, _kind) when calendar != Calendar.ISO, do: :error

    # A column of seconds has no fractions: see `beside/2` for what they are compared with.
    defp time(%{microsecond: {micro, _}}, kind)
         when micro != 0 and kind in [:datetime, :naive_datetime, :time],
         do: :error

    defp time(value, kind), do: {:ok, {:value, kind, value}, kind}

    @doc "The type in which a value of a kind is read back."
    @spec type(t()) :: atom()
    def type(kind) when kind in [:ci, :atom], do: :text
    def type(kind) when kind in [nil, :unknown], do: :any
    def type({:stored, _type}), do: :any
    def type({:fold, _aggregate, kind}), do: {:list, type(kind)}
    def type({:opaque, attribute}), do: Codec.type(attribute)
    def type(kind), do: kind
  end
end
