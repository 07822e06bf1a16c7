if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Residual.Filter do
    @moduledoc false
    # Filters and expressions that are no SQL, over records. Ash's runtime decides what they mean.
    # Two things are done here: what the records need is loaded for all of them at once, and
    # `exists` looks at each related row once, where the runtime copies all of them for each.

    alias Ash.Filter.Runtime
    alias Ash.Query.{Exists, Parent, Ref}
    alias AshRusqlite.DataLayer.Query.ToMany
    alias AshRusqlite.DataLayer.Residual.Deadline

    @doc """
    The records that match a filter. Options: `parent:`, `tenant:`, `actor:` and those of
    `Ash.Filter.Runtime.filter_matches/4`.
    """
    @spec matches(Ash.Domain.t(), [Ash.Resource.record()], Ash.Filter.t(), keyword()) ::
            {:ok, [Ash.Resource.record()]} | {:error, term()}
    def matches(_domain, [], _filter, _opts), do: {:ok, []}

    def matches(domain, records, filter, opts) do
      one_by_one? = asks?(filter) and ToMany.paths(filter, filter.resource) == []

      with {:ok, loaded} <- load(records, filter, domain, opts) do
        loaded
        |> Enum.chunk_every(if(one_by_one? or Deadline.any?(), do: 1, else: length(loaded)))
        |> each(fn chunk ->
          filter = if one_by_one?, do: answer(filter, hd(chunk), parents(opts)), else: filter
          Runtime.filter_matches(domain, chunk, filter, opts)
        end)
      end
    catch
      {__MODULE__, error} -> {:error, error}
    end

    @doc "What an expression is for each of some records; `:unknown` where Ash cannot say."
    @spec values(Ash.Domain.t(), [Ash.Resource.record()], term(), keyword()) ::
            {:ok, [{:ok, term()} | :unknown]} | {:error, term()}
    def values(_domain, [], _expression, _opts), do: {:ok, []}

    def values(domain, [%resource{} | _] = records, expression, opts) do
      asks? = asks?(expression)

      with {:ok, loaded} <- load(records, expression, domain, opts) do
        each(loaded, fn record ->
          expression = if asks?, do: answer(expression, record, []), else: expression
          opts = [record: record, resource: resource, domain: domain] ++ opts

          case Ash.Expr.eval_hydrated(expression, opts) do
            {:error, error} -> {:error, error}
            value -> {:ok, [value]}
          end
        end)
      end
    catch
      {__MODULE__, error} -> {:error, error}
    end

    # The lists that a function gives of each, one after the other, until the time is over.
    defp each(items, fun) do
      items
      |> Enum.reduce_while({:ok, []}, fn item, {:ok, lists} ->
        with :ok <- Deadline.check(),
             {:ok, list} <- fun.(item) do
          {:cont, {:ok, [list | lists]}}
        else
          {:error, error} -> {:halt, {:error, error}}
        end
      end)
      |> case do
        {:ok, lists} -> {:ok, lists |> Enum.reverse() |> Enum.concat()}
        error -> error
      end
    end

    defp parents(opts), do: List.wrap(opts[:parent])

    # As the runtime loads them, which then finds them there.
    defp load([%resource{} | _] = records, expression, domain, opts) do
      expression
      |> Ash.Filter.list_refs(false, false, true)
      |> Enum.map(&(&1.relationship_path ++ [&1.attribute]))
      |> Enum.reject(&Ash.Resource.loaded?(records, &1))
      |> case do
        [] ->
          {:ok, records}

        paths ->
          load =
            paths
            |> Enum.reduce(Ash.Query.new(resource), &Ash.Query.load(&2, nested(&1)))
            |> Ash.Query.set_context(%{private: %{internal?: true}})

          Ash.load(records, load,
            domain: domain,
            authorize?: false,
            tenant: opts[:tenant],
            actor: opts[:actor]
          )
      end
    end

    defp nested([%struct{name: name}])
         when struct in [Ash.Resource.Attribute, Ash.Resource.Aggregate, Ash.Resource.Calculation],
         do: [name]

    defp nested([field]), do: [field]
    defp nested([name | path]), do: [{name, nested(path)}]

    defp asks?(expression), do: Ash.Filter.find(expression, &ours?/1) != nil

    defp ours?(%Exists{related?: true, at_path: []}), do: true
    defp ours?(_node), do: false

    # What cannot be said of a related row is Ash's own to answer.
    defp answer(expression, record, parents) do
      answered(expression, record, parents)
    catch
      {__MODULE__, :unknown} -> expression
    end

    # An expression in which it is said whether the related rows of this record exist.
    defp answered(%Ash.Filter{expression: expression} = filter, record, parents),
      do: %{filter | expression: answered(expression, record, parents)}

    defp answered(expression, record, parents) do
      Ash.Filter.map(expression, fn
        %Exists{related?: true, at_path: []} = exists -> {:halt, exists?(exists, record, parents)}
        %Exists{} = exists -> {:halt, exists}
        %Parent{} = parent -> {:halt, parent}
        # Nothing is in them, and to take a struct apart takes its time.
        %module{} = value when module in [Ref, Decimal, DateTime, Date] -> {:halt, value}
        other -> other
      end)
    end

    defp exists?(%{path: path, expr: expression}, record, parents) do
      asks? = asks?(expression)
      parents = [record | parents]

      path
      |> Enum.reduce([record], &related/2)
      |> Enum.any?(fn row ->
        expression = if asks?, do: answered(expression, row, parents), else: expression

        case Runtime.do_match(row, expression, parents) do
          {:ok, nil} -> known(row, expression, parents)
          {:ok, value} -> value != false
          {:error, error} -> throw({__MODULE__, error})
        end
      end)
    end

    # It is nil, too, where the runtime cannot say.
    defp known(row, expression, parents) do
      case Runtime.do_match(row, expression, parents, nil, true) do
        :unknown -> throw({__MODULE__, :unknown})
        _nil -> false
      end
    end

    defp related(name, records) do
      Enum.flat_map(records, fn record ->
        case Map.get(record, name) do
          %unknown{} when unknown in [Ash.NotLoaded, Ash.ForbiddenField] -> []
          related -> List.wrap(related)
        end
      end)
    end
  end
end
