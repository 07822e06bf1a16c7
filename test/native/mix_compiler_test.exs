defmodule Mix.Tasks.Compile.AshRusqliteNativeTest do
  use ExUnit.Case, async: true

  alias Mix.Tasks.Compile.AshRusqliteNative

  test "the library of the last build is there, and nothing is to be done" do
    assert AshRusqliteNative.run([]) == {:noop, []}
    name = File.read!("priv/native/current")
    assert name =~ ~r/^libash_rusqlite_nif-[0-9a-f]{32}$/
    assert File.regular?("priv/native/#{name}.so")
    assert [manifest] = AshRusqliteNative.manifests()
    assert File.regular?(manifest)
  end

  test "no more than one older library is kept" do
    assert length(Path.wildcard("priv/native/*.so")) <= 2
  end
end
