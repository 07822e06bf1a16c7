defmodule AshRusqlite.Oracle.Actions do
  @moduledoc false
  # Sequences of actions as code.
  #
  # What is left out, because ETS does what no store should:
  #
  #   * a create on a key that is there: ETS overwrites the row, here it is an error
  #   * an update or destroy of a record whose row is gone: ETS raises `KeyError` or says
  #     nothing, here it is stale
  #   * an update of a primary key: ETS deletes the row
  #   * what an action has done before it fails: ETS keeps it, here it is taken back. So a sequence
  #     ends at such an action (`hooked`), and here nothing of it may be left
  #   * a bulk upsert that fails at one of its rows: ETS keeps those before it, here they are
  #     taken back
  #   * a nil in the key of an upsert: ETS takes it for equal to another nil where the identity says
  #     that nils are distinct, and for distinct where it says that they are not
  #   * values of an identity in creates and updates but of one row: ETS looks for others only
  #     then, by `pre_check_with`; here the index does always

  alias AshRusqlite.Oracle.{Data, HookedActions, Resources, Schema}

  import AshRusqlite.Oracle.Steps
  import AshRusqlite.Oracle.Values

  @resources [:Author, :Author, :Author, :Post, :Post, :Comment, :Group, :Topic, :Card] ++
               [:Visible]

  def generate, do: Enum.map(1..between(2, 7), fn _ -> action(pick(@resources)) end)

  @doc "The code that reads all that is stored."
  def dumps do
    plain = Resources.resources() -- [:Note, :Memo]
    tenants = for resource <- [:Note, :Memo], tenant <- ["a", "b"], do: {resource, tenant}

    for(
      resource <- plain,
      do: quote(do: Ash.read(unquote(alias_of(resource)), authorize?: false))
    ) ++
      for {resource, tenant} <- tenants,
          do: quote(do: Ash.read(unquote(alias_of(resource)), tenant: unquote(tenant)))
  end

  defp tenant_action(resource) do
    tenant = pick(["a", "b"])

    small = {:<, [], [{:size, [], nil}, value(:int)]}
    query = quote(do: Ash.Query.filter(unquote(alias_of(resource)), unquote(small)))

    input = code_of([text: value(:string)] ++ if(chance?(50), do: [size: maybe(:int)], else: []))

    weighted([
      {1,
       fn ->
         input = code_of(Enum.to_list(new_key(resource)) ++ [text: maybe(:string)])

         quote(
           do: Ash.create(unquote(alias_of(resource)), unquote(input), tenant: unquote(tenant))
         )
       end},
      {1,
       fn ->
         quote do
           Ash.bulk_update(unquote(query), :update, unquote(input),
             strategy: unquote(strategies()),
             tenant: unquote(tenant),
             return_records?: true,
             return_errors?: true
           )
           |> unquote(sorted())
         end
       end},
      {1,
       fn ->
         quote do
           Ash.bulk_destroy(unquote(query), :destroy, %{},
             strategy: unquote(strategies()),
             tenant: unquote(tenant),
             return_errors?: true
           )
         end
       end}
    ])
  end

  defp action(resource) do
    weighted([
      {3, fn -> create(resource) end},
      {4, fn -> update(resource) end},
      {2, fn -> destroy(resource) end},
      {3, fn -> bulk_update(resource) end},
      {2, fn -> update_many(resource) end},
      {2, fn -> bulk_destroy(resource) end},
      {2, fn -> bulk_create(resource) end},
      {2, fn -> upsert() end},
      {2, fn -> bulk_upsert() end},
      {2, fn -> atomic() end},
      {3, fn -> {:hooked, HookedActions.risky()} end},
      {4, fn -> {:hooked, HookedActions.related()} end},
      {3, fn -> HookedActions.secret() end},
      {2, fn -> tenant_action(pick([:Note, :Memo])) end}
    ])
  end

  defp create(resource) do
    input = code_of(Enum.to_list(new_key(resource)) ++ input(resource))
    quote(do: Ash.create(unquote(alias_of(resource)), unquote(input)))
  end

  defp update(resource) do
    on_one(resource, fn record ->
      quote(do: Ash.update(unquote(record), unquote(code_of(input(resource)))))
    end)
  end

  defp destroy(resource),
    do: on_one(resource, fn record -> quote(do: Ash.destroy(unquote(record))) end)

  defp atomic do
    on_one(:Author, fn record ->
      case between(1, 3) do
        1 ->
          quote(do: Ash.update(unquote(record), %{}, action: :birthday))

        2 ->
          quote do
            Ash.update(unquote(record), %{suffix: unquote(value(:string))}, action: :rename)
          end

        3 ->
          level = code(value(:level))

          quote(do: Ash.update(unquote(record), %{level: unquote(level)}, action: :relabel))
      end
    end)
  end

  defp update_action(resource) do
    if resource == :Author and chance?(60),
      do: pick([:birthday, :rename, :relabel]),
      else: :update
  end

  defp update_input(_resource, :birthday), do: code_of([])
  defp update_input(_resource, :rename), do: code_of(suffix: value(:string))
  defp update_input(_resource, :relabel), do: code_of(level: value(:level))
  defp update_input(resource, :update), do: code_of(input(resource, [:code, :label]))

  # Some of the rows, each with an input of its own; one that is not there is among them
  # sometimes.
  defp update_many(resource) do
    action = update_action(resource)

    named =
      for index <- Enum.take(Enum.shuffle(0..6), between(1, 4)) do
        {:{}, [], [index, pick([:record, :record, :key]), update_input(resource, action)]}
      end

    quote do
      unquote(alias_of(resource))
      |> Ash.Query.sort(unquote(Schema.key(resource)))
      |> Ash.read!()
      |> AshRusqlite.Oracle.Actions.named(unquote(named), unquote(code_of(new_key(resource))))
      |> Ash.update_many(unquote(alias_of(resource)), unquote(action),
        strategy: unquote(pick([[:atomic_batches], [:atomic], [:atomic_batches, :stream]])),
        return_records?: unquote(chance?(60)),
        return_errors?: true
      )
      |> unquote(sorted())
    end
  end

  @doc "What `Ash.update_many` takes, of the rows at some places; `none` is the key of no row."
  def named(records, places, none) do
    for {index, how, input} <- places do
      case {Enum.at(records, index), how} do
        {nil, _} ->
          {none, input}

        {record, :record} ->
          {record, input}

        {%resource{} = record, :key} ->
          {Map.take(record, Ash.Resource.Info.primary_key(resource)), input}
      end
    end
    |> Enum.uniq_by(&elem(&1, 0))
  end

  defp bulk_update(resource) do
    action = update_action(resource)
    input = update_input(resource, action)

    quote do
      Ash.bulk_update(
        unquote(filtered(resource)),
        unquote(action),
        unquote(input),
        strategy: unquote(strategies()),
        return_records?: unquote(chance?(60)),
        return_errors?: true
      )
      |> unquote(sorted())
    end
  end

  # The records are those that were destroyed, with whatever is asked of them, in whichever way
  # they were found.
  defp bulk_destroy(resource) do
    quote do
      Ash.bulk_destroy(
        unquote(sometimes_sorted(filtered(resource), resource)),
        :destroy,
        %{},
        strategy: unquote(pick([[:atomic_batches], [:atomic], strategies()])),
        return_records?: unquote(chance?(60)),
        return_errors?: true,
        select: unquote(selected(resource)),
        load: unquote(if chance?(50), do: own_calculations(resource), else: [])
      )
      |> unquote(sorted())
    end
  end

  defp sometimes_sorted(query, resource) do
    if chance?(40) do
      sort = pick(Map.keys(Data.attributes(resource)) -- [:tags, :meta])
      quote(do: unquote(query) |> Ash.Query.sort(unquote([{sort, pick([:asc, :desc])}])))
    else
      query
    end
  end

  defp selected(resource) do
    if chance?(40),
      do: Schema.key(resource) ++ some(Map.keys(Data.attributes(resource)), 3),
      else: Map.keys(Data.attributes(resource))
  end

  # What is computed of the row itself, which is gone.
  defp own_calculations(:Author), do: some([:older, :full, :rank, :known?], 4)
  defp own_calculations(:Post), do: some([:twice, :shown], 2)
  defp own_calculations(_resource), do: []

  defp bulk_create(resource) do
    inputs =
      Enum.map(1..between(1, 3), fn _ ->
        code_of(Enum.to_list(new_key(resource)) ++ input(resource, [:code, :label]))
      end)

    quote do
      Ash.bulk_create(
        unquote(inputs),
        unquote(alias_of(resource)),
        :create,
        return_records?: unquote(chance?(60)),
        return_errors?: true,
        sorted?: true
      )
    end
  end

  defp person do
    code_of(
      id: new_uuid(),
      code: value(:code),
      name: maybe(:string),
      age: maybe(:int),
      level: maybe(:level)
    )
  end

  defp upsert do
    if chance?(30) do
      fields = some([:name, :age, :level, :score], 4)

      quote do
        Ash.create(unquote(alias_of(:Author)), unquote(person()),
          upsert?: true,
          upsert_identity: :by_code,
          upsert_fields: unquote(fields)
        )
      end
    else
      quote do
        Ash.create(unquote(alias_of(:Author)), unquote(person()),
          action: unquote(pick([:put, :put_older, :put_counted]))
        )
      end
    end
  end

  defp bulk_upsert do
    people = Enum.map(1..between(1, 4), fn _ -> person() end)

    quote do
      Ash.bulk_create(
        unquote(people),
        unquote(alias_of(:Author)),
        unquote(pick([:put, :put_older, :put_counted])),
        return_records?: unquote(chance?(60)),
        return_errors?: true,
        sorted?: true
      )
    end
  end
end
