defmodule AshRusqlite.Repo.EventQuery do
  @moduledoc false
  # From the options of a call to what the engine is asked for events with.

  alias AshRusqlite.{Error, Event}
  alias AshRusqlite.Repo.Options

  @filters [:source, :type, :actor, :table, :key]
  @known @filters ++ [:since, :until, :after, :before, :from, :order, :limit]

  # Events of a page.
  @limit 100

  @doc "The options of `events`, as the engine takes them."
  @spec events(keyword()) :: {:ok, keyword()} | {:error, Error.t()}
  def events(opts) do
    with :ok <- Options.known(opts, @known),
         {:ok, query} <- filters(opts, @filters),
         {:ok, moments} <- moments(opts),
         {:ok, from} <- from(Keyword.get(opts, :from, 0)),
         {:ok, place} <- place(:after, opts[:after], query[:source]),
         {:ok, end_} <- place(:before, opts[:before], query[:source]),
         {:ok, descending} <- order(Keyword.get(opts, :order, :asc)),
         {:ok, limit} <- count(:limit, Keyword.get(opts, :limit, @limit)) do
      journal = Keyword.take(from ++ place ++ end_, [:journal]) |> Enum.uniq()
      places = merge(Keyword.delete(from, :journal), Keyword.delete(place, :journal))
      places = places ++ Keyword.delete(end_, :journal)

      case journal do
        [_, _ | _] ->
          {:error, other_journal()}

        _ ->
          {:ok, query ++ moments ++ journal ++ places ++ [descending: descending, limit: limit]}
      end
    end
  end

  # Of two seqs to begin behind, the later one.
  defp merge(from, place) do
    Keyword.merge(from, place, fn
      :after, one, other -> max(one, other)
      _key, _one, other -> other
    end)
  end

  @doc "The filters among options, as lists of texts."
  @spec filters(keyword(), [atom()]) :: {:ok, keyword()} | {:error, Error.t()}
  def filters(opts, known) do
    Enum.reduce_while(known, {:ok, []}, fn name, {:ok, query} ->
      case filter(name, opts[name]) do
        {:ok, nil} -> {:cont, {:ok, query}}
        {:ok, value} -> {:cont, {:ok, [{name, value} | query]}}
        error -> {:halt, error}
      end
    end)
  end

  defp filter(_name, nil), do: {:ok, nil}
  defp filter(:key, key), do: {:ok, key}

  defp filter(:table, tables) do
    tables = List.wrap(tables)

    if tables != [] and Enum.all?(tables, &(is_atom(&1) or is_binary(&1))),
      do: {:ok, Enum.map(tables, &to_string/1)},
      else: Options.wrong(:table, tables, "the name of a table, or a list of such")
  end

  defp filter(name, texts) do
    texts = List.wrap(texts)

    if texts != [] and Enum.all?(texts, &is_binary/1),
      do: {:ok, texts},
      else: Options.wrong(name, texts, "a string, or a list of such")
  end

  defp moments(opts) do
    Enum.reduce_while([:since, :until], {:ok, []}, fn name, {:ok, moments} ->
      case opts[name] do
        nil -> {:cont, {:ok, moments}}
        %DateTime{} = at -> {:cont, {:ok, [{name, at} | moments]}}
        other -> {:halt, Options.wrong(name, other, "a DateTime")}
      end
    end)
  end

  @doc "Where a reader begins: behind a seq, or the place of a cursor or an event."
  @spec from(term()) :: {:ok, keyword()} | {:error, Error.t()}
  def from(seq) when is_integer(seq) and seq >= 0, do: {:ok, [after: seq]}
  def from(%Event{seq: seq, journal: journal}), do: {:ok, [after: seq, journal: journal]}

  def from(cursor) when is_binary(cursor) do
    with [id, epoch, seq] <- String.split(cursor, "."),
         {seq, ""} when seq >= 0 <- Integer.parse(seq) do
      {:ok, [after: seq, journal: id <> "." <> epoch]}
    else
      _ -> wrong_place(:from, cursor)
    end
  end

  def from(other), do: wrong_place(:from, other)

  defp wrong_place(option, other), do: Options.wrong(option, other, "a seq, a cursor or an event")

  defp place(_option, nil, _sources), do: {:ok, []}

  # An event of the source leads on in its own index.
  defp place(option, %Event{source: source, position: position} = event, [source])
       when is_integer(position),
       do: {:ok, [{position_of(option), position}, {:journal, event.journal}]}

  defp place(option, position, [_source]) when is_integer(position) and position >= 0,
    do: {:ok, [{position_of(option), position}]}

  defp place(option, place, _sources) do
    case from(place) do
      {:ok, [{:after, seq} | journal]} -> {:ok, [{option, seq} | journal]}
      {:error, _} -> wrong_place(option, place)
    end
  end

  defp position_of(:after), do: :after_position
  defp position_of(:before), do: :before_position

  defp order(:asc), do: {:ok, false}
  defp order(:desc), do: {:ok, true}
  defp order(other), do: Options.wrong(:order, other, ":asc or :desc")

  defp count(_option, count) when is_integer(count) and count >= 0, do: {:ok, count}
  defp count(option, other), do: Options.wrong(option, other, "a count of events")

  defp other_journal do
    Error.new(:other_journal, "the places that were given are of different journals")
  end
end
