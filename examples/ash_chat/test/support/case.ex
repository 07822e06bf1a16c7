defmodule AshChat.Case do
  @moduledoc false
  # A test with a chat database of its own, which `AshChat.Repo` uses in the test's process.

  use ExUnit.CaseTemplate

  alias AshChat.Repo

  using do
    quote do
      import AshChat.Case

      alias AshChat.Repo

      @moduletag :tmp_dir
    end
  end

  setup %{tmp_dir: folder} do
    database = Path.join(folder, "chat.db")
    # Nothing is tested here by pulling a plug, so nothing waits for the disk.
    repo = start_supervised!({Repo, name: nil, database: database, synchronous: :off})
    Repo.put_dynamic_repo(repo)
    Repo.migrate!()
    {:ok, repo: repo, database: database}
  end

  @doc "A file of the given lines in the test's folder."
  def file!(folder, lines) do
    path = Path.join(folder, "chat-#{System.unique_integer([:positive])}.jsonl")
    File.write!(path, Enum.map(lines, &[&1, "\n"]))
    path
  end

  @doc "The line of a message; the fields are JSON texts."
  def line(fields \\ []) do
    fields =
      Map.merge(
        %{
          room: ~s("Kitchen"),
          user: ~s("ann"),
          content: ~s("Hi"),
          created_at: ~s("2026-01-10T09:00:00Z")
        },
        Map.new(fields)
      )

    pairs = for {field, json} <- fields, json != nil, do: ~s("#{field}":#{json})
    "{" <> Enum.join(pairs, ",") <> "}"
  end
end
