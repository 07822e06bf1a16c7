defmodule AshChat.Import.LinesTest do
  use ExUnit.Case, async: true

  alias AshChat.Import.Lines

  @moduletag :tmp_dir

  defp lines(folder, content, limit \\ Lines.limit()) do
    path = Path.join(folder, "lines")
    File.write!(path, content)
    Enum.to_list(Lines.stream(path, limit))
  end

  test "lines have numbers, blank ones too, and lose their ends", %{tmp_dir: folder} do
    assert [{1, "a", _}, {2, "", _}, {3, "b", _}] = lines(folder, "a\r\n\nb\n")
    assert [{1, "a", _}, {2, "b", 3}] = lines(folder, "a\nb")
    assert lines(folder, "") == []
  end

  test "a byte order mark is left out at the beginning only", %{tmp_dir: folder} do
    assert [{1, "a", _}, {2, "\uFEFFb", _}] = lines(folder, "\uFEFFa\n\uFEFFb\n")
  end

  test "bytes that are no text stay as they are", %{tmp_dir: folder} do
    assert [{1, <<255, 0, 254>>, _}] = lines(folder, <<255, 0, 254, ?\n>>)
  end

  test "lines go over the borders of what is read at once", %{tmp_dir: folder} do
    texts = for n <- 1..50, do: String.duplicate("#{rem(n, 10)}", n * 997)
    content = Enum.map(texts, &[&1, "\n"])

    read = lines(folder, content)
    assert Enum.map(read, &elem(&1, 1)) == texts
    assert Enum.map(read, &elem(&1, 0)) == Enum.to_list(1..50)
    assert elem(List.last(read), 2) == IO.iodata_length(content)
  end

  test "a line that is too long comes as its number alone", %{tmp_dir: folder} do
    long = String.duplicate("x", 200_000)

    assert [{1, "a", _}, {2, :too_long, _}, {3, "b", _}] =
             lines(folder, ["a\n", long, "\nb\n"], 100_000)

    assert [{1, :too_long, _}] = lines(folder, long, 100_000)
    assert [{1, ^long, _}] = lines(folder, long, 200_000)
  end

  test "a file that cannot be read raises", %{tmp_dir: folder} do
    assert_raise File.Error, fn -> Enum.to_list(Lines.stream(Path.join(folder, "none"))) end
    assert_raise File.Error, fn -> Enum.to_list(Lines.stream(folder)) end
  end
end
