defmodule AshChat.DemoTest do
  # The demo's repo has a name, and its outputs are captured.
  use ExUnit.Case, async: false

  import AshChat.Case, only: [file!: 2, line: 0, line: 1]
  import ExUnit.CaptureIO

  alias AshChat.Demo
  alias AshChat.Demo.Options
  alias AshRusqlite.Repo

  doctest Options

  @moduletag :tmp_dir

  # The exit status, what was printed, and the complaints.
  defp demo(arguments, opts) do
    test = self()

    complaints =
      capture_io(:stderr, fn ->
        output = capture_io(fn -> send(test, {:status, Demo.main(arguments, opts)}) end)
        send(test, {:output, output})
      end)

    assert_received {:status, status}
    assert_received {:output, output}
    {status, output, complaints}
  end

  setup do
    ansi = Application.get_env(:elixir, :ansi_enabled)
    Application.put_env(:elixir, :ansi_enabled, false)
    on_exit(fn -> Application.put_env(:elixir, :ansi_enabled, ansi) end)
  end

  test "the demo imports, writes, kills, compares and shows, and leaves nothing", %{
    tmp_dir: folder
  } do
    file!(folder, [line(), line(content: ~s("Who cooks?"), room: ~s("Köket"))])
    |> File.rename!(Path.join(folder, "mine.jsonl"))

    few = [folder: folder, acknowledgements: 300, milliseconds: 1]
    {status, output, complaints} = demo(["mine.jsonl"], few)

    assert complaints == ""
    assert output =~ "Imported 2 messages of mine.jsonl, with 1 new user, 0 agents and 2 rooms"
    assert output =~ ~r/Killed process \d+ with SIGKILL/
    assert output =~ "Integrity check: ok"
    assert output =~ "compared with the file: 2 of 2"

    assert output =~
             "The end of the room Köket, times in UTC\n2026-01-10\n09:00  ann  Who cooks?\n"

    assert output =~ ~r/rooms +6\n/
    assert output =~ ~r/ writes acknowledged, [\d,]+ a second/

    assert [journal, journal_at_end] =
             Regex.scan(~r/^Journal: ([\d,]+) events replayed, .* of 7 tables; no gap$/m, output,
               capture: :all_but_first
             )

    assert output =~ ~r/chat.message.created  ann: "Lunch at one\?"\n/

    assert output =~
             ~r/chat.message.updated  ann: "Lunch at one\?" became "Lunch at two\?"\n/

    assert output =~ ~r/chat.message.deleted  moderator: "Lunch at two\?"\n/

    assert output =~
             ~r/before that, at its position 5:\n  2026-01-10\n  09:00  ann  Who cooks\?\n.* ann  Lunch at two\?\n/s

    assert output =~ ~r/has hidden the room Writers 1 to 16, .*\n +[\d,]+  chat.room.hidden/
    assert output =~ ~r/A subscriber was killed .*: no gap$/ms

    assert [_, count, count, events] =
             Regex.run(
               ~r/\nacknowledged=(\d+) recovered=(\d+) events=(\d+) lost=0\n\z/,
               output
             )

    # The demo's own, of a message and of a room.
    number = fn [text] -> text |> String.replace(",", "") |> String.to_integer() end
    assert number.(journal_at_end) == number.(journal) + 4
    assert number.(journal_at_end) == String.to_integer(events)

    # Nothing was lost, but so few writes prove nothing.
    assert String.to_integer(count) >= 300
    assert status == if(String.to_integer(count) < 10_000, do: 1, else: 0)

    assert [_, database] = Regex.run(~r/^Database: (.+)$/m, output)
    refute File.exists?(Path.dirname(database))
  end

  test "a file with bad lines is refused with their numbers", %{tmp_dir: folder} do
    path = file!(folder, [line(), "{", line(user: nil)])
    {status, output, complaints} = demo([path], folder: folder)

    assert status == 1
    assert complaints =~ "line 2: this is not JSON"
    assert complaints =~ "line 3: the field user is missing"
    assert complaints =~ "Nothing was imported: 2 of 3 lines are bad."
    refute output =~ "acknowledged="
  end

  test "its good lines are imported if that is wished, into a database that stays",
       %{tmp_dir: folder} do
    path = file!(folder, ["{", line()])
    few = [folder: folder, acknowledgements: 64, milliseconds: 1]
    {_, output, complaints} = demo([path, "--keep-going", "--database", "kept.db"], few)

    assert complaints =~ "line 1: "
    refute complaints =~ "altered"
    assert output =~ "Imported 1 message of "
    assert output =~ "; 1 bad line left out"
    assert output =~ "lost=0"

    {:ok, repo} = Repo.start_link(database: Path.join(folder, "kept.db"))
    assert Repo.Reads.exists?(repo, :messages, where: [content: "Hi"])
    assert Repo.Reads.count(repo, :users) == 65
    Repo.stop(repo)
  end

  test "a room may be chosen, and must be there", %{tmp_dir: folder} do
    path = file!(folder, [line(), line(room: ~s("Garden"))])
    {1, _output, complaints} = demo([path, "--room", "Cellar"], folder: folder)
    assert complaints =~ ~s(there is no room "Cellar"; the rooms are "Garden", "Kitchen")
  end

  test "wrong arguments and files that cannot be read are reported in one line", %{
    tmp_dir: folder
  } do
    for {arguments, complaint} <- [
          {["none.jsonl"], "none.jsonl cannot be read: no such file or directory"},
          {[folder], "is a folder, not a file"},
          {["/dev/null"], "is no regular file"},
          {["--nonsense"], "unknown option --nonsense"},
          {["--keep-goin"], "unknown option --keep-goin: did you mean --keep-going?"},
          {["--room"], "the option --room needs a value"},
          {["a.jsonl", "b.jsonl"], "give one file, not 2"}
        ] do
      assert {2, "", complaints} = demo(arguments, folder: folder)
      assert complaints =~ complaint
      assert length(String.split(complaints, "\n", trim: true)) == 1
    end
  end

  test "a file without a message and a database that is none are refused", %{tmp_dir: folder} do
    {1, _, complaints} = demo([file!(folder, [""])], folder: folder)
    assert complaints =~ "has no message"

    File.write!(Path.join(folder, "no.db"), String.duplicate("no database ", 500))
    {1, _, complaints} = demo([file!(folder, [line()]), "--database", "no.db"], folder: folder)
    assert complaints =~ "no.db"
  end

  test "--help prints the options" do
    assert {0, "Usage: bin/demo" <> _, ""} = demo(["--help"], [])
  end
end
