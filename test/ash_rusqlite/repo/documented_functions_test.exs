defmodule AshRusqlite.Repo.DocumentedFunctionsTest do
  # `h MyApp.Repo.all` finds what the behaviour says of it.
  use ExUnit.Case, async: true

  test "each function that a repo module gets has a doc" do
    {:docs_v1, _, _, _, _, _, docs} = Code.fetch_docs(MyApp.Repo)

    without =
      for {{:function, name, arity}, _, _, doc, _} <- docs,
          {name, arity} not in [child_spec: 1],
          not String.starts_with?("#{name}", "__"),
          not match?(%{"en" => _}, doc),
          do: {name, arity}

    assert without == []

    for {name, arity} <- AshRusqlite.Repo.behaviour_info(:callbacks),
        {name, arity} != {:init, 2} do
      found = Enum.find(docs, &(elem(&1, 0) == {:function, name, arity}))
      assert {_, _, _, %{"en" => doc}, _} = found, "#{name}/#{arity} is not there"
      # The library of a project that is compiled for the first time has no documentation yet.
      assert doc =~ ~r/\w+ \w+|`c:AshRusqlite.Repo.#{Regex.escape("#{name}")}/
      refute doc =~ ~r/`c:[a-z]/
    end
  end

  test "the docs of the behaviour are there where it is compiled" do
    docs = AshRusqlite.Repo.Definition.docs()
    assert docs[{:get, 3}] =~ "MyApp.Repo.get(:seats, room_id:"
    assert docs[{:one!, 2}] =~ "`c:AshRusqlite.Repo.one/2`"
  end
end
