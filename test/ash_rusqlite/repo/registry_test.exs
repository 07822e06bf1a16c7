defmodule AshRusqlite.Repo.RegistryTest do
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Repo.Registry

  test "the registry finds a repo by its name and by its pid", %{tmp_dir: folder} do
    pid = start_repo!(folder, name: :by_name)
    assert {:ok, %Registry{repo: :by_name, pid: ^pid} = entry} = Registry.lookup(:by_name)
    assert {:ok, ^entry} = Registry.lookup(pid)
  end

  test "the registry reports that a repo is not running" do
    for repo <- [:nobody, self(), "rooms", 5] do
      assert {:error, %Error{code: :closed, message: message}} = Registry.lookup(repo)
      assert message =~ inspect(repo)
    end
  end

  test "the registry does not forget a repo that took the name of another", %{repo: repo} do
    {:ok, entry} = Registry.lookup(repo)
    Registry.erase(%{entry | pid: self()})
    assert {:ok, ^entry} = Registry.lookup(repo)
  end

  test "the registry makes a call again when the repo was restarted", %{repo: repo} do
    {:ok, entry} = Registry.lookup(repo)
    old = %{entry | db: make_ref()}
    closed = {:error, Error.new(:closed, "closed")}

    assert Registry.with_current(old, 1_000, fn
             ^old, 1_000 -> closed
             ^entry, _left -> :again
           end) == :again
  end

  test "the registry makes a call again while native code is being replaced", %{repo: repo} do
    {:ok, entry} = Registry.lookup(repo)
    closed = {:error, Error.new(:closed, "closed")}
    calls = :counters.new(1, [])

    assert Registry.with_current(entry, 5_000, fn ^entry, _left ->
             :counters.add(calls, 1, 1)
             if :counters.get(calls, 1) < 4, do: closed, else: {:ok, :value}
           end) == {:ok, :value}
  end

  test "the registry passes other errors on at once", %{repo: repo} do
    {:ok, entry} = Registry.lookup(repo)
    busy = {:error, Error.new(:busy, "busy")}
    assert Registry.with_current(entry, 1_000, fn ^entry, _left -> busy end) == busy
  end

  test "the registry ends the wait for new native code at the call's own deadline", %{repo: repo} do
    {:ok, entry} = Registry.lookup(repo)
    closed = {:error, Error.new(:closed, "closed")}

    assert {:error, %Error{code: :timeout, retryable?: true} = error} =
             Registry.with_current(entry, 30, fn ^entry, left when left <= 30 -> closed end)

    assert error.details.waited_ms >= 29
  end
end
