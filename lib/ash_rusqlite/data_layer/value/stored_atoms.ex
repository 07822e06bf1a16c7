if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Value.StoredAtoms do
    @moduledoc false
    # Types that keep an atom as text look for an atom that is there when they are loaded, and one
    # that was made at run time is not there in the next VM. So the atoms of a stored value are
    # made first, within the limit of `AshRusqlite.Repo.StoredAtoms`, wherever its type says that
    # there is one.

    alias Ash.Type.NewType
    alias AshRusqlite.Error
    alias AshRusqlite.Repo.StoredAtoms

    @fields [Ash.Type.Map, Ash.Type.Struct, Ash.Type.Keyword, Ash.Type.Tuple]

    @doc "Whether values of a type may hold atoms as text, or terms as bytes."
    @spec any?(Ash.Type.t(), keyword() | nil) :: boolean()
    def any?(type, constraints), do: any?(type, constraints || [], [])

    defp any?({:array, type}, constraints, seen), do: any?(type, constraints[:items] || [], seen)
    defp any?(Ash.Type.Atom, constraints, _seen), do: not unbounded?(constraints)

    defp any?(type, _constraints, _seen)
         when type in [Ash.Type.Module, Ash.Type.Function, Ash.Type.Term],
         do: true

    # A type may be a part of itself.
    defp any?(type, constraints, seen) do
      itself = {type, constraints[:instance_of]}
      seen? = itself in seen
      seen = if Ash.Type.builtin?(type) and itself == {type, nil}, do: seen, else: [itself | seen]

      not seen? and
        Enum.any?(parts(type, constraints), fn {_name, type, constraints} ->
          any?(type, constraints, seen)
        end)
    end

    # The author has said that Ash makes any atom.
    defp unbounded?(constraints), do: constraints[:unsafe_to_atom?] == true

    @doc "Makes the atoms of a stored value."
    @spec make(term(), Ash.Type.t(), keyword() | nil) :: :ok | {:error, Error.t()}
    def make(nil, _type, _constraints), do: :ok

    def make(values, {:array, type}, constraints) when is_list(values),
      do: each(values, &make(&1, type, constraints[:items] || []))

    def make(text, Ash.Type.Atom, constraints) when is_binary(text),
      do: if(unbounded?(constraints || []), do: :ok, else: atom(text))

    def make(text, Ash.Type.Module, _constraints) when is_binary(text), do: atom(text)

    def make("&" <> capture, Ash.Type.Function, _constraints) do
      with [function, _arity] <- String.split(capture, "/", parts: 2),
           [_, _ | _] = parts <- String.split(function, ".") do
        {module, [name]} = Enum.split(parts, -1)
        each([Enum.join(module, "."), name], &atom/1)
      else
        _no_capture -> :ok
      end
    end

    def make(bytes, Ash.Type.Term, _constraints) when is_binary(bytes) do
      with {:ok, _term} <- StoredAtoms.term(bytes), do: :ok
    end

    def make(value, Ash.Type.Union, constraints) when is_map(value) do
      case member(value, constraints || []) do
        {value, config} -> make(value, config[:type], config[:constraints])
        nil -> :ok
      end
    end

    def make(value, type, constraints) when is_map(value) do
      each(parts(type, constraints || []), fn
        {nil, type, constraints} -> make(value, type, constraints)
        {name, type, constraints} -> value |> field(name) |> make(type, constraints)
      end)
    end

    def make(value, type, constraints) do
      if is_atom(type) and NewType.new_type?(type),
        do: make(value, NewType.subtype_of(type), NewType.constraints(type, constraints || [])),
        else: :ok
    end

    defp atom(text) do
      with {:ok, _atom} <- StoredAtoms.atom(text), do: :ok
    end

    defp each(items, fun) do
      Enum.reduce_while(items, :ok, fn item, :ok ->
        case fun.(item) do
          :ok -> {:cont, :ok}
          error -> {:halt, error}
        end
      end)
    end

    # What values of a type are made of: the name of the field that holds each part, nil where the
    # whole value does.
    defp parts({:array, _type}, _constraints), do: []

    defp parts(Ash.Type.Union, constraints),
      do: for({_name, config} <- constraints[:types] || [], do: part(nil, config))

    defp parts(type, constraints) when type in @fields do
      case constraints[:fields] do
        nil -> attributes(constraints[:instance_of])
        fields -> for {name, config} <- fields, do: part(name, config)
      end
    end

    defp parts(type, constraints) do
      cond do
        Ash.Type.builtin?(type) ->
          []

        NewType.new_type?(type) ->
          [{nil, NewType.subtype_of(type), NewType.constraints(type, constraints)}]

        embedded?(type) ->
          attributes(type)

        true ->
          []
      end
    end

    defp part(name, config),
      do: {name, Ash.Type.get_type(config[:type]), config[:constraints] || []}

    defp attributes(nil), do: []

    defp attributes(resource) do
      if Ash.Resource.Info.resource?(resource) do
        for attribute <- Ash.Resource.Info.attributes(resource),
            do: {attribute.source || attribute.name, attribute.type, attribute.constraints || []}
      else
        []
      end
    end

    defp embedded?({:array, type}), do: embedded?(type)
    defp embedded?(type), do: Ash.Type.embedded_type?(type)

    defp field(value, name) do
      with :error <- Map.fetch(value, name),
           :error <- Map.fetch(value, to_string(name)) do
        nil
      else
        {:ok, field} -> field
      end
    end

    # A union keeps the name of its member beside the value, or a tag in it.
    defp member(value, constraints) do
      types = constraints[:types] || []

      if constraints[:storage] == :map_with_tag do
        case Enum.find(types, fn {_name, config} -> tagged?(value, config) end) do
          {_name, config} -> {value, config}
          nil -> nil
        end
      else
        with %{"type" => name, "value" => value} <- value,
             {_name, config} <- Enum.find(types, &(to_string(elem(&1, 0)) == to_string(name))) do
          {value, config}
        else
          _ -> nil
        end
      end
    end

    defp tagged?(value, config) do
      tag = config[:tag] && field(value, config[:tag])
      not is_nil(tag) and to_string(tag) == to_string(config[:tag_value])
    end
  end
end
