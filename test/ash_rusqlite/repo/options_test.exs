defmodule AshRusqlite.Repo.OptionsTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.Error
  alias AshRusqlite.Repo.Options

  test "timeout is milliseconds, :infinity or the default" do
    assert Options.pop_timeout([], 5) == {:ok, 5, []}
    assert Options.pop_timeout([a: 1, timeout: 7], nil) == {:ok, 7, [a: 1]}
    assert Options.pop_timeout([timeout: :infinity], nil) == {:ok, :infinity, []}

    for wrong <- [0, -5, 1.5, "5", :never] do
      assert {:error, %Error{code: :invalid_option, details: %{option: "timeout"}}} =
               Options.pop_timeout([timeout: wrong], nil)
    end

    assert {:error, %Error{message: message}} = Options.pop_timeout(%{timeout: 5}, nil)
    assert message =~ "keyword list"
  end

  test "unknown options are refused with the nearest" do
    assert Options.known([where: 1], [:where]) == :ok
    assert {:error, %Error{details: %{nearest: "where"}}} = Options.known([wehre: 1], [:where])
    assert {:error, %Error{details: details}} = Options.known([xyz: 1], [:where])
    refute Map.has_key?(details, :nearest)
    assert {:error, %Error{}} = Options.known([5], [:where])
  end

  test "an error about an option shows its value shortened" do
    assert Options.shorten("a") == ~s("a")
    assert String.length(Options.shorten(String.duplicate("ä", 500))) <= 80
    assert String.length(Options.shorten(Enum.to_list(1..500))) <= 80
  end
end
