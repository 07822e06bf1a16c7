-- Who is in which room, people and agents. Who leaves keeps an inactive row, so that only
-- active ones are unique.

-- up

CREATE TABLE room_memberships (
  id            UUID_TEXT PRIMARY KEY NOT NULL,
  room_id       UUID_TEXT NOT NULL
                CONSTRAINT room_memberships_room_id_fkey
                REFERENCES rooms (id) ON DELETE CASCADE,
  user_id       UUID_TEXT NOT NULL
                CONSTRAINT room_memberships_user_id_fkey
                REFERENCES users (id) ON DELETE CASCADE,
  role          TEXT DEFAULT 'member'
                CONSTRAINT room_memberships_role
                CHECK (role = 'member' OR role = 'moderator' OR role = 'admin'),
  is_active     BOOLEAN_INT DEFAULT 1,
  joined_at     DATETIME_USEC_TEXT,
  last_seen_at  DATETIME_USEC_TEXT,
  created_at    DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z')),
  updated_at    DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z'))
);

CREATE UNIQUE INDEX room_memberships_active_membership_index
  ON room_memberships (room_id, user_id) WHERE is_active;
CREATE INDEX room_memberships_room_id_is_active_user_id_index
  ON room_memberships (room_id, is_active, user_id);
CREATE INDEX room_memberships_user_id_is_active_index ON room_memberships (user_id, is_active);

CREATE TABLE agent_memberships (
  id             UUID_TEXT PRIMARY KEY NOT NULL,
  agent_card_id  UUID_TEXT NOT NULL
                 CONSTRAINT agent_memberships_agent_card_id_fkey
                 REFERENCES agent_cards (id) ON DELETE CASCADE,
  room_id        UUID_TEXT NOT NULL
                 CONSTRAINT agent_memberships_room_id_fkey
                 REFERENCES rooms (id) ON DELETE CASCADE,
  role           TEXT DEFAULT 'participant'
                 CONSTRAINT agent_memberships_role CHECK (role IN ('participant', 'moderator')),
  is_active      BOOLEAN_INT DEFAULT 1,
  auto_respond   BOOLEAN_INT DEFAULT 1,
  joined_at      DATETIME_USEC_TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z')),
  created_at     DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z')),
  updated_at     DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z'))
);

CREATE UNIQUE INDEX agent_memberships_active_membership_index
  ON agent_memberships (agent_card_id, room_id) WHERE is_active;
CREATE INDEX agent_memberships_agent_card_id_is_active_room_id_index
  ON agent_memberships (agent_card_id, is_active, room_id);
CREATE INDEX agent_memberships_room_id_is_active_auto_respond_index
  ON agent_memberships (room_id, is_active, auto_respond);

-- down

DROP TABLE agent_memberships;
DROP TABLE room_memberships;
