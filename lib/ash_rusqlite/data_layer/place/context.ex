if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Place.Context do
    @moduledoc false
    # What the context of a query or a changeset asks of the data layer: `context: %{data_layer:
    # %{repo: …, table: …, timeout: …}}`. What it asks for is obeyed or refused, never ignored.

    alias AshRusqlite.Error
    alias AshRusqlite.Repo.{Options, Registry}

    # Those that Ash itself puts there, in all the releases that we know.
    @of_ash [
      :combination_of_queries?,
      :combination_query?,
      :combination_fieldset,
      :data,
      :keyset_opts,
      :lateral_join_source,
      :previous_combination,
      :use_atomic_destroy_data?,
      :use_atomic_update_data?
    ]

    @known [:repo, :table, :timeout, :unreadable, :as_of, :expect]
    @nowhere %{repo: nil, table: nil}

    @doc """
    The repo, the table and the timeout that a context names, each nil where it names none.

    An unknown key is the error `:invalid_option`, with the nearest known one.
    `config :ash_rusqlite, context_keys: [:my_key]` names those of an application's own extensions.
    """
    @spec fetch(map() | nil) :: {:ok, map()} | {:error, Error.t()}
    def fetch(context) do
      case context[:data_layer] do
        none when none in [nil, %{}] -> {:ok, %{repo: nil, table: nil, timeout: nil}}
        asked when is_map(asked) -> check(asked)
        other -> Options.wrong(:data_layer, other, "a map in a context")
      end
    end

    defp check(asked) do
      given = for {key, value} <- asked, key not in @of_ash, not is_nil(value), do: {key, value}

      with :ok <- known(given),
           {:ok, table} <- table(asked[:table]),
           do: {:ok, %{repo: asked[:repo], table: table, timeout: asked[:timeout]}}
    end

    defp known(given) do
      case Enum.find(given, fn {key, _} -> not is_atom(key) end) do
        nil ->
          own = Application.get_env(:ash_rusqlite, :context_keys, [])

          given
          |> Keyword.drop(own)
          |> Options.known(@known, [])
          |> in_context()

        {key, _} ->
          Options.wrong(:data_layer, key, "a context with atoms for keys")
      end
    end

    defp in_context(:ok), do: :ok

    defp in_context({:error, error}),
      do: {:error, %{error | message: "context: %{data_layer: …}: " <> error.message}}

    defp table(nil), do: {:ok, nil}
    defp table(name) when is_binary(name) and name != "", do: {:ok, name}
    defp table(name) when is_atom(name) and not is_boolean(name), do: {:ok, to_string(name)}
    defp table(other), do: Options.wrong(:table, other, "the name of a table")

    @doc "The repo that is named by what Ash says of a transaction's reason, or nil."
    @spec repo_of_reason(map() | nil) :: AshRusqlite.Repo.repo() | nil
    def repo_of_reason(%{data_layer_context: context}) when is_map(context) do
      # Of a batch it is the whole context, elsewhere the part of the data layer.
      Map.get(context, :repo) || Map.get(Map.get(context, :data_layer) || %{}, :repo)
    end

    def repo_of_reason(_reason), do: nil

    # Where the rows of the bulk action that is going on were read, by resource.
    @read_at {__MODULE__, :read_at}

    @doc """
    Notes where rows were read that a bulk action is about to write. In its batches Ash names them
    by their keys alone, with the context of the action and without that of its query.
    """
    @spec note_bulk_read(term(), Ash.Resource.t(), map() | nil) :: term()
    def note_bulk_read(result, resource, context) do
      if context[:query_for] in [:bulk_update, :bulk_destroy] and match?({:ok, [_ | _]}, result) do
        place = place(context)

        if place == @nowhere,
          do: Process.delete(@read_at),
          else: Process.put(@read_at, {resource, place})
      end

      result
    end

    # The note stays for the batches that follow, until the next read of a bulk action, or the next
    # write of a record: rows are read for several batches at once, and not every batch that is
    # refused ends the action.
    defp batch_of_elsewhere?(query, resource) do
      with {^resource, place} <- Process.get(@read_at),
           true <- query[:private][:internal?] == true and query[:query_for] != nil,
           @nowhere <- place(query) do
        place
      else
        _ ->
          Process.delete(@read_at)
          false
      end
    end

    @doc """
    Whether several changesets, which become one statement, name the same repo and table. Else an
    error: their rows would all go where the first one says.
    """
    @spec same([Ash.Changeset.t()]) :: :ok | {:error, Error.t()}
    def same([]), do: :ok

    def same([first | rest]) do
      wanted = place(first.context)

      case Enum.find(rest, &(place(&1.context) != wanted)) do
        nil ->
          :ok

        other ->
          {:error, mixed(wanted, place(other.context), "the changesets of one bulk action")}
      end
    end

    @doc """
    The context by which the rows of a query are written: that of the query. A changeset that names
    another repo or table is an error.
    """
    @spec of_query(Ash.Resource.t(), map(), map()) :: {:ok, map()} | {:error, Error.t()}
    def of_query(resource, query, changeset) do
      {wanted, given} = {place(query), place(changeset)}
      read_at = batch_of_elsewhere?(query, resource)

      cond do
        read_at ->
          {:error, mixed(read_at, wanted, "the query and the changesets of one action")}

        Enum.all?(given, fn {key, value} -> is_nil(value) or value == wanted[key] end) ->
          {:ok, query}

        true ->
          {:error, mixed(wanted, given, "the query and the changeset of one action")}
      end
    end

    @doc """
    The error for a changeset whose record was read elsewhere than it would be written, or `:ok`.
    A record that no context was given for may be written anywhere.
    """
    @spec check_record(Ash.Changeset.t(), map()) :: :ok | {:error, Error.t()}
    def check_record(%{data: %{__meta__: %{context: {__MODULE__, read}}}}, context) do
      Process.delete(@read_at)
      wanted = place(context)

      if read == wanted or (read.table == wanted.table and same_repo?(read.repo, wanted.repo)),
        do: :ok,
        else: {:error, mixed(read, wanted, "the record, as it was read, and of what writes it")}
    end

    def check_record(_changeset, _context) do
      Process.delete(@read_at)
      :ok
    end

    @doc "Whether two names, or a name and a pid, are of one running repo."
    @spec same_repo?(AshRusqlite.Repo.repo() | nil, AshRusqlite.Repo.repo() | nil) :: boolean()
    def same_repo?(left, right) do
      with {:ok, %{pid: pid}} <- Registry.lookup(left),
           {:ok, %{pid: ^pid}} <- Registry.lookup(right) do
        true
      else
        _ -> false
      end
    end

    @doc "Notes in the records of a callback's result where its context found them."
    @spec note(result, map() | nil) :: result when result: term()
    def note(result, context) do
      case context[:data_layer] do
        %{repo: repo} when not is_nil(repo) -> noted(result, {__MODULE__, place(context)})
        %{table: table} when not is_nil(table) -> noted(result, {__MODULE__, place(context)})
        _ -> result
      end
    end

    defp noted({:ok, records}, place) when is_list(records),
      do: {:ok, Enum.map(records, &put_place(&1, place))}

    defp noted({:ok, record}, place), do: {:ok, put_place(record, place)}
    defp noted(result, _place), do: result

    defp put_place(%{__meta__: %Ecto.Schema.Metadata{} = meta} = record, place),
      do: %{record | __meta__: %{meta | context: place}}

    defp put_place(other, _place), do: other

    defp place(context) do
      asked = context[:data_layer] || %{}
      table = asked[:table]

      %{
        repo: asked[:repo],
        table: if(is_atom(table) and table, do: to_string(table), else: table)
      }
    end

    defp mixed(wanted, given, who) do
      message =
        "the contexts of #{who} name different places, #{shown(wanted)} and #{shown(given)}: give " <>
          "all of them the same `context: %{data_layer: …}` (a bulk action takes `context:`, its " <>
          "query `Ash.Query.set_context/2`)"

      Error.new(:invalid_option, message, %{expected: inspect(wanted), value: inspect(given)})
    end

    defp shown(%{repo: nil, table: nil}), do: "the resource's own"
    defp shown(%{repo: nil, table: table}), do: "the table #{inspect(table)}"
    defp shown(%{repo: repo, table: nil}), do: "the repo #{inspect(repo)}"
    defp shown(%{repo: repo, table: table}), do: "the table #{inspect(table)} of #{inspect(repo)}"
  end
end
