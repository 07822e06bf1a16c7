defmodule AshChat.Demo.AcknowledgementsTest do
  use ExUnit.Case, async: true

  alias AshChat.Demo.Acknowledgements

  doctest Acknowledgements

  @moduletag :tmp_dir

  setup context do
    {:ok, path: Path.join(context[:tmp_dir] || "", "acknowledged.log")}
  end

  defp write!(path, lines),
    do: File.write!(path, for({w, n} <- lines, do: Acknowledgements.line(w, n)))

  test "many writers append to one file", %{path: path} do
    assert Acknowledgements.count(path) == 0

    1..8
    |> Enum.map(fn writer ->
      Task.async(fn ->
        file = Acknowledgements.open!(path)
        for number <- 1..200, do: Acknowledgements.add!(file, writer, number)
      end)
    end)
    |> Task.await_many()

    assert Acknowledgements.count(path) == 1600
    assert Acknowledgements.read(path) == {:ok, Map.new(1..8, &{&1, 200})}
  end

  test "a last line that is not whole does not count", %{path: path} do
    write!(path, [{1, 1}, {2, 1}])
    File.write!(path, "001 00000", [:append])
    assert Acknowledgements.count(path) == 2
    assert Acknowledgements.read(path) == {:ok, %{1 => 1, 2 => 1}}
  end

  test "a record with gaps, repetitions or other bytes is not trusted", %{path: path} do
    for lines <- [[{1, 2}], [{1, 1}, {1, 3}], [{1, 1}, {1, 1}], [{1, 1}, {2, 1}, {1, 1}]] do
      write!(path, lines)
      assert {:error, reason} = Acknowledgements.read(path)
      assert reason =~ "line #{length(lines)} of"
    end

    File.write!(path, String.duplicate("x", 15))
    assert {:error, _} = Acknowledgements.read(path)
  end

  test "without a file there is an error", %{path: path} do
    assert {:error, reason} = Acknowledgements.read(path)
    assert reason =~ "no such file"
  end
end
