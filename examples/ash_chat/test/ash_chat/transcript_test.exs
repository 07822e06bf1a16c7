defmodule AshChat.TranscriptTest do
  use AshChat.Case, async: true

  alias AshChat.{Import, Transcript}

  doctest Transcript

  defp message(content, fields \\ []) do
    Map.merge(
      %{content: content, image_url: nil, image_data: nil, created_at: ~U[2026-01-10 09:05:00Z]},
      Map.new(fields)
    )
  end

  defp render(messages, opts \\ []), do: Transcript.render(messages, opts)

  test "the last messages of a room, the oldest first, with the names", %{tmp_dir: folder} do
    lines =
      for n <- 1..5 do
        line(content: ~s("Message #{n}"), created_at: ~s("2026-01-10T09:0#{n}:00Z"))
      end ++
        [
          line(user: nil, agent: ~s("Bot"), created_at: ~s("2026-01-11T10:00:00Z")),
          line(user: nil, role: ~s("system"), created_at: ~s("2026-01-11T10:01:00Z")),
          line(room: ~s("Elsewhere"))
        ]

    {:ok, _} = Import.run(file!(folder, lines))
    kitchen = Repo.get_by!(:rooms, title: "Kitchen")

    assert Transcript.last(kitchen.id, limit: 4) == [
             "2026-01-10",
             "09:04  ann     Message 4",
             "09:05  ann     Message 5",
             "2026-01-11",
             "10:00  Bot     Hi",
             "10:01  system  Hi"
           ]
  end

  test "a room without messages has no lines" do
    assert Transcript.last("00000000-0000-0000-0000-000000000000") == []
  end

  test "no line is wider than it may be, in any script" do
    texts = [
      "The quick brown fox jumps over the lazy dog and back again, twice a day.",
      "明日の会議は十時からです。資料を忘れないでください。よろしくお願いします。",
      "👩🏽‍💻👨‍🚀👨‍👩‍👧‍👦🏴‍☠️❤️👍🏾" |> String.duplicate(8),
      "هل وصل الطرد إلى المكتب اليوم أم علينا أن ننتظر حتى الأسبوع القادم؟",
      "https://example.org/" <> String.duplicate("long/", 30)
    ]

    for text <- texts, width <- [38, 51, 80] do
      lines = render([{"佐藤 雪", message(text)}], width: width)
      assert length(lines) > 2 or width == 80
      for line <- lines, do: assert(Transcript.width(line) <= width, line)
      assert lines |> tl() |> Enum.join() |> letters() =~ letters(text)
    end
  end

  defp letters(text), do: String.replace(text, ~r/\s/u, "")

  test "code keeps its lines and its indentation" do
    assert ["2026-01-10", "09:05  Ann  ```", "            def a do", "              :b" | _] =
             render([{"Ann", message("```\ndef a do\n  :b\nend\n```")}])
  end

  test "a long text is cut, and says by how much" do
    text = Enum.map_join(1..100, "\n", &"line #{&1}")
    lines = render([{"Ann", message(text)}])
    assert length(lines) == 14
    assert List.last(lines) =~ "… 88 more lines"
  end

  test "the transcript names images" do
    assert [_, line] = render([{"Ann", message("", image_data: <<1, 2, 3>>)}])
    assert line =~ "[image, 3 bytes]"
    assert [_, _, line] = render([{"Ann", message("Look", image_url: "a.png")}])
    assert line =~ "[image a.png]"
  end

  test "nothing that a message or a name holds steers the terminal" do
    lines = render([{"A\e[1mnn\u202E", message("\e]0;title\a\rHi\u0007\u009B31m")}])
    assert lines == ["2026-01-10", "09:05  A[1mnn  ]0;titleHi31m"]
  end

  test "the transcript cuts a long name" do
    [_, line] = render([{String.duplicate("n", 40), message("Hi")}])
    assert line == "09:05  " <> String.duplicate("n", 17) <> "…  Hi"
  end

  test "names are bold where that is wished" do
    assert [_, "09:05  \e[1mAnn\e[0m  Hi"] = render([{"Ann", message("Hi")}], ansi: true)
  end
end
