defmodule AshRusqlite.Oracle.Steps do
  @moduledoc false
  # What the code of actions is put together from.

  alias AshRusqlite.Oracle.{Data, Expressions, Schema}

  import AshRusqlite.Oracle.Values

  def alias_of(resource), do: {:__aliases__, [alias: false], [resource]}

  # A key that no row of `Data` has.
  def new_key(:Author), do: %{id: new_uuid()}
  def new_key(:Topic), do: %{id: new_uuid()}
  def new_key(:Card), do: %{id: new_uuid()}
  def new_key(:Comment), do: %{post_id: between(1, 9), number: new_number()}
  def new_key(_), do: %{id: new_number()}

  def new_number, do: between(1_000, 1_000_000)

  def new_uuid do
    <<a::48, b::12, c::62>> = for _ <- 1..122, into: <<>>, do: <<between(0, 1)::1>>
    <<raw::binary-16>> = <<a::48, 4::4, b::12, 2::2, c::62>>
    Ecto.UUID.load!(raw)
  end

  def input(resource, except \\ []) do
    resource
    |> Data.attributes()
    |> Map.drop(Schema.key(resource) ++ except)
    |> Enum.to_list()
    |> some(6)
  end

  def code_of(pairs),
    do: {:%{}, [], Enum.map(pairs, fn {name, value} -> {name, code(value)} end)}

  # An unknown action's result says that there was no row.
  defp one(resource, index) do
    quote do
      Ash.Query.sort(unquote(alias_of(resource)), unquote(Schema.key(resource)))
      |> Ash.Query.offset(unquote(index))
      |> Ash.Query.limit(1)
      |> Ash.read!(authorize?: false)
    end
  end

  def on_one(resource, fun) do
    record = {:record, [], nil}

    quote do
      case unquote(one(resource, between(0, 6))) do
        [unquote(record)] -> unquote(fun.(record))
        [] -> :no_row
      end
    end
  end

  # The rows of a write have no order.
  def sorted, do: quote(do: AshRusqlite.Oracle.Steps.sorted())

  @doc "A bulk result with its records in the order of their keys."
  def sorted(%Ash.BulkResult{records: [%resource{} | _] = records} = result) do
    key = Ash.Resource.Info.primary_key(resource)
    %{result | records: Enum.sort_by(records, &Map.take(&1, key))}
  end

  def sorted(result), do: result

  def filtered(resource) do
    filter = Expressions.condition(Expressions.env(resource), between(0, 2))
    query = quote(do: Ash.Query.filter(unquote(alias_of(resource)), unquote(filter)))

    if chance?(20) do
      quote do
        unquote(query) |> Ash.Query.sort(unquote(Schema.key(resource))) |> Ash.Query.limit(2)
      end
    else
      query
    end
  end

  def strategies,
    do: pick([[:atomic, :atomic_batches, :stream], [:stream], [:atomic, :stream]])
end
