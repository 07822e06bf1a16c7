defmodule AshRusqlite.Repo.EctoOptionsTest do
  # An option of an Ecto repo is refused with what it is here.
  use ExUnit.Case, async: true

  alias AshRusqlite.Error
  alias AshRusqlite.Repo.{Configuration, EctoOptions}

  defp refused(option, value) do
    assert {:error, %Error{code: :invalid_option} = error} =
             AshRusqlite.Repo.start_link([{:database, ":memory:"}, {option, value}])

    assert error.details.option == Atom.to_string(option)
    error
  end

  test "the error of pool_size names readers, not an option of a similar name" do
    error = refused(:pool_size, 5)
    assert error.message =~ "unknown option pool_size"
    assert error.message =~ "`readers:` is how many connections read"
    assert error.details.nearest == "readers"
  end

  test "journal_mode and foreign_keys are said to be always on" do
    assert refused(:journal_mode, :wal).message =~ "always a write-ahead log"
    assert refused(:foreign_keys, :on).message =~ "always enforced"
  end

  test "every one of them has a sentence, and what takes its place is an option" do
    for option <- EctoOptions.names() do
      error = refused(option, 1)
      assert error.message =~ ~r/^unknown option #{option}: it is one of Ecto's .{20}/

      if nearest = error.details[:nearest] do
        assert String.to_existing_atom(nearest) in [
                 :telemetry_prefix | Configuration.engine_options()
               ]
      end
    end
  end

  test "none of Ecto's options that have no meaning here is an option" do
    assert Enum.filter(EctoOptions.names(), &(&1 in Configuration.engine_options())) == []
  end

  test "the error of an unknown name has the nearest known one" do
    assert refused(:readrs, 5).message =~ "did you mean readers:?"
  end
end
