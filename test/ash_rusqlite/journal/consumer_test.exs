defmodule AshRusqlite.Journal.ConsumerTest do
  # Durable consumers.
  use AshRusqlite.Case, async: true

  import AshRusqlite.Journaled

  alias AshRusqlite.Journal
  alias AshRusqlite.Repo.Writes

  @wait 60_000

  defmodule Copy do
    @moduledoc false
    # Copies the content of notes to rooms, which have no journal, and does what the test says then.
    use AshRusqlite.Journal.Consumer, repo: MyApp.Repo, name: "copy", table: :notes

    @impl true
    def init(opts), do: {:ok, opts[:then] || fn _events -> :ok end}

    @impl true
    def handle_events(events, then) do
      for event <- events do
        MyApp.Repo.insert!(:rooms, id: "#{event.seq}", title: "#{event.seq} #{event.key}")
      end

      case then.(events) do
        {:error, reason} -> {:error, reason}
        _ -> {:ok, then}
      end
    end
  end

  defmodule Plain do
    @moduledoc false
    use AshRusqlite.Journal.Consumer, repo: MyApp.Repo, name: "plain", batch: 2

    @impl true
    def handle_events(events, opts) do
      send(opts[:to], {:batch, Enum.map(events, & &1.seq)})
      {:ok, opts}
    end
  end

  setup %{repo: repo} do
    tables!(repo)
    :ok
  end

  defp start!(repo, opts \\ []), do: start_supervised!({Copy, [dynamic_repo: repo] ++ opts})

  defp copied, do: Repo.all(:rooms) |> Enum.map(&String.to_integer(&1.id)) |> Enum.sort()

  defp place(repo, name) do
    Enum.find_value(Journal.consumers(repo), &(&1.name == name && &1.seq))
  end

  test "every event is handled once, in order, in batches", %{repo: repo} do
    notes!(repo, 1..5)
    start_supervised!({Plain, dynamic_repo: repo, to: self()})
    for seqs <- [[1, 2], [3, 4], [5]], do: assert_receive({:batch, ^seqs}, @wait)
    note!(repo, "n6")
    assert_receive {:batch, [6]}, @wait
    wait_until(fn -> place(repo, "plain") == 6 end)
    assert [%{name: "plain", epoch: _, at: %DateTime{}}] = Journal.consumers(repo)
  end

  test "after a crash it continues where its last commit was, with effects exactly once",
       context do
    %{repo: repo} = context
    notes!(repo, 1..20)
    {:ok, crashes} = Agent.start_link(fn -> 6 end)

    # Raises, dies and returns errors in the middle of batches, six times.
    then = fn events ->
      case Agent.get_and_update(crashes, &{&1, max(&1 - 1, 0)}) do
        0 -> :ok
        left when rem(left, 3) == 0 -> raise "crash at #{hd(events).seq}"
        left when rem(left, 3) == 1 -> Process.exit(self(), :kill)
        _ -> {:error, :not_now}
      end
    end

    {:ok, supervisor} = Supervisor.start_link([], strategy: :one_for_one, max_restarts: 100)
    child = {Copy, dynamic_repo: repo, then: then, batch: 3}

    ExUnit.CaptureLog.capture_log(fn ->
      {:ok, _} = Supervisor.start_child(supervisor, child)
      wait_until(fn -> Agent.get(crashes, & &1) == 0 end)
      notes!(repo, 21..25)
      wait_until(fn -> place(repo, "copy") == 25 end)
    end)

    assert copied() == Enum.to_list(1..25)
    Supervisor.stop(supervisor)
  end

  test "among events of others none of its own is passed over, whatever crashes", context do
    %{repo: repo} = context
    {:ok, crashes} = Agent.start_link(fn -> 8 end)

    then = fn _events ->
      case Agent.get_and_update(crashes, &{&1, max(&1 - 1, 0)}) do
        left when left > 0 and rem(left, 2) == 0 -> Process.exit(self(), :kill)
        _ -> :ok
      end
    end

    {:ok, supervisor} = Supervisor.start_link([], strategy: :one_for_one, max_restarts: 100)
    child = {Copy, dynamic_repo: repo, then: then, batch: 2}
    {:ok, _} = Supervisor.start_child(supervisor, child)

    1..4
    |> Enum.map(fn writer ->
      Task.async(fn ->
        for number <- 1..40 do
          for more <- 0..rem(number, 7) do
            place = [room_id: "#{writer}", number: number * 100 + more]
            Writes.insert!(repo, :places, place)
          end

          if rem(number, 3) == 0, do: note!(repo, "#{writer}-#{number}")
        end
      end)
    end)
    |> Task.await_many(@wait)

    [[head]] = Repo.query!("SELECT max(seq) FROM ash_rusqlite_events").rows
    wait_until(fn -> place(repo, "copy") == head end)
    assert copied() == Enum.map(Repo.events(table: :notes), & &1.seq)
    assert length(copied()) == 4 * 13
    Supervisor.stop(supervisor)
  end

  test "a batch that fails leaves nothing behind", %{repo: repo} do
    notes!(repo, 1..2)
    test = self()

    then = fn events ->
      send(test, {:tried, length(events)})
      {:error, :no}
    end

    ExUnit.CaptureLog.capture_log(fn ->
      Process.flag(:trap_exit, true)
      {:ok, pid} = Copy.start_link(dynamic_repo: repo, then: then)
      assert_receive {:EXIT, ^pid, :no}, @wait
    end)

    assert_receive {:tried, 2}
    assert copied() == []
    assert place(repo, "copy") == 0
  end

  test "a consumer begins where its options say, the first time only", %{repo: repo} do
    notes!(repo, 1..4)
    start!(repo, from: 2)
    wait_until(fn -> copied() == [3, 4] end)
    stop_supervised!(Copy)
    notes!(repo, 5..6)
    start!(repo, from: :head)
    wait_until(fn -> copied() == [3, 4, 5, 6] end)
  end

  test "from: :head holds before the first event, too", %{repo: repo} do
    notes!(repo, 1..4)
    start!(repo, from: :head)
    stop_supervised!(Copy)
    note!(repo, "n5")
    start!(repo)
    wait_until(fn -> copied() == [5] end)
  end

  test "two of one name do not both continue", %{repo: repo} do
    Process.flag(:trap_exit, true)

    ExUnit.CaptureLog.capture_log(fn ->
      start!(repo)
      {:ok, second} = Copy.start_link(dynamic_repo: repo)
      notes!(repo, 1..30)
      wait_until(fn -> place(repo, "copy") == 30 end)
      Process.exit(second, :shutdown)
    end)

    assert copied() == Enum.to_list(1..30)
  end

  test "a consumer that was reset begins there", %{repo: repo} do
    notes!(repo, 1..3)
    start_supervised!({Plain, dynamic_repo: repo, to: self(), batch: 10})
    assert_receive {:batch, [1, 2, 3]}, @wait
    stop_supervised!(Plain)
    assert Journal.reset_consumer(repo, "plain", 1) == :ok
    start_supervised!({Plain, dynamic_repo: repo, to: self(), batch: 10})
    assert_receive {:batch, [2, 3]}, @wait
    stop_supervised!(Plain)
    assert Journal.reset_consumer(repo, "plain", :head) == :ok
    assert place(repo, "plain") == 3
    assert Journal.forget_consumer(repo, "plain") == :ok
    assert Journal.consumers(repo) == []
  end

  test "a consumer of another journal, or of events that are no longer kept, does not start", %{
    repo: repo,
    tmp_dir: folder
  } do
    notes!(repo, 1..4)
    assert Journal.reset_consumer(repo, "copy", 1) == :ok
    by_hand!(repo, folder, "DELETE FROM ash_rusqlite_events WHERE seq < 4")
    assert {:error, %Error{code: :outdated, details: %{oldest: 4}}} = refused(repo)
    assert Journal.reset_consumer(repo, "copy", 3) == :ok
    by_hand!(repo, folder, "UPDATE ash_rusqlite_consumers SET epoch = 'before'")
    assert {:error, %Error{code: :other_journal}} = refused(repo)
    assert {:error, %Error{code: :other_journal}} = Journal.reset_consumer(repo, "copy", "a.b.1")
  end

  defp refused(repo) do
    Process.flag(:trap_exit, true)
    Copy.start_link(dynamic_repo: repo)
  end

  test "a consumer checks its options", %{repo: repo} do
    Process.flag(:trap_exit, true)

    for {opts, option} <- [
          {[name: nil], "name"},
          {[batch: 0], "batch"},
          {[from: :end], "from"},
          {[type: 1], "type"}
        ] do
      assert {:error, %Error{code: :invalid_option, details: %{option: ^option}}} =
               Copy.start_link([dynamic_repo: repo] ++ opts)
    end
  end
end
