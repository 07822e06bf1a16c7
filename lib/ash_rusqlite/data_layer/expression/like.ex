if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Like do
    @moduledoc """
    `like(text, pattern)` in Ash's expressions: `%` is any text, `_` one character.

        Ash.Query.filter(Room, like(title, "Kit%"))

    There are two meanings of LIKE: the one that AshSqlite gives it, and the one of plain SQLite. A
    resource chooses with `sqlite do like :sqlite end`, otherwise its repo does with
    `config :my_app, MyApp.Repo, like: :sqlite`. The choice holds for `like`, `ilike` and the operator
    LIKE in fragments:

    | | `:ash_sqlite`, the default | `:sqlite` |
    |---|---|---|
    | `like` | letters match in their own case, `\\` is a character as any other | ASCII letters match in either case, `\\` escapes `%`, `_` and itself |
    | `ilike` | ASCII letters match in either case, `\\` is a character as any other | every letter matches in either case, `\\` escapes |
    | LIKE in fragments | letters match in their own case | as SQLite has it: ASCII letters match in either case |

    With `:ash_sqlite`, fewer rows match, so that a destroy by a pattern deletes no row that AshSqlite
    would have kept: AshSqlite's repo sets SQLite's `case_sensitive_like`. The choice does not concern
    conditions of `AshRusqlite.Repo` and SQL that is run by it.
    """

    use Ash.Query.Function, name: :like, predicate?: true

    alias AshRusqlite.DataLayer.{ILike, Info, Place}
    alias AshRusqlite.DataLayer.Like.Pattern
    alias AshRusqlite.Repo.Registry

    @impl true
    def args, do: [[:string, :string], [:ci_string, :string]]

    @impl true
    def returns, do: [:boolean, :boolean]

    @impl true
    def evaluate(%{arguments: [text, pattern]}), do: Pattern.like(text, pattern, :ash_sqlite)

    @doc false
    # The name that the engine has for a function of a resource.
    @spec function(module(), Ash.Resource.t()) :: atom()
    def function(module, resource) do
      case {module, dialect(resource)} do
        {__MODULE__, :ash_sqlite} -> :like_exact
        {__MODULE__, :sqlite} -> :like
        {ILike, :ash_sqlite} -> :like_ascii
        {ILike, :sqlite} -> :ilike
      end
    end

    @doc false
    # Whose LIKE the resource has: what it says itself, or its repo.
    @spec dialect(Ash.Resource.t()) :: :ash_sqlite | :sqlite
    def dialect(resource) do
      with nil <- Info.like(resource),
           false <- Info.private?(resource),
           {:ok, repo} <- Place.repo(resource, :read),
           {:ok, %{like: like}} <- Registry.lookup(repo) do
        like
      else
        like when like in [:ash_sqlite, :sqlite] -> like
        _ -> :ash_sqlite
      end
    end

    @doc false
    # An expression whose likes Elixir evaluates as those of the resource.
    @spec of_resource(expression, Ash.Resource.t()) :: expression when expression: term()
    def of_resource(expression, resource) do
      if dialect(resource) == :ash_sqlite do
        expression
      else
        Ash.Filter.map(expression, fn
          %{__struct__: module} = like when module in [__MODULE__, ILike] ->
            struct(Module.concat(module, OfSqlite), Map.from_struct(like))

          other ->
            other
        end)
      end
    end

    @doc false
    # As `Ash.Expr.eval/2`, with the likes of the resource.
    @spec eval(term(), Ash.Resource.t(), keyword()) :: {:ok, term()} | {:error, term()} | :unknown
    def eval(expression, resource, opts) do
      if dialect(resource) == :ash_sqlite do
        Ash.Expr.eval(expression, opts)
      else
        context = Map.merge(opts[:context] || %{}, %{resource: resource, eval?: true})

        # Of two texts Ash computes it as soon as it looks up the name.
        expression =
          Ash.Filter.map(expression, fn
            %Ash.Query.Call{name: name, args: [text, pattern]}
            when name in [:like, :ilike] and is_binary(text) and is_binary(pattern) ->
              module = if name == :like, do: __MODULE__.OfSqlite, else: ILike.OfSqlite
              struct(module, arguments: [text, pattern])

            other ->
              other
          end)

        with {:ok, hydrated} <- Ash.Filter.hydrate_refs(expression, context),
             do: hydrated |> of_resource(resource) |> Ash.Expr.eval_hydrated(opts)
      end
    end
  end

  defmodule AshRusqlite.DataLayer.ILike do
    @moduledoc """
    `ilike(text, pattern)` in Ash's expressions: as `like`, but letters match in either case. Which
    letters, see `AshRusqlite.DataLayer.Like`.

        Ash.Query.filter(Room, ilike(title, "%kitchen%"))
    """

    use Ash.Query.Function, name: :ilike, predicate?: true

    alias AshRusqlite.DataLayer.Like.Pattern

    @impl true
    def args, do: [[:string, :string], [:ci_string, :string]]

    @impl true
    def returns, do: [:boolean, :boolean]

    @impl true
    def evaluate(%{arguments: [text, pattern]}), do: Pattern.ilike(text, pattern, :ash_sqlite)
  end

  defmodule AshRusqlite.DataLayer.Like.OfSqlite do
    @moduledoc false
    # The same as SQLite has it, for Elixir: it evaluates a function without its resource.

    use Ash.Query.Function, name: :like, predicate?: true

    alias AshRusqlite.DataLayer.Like.Pattern

    @impl true
    def args, do: [[:string, :string], [:ci_string, :string]]

    @impl true
    def returns, do: [:boolean, :boolean]

    @impl true
    def evaluate(%{arguments: [text, pattern]}), do: Pattern.like(text, pattern, :sqlite)
  end

  defmodule AshRusqlite.DataLayer.ILike.OfSqlite do
    @moduledoc false
    # The same as SQLite has it, for Elixir: it evaluates a function without its resource.

    use Ash.Query.Function, name: :ilike, predicate?: true

    alias AshRusqlite.DataLayer.Like.Pattern

    @impl true
    def args, do: [[:string, :string], [:ci_string, :string]]

    @impl true
    def returns, do: [:boolean, :boolean]

    @impl true
    def evaluate(%{arguments: [text, pattern]}), do: Pattern.ilike(text, pattern, :sqlite)
  end

  defmodule AshRusqlite.DataLayer.Like.Pattern do
    @moduledoc false
    # LIKE patterns in Elixir, for rows that Ash's runtime filters.

    @doc "What `evaluate/1` of `like` returns, by whose it is."
    @spec like(term(), term(), :ash_sqlite | :sqlite) :: {:known, boolean() | nil}
    def like(text, pattern, :ash_sqlite), do: known(text, pattern, & &1, nil)
    def like(text, pattern, :sqlite), do: known(text, pattern, &fold_ascii/1, "\\")

    @doc "The same of `ilike`."
    @spec ilike(term(), term(), :ash_sqlite | :sqlite) :: {:known, boolean() | nil}
    def ilike(text, pattern, :ash_sqlite), do: known(text, pattern, &fold_ascii/1, nil)
    def ilike(text, pattern, :sqlite), do: known(text, pattern, &String.downcase/1, "\\")

    defp known(text, pattern, _fold, _escape) when is_nil(text) or is_nil(pattern),
      do: {:known, nil}

    defp known(text, pattern, fold, escape),
      do: {:known, matches?(fold.(to_string(text)), fold.(to_string(pattern)), escape)}

    @doc """
    Whether a text is like a pattern, of which `escape` escapes, if it is given.

        iex> AshRusqlite.DataLayer.Like.Pattern.matches?("a_b", "a!_%", "!")
        true
    """
    @spec matches?(String.t(), String.t(), String.t() | nil) :: boolean()
    def matches?(text, pattern, escape), do: Regex.match?(regex(pattern, escape), text)

    # A pattern that ends in an escape is like nothing.
    defp regex(pattern, escape) do
      source = pattern |> String.codepoints() |> translate(escape, []) |> IO.iodata_to_binary()
      Regex.compile!("\\A" <> source <> "\\z", "us")
    end

    defp translate([], _escape, source), do: Enum.reverse(source)
    defp translate([escape], escape, _source), do: ["(?!)"]

    defp translate([escape, next | rest], escape, source),
      do: translate(rest, escape, [Regex.escape(next) | source])

    defp translate(["%" | rest], escape, source), do: translate(rest, escape, [".*" | source])
    defp translate(["_" | rest], escape, source), do: translate(rest, escape, ["." | source])

    defp translate([char | rest], escape, source),
      do: translate(rest, escape, [Regex.escape(char) | source])

    @doc "A text with its ASCII letters in lower case."
    @spec fold_ascii(String.t()) :: String.t()
    def fold_ascii(text), do: String.downcase(text, :ascii)
  end
end
