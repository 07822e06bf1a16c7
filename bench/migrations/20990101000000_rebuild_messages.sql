-- The messages' table made anew, as it is but for room_id, which must be there.

-- up

CREATE TABLE new_messages (
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
  room_id        UUID_TEXT NOT NULL
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

INSERT INTO new_messages (
  id, content, role, message_type, image_url, image_data, metadata, room_id, user_id, profile_id,
  agent_card_id, created_at, updated_at
)
SELECT
  id, content, role, message_type, image_url, image_data, metadata, room_id, user_id, profile_id,
  agent_card_id, created_at, updated_at
FROM messages;

DROP TABLE messages;

ALTER TABLE new_messages RENAME TO messages;

CREATE INDEX messages_room_id_created_at_index ON messages (room_id, created_at, id);

CREATE INDEX messages_user_id_index ON messages (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX messages_profile_id_index ON messages (profile_id) WHERE profile_id IS NOT NULL;
CREATE INDEX messages_agent_card_id_index ON messages (agent_card_id)
  WHERE agent_card_id IS NOT NULL;
