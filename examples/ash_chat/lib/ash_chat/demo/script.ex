defmodule AshChat.Demo.Script do
  @moduledoc """
  What the writers of the demo write. Each writer goes through the same endless script of
  numbered writes, and everything in it follows from the run, the writer and the number. So
  the number of acknowledged writes of a writer says what must be in the database, to the last
  character.

  Of ten writes seven add or change messages alone, two are transactions and one moves the
  writer's own row.
  """

  @enforce_keys [:run, :writers, :started_at]
  defstruct @enforce_keys

  @typedoc """
    * `run` - 32 bits that make the ids of this run its own
    * `writers` - how many processes write
    * `started_at` - the time from which all times of the script are counted
  """
  @type t :: %__MODULE__{
          run: non_neg_integer(),
          writers: pos_integer(),
          started_at: DateTime.t()
        }

  @typedoc "From 1 to the script's `writers`."
  @type writer :: pos_integer()

  @typedoc "A row that the script refers to."
  @type key :: {:message, round :: non_neg_integer(), place :: 0..9} | :user | :membership

  @typedoc "A state of a row; nil is its absence."
  @type version :: non_neg_integer() | nil

  @type kind ::
          :insert
          | :insert_all
          | :update
          | :update_all
          | :upsert
          | :delete
          | :transaction
          | :savepoint

  @per_room 16

  @sentences [
    "The build is green again.",
    "Wer bringt morgen die Brötchen mit? 🥐",
    "明日の会議は十時からです。",
    "هل وصل الطرد إلى المكتب؟",
    "I moved the meeting to Thursday, same room.",
    "👩🏽‍💻 pairs with 👨‍🚀 until noon.",
    "`SELECT count(*) FROM messages` says otherwise.",
    "Ça marche, merci beaucoup !",
    "Zażółć gęślą jaźń, and the tests still pass.",
    "Line one\nline two\n\tand a tab.",
    "\"Quotes\", 'apostrophes' and a \\ in between.",
    "Не забудьте закрыть окно 🪟"
  ]

  @doc "A script for a new run that starts now."
  @spec new(pos_integer()) :: t()
  def new(writers) do
    %__MODULE__{
      run: :rand.uniform(0x100000000) - 1,
      writers: writers,
      started_at: %{DateTime.utc_now() | microsecond: {0, 6}}
    }
  end

  @doc """
  The write of a number, from 1: how it is made and the rows that it leaves behind.

      iex> AshChat.Demo.Script.write(13)
      {:insert, [{{:message, 1, 2}, 1}]}

      iex> AshChat.Demo.Script.write(2)
      {:transaction, [{{:message, 0, 1}, 1}, {:membership, 2}]}
  """
  @spec write(pos_integer()) :: {kind(), [{key(), version()}]}
  def write(number) do
    round = div(number - 1, 10)
    message = &{{:message, round, &1}, &2}

    case rem(number - 1, 10) do
      0 -> {:insert, [message.(0, 1)]}
      1 -> {:transaction, [message.(1, 1), {:membership, number}]}
      2 -> {:insert, [message.(2, 1)]}
      3 -> {:update, [message.(0, 2)]}
      4 -> {:insert_all, Enum.map(3..5, &message.(&1, 1))}
      5 -> {:upsert, [{:user, number}]}
      6 -> {:delete, [message.(2, nil)]}
      7 -> {:savepoint, [message.(1, 2), message.(6, 1)]}
      8 -> {:insert, [message.(7, 1)]}
      9 -> {:update_all, Enum.map(3..5, &message.(&1, 2))}
    end
  end

  @doc """
  The events that a writer's first writes leave in the journal: the rows and what became of them.
  That a user looked is no event.

      iex> script = AshChat.Demo.Script.new(1)
      iex> script |> AshChat.Demo.Script.events(1, 7) |> Enum.map(fn {_id, operation} -> operation end)
      ["insert", "insert", "insert", "insert", "insert", "update", "insert", "insert", "insert", "update", "delete"]
  """
  @spec events(t(), writer(), non_neg_integer()) :: [{String.t(), String.t()}]
  def events(script, writer, count) do
    rows = beginning() ++ Enum.flat_map(1..count//1, &elem(write(&1), 1))

    for {key, version} <- rows, operation = operation(key, version) do
      {id(script, writer, key), operation}
    end
  end

  defp operation(_key, nil), do: "delete"
  defp operation({:message, _round, _place}, 1), do: "insert"
  defp operation(_key, 0), do: "insert"
  defp operation(:membership, _version), do: nil
  defp operation(_key, _version), do: "update"

  @doc "The message that a savepoint takes back: it must never be seen."
  @spec taken_back(pos_integer()) :: key()
  def taken_back(number), do: {:message, div(number - 1, 10), 9}

  @doc "The rows that are there before the first write, and their versions."
  @spec beginning() :: [{key(), version()}]
  def beginning, do: [user: 0, membership: 0]

  @doc "The rooms of the script."
  @spec rooms(t()) :: [map()]
  def rooms(script) do
    for room <- 0..div(script.writers - 1, @per_room) do
      first = room * @per_room + 1
      last = min(first + @per_room - 1, script.writers)

      %{
        id: id(script, 0, 0, room),
        title: "Writers #{first} to #{last}",
        created_at: script.started_at,
        updated_at: script.started_at
      }
    end
  end

  @doc "The table of a row."
  @spec table(key()) :: atom()
  def table({:message, _, _}), do: :messages
  def table(:user), do: :users
  def table(:membership), do: :room_memberships

  @doc "The primary key of a row."
  @spec id(t(), writer(), key()) :: String.t()
  def id(script, writer, {:message, round, place}), do: id(script, writer, place, round)
  def id(script, writer, :user), do: id(script, writer, 100, 0)
  def id(script, writer, :membership), do: id(script, writer, 101, 0)

  # A UUID of version 8.
  defp id(script, writer, place, round) do
    AshChat.Import.Id.format(
      <<script.run::32, writer::16, 8::4, place::12, 2::2, 0::30, round::32>>
    )
  end

  @doc "A row in a version, with every column that its table has."
  @spec row(t(), writer(), key(), non_neg_integer()) :: map()
  def row(script, writer, {:message, round, place} = key, version) do
    # Rows that `update_all` changes keep their text.
    content = content(writer, key, if(place in 3..5, do: 1, else: version))
    image = if place == 7, do: image(writer, round)

    %{
      id: id(script, writer, key),
      content: content,
      role: "user",
      message_type: if(image, do: "multimodal", else: "text"),
      image_url: nil,
      image_data: image,
      metadata: metadata(key, version, content),
      room_id: room_id(script, writer),
      user_id: id(script, writer, :user),
      profile_id: nil,
      agent_card_id: nil,
      created_at: time(script, round * 10 + place),
      updated_at: time(script, if(version == 1, do: round * 10 + place, else: round * 10 + 10))
    }
  end

  def row(script, writer, :user, version) do
    name = "writer-#{writer}"

    %{
      id: id(script, writer, :user),
      name: name,
      display_name: "Writer #{writer}",
      email: nil,
      avatar_url: nil,
      preferences: %{"draft" => content(writer, :user, version), "write" => version},
      is_active: true,
      created_at: script.started_at,
      updated_at: time(script, version)
    }
  end

  def row(script, writer, :membership, version) do
    %{
      id: id(script, writer, :membership),
      room_id: room_id(script, writer),
      user_id: id(script, writer, :user),
      role: "member",
      is_active: true,
      joined_at: script.started_at,
      last_seen_at: time(script, version),
      created_at: script.started_at,
      updated_at: time(script, version)
    }
  end

  @doc "The columns that differ between a row's version and the one before."
  @spec changes(t(), writer(), key(), pos_integer()) :: map()
  def changes(script, writer, {:message, _, place} = key, version) do
    columns = if place in 3..5, do: [:metadata], else: [:content, :metadata]
    script |> row(writer, key, version) |> Map.take([:updated_at | columns])
  end

  def changes(script, writer, :membership, version) do
    script |> row(writer, :membership, version) |> Map.take([:last_seen_at, :updated_at])
  end

  defp room_id(script, writer), do: id(script, 0, 0, div(writer - 1, @per_room))

  defp time(script, count), do: DateTime.add(script.started_at, count * 1000 + 1, :microsecond)

  # A few sentences, and now and then some thousand characters.
  defp content(writer, key, version) do
    seed = :erlang.phash2({writer, key, version})
    count = if rem(seed, 29) == 0, do: 200, else: 1 + rem(seed, 8)

    sentences =
      for n <- 1..count do
        Enum.at(@sentences, rem(div(seed, 32) + n * n, length(@sentences)))
      end

    Enum.join(["Writer #{writer}, #{name(key)}, version #{version}." | sentences], " ")
  end

  defp name(:user), do: "draft"
  defp name({:message, round, place}), do: "message #{round}.#{place}"

  # What `update_all` sets is the same in all of its rows.
  defp metadata({:message, round, place}, 2, _content) when place in 3..5 do
    %{"pinned" => %{"round" => round, "by" => ["demo", nil, true]}}
  end

  defp metadata(_key, version, content) do
    %{
      "version" => version,
      "md5" => content |> :erlang.md5() |> Base.encode16(case: :lower),
      "weights" => [1, 2.5, -3]
    }
  end

  defp image(writer, round) do
    for part <- 1..32, into: <<>>, do: :erlang.md5(<<writer::16, round::32, part::16>>)
  end
end
