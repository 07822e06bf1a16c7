defmodule AshRusqlite.Journal.Hub do
  @moduledoc false
  # One process of a running repo, from its first subscription on. It is notified of commits, reads
  # what the new events are about, once for all, and wakes the subscriptions that they concern.
  #
  # The writer notifies it at most once for each request to be notified, and it polls as well, which
  # finds what other programs have written and survives the replacement of native code.

  use GenServer

  alias AshRusqlite.{Error, Event}
  alias AshRusqlite.Repo.{Call, Registry, Request, Statement}

  # Milliseconds between two polls.
  @poll 100
  # Polls after which each subscription is sent how far the journal is.
  @sync 50
  # Headers, and events, that are read at once.
  @page 1_000
  @events 100
  # Subscriptions that read for themselves what concerns them. For more than these it is read once.
  @few 4

  @typedoc "What a subscription is woken for."
  @type interest :: :all | {:source | :type | :actor | :table, String.t()}

  defstruct [:entry, :repo_monitor, :watch, seq: 0, polls: 0, index: %{}, subscriptions: %{}]

  @doc "Starts the hub of a repo, linked to the process that owns its database."
  @spec start_link(Registry.t()) :: GenServer.on_start()
  def start_link(entry), do: GenServer.start_link(__MODULE__, entry)

  @doc """
  From now on the calling process is sent `{:journal_wake, from, to}` after commits with events that
  concern it: it knew of all that concern it up to `from`. Or it is sent the events themselves, and
  maybe others, as `{:journal_events, from, to, events}`. Now and then it is sent
  `{:journal_synced, seq}`: it knows of all up to `seq`.
  """
  @spec register(pid(), [interest()]) :: :ok | {:error, Error.t()}
  def register(hub, interests), do: GenServer.call(hub, {:register, interests}, :infinity)

  @impl true
  def init(entry) do
    Process.flag(:priority, :high)
    {:ok, %__MODULE__{entry: entry, repo_monitor: Process.monitor(entry.pid)}}
  end

  @impl true
  def handle_call({:register, interests}, {pid, _tag}, %{subscriptions: none} = state)
      when none == %{} do
    case head(state) do
      {:ok, seq} ->
        Process.send_after(self(), :poll, @poll)
        {:reply, :ok, state |> Map.put(:seq, seq) |> add(pid, interests) |> watch()}

      {:error, error} ->
        {:reply, {:error, error}, state}
    end
  end

  def handle_call({:register, interests}, {pid, _tag}, state),
    do: {:reply, :ok, add(state, pid, interests)}

  @impl true
  def handle_info({watch, :ready}, %{watch: watch} = state),
    do: {:noreply, look(%{state | watch: nil})}

  # Nobody follows any more.
  def handle_info(:poll, %{subscriptions: none} = state) when none == %{}, do: {:noreply, state}

  def handle_info(:poll, state) do
    Process.send_after(self(), :poll, @poll)
    {:noreply, state |> look() |> sync()}
  end

  def handle_info({:DOWN, monitor, :process, _pid, _reason}, %{repo_monitor: monitor} = state),
    do: {:stop, :normal, state}

  def handle_info({:DOWN, _monitor, :process, pid, _reason}, state),
    do: {:noreply, remove(state, pid)}

  def handle_info(_message, state), do: {:noreply, state}

  # First the watch, then the look: what is committed in between is noticed by one of them.
  defp look(%{subscriptions: none} = state) when none == %{}, do: state

  defp look(state) do
    state = watch(state)

    case state.index do
      %{all: _} = all when map_size(all) == 1 -> look_at_head(state)
      _ -> look_at_headers(state, state.seq, %{})
    end
  end

  # A notification may have been lost when native code was replaced; then polling finds the commit.
  defp watch(%{watch: nil} = state) do
    case Call.watch_journal(state.entry.db) do
      {:ok, watch} -> %{state | watch: watch}
      {:error, _} -> state
    end
  end

  defp watch(state), do: state

  defp look_at_head(state) do
    case head(state) do
      {:ok, head} when head != state.seq -> wake(state, head, %{})
      _ -> state
    end
  end

  defp look_at_headers(state, seq, woken) do
    query = [headers: true, after: seq, limit: @page]

    case read(state, Request.events(query)) do
      {:ok, []} when woken == %{} and seq == state.seq ->
        state

      {:ok, rows} ->
        seq = Enum.reduce(rows, seq, fn row, _ -> row.seq end)
        woken = Enum.reduce(rows, woken, &concerned(&1, &2, state.index))

        cond do
          length(rows) == @page -> look_at_headers(state, seq, woken)
          map_size(woken) > @few -> hand_out(state, seq)
          true -> wake(state, seq, woken)
        end

      # The journal is another one than it was: each subscription finds out whether that concerns it.
      {:error, %Error{code: code}} when code in [:position_ahead, :outdated] ->
        with {:ok, head} <- head(state),
             do: wake(state, head, state.subscriptions),
             else: (_ -> state)

      {:error, _} ->
        state
    end
  end

  defp concerned(row, woken, index) do
    Enum.reduce(interests(row), woken, fn interest, woken ->
      case index do
        %{^interest => pids} -> Map.merge(woken, pids)
        _ -> woken
      end
    end)
  end

  defp interests(event),
    do: [source: event.source, type: event.type, actor: event.actor, table: event.table]

  # Reads the events once for all of many subscriptions, a part after the other.
  defp hand_out(%{seq: seq} = state, head) when seq >= head, do: state

  defp hand_out(%{seq: seq} = state, head) do
    case read(state, Request.events(after: seq, before: head + 1, limit: @events)) do
      {:ok, [_ | _] = rows} ->
        events = Enum.map(rows, &Event.of_row/1)
        to = List.last(events).seq

        for {pid, events} <- shares(events, state.index),
            do: send(pid, {:journal_events, seq, to, Enum.reverse(events)})

        hand_out(%{state | seq: to}, head)

      _ ->
        wake(state, head, state.subscriptions)
    end
  end

  defp shares(events, index) do
    Enum.reduce(events, %{}, fn event, shares ->
      pids = concerned(event, Map.get(index, :all, %{}), index)

      Enum.reduce(pids, shares, fn {pid, _}, shares ->
        Map.update(shares, pid, [event], &[event | &1])
      end)
    end)
  end

  defp wake(state, head, woken) do
    message = {:journal_wake, min(state.seq, head), head}
    all = Map.get(state.index, :all, %{})
    for {pid, _} <- all, do: send(pid, message)
    for {pid, _} <- woken, not is_map_key(all, pid), do: send(pid, message)
    %{state | seq: head}
  end

  # Events that concern no subscription move none on, and what was removed must not look missed.
  defp sync(%{polls: polls} = state) when polls < @sync, do: %{state | polls: polls + 1}

  defp sync(state) do
    for {pid, _} <- state.subscriptions, do: send(pid, {:journal_synced, state.seq})
    %{state | polls: 0}
  end

  defp head(state) do
    with {:ok, %{seq: seq}} <- read(state, Request.head()), do: {:ok, seq}
  end

  defp read(%{entry: entry}, read), do: Statement.read_outside(entry, read)

  defp add(state, pid, interests) do
    Process.monitor(pid)
    index = Enum.reduce(interests, state.index, &put(&2, &1, pid))
    %{state | index: index, subscriptions: Map.put(state.subscriptions, pid, interests)}
  end

  defp put(index, interest, pid),
    do: Map.update(index, interest, %{pid => true}, &Map.put(&1, pid, true))

  defp remove(state, pid) do
    {interests, subscriptions} = Map.pop(state.subscriptions, pid, [])

    index =
      Enum.reduce(interests, state.index, fn interest, index ->
        case Map.delete(Map.get(index, interest, %{}), pid) do
          none when none == %{} -> Map.delete(index, interest)
          pids -> Map.put(index, interest, pids)
        end
      end)

    %{state | index: index, subscriptions: subscriptions}
  end
end
