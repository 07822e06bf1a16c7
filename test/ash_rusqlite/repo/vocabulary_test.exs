defmodule AshRusqlite.Repo.VocabularyTest do
  @moduledoc false
  use ExUnit.Case, async: true

  alias AshRusqlite.{Native, Repo.Vocabulary}

  doctest Vocabulary

  defp engine do
    {:ok, tables} = Native.vocabulary()
    Map.new(tables)
  end

  # `{word, detail}` of each word, as the engine gives them.
  defp words(table) do
    for word <- apply(Vocabulary, table, []) do
      {word, detail} = if is_tuple(word), do: word, else: {word, nil}
      {Atom.to_string(word), detail}
    end
  end

  for table <- Vocabulary.__info__(:functions) |> Keyword.keys() do
    test "the #{table} are those of the engine, in its order" do
      assert words(unquote(table)) == engine()[unquote(to_string(table))]
    end
  end

  test "the engine has no table that is not here" do
    ours = Vocabulary.__info__(:functions) |> Keyword.keys() |> Enum.map(&to_string/1)
    assert Enum.sort(Map.keys(engine())) == Enum.sort(ours)
  end
end
