defmodule AshRusqlite.Journal.Broadcast do
  @moduledoc """
  Passes the events of a repo's journal on to a function that sends messages to many processes, such as
  one of `Phoenix.PubSub`, once the events are durable.

      children = [
        {Phoenix.PubSub, name: MyApp.PubSub},
        MyApp.Repo,
        {AshRusqlite.Journal.Broadcast,
         repo: MyApp.Repo,
         broadcast: fn topic, event ->
           Phoenix.PubSub.local_broadcast(MyApp.PubSub, topic, {:event, event})
         end}
      ]

  A LiveView, for example, then subscribes to the topic `"room:kitchen"`.

  It begins with the newest event, so what happens while it does not run is not passed on. A process that
  must not miss an event is an `AshRusqlite.Journal.Consumer`, and one that needs earlier events reads them
  with `c:AshRusqlite.Repo.events/1`.

  ## Options

    * `:repo` - the repo's name or pid. Required
    * `:broadcast` - a function of a topic and an event. Required
    * `:topics` - a function of an event that returns its topics. Default: `"events"`, its type, and its
      source if it has one
    * `:source`, `:type`, `:actor`, `:table`, `:from`, `:max_demand` - as of
      `c:AshRusqlite.Repo.subscribe/1`
    * `:name` - the name that the process is registered by
  """

  use GenServer

  alias AshRusqlite.{Error, Event, Journal}
  alias AshRusqlite.Repo.{Events, Options}

  @subscription [:source, :type, :actor, :table, :from, :max_demand]

  @doc "Starts it. The error is one of the options, or of `c:AshRusqlite.Repo.subscribe/1`."
  @spec start_link(keyword()) :: GenServer.on_start() | {:error, Error.t()}
  def start_link(options) do
    case GenServer.start_link(__MODULE__, options, Keyword.take(options, [:name])) do
      {:error, {:shutdown, %Error{} = error}} -> {:error, error}
      result -> result
    end
  end

  @doc "The topics that an event has by default."
  @spec topics(Event.t()) :: [String.t()]
  def topics(%Event{source: nil, type: type}), do: ["events", type]
  def topics(%Event{source: source, type: type}), do: ["events", type, source]

  @impl true
  def init(options) do
    with :ok <- Options.known(options, [:repo, :broadcast, :topics, :name] ++ @subscription, []),
         {:ok, broadcast} <- function(:broadcast, options[:broadcast], 2),
         {:ok, topics} <- function(:topics, Keyword.get(options, :topics, &topics/1), 1),
         {:ok, subscription} <-
           Events.subscribe(options[:repo], Keyword.take(options, @subscription)) do
      {:ok, %{subscription: subscription, broadcast: broadcast, topics: topics}}
    else
      {:error, error} -> {:stop, {:shutdown, error}}
    end
  end

  defp function(_option, function, arity) when is_function(function, arity), do: {:ok, function}

  defp function(option, other, arity),
    do: Options.wrong(option, other, "a function of #{arity} arguments")

  @impl true
  def handle_info({:journal, subscription, events}, %{subscription: subscription} = state) do
    for event <- events, topic <- state.topics.(event), do: state.broadcast.(topic, event)
    Journal.ack(subscription, List.last(events))
    {:noreply, state}
  end

  def handle_info({:journal_closed, subscription, error}, %{subscription: subscription} = state),
    do: {:stop, {:shutdown, error}, state}

  def handle_info(_message, state), do: {:noreply, state}
end
