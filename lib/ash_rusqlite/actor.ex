defprotocol AshRusqlite.Actor do
  @moduledoc """
  The name in the journal of someone who makes a change, such as `"user:42"`.

  A string is the name itself, and nil is nobody. Other terms get these names:

    * `{:user, 42}` - `"user:42"`
    * an atom - its name
    * a number - its digits
    * a record of an Ash resource - the resource's short name and the primary key
    * another struct - the last word of its module and its `id`
    * a map - its `id`

  For example:

      iex> AshRusqlite.Actor.name({:user, 42})
      "user:42"
      iex> AshRusqlite.Actor.name(:importer)
      "importer"
      iex> AshRusqlite.Actor.name(%{id: 7, admin: true})
      "7"

  To give a struct another name, implement this protocol:

      defimpl AshRusqlite.Actor, for: MyApp.ApiKey do
        def name(key), do: "api_key:\#{key.prefix}"
      end
  """

  @fallback_to_any true

  @doc """
  The name of an actor, or nil for nobody.

  Raises `ArgumentError` for what has no name: a map or struct without an `id`, and terms such as
  lists and functions.
  """
  @spec name(t()) :: String.t() | nil
  def name(actor)
end

defimpl AshRusqlite.Actor, for: BitString do
  @moduledoc false
  @doc false
  def name(text) do
    if is_binary(text) and text != "" and String.valid?(text) and
         not String.contains?(text, "\0"),
       do: text,
       else: raise(ArgumentError, "an actor's name is a text, not #{inspect(text)}")
  end
end

defimpl AshRusqlite.Actor, for: Atom do
  @moduledoc false
  @doc false
  def name(nil), do: nil
  def name(atom), do: Atom.to_string(atom)
end

defimpl AshRusqlite.Actor, for: Integer do
  @moduledoc false
  @doc false
  def name(integer), do: Integer.to_string(integer)
end

defimpl AshRusqlite.Actor, for: Tuple do
  @moduledoc false
  @doc false
  def name({kind, id})
      when (is_atom(kind) or is_binary(kind)) and not is_nil(kind) and not is_nil(id),
      do: "#{kind}:#{AshRusqlite.Actor.name(id)}"

  def name(other), do: AshRusqlite.Actor.Any.nameless(other)
end

defimpl AshRusqlite.Actor, for: Any do
  @moduledoc false
  # Whether a module is a resource is asked where Ash is there.
  if Code.ensure_loaded?(Ash) do
    @doc false
    def name(%module{} = struct) do
      key =
        if Ash.Resource.Info.resource?(module),
          do: Ash.Resource.Info.primary_key(module),
          else: []

      values = Enum.map(key, &Map.get(struct, &1))

      cond do
        key == [] ->
          of_struct(struct)

        Enum.any?(values, &is_nil/1) ->
          nameless(struct)

        true ->
          "#{Ash.Resource.Info.short_name(module)}:#{Enum.map_join(values, ",", &to_string/1)}"
      end
    end
  else
    @doc false
    def name(%_{} = struct), do: of_struct(struct)
  end

  def name(other), do: nameless(other)

  defp of_struct(%module{id: id}) when not is_nil(id) do
    kind = module |> Module.split() |> List.last() |> Macro.underscore()
    "#{kind}:#{AshRusqlite.Actor.name(id)}"
  end

  defp of_struct(other), do: nameless(other)

  @doc false
  def nameless(term) do
    raise ArgumentError,
          "an actor is a string, an atom, {kind, id}, or a struct or map with an id, not " <>
            "#{inspect(term, limit: 5, printable_limit: 60)}: implement AshRusqlite.Actor for it"
  end
end

defimpl AshRusqlite.Actor, for: Map do
  @moduledoc false
  @doc false
  def name(%{id: id}) when not is_nil(id), do: AshRusqlite.Actor.name(id)
  def name(%{"id" => id}) when not is_nil(id), do: AshRusqlite.Actor.name(id)
  def name(other), do: AshRusqlite.Actor.Any.nameless(other)
end
