defmodule AshRusqlite.Repo.WriteContext do
  @moduledoc false
  # The actor, the action and the metadata of a change, which the journal keeps with its events, and
  # the positions at which a write expects its sources. Each write carries them: its own options, and
  # else those of `with_actor/4` for the process. A write without either is sent as it is.

  alias AshRusqlite.{Actor, Error}
  alias AshRusqlite.Repo.{Events, Options, Registry, Request}

  @typedoc "The options of a write for the journal that are given."
  @type given :: %{
          optional(:actor) => String.t() | nil,
          optional(:action) => String.t() | nil,
          optional(:metadata) => map() | nil,
          optional(:expect) => [{String.t(), non_neg_integer()}]
        }

  @options [:actor, :action, :metadata, :expect]

  @doc "The options of a write for the journal."
  @spec options() :: [atom()]
  def options, do: @options

  @doc """
  Takes them out of the options of a write. The context is nil where there are none; `actor: nil`
  is nobody, also within `with_actor/4`.
  """
  @spec pop(keyword()) :: {:ok, given() | nil, keyword()} | {:error, Error.t()}
  def pop([]), do: {:ok, nil, []}

  def pop(opts) do
    case Keyword.split(opts, @options) do
      {[], opts} -> {:ok, nil, opts}
      {given, opts} -> with {:ok, given} <- check(given), do: {:ok, given, opts}
    end
  end

  # The options by name.
  defp check(given) do
    Enum.reduce_while(given, {:ok, %{}}, fn {option, value}, {:ok, checked} ->
      case value(option, value) do
        {:ok, value} -> {:cont, {:ok, Map.put(checked, option, value)}}
        {:error, error} -> {:halt, {:error, error}}
      end
    end)
  end

  defp value(:actor, actor) do
    {:ok, Actor.name(actor)}
  rescue
    error in ArgumentError ->
      {:error, Error.new(:invalid_option, Exception.message(error), %{option: "actor"})}
  end

  defp value(:action, nil), do: {:ok, nil}
  defp value(:action, action) when is_atom(action), do: {:ok, Atom.to_string(action)}
  defp value(:action, action) when is_binary(action), do: {:ok, action}
  defp value(:action, other), do: Options.wrong(:action, other, "an atom or a string")

  defp value(:metadata, nil), do: {:ok, nil}

  defp value(:metadata, %{} = map) when not is_struct(map) do
    {:ok, json(map)}
  catch
    {:no_json, part} -> Options.wrong(:metadata, part, "a map of what JSON can hold")
  end

  defp value(:metadata, other) do
    if is_list(other) and other != [] and Keyword.keyword?(other),
      do: value(:metadata, Map.new(other)),
      else: Options.wrong(:metadata, other, "a map")
  end

  defp value(:expect, pairs), do: expected(pairs)

  @doc "Positions of sources as a write expects them: a list or map of sources and positions."
  @spec expected(term()) :: {:ok, [{String.t(), non_neg_integer()}]} | {:error, Error.t()}
  def expected(nil), do: {:ok, []}
  def expected(pairs) when is_map(pairs), do: pairs |> Map.to_list() |> expected()

  def expected(pairs) do
    if is_list(pairs) and not List.improper?(pairs) and Enum.all?(pairs, &position?/1) do
      {:ok, for({source, position} <- pairs, do: {Actor.name(source), position})}
    else
      Options.wrong(:expect, pairs, "a list such as [{\"room:1\", 5}]: sources and positions")
    end
  rescue
    ArgumentError ->
      Options.wrong(:expect, pairs, "a list such as [{\"room:1\", 5}]: sources and positions")
  end

  # Names and times become texts. The engine writes the JSON.
  defp json(value) when is_boolean(value) or is_nil(value) or is_number(value), do: value
  defp json(value) when is_atom(value), do: Atom.to_string(value)

  defp json(value) when is_binary(value),
    do: if(String.valid?(value), do: value, else: throw({:no_json, value}))

  defp json(%module{} = value) when module in [Date, DateTime, Decimal, NaiveDateTime, Time],
    do: module.to_string(value)

  defp json(%{} = map) when not is_struct(map),
    do: Map.new(map, fn {key, value} -> {key(key), json(value)} end)

  defp json(list) when is_list(list) do
    cond do
      List.improper?(list) -> throw({:no_json, list})
      list != [] and Keyword.keyword?(list) -> list |> Map.new() |> json()
      true -> Enum.map(list, &json/1)
    end
  end

  defp json(other), do: throw({:no_json, other})

  defp key(key) when is_binary(key), do: json(key)
  defp key(key) when is_atom(key) or is_integer(key), do: to_string(key)
  defp key(other), do: throw({:no_json, other})

  @doc "The metadata of an action for the journal, as `metadata:` takes it."
  @spec metadata(term()) :: {:ok, map() | nil} | {:error, Error.t()}
  def metadata(given), do: value(:metadata, given)

  defp position?({source, position}),
    do: not is_nil(source) and is_integer(position) and position >= 0

  defp position?(_other), do: false

  @doc """
  Calls a function whose writes into a repo are made by an actor. What is not given is as it was
  around it. See `c:AshRusqlite.Repo.with_actor/3`.
  """
  @spec with_actor(AshRusqlite.Repo.repo(), Actor.t(), keyword(), (() -> result)) :: result
        when result: term()
  def with_actor(repo, actor, opts, fun) when is_function(fun, 0) do
    with {:ok, entry} <- Registry.lookup(repo),
         :ok <- Options.known(opts, [:action, :metadata], []),
         {:ok, given} <- check([{:actor, actor} | opts]) do
      within({__MODULE__, entry.repo}, given, fun)
    else
      {:error, error} -> raise error
    end
  end

  defp within(key, given, fun) do
    before = Process.get(key)
    Process.put(key, join(before || {nil, nil, nil, []}, given))

    try do
      fun.()
    after
      if before, do: Process.put(key, before), else: Process.delete(key)
    end
  end

  @doc "A write as it is sent: with its context, where there is one."
  @spec put(Request.write(), Registry.t(), given() | nil) :: Request.write()
  def put(write, %Registry{repo: repo}, given) do
    case {Process.get({__MODULE__, repo}), given} do
      {nil, nil} -> write
      {around, nil} -> Request.in_context(around, write)
      {nil, given} -> Request.in_context(join({nil, nil, nil, []}, given), write)
      {around, given} -> Request.in_context(join(around, given), write)
    end
  end

  @doc "A conflict with the events that the write did not know of, as far as they are one page."
  @spec with_missed(result, AshRusqlite.Repo.repo()) :: result when result: term()
  def with_missed({:error, %Error{code: :position_conflict} = error}, repo) do
    %{source: source, expected: expected} = error.details
    missed = Events.events(repo, source: source, after: expected)
    {:error, %{error | details: Map.put(error.details, :missed, missed)}}
  rescue
    # The write expected what is still to come, or was removed.
    Error -> {:error, %{error | details: Map.put(error.details, :missed, [])}}
  end

  def with_missed(result, _repo), do: result

  defp join({actor, action, metadata, _expect}, given) do
    {
      Map.get(given, :actor, actor),
      Map.get(given, :action, action),
      merged(metadata, given[:metadata]),
      Map.get(given, :expect, [])
    }
  end

  defp merged(nil, given), do: given
  defp merged(around, nil), do: around
  defp merged(around, given), do: Map.merge(around, given)
end
