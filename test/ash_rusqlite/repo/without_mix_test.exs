defmodule AshRusqlite.Repo.WithoutMixTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.Child

  test "a repo is defined where Mix is on the code path and not started" do
    child = Child.start!("repo_without_mix.exs", [])
    assert Child.rest(child) == {["auto_migrate false"], 0}
  end
end
