if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Check.BeyondJson do
    @moduledoc false
    # Values that are stored in Erlang's format, because JSON would not give them back: see
    # `AshRusqlite.beyond_json/2`.

    alias AshRusqlite.DataLayer.{Errors, Info, Store}
    alias AshRusqlite.DataLayer.Value.Codec
    alias AshRusqlite.{Error, Progress, Repo}
    alias AshRusqlite.Repo.Request

    # How many rows are looked at between two reports.
    @page 1_000

    # JSON's own reader stops near here, so what is deeper is left to Erlang's format.
    @depth 120

    @doc "The resources of an application's domains that a repo stores."
    @spec resources(atom(), module()) :: [Ash.Resource.t()]
    def resources(otp_app, repo) do
      for domain <- Application.get_env(otp_app, :ash_domains, []),
          resource <- Ash.Domain.Info.resources(domain),
          Info.stored_in?(resource, repo),
          do: resource
    end

    @doc "Whether the rows of a resource are in one table, or in many that it does not know."
    @spec tables(Ash.Resource.t()) :: :one | :many
    def tables(resource) do
      many? =
        Info.polymorphic?(resource) or
          Ash.Resource.Info.multitenancy_strategy(resource) == :context

      if many?, do: :many, else: :one
    end

    @doc "The table of a resource that has one."
    @spec table(Ash.Resource.t()) :: String.t() | nil
    def table(resource), do: Info.table(resource)

    @doc "The values of resources, found page by page while the stream runs."
    @spec stream(Ash.Resource.t() | [Ash.Resource.t()], keyword()) :: Enumerable.t()
    def stream(resources, opts),
      do: resources |> List.wrap() |> Stream.flat_map(&of_resource(&1, opts))

    defp of_resource(resource, opts) do
      case json_attributes(resource) do
        [] ->
          []

        attributes ->
          context = Map.new(List.wrap(opts[:table]), &{:data_layer, %{table: &1}})

          case Store.fetch(resource, opts[:tenant], context, :read) do
            {:ok, store} -> of_table(store, attributes, opts[:progress])
            {:error, error} -> raise Errors.to_ash(error, resource)
          end
      end
    end

    defp json_attributes(resource) do
      for attribute <- Ash.Resource.Info.attributes(resource),
          Codec.type(attribute) == :json,
          do: attribute
    end

    # The values stay in the file: of each row its key comes, and which columns are no text.
    defp of_table(store, attributes, progress) do
      key =
        Enum.map(Ash.Resource.Info.primary_key(store.resource), &attribute(store.resource, &1))

      marked = Enum.with_index(attributes, &{&1, :"beyond_json_#{&2}"})

      marks =
        for {attribute, name} <- marked, do: Request.computed(name, blob(attribute), :boolean)

      select = Enum.map(key, &Codec.column/1) ++ marks

      store.repo
      |> Repo.Reads.stream(store.table, select: select, max_rows: @page)
      |> Progress.of_check(progress, store.table, @page, fn ->
        Repo.Reads.count(store.repo, store.table)
      end)
      |> Stream.flat_map(fn row ->
        for {attribute, name} <- marked, row[name], do: found(store, key, attribute, row)
      end)
    end

    defp attribute(resource, name), do: Ash.Resource.Info.attribute(resource, name)

    # In SQLite's order every text is less than any blob.
    defp blob(attribute),
      do: {:compare, :>=, nil, {:col, Codec.column(attribute)}, {:value, :blob, ""}}

    defp found(store, key, attribute, row) do
      column = Codec.column(attribute)
      key = Map.new(key, &{&1.name, row[Codec.column(&1)]})

      %{
        resource: store.resource,
        table: store.table,
        key: key,
        column: column,
        why: why(store, key, column)
      }
    end

    defp why(store, key, column) do
      conditions =
        for {name, value} <- key,
            do: {store.resource |> attribute(name) |> Codec.column(), value}

      case Repo.Statement.read(
             store.repo,
             Request.all(store.table, select: [column], where: conditions),
             nil
           ) do
        {:ok, [%{^column => value} | _]} -> reason(value)
        {:ok, _} -> "it has changed meanwhile"
        {:error, %Error{} = error} -> Exception.message(error)
      end
    end

    @doc """
    What of a value JSON cannot hold, and where in it; nil when it can.

        iex> AshRusqlite.DataLayer.Check.BeyondJson.reason(%{"a" => [1, :b]})
        "the atom :b at [\\"a\\"][1]"
    """
    @spec reason(term()) :: String.t() | nil
    def reason(value) do
      with {path, what} <- first(value, [], 0) do
        place = path |> Enum.reverse() |> Enum.map_join(&"[#{inspect(&1)}]")
        if place == "", do: what, else: "#{what} at #{place}"
      end
    end

    defp first(value, path, depth) when (is_list(value) or is_map(value)) and depth >= @depth,
      do: {path, "more than #{@depth} levels"}

    defp first(constant, _path, _depth) when constant in [nil, true, false], do: nil
    defp first(atom, path, _depth) when is_atom(atom), do: {path, "the atom #{inspect(atom)}"}
    defp first(float, _path, _depth) when is_float(float), do: nil

    defp first(integer, path, _depth) when is_integer(integer) do
      if integer not in -0x8000000000000000..0x7FFFFFFFFFFFFFFF,
        do: {path, "an integer beyond 64 bits"}
    end

    defp first(text, path, _depth) when is_binary(text),
      do: if(not String.valid?(text), do: {path, "a binary that is not UTF-8"})

    defp first(%struct{}, path, _depth), do: {path, "the struct #{inspect(struct)}"}

    defp first(map, path, depth) when is_map(map) do
      Enum.find_value(map, fn {key, value} ->
        if is_binary(key) and String.valid?(key),
          do: first(value, [key | path], depth + 1),
          else: {path, "the key #{inspect(key, limit: 5, printable_limit: 40)}"}
      end)
    end

    defp first(list, path, depth) when is_list(list), do: item(list, 0, path, depth)
    defp first(tuple, path, _depth) when is_tuple(tuple), do: {path, "a tuple"}

    defp first(other, path, _depth),
      do: {path, "the term #{inspect(other, limit: 5, printable_limit: 40)}"}

    defp item([], _index, _path, _depth), do: nil

    defp item([item | rest], index, path, depth),
      do: first(item, [index | path], depth + 1) || item(rest, index + 1, path, depth)

    defp item(_improper, _index, path, _depth), do: {path, "an improper list"}
  end
end
