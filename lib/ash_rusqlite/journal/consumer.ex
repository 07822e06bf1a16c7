defmodule AshRusqlite.Journal.Consumer do
  @moduledoc """
  A process that handles every event of a journal, in order, and continues where it was after a crash.

      defmodule MyApp.Unread do
        use AshRusqlite.Journal.Consumer,
          repo: MyApp.Repo,
          name: "unread",
          type: "chat.message.created"

        @impl true
        def handle_events(events, state) do
          for event <- events do
            MyApp.Repo.update_all(:rooms, [inc: [unread: 1]], where: [id: event.data.room_id])
          end

          {:ok, state}
        end
      end

      # in the application's supervisor, after the repo
      children = [MyApp.Repo, MyApp.Unread]

  Each batch of events is one transaction. `c:handle_events/2` runs in it, and the place that the consumer
  has reached is written in the same commit. So its writes to the database happen exactly once. Effects
  elsewhere, such as a mail, happen at least once: after a crash between the effect and the commit, the
  batch comes again. The transaction takes the writer at its first statement, so do slow work before that.

  ## Options

  They are given to `use`, or to the child, which wins:

    * `:repo` - the repo's module. Required
    * `:name` - a string that is this consumer's own in the database. Required
    * `:source`, `:type`, `:actor`, `:table` - only such events, as of `c:AshRusqlite.Repo.subscribe/1`
    * `:from` - where it begins the first time: after a seq, a cursor or an event, or at `:head`, the
      newest event. Default: 0, the beginning
    * `:batch` - the largest number of events at once. Default: 100
    * `:timeout` - of a batch's transaction, as of `c:AshRusqlite.Repo.transaction/2`
    * `:dynamic_repo` - the instance of the repo, as of `c:AshRusqlite.Repo.put_dynamic_repo/1`

  ## Errors

  `start_link` returns `{:error, error}` with `:other_journal` where the database was restored since the
  consumer ran, and with `:outdated` where retention removed events that it has not handled. Then a person
  decides where it continues, with `AshRusqlite.Journal.reset_consumer/3`.

  When `c:handle_events/2` raises or returns an error, the batch is rolled back and the process ends; its
  supervisor starts it again. Of two consumers with one name, the second ends with `:position_conflict`.
  """

  alias AshRusqlite.{Event, Journal}

  @doc "The state that a consumer starts with. By default its options."
  @callback init(options :: keyword()) :: {:ok, state :: term()} | {:stop, reason :: term()}

  @doc """
  Handles events, at least one, in the transaction that also writes the place that the consumer has
  reached. With an error this transaction is rolled back and the process ends.
  """
  @callback handle_events([Event.t()], state :: term()) ::
              {:ok, state :: term()} | {:error, reason :: term()}

  @optional_callbacks init: 1

  @doc false
  defmacro __using__(defaults) do
    quote bind_quoted: [defaults: defaults] do
      @behaviour AshRusqlite.Journal.Consumer

      @consumer_defaults defaults

      @doc "Starts the consumer. Options are those of `AshRusqlite.Journal.Consumer`."
      @spec start_link(keyword()) :: GenServer.on_start()
      def start_link(opts \\ []) do
        options = Keyword.merge(@consumer_defaults, opts)
        AshRusqlite.Journal.Consumer.start_link(__MODULE__, options)
      end

      @doc false
      def child_spec(opts) do
        %{id: opts[:id] || __MODULE__, start: {__MODULE__, :start_link, [opts]}}
      end

      defoverridable child_spec: 1
    end
  end

  use GenServer

  alias AshRusqlite.Error
  alias AshRusqlite.Repo.{Events, Options, Request, Statement, Transaction}

  @known [:id, :repo, :name, :source, :type, :actor, :table, :from, :batch, :timeout] ++
           [:dynamic_repo]

  defstruct [:module, :repo, :name, :journal, :subscription, :seq, :batch, :timeout, :state]

  @doc "Starts a consumer whose callbacks are in a module."
  @spec start_link(module(), keyword()) :: GenServer.on_start() | {:error, Error.t()}
  def start_link(module, options) do
    case GenServer.start_link(__MODULE__, {module, options}) do
      {:error, {:shutdown, %Error{} = error}} -> {:error, error}
      result -> result
    end
  end

  @impl GenServer
  def init({module, options}) do
    known = Keyword.take(options, @known)

    with {:ok, repo} <- repo(known),
         {:ok, name} <- name(known[:name]),
         {:ok, batch} <- batch(Keyword.get(known, :batch, 100)),
         {:ok, state} <- init_state(module, options),
         {:ok, seq, journal} <- place(repo, name, known),
         {:ok, subscription} <- subscribe(repo, seq, journal, known) do
      Journal.ask(subscription, batch)

      {:ok,
       %__MODULE__{
         module: module,
         repo: repo,
         name: name,
         journal: journal,
         subscription: subscription,
         seq: seq,
         batch: batch,
         timeout: known[:timeout],
         state: state
       }}
    else
      {:error, error} -> {:stop, {:shutdown, error}}
      {:stop, reason} -> {:stop, reason}
    end
  end

  defp repo(options) do
    case {options[:repo], options[:dynamic_repo]} do
      {nil, _} -> Options.wrong(:repo, nil, "a repo")
      {repo, nil} -> {:ok, repo}
      {repo, instance} -> with(_ <- repo.put_dynamic_repo(instance), do: {:ok, instance})
    end
  end

  defp name(name) when is_binary(name) and name != "", do: {:ok, name}
  defp name(other), do: Options.wrong(:name, other, "a string")

  defp batch(batch) when is_integer(batch) and batch > 0, do: {:ok, batch}
  defp batch(other), do: Options.wrong(:batch, other, "a positive count of events")

  defp init_state(module, options) do
    if function_exported?(module, :init, 1), do: module.init(options), else: {:ok, options}
  end

  # Where it was, or where it begins: that is durable before its first batch.
  defp place(repo, name, options) do
    with {:ok, head} <- Statement.read(repo, Request.head(), nil),
         {:ok, all} <- Statement.read(repo, Request.consumers(), nil) do
      case Enum.find(all, &(&1.name == name)) do
        nil -> begin(repo, name, Keyword.get(options, :from, 0), head)
        %{seq: seq, epoch: epoch} -> resume(seq, epoch, head)
      end
    end
  end

  defp begin(repo, name, from, head) do
    from = if from == :head, do: head.seq, else: from

    with {:ok, from} <- AshRusqlite.Repo.EventQuery.from(from),
         journal = from[:journal] || head.journal,
         :ok <- Journal.save(repo, name, from[:after], journal, 0),
         do: {:ok, from[:after], journal}
  end

  # Of another epoch the subscription says what is wrong.
  defp resume(seq, epoch, head) do
    [id, _epoch] = String.split(head.journal, ".")
    {:ok, seq, id <> "." <> epoch}
  end

  defp subscribe(repo, seq, journal, options) do
    filters = Keyword.take(options, [:source, :type, :actor, :table])
    from = "#{journal}.#{seq}"
    Events.subscribe(repo, filters ++ [from: from, demand: :manual, progress: true])
  end

  @impl GenServer
  def handle_info({:journal, subscription, events}, %{subscription: subscription} = state) do
    seq = List.last(events).seq

    work = fn ->
      with {:ok, new} <- handle(state, events),
           :ok <- Journal.save(state.repo, state.name, seq, state.journal, state.seq) do
        new
      else
        {:error, reason} -> Transaction.rollback(state.repo, reason)
      end
    end

    timeout = if state.timeout, do: [timeout: state.timeout], else: []

    case Transaction.transaction(state.repo, work, timeout) do
      {:ok, new} ->
        Journal.ask(subscription, length(events))
        {:noreply, %{state | seq: seq, state: new}}

      {:error, reason} ->
        {:stop, reason, state}
    end
  end

  # Nothing in between concerned it. That it is further may be lost.
  def handle_info({:journal_progress, subscription, seq}, %{subscription: subscription} = state) do
    case Journal.save(state.repo, state.name, seq, state.journal, state.seq) do
      :ok -> {:noreply, %{state | seq: seq}}
      {:error, %Error{code: :position_conflict} = error} -> {:stop, error, state}
      {:error, _} -> {:noreply, state}
    end
  end

  def handle_info({:journal_closed, subscription, error}, %{subscription: subscription} = state),
    do: {:stop, {:shutdown, error}, state}

  def handle_info(_message, state), do: {:noreply, state}

  defp handle(state, events) do
    case state.module.handle_events(events, state.state) do
      {:ok, new} -> {:ok, new}
      {:error, reason} -> {:error, reason}
    end
  end
end
