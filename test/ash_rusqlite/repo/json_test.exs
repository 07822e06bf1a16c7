defmodule AshRusqlite.Repo.JSONTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.Error
  alias AshRusqlite.Repo.JSON

  doctest JSON

  test "what is too long for a scheduler is decoded elsewhere" do
    text = String.duplicate("ä😀", 50_000)
    assert JSON.decode(~s(["#{text}"])) == {:ok, [text]}
  end

  test "numbers in JSON stay integers or floats as they were" do
    assert JSON.decode!("[1, 1.0, 123456789012345678901234567890, -0.5e-3]") ==
             [1, 1.0, 123_456_789_012_345_678_901_234_567_890, -0.0005]
  end

  test "what is not JSON gets an error that says where" do
    for {text, offset} <- [
          {"", 0},
          {"{\"a\": }", 6},
          {"[1,]", 3},
          {"{} {}", 3},
          {<<"[\"", 255, "\"]">>, 2},
          {String.duplicate(" ", 50_000) <> "x", 50_000}
        ] do
      assert {:error, %Error{code: :invalid_value, details: %{offset: ^offset}}} =
               JSON.decode(text)
    end

    assert {:error, %Error{code: :invalid_value}} = JSON.decode(:atom)
    assert_raise Error, ~r/not JSON/, fn -> JSON.decode!("nil") end
  end
end
