if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.Like do
    @moduledoc """
    `like(text, pattern)` in Ash's expressions: `%` is any text, `_` one character, `\\` escapes
    them; ASCII letters match in either case, as SQLite's LIKE has it
    (<https://sqlite.org/lang_expr.html#like>).

        Ash.Query.filter(Room, like(title, "Kit%"))
    """

    use Ash.Query.Function, name: :like, predicate?: true

    alias AshRusqlite.DataLayer.Pattern

    @impl true
    def args, do: [[:string, :string], [:ci_string, :string]]

    @impl true
    def returns, do: [:boolean, :boolean]

    @impl true
    def evaluate(%{arguments: [text, pattern]}),
      do: Pattern.known(text, pattern, &Pattern.fold_ascii/1)
  end

  defmodule AshRusqlite.DataLayer.ILike do
    @moduledoc """
    `ilike(text, pattern)` in Ash's expressions: as `like`, but every letter matches in either
    case.

        Ash.Query.filter(Room, ilike(title, "%küche%"))
    """

    use Ash.Query.Function, name: :ilike, predicate?: true

    alias AshRusqlite.DataLayer.Pattern

    @impl true
    def args, do: [[:string, :string], [:ci_string, :string]]

    @impl true
    def returns, do: [:boolean, :boolean]

    @impl true
    def evaluate(%{arguments: [text, pattern]}),
      do: Pattern.known(text, pattern, &String.downcase/1)
  end
end
