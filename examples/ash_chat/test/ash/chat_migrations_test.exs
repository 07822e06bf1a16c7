# The example's migrations are what its resources ask for.
defmodule AshChat.ChatMigrationsTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.DataLayer.Migrations.Wanted
  alias AshRusqlite.Repo.Generator

  doctest AshChat.Timestamps

  @folder Path.expand("../../priv/repo/migrations", __DIR__)

  defp wanted do
    {:ok, wanted, notes} = Wanted.of(AshChat.Repo, Ash.Domain.Info.resources(AshChat.Chat))
    assert notes == []
    wanted
  end

  test "the resources ask for nothing that the files do not make" do
    assert {:ok, %{files: [], questions: []}} =
             Generator.generate(@folder, wanted(), name: "changes", drop: true)
  end

  @tag :tmp_dir
  test "the first one is as the generator would write it today", %{tmp_dir: empty} do
    [path | _] = @folder |> Path.join("*.sql") |> Path.wildcard()
    assert {:ok, %{files: [file]}} = Generator.generate(empty, wanted(), name: "create_chat")
    assert File.read!(path) == file.text
  end

  test "the files are as the generator wrote them" do
    assert [_ | _] = paths = @folder |> Path.join("*.sql") |> Path.wildcard()

    for path <- paths do
      assert [first, rest] = path |> File.read!() |> String.split("\n", parts: 2)
      hash = Base.encode16(:crypto.hash(:sha256, rest), case: :lower)
      assert first == "-- Written by AshRusqlite #{hash}"
    end
  end
end
