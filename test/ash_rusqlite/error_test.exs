defmodule AshRusqlite.ErrorTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.Error

  doctest AshRusqlite.Error

  test "the codes are those of the engine, and as retryable" do
    source = File.read!("native/engine/src/error.rs")
    [_, list] = Regex.run(~r/^codes! \{(.*?)^\}/ms, source)
    found = Regex.scan(~r/\w+ = "(\w+)", (true|false);/, list, capture: :all_but_first)
    engine = for [code, retryable] <- found, do: {String.to_atom(code), retryable == "true"}

    assert length(engine) > 30
    assert engine == Error.codes()
  end

  test "every code of an error is documented" do
    {:docs_v1, _, _, _, %{"en" => doc}, _, _} = Code.fetch_docs(Error)
    for {code, _} <- Error.codes(), do: assert(doc =~ "`:#{code}`")
  end

  test "an error with an unknown code is refused" do
    assert_raise KeyError, fn -> Error.new(:no_such_code, "x") end
  end

  test "an error can be raised" do
    assert_raise Error, "gone", fn -> raise Error.new(:not_found, "gone") end
  end
end
