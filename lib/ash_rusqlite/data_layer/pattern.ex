if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.Pattern do
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

        iex> AshRusqlite.DataLayer.Pattern.matches?("a_b", "a!_%", "!")
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
