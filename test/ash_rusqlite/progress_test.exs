defmodule AshRusqlite.ProgressTest do
  # Whether the terminal has colours is one setting for the whole VM.
  use ExUnit.Case, async: false

  import ExUnit.CaptureIO

  alias AshRusqlite.Progress

  doctest AshRusqlite.Progress

  test "a bar is full at the end, and of nothing too" do
    assert Progress.render(%{phase: :migrate, label: "", done: 3, total: 3}) =~
             "[##############################] 100 % 3/3"

    assert Progress.render(%{phase: :migrate, label: "", done: 0, total: 0}) =~ "100 % 0/0"
  end

  test "the progress never runs over its end" do
    assert Progress.render(%{phase: :backup, label: "", done: 9, total: 3}) =~ "100 % 9/3"
  end

  test "where there is no terminal, many pages make few lines" do
    lines =
      capture_io(fn ->
        Progress.show(fn show ->
          for n <- 1..1000, do: show.(%{phase: :backup, label: "a.db", done: n, total: 1000})
        end)
      end)

    assert length(String.split(lines, "\n", trim: true)) in 10..11
    assert lines =~ "backup 1000/1000 a.db"
  end

  test "long work says at its beginning how long it takes" do
    begins = %{phase: :rebuild, label: "rooms", done: 0, total: 50_000, estimate_ms: 2_340}
    assert Progress.render(begins) =~ "0 % 0/50000 rooms, about 2.3 s"

    lines =
      capture_io(fn ->
        Progress.show(fn show ->
          show.(begins)
          show.(%{begins | done: 25_000, estimate_ms: nil})
          show.(%{begins | done: 50_000, estimate_ms: nil})
        end)
      end)

    assert lines ==
             "rebuild 0/50000 rooms, about 2.3 s\nrebuild 25000/50000 rooms\nrebuild 50000/50000 rooms\n"
  end

  test "show returns what the function returns" do
    assert Progress.show(fn _show -> :result end) == :result
  end

  test "on a terminal each report draws over the one before, and the line ends at last" do
    ansi = Application.get_env(:elixir, :ansi_enabled)
    Application.put_env(:elixir, :ansi_enabled, true)
    on_exit(fn -> Application.put_env(:elixir, :ansi_enabled, ansi) end)
    {:ok, output} = StringIO.open("")
    terminal = spawn_link(fn -> terminal(output, 60) end)

    report = fn show ->
      show.(%{phase: :backup, label: String.duplicate("a", 80), done: 1, total: 2})
      show.(%{phase: :backup, label: "b.db", done: 2, total: 2})
    end

    assert Progress.show(report, terminal) == :ok

    assert ["", first, last] = output |> StringIO.flush() |> String.split("\r")
    assert first =~ ~r/^backup \[#{String.duplicate("#", 15)} {15}\]  50 % 1\/2 a+\e\[K$/
    assert String.length(first) == 59 + String.length("\e[K")
    assert last == "backup [#{String.duplicate("#", 30)}] 100 % 2/2 b.db\e[K\n"
  end

  # An output device that says how wide it is, as only a terminal does.
  defp terminal(output, columns) do
    receive do
      {:io_request, from, ref, {:get_geometry, :columns}} ->
        send(from, {:io_reply, ref, columns})

      {:io_request, _from, _ref, _request} = request ->
        send(output, request)
    end

    terminal(output, columns)
  end
end
