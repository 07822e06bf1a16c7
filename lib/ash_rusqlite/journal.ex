defmodule AshRusqlite.Journal do
  @moduledoc """
  The journal of a database: each change of a row of a journaled table is also an event, an
  `AshRusqlite.Event`, written in the same commit as the change, whatever program makes it.

  A table is journaled by its description (`AshRusqlite.Repo.Schema`) or by the section `journal` of an
  Ash resource (`AshRusqlite.DataLayer.Journal`). The guide [Events](events.md) is an introduction. Then

    * `c:AshRusqlite.Repo.events/1` reads events
    * `c:AshRusqlite.Repo.subscribe/1` follows them
    * `AshRusqlite.Journal.Consumer` is a process that misses none, even if it crashes
    * `AshRusqlite.Journal.Broadcast` passes them on to `Phoenix.PubSub` and the like
    * `AshRusqlite.Journal.Resource` makes an Ash resource of them

  ## Demand

  A subscription sends its subscriber `{:journal, subscription, events}`, and never more than
  `max_demand:` events that were not acknowledged by `ack/2`. So the mailbox of a slow subscriber holds no
  more than these, and the writer does not wait for it.

  With `demand: :manual` it sends only as many as `ask/2` asks for, which is what a producer of
  [GenStage](https://hexdocs.pm/gen_stage) or Broadway needs:

      defmodule MyApp.Events do
        use GenStage

        def start_link(opts), do: GenStage.start_link(__MODULE__, opts)

        def init(opts) do
          {:ok, subscription} = MyApp.Repo.subscribe([demand: :manual] ++ opts)
          {:producer, subscription}
        end

        def handle_demand(demand, subscription) do
          AshRusqlite.Journal.ask(subscription, demand)
          {:noreply, [], subscription}
        end

        def handle_info({:journal, subscription, events}, subscription),
          do: {:noreply, events, subscription}

        def handle_info({:journal_closed, subscription, error}, subscription),
          do: {:stop, error, subscription}
      end
  """

  alias AshRusqlite.{Error, Event}
  alias AshRusqlite.Journal.Subscription
  alias AshRusqlite.Repo.{EventQuery, Events, Extension, Options, Request, Statement}

  @typep repo :: AshRusqlite.Repo.repo()

  @typedoc "A place in a journal. It is valid for this database only, and until that is restored."
  @type cursor :: String.t()

  @typedoc "A durable consumer and the place that it has reached."
  @type consumer :: %{
          name: String.t(),
          seq: non_neg_integer(),
          epoch: String.t(),
          at: DateTime.t()
        }

  @doc """
  The events of one row, the oldest first: its edit history, with the old values in `:old` and the new
  ones in `:data`. The repo is given by name or pid.

      AshRusqlite.Journal.history(MyApp.Repo, :messages, "m1")
      AshRusqlite.Journal.history(MyApp.Repo, :seats, [room_id: "kitchen", number: 2], limit: 10)

  The key is as of `c:AshRusqlite.Repo.get/3`. Options are those of `c:AshRusqlite.Repo.events/1`, and
  `limit:` is 1,000 unless given. Raises `:unknown_table`, `:not_journaled` and the errors of a read.
  """
  @spec history(repo(), AshRusqlite.Repo.table(), AshRusqlite.Repo.key(), keyword()) :: [
          Event.t()
        ]
  def history(repo, table, key, opts \\ []) do
    Events.events(repo, [table: table, key: key] ++ Keyword.put_new(opts, :limit, 1_000))
  end

  @doc """
  The events of a record of an Ash resource, see `history/4`: `AshRusqlite.Journal.history(message)`.
  """
  @spec history(struct()) :: [Event.t()]
  def history(record), do: history(record, [])

  @doc """
  The events of a record of an Ash resource, see `history/4`, with options:

      AshRusqlite.Journal.history(message, order: :desc, limit: 1)
  """
  @spec history(struct(), keyword()) :: [Event.t()]
  def history(%_{} = record, opts) do
    case Extension.row(record) do
      {:ok, {repo, table, key}} -> history(repo, table, key, opts)
      {:error, error} -> raise error
    end
  end

  @doc """
  The place of an event in its journal, as a string that `from:`, `after:` and `before:` take. No other
  event has the same one, so it is also an id. With a cursor of another database, or of the time before a
  restore, these options are the error `:other_journal`.
  """
  @spec cursor(Event.t()) :: cursor()
  def cursor(%Event{journal: journal, seq: seq}), do: "#{journal}.#{seq}"

  @doc """
  Acknowledges events: the subscriber has handled all up to this one, or this seq, and may receive more.

      receive do
        {:journal, ^subscription, events} ->
          Enum.each(events, &handle/1)
          AshRusqlite.Journal.ack(subscription, List.last(events))
      end
  """
  @spec ack(pid(), Event.t() | non_neg_integer()) :: :ok
  def ack(subscription, %Event{seq: seq}), do: Subscription.ack(subscription, seq)
  def ack(subscription, seq) when is_integer(seq), do: Subscription.ack(subscription, seq)

  @doc "Asks a subscription with `demand: :manual` for this number of further events."
  @spec ask(pid(), pos_integer()) :: :ok
  def ask(subscription, count) when is_integer(count) and count > 0,
    do: Subscription.ask(subscription, count)

  @doc """
  The durable consumers of a repo, with the places that they have reached. Raises `:not_journaled`. Option:
  `timeout:`.
  """
  @spec consumers(repo(), keyword()) :: [consumer()]
  def consumers(repo, opts \\ []),
    do: Error.unwrap!(run(opts, &Statement.read(repo, Request.consumers(), &1)))

  @doc """
  Sets where a durable consumer begins when it is started next: after a seq, a cursor or an event, or
  after the newest event with `:head`. A running one stops with `:position_conflict` at its next batch, and
  begins here when its supervisor starts it again.

      AshRusqlite.Journal.reset_consumer(MyApp.Repo, "mailer", 0)
  """
  @spec reset_consumer(repo(), String.t(), non_neg_integer() | cursor() | Event.t() | :head) ::
          :ok | {:error, Error.t()}
  def reset_consumer(repo, name, place) do
    with {:ok, head} <- Statement.read(repo, Request.head(), nil),
         {:ok, from} <-
           if(place == :head, do: {:ok, [after: head.seq]}, else: EventQuery.from(place)),
         journal = from[:journal] || head.journal,
         do: save(repo, name, from[:after], journal, nil)
  end

  @doc "Forgets a durable consumer: the next one of its name is new."
  @spec forget_consumer(repo(), String.t()) :: :ok | {:error, Error.t()}
  def forget_consumer(repo, name) do
    with {:ok, _} <- Statement.write(repo, Request.forget_consumer(name), nil), do: :ok
  end

  @doc false
  @spec save(repo(), String.t(), non_neg_integer(), String.t(), non_neg_integer() | nil) ::
          :ok | {:error, Error.t()}
  def save(repo, name, seq, journal, from) do
    write = Request.consumer(name, seq, journal, from)
    with {:ok, _} <- Statement.write(repo, write, nil), do: :ok
  end

  defp run(opts, fun) do
    with {:ok, timeout, opts} <- Options.pop_timeout(opts, nil),
         :ok <- Options.known(opts, []),
         do: fun.(timeout)
  end
end
