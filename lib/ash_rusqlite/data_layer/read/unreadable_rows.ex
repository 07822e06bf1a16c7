if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Read.UnreadableRows do
    @moduledoc false
    # What a read or a write does about rows with a value that cannot be read, and the records of such rows.

    require Logger

    alias AshRusqlite.DataLayer.Query
    alias AshRusqlite.DataLayer.Query.Plan
    alias AshRusqlite.DataLayer.Read.Computed
    alias AshRusqlite.DataLayer.UnreadableValue
    alias AshRusqlite.DataLayer.Value.{Codec, Unreadable}
    alias AshRusqlite.Repo.{Options, Request}
    alias AshRusqlite.Telemetry

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

    @doc "A request whose rows are loaded in a mode."
    @spec request(request, mode()) :: request | {:marked, request}
          when request: Request.read() | Request.write()
    def request(request, :error), do: request
    def request(request, _tolerant), do: Request.marked(request)

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
    @spec to_destroy(Query.t()) :: Query.t()
    def to_destroy(query),
      do: %{query | context: Map.put_new(query.context, :query_for, :bulk_destroy)}

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

    @doc "The record of a row, and the errors of what cannot be read of it; `casts` are `Codec.casts/2`'s."
    @spec load_row(map(), Ash.Resource.t(), Ash.Resource.record(), list()) ::
            {Ash.Resource.record(), [UnreadableValue.t()]}
    def load_row(row, resource, empty, casts) do
      Enum.reduce(casts, {empty, []}, fn {name, _column, _cast} = cast, {record, errors} ->
        case Codec.field(cast, row) do
          {:ok, value} ->
            {%{record | name => value}, errors}

          problem ->
            missing = %Ash.NotLoaded{field: name, type: :attribute}

            {%{record | name => missing},
             [Unreadable.value(resource, name, row, problem) | errors]}
        end
      end)
    end

    defp put_computed(record, errors, _row, nil), do: {record, errors}

    # One by one, so that those that can be read are in the record.
    defp put_computed(record, errors, row, %Plan{computed: computed} = plan) do
      Enum.reduce(computed, {record, errors}, fn one, {record, errors} ->
        case Computed.put([record], [row], %{plan | computed: [one]}) do
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
  end
end
