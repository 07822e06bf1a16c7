-- What was said. A message outlives whoever said it, but not its room.
--
-- Checks are chains of OR: SQLite makes a table of the values of an IN of three or more for each
-- row that is written.

-- up

CREATE TABLE messages (
  id             UUID_TEXT PRIMARY KEY NOT NULL,
  content        TEXT NOT NULL,
  role           TEXT DEFAULT 'user'
                 CONSTRAINT messages_role
                 CHECK (role = 'user' OR role = 'assistant' OR role = 'system'),
  message_type   TEXT DEFAULT 'text'
                 CONSTRAINT messages_message_type
                 CHECK (message_type = 'text' OR message_type = 'image' OR message_type = 'multimodal'),
  image_url      TEXT,
  image_data     BLOB,
  metadata       JSON_TEXT DEFAULT '{}',
  room_id        UUID_TEXT
                 CONSTRAINT messages_room_id_fkey
                 REFERENCES rooms (id) ON DELETE CASCADE,
  user_id        UUID_TEXT
                 CONSTRAINT messages_user_id_fkey
                 REFERENCES users (id) ON DELETE SET NULL,
  profile_id     UUID_TEXT
                 CONSTRAINT messages_profile_id_fkey
                 REFERENCES profiles (id) ON DELETE SET NULL,
  agent_card_id  UUID_TEXT
                 CONSTRAINT messages_agent_card_id_fkey
                 REFERENCES agent_cards (id) ON DELETE SET NULL,
  created_at     DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z')),
  updated_at     DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z'))
);

-- A room's messages in order, the latest of them, and pages in both directions.
CREATE INDEX messages_room_id_created_at_index ON messages (room_id, created_at, id);

CREATE INDEX messages_user_id_index ON messages (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX messages_profile_id_index ON messages (profile_id) WHERE profile_id IS NOT NULL;
CREATE INDEX messages_agent_card_id_index ON messages (agent_card_id)
  WHERE agent_card_id IS NOT NULL;

-- down

DROP TABLE messages;
