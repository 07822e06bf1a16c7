defmodule AshRusqlite.Sandbox do
  @moduledoc """
  Gives each test a store of its own, so that tests run at the same time and leave nothing behind.

      defmodule MyApp.RoomTest do
        use ExUnit.Case, async: true

        setup do: AshRusqlite.Sandbox.start_store!(MyApp.Repo)

        test "a room has a title" do
          MyApp.Repo.insert!(:rooms, %{id: "attic", title: "Attic"})
          assert [%{title: "Attic"}] = MyApp.Repo.all(:rooms)
        end
      end

  A store is a database in memory, with the tables of the repo's migrations. Unlike Ecto's sandbox it
  is not a transaction that is rolled back, so a test may use transactions as the application does. Ash
  resources of the repo use the store, too. Where tables follow their resources (`auto_migrate:`), they are
  made at their first use.

  ## Who uses it

  The process that started it uses the store, and every process started by that one, directly or not:
  tasks, which are found by their `$callers`, and processes under a supervisor of the test, which are found
  by their `$ancestors`. To let a process use it that existed before, such as a GenServer of the
  application, call `allow/3`.

  Any other process uses the repo itself, when that is running. To make this an error, which says what to
  do, put this into `test/test_helper.exs`:

      AshRusqlite.Sandbox.mode(MyApp.Repo, :manual)

  A test that is not async may share its store with every process, as one with Ecto's sandbox does:

      setup tags do
        AshRusqlite.Sandbox.start_store!(MyApp.Repo, shared: not tags[:async])
      end

  `c:AshRusqlite.Repo.put_dynamic_repo/1` wins over all of this.
  """

  alias AshRusqlite.{Error, Repo}
  alias AshRusqlite.Repo.OwnedStores

  # Only a test has it.
  @compile {:no_warn_undefined, [ExUnit, ExUnit.Callbacks]}

  # It lives shorter than a test, and its answers need survive nothing.
  @defaults [
    database: ":memory:",
    readers: 2,
    synchronous: :off,
    create: true,
    read_only: false,
    log_start: false
  ]

  @doc """
  Starts a store of a repo for the calling process and what it starts. It ends with the
  test, or, outside of ExUnit, with the calling process.

  `repo` is a module with `use AshRusqlite.Repo`, or the name of a repo without one. It need not be
  running. Call it in `setup`: a test is not started by the process of a `setup_all`. Options:

    * `:shared` - whether each process without a store uses this one. Default: false
    * `:migrate` - whether the migrations of the repo's folder are applied. They run once, and each
      further store is a copy. Default: true
    * every option of the repo, such as `:migrations`, or `:database`, for a test that needs a file. They
      win over the repo's own. Defaults: `database: ":memory:"`,
      `synchronous: :off`, `readers: 2`, `create: true`, `read_only: false` and `log_start: false`

  Returns `:ok`, so that it may be all of a `setup`. Raises `AshRusqlite.Error` if the store cannot
  be started or migrated.
  """
  @spec start_store!(atom(), keyword()) :: :ok
  def start_store!(repo, opts \\ []) do
    {own, options} = Keyword.split(opts, [:shared, :migrate])
    options = Keyword.merge(@defaults, [name: nil] ++ options)
    {module, function, arguments} = start = start_of(repo, options)
    store = value!(start(repo, start))

    with true <- Keyword.get(own, :migrate, true),
         {:error, error} <-
           OwnedStores.migrate(store, fn -> apply(module, function, arguments) end),
         do: raise(error)

    OwnedStores.own(repo, self(), store, Keyword.get(own, :shared, false))
  end

  @doc """
  Lets a process use the store of `owner`: the process that started it, one that was allowed it, or
  the calling one, if it uses a store. `pid` may be the name of a process.

  Returns `:ok`; `{:already, :owner}` or `{:already, :allowed}` when the process has another store,
  which goes on until that ends; `:not_found` when `owner` has none.

      :ok = AshRusqlite.Sandbox.allow(MyApp.Repo, self(), MyApp.Notifier)
  """
  @spec allow(atom(), pid(), pid() | atom()) ::
          :ok | {:already, :owner | :allowed} | :not_found
  def allow(repo, owner, pid) when is_pid(pid), do: OwnedStores.allow(repo, owner, pid)

  def allow(repo, owner, name) when is_atom(name) do
    case Process.whereis(name) do
      nil -> raise ArgumentError, "no process is registered as #{inspect(name)}"
      pid -> OwnedStores.allow(repo, owner, pid)
    end
  end

  @doc """
  Sets what a process gets that has no store: with `:auto`, the default, the repo itself when it is
  running; with `:manual` an error.
  """
  @spec mode(atom(), :auto | :manual) :: :ok
  def mode(repo, mode) when mode in [:auto, :manual], do: OwnedStores.mode(repo, mode)

  defp start_of(repo, options) do
    module? = Code.ensure_loaded?(repo) and function_exported?(repo, :start_link, 1)
    {if(module?, do: repo, else: Repo), :start_link, [options]}
  end

  # A test's own supervisor ends it before the next test.
  defp start(repo, {module, function, arguments} = start) do
    if test?() do
      child = %{id: {__MODULE__, repo}, start: start, restart: :temporary}
      ExUnit.Callbacks.start_supervised(child)
    else
      apply(module, function, arguments)
    end
  end

  defp test? do
    List.keymember?(Application.started_applications(), :ex_unit, 0) and
      match?({:ok, _}, ExUnit.fetch_test_supervisor())
  end

  defp value!({:ok, value}), do: value

  defp value!({:error, {%Error{} = error, _child}}), do: raise(error)
  defp value!({:error, %Error{} = error}), do: raise(error)
  defp value!(other), do: raise("the store cannot be started: #{inspect(other)}")
end
