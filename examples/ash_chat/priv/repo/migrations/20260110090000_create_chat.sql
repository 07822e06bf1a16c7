-- Written by AshRusqlite 6891ccab9b3f1296fe62df94909ec41cb8b2fd2dd51f3299af441fca2b6d57d1
-- Read it, change it as you like, and commit it.

-- up

CREATE TABLE users (
  id UUID_TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  email TEXT,
  display_name TEXT NOT NULL,
  avatar_url TEXT,
  preferences JSON_TEXT DEFAULT '{}',
  is_active BOOLEAN_INT DEFAULT 1,
  created_at DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z')),
  updated_at DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z'))
);
CREATE INDEX users_is_active_index ON users (is_active);

CREATE TABLE rooms (
  id UUID_TEXT NOT NULL PRIMARY KEY,
  title TEXT DEFAULT 'New Room',
  description TEXT,
  current_task TEXT,
  starting_message TEXT,
  hidden BOOLEAN_INT DEFAULT 0,
  created_at DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z')),
  updated_at DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z')),
  parent_room_id UUID_TEXT,
  CONSTRAINT rooms_parent_room_id_fkey FOREIGN KEY (parent_room_id) REFERENCES rooms (id) ON DELETE SET NULL
);
CREATE INDEX rooms_hidden_created_at_index ON rooms (hidden, created_at, id);
CREATE INDEX rooms_parent_room_id_index ON rooms (parent_room_id) WHERE (parent_room_id IS NOT NULL);

CREATE TABLE room_memberships (
  id UUID_TEXT NOT NULL PRIMARY KEY,
  role TEXT DEFAULT 'member',
  is_active BOOLEAN_INT DEFAULT 1,
  joined_at DATETIME_USEC_TEXT,
  last_seen_at DATETIME_USEC_TEXT,
  created_at DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z')),
  updated_at DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z')),
  room_id UUID_TEXT NOT NULL,
  user_id UUID_TEXT NOT NULL,
  CONSTRAINT room_memberships_room_id_fkey FOREIGN KEY (room_id) REFERENCES rooms (id) ON DELETE CASCADE,
  CONSTRAINT room_memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
  CONSTRAINT room_memberships_role CHECK (role = 'member' OR role = 'moderator' OR role = 'admin')
);
CREATE UNIQUE INDEX room_memberships_active_membership_index ON room_memberships (room_id, user_id) WHERE (is_active);
CREATE INDEX room_memberships_room_id_is_active_user_id_index ON room_memberships (room_id, is_active, user_id);
CREATE INDEX room_memberships_user_id_is_active_index ON room_memberships (user_id, is_active);

CREATE TABLE profiles (
  id UUID_TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  provider TEXT NOT NULL,
  url TEXT,
  api_key TEXT,
  model TEXT,
  is_default BOOLEAN_INT DEFAULT 0,
  created_at DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z')),
  updated_at DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z')),
  CONSTRAINT profiles_provider CHECK (provider = 'ollama' OR provider = 'openai' OR provider = 'anthropic')
);
CREATE INDEX profiles_is_default_index ON profiles (is_default);

CREATE TABLE agent_cards (
  id UUID_TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  description TEXT,
  system_message TEXT,
  avatar_url TEXT,
  model_preferences JSON_TEXT DEFAULT '{}',
  available_tools JSON_TEXT DEFAULT '[]',
  context_settings JSON_TEXT DEFAULT '{}',
  is_default BOOLEAN_INT DEFAULT 0,
  add_to_new_rooms BOOLEAN_INT DEFAULT 0,
  created_at DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z')),
  updated_at DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z')),
  default_profile_id UUID_TEXT,
  CONSTRAINT agent_cards_default_profile_id_fkey FOREIGN KEY (default_profile_id) REFERENCES profiles (id) ON DELETE SET NULL
);
CREATE INDEX agent_cards_add_to_new_rooms_index ON agent_cards (add_to_new_rooms);
CREATE INDEX agent_cards_default_profile_id_index ON agent_cards (default_profile_id) WHERE (default_profile_id IS NOT NULL);

CREATE TABLE messages (
  id UUID_TEXT NOT NULL PRIMARY KEY,
  content TEXT NOT NULL,
  role TEXT DEFAULT 'user',
  message_type TEXT DEFAULT 'text',
  image_url TEXT,
  image_data BLOB,
  metadata JSON_TEXT DEFAULT '{}',
  created_at DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z')),
  updated_at DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z')),
  room_id UUID_TEXT,
  user_id UUID_TEXT,
  profile_id UUID_TEXT,
  agent_card_id UUID_TEXT,
  CONSTRAINT messages_room_id_fkey FOREIGN KEY (room_id) REFERENCES rooms (id) ON DELETE CASCADE,
  CONSTRAINT messages_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE SET NULL,
  CONSTRAINT messages_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES profiles (id) ON DELETE SET NULL,
  CONSTRAINT messages_agent_card_id_fkey FOREIGN KEY (agent_card_id) REFERENCES agent_cards (id) ON DELETE SET NULL,
  CONSTRAINT messages_role CHECK (role = 'user' OR role = 'assistant' OR role = 'system'),
  CONSTRAINT messages_message_type CHECK (message_type = 'text' OR message_type = 'image' OR message_type = 'multimodal')
);
CREATE INDEX messages_room_id_created_at_index ON messages (room_id, created_at, id);
CREATE INDEX messages_user_id_index ON messages (user_id) WHERE (user_id IS NOT NULL);
CREATE INDEX messages_profile_id_index ON messages (profile_id) WHERE (profile_id IS NOT NULL);
CREATE INDEX messages_agent_card_id_index ON messages (agent_card_id) WHERE (agent_card_id IS NOT NULL);

CREATE TABLE agent_memberships (
  id UUID_TEXT NOT NULL PRIMARY KEY,
  role TEXT DEFAULT 'participant',
  joined_at DATETIME_USEC_TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z')),
  is_active BOOLEAN_INT DEFAULT 1,
  auto_respond BOOLEAN_INT DEFAULT 1,
  created_at DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z')),
  updated_at DATETIME_USEC_TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z')),
  agent_card_id UUID_TEXT NOT NULL,
  room_id UUID_TEXT NOT NULL,
  CONSTRAINT agent_memberships_agent_card_id_fkey FOREIGN KEY (agent_card_id) REFERENCES agent_cards (id) ON DELETE CASCADE,
  CONSTRAINT agent_memberships_room_id_fkey FOREIGN KEY (room_id) REFERENCES rooms (id) ON DELETE CASCADE,
  CONSTRAINT agent_memberships_role CHECK (role = 'participant' OR role = 'moderator')
);
CREATE UNIQUE INDEX agent_memberships_active_membership_index ON agent_memberships (agent_card_id, room_id) WHERE (is_active);
CREATE INDEX agent_memberships_agent_card_id_is_active_room_id_index ON agent_memberships (agent_card_id, is_active, room_id);
CREATE INDEX agent_memberships_room_id_is_active_auto_respond_index ON agent_memberships (room_id, is_active, auto_respond);

-- down

-- Note: the rows of agent_memberships are lost.
-- Note: the rows of messages are lost.
-- Note: the rows of agent_cards are lost.
-- Note: the rows of profiles are lost.
-- Note: the rows of room_memberships are lost.
-- Note: the rows of rooms are lost.
-- Note: the rows of users are lost.

DROP TABLE agent_memberships;
DROP TABLE messages;
DROP TABLE agent_cards;
DROP TABLE profiles;
DROP TABLE room_memberships;
DROP TABLE rooms;
DROP TABLE users;
