-- Who talks, with whose voice, and where: users, profiles, agent cards, rooms.

-- up

CREATE TABLE users (
  id            UUID_TEXT PRIMARY KEY NOT NULL,
  name          TEXT NOT NULL,
  display_name  TEXT NOT NULL,
  email         TEXT,
  avatar_url    TEXT,
  preferences   JSON_TEXT DEFAULT '{}',
  is_active     BOOLEAN_INT DEFAULT 1,
  created_at    DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z')),
  updated_at    DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z'))
);

CREATE INDEX users_is_active_index ON users (is_active);

CREATE TABLE profiles (
  id            UUID_TEXT PRIMARY KEY NOT NULL,
  name          TEXT NOT NULL,
  provider      TEXT NOT NULL
                CONSTRAINT profiles_provider
                CHECK (provider = 'ollama' OR provider = 'openai' OR provider = 'anthropic'),
  url           TEXT,
  api_key       TEXT,
  model         TEXT,
  is_default    BOOLEAN_INT DEFAULT 0,
  created_at    DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z')),
  updated_at    DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z'))
);

CREATE INDEX profiles_is_default_index ON profiles (is_default);

CREATE TABLE agent_cards (
  id                  UUID_TEXT PRIMARY KEY NOT NULL,
  name                TEXT NOT NULL,
  description         TEXT,
  system_message      TEXT,
  avatar_url          TEXT,
  model_preferences   JSON_TEXT DEFAULT '{}',
  available_tools     JSON_TEXT DEFAULT '[]',
  context_settings    JSON_TEXT DEFAULT '{}',
  is_default          BOOLEAN_INT DEFAULT 0,
  add_to_new_rooms    BOOLEAN_INT DEFAULT 0,
  default_profile_id  UUID_TEXT
                      CONSTRAINT agent_cards_default_profile_id_fkey
                      REFERENCES profiles (id) ON DELETE SET NULL,
  created_at          DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z')),
  updated_at          DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z'))
);

CREATE INDEX agent_cards_add_to_new_rooms_index ON agent_cards (add_to_new_rooms);
CREATE INDEX agent_cards_default_profile_id_index ON agent_cards (default_profile_id)
  WHERE default_profile_id IS NOT NULL;

CREATE TABLE rooms (
  id                UUID_TEXT PRIMARY KEY NOT NULL,
  title             TEXT DEFAULT 'New Room',
  description       TEXT,
  current_task      TEXT,
  starting_message  TEXT,
  hidden            BOOLEAN_INT DEFAULT 0,
  parent_room_id    UUID_TEXT
                    CONSTRAINT rooms_parent_room_id_fkey
                    REFERENCES rooms (id) ON DELETE SET NULL,
  created_at        DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z')),
  updated_at        DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z'))
);

CREATE INDEX rooms_hidden_created_at_index ON rooms (hidden, created_at, id);
CREATE INDEX rooms_parent_room_id_index ON rooms (parent_room_id)
  WHERE parent_room_id IS NOT NULL;

-- down

DROP TABLE rooms;
DROP TABLE agent_cards;
DROP TABLE profiles;
DROP TABLE users;
