if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.Pattern do
    @moduledoc false
    # LIKE patterns in Elixir, for rows that Ash's runtime filters.

    @doc "What `evaluate/1` of a function answers."
    @spec known(term(), term(), (String.t() -> String.t())) :: {:known, boolean() | nil}
    def known(text, pattern, _fold) when is_nil(text) or is_nil(pattern), do: {:known, nil}

    def known(text, pattern, fold),
      do: {:known, matches?(fold.(to_string(text)), fold.(to_string(pattern)))}

    @doc """
    Whether a text is like a pattern.

        iex> AshRusqlite.DataLayer.Pattern.matches?("a_b", "a\\\\_%")
        true
    """
    @spec matches?(String.t(), String.t()) :: boolean()
    def matches?(text, pattern), do: Regex.match?(regex(pattern), text)

    defp regex(pattern) do
      source = pattern |> String.codepoints() |> translate([]) |> IO.iodata_to_binary()
      Regex.compile!("\\A" <> source <> "\\z", "us")
    end

    defp translate([], source), do: Enum.reverse(source)

    defp translate(["\\", next | rest], source),
      do: translate(rest, [Regex.escape(next) | source])

    defp translate(["%" | rest], source), do: translate(rest, [".*" | source])
    defp translate(["_" | rest], source), do: translate(rest, ["." | source])
    defp translate([char | rest], source), do: translate(rest, [Regex.escape(char) | source])

    @doc "A text with its ASCII letters in lower case."
    @spec fold_ascii(String.t()) :: String.t()
    def fold_ascii(text), do: String.downcase(text, :ascii)
  end
end
