defmodule AshRusqlite.Oracle.Schema do
  @moduledoc false
  # What a generator can say about the resources, read from them.

  alias Ash.Resource.Info
  alias AshRusqlite.Oracle

  @kinds %{
    Ash.Type.String => :string,
    Ash.Type.CiString => :ci,
    Ash.Type.Integer => :int,
    Ash.Type.Float => :float,
    Ash.Type.Decimal => :decimal,
    Ash.Type.Boolean => :bool,
    Ash.Type.Atom => :atom,
    Ash.Type.UUID => :uuid,
    Ash.Type.Date => :date,
    Ash.Type.UtcDatetime => :seconds,
    Ash.Type.UtcDatetimeUsec => :micros,
    Ash.Type.Time => :time,
    Ash.Type.Map => :map,
    Ash.Type.Binary => :binary,
    Ash.Type.Term => :term,
    Ash.Type.Duration => :span,
    Oracle.Level => :level,
    Oracle.Code => :code,
    Oracle.Points => :points,
    Oracle.Profile => :profile,
    Oracle.Thing => :thing,
    {:array, Ash.Type.String} => :strings,
    {:array, Ash.Type.Integer} => :ints,
    {:array, Oracle.Profile} => :profiles
  }

  # These have an order that means something to a user.
  @ordered [:string, :code, :ci, :int, :points, :float, :decimal, :bool, :atom, :level] ++
             [:date, :seconds, :micros, :time, :uuid]

  def ordered, do: @ordered

  @doc "The names of a resource's fields of one kind: attributes, calculations, aggregates."
  def fields(resource, kind) do
    for {name, ^kind} <- all_fields(resource), do: name
  end

  @doc "The attributes whose order is Elixir's alone."
  def unordered(resource),
    do: for({name, kind} <- attributes(resource), kind in [:bool, :atom, :level], do: name)

  @doc "All fields with their kinds."
  def all_fields(resource) do
    cached({:fields, resource}, fn ->
      attributes(resource) ++ calculations(resource) ++ aggregates(resource)
    end)
  end

  def attributes(resource) do
    for attribute <- Info.attributes(module(resource)),
        do: {attribute.name, Map.get(@kinds, attribute.type, :other)}
  end

  def calculations(resource) do
    for calculation <- Info.calculations(module(resource)),
        calculation.name != :elixir,
        do: {calculation.name, Map.get(@kinds, calculation.type, :other)}
  end

  def aggregates(resource) do
    resource = module(resource)

    for aggregate <- Info.aggregates(resource) do
      {:ok, type} = Info.aggregate_type(resource, aggregate)
      {aggregate.name, Map.get(@kinds, type, :other)}
    end
  end

  @doc "The relationships with the short names of their destinations."
  def relationships(resource) do
    cached({:relationships, resource}, fn ->
      for relationship <- Info.relationships(module(resource)),
          destination = short(relationship.destination),
          destination in Oracle.Resources.resources(),
          relationship.name not in [:topics_join_assoc],
          do: {relationship.name, relationship.cardinality, destination}
    end)
  end

  @doc "The relationships that a filter of related rows may be about."
  def plain_relationships(resource),
    do: Enum.reject(relationships(resource), &(elem(&1, 0) == :namesakes))

  def short(module), do: module |> Module.split() |> List.last() |> String.to_atom()
  def module(short), do: Module.concat(Oracle.Ours, short)
  def key(resource), do: Info.primary_key(module(resource))

  defp cached(key, fun) do
    key = {__MODULE__, key}

    case Process.get(key) do
      nil -> tap(fun.(), &Process.put(key, &1))
      value -> value
    end
  end
end
