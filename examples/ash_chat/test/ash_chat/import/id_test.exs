defmodule AshChat.Import.IdTest do
  use ExUnit.Case, async: true

  alias AshChat.Import.Id

  doctest Id

  test "ids are UUIDs of their version and variant" do
    for id <- [Id.of_name(:user, "ann"), Id.of_name(:room, "日本")] do
      assert id =~ ~r/^[0-9a-f]{8}-[0-9a-f]{4}-3[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
    end

    id = Id.of_message(~U[2026-01-10 09:00:00Z], 0xFFFFFFFF, ["a"])
    assert id =~ ~r/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
  end

  test "messages sort by time first, then by place, whatever they say" do
    early = ~U[2026-01-10 09:00:00.000Z]
    late = ~U[2026-01-10 09:00:00.001Z]

    ids =
      for {time, place} <- [{early, 0}, {early, 1}, {early, 5000}, {early, 2_000_000}, {late, 0}],
          do: Id.of_message(time, place, ["#{:erlang.phash2({time, place})}"])

    assert ids == Enum.sort(ids)
    assert ids == Enum.uniq(ids)
  end

  test "the parts of a message are kept apart" do
    time = ~U[2026-01-10 09:00:00Z]
    assert Id.of_message(time, 0, ["ab", "c"]) != Id.of_message(time, 0, ["a", "bc"])
  end

  test "a time before 1970 has an id, too" do
    assert {:ok, _} = ~U[1969-07-20 20:17:40Z] |> Id.of_message(0, ["Eagle"]) |> Id.parse()
  end

  test "what is no UUID is refused" do
    for text <- ["", "x", String.duplicate("0", 36), "0000000g-0000-0000-0000-000000000000"] do
      assert Id.parse(text) == :error
    end
  end
end
