defmodule AshRusqlite.MigratorTest do
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Migrator

  @moduletag repo: false

  defmodule OwnRepo do
    use AshRusqlite.Repo, otp_app: :my_app
  end

  test "as a child it migrates its repos, and an error stops the supervisor", %{tmp_dir: folder} do
    database = [name: nil, database: Path.join(folder, "a.db")]
    repo = start_supervised!({MyApp.Repo, database ++ [migrations: migrations()]})

    assert Migrator.start_link(repos: [repo]) == :ignore
    assert AshRusqlite.Repo.Reads.all(repo, :rooms) == []
    assert {:error, %Error{}} = Migrator.start_link(repos: [repo], migrations: folder <> "/none")
    assert %{restart: :temporary} = Migrator.child_spec(repos: [repo])
  end

  test "with_repo starts the repo for a function", %{tmp_dir: folder} do
    options = [database: Path.join(folder, "a.db"), migrations: migrations()]

    assert {:ok, [_, _]} = Migrator.with_repo(OwnRepo, & &1.migrate!(), options)
    refute Process.whereis(OwnRepo)

    start_supervised!({OwnRepo, options})
    assert {:ok, []} = Migrator.with_repo(OwnRepo, & &1.migrate!(), options)
    assert Process.whereis(OwnRepo)
  end

  test "with_repo gives the error of a repo that does not start", %{tmp_dir: folder} do
    assert {:error, %Error{code: :cannot_open}} =
             Migrator.with_repo(OwnRepo, & &1, database: folder)
  end
end
