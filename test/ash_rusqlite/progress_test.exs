defmodule AshRusqlite.ProgressTest do
  use ExUnit.Case, async: true

  import ExUnit.CaptureIO

  alias AshRusqlite.Progress

  doctest AshRusqlite.Progress

  test "a bar is full at the end, and of nothing too" do
    assert Progress.render(%{phase: :migrate, label: "", done: 3, total: 3}) =~
             "[##############################] 100 % 3/3"

    assert Progress.render(%{phase: :migrate, label: "", done: 0, total: 0}) =~ "100 % 0/0"
  end

  test "it never runs over its end" do
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

  test "it gives back what the function gives" do
    assert Progress.show(fn _show -> :result end) == :result
  end
end
