defmodule AshChat.Demo.Follower do
  @moduledoc """
  A subscriber of the demo, which is killed: it reports the numbers of the events that it handles,
  and goes on where it was when it is started again.
  """

  @batch 50

  use AshRusqlite.Journal.Consumer, repo: AshChat.Repo, name: "demo", batch: @batch

  alias AshChat.Repo
  alias AshRusqlite.Journal

  # How long nothing may come, in milliseconds.
  @silence 60_000

  @typedoc """
    * `from` - the seq behind which it began
    * `killed` - the events that it had handled when it was killed
    * `resumed` - those that it handled afterwards
  """
  @type t :: %{
          from: non_neg_integer(),
          killed: [pos_integer()],
          resumed: [pos_integer()]
        }

  @impl AshRusqlite.Journal.Consumer
  def handle_events(events, options) do
    send(options[:report], {:followed, Enum.map(events, & &1.seq)})
    {:ok, options}
  end

  @doc "Follows the journal from behind a seq, and is killed once it has handled two batches."
  @spec follow_and_die(non_neg_integer()) :: {:ok, t()} | {:error, Exception.t()}
  def follow_and_die(from) do
    with :ok <- Journal.forget_consumer(Repo.get_dynamic_repo(), "demo"),
         {:ok, pid} <- begin(from: from) do
      first = next()
      killed = first ++ next()
      stop(pid)
      {:ok, %{from: from, killed: killed ++ rest(), resumed: []}}
    end
  end

  @doc "Starts it again, until it has handled the newest event."
  @spec resume(t()) :: {:ok, t()} | {:error, Exception.t()}
  def resume(followed) do
    head = Repo.head()
    # Nothing comes where it had handled all.
    behind? =
      Enum.any?(
        Journal.consumers(Repo.get_dynamic_repo()),
        &(&1.name == "demo" and &1.seq < head)
      )

    with {:ok, pid} <- begin() do
      resumed = if behind?, do: until(head, []), else: []
      stop(pid)

      with :ok <- Journal.forget_consumer(Repo.get_dynamic_repo(), "demo"),
           do: {:ok, %{followed | resumed: resumed}}
    end
  end

  @doc """
  What is wrong with what was handled, or nil. The batch that was under way when it was killed may
  come again, as nothing of it was kept.

      iex> AshChat.Demo.Follower.problem(%{from: 4, killed: [5, 6, 7], resumed: [7, 8, 9]}, 9)
      nil

      iex> AshChat.Demo.Follower.problem(%{from: 4, killed: [5, 6, 7], resumed: [9]}, 9)
      "the subscriber that was killed after event 7 went on with event 9: events are missing or come twice"
  """
  @spec problem(t(), pos_integer()) :: String.t() | nil
  def problem(%{killed: []}, _head), do: "a subscriber was sent nothing"
  def problem(%{resumed: []}, _head), do: "the subscriber that was killed did not go on"

  def problem(%{from: from, killed: killed, resumed: resumed}, head) do
    first = List.first(resumed)
    {kept, again} = Enum.split_while(killed, &(&1 < first))

    unless kept ++ resumed == Enum.to_list((from + 1)..head//1) and length(again) <= @batch do
      "the subscriber that was killed after event #{List.last(killed)} went on with event " <>
        "#{first}: events are missing or come twice"
    end
  end

  # The process that starts it continues when it ends, and where it cannot be started.
  defp begin(options \\ []) do
    before = Process.flag(:trap_exit, true)
    own = [report: self(), dynamic_repo: Repo.get_dynamic_repo()]

    result = start_link(own ++ options)
    with {:ok, pid} <- result, do: Process.unlink(pid)
    Process.flag(:trap_exit, before)
    result
  end

  defp next do
    receive do
      {:followed, seqs} -> seqs
    after
      @silence -> []
    end
  end

  defp rest do
    receive do
      {:followed, seqs} -> seqs ++ rest()
    after
      0 -> []
    end
  end

  defp until(head, handled) do
    seqs = next()
    handled = handled ++ seqs
    if seqs == [] or List.last(seqs) >= head, do: handled, else: until(head, handled)
  end

  defp stop(pid) do
    monitor = Process.monitor(pid)
    Process.exit(pid, :kill)

    receive do
      {:DOWN, ^monitor, :process, ^pid, _reason} -> :ok
    end
  end
end
