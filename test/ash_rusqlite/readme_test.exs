defmodule ReadmeTest do
  use AshRusqlite.Case, async: true

  @chat Path.expand("../../examples/ash_chat/priv/repo/migrations", __DIR__)

  # The use in ten lines as it stands in the README, on the tables of the chat.
  @tag repo: false
  test "the example of the README runs as it stands", %{tmp_dir: folder} do
    [_, example] = Regex.run(~r/## Use\n\n```elixir\n(.*?)```/s, File.read!("README.md"))
    [module, rest] = String.split(example, "\nend\n", parts: 2)
    assert [{repo, _}] = Code.compile_string(renamed(module <> "\nend\n"))

    start_supervised!({repo, database: Path.join(folder, "chat.db"), migrations: @chat})
    id = "6d1f3a52-7c1e-4c35-8f0b-0f7b8f1c2a11"

    assert {{:ok, %{id: ^id, hidden: true}}, _} = Code.eval_string(renamed(rest), id: id)
    assert %{title: "General", hidden: true} = repo.get!(:rooms, id)
    assert {:ok, [%{state: :applied} | _]} = repo.migrations()
  end

  defp renamed(code), do: String.replace(code, "MyApp.Repo", "ReadmeTest.Repo")
end
