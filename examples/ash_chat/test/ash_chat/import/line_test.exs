defmodule AshChat.Import.LineTest do
  use ExUnit.Case, async: true

  import AshChat.Case, only: [line: 1]

  alias AshChat.Import.Line

  doctest Line

  defp parse(fields), do: fields |> line() |> Line.parse()

  defp reason(fields) do
    assert {:error, reason} = parse(fields)
    reason
  end

  test "every field of a line is read" do
    assert Line.parse("""
           {"id": "6F9619FF-8B86-D011-B42D-00CF4FC964FF", "room": "السفر", "agent": "Archivist",
            "profile": "ollama/llama3.1/8b", "role": "system", "content": "tea 🍵\\n\\ttime",
            "image_url": "https://example.org/a.png", "image_data": "AAECAw==",
            "metadata": {"a": {"b": [1, 2.5, null, true, "é"]}},
            "created_at": "2026-01-10T10:00:00.5+01:00"}
           """) ==
             {:ok,
              %Line{
                id: Base.decode16!("6F9619FF8B86D011B42D00CF4FC964FF"),
                room: "السفر",
                agent: "Archivist",
                profile: {"ollama", "llama3.1/8b"},
                role: "system",
                content: "tea 🍵\n\ttime",
                message_type: "multimodal",
                image_url: "https://example.org/a.png",
                image_data: <<0, 1, 2, 3>>,
                metadata: %{"a" => %{"b" => [1, 2.5, nil, true, "é"]}},
                created_at: ~U[2026-01-10 09:00:00.500000Z]
              }}
  end

  test "the role follows from the author" do
    assert {:ok, %{role: "user", display_name: "Ann B"}} = parse(display_name: ~s("Ann B"))
    assert {:ok, %{role: "assistant"}} = parse(user: nil, agent: ~s("Bot"))
    assert {:ok, %{role: "system", user: nil}} = parse(user: nil, role: ~s("system"))
    assert {:ok, %{role: "assistant", user: "ann"}} = parse(role: ~s("assistant"))
  end

  test "the type follows from text and image" do
    image = ~s("AA==")
    assert {:ok, %{message_type: "text"}} = parse([])
    assert {:ok, %{message_type: "image"}} = parse(content: ~s(""), image_data: image)
    assert {:ok, %{message_type: "multimodal"}} = parse(image_url: ~s("a.png"))
  end

  test "null is as if the field were not there" do
    assert parse(id: "null", agent: "null", metadata: "null", image_data: "null") == parse([])
    assert reason(room: "null") == "the field room is missing"
  end

  test "each mistake in a line has its reason" do
    for {fields, expected} <- [
          {[room: nil], "the field room is missing"},
          {[room: ~s("  ")], "the field room is empty"},
          {[room: "7"], "the field room is a number, not a string"},
          {[user: nil], "the field user is missing, or agent, or a role system"},
          {[user: nil, role: ~s("user")],
           "the field user is missing, or agent: only the role system needs none"},
          {[user: "{}"], "the field user is an object, not a string"},
          {[agent: ~s("Bot")], "there is a user and an agent: only one of them can have said it"},
          {[role: ~s("boss")], ~s(the role "boss" is none of user, assistant, system)},
          {[role: "true"], "the field role is true, not a string"},
          {[content: nil], "the field content is missing"},
          {[content: "[]"], "the field content is an array, not a string"},
          {[content: ~s("")], "the field content is empty, without an image"},
          {[id: ~s("42")], ~s(the field id is no UUID: "42")},
          {[metadata: "[1]"], "the field metadata is an array, not an object"},
          {[image_data: ~s("?")], "the field image_data is not Base64"},
          {[image_data: ~s("")], "the field image_data is empty"},
          {[profile: ~s("ollama/a")], "the field profile needs the field agent"},
          {[user: nil, agent: ~s("B"), display_name: ~s("C")],
           "the field display_name needs the field user"},
          {[created_at: nil], "the field created_at is missing"}
        ] do
      assert reason(fields) == expected
    end

    assert reason(user: nil, agent: ~s("B"), profile: ~s("acme/x")) =~ "ollama, openai, anthropic"
    assert reason(colour: ~s("red")) =~ ~r/the field "colour" is unknown.*metadata/
  end

  test "times need a date, a time and a zone, and no more than four digits of a year" do
    assert reason(created_at: ~s("2026-01-10T09:00:00")) =~ "has no zone"

    for time <- ["yesterday", "2026-02-30T09:00:00Z", "2026-01-10", "-0001-01-01T00:00:00Z"] do
      assert reason(created_at: ~s("#{time}")) =~ "is no time like"
    end

    assert reason(created_at: "1768035600") =~ "is a number"
    assert reason(created_at: ~s("9999-12-31T23:59:59-01:00")) =~ "is no time like"
  end

  test "what is no JSON object is refused, whatever it is" do
    assert {:error, "this is not JSON: at byte 1" <> _} = Line.parse("{room")

    assert {:error, "this is not JSON: at byte 9, the text is not UTF-8"} =
             Line.parse(~s({"room":") <> <<0xFF>> <> ~s("}))

    for {text, kind} <- [{"[]", "an array"}, {"null", "null"}, {"1", "a number"}] do
      assert Line.parse(text) == {:error, "expected an object, {…}, but it is #{kind}"}
    end
  end
end
