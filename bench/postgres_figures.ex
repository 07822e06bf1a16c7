defmodule AshRusqlite.Bench.PostgresFigures do
  @moduledoc false
  # The repo against a PostgreSQL on this machine, asked by pgbench, which is written in C. Its
  # tables have the columns, indexes and constraints of the chat's, its messages are as ours.

  alias AshRusqlite.Bench.{Data, Figure, Measure, Postgres, Work, World}

  @processes 8
  @rooms 100
  @users 50

  @doc "The figures."
  @spec all() :: [Figure.t()]
  def all do
    [
      %Figure{
        name: "durable insert, #{@processes} processes, against PostgreSQL",
        unit: :per_s,
        limit: :at_least,
        bar: 1.0,
        measure: &insert/1
      }
    ]
  end

  defp insert(world) do
    count = world.inserts[@processes]

    with_both(world, fn postgres ->
      Measure.rounds(
        world.write_rounds,
        fn round ->
          rate = Measure.per_s(Work.insert(count, @processes, round), count)
          Work.settle()
          rate
        end,
        fn _ -> Postgres.per_s(postgres, script(), count, @processes) end
      )
    end)
  end

  defp with_both(world, fun) do
    folder = Path.join(world.folder, "postgres")

    World.with_repo(world, fn ->
      Work.remember_all()

      Postgres.with_server(folder, fn postgres ->
        Postgres.sql(postgres, chat(world.messages))
        # How much of the inserts is left to do.
        Postgres.sql(postgres, "VACUUM ANALYZE")
        Postgres.sql(postgres, "CHECKPOINT")
        fun.(postgres)
      end)
    end)
  end

  defp chat(messages) do
    """
    CREATE TABLE rooms (id uuid PRIMARY KEY);
    CREATE TABLE users (id uuid PRIMARY KEY);
    CREATE TABLE profiles (id uuid PRIMARY KEY);
    CREATE TABLE agent_cards (id uuid PRIMARY KEY);

    CREATE TABLE messages (
      id uuid PRIMARY KEY,
      content text NOT NULL,
      role text DEFAULT 'user' CHECK (role IN ('user', 'assistant', 'system')),
      message_type text DEFAULT 'text' CHECK (message_type IN ('text', 'image', 'multimodal')),
      image_url text,
      image_data bytea,
      metadata jsonb DEFAULT '{}',
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      room_id uuid REFERENCES rooms ON DELETE CASCADE,
      user_id uuid REFERENCES users ON DELETE SET NULL,
      profile_id uuid REFERENCES profiles ON DELETE SET NULL,
      agent_card_id uuid REFERENCES agent_cards ON DELETE SET NULL
    );

    CREATE INDEX ON messages (room_id, created_at, id);
    CREATE INDEX ON messages (user_id) WHERE user_id IS NOT NULL;
    CREATE INDEX ON messages (profile_id) WHERE profile_id IS NOT NULL;
    CREATE INDEX ON messages (agent_card_id) WHERE agent_card_id IS NOT NULL;

    INSERT INTO rooms SELECT #{id("n")} FROM generate_series(0, #{@rooms - 1}) n;
    INSERT INTO users SELECT #{id("n")} FROM generate_series(0, #{@users - 1}) n;

    #{insert_message("n", "now() - (#{messages} - n) * interval '1.000003 s'")}
    FROM generate_series(0, #{messages - 1}) n;
    """
  end

  defp script, do: "\\set n random(0, 999999)\n" <> insert_message(":n::int", "now()") <> ";\n"

  # As `Data.message/2`, whose number is `n`.
  defp insert_message(n, at) do
    """
    INSERT INTO messages
    (id, content, role, message_type, metadata, room_id, user_id, created_at, updated_at)
    SELECT
      gen_random_uuid(),
      substr('#{Data.text()}', 1 + #{n} % 67, 20 + #{n} * 37 % 200),
      CASE WHEN #{n} % 3 = 0 THEN 'assistant' ELSE 'user' END,
      'text',
      format(
        '{"model": "llama3.1", "tokens": %s, "stream": true, "tags": ["chat", "bench"]}',
        #{n} % 4096
      )::jsonb,
      #{id("#{n} % #{@rooms}")},
      #{id("#{n} % #{@users}")},
      #{at},
      #{at}
    """
    |> String.trim_trailing()
  end

  defp id(n), do: "('00000000-0000-4000-8000-' || lpad((#{n})::text, 12, '0'))::uuid"
end
