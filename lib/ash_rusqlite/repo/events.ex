defmodule AshRusqlite.Repo.Events do
  @moduledoc """
  Events of the journal of the repo that is given by name or pid. A repo module has the same
  functions without the first argument, documented at `AshRusqlite.Repo`; `AshRusqlite.Journal` says
  what a journal is and what else can be done with it.
  """

  use AshRusqlite.Repo.Operations

  alias AshRusqlite.Event
  alias AshRusqlite.Journal.Subscription
  alias AshRusqlite.Repo.{EventQuery, Options, Registry, Request, Statement}

  # Events that a stream reads at once.
  @page 500

  @doc "See `c:AshRusqlite.Repo.events/1`."
  def events(repo, opts \\ []) do
    with {:ok, timeout, opts} <- Options.pop_timeout(opts, nil),
         {:ok, query} <- EventQuery.events(opts),
         {:ok, rows} <- Statement.read(repo, Request.events(query), timeout) do
      Enum.map(rows, &Event.of_row/1)
    else
      {:error, error} -> raise error
    end
  end

  @doc "See `c:AshRusqlite.Repo.stream_events/1`."
  def stream_events(repo, opts \\ []) do
    with {:ok, timeout, opts} <- Options.pop_timeout(opts, nil),
         {limit, opts} = Keyword.pop(opts, :limit),
         {size, opts} = Keyword.pop(opts, :max_rows, @page),
         :ok <- positive(:max_rows, size),
         :ok <- if(limit == nil, do: :ok, else: positive(:limit, limit)),
         {:ok, _query} <- EventQuery.events(opts) do
      next = if opts[:order] == :desc, do: :before, else: :after
      page = &events(repo, if(timeout, do: [timeout: timeout], else: []) ++ &1)
      Stream.resource(fn -> {opts, limit} end, &next(&1, page, size, next), fn _ -> :ok end)
    else
      {:error, error} -> raise error
    end
  end

  defp next(:done, _page, _size, _next), do: {:halt, :done}

  defp next({opts, left}, page, size, next) do
    wanted = min(left || size, size)
    events = page.([limit: wanted] ++ opts)
    left = left && left - length(events)

    if length(events) < wanted or left == 0,
      do: {events, :done},
      else: {events, {Keyword.put(opts, next, List.last(events)), left}}
  end

  defp positive(_option, count) when is_integer(count) and count > 0, do: :ok
  defp positive(option, other), do: Options.wrong(option, other, "a positive count of events")

  @doc "See `c:AshRusqlite.Repo.head/1`."
  def head(repo, opts \\ []), do: read!(repo, Request.head(), opts).seq

  @doc "See `c:AshRusqlite.Repo.position/2`."
  def position(repo, source, opts \\ []), do: read!(repo, Request.position(source), opts)

  defp read!(repo, read, opts) do
    with {:ok, timeout, opts} <- Options.pop_timeout(opts, nil),
         :ok <- Options.known(opts, []),
         {:ok, value} <- Statement.read(repo, read, timeout) do
      value
    else
      {:error, error} -> raise error
    end
  end

  @doc "See `c:AshRusqlite.Repo.subscribe/1`."
  def subscribe(repo, opts \\ []) do
    with {:ok, entry} <- Registry.lookup(repo), do: Subscription.start(entry, self(), opts)
  end

  @doc "See `c:AshRusqlite.Repo.unsubscribe/1`."
  def unsubscribe(_repo, subscription), do: Subscription.stop(subscription)
end
