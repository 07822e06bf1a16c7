if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.Notifications do
    @moduledoc """
    Calls the notifiers of Ash resources, such as `Ash.Notifier.PubSub`, for changes that no action made,
    but another program, SQL, or a function of the repo. It follows the journal of a repo.

        children = [
          MyApp.Repo,
          {AshRusqlite.DataLayer.Notifications,
           repo: MyApp.Repo, resources: [MyApp.Room, MyApp.Message]}
        ]

    A notification has

      * `data` - the record after the change
      * `action` - the resource's primary action of the kind: create, update or destroy. Without one there
        is no notification
      * `changeset.data` - the record before the change
      * `metadata.event` - the event

    It begins with the newest event, so there are no notifications of what happens while it does not run.

    ## Options

      * `:repo` - the repo's name or pid. Required
      * `:resources` - the resources, whose tables are journaled. Required
      * `:actions` - whether there are notifications of changes by actions, too. Ash has sent those already
        on the node that ran the action, so this is for other nodes. Default: false
      * `:name` - the name that the process is registered by
    """

    use GenServer

    alias AshRusqlite.{Error, Event, Journal}
    alias AshRusqlite.DataLayer.Info
    alias AshRusqlite.DataLayer.Value.Codec
    alias AshRusqlite.Repo.{Events, Options, Reads}

    @types %{insert: :create, update: :update, delete: :destroy}

    @doc "Starts it. The error is one of the options, or of `c:AshRusqlite.Repo.subscribe/1`."
    @spec start_link(keyword()) :: GenServer.on_start() | {:error, Error.t()}
    def start_link(options) do
      case GenServer.start_link(__MODULE__, options, Keyword.take(options, [:name])) do
        {:error, {:shutdown, %Error{} = error}} -> {:error, error}
        result -> result
      end
    end

    @impl true
    def init(options) do
      with :ok <- Options.known(options, [:repo, :resources, :actions, :name], []),
           {:ok, resources} <- resources(options[:resources]),
           tables = Map.keys(resources),
           {:ok, subscription} <- Events.subscribe(options[:repo], table: tables) do
        {:ok,
         %{
           repo: options[:repo],
           resources: resources,
           actions: Keyword.get(options, :actions, false),
           subscription: subscription
         }}
      else
        {:error, error} -> {:stop, {:shutdown, error}}
      end
    end

    defp resources([_ | _] = resources), do: {:ok, Map.new(resources, &{Info.table(&1), &1})}
    defp resources(other), do: Options.wrong(:resources, other, "a list of resources")

    @impl true
    def handle_info({:journal, subscription, events}, %{subscription: subscription} = state) do
      Enum.each(events, &notify(&1, Map.fetch!(state.resources, &1.table), state))
      Journal.ack(subscription, List.last(events))
      {:noreply, state}
    end

    def handle_info(
          {:journal_closed, subscription, error},
          %{subscription: subscription} = state
        ),
        do: {:stop, {:shutdown, error}, state}

    def handle_info(_message, state), do: {:noreply, state}

    defp notify(event, resource, state) do
      action = @types[event.operation] && primary_action(event, resource)

      if action && (state.actions || not by_action?(event, resource)),
        do: notify(event, resource, action, state.repo)
    end

    defp primary_action(event, resource),
      do: Ash.Resource.Info.primary_action(resource, @types[event.operation])

    # Ash has done it.
    defp by_action?(%Event{action: nil}, _resource), do: false

    defp by_action?(%Event{action: name}, resource),
      do: Enum.any?(Ash.Resource.Info.actions(resource), &(Atom.to_string(&1.name) == name))

    defp notify(event, resource, action, repo) do
      {before, now} = rows(event, resource, repo)
      load = Codec.loader(resource)

      with {:ok, before} <- load.(before), {:ok, now} <- load.(now) do
        notification = notification(event, resource, action, before, now)
        for notifier <- notifiers(resource, action), do: notifier.notify(notification)
      end
    end

    defp notifiers(resource, action),
      do: Ash.Resource.Info.notifiers(resource) ++ List.wrap(Map.get(action, :notifiers))

    defp notification(event, resource, action, before, now) do
      domain = Ash.Resource.Info.domain(resource)

      %Ash.Notifier.Notification{
        resource: resource,
        domain: domain,
        action: action,
        data: now,
        from: __MODULE__,
        metadata: %{event: event},
        changeset: %Ash.Changeset{
          resource: resource,
          domain: domain,
          action: action,
          action_type: action.type,
          data: before
        }
      }
    end

    # What the journal does not have is taken from the row as it is now.
    defp rows(%Event{operation: :delete, data: data}, _resource, _repo),
      do: {known(data), known(data)}

    defp rows(event, resource, repo) do
      now = Reads.get(repo, event.table, key(event, resource)) || %{}
      now = Map.merge(now, known(event.data))
      {Map.merge(now, known(event.old || %{})), now}
    end

    defp key(%Event{key: values}, resource) when is_list(values) do
      columns =
        for name <- Ash.Resource.Info.primary_key(resource),
            do: Codec.column(Ash.Resource.Info.attribute(resource, name))

      Enum.zip(columns, values)
    end

    defp key(%Event{key: value}, _resource), do: value

    defp known(data), do: for({name, value} <- data, value?(value), into: %{}, do: {name, value})

    defp value?(value), do: value not in [:sensitive, :redacted]
  end
end
