if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.Unreadable do
    @moduledoc false
    # Stored values that are none of their attribute's type: the error that names them, what a
    # read does about them, and a search for them.

    require Logger

    alias AshRusqlite.DataLayer.{Codec, Plan, Runtime, Store, UnreadableValue}
    alias AshRusqlite.{Error, Repo, Telemetry}
    alias AshRusqlite.Repo.Options

    @typedoc """
    What becomes of a row with a value that cannot be read: the read fails, the row is left out, or
    the field is `%Ash.NotLoaded{}`.
    """
    @type mode :: :error | :skip | :not_loaded

    # This many of them are in an event.
    @shown 10

    @doc "What the context of a query or a changeset says of such values."
    @spec mode(%{optional(atom()) => term()}) :: mode()
    def mode(context) do
      case context[:data_layer][:unreadable] do
        # Whatever is destroyed need not be read.
        nil when :erlang.map_get(:query_for, context) == :bulk_destroy -> :not_loaded
        nil -> :error
        mode when mode in [:error, :skip, :not_loaded] -> mode
        other -> raise elem(Options.wrong(:unreadable, other, ":error, :skip or :not_loaded"), 1)
      end
    end

    @doc "What a write does about such values of the rows that come back. It leaves out none."
    @spec write_mode(Ash.Changeset.t()) :: :error | :not_loaded
    def write_mode(changeset) do
      case mode(changeset.context) do
        :error ->
          given = changeset.context[:data_layer][:unreadable]
          if changeset.action_type == :destroy and is_nil(given), do: :not_loaded, else: :error

        _tolerant ->
          :not_loaded
      end
    end

    @doc "A statement whose rows are loaded in a mode."
    @spec statement(tuple(), mode()) :: tuple()
    def statement(statement, :error), do: statement
    def statement(statement, _tolerant), do: {:marked, statement}

    @doc "The records of the rows that are about to be written."
    @spec current([map()], Ash.Resource.t(), :error | :not_loaded) ::
            {:ok, [Ash.Resource.record()]} | {:error, term()}
    def current(rows, resource, :error), do: Codec.load_all(rows, resource)
    def current(rows, resource, mode), do: load(rows, resource, nil, nil, mode)

    @doc """
    The records of the rows that a write gave back. It is done: an error would say that it is not.
    So what cannot be read of them is not loaded, and the log says so.
    """
    @spec written([map()] | nil, Ash.Resource.t(), :error | :not_loaded, [atom()] | nil) ::
            {:ok, [Ash.Resource.record()]} | {:error, term()}
    def written(rows, resource, mode, select \\ nil)

    def written(rows, resource, :error, select) do
      with {:error, %UnreadableValue{}} <- Codec.load_all(rows || [], resource, select),
           do: load(rows, resource, select, nil, :not_loaded)
    end

    def written(rows, resource, mode, select), do: load(rows || [], resource, select, nil, mode)

    @doc "A context by which no row is left out: one that cannot be read is still there."
    @spec whole(map()) :: map()
    def whole(%{data_layer: %{unreadable: :skip}} = context),
      do: put_in(context.data_layer.unreadable, :not_loaded)

    def whole(context), do: context

    @doc "A query whose rows are to be destroyed, which need not be readable for that."
    @spec to_destroy(AshRusqlite.DataLayer.Query.t()) :: AshRusqlite.DataLayer.Query.t()
    def to_destroy(query),
      do: %{query | context: Map.put_new(query.context, :query_for, :bulk_destroy)}

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

    defp value(resource, name, row, problem) do
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

    @doc """
    The records of rows in which the engine has marked what it could not read. `plan` says what is
    computed besides, or is nil.
    """
    @spec load([map()], Ash.Resource.t(), [atom()] | nil, Plan.t() | nil, :skip | :not_loaded) ::
            {:ok, [Ash.Resource.record()]}
    def load(rows, resource, select, plan, mode) do
      {empty, casts} = Codec.casts(resource, select)

      {records, found} =
        Enum.reduce(rows, {[], []}, fn row, {records, found} ->
          {record, errors} = load_row(row, resource, empty, casts)
          {record, errors} = put_computed(record, errors, row, plan)

          if errors != [] and mode == :skip,
            do: {records, [hd(errors) | found]},
            else: {[record | records], Enum.take(errors, 1) ++ found}
        end)

      report(resource, mode, Enum.reverse(found))
      {:ok, Enum.reverse(records)}
    end

    defp load_row(row, resource, empty, casts) do
      Enum.reduce(casts, {empty, []}, fn {name, _column, _cast} = cast, {record, errors} ->
        case Codec.field(cast, row) do
          {:ok, value} ->
            {%{record | name => value}, errors}

          problem ->
            missing = %Ash.NotLoaded{field: name, type: :attribute}
            {%{record | name => missing}, [value(resource, name, row, problem) | errors]}
        end
      end)
    end

    defp put_computed(record, errors, _row, nil), do: {record, errors}

    # One by one, so that those that can be read are in the record.
    defp put_computed(record, errors, row, %Plan{computed: computed} = plan) do
      Enum.reduce(computed, {record, errors}, fn one, {record, errors} ->
        case Runtime.put_computed([record], [row], %{plan | computed: [one]}) do
          {:ok, [record]} -> {record, errors}
          {:error, error} -> {record, [error | errors]}
        end
      end)
    end

    defp report(_resource, _mode, []), do: :ok

    defp report(resource, mode, [first | _] = found) do
      done = if mode == :skip, do: "left out", else: "read without them"

      Logger.warning(
        "#{length(found)} rows of #{inspect(resource)} hold values that cannot be read, and were " <>
          "#{done}. The first: #{Exception.message(first)}"
      )

      Telemetry.unreadable(resource, mode, length(found), Enum.take(found, @shown))
    end

    @doc "All values of resources that cannot be read, found page by page while the stream runs."
    @spec stream(Ash.Resource.t() | [Ash.Resource.t()], keyword()) :: Enumerable.t()
    def stream(resources, opts),
      do: resources |> List.wrap() |> Stream.flat_map(&of_resource(&1, opts))

    defp of_resource(resource, opts) do
      context = Map.new(List.wrap(opts[:table]), &{:data_layer, %{table: &1}})

      case Store.fetch(resource, opts[:tenant], context, :read) do
        {:ok, store} -> of_table(store, opts[:progress])
        {:error, error} -> raise AshRusqlite.DataLayer.Errors.to_ash(error, resource)
      end
    end

    defp of_table(store, progress) do
      {empty, casts} = Codec.casts(store.resource, nil)
      columns = casts |> Enum.map(&elem(&1, 1)) |> Enum.uniq()

      store.repo
      |> Repo.Unreadable.rows(store.table, columns, progress)
      |> Stream.flat_map(fn row ->
        {_record, errors} = load_row(row, store.resource, empty, casts)
        errors |> Enum.reverse() |> Enum.map(&found(&1, store))
      end)
    end

    defp found(error, store) do
      %{
        resource: store.resource,
        table: store.table,
        key: error.key,
        column: error.column,
        value: error.value,
        why: error.reason
      }
    end
  end
end
