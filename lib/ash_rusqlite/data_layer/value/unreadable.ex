if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Value.Unreadable do
    @moduledoc false
    # Stored values that are none of their attribute's type, and the error that names them. What a read
    # does about their rows is `Read.UnreadableRows`; all of a table's finds `Check.UnreadableValues`.

    require Logger

    alias AshRusqlite.DataLayer.UnreadableValue
    alias AshRusqlite.DataLayer.Value.Codec
    alias AshRusqlite.{Error, Telemetry}
    alias AshRusqlite.Repo.Options

    @doc """
    The error for a value of a row, which the log says, too. `problem` is what loading it gave.
    """
    @spec error(Ash.Resource.t(), atom(), map(), term()) :: UnreadableValue.t()
    def error(resource, name, row, problem),
      do: resource |> value(name, row, problem) |> logged(:error)

    @typedoc "The resource, and the aggregate or calculation with its name."
    @type place ::
            {Ash.Resource.t(), atom(), Ash.Query.Aggregate.t() | Ash.Query.Calculation.t()}
            | {Ash.Resource.t(), atom()}

    @doc "The error for what SQLite computed of values."
    @spec computed(place(), term(), term()) :: UnreadableValue.t()
    def computed(place, stored, problem) do
      shown? = shown?(place)

      UnreadableValue.exception(
        resource: elem(place, 0),
        field: elem(place, 1),
        value: if(shown? and not is_nil(stored), do: Options.shorten(stored)),
        reason: if(shown?, do: reason(problem, "what it is computed as"), else: redacted())
      )
    end

    # What it is computed of may be sensitive, too.
    defp shown?({_resource, _name}), do: false
    defp shown?({_resource, _name, %{sensitive?: true}}), do: false

    defp shown?(
           {_resource, _name, %Ash.Query.Aggregate{query: %{resource: resource}, field: field}}
         )
         when is_atom(field),
         do: not sensitive?(resource, field)

    defp shown?({resource, _name, _calculation}),
      do: not Enum.any?(Ash.Resource.Info.attributes(resource), & &1.sensitive?)

    @doc "The error with the key of the record that it was found with, which the log says, too."
    @spec of_record(term(), Ash.Resource.record()) :: term()
    def of_record(%UnreadableValue{key: none} = error, %resource{} = record) when none == %{} do
      key = Map.take(record, Ash.Resource.Info.primary_key(resource))
      logged(%{error | key: redact(key, resource)}, :error)
    end

    def of_record(error, _record), do: error

    @doc "The engine's error as Ash's."
    @spec to_ash(Error.t(), Ash.Resource.t(), atom() | nil) :: UnreadableValue.t()
    def to_ash(%Error{details: details} = error, resource, field) do
      sensitive? = sensitive?(resource, field)
      key? = not Enum.any?(Ash.Resource.Info.primary_key(resource), &sensitive?(resource, &1))

      logged(
        UnreadableValue.exception(
          resource: resource,
          field: field || details[:column],
          column: details[:column],
          key: (key? && details[:key]) || %{},
          value: if(not sensitive?, do: details[:value]),
          reason: if(sensitive?, do: redacted(), else: error.message)
        ),
        :error
      )
    end

    @doc "The error for a value of a row, which nothing has reported yet."
    @spec value(Ash.Resource.t(), atom(), map(), term()) :: UnreadableValue.t()
    def value(resource, name, row, problem) do
      attribute = Ash.Resource.Info.attribute(resource, name)
      column = Codec.column(attribute)
      stored = row[column]

      {value, reason} =
        cond do
          attribute.sensitive? -> {nil, redacted()}
          mark?(stored) -> {nil, reason(problem, type(attribute))}
          true -> {Options.shorten(stored), reason(problem, type(attribute))}
        end

      UnreadableValue.exception(
        resource: resource,
        field: name,
        column: column,
        key: key(resource, row),
        value: value,
        reason: reason
      )
    end

    defp redacted, do: "it cannot be read as its type (which may show what is sensitive)"
    defp type(%{type: type}), do: inspect(type)

    defp reason({:error, %Error{} = error}, _type), do: error.message

    defp reason({:error, %{__exception__: true} = error}, type),
      do: none(type) <> Exception.message(error)

    defp reason({:error, text}, type) when is_binary(text), do: none(type) <> text

    defp reason({:error, [_ | _] = problem}, type),
      do:
        none(type) <>
          ((Keyword.keyword?(problem) && problem[:message]) || Options.shorten(problem))

    defp reason(_problem, type), do: "it cannot be read as #{type}"
    defp none(type), do: "it cannot be read as #{type}: "

    defp key(resource, row) do
      key =
        for name <- Ash.Resource.Info.primary_key(resource),
            attribute = Ash.Resource.Info.attribute(resource, name),
            {:ok, value} <- [Map.fetch(row, Codec.column(attribute))],
            into: %{},
            do: {name, value}

      redact(key, resource)
    end

    defp redact(key, resource) do
      Map.new(key, fn {name, value} ->
        {name, if(sensitive?(resource, name), do: "**redacted**", else: value)}
      end)
    end

    defp sensitive?(_resource, nil), do: false

    defp sensitive?(resource, name),
      do: match?(%{sensitive?: true}, Ash.Resource.Info.attribute(resource, name))

    @doc "Whether the engine has put a mark in the place of a value. No stored value is such."
    defguard is_mark(value)
             when is_tuple(value) and tuple_size(value) == 2 and is_reference(elem(value, 0))

    defp mark?(value), do: is_mark(value)

    @doc "What loading a marked value gives."
    @spec problem({reference(), tuple()}) :: {:error, Error.t()}
    def problem({_reference, native}), do: {:error, Error.from_native(native)}

    defp logged(error, mode) do
      Logger.error(Exception.message(error))
      Telemetry.unreadable(error.resource, mode, 1, [error])
      error
    end
  end
end
