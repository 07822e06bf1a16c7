defmodule AshChat.Demo.Options do
  @moduledoc "The arguments of `bin/demo`."

  @sample Path.expand("../../../priv/conversation.jsonl", __DIR__)

  @help """
  Usage: bin/demo [options] [conversation.jsonl]

  Imports a conversation into a chat database (without a file, a sample), lets a second OS
  process write to it from 64 processes, kills that process with SIGKILL in the middle, opens
  the database again and counts what was lost of what had been acknowledged. Then it compares
  the event journal with the tables and shows what it is good for: a message's history, the room
  as it was, a subscriber that is killed and goes on, a change by another SQLite program.

      --keep-going       import the good lines of a file that has bad ones
      --room TITLE       print the end of this room; by default that of the last message
      --database PATH    use this database; it is created if it is not there, and stays. The
                         users, rooms and messages of the load stay in it, too
      --keep             keep the database in the temporary folder, and say where it is
      --help             print this

  The format of the file is described in guides/import-format.md. Without --database the
  database lives in a private temporary folder that is removed at the end.

  Exit status: 0 when at least 10,000 writes were acknowledged, none was lost, and the journal
  has all events and agrees with the tables; 1 when a write or an event was lost, something else
  failed, or the file has bad lines; 2 for wrong arguments or a file that cannot be read.
  """

  @switches [
    keep_going: :boolean,
    room: :string,
    database: :string,
    keep: :boolean,
    help: :boolean
  ]

  @enforce_keys [:file]
  defstruct @enforce_keys ++ [:room, :database, keep_going: false, keep: false]

  @typedoc "What is to be done. The paths are absolute."
  @type t :: %__MODULE__{
          file: Path.t(),
          room: String.t() | nil,
          database: Path.t() | nil,
          keep_going: boolean(),
          keep: boolean()
        }

  @doc "The text that `--help` prints."
  @spec help() :: String.t()
  def help, do: @help

  @doc "The conversation that is imported when no file is given."
  @spec sample() :: Path.t()
  def sample, do: @sample

  @doc """
  Reads the arguments; relative paths begin at `folder`.

      iex> {:ok, options} = AshChat.Demo.Options.parse(["--keep", "chat.jsonl"], "/home/ann")
      iex> {options.file, options.keep, options.keep_going}
      {"/home/ann/chat.jsonl", true, false}

      iex> AshChat.Demo.Options.parse(["--help"], "/")
      :help

      iex> AshChat.Demo.Options.parse(["--kep"], "/")
      {:error, "unknown option --kep: did you mean --keep?"}
  """
  @spec parse([String.t()], Path.t()) :: {:ok, t()} | :help | {:error, String.t()}
  def parse(arguments, folder) do
    {given, files, wrong} = OptionParser.parse(arguments, strict: @switches)

    cond do
      given[:help] -> :help
      wrong != [] -> {:error, wrong(hd(wrong))}
      length(files) > 1 -> {:error, "give one file, not #{length(files)}"}
      true -> {:ok, options(given, files, folder)}
    end
  end

  defp options(given, files, folder) do
    file = if files == [], do: @sample, else: Path.expand(hd(files), folder)

    given =
      if given[:database],
        do: Keyword.update!(given, :database, &Path.expand(&1, folder)),
        else: given

    struct!(%__MODULE__{file: file}, given)
  end

  defp wrong({option, nil}) do
    if String.starts_with?(option, ["--room", "--database"]),
      do: "the option #{option} needs a value",
      else: "unknown option #{option}" <> did_you_mean(option)
  end

  defp wrong({option, value}), do: "the option #{option} cannot take #{inspect(value)}"

  defp did_you_mean(option) do
    known = for {name, _} <- @switches, do: "--" <> String.replace("#{name}", "_", "-")
    nearest = Enum.max_by(known, &String.jaro_distance(&1, option))
    if String.jaro_distance(nearest, option) > 0.8, do: ": did you mean #{nearest}?", else: ""
  end
end
