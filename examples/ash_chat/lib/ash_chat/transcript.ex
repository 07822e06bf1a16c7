defmodule AshChat.Transcript do
  @moduledoc """
  A room as a chat on a terminal: time, name, text.
  """

  alias AshChat.Repo

  @names 18
  @lines 12
  @least 20

  @doc """
  The last messages of a room, oldest first, as lines that are at most `width:` cells wide (80),
  as long as that leaves 20 for the text.

  Further options: `limit:` how many messages (10), `ansi:` true for bold names (false), `as_of:` the
  room as it was, as of `c:AshRusqlite.Repo.all/2`. Names are those of today.
  """
  @spec last(String.t(), keyword()) :: [String.t()]
  def last(room_id, opts \\ []) do
    opts = Keyword.validate!(opts, [:as_of, width: 80, limit: 10, ansi: false])
    query = [where: [room_id: room_id], order_by: [desc: :created_at, desc: :id]]

    :messages
    |> Repo.all(query ++ Keyword.take(opts, [:limit, :as_of]))
    |> Enum.reverse()
    |> with_names()
    |> render(opts)
  end

  defp with_names(messages) do
    names = Map.merge(names(messages, :user_id, :users, :display_name), agent_names(messages))

    for message <- messages do
      {names[message.user_id || message.agent_card_id] || message.role, message}
    end
  end

  defp agent_names(messages), do: names(messages, :agent_card_id, :agent_cards, :name)

  defp names(messages, reference, table, column) do
    ids = for message <- messages, id = message[reference], uniq: true, do: id
    rows = Repo.all(table, where: [{:id, :in, ids}], select: [:id, column])
    Map.new(rows, &{&1.id, &1[column]})
  end

  @doc """
  Messages with the names of their speakers as lines.

      iex> message = %{content: "Hi, all", image_url: nil, image_data: nil, created_at: ~U[2026-01-10 09:05:00Z]}
      iex> AshChat.Transcript.render([{"Ann", message}], width: 40)
      ["2026-01-10", "09:05  Ann  Hi, all"]
  """
  @spec render([{String.t(), map()}], keyword()) :: [String.t()]
  def render(messages, opts \\ []) do
    messages = for {name, message} <- messages, do: {fit(printable(name), @names), message}
    column = messages |> Enum.map(fn {name, _} -> width(name) end) |> Enum.max(fn -> 0 end)
    indent = 7 + column + 2
    room = max(Keyword.get(opts, :width, 80) - indent, @least)

    messages
    |> Enum.chunk_by(fn {_name, message} -> DateTime.to_date(message.created_at) end)
    |> Enum.flat_map(fn [{_, first} | _] = day ->
      [Date.to_string(first.created_at) | Enum.flat_map(day, &message(&1, column, room, opts))]
    end)
  end

  defp message({name, message}, column, room, opts) do
    [first | rest] = message |> body() |> printable() |> wrap(room) |> cut()
    time = Calendar.strftime(message.created_at, "%H:%M")
    padding = String.duplicate(" ", column - width(name))
    name = if opts[:ansi], do: IO.ANSI.bright() <> name <> IO.ANSI.reset(), else: name
    indent = String.duplicate(" ", 7 + column + 2)
    ["#{time}  #{name}#{padding}  #{first}" | Enum.map(rest, &(indent <> &1))]
  end

  defp body(%{content: content} = message) do
    [content, image(message)] |> Enum.reject(&(&1 in ["", nil])) |> Enum.join("\n")
  end

  defp image(%{image_data: bytes}) when is_binary(bytes), do: "[image, #{byte_size(bytes)} bytes]"
  defp image(%{image_url: url}) when is_binary(url), do: "[image #{url}]"
  defp image(_message), do: nil

  defp cut(lines) do
    case Enum.split(lines, @lines) do
      {lines, []} -> lines
      {lines, rest} -> lines ++ ["… #{length(rest)} more lines"]
    end
  end

  @doc """
  A text without the characters that would steer a terminal. Tabs become spaces.

      iex> AshChat.Transcript.printable("a\\tb\\e[31mred\\r\\n")
      "a    b[31mred\\n"
  """
  @spec printable(String.t()) :: String.t()
  def printable(text) do
    text
    |> String.replace("\t", "    ")
    # Controls, and the marks that turn the direction of everything behind them.
    |> String.replace(
      ~r/(?!\n)[\x{0}-\x{1F}\x{7F}-\x{9F}\x{202A}-\x{202E}\x{2066}-\x{2069}]/u,
      ""
    )
  end

  @doc """
  Breaks a text into lines of at most `room` cells, at spaces where there are any. Line breaks
  and the spaces at a line's beginning stay.

      iex> AshChat.Transcript.wrap("one two three\\n  four", 8)
      ["one two", "three", "  four"]

      iex> AshChat.Transcript.wrap("明日の会議は十時", 7)
      ["明日の", "会議は", "十時"]
  """
  @spec wrap(String.t(), pos_integer()) :: [String.t()]
  def wrap(text, room) do
    text |> String.split("\n") |> Enum.flat_map(&wrap_line(&1, room))
  end

  defp wrap_line(line, room) do
    # Words with the spaces before them.
    words = Regex.scan(~r/ *[^ ]+/u, line) |> List.flatten() |> Enum.flat_map(&split(&1, room))
    {lines, last, _} = Enum.reduce(words, {[], "", 0}, &add_word(&1, &2, room))
    Enum.reverse([last | lines])
  end

  defp add_word(word, {lines, line, used}, room) do
    width = width(word)

    if used + width <= room do
      {lines, line <> word, used + width}
    else
      word = String.trim_leading(word, " ")
      {[line | lines], word, width(word)}
    end
  end

  # A word that is longer than a line.
  defp split(word, room) do
    if width(word) <= room do
      [word]
    else
      {parts, last, _} =
        word
        |> String.graphemes()
        |> Enum.reduce({[], "", 0}, fn grapheme, {parts, part, used} ->
          width = width(grapheme)

          if used + width <= room or part == "",
            do: {parts, part <> grapheme, used + width},
            else: {[part | parts], grapheme, width}
        end)

      Enum.reverse([last | parts])
    end
  end

  defp fit(name, room) do
    case split(name, room - 1) do
      [name] -> name
      [part | _] -> part <> "…"
    end
  end

  @doc """
  How many cells of a terminal a text takes.

      iex> Enum.map(["abc", "é", "日本", "👩🏽‍💻"], &AshChat.Transcript.width/1)
      [3, 1, 4, 2]
  """
  @spec width(String.t()) :: non_neg_integer()
  def width(text) do
    text |> String.graphemes() |> Enum.map(&grapheme_width/1) |> Enum.sum()
  end

  defp grapheme_width(grapheme) do
    case String.to_charlist(grapheme) do
      # A picture with a selector for its coloured form.
      [_, 0xFE0F | _] -> 2
      [char | _] -> char_width(char)
    end
  end

  # The wide blocks of Unicode's East Asian Width, and what has no width.
  defp char_width(char) when char in 0x0300..0x036F, do: 0
  defp char_width(char) when char in 0x200B..0x200F, do: 0
  defp char_width(char) when char in 0x1100..0x115F, do: 2
  defp char_width(char) when char in 0x2E80..0xA4CF, do: 2
  defp char_width(char) when char in 0xAC00..0xD7A3, do: 2
  defp char_width(char) when char in 0xF900..0xFAFF, do: 2
  defp char_width(char) when char in 0xFE30..0xFE6F, do: 2
  defp char_width(char) when char in 0xFF00..0xFF60, do: 2
  defp char_width(char) when char in 0x1F300..0x1FAFF, do: 2
  defp char_width(char) when char in 0x20000..0x3FFFD, do: 2
  defp char_width(_char), do: 1
end
