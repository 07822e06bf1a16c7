defmodule AshChat.Demo.Writer do
  @moduledoc """
  The second OS process of the demo: it opens the database and writes from many processes
  until it is killed. `AshChat.Demo.Load` starts it.

  It says `ready` and its process id on its output when it begins to write, and ends when its
  input does, so that it never outlives the process that started it.
  """

  alias AshChat.Demo.{Acknowledgements, Script}
  alias AshChat.Repo

  # A loaded machine is no reason to fail.
  @timeout 120_000

  @typedoc "The database, the file of the acknowledgements, the script, further repo options."
  @type config :: {Path.t(), Path.t(), Script.t(), keyword()}

  @doc "A configuration as one word of a command line."
  @spec encode(config()) :: String.t()
  def encode(config), do: config |> :erlang.term_to_binary() |> Base.encode64()

  @doc "Runs until it is killed. The configuration is in the VM's plain arguments."
  @spec main() :: no_return()
  def main do
    [argument] = :init.get_plain_arguments()
    config = argument |> List.to_string() |> Base.decode64!() |> :erlang.binary_to_term()

    {pid, monitor} = spawn_monitor(fn -> run(config) end)
    spawn(fn -> halt_at_end_of_input() end)

    receive do
      {:DOWN, ^monitor, :process, ^pid, reason} ->
        IO.puts("the writers failed: " <> Exception.format_exit(reason))
        System.halt(1)
    end
  end

  defp halt_at_end_of_input do
    case IO.read(:stdio, :line) do
      line when is_binary(line) -> halt_at_end_of_input()
      _ -> System.halt(2)
    end
  end

  defp run({database, log, script, options}) do
    {:ok, _} = Application.ensure_all_started(:ash_rusqlite)
    limits = [busy_timeout: @timeout, transaction_timeout: @timeout]
    # What it says is taken for a failure.
    quiet = [log: false, log_start: false]
    {:ok, _} = Repo.start_link([database: database] ++ limits ++ options ++ quiet)
    begin!(script)
    IO.puts("ready #{System.pid()}")

    for writer <- 1..script.writers do
      spawn_link(fn -> write_forever(Acknowledgements.open!(log), script, writer, 1) end)
    end

    Process.sleep(:infinity)
  end

  defp write_forever(file, script, writer, number) do
    :ok = write(script, writer, number)
    Acknowledgements.add!(file, writer, number)
    write_forever(file, script, writer, number + 1)
  end

  @doc "Writes what must be there before the first write of a script."
  @spec begin!(Script.t()) :: :ok
  def begin!(script) do
    {:ok, :ok} =
      Repo.transaction(fn ->
        Repo.insert_all(:rooms, Script.rooms(script))

        for {key, version} <- Script.beginning() do
          rows = for writer <- 1..script.writers, do: Script.row(script, writer, key, version)
          Repo.insert_all(Script.table(key), rows)
        end

        :ok
      end)

    :ok
  end

  @doc "Makes one write of a script; `:ok` is its acknowledgement."
  @spec write(Script.t(), Script.writer(), pos_integer()) :: :ok | {:error, term()}
  def write(script, writer, number) do
    {kind, rows} = Script.write(number)
    write(kind, rows, script, writer, number)
  end

  defp write(:insert, [{key, version}], script, writer, _number) do
    done(Repo.insert(Script.table(key), Script.row(script, writer, key, version)))
  end

  defp write(:update, [{key, version}], script, writer, _number) do
    id = Script.id(script, writer, key)
    done(Repo.update(Script.table(key), id, Script.changes(script, writer, key, version)))
  end

  defp write(:delete, [{key, nil}], script, writer, _number) do
    done(Repo.delete(Script.table(key), Script.id(script, writer, key)))
  end

  defp write(:upsert, [{key, version}], script, writer, _number) do
    done(Repo.upsert(Script.table(key), Script.row(script, writer, key, version)))
  end

  defp write(:insert_all, rows, script, writer, _number) do
    rows = for {key, version} <- rows, do: Script.row(script, writer, key, version)
    {3, nil} = Repo.insert_all(:messages, rows)
    :ok
  end

  defp write(:update_all, [{key, version} | _] = rows, script, writer, _number) do
    ids = for {key, _version} <- rows, do: Script.id(script, writer, key)
    changes = Script.changes(script, writer, key, version)
    {3, nil} = Repo.update_all(:messages, [set: changes], where: [{:id, :in, ids}])
    :ok
  end

  defp write(:transaction, [{message, 1}, {:membership, version}], script, writer, _number) do
    Repo.transaction(fn ->
      Repo.insert!(:messages, Script.row(script, writer, message, 1))
      id = Script.id(script, writer, :membership)
      changes = Script.changes(script, writer, :membership, version)
      Repo.update!(:room_memberships, id, changes)
    end)
    |> done()
  end

  defp write(:savepoint, [{changed, version}, {new, 1}], script, writer, number) do
    Repo.transaction(fn ->
      id = Script.id(script, writer, changed)
      Repo.update!(:messages, id, Script.changes(script, writer, changed, version))

      {:error, :taken_back} =
        Repo.savepoint(fn ->
          taken_back = Script.row(script, writer, Script.taken_back(number), 1)
          Repo.insert!(:messages, taken_back)
          Repo.rollback(:taken_back)
        end)

      Repo.insert!(:messages, Script.row(script, writer, new, 1))
    end)
    |> done()
  end

  defp done({:ok, _}), do: :ok
  defp done({:error, reason}), do: {:error, reason}
end
