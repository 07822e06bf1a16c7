defmodule AshRusqlite.Progress do
  @moduledoc """
  How far long work is: a bar on a terminal, lines elsewhere.

  `migrate`, `backup` and the like take `progress: true` to print it, or a function that
  gets this map each time:

    * `:phase` - the work: `:migrate`, `:rollback`, `:rebuild`, `:backup`, `:restore`, `:check`,
      `:baseline`, `:retain`, `:redact` or `:verify`
    * `:label` - what it is at: a migration's version and name, a table, or a path
    * `:done`, `:total` - migrations, rows, pages, events or steps
    * `:estimate_ms` - how long all of it will take, in milliseconds, or nil

  `:rebuild` is of a migration that rebuilds a table of 10,000 rows and more. Its first report, with
  `:done` 0 and the estimate, comes before the writer is held.

  The function runs in the process that called. What it raises is raised when the work has
  ended.
  """

  @type t :: %{
          optional(:estimate_ms) => non_neg_integer() | nil,
          phase: atom(),
          label: String.t(),
          done: non_neg_integer(),
          total: non_neg_integer()
        }

  @width 30

  # Clears the line behind the cursor; Elixir has no name for it.
  @clear_rest "\e[K"

  @doc """
  Calls `fun` with a function that shows progress on `device`, and ends the line afterwards.

      iex> report = fn show -> show.(%{phase: :backup, label: "a.db", done: 1, total: 4}) end
      iex> ExUnit.CaptureIO.capture_io(fn -> AshRusqlite.Progress.show(report) end)
      "backup 1/4 a.db\\n"
  """
  @spec show(((t() -> :ok) -> result), IO.device()) :: result when result: term()
  def show(fun, device \\ :stdio) do
    if terminal?(device), do: bar(fun, device), else: lines(fun, device)
  end

  defp bar(fun, device) do
    drawn = :counters.new(1, [])

    try do
      fun.(fn progress ->
        :counters.add(drawn, 1, 1)
        IO.write(device, ["\r", progress |> render() |> fit(device), @clear_rest])
      end)
    after
      if :counters.get(drawn, 1) > 0, do: IO.write(device, "\n")
    end
  end

  # A file of lines gets one per migration, and one per tenth of the pages.
  defp lines(fun, device) do
    tenth = :counters.new(1, [])

    fun.(fn %{phase: phase, label: label, done: done, total: total} = progress ->
      now = if total > 10, do: div(done * 10, total), else: done
      label = label <> estimate(progress)

      if progress[:estimate_ms], do: :counters.put(tenth, 1, -1)

      if now != :counters.get(tenth, 1) or done == total do
        :counters.put(tenth, 1, now)
        IO.write(device, "#{phase} #{done}/#{total} #{label}\n")
      end

      :ok
    end)
  end

  @doc """
  One line for a terminal.

      iex> AshRusqlite.Progress.render(%{phase: :backup, label: "a.db", done: 1, total: 2})
      "backup [###############               ]  50 % 1/2 a.db"
  """
  @spec render(t()) :: String.t()
  def render(%{phase: phase, label: label, done: done, total: total} = progress) do
    part = if total > 0, do: min(done / total, 1.0), else: 1.0
    full = trunc(part * @width)
    bar = String.duplicate("#", full) <> String.duplicate(" ", @width - full)
    percent = String.pad_leading("#{trunc(part * 100)}", 3)
    "#{phase} [#{bar}] #{percent} % #{done}/#{total} #{label}#{estimate(progress)}"
  end

  defp estimate(%{estimate_ms: ms}) when is_integer(ms),
    do: ", about #{Float.round(ms / 1000, 1)} s"

  defp estimate(_progress), do: ""

  defp fit(line, device) do
    case columns(device) do
      {:ok, columns} -> String.slice(line, 0, max(columns - 1, 20))
      _ -> String.slice(line, 0, 79)
    end
  end

  # Under the tests the group leader is no terminal, whatever ANSI says.
  defp terminal?(device), do: IO.ANSI.enabled?() and match?({:ok, _}, columns(device))

  defp columns(:stdio), do: :io.columns()
  defp columns(device), do: :io.columns(device)

  @doc false
  # The items of a check as they come, with a report after every `size` of them and at the end.
  # `progress` is what a caller gave as `progress:`, or nil; `total` counts the items.
  @spec of_check(
          Enumerable.t(),
          (map() -> term()) | nil,
          String.t(),
          pos_integer(),
          (() -> integer())
        ) ::
          Enumerable.t()
  def of_check(items, nil, _label, _size, _total), do: items

  def of_check(items, progress, label, size, total) do
    total = total.()

    report = fn done ->
      progress.(%{phase: :check, label: label, done: done, total: max(total, done)})
    end

    Stream.transform(
      items,
      fn -> 0 end,
      fn item, done ->
        if rem(done + 1, size) == 0, do: report.(done + 1)
        {[item], done + 1}
      end,
      fn done ->
        if rem(done, size) != 0 or done == 0, do: report.(done)
        {[], done}
      end,
      fn _done -> :ok end
    )
  end
end
