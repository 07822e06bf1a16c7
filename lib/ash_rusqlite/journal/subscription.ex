defmodule AshRusqlite.Journal.Subscription do
  @moduledoc false
  # A process that reads the events of one subscriber and sends them to it, as far as it wants more.
  # It ends with its subscriber and with its repo.
  #
  # It knows of every event that concerns it up to `seq`, and whether there may be more. What is in
  # its mailbox is small: that there is more to read, and what was acknowledged.

  # In its own process from the start on: a subscriber may be no part of any supervision.
  use GenServer, restart: :temporary

  alias AshRusqlite.{Error, Event, Journal.Hub}
  alias AshRusqlite.Repo.{EventQuery, Options, Registry, Request, Server, Statement}

  @filters [:source, :type, :actor, :table]
  @known @filters ++ [:from, :max_demand, :demand, :progress]

  # Events that may be sent and not acknowledged.
  @max_demand 500
  # Events that are read at once.
  @page 500
  # Milliseconds until a read that failed is made again.
  @again 100

  defstruct [:entry, :subscriber, :monitor, :repo_monitor, :hub_monitor, :filters, :journal] ++
              [:position, :demand, :progress, seq: 0, more?: true]

  @doc "Starts one for a subscriber. The options are those of `c:AshRusqlite.Repo.subscribe/1`."
  @spec start(Registry.t(), pid(), keyword()) :: {:ok, pid()} | {:error, Error.t()}
  def start(entry, subscriber, opts) do
    with :ok <- Options.known(opts, @known, []),
         {:ok, filters} <- EventQuery.filters(opts, @filters),
         {:ok, from} <- from(Keyword.get(opts, :from, :head)),
         {:ok, demand} <- demand(opts) do
      state = %__MODULE__{
        entry: entry,
        subscriber: subscriber,
        filters: filters,
        demand: demand,
        progress: Keyword.get(opts, :progress, false)
      }

      case GenServer.start(__MODULE__, {state, from}) do
        {:error, {:shutdown, %Error{} = error}} -> {:error, error}
        result -> result
      end
    end
  end

  defp from(:head), do: {:ok, :head}
  defp from(place), do: EventQuery.from(place)

  defp demand(opts) do
    case {Keyword.get(opts, :demand, :automatic), Keyword.get(opts, :max_demand, @max_demand)} do
      {:manual, _} -> {:ok, 0}
      {:automatic, max} when is_integer(max) and max > 0 -> {:ok, {max, 0, :queue.new()}}
      {:automatic, max} -> Options.wrong(:max_demand, max, "a positive count of events")
      {other, _} -> Options.wrong(:demand, other, ":automatic or :manual")
    end
  end

  @doc "Ends one. When this returns, nothing more is sent."
  @spec stop(pid()) :: :ok
  def stop(subscription) when is_pid(subscription) do
    GenServer.stop(subscription)
  catch
    :exit, _reason -> :ok
  end

  def stop(other) do
    message = "a subscription is a pid that subscribe has returned, not #{Options.shorten(other)}"
    raise Error.new(:invalid_query, message)
  end

  @doc "Says that events were handled, up to a seq."
  @spec ack(pid(), non_neg_integer()) :: :ok
  def ack(subscription, seq), do: GenServer.cast(subscription, {:ack, seq})

  @doc "Asks for more events."
  @spec ask(pid(), pos_integer()) :: :ok
  def ask(subscription, count), do: GenServer.cast(subscription, {:ask, count})

  @impl true
  def init({state, from}) do
    Process.flag(:priority, :high)

    state = %{
      state
      | monitor: Process.monitor(state.subscriber),
        repo_monitor: Process.monitor(state.entry.pid)
    }

    # First the hub, then the look at the journal: what comes in between is noticed by one of them.
    with {:ok, state} <- register(state),
         {:ok, head} <- read(state, Request.head()),
         {:ok, state} <- begin(state, from, head) do
      {:ok, state, {:continue, :deliver}}
    else
      {:error, error} -> {:stop, {:shutdown, error}}
    end
  end

  defp begin(state, :head, head),
    do: {:ok, %{state | seq: head.seq, journal: head.journal, more?: false}}

  defp begin(state, from, head) do
    query = [headers: true, limit: 1] ++ from

    # An error of it is one of what was asked for.
    with {:ok, _rows} <- read(state, Request.events(query)),
         do: {:ok, %{state | seq: from[:after], journal: from[:journal] || head.journal}}
  end

  defp register(state) do
    interests =
      case Enum.find(@filters, &state.filters[&1]) do
        nil -> [:all]
        name -> Enum.map(state.filters[name], &{name, &1})
      end

    with {:ok, hub} <- Server.journal_hub(state.entry),
         monitor = Process.monitor(hub),
         :ok <- Hub.register(hub, Enum.uniq(interests)),
         do: {:ok, %{state | hub_monitor: monitor}}
  catch
    :exit, _reason -> {:error, closed()}
  end

  @impl true
  def handle_continue(:deliver, state), do: deliver(state)

  @impl true
  def handle_cast({:ack, seq}, %{demand: {max, sent, unacknowledged}} = state) do
    {sent, unacknowledged} = drop(unacknowledged, sent, seq)
    deliver(%{state | demand: {max, sent, unacknowledged}})
  end

  def handle_cast({:ack, _seq}, state), do: {:noreply, state}

  def handle_cast({:ask, count}, %{demand: demand} = state) when is_integer(demand),
    do: deliver(%{state | demand: demand + count})

  def handle_cast({:ask, _count}, state), do: {:noreply, state}

  defp drop(unacknowledged, sent, seq) do
    case :queue.peek(unacknowledged) do
      {:value, first} when first <= seq -> drop(:queue.drop(unacknowledged), sent - 1, seq)
      _ -> {sent, unacknowledged}
    end
  end

  @impl true
  # It has read all that concerned it before.
  def handle_info({:journal_wake, from, _to}, %{more?: false} = state),
    do: deliver(%{state | seq: max(state.seq, from), more?: true})

  def handle_info({:journal_wake, _from, _to}, state), do: {:noreply, state}

  def handle_info({:journal_events, from, to, events}, %{more?: false} = state) do
    mine = Enum.filter(events, &mine?(&1, state))

    cond do
      mine == [] ->
        {:noreply, %{state | seq: max(state.seq, to)}}

      hd(mine).journal == state.journal and length(mine) <= wanted(state.demand) ->
        {:noreply, %{send_events(state, mine) | seq: max(state.seq, to)}}

      true ->
        deliver(%{state | seq: max(state.seq, from), more?: true})
    end
  end

  def handle_info({:journal_events, _from, _to, _events}, state), do: {:noreply, state}

  def handle_info({:journal_synced, seq}, %{more?: false} = state) when seq > state.seq do
    if state.progress, do: send(state.subscriber, {:journal_progress, self(), seq})
    {:noreply, %{state | seq: seq}}
  end

  def handle_info({:journal_synced, _seq}, state), do: {:noreply, state}
  def handle_info(:again, state), do: deliver(state)

  def handle_info({:DOWN, monitor, :process, _pid, _reason}, %{monitor: monitor} = state),
    do: {:stop, :normal, state}

  def handle_info({:DOWN, monitor, :process, _pid, _reason}, %{repo_monitor: monitor} = state),
    do: close(state, closed())

  def handle_info({:DOWN, monitor, :process, _pid, _reason}, %{hub_monitor: monitor} = state) do
    case register(state) do
      {:ok, state} -> deliver(%{state | more?: true})
      {:error, error} -> close(state, error)
    end
  end

  def handle_info(_message, state), do: {:noreply, state}

  defp deliver(%{more?: false} = state), do: {:noreply, state}

  defp deliver(state) do
    case min(wanted(state.demand), @page) do
      0 -> {:noreply, state}
      limit -> state |> read(query(state, limit)) |> delivered(state, limit)
    end
  end

  defp wanted({max, sent, _unacknowledged}), do: max - sent
  defp wanted(demand), do: demand

  defp query(state, limit) do
    place = if position = state.position, do: [after_position: position], else: [after: state.seq]
    Request.events(state.filters ++ place ++ [journal: state.journal, limit: limit])
  end

  defp delivered({:ok, []}, state, _limit), do: {:noreply, %{state | more?: false}}

  defp delivered({:ok, rows}, state, limit) do
    state = send_events(state, Enum.map(rows, &Event.of_row/1))

    # What came meanwhile first.
    if length(rows) == limit,
      do: {:noreply, state, {:continue, :deliver}},
      else: {:noreply, %{state | more?: false}}
  end

  # It may come to be.
  defp delivered({:error, %Error{code: :unknown_source}}, state, _limit),
    do: {:noreply, %{state | more?: false}}

  # It was there: a restore has put another journal in its place, and is about to say so.
  defp delivered({:error, %Error{code: :position_ahead}}, state, _limit),
    do: close(state, restored())

  defp delivered({:error, %Error{code: code, retryable?: retryable?}}, state, _limit)
       when retryable? or code == :closed do
    Process.send_after(self(), :again, @again)
    {:noreply, state}
  end

  defp delivered({:error, error}, state, _limit), do: close(state, error)

  defp send_events(state, events) do
    send(state.subscriber, {:journal, self(), events})
    %Event{seq: seq, position: position} = List.last(events)
    position = if match?([_], state.filters[:source]), do: position
    %{state | seq: seq, position: position, demand: sent(state.demand, events)}
  end

  # Not what it has read before it was sent this.
  defp mine?(%Event{seq: seq}, state) when seq <= state.seq, do: false

  defp mine?(event, state) do
    Enum.all?(state.filters, fn {name, wanted} -> Map.fetch!(event, name) in wanted end)
  end

  defp sent({max, sent, unacknowledged}, events) do
    unacknowledged = Enum.reduce(events, unacknowledged, &:queue.in(&1.seq, &2))
    {max, sent + length(events), unacknowledged}
  end

  defp sent(demand, events), do: demand - length(events)

  defp close(state, error) do
    send(state.subscriber, {:journal_closed, self(), error})
    {:stop, {:shutdown, error}, state}
  end

  defp restored,
    do:
      Error.new(
        :other_journal,
        "the database was restored, and its journal with it: read what is there, and subscribe again"
      )

  defp closed,
    do: Error.new(:closed, "the repo was stopped, and with it what followed its journal")

  defp read(%{entry: entry}, read), do: Statement.read_outside(entry, read)
end
