defmodule AshRusqlite.Case do
  @moduledoc false
  # A test with a database of its own, with the tables of test/support/migrations, which
  # `MyApp.Repo` uses in the test's process.

  use ExUnit.CaseTemplate

  alias AshRusqlite.Repo.{Maintenance, Writes}

  @migrations Path.expand("migrations", __DIR__)

  using do
    quote do
      import AshRusqlite.Case

      alias AshRusqlite.{Error, Result}
      alias MyApp.Repo

      @moduletag :tmp_dir
    end
  end

  setup %{tmp_dir: folder} = context do
    if Map.get(context, :repo, true) do
      repo = start_repo!(folder)
      MyApp.Repo.put_dynamic_repo(repo)
      {:ok, repo: repo, database: Path.join(folder, "test.db")}
    else
      :ok
    end
  end

  @doc "Starts a repo with the tables, without a name unless one is given."
  def start_repo!(folder, options \\ []) do
    database = Path.join(folder, "test.db")
    options = Keyword.merge([name: nil, database: database, migrations: @migrations], options)

    repo = start_supervised!({MyApp.Repo, options}, id: make_ref())
    Maintenance.migrate!(repo)
    repo
  end

  @doc "Applies one more migration than those of the tests."
  def migrate!(repo, sql) do
    folder = Path.join(System.tmp_dir!(), "ash_rusqlite-#{System.unique_integer([:positive])}")
    File.cp_r!(@migrations, folder)
    File.write!(Path.join(folder, "29990101000000_more.sql"), sql)
    Maintenance.migrate!(repo, migrations: folder)
    File.rm_rf!(folder)
  end

  @doc "The folder of the migrations of the tests."
  def migrations, do: @migrations

  @doc "The rows that the documentation's examples are about."
  def insert_examples(%{repo: repo}) do
    Writes.insert_all(repo, :rooms, [
      [id: "kitchen", title: "Kitchen"],
      [id: "garden", title: "Garden"],
      [id: "cellar", title: "Cellar", hidden: true]
    ])

    Writes.insert_all(repo, :messages, [
      [id: 1, room_id: "kitchen", content: "Who cooks?", likes: 2],
      [id: 2, room_id: "kitchen", content: "Not me", likes: 0],
      [id: 3, room_id: "garden", content: "It rains", likes: 3]
    ])

    :ok
  end

  @doc "The error that a function raises."
  def error(fun) do
    fun.()
  rescue
    error in AshRusqlite.Error -> error
  else
    value -> ExUnit.Assertions.flunk("expected an error, got: #{inspect(value)}")
  end

  @doc "Waits until a condition holds."
  def wait_until(condition, tries \\ 6_000) do
    cond do
      condition.() -> :ok
      tries == 0 -> ExUnit.Assertions.flunk("it did not happen")
      true -> Process.sleep(10) && wait_until(condition, tries - 1)
    end
  end

  @doc "Runs a function in another process, which uses the same repo."
  def elsewhere(repo, fun) do
    Task.async(fn ->
      MyApp.Repo.put_dynamic_repo(repo)
      fun.()
    end)
  end
end
