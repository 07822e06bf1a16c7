-- Written by AshRusqlite 8afa2b96e4dfda54668140357828c2bee2f8e1a53fe2eff81f9500ee11fa9614
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

CREATE TRIGGER users_journal_insert AFTER INSERT ON users BEGIN
  /* journal {"type":"chat.user","source":["user","id"],"actor":null,"skip":["updated_at"],"sensitive":[],"events":[]} */
  DELETE FROM ash_rusqlite_replaced WHERE "table" = 'users' AND (key = NEW.id OR NOT EXISTS (SELECT 1 FROM users AS t WHERE t.id = ash_rusqlite_replaced.key));
  INSERT INTO ash_rusqlite_subjects (name, position) SELECT 'user:' || NEW.id, 1
    WHERE 'user:' || NEW.id IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET position = position + 1;
  INSERT INTO ash_rusqlite_events
    (type, source, position, actor, key, data, old, tx, at, action, metadata, salt)
  VALUES (
    coalesce((SELECT id FROM ash_rusqlite_event_types WHERE name = 'chat.user.created' AND "table" = 'users' AND operation = 'insert'),
      RAISE(ABORT, 'this table is journaled, but its journal does not know it: run the migrations')),
    (SELECT id FROM ash_rusqlite_subjects WHERE name = 'user:' || NEW.id), (SELECT position FROM ash_rusqlite_subjects WHERE name = 'user:' || NEW.id),
    (SELECT actor FROM ash_rusqlite_request WHERE id = 1), NEW.id,
    '{' || printf('"id":%s,"name":%s,"email":%s,"display_name":%s,"avatar_url":%s,"preferences":%s,"is_active":%s,"created_at":%s,"updated_at":%s',
      CASE typeof(NEW.id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.id) || '"}' ELSE json_quote(NEW.id) END,
      CASE typeof(NEW.name) WHEN 'blob' THEN '{"blob":"' || hex(NEW.name) || '"}' ELSE json_quote(NEW.name) END,
      CASE typeof(NEW.email) WHEN 'blob' THEN '{"blob":"' || hex(NEW.email) || '"}' ELSE json_quote(NEW.email) END,
      CASE typeof(NEW.display_name) WHEN 'blob' THEN '{"blob":"' || hex(NEW.display_name) || '"}' ELSE json_quote(NEW.display_name) END,
      CASE typeof(NEW.avatar_url) WHEN 'blob' THEN '{"blob":"' || hex(NEW.avatar_url) || '"}' ELSE json_quote(NEW.avatar_url) END,
      CASE typeof(NEW.preferences) WHEN 'blob' THEN '{"blob":"' || hex(NEW.preferences) || '"}' ELSE json_quote(NEW.preferences) END,
      CASE typeof(NEW.is_active) WHEN 'blob' THEN '{"blob":"' || hex(NEW.is_active) || '"}' WHEN 'real' THEN CASE WHEN abs(NEW.is_active) > 1.7976931348623157e308 THEN iif(NEW.is_active > 0, '9.0e+999', '-9.0e+999') ELSE quote(NEW.is_active) END ELSE json_quote(NEW.is_active) END,
      CASE typeof(NEW.created_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.created_at) || '"}' ELSE json_quote(NEW.created_at) END,
      CASE typeof(NEW.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.updated_at) || '"}' ELSE json_quote(NEW.updated_at) END) || '}',
    NULL,
    (SELECT tx FROM ash_rusqlite_request WHERE id = 1),
    coalesce((SELECT at FROM ash_rusqlite_request WHERE id = 1), max(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), ''))),
    (SELECT action FROM ash_rusqlite_request WHERE id = 1), (SELECT metadata FROM ash_rusqlite_request WHERE id = 1), randomblob(16));
END;
CREATE TRIGGER users_journal_update AFTER UPDATE ON users WHEN OLD.id IS NOT NEW.id COLLATE BINARY
  OR OLD.name IS NOT NEW.name COLLATE BINARY
  OR OLD.email IS NOT NEW.email COLLATE BINARY
  OR OLD.display_name IS NOT NEW.display_name COLLATE BINARY
  OR OLD.avatar_url IS NOT NEW.avatar_url COLLATE BINARY
  OR OLD.preferences IS NOT NEW.preferences COLLATE BINARY
  OR OLD.is_active IS NOT NEW.is_active COLLATE BINARY
  OR OLD.created_at IS NOT NEW.created_at COLLATE BINARY BEGIN
  /* journal {"type":"chat.user","source":["user","id"],"actor":null,"skip":["updated_at"],"sensitive":[],"events":[]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'users' AND key = OLD.id;
  DELETE FROM ash_rusqlite_replaced WHERE known;
  DELETE FROM ash_rusqlite_replaced WHERE "table" = 'users' AND (key = NEW.id OR NOT EXISTS (SELECT 1 FROM users AS t WHERE t.id = ash_rusqlite_replaced.key));
  INSERT INTO ash_rusqlite_subjects (name, position) SELECT 'user:' || NEW.id, 1
    WHERE 'user:' || NEW.id IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET position = position + 1;
  INSERT INTO ash_rusqlite_events
    (type, source, position, actor, key, data, old, tx, at, action, metadata, salt)
  VALUES (
    coalesce((SELECT id FROM ash_rusqlite_event_types WHERE name = 'chat.user.updated' AND "table" = 'users' AND operation = 'update'),
      RAISE(ABORT, 'this table is journaled, but its journal does not know it: run the migrations')),
    (SELECT id FROM ash_rusqlite_subjects WHERE name = 'user:' || NEW.id), (SELECT position FROM ash_rusqlite_subjects WHERE name = 'user:' || NEW.id),
    (SELECT actor FROM ash_rusqlite_request WHERE id = 1), NEW.id,
    '{' || substr(CASE WHEN OLD.id IS NOT NEW.id COLLATE BINARY THEN ',"id":' || CASE typeof(NEW.id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.id) || '"}' ELSE json_quote(NEW.id) END ELSE '' END
      || CASE WHEN OLD.name IS NOT NEW.name COLLATE BINARY THEN ',"name":' || CASE typeof(NEW.name) WHEN 'blob' THEN '{"blob":"' || hex(NEW.name) || '"}' ELSE json_quote(NEW.name) END ELSE '' END
      || CASE WHEN OLD.email IS NOT NEW.email COLLATE BINARY THEN ',"email":' || CASE typeof(NEW.email) WHEN 'blob' THEN '{"blob":"' || hex(NEW.email) || '"}' ELSE json_quote(NEW.email) END ELSE '' END
      || CASE WHEN OLD.display_name IS NOT NEW.display_name COLLATE BINARY THEN ',"display_name":' || CASE typeof(NEW.display_name) WHEN 'blob' THEN '{"blob":"' || hex(NEW.display_name) || '"}' ELSE json_quote(NEW.display_name) END ELSE '' END
      || CASE WHEN OLD.avatar_url IS NOT NEW.avatar_url COLLATE BINARY THEN ',"avatar_url":' || CASE typeof(NEW.avatar_url) WHEN 'blob' THEN '{"blob":"' || hex(NEW.avatar_url) || '"}' ELSE json_quote(NEW.avatar_url) END ELSE '' END
      || CASE WHEN OLD.preferences IS NOT NEW.preferences COLLATE BINARY THEN ',"preferences":' || CASE typeof(NEW.preferences) WHEN 'blob' THEN '{"blob":"' || hex(NEW.preferences) || '"}' ELSE json_quote(NEW.preferences) END ELSE '' END
      || CASE WHEN OLD.is_active IS NOT NEW.is_active COLLATE BINARY THEN ',"is_active":' || CASE typeof(NEW.is_active) WHEN 'blob' THEN '{"blob":"' || hex(NEW.is_active) || '"}' WHEN 'real' THEN CASE WHEN abs(NEW.is_active) > 1.7976931348623157e308 THEN iif(NEW.is_active > 0, '9.0e+999', '-9.0e+999') ELSE quote(NEW.is_active) END ELSE json_quote(NEW.is_active) END ELSE '' END
      || CASE WHEN OLD.created_at IS NOT NEW.created_at COLLATE BINARY THEN ',"created_at":' || CASE typeof(NEW.created_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.created_at) || '"}' ELSE json_quote(NEW.created_at) END ELSE '' END, 2) || '}',
    '{' || substr(CASE WHEN OLD.id IS NOT NEW.id COLLATE BINARY THEN ',"id":' || CASE typeof(OLD.id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.id) || '"}' ELSE json_quote(OLD.id) END ELSE '' END
      || CASE WHEN OLD.name IS NOT NEW.name COLLATE BINARY THEN ',"name":' || CASE typeof(OLD.name) WHEN 'blob' THEN '{"blob":"' || hex(OLD.name) || '"}' ELSE json_quote(OLD.name) END ELSE '' END
      || CASE WHEN OLD.email IS NOT NEW.email COLLATE BINARY THEN ',"email":' || CASE typeof(OLD.email) WHEN 'blob' THEN '{"blob":"' || hex(OLD.email) || '"}' ELSE json_quote(OLD.email) END ELSE '' END
      || CASE WHEN OLD.display_name IS NOT NEW.display_name COLLATE BINARY THEN ',"display_name":' || CASE typeof(OLD.display_name) WHEN 'blob' THEN '{"blob":"' || hex(OLD.display_name) || '"}' ELSE json_quote(OLD.display_name) END ELSE '' END
      || CASE WHEN OLD.avatar_url IS NOT NEW.avatar_url COLLATE BINARY THEN ',"avatar_url":' || CASE typeof(OLD.avatar_url) WHEN 'blob' THEN '{"blob":"' || hex(OLD.avatar_url) || '"}' ELSE json_quote(OLD.avatar_url) END ELSE '' END
      || CASE WHEN OLD.preferences IS NOT NEW.preferences COLLATE BINARY THEN ',"preferences":' || CASE typeof(OLD.preferences) WHEN 'blob' THEN '{"blob":"' || hex(OLD.preferences) || '"}' ELSE json_quote(OLD.preferences) END ELSE '' END
      || CASE WHEN OLD.is_active IS NOT NEW.is_active COLLATE BINARY THEN ',"is_active":' || CASE typeof(OLD.is_active) WHEN 'blob' THEN '{"blob":"' || hex(OLD.is_active) || '"}' WHEN 'real' THEN CASE WHEN abs(OLD.is_active) > 1.7976931348623157e308 THEN iif(OLD.is_active > 0, '9.0e+999', '-9.0e+999') ELSE quote(OLD.is_active) END ELSE json_quote(OLD.is_active) END ELSE '' END
      || CASE WHEN OLD.created_at IS NOT NEW.created_at COLLATE BINARY THEN ',"created_at":' || CASE typeof(OLD.created_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.created_at) || '"}' ELSE json_quote(OLD.created_at) END ELSE '' END, 2) || '}',
    (SELECT tx FROM ash_rusqlite_request WHERE id = 1),
    coalesce((SELECT at FROM ash_rusqlite_request WHERE id = 1), max(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), ''))),
    (SELECT action FROM ash_rusqlite_request WHERE id = 1), (SELECT metadata FROM ash_rusqlite_request WHERE id = 1), randomblob(16));
END;
CREATE TRIGGER users_journal_delete AFTER DELETE ON users BEGIN
  /* journal {"type":"chat.user","source":["user","id"],"actor":null,"skip":["updated_at"],"sensitive":[],"events":[]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'users' AND key = OLD.id;
  DELETE FROM ash_rusqlite_replaced WHERE known;
  INSERT INTO ash_rusqlite_subjects (name, position) SELECT 'user:' || OLD.id, 1
    WHERE 'user:' || OLD.id IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET position = position + 1;
  INSERT INTO ash_rusqlite_events
    (type, source, position, actor, key, data, old, tx, at, action, metadata, salt)
  VALUES (
    coalesce((SELECT id FROM ash_rusqlite_event_types WHERE name = 'chat.user.deleted' AND "table" = 'users' AND operation = 'delete'),
      RAISE(ABORT, 'this table is journaled, but its journal does not know it: run the migrations')),
    (SELECT id FROM ash_rusqlite_subjects WHERE name = 'user:' || OLD.id), (SELECT position FROM ash_rusqlite_subjects WHERE name = 'user:' || OLD.id),
    (SELECT actor FROM ash_rusqlite_request WHERE id = 1), OLD.id,
    '{' || printf('"id":%s,"name":%s,"email":%s,"display_name":%s,"avatar_url":%s,"preferences":%s,"is_active":%s,"created_at":%s,"updated_at":%s',
      CASE typeof(OLD.id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.id) || '"}' ELSE json_quote(OLD.id) END,
      CASE typeof(OLD.name) WHEN 'blob' THEN '{"blob":"' || hex(OLD.name) || '"}' ELSE json_quote(OLD.name) END,
      CASE typeof(OLD.email) WHEN 'blob' THEN '{"blob":"' || hex(OLD.email) || '"}' ELSE json_quote(OLD.email) END,
      CASE typeof(OLD.display_name) WHEN 'blob' THEN '{"blob":"' || hex(OLD.display_name) || '"}' ELSE json_quote(OLD.display_name) END,
      CASE typeof(OLD.avatar_url) WHEN 'blob' THEN '{"blob":"' || hex(OLD.avatar_url) || '"}' ELSE json_quote(OLD.avatar_url) END,
      CASE typeof(OLD.preferences) WHEN 'blob' THEN '{"blob":"' || hex(OLD.preferences) || '"}' ELSE json_quote(OLD.preferences) END,
      CASE typeof(OLD.is_active) WHEN 'blob' THEN '{"blob":"' || hex(OLD.is_active) || '"}' WHEN 'real' THEN CASE WHEN abs(OLD.is_active) > 1.7976931348623157e308 THEN iif(OLD.is_active > 0, '9.0e+999', '-9.0e+999') ELSE quote(OLD.is_active) END ELSE json_quote(OLD.is_active) END,
      CASE typeof(OLD.created_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.created_at) || '"}' ELSE json_quote(OLD.created_at) END,
      CASE typeof(OLD.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.updated_at) || '"}' ELSE json_quote(OLD.updated_at) END) || '}',
    NULL,
    (SELECT tx FROM ash_rusqlite_request WHERE id = 1),
    coalesce((SELECT at FROM ash_rusqlite_request WHERE id = 1), max(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), ''))),
    (SELECT action FROM ash_rusqlite_request WHERE id = 1), (SELECT metadata FROM ash_rusqlite_request WHERE id = 1), randomblob(16));
END;
CREATE TRIGGER users_journal_replace_insert BEFORE INSERT ON users
  WHEN EXISTS (SELECT 1 FROM users AS t WHERE (t.id = NEW.id)) BEGIN
  /* journal {"type":"chat.user","source":["user","id"],"actor":null,"skip":["updated_at"],"sensitive":[],"events":[]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'users';
  DELETE FROM ash_rusqlite_replaced WHERE known;
  INSERT INTO ash_rusqlite_replaced ("table", key, type, source, actor, data)
  SELECT 'users', t.id, 'chat.user.deleted', 'user:' || t.id, NULL, '{' || printf('"id":%s,"name":%s,"email":%s,"display_name":%s,"avatar_url":%s,"preferences":%s,"is_active":%s,"created_at":%s,"updated_at":%s',
      CASE typeof(t.id) WHEN 'blob' THEN '{"blob":"' || hex(t.id) || '"}' ELSE json_quote(t.id) END,
      CASE typeof(t.name) WHEN 'blob' THEN '{"blob":"' || hex(t.name) || '"}' ELSE json_quote(t.name) END,
      CASE typeof(t.email) WHEN 'blob' THEN '{"blob":"' || hex(t.email) || '"}' ELSE json_quote(t.email) END,
      CASE typeof(t.display_name) WHEN 'blob' THEN '{"blob":"' || hex(t.display_name) || '"}' ELSE json_quote(t.display_name) END,
      CASE typeof(t.avatar_url) WHEN 'blob' THEN '{"blob":"' || hex(t.avatar_url) || '"}' ELSE json_quote(t.avatar_url) END,
      CASE typeof(t.preferences) WHEN 'blob' THEN '{"blob":"' || hex(t.preferences) || '"}' ELSE json_quote(t.preferences) END,
      CASE typeof(t.is_active) WHEN 'blob' THEN '{"blob":"' || hex(t.is_active) || '"}' WHEN 'real' THEN CASE WHEN abs(t.is_active) > 1.7976931348623157e308 THEN iif(t.is_active > 0, '9.0e+999', '-9.0e+999') ELSE quote(t.is_active) END ELSE json_quote(t.is_active) END,
      CASE typeof(t.created_at) WHEN 'blob' THEN '{"blob":"' || hex(t.created_at) || '"}' ELSE json_quote(t.created_at) END,
      CASE typeof(t.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(t.updated_at) || '"}' ELSE json_quote(t.updated_at) END) || '}'
  FROM users AS t WHERE (t.id = NEW.id);
END;
CREATE TRIGGER users_journal_replace_update BEFORE UPDATE ON users
  WHEN (OLD.id IS NOT NEW.id COLLATE BINARY) AND EXISTS (SELECT 1 FROM users AS t WHERE ((t.id = NEW.id)) AND t.id IS NOT OLD.id) BEGIN
  /* journal {"type":"chat.user","source":["user","id"],"actor":null,"skip":["updated_at"],"sensitive":[],"events":[]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'users';
  DELETE FROM ash_rusqlite_replaced WHERE known;
  INSERT INTO ash_rusqlite_replaced ("table", key, type, source, actor, data)
  SELECT 'users', t.id, 'chat.user.deleted', 'user:' || t.id, NULL, '{' || printf('"id":%s,"name":%s,"email":%s,"display_name":%s,"avatar_url":%s,"preferences":%s,"is_active":%s,"created_at":%s,"updated_at":%s',
      CASE typeof(t.id) WHEN 'blob' THEN '{"blob":"' || hex(t.id) || '"}' ELSE json_quote(t.id) END,
      CASE typeof(t.name) WHEN 'blob' THEN '{"blob":"' || hex(t.name) || '"}' ELSE json_quote(t.name) END,
      CASE typeof(t.email) WHEN 'blob' THEN '{"blob":"' || hex(t.email) || '"}' ELSE json_quote(t.email) END,
      CASE typeof(t.display_name) WHEN 'blob' THEN '{"blob":"' || hex(t.display_name) || '"}' ELSE json_quote(t.display_name) END,
      CASE typeof(t.avatar_url) WHEN 'blob' THEN '{"blob":"' || hex(t.avatar_url) || '"}' ELSE json_quote(t.avatar_url) END,
      CASE typeof(t.preferences) WHEN 'blob' THEN '{"blob":"' || hex(t.preferences) || '"}' ELSE json_quote(t.preferences) END,
      CASE typeof(t.is_active) WHEN 'blob' THEN '{"blob":"' || hex(t.is_active) || '"}' WHEN 'real' THEN CASE WHEN abs(t.is_active) > 1.7976931348623157e308 THEN iif(t.is_active > 0, '9.0e+999', '-9.0e+999') ELSE quote(t.is_active) END ELSE json_quote(t.is_active) END,
      CASE typeof(t.created_at) WHEN 'blob' THEN '{"blob":"' || hex(t.created_at) || '"}' ELSE json_quote(t.created_at) END,
      CASE typeof(t.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(t.updated_at) || '"}' ELSE json_quote(t.updated_at) END) || '}'
  FROM users AS t WHERE ((t.id = NEW.id)) AND t.id IS NOT OLD.id;
END;
CREATE TRIGGER rooms_journal_insert AFTER INSERT ON rooms BEGIN
  /* journal {"type":"chat.room","source":["room","id"],"actor":null,"skip":["updated_at"],"sensitive":[],"events":[{"type":"chat.room.hidden","on":"update","where":"(NEW.hidden AND (NOT OLD.hidden))"},{"type":"chat.room.unhidden","on":"update","where":"((NOT NEW.hidden) AND OLD.hidden)"}]} */
  DELETE FROM ash_rusqlite_replaced WHERE "table" = 'rooms' AND (key = NEW.id OR NOT EXISTS (SELECT 1 FROM rooms AS t WHERE t.id = ash_rusqlite_replaced.key));
  INSERT INTO ash_rusqlite_subjects (name, position) SELECT 'room:' || NEW.id, 1
    WHERE 'room:' || NEW.id IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET position = position + 1;
  INSERT INTO ash_rusqlite_events
    (type, source, position, actor, key, data, old, tx, at, action, metadata, salt)
  VALUES (
    coalesce((SELECT id FROM ash_rusqlite_event_types WHERE name = 'chat.room.created' AND "table" = 'rooms' AND operation = 'insert'),
      RAISE(ABORT, 'this table is journaled, but its journal does not know it: run the migrations')),
    (SELECT id FROM ash_rusqlite_subjects WHERE name = 'room:' || NEW.id), (SELECT position FROM ash_rusqlite_subjects WHERE name = 'room:' || NEW.id),
    (SELECT actor FROM ash_rusqlite_request WHERE id = 1), NEW.id,
    '{' || printf('"id":%s,"title":%s,"description":%s,"current_task":%s,"starting_message":%s,"hidden":%s,"created_at":%s,"updated_at":%s,"parent_room_id":%s',
      CASE typeof(NEW.id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.id) || '"}' ELSE json_quote(NEW.id) END,
      CASE typeof(NEW.title) WHEN 'blob' THEN '{"blob":"' || hex(NEW.title) || '"}' ELSE json_quote(NEW.title) END,
      CASE typeof(NEW.description) WHEN 'blob' THEN '{"blob":"' || hex(NEW.description) || '"}' ELSE json_quote(NEW.description) END,
      CASE typeof(NEW.current_task) WHEN 'blob' THEN '{"blob":"' || hex(NEW.current_task) || '"}' ELSE json_quote(NEW.current_task) END,
      CASE typeof(NEW.starting_message) WHEN 'blob' THEN '{"blob":"' || hex(NEW.starting_message) || '"}' ELSE json_quote(NEW.starting_message) END,
      CASE typeof(NEW.hidden) WHEN 'blob' THEN '{"blob":"' || hex(NEW.hidden) || '"}' WHEN 'real' THEN CASE WHEN abs(NEW.hidden) > 1.7976931348623157e308 THEN iif(NEW.hidden > 0, '9.0e+999', '-9.0e+999') ELSE quote(NEW.hidden) END ELSE json_quote(NEW.hidden) END,
      CASE typeof(NEW.created_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.created_at) || '"}' ELSE json_quote(NEW.created_at) END,
      CASE typeof(NEW.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.updated_at) || '"}' ELSE json_quote(NEW.updated_at) END,
      CASE typeof(NEW.parent_room_id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.parent_room_id) || '"}' ELSE json_quote(NEW.parent_room_id) END) || '}',
    NULL,
    (SELECT tx FROM ash_rusqlite_request WHERE id = 1),
    coalesce((SELECT at FROM ash_rusqlite_request WHERE id = 1), max(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), ''))),
    (SELECT action FROM ash_rusqlite_request WHERE id = 1), (SELECT metadata FROM ash_rusqlite_request WHERE id = 1), randomblob(16));
END;
CREATE TRIGGER rooms_journal_update AFTER UPDATE ON rooms WHEN OLD.id IS NOT NEW.id COLLATE BINARY
  OR OLD.title IS NOT NEW.title COLLATE BINARY
  OR OLD.description IS NOT NEW.description COLLATE BINARY
  OR OLD.current_task IS NOT NEW.current_task COLLATE BINARY
  OR OLD.starting_message IS NOT NEW.starting_message COLLATE BINARY
  OR OLD.hidden IS NOT NEW.hidden COLLATE BINARY
  OR OLD.created_at IS NOT NEW.created_at COLLATE BINARY
  OR OLD.parent_room_id IS NOT NEW.parent_room_id COLLATE BINARY BEGIN
  /* journal {"type":"chat.room","source":["room","id"],"actor":null,"skip":["updated_at"],"sensitive":[],"events":[{"type":"chat.room.hidden","on":"update","where":"(NEW.hidden AND (NOT OLD.hidden))"},{"type":"chat.room.unhidden","on":"update","where":"((NOT NEW.hidden) AND OLD.hidden)"}]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'rooms' AND key = OLD.id;
  DELETE FROM ash_rusqlite_replaced WHERE known;
  DELETE FROM ash_rusqlite_replaced WHERE "table" = 'rooms' AND (key = NEW.id OR NOT EXISTS (SELECT 1 FROM rooms AS t WHERE t.id = ash_rusqlite_replaced.key));
  INSERT INTO ash_rusqlite_subjects (name, position) SELECT 'room:' || NEW.id, 1
    WHERE 'room:' || NEW.id IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET position = position + 1;
  INSERT INTO ash_rusqlite_events
    (type, source, position, actor, key, data, old, tx, at, action, metadata, salt)
  VALUES (
    coalesce((SELECT id FROM ash_rusqlite_event_types WHERE name = CASE WHEN ((NEW.hidden AND (NOT OLD.hidden))) THEN 'chat.room.hidden' WHEN (((NOT NEW.hidden) AND OLD.hidden)) THEN 'chat.room.unhidden' ELSE 'chat.room.updated' END AND "table" = 'rooms' AND operation = 'update'),
      RAISE(ABORT, 'this table is journaled, but its journal does not know it: run the migrations')),
    (SELECT id FROM ash_rusqlite_subjects WHERE name = 'room:' || NEW.id), (SELECT position FROM ash_rusqlite_subjects WHERE name = 'room:' || NEW.id),
    (SELECT actor FROM ash_rusqlite_request WHERE id = 1), NEW.id,
    '{' || substr(CASE WHEN OLD.id IS NOT NEW.id COLLATE BINARY THEN ',"id":' || CASE typeof(NEW.id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.id) || '"}' ELSE json_quote(NEW.id) END ELSE '' END
      || CASE WHEN OLD.title IS NOT NEW.title COLLATE BINARY THEN ',"title":' || CASE typeof(NEW.title) WHEN 'blob' THEN '{"blob":"' || hex(NEW.title) || '"}' ELSE json_quote(NEW.title) END ELSE '' END
      || CASE WHEN OLD.description IS NOT NEW.description COLLATE BINARY THEN ',"description":' || CASE typeof(NEW.description) WHEN 'blob' THEN '{"blob":"' || hex(NEW.description) || '"}' ELSE json_quote(NEW.description) END ELSE '' END
      || CASE WHEN OLD.current_task IS NOT NEW.current_task COLLATE BINARY THEN ',"current_task":' || CASE typeof(NEW.current_task) WHEN 'blob' THEN '{"blob":"' || hex(NEW.current_task) || '"}' ELSE json_quote(NEW.current_task) END ELSE '' END
      || CASE WHEN OLD.starting_message IS NOT NEW.starting_message COLLATE BINARY THEN ',"starting_message":' || CASE typeof(NEW.starting_message) WHEN 'blob' THEN '{"blob":"' || hex(NEW.starting_message) || '"}' ELSE json_quote(NEW.starting_message) END ELSE '' END
      || CASE WHEN OLD.hidden IS NOT NEW.hidden COLLATE BINARY THEN ',"hidden":' || CASE typeof(NEW.hidden) WHEN 'blob' THEN '{"blob":"' || hex(NEW.hidden) || '"}' WHEN 'real' THEN CASE WHEN abs(NEW.hidden) > 1.7976931348623157e308 THEN iif(NEW.hidden > 0, '9.0e+999', '-9.0e+999') ELSE quote(NEW.hidden) END ELSE json_quote(NEW.hidden) END ELSE '' END
      || CASE WHEN OLD.created_at IS NOT NEW.created_at COLLATE BINARY THEN ',"created_at":' || CASE typeof(NEW.created_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.created_at) || '"}' ELSE json_quote(NEW.created_at) END ELSE '' END
      || CASE WHEN OLD.parent_room_id IS NOT NEW.parent_room_id COLLATE BINARY THEN ',"parent_room_id":' || CASE typeof(NEW.parent_room_id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.parent_room_id) || '"}' ELSE json_quote(NEW.parent_room_id) END ELSE '' END, 2) || '}',
    '{' || substr(CASE WHEN OLD.id IS NOT NEW.id COLLATE BINARY THEN ',"id":' || CASE typeof(OLD.id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.id) || '"}' ELSE json_quote(OLD.id) END ELSE '' END
      || CASE WHEN OLD.title IS NOT NEW.title COLLATE BINARY THEN ',"title":' || CASE typeof(OLD.title) WHEN 'blob' THEN '{"blob":"' || hex(OLD.title) || '"}' ELSE json_quote(OLD.title) END ELSE '' END
      || CASE WHEN OLD.description IS NOT NEW.description COLLATE BINARY THEN ',"description":' || CASE typeof(OLD.description) WHEN 'blob' THEN '{"blob":"' || hex(OLD.description) || '"}' ELSE json_quote(OLD.description) END ELSE '' END
      || CASE WHEN OLD.current_task IS NOT NEW.current_task COLLATE BINARY THEN ',"current_task":' || CASE typeof(OLD.current_task) WHEN 'blob' THEN '{"blob":"' || hex(OLD.current_task) || '"}' ELSE json_quote(OLD.current_task) END ELSE '' END
      || CASE WHEN OLD.starting_message IS NOT NEW.starting_message COLLATE BINARY THEN ',"starting_message":' || CASE typeof(OLD.starting_message) WHEN 'blob' THEN '{"blob":"' || hex(OLD.starting_message) || '"}' ELSE json_quote(OLD.starting_message) END ELSE '' END
      || CASE WHEN OLD.hidden IS NOT NEW.hidden COLLATE BINARY THEN ',"hidden":' || CASE typeof(OLD.hidden) WHEN 'blob' THEN '{"blob":"' || hex(OLD.hidden) || '"}' WHEN 'real' THEN CASE WHEN abs(OLD.hidden) > 1.7976931348623157e308 THEN iif(OLD.hidden > 0, '9.0e+999', '-9.0e+999') ELSE quote(OLD.hidden) END ELSE json_quote(OLD.hidden) END ELSE '' END
      || CASE WHEN OLD.created_at IS NOT NEW.created_at COLLATE BINARY THEN ',"created_at":' || CASE typeof(OLD.created_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.created_at) || '"}' ELSE json_quote(OLD.created_at) END ELSE '' END
      || CASE WHEN OLD.parent_room_id IS NOT NEW.parent_room_id COLLATE BINARY THEN ',"parent_room_id":' || CASE typeof(OLD.parent_room_id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.parent_room_id) || '"}' ELSE json_quote(OLD.parent_room_id) END ELSE '' END, 2) || '}',
    (SELECT tx FROM ash_rusqlite_request WHERE id = 1),
    coalesce((SELECT at FROM ash_rusqlite_request WHERE id = 1), max(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), ''))),
    (SELECT action FROM ash_rusqlite_request WHERE id = 1), (SELECT metadata FROM ash_rusqlite_request WHERE id = 1), randomblob(16));
END;
CREATE TRIGGER rooms_journal_delete AFTER DELETE ON rooms BEGIN
  /* journal {"type":"chat.room","source":["room","id"],"actor":null,"skip":["updated_at"],"sensitive":[],"events":[{"type":"chat.room.hidden","on":"update","where":"(NEW.hidden AND (NOT OLD.hidden))"},{"type":"chat.room.unhidden","on":"update","where":"((NOT NEW.hidden) AND OLD.hidden)"}]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'rooms' AND key = OLD.id;
  DELETE FROM ash_rusqlite_replaced WHERE known;
  INSERT INTO ash_rusqlite_subjects (name, position) SELECT 'room:' || OLD.id, 1
    WHERE 'room:' || OLD.id IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET position = position + 1;
  INSERT INTO ash_rusqlite_events
    (type, source, position, actor, key, data, old, tx, at, action, metadata, salt)
  VALUES (
    coalesce((SELECT id FROM ash_rusqlite_event_types WHERE name = 'chat.room.deleted' AND "table" = 'rooms' AND operation = 'delete'),
      RAISE(ABORT, 'this table is journaled, but its journal does not know it: run the migrations')),
    (SELECT id FROM ash_rusqlite_subjects WHERE name = 'room:' || OLD.id), (SELECT position FROM ash_rusqlite_subjects WHERE name = 'room:' || OLD.id),
    (SELECT actor FROM ash_rusqlite_request WHERE id = 1), OLD.id,
    '{' || printf('"id":%s,"title":%s,"description":%s,"current_task":%s,"starting_message":%s,"hidden":%s,"created_at":%s,"updated_at":%s,"parent_room_id":%s',
      CASE typeof(OLD.id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.id) || '"}' ELSE json_quote(OLD.id) END,
      CASE typeof(OLD.title) WHEN 'blob' THEN '{"blob":"' || hex(OLD.title) || '"}' ELSE json_quote(OLD.title) END,
      CASE typeof(OLD.description) WHEN 'blob' THEN '{"blob":"' || hex(OLD.description) || '"}' ELSE json_quote(OLD.description) END,
      CASE typeof(OLD.current_task) WHEN 'blob' THEN '{"blob":"' || hex(OLD.current_task) || '"}' ELSE json_quote(OLD.current_task) END,
      CASE typeof(OLD.starting_message) WHEN 'blob' THEN '{"blob":"' || hex(OLD.starting_message) || '"}' ELSE json_quote(OLD.starting_message) END,
      CASE typeof(OLD.hidden) WHEN 'blob' THEN '{"blob":"' || hex(OLD.hidden) || '"}' WHEN 'real' THEN CASE WHEN abs(OLD.hidden) > 1.7976931348623157e308 THEN iif(OLD.hidden > 0, '9.0e+999', '-9.0e+999') ELSE quote(OLD.hidden) END ELSE json_quote(OLD.hidden) END,
      CASE typeof(OLD.created_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.created_at) || '"}' ELSE json_quote(OLD.created_at) END,
      CASE typeof(OLD.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.updated_at) || '"}' ELSE json_quote(OLD.updated_at) END,
      CASE typeof(OLD.parent_room_id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.parent_room_id) || '"}' ELSE json_quote(OLD.parent_room_id) END) || '}',
    NULL,
    (SELECT tx FROM ash_rusqlite_request WHERE id = 1),
    coalesce((SELECT at FROM ash_rusqlite_request WHERE id = 1), max(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), ''))),
    (SELECT action FROM ash_rusqlite_request WHERE id = 1), (SELECT metadata FROM ash_rusqlite_request WHERE id = 1), randomblob(16));
END;
CREATE TRIGGER rooms_journal_replace_insert BEFORE INSERT ON rooms
  WHEN EXISTS (SELECT 1 FROM rooms AS t WHERE (t.id = NEW.id)) BEGIN
  /* journal {"type":"chat.room","source":["room","id"],"actor":null,"skip":["updated_at"],"sensitive":[],"events":[{"type":"chat.room.hidden","on":"update","where":"(NEW.hidden AND (NOT OLD.hidden))"},{"type":"chat.room.unhidden","on":"update","where":"((NOT NEW.hidden) AND OLD.hidden)"}]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'rooms';
  DELETE FROM ash_rusqlite_replaced WHERE known;
  INSERT INTO ash_rusqlite_replaced ("table", key, type, source, actor, data)
  SELECT 'rooms', t.id, 'chat.room.deleted', 'room:' || t.id, NULL, '{' || printf('"id":%s,"title":%s,"description":%s,"current_task":%s,"starting_message":%s,"hidden":%s,"created_at":%s,"updated_at":%s,"parent_room_id":%s',
      CASE typeof(t.id) WHEN 'blob' THEN '{"blob":"' || hex(t.id) || '"}' ELSE json_quote(t.id) END,
      CASE typeof(t.title) WHEN 'blob' THEN '{"blob":"' || hex(t.title) || '"}' ELSE json_quote(t.title) END,
      CASE typeof(t.description) WHEN 'blob' THEN '{"blob":"' || hex(t.description) || '"}' ELSE json_quote(t.description) END,
      CASE typeof(t.current_task) WHEN 'blob' THEN '{"blob":"' || hex(t.current_task) || '"}' ELSE json_quote(t.current_task) END,
      CASE typeof(t.starting_message) WHEN 'blob' THEN '{"blob":"' || hex(t.starting_message) || '"}' ELSE json_quote(t.starting_message) END,
      CASE typeof(t.hidden) WHEN 'blob' THEN '{"blob":"' || hex(t.hidden) || '"}' WHEN 'real' THEN CASE WHEN abs(t.hidden) > 1.7976931348623157e308 THEN iif(t.hidden > 0, '9.0e+999', '-9.0e+999') ELSE quote(t.hidden) END ELSE json_quote(t.hidden) END,
      CASE typeof(t.created_at) WHEN 'blob' THEN '{"blob":"' || hex(t.created_at) || '"}' ELSE json_quote(t.created_at) END,
      CASE typeof(t.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(t.updated_at) || '"}' ELSE json_quote(t.updated_at) END,
      CASE typeof(t.parent_room_id) WHEN 'blob' THEN '{"blob":"' || hex(t.parent_room_id) || '"}' ELSE json_quote(t.parent_room_id) END) || '}'
  FROM rooms AS t WHERE (t.id = NEW.id);
END;
CREATE TRIGGER rooms_journal_replace_update BEFORE UPDATE ON rooms
  WHEN (OLD.id IS NOT NEW.id COLLATE BINARY) AND EXISTS (SELECT 1 FROM rooms AS t WHERE ((t.id = NEW.id)) AND t.id IS NOT OLD.id) BEGIN
  /* journal {"type":"chat.room","source":["room","id"],"actor":null,"skip":["updated_at"],"sensitive":[],"events":[{"type":"chat.room.hidden","on":"update","where":"(NEW.hidden AND (NOT OLD.hidden))"},{"type":"chat.room.unhidden","on":"update","where":"((NOT NEW.hidden) AND OLD.hidden)"}]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'rooms';
  DELETE FROM ash_rusqlite_replaced WHERE known;
  INSERT INTO ash_rusqlite_replaced ("table", key, type, source, actor, data)
  SELECT 'rooms', t.id, 'chat.room.deleted', 'room:' || t.id, NULL, '{' || printf('"id":%s,"title":%s,"description":%s,"current_task":%s,"starting_message":%s,"hidden":%s,"created_at":%s,"updated_at":%s,"parent_room_id":%s',
      CASE typeof(t.id) WHEN 'blob' THEN '{"blob":"' || hex(t.id) || '"}' ELSE json_quote(t.id) END,
      CASE typeof(t.title) WHEN 'blob' THEN '{"blob":"' || hex(t.title) || '"}' ELSE json_quote(t.title) END,
      CASE typeof(t.description) WHEN 'blob' THEN '{"blob":"' || hex(t.description) || '"}' ELSE json_quote(t.description) END,
      CASE typeof(t.current_task) WHEN 'blob' THEN '{"blob":"' || hex(t.current_task) || '"}' ELSE json_quote(t.current_task) END,
      CASE typeof(t.starting_message) WHEN 'blob' THEN '{"blob":"' || hex(t.starting_message) || '"}' ELSE json_quote(t.starting_message) END,
      CASE typeof(t.hidden) WHEN 'blob' THEN '{"blob":"' || hex(t.hidden) || '"}' WHEN 'real' THEN CASE WHEN abs(t.hidden) > 1.7976931348623157e308 THEN iif(t.hidden > 0, '9.0e+999', '-9.0e+999') ELSE quote(t.hidden) END ELSE json_quote(t.hidden) END,
      CASE typeof(t.created_at) WHEN 'blob' THEN '{"blob":"' || hex(t.created_at) || '"}' ELSE json_quote(t.created_at) END,
      CASE typeof(t.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(t.updated_at) || '"}' ELSE json_quote(t.updated_at) END,
      CASE typeof(t.parent_room_id) WHEN 'blob' THEN '{"blob":"' || hex(t.parent_room_id) || '"}' ELSE json_quote(t.parent_room_id) END) || '}'
  FROM rooms AS t WHERE ((t.id = NEW.id)) AND t.id IS NOT OLD.id;
END;
CREATE TRIGGER messages_journal_insert AFTER INSERT ON messages BEGIN
  /* journal {"type":"chat.message","source":["room","room_id"],"actor":["user","user_id"],"skip":["updated_at"],"sensitive":[],"events":[]} */
  DELETE FROM ash_rusqlite_replaced WHERE "table" = 'messages' AND (key = NEW.id OR NOT EXISTS (SELECT 1 FROM messages AS t WHERE t.id = ash_rusqlite_replaced.key));
  INSERT INTO ash_rusqlite_subjects (name, position) SELECT 'room:' || NEW.room_id, 1
    WHERE 'room:' || NEW.room_id IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET position = position + 1;
  INSERT INTO ash_rusqlite_subjects (name) SELECT 'user:' || NEW.user_id
    WHERE 'user:' || NEW.user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ash_rusqlite_request WHERE actor IS NOT NULL)
    ON CONFLICT (name) DO NOTHING;
  INSERT INTO ash_rusqlite_events
    (type, source, position, actor, key, data, old, tx, at, action, metadata, salt)
  VALUES (
    coalesce((SELECT id FROM ash_rusqlite_event_types WHERE name = 'chat.message.created' AND "table" = 'messages' AND operation = 'insert'),
      RAISE(ABORT, 'this table is journaled, but its journal does not know it: run the migrations')),
    (SELECT id FROM ash_rusqlite_subjects WHERE name = 'room:' || NEW.room_id), (SELECT position FROM ash_rusqlite_subjects WHERE name = 'room:' || NEW.room_id),
    coalesce((SELECT actor FROM ash_rusqlite_request WHERE id = 1), (SELECT id FROM ash_rusqlite_subjects WHERE name = 'user:' || NEW.user_id)), NEW.id,
    '{' || printf('"id":%s,"content":%s,"role":%s,"message_type":%s,"image_url":%s,"image_data":%s,"metadata":%s,"created_at":%s,"updated_at":%s,"room_id":%s,"user_id":%s,"profile_id":%s,"agent_card_id":%s',
      CASE typeof(NEW.id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.id) || '"}' ELSE json_quote(NEW.id) END,
      CASE typeof(NEW.content) WHEN 'blob' THEN '{"blob":"' || hex(NEW.content) || '"}' ELSE json_quote(NEW.content) END,
      CASE typeof(NEW.role) WHEN 'blob' THEN '{"blob":"' || hex(NEW.role) || '"}' ELSE json_quote(NEW.role) END,
      CASE typeof(NEW.message_type) WHEN 'blob' THEN '{"blob":"' || hex(NEW.message_type) || '"}' ELSE json_quote(NEW.message_type) END,
      CASE typeof(NEW.image_url) WHEN 'blob' THEN '{"blob":"' || hex(NEW.image_url) || '"}' ELSE json_quote(NEW.image_url) END,
      CASE typeof(NEW.image_data) WHEN 'blob' THEN '{"blob":"' || hex(NEW.image_data) || '"}' WHEN 'real' THEN CASE WHEN abs(NEW.image_data) > 1.7976931348623157e308 THEN iif(NEW.image_data > 0, '9.0e+999', '-9.0e+999') ELSE quote(NEW.image_data) END ELSE json_quote(NEW.image_data) END,
      CASE typeof(NEW.metadata) WHEN 'blob' THEN '{"blob":"' || hex(NEW.metadata) || '"}' ELSE json_quote(NEW.metadata) END,
      CASE typeof(NEW.created_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.created_at) || '"}' ELSE json_quote(NEW.created_at) END,
      CASE typeof(NEW.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.updated_at) || '"}' ELSE json_quote(NEW.updated_at) END,
      CASE typeof(NEW.room_id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.room_id) || '"}' ELSE json_quote(NEW.room_id) END,
      CASE typeof(NEW.user_id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.user_id) || '"}' ELSE json_quote(NEW.user_id) END,
      CASE typeof(NEW.profile_id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.profile_id) || '"}' ELSE json_quote(NEW.profile_id) END,
      CASE typeof(NEW.agent_card_id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.agent_card_id) || '"}' ELSE json_quote(NEW.agent_card_id) END) || '}',
    NULL,
    (SELECT tx FROM ash_rusqlite_request WHERE id = 1),
    coalesce((SELECT at FROM ash_rusqlite_request WHERE id = 1), max(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), ''))),
    (SELECT action FROM ash_rusqlite_request WHERE id = 1), (SELECT metadata FROM ash_rusqlite_request WHERE id = 1), randomblob(16));
END;
CREATE TRIGGER messages_journal_update AFTER UPDATE ON messages WHEN OLD.id IS NOT NEW.id COLLATE BINARY
  OR OLD.content IS NOT NEW.content COLLATE BINARY
  OR OLD.role IS NOT NEW.role COLLATE BINARY
  OR OLD.message_type IS NOT NEW.message_type COLLATE BINARY
  OR OLD.image_url IS NOT NEW.image_url COLLATE BINARY
  OR (OLD.image_data IS NOT NEW.image_data COLLATE BINARY OR typeof(OLD.image_data) <> typeof(NEW.image_data))
  OR OLD.metadata IS NOT NEW.metadata COLLATE BINARY
  OR OLD.created_at IS NOT NEW.created_at COLLATE BINARY
  OR OLD.room_id IS NOT NEW.room_id COLLATE BINARY
  OR OLD.user_id IS NOT NEW.user_id COLLATE BINARY
  OR OLD.profile_id IS NOT NEW.profile_id COLLATE BINARY
  OR OLD.agent_card_id IS NOT NEW.agent_card_id COLLATE BINARY BEGIN
  /* journal {"type":"chat.message","source":["room","room_id"],"actor":["user","user_id"],"skip":["updated_at"],"sensitive":[],"events":[]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'messages' AND key = OLD.id;
  DELETE FROM ash_rusqlite_replaced WHERE known;
  DELETE FROM ash_rusqlite_replaced WHERE "table" = 'messages' AND (key = NEW.id OR NOT EXISTS (SELECT 1 FROM messages AS t WHERE t.id = ash_rusqlite_replaced.key));
  INSERT INTO ash_rusqlite_subjects (name, position) SELECT 'room:' || NEW.room_id, 1
    WHERE 'room:' || NEW.room_id IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET position = position + 1;
  INSERT INTO ash_rusqlite_subjects (name) SELECT 'user:' || NEW.user_id
    WHERE 'user:' || NEW.user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ash_rusqlite_request WHERE actor IS NOT NULL)
    ON CONFLICT (name) DO NOTHING;
  INSERT INTO ash_rusqlite_events
    (type, source, position, actor, key, data, old, tx, at, action, metadata, salt)
  VALUES (
    coalesce((SELECT id FROM ash_rusqlite_event_types WHERE name = 'chat.message.updated' AND "table" = 'messages' AND operation = 'update'),
      RAISE(ABORT, 'this table is journaled, but its journal does not know it: run the migrations')),
    (SELECT id FROM ash_rusqlite_subjects WHERE name = 'room:' || NEW.room_id), (SELECT position FROM ash_rusqlite_subjects WHERE name = 'room:' || NEW.room_id),
    coalesce((SELECT actor FROM ash_rusqlite_request WHERE id = 1), (SELECT id FROM ash_rusqlite_subjects WHERE name = 'user:' || NEW.user_id)), NEW.id,
    '{' || substr(CASE WHEN OLD.id IS NOT NEW.id COLLATE BINARY THEN ',"id":' || CASE typeof(NEW.id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.id) || '"}' ELSE json_quote(NEW.id) END ELSE '' END
      || CASE WHEN OLD.content IS NOT NEW.content COLLATE BINARY THEN ',"content":' || CASE typeof(NEW.content) WHEN 'blob' THEN '{"blob":"' || hex(NEW.content) || '"}' ELSE json_quote(NEW.content) END ELSE '' END
      || CASE WHEN OLD.role IS NOT NEW.role COLLATE BINARY THEN ',"role":' || CASE typeof(NEW.role) WHEN 'blob' THEN '{"blob":"' || hex(NEW.role) || '"}' ELSE json_quote(NEW.role) END ELSE '' END
      || CASE WHEN OLD.message_type IS NOT NEW.message_type COLLATE BINARY THEN ',"message_type":' || CASE typeof(NEW.message_type) WHEN 'blob' THEN '{"blob":"' || hex(NEW.message_type) || '"}' ELSE json_quote(NEW.message_type) END ELSE '' END
      || CASE WHEN OLD.image_url IS NOT NEW.image_url COLLATE BINARY THEN ',"image_url":' || CASE typeof(NEW.image_url) WHEN 'blob' THEN '{"blob":"' || hex(NEW.image_url) || '"}' ELSE json_quote(NEW.image_url) END ELSE '' END
      || CASE WHEN (OLD.image_data IS NOT NEW.image_data COLLATE BINARY OR typeof(OLD.image_data) <> typeof(NEW.image_data)) THEN ',"image_data":' || CASE typeof(NEW.image_data) WHEN 'blob' THEN '{"blob":"' || hex(NEW.image_data) || '"}' WHEN 'real' THEN CASE WHEN abs(NEW.image_data) > 1.7976931348623157e308 THEN iif(NEW.image_data > 0, '9.0e+999', '-9.0e+999') ELSE quote(NEW.image_data) END ELSE json_quote(NEW.image_data) END ELSE '' END
      || CASE WHEN OLD.metadata IS NOT NEW.metadata COLLATE BINARY THEN ',"metadata":' || CASE typeof(NEW.metadata) WHEN 'blob' THEN '{"blob":"' || hex(NEW.metadata) || '"}' ELSE json_quote(NEW.metadata) END ELSE '' END
      || CASE WHEN OLD.created_at IS NOT NEW.created_at COLLATE BINARY THEN ',"created_at":' || CASE typeof(NEW.created_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.created_at) || '"}' ELSE json_quote(NEW.created_at) END ELSE '' END
      || CASE WHEN OLD.room_id IS NOT NEW.room_id COLLATE BINARY THEN ',"room_id":' || CASE typeof(NEW.room_id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.room_id) || '"}' ELSE json_quote(NEW.room_id) END ELSE '' END
      || CASE WHEN OLD.user_id IS NOT NEW.user_id COLLATE BINARY THEN ',"user_id":' || CASE typeof(NEW.user_id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.user_id) || '"}' ELSE json_quote(NEW.user_id) END ELSE '' END
      || CASE WHEN OLD.profile_id IS NOT NEW.profile_id COLLATE BINARY THEN ',"profile_id":' || CASE typeof(NEW.profile_id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.profile_id) || '"}' ELSE json_quote(NEW.profile_id) END ELSE '' END
      || CASE WHEN OLD.agent_card_id IS NOT NEW.agent_card_id COLLATE BINARY THEN ',"agent_card_id":' || CASE typeof(NEW.agent_card_id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.agent_card_id) || '"}' ELSE json_quote(NEW.agent_card_id) END ELSE '' END, 2) || '}',
    '{' || substr(CASE WHEN OLD.id IS NOT NEW.id COLLATE BINARY THEN ',"id":' || CASE typeof(OLD.id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.id) || '"}' ELSE json_quote(OLD.id) END ELSE '' END
      || CASE WHEN OLD.content IS NOT NEW.content COLLATE BINARY THEN ',"content":' || CASE typeof(OLD.content) WHEN 'blob' THEN '{"blob":"' || hex(OLD.content) || '"}' ELSE json_quote(OLD.content) END ELSE '' END
      || CASE WHEN OLD.role IS NOT NEW.role COLLATE BINARY THEN ',"role":' || CASE typeof(OLD.role) WHEN 'blob' THEN '{"blob":"' || hex(OLD.role) || '"}' ELSE json_quote(OLD.role) END ELSE '' END
      || CASE WHEN OLD.message_type IS NOT NEW.message_type COLLATE BINARY THEN ',"message_type":' || CASE typeof(OLD.message_type) WHEN 'blob' THEN '{"blob":"' || hex(OLD.message_type) || '"}' ELSE json_quote(OLD.message_type) END ELSE '' END
      || CASE WHEN OLD.image_url IS NOT NEW.image_url COLLATE BINARY THEN ',"image_url":' || CASE typeof(OLD.image_url) WHEN 'blob' THEN '{"blob":"' || hex(OLD.image_url) || '"}' ELSE json_quote(OLD.image_url) END ELSE '' END
      || CASE WHEN (OLD.image_data IS NOT NEW.image_data COLLATE BINARY OR typeof(OLD.image_data) <> typeof(NEW.image_data)) THEN ',"image_data":' || CASE typeof(OLD.image_data) WHEN 'blob' THEN '{"blob":"' || hex(OLD.image_data) || '"}' WHEN 'real' THEN CASE WHEN abs(OLD.image_data) > 1.7976931348623157e308 THEN iif(OLD.image_data > 0, '9.0e+999', '-9.0e+999') ELSE quote(OLD.image_data) END ELSE json_quote(OLD.image_data) END ELSE '' END
      || CASE WHEN OLD.metadata IS NOT NEW.metadata COLLATE BINARY THEN ',"metadata":' || CASE typeof(OLD.metadata) WHEN 'blob' THEN '{"blob":"' || hex(OLD.metadata) || '"}' ELSE json_quote(OLD.metadata) END ELSE '' END
      || CASE WHEN OLD.created_at IS NOT NEW.created_at COLLATE BINARY THEN ',"created_at":' || CASE typeof(OLD.created_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.created_at) || '"}' ELSE json_quote(OLD.created_at) END ELSE '' END
      || CASE WHEN OLD.room_id IS NOT NEW.room_id COLLATE BINARY THEN ',"room_id":' || CASE typeof(OLD.room_id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.room_id) || '"}' ELSE json_quote(OLD.room_id) END ELSE '' END
      || CASE WHEN OLD.user_id IS NOT NEW.user_id COLLATE BINARY THEN ',"user_id":' || CASE typeof(OLD.user_id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.user_id) || '"}' ELSE json_quote(OLD.user_id) END ELSE '' END
      || CASE WHEN OLD.profile_id IS NOT NEW.profile_id COLLATE BINARY THEN ',"profile_id":' || CASE typeof(OLD.profile_id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.profile_id) || '"}' ELSE json_quote(OLD.profile_id) END ELSE '' END
      || CASE WHEN OLD.agent_card_id IS NOT NEW.agent_card_id COLLATE BINARY THEN ',"agent_card_id":' || CASE typeof(OLD.agent_card_id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.agent_card_id) || '"}' ELSE json_quote(OLD.agent_card_id) END ELSE '' END, 2) || '}',
    (SELECT tx FROM ash_rusqlite_request WHERE id = 1),
    coalesce((SELECT at FROM ash_rusqlite_request WHERE id = 1), max(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), ''))),
    (SELECT action FROM ash_rusqlite_request WHERE id = 1), (SELECT metadata FROM ash_rusqlite_request WHERE id = 1), randomblob(16));
END;
CREATE TRIGGER messages_journal_delete AFTER DELETE ON messages BEGIN
  /* journal {"type":"chat.message","source":["room","room_id"],"actor":["user","user_id"],"skip":["updated_at"],"sensitive":[],"events":[]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'messages' AND key = OLD.id;
  DELETE FROM ash_rusqlite_replaced WHERE known;
  INSERT INTO ash_rusqlite_subjects (name, position) SELECT 'room:' || OLD.room_id, 1
    WHERE 'room:' || OLD.room_id IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET position = position + 1;
  INSERT INTO ash_rusqlite_subjects (name) SELECT 'user:' || OLD.user_id
    WHERE 'user:' || OLD.user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ash_rusqlite_request WHERE actor IS NOT NULL)
    ON CONFLICT (name) DO NOTHING;
  INSERT INTO ash_rusqlite_events
    (type, source, position, actor, key, data, old, tx, at, action, metadata, salt)
  VALUES (
    coalesce((SELECT id FROM ash_rusqlite_event_types WHERE name = 'chat.message.deleted' AND "table" = 'messages' AND operation = 'delete'),
      RAISE(ABORT, 'this table is journaled, but its journal does not know it: run the migrations')),
    (SELECT id FROM ash_rusqlite_subjects WHERE name = 'room:' || OLD.room_id), (SELECT position FROM ash_rusqlite_subjects WHERE name = 'room:' || OLD.room_id),
    coalesce((SELECT actor FROM ash_rusqlite_request WHERE id = 1), (SELECT id FROM ash_rusqlite_subjects WHERE name = 'user:' || OLD.user_id)), OLD.id,
    '{' || printf('"id":%s,"content":%s,"role":%s,"message_type":%s,"image_url":%s,"image_data":%s,"metadata":%s,"created_at":%s,"updated_at":%s,"room_id":%s,"user_id":%s,"profile_id":%s,"agent_card_id":%s',
      CASE typeof(OLD.id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.id) || '"}' ELSE json_quote(OLD.id) END,
      CASE typeof(OLD.content) WHEN 'blob' THEN '{"blob":"' || hex(OLD.content) || '"}' ELSE json_quote(OLD.content) END,
      CASE typeof(OLD.role) WHEN 'blob' THEN '{"blob":"' || hex(OLD.role) || '"}' ELSE json_quote(OLD.role) END,
      CASE typeof(OLD.message_type) WHEN 'blob' THEN '{"blob":"' || hex(OLD.message_type) || '"}' ELSE json_quote(OLD.message_type) END,
      CASE typeof(OLD.image_url) WHEN 'blob' THEN '{"blob":"' || hex(OLD.image_url) || '"}' ELSE json_quote(OLD.image_url) END,
      CASE typeof(OLD.image_data) WHEN 'blob' THEN '{"blob":"' || hex(OLD.image_data) || '"}' WHEN 'real' THEN CASE WHEN abs(OLD.image_data) > 1.7976931348623157e308 THEN iif(OLD.image_data > 0, '9.0e+999', '-9.0e+999') ELSE quote(OLD.image_data) END ELSE json_quote(OLD.image_data) END,
      CASE typeof(OLD.metadata) WHEN 'blob' THEN '{"blob":"' || hex(OLD.metadata) || '"}' ELSE json_quote(OLD.metadata) END,
      CASE typeof(OLD.created_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.created_at) || '"}' ELSE json_quote(OLD.created_at) END,
      CASE typeof(OLD.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.updated_at) || '"}' ELSE json_quote(OLD.updated_at) END,
      CASE typeof(OLD.room_id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.room_id) || '"}' ELSE json_quote(OLD.room_id) END,
      CASE typeof(OLD.user_id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.user_id) || '"}' ELSE json_quote(OLD.user_id) END,
      CASE typeof(OLD.profile_id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.profile_id) || '"}' ELSE json_quote(OLD.profile_id) END,
      CASE typeof(OLD.agent_card_id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.agent_card_id) || '"}' ELSE json_quote(OLD.agent_card_id) END) || '}',
    NULL,
    (SELECT tx FROM ash_rusqlite_request WHERE id = 1),
    coalesce((SELECT at FROM ash_rusqlite_request WHERE id = 1), max(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), ''))),
    (SELECT action FROM ash_rusqlite_request WHERE id = 1), (SELECT metadata FROM ash_rusqlite_request WHERE id = 1), randomblob(16));
END;
CREATE TRIGGER messages_journal_replace_insert BEFORE INSERT ON messages
  WHEN EXISTS (SELECT 1 FROM messages AS t WHERE (t.id = NEW.id)) BEGIN
  /* journal {"type":"chat.message","source":["room","room_id"],"actor":["user","user_id"],"skip":["updated_at"],"sensitive":[],"events":[]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'messages';
  DELETE FROM ash_rusqlite_replaced WHERE known;
  INSERT INTO ash_rusqlite_replaced ("table", key, type, source, actor, data)
  SELECT 'messages', t.id, 'chat.message.deleted', 'room:' || t.room_id, 'user:' || t.user_id, '{' || printf('"id":%s,"content":%s,"role":%s,"message_type":%s,"image_url":%s,"image_data":%s,"metadata":%s,"created_at":%s,"updated_at":%s,"room_id":%s,"user_id":%s,"profile_id":%s,"agent_card_id":%s',
      CASE typeof(t.id) WHEN 'blob' THEN '{"blob":"' || hex(t.id) || '"}' ELSE json_quote(t.id) END,
      CASE typeof(t.content) WHEN 'blob' THEN '{"blob":"' || hex(t.content) || '"}' ELSE json_quote(t.content) END,
      CASE typeof(t.role) WHEN 'blob' THEN '{"blob":"' || hex(t.role) || '"}' ELSE json_quote(t.role) END,
      CASE typeof(t.message_type) WHEN 'blob' THEN '{"blob":"' || hex(t.message_type) || '"}' ELSE json_quote(t.message_type) END,
      CASE typeof(t.image_url) WHEN 'blob' THEN '{"blob":"' || hex(t.image_url) || '"}' ELSE json_quote(t.image_url) END,
      CASE typeof(t.image_data) WHEN 'blob' THEN '{"blob":"' || hex(t.image_data) || '"}' WHEN 'real' THEN CASE WHEN abs(t.image_data) > 1.7976931348623157e308 THEN iif(t.image_data > 0, '9.0e+999', '-9.0e+999') ELSE quote(t.image_data) END ELSE json_quote(t.image_data) END,
      CASE typeof(t.metadata) WHEN 'blob' THEN '{"blob":"' || hex(t.metadata) || '"}' ELSE json_quote(t.metadata) END,
      CASE typeof(t.created_at) WHEN 'blob' THEN '{"blob":"' || hex(t.created_at) || '"}' ELSE json_quote(t.created_at) END,
      CASE typeof(t.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(t.updated_at) || '"}' ELSE json_quote(t.updated_at) END,
      CASE typeof(t.room_id) WHEN 'blob' THEN '{"blob":"' || hex(t.room_id) || '"}' ELSE json_quote(t.room_id) END,
      CASE typeof(t.user_id) WHEN 'blob' THEN '{"blob":"' || hex(t.user_id) || '"}' ELSE json_quote(t.user_id) END,
      CASE typeof(t.profile_id) WHEN 'blob' THEN '{"blob":"' || hex(t.profile_id) || '"}' ELSE json_quote(t.profile_id) END,
      CASE typeof(t.agent_card_id) WHEN 'blob' THEN '{"blob":"' || hex(t.agent_card_id) || '"}' ELSE json_quote(t.agent_card_id) END) || '}'
  FROM messages AS t WHERE (t.id = NEW.id);
END;
CREATE TRIGGER messages_journal_replace_update BEFORE UPDATE ON messages
  WHEN (OLD.id IS NOT NEW.id COLLATE BINARY) AND EXISTS (SELECT 1 FROM messages AS t WHERE ((t.id = NEW.id)) AND t.id IS NOT OLD.id) BEGIN
  /* journal {"type":"chat.message","source":["room","room_id"],"actor":["user","user_id"],"skip":["updated_at"],"sensitive":[],"events":[]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'messages';
  DELETE FROM ash_rusqlite_replaced WHERE known;
  INSERT INTO ash_rusqlite_replaced ("table", key, type, source, actor, data)
  SELECT 'messages', t.id, 'chat.message.deleted', 'room:' || t.room_id, 'user:' || t.user_id, '{' || printf('"id":%s,"content":%s,"role":%s,"message_type":%s,"image_url":%s,"image_data":%s,"metadata":%s,"created_at":%s,"updated_at":%s,"room_id":%s,"user_id":%s,"profile_id":%s,"agent_card_id":%s',
      CASE typeof(t.id) WHEN 'blob' THEN '{"blob":"' || hex(t.id) || '"}' ELSE json_quote(t.id) END,
      CASE typeof(t.content) WHEN 'blob' THEN '{"blob":"' || hex(t.content) || '"}' ELSE json_quote(t.content) END,
      CASE typeof(t.role) WHEN 'blob' THEN '{"blob":"' || hex(t.role) || '"}' ELSE json_quote(t.role) END,
      CASE typeof(t.message_type) WHEN 'blob' THEN '{"blob":"' || hex(t.message_type) || '"}' ELSE json_quote(t.message_type) END,
      CASE typeof(t.image_url) WHEN 'blob' THEN '{"blob":"' || hex(t.image_url) || '"}' ELSE json_quote(t.image_url) END,
      CASE typeof(t.image_data) WHEN 'blob' THEN '{"blob":"' || hex(t.image_data) || '"}' WHEN 'real' THEN CASE WHEN abs(t.image_data) > 1.7976931348623157e308 THEN iif(t.image_data > 0, '9.0e+999', '-9.0e+999') ELSE quote(t.image_data) END ELSE json_quote(t.image_data) END,
      CASE typeof(t.metadata) WHEN 'blob' THEN '{"blob":"' || hex(t.metadata) || '"}' ELSE json_quote(t.metadata) END,
      CASE typeof(t.created_at) WHEN 'blob' THEN '{"blob":"' || hex(t.created_at) || '"}' ELSE json_quote(t.created_at) END,
      CASE typeof(t.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(t.updated_at) || '"}' ELSE json_quote(t.updated_at) END,
      CASE typeof(t.room_id) WHEN 'blob' THEN '{"blob":"' || hex(t.room_id) || '"}' ELSE json_quote(t.room_id) END,
      CASE typeof(t.user_id) WHEN 'blob' THEN '{"blob":"' || hex(t.user_id) || '"}' ELSE json_quote(t.user_id) END,
      CASE typeof(t.profile_id) WHEN 'blob' THEN '{"blob":"' || hex(t.profile_id) || '"}' ELSE json_quote(t.profile_id) END,
      CASE typeof(t.agent_card_id) WHEN 'blob' THEN '{"blob":"' || hex(t.agent_card_id) || '"}' ELSE json_quote(t.agent_card_id) END) || '}'
  FROM messages AS t WHERE ((t.id = NEW.id)) AND t.id IS NOT OLD.id;
END;
CREATE TRIGGER agent_cards_journal_insert AFTER INSERT ON agent_cards BEGIN
  /* journal {"type":"chat.agent_card","source":["agent_card","id"],"actor":null,"skip":["updated_at"],"sensitive":[],"events":[]} */
  DELETE FROM ash_rusqlite_replaced WHERE "table" = 'agent_cards' AND (key = NEW.id OR NOT EXISTS (SELECT 1 FROM agent_cards AS t WHERE t.id = ash_rusqlite_replaced.key));
  INSERT INTO ash_rusqlite_subjects (name, position) SELECT 'agent_card:' || NEW.id, 1
    WHERE 'agent_card:' || NEW.id IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET position = position + 1;
  INSERT INTO ash_rusqlite_events
    (type, source, position, actor, key, data, old, tx, at, action, metadata, salt)
  VALUES (
    coalesce((SELECT id FROM ash_rusqlite_event_types WHERE name = 'chat.agent_card.created' AND "table" = 'agent_cards' AND operation = 'insert'),
      RAISE(ABORT, 'this table is journaled, but its journal does not know it: run the migrations')),
    (SELECT id FROM ash_rusqlite_subjects WHERE name = 'agent_card:' || NEW.id), (SELECT position FROM ash_rusqlite_subjects WHERE name = 'agent_card:' || NEW.id),
    (SELECT actor FROM ash_rusqlite_request WHERE id = 1), NEW.id,
    '{' || printf('"id":%s,"name":%s,"description":%s,"system_message":%s,"avatar_url":%s,"model_preferences":%s,"available_tools":%s,"context_settings":%s,"is_default":%s,"add_to_new_rooms":%s,"created_at":%s,"updated_at":%s,"default_profile_id":%s',
      CASE typeof(NEW.id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.id) || '"}' ELSE json_quote(NEW.id) END,
      CASE typeof(NEW.name) WHEN 'blob' THEN '{"blob":"' || hex(NEW.name) || '"}' ELSE json_quote(NEW.name) END,
      CASE typeof(NEW.description) WHEN 'blob' THEN '{"blob":"' || hex(NEW.description) || '"}' ELSE json_quote(NEW.description) END,
      CASE typeof(NEW.system_message) WHEN 'blob' THEN '{"blob":"' || hex(NEW.system_message) || '"}' ELSE json_quote(NEW.system_message) END,
      CASE typeof(NEW.avatar_url) WHEN 'blob' THEN '{"blob":"' || hex(NEW.avatar_url) || '"}' ELSE json_quote(NEW.avatar_url) END,
      CASE typeof(NEW.model_preferences) WHEN 'blob' THEN '{"blob":"' || hex(NEW.model_preferences) || '"}' ELSE json_quote(NEW.model_preferences) END,
      CASE typeof(NEW.available_tools) WHEN 'blob' THEN '{"blob":"' || hex(NEW.available_tools) || '"}' ELSE json_quote(NEW.available_tools) END,
      CASE typeof(NEW.context_settings) WHEN 'blob' THEN '{"blob":"' || hex(NEW.context_settings) || '"}' ELSE json_quote(NEW.context_settings) END,
      CASE typeof(NEW.is_default) WHEN 'blob' THEN '{"blob":"' || hex(NEW.is_default) || '"}' WHEN 'real' THEN CASE WHEN abs(NEW.is_default) > 1.7976931348623157e308 THEN iif(NEW.is_default > 0, '9.0e+999', '-9.0e+999') ELSE quote(NEW.is_default) END ELSE json_quote(NEW.is_default) END,
      CASE typeof(NEW.add_to_new_rooms) WHEN 'blob' THEN '{"blob":"' || hex(NEW.add_to_new_rooms) || '"}' WHEN 'real' THEN CASE WHEN abs(NEW.add_to_new_rooms) > 1.7976931348623157e308 THEN iif(NEW.add_to_new_rooms > 0, '9.0e+999', '-9.0e+999') ELSE quote(NEW.add_to_new_rooms) END ELSE json_quote(NEW.add_to_new_rooms) END,
      CASE typeof(NEW.created_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.created_at) || '"}' ELSE json_quote(NEW.created_at) END,
      CASE typeof(NEW.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.updated_at) || '"}' ELSE json_quote(NEW.updated_at) END,
      CASE typeof(NEW.default_profile_id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.default_profile_id) || '"}' ELSE json_quote(NEW.default_profile_id) END) || '}',
    NULL,
    (SELECT tx FROM ash_rusqlite_request WHERE id = 1),
    coalesce((SELECT at FROM ash_rusqlite_request WHERE id = 1), max(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), ''))),
    (SELECT action FROM ash_rusqlite_request WHERE id = 1), (SELECT metadata FROM ash_rusqlite_request WHERE id = 1), randomblob(16));
END;
CREATE TRIGGER agent_cards_journal_update AFTER UPDATE ON agent_cards WHEN OLD.id IS NOT NEW.id COLLATE BINARY
  OR OLD.name IS NOT NEW.name COLLATE BINARY
  OR OLD.description IS NOT NEW.description COLLATE BINARY
  OR OLD.system_message IS NOT NEW.system_message COLLATE BINARY
  OR OLD.avatar_url IS NOT NEW.avatar_url COLLATE BINARY
  OR OLD.model_preferences IS NOT NEW.model_preferences COLLATE BINARY
  OR OLD.available_tools IS NOT NEW.available_tools COLLATE BINARY
  OR OLD.context_settings IS NOT NEW.context_settings COLLATE BINARY
  OR OLD.is_default IS NOT NEW.is_default COLLATE BINARY
  OR OLD.add_to_new_rooms IS NOT NEW.add_to_new_rooms COLLATE BINARY
  OR OLD.created_at IS NOT NEW.created_at COLLATE BINARY
  OR OLD.default_profile_id IS NOT NEW.default_profile_id COLLATE BINARY BEGIN
  /* journal {"type":"chat.agent_card","source":["agent_card","id"],"actor":null,"skip":["updated_at"],"sensitive":[],"events":[]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'agent_cards' AND key = OLD.id;
  DELETE FROM ash_rusqlite_replaced WHERE known;
  DELETE FROM ash_rusqlite_replaced WHERE "table" = 'agent_cards' AND (key = NEW.id OR NOT EXISTS (SELECT 1 FROM agent_cards AS t WHERE t.id = ash_rusqlite_replaced.key));
  INSERT INTO ash_rusqlite_subjects (name, position) SELECT 'agent_card:' || NEW.id, 1
    WHERE 'agent_card:' || NEW.id IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET position = position + 1;
  INSERT INTO ash_rusqlite_events
    (type, source, position, actor, key, data, old, tx, at, action, metadata, salt)
  VALUES (
    coalesce((SELECT id FROM ash_rusqlite_event_types WHERE name = 'chat.agent_card.updated' AND "table" = 'agent_cards' AND operation = 'update'),
      RAISE(ABORT, 'this table is journaled, but its journal does not know it: run the migrations')),
    (SELECT id FROM ash_rusqlite_subjects WHERE name = 'agent_card:' || NEW.id), (SELECT position FROM ash_rusqlite_subjects WHERE name = 'agent_card:' || NEW.id),
    (SELECT actor FROM ash_rusqlite_request WHERE id = 1), NEW.id,
    '{' || substr(CASE WHEN OLD.id IS NOT NEW.id COLLATE BINARY THEN ',"id":' || CASE typeof(NEW.id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.id) || '"}' ELSE json_quote(NEW.id) END ELSE '' END
      || CASE WHEN OLD.name IS NOT NEW.name COLLATE BINARY THEN ',"name":' || CASE typeof(NEW.name) WHEN 'blob' THEN '{"blob":"' || hex(NEW.name) || '"}' ELSE json_quote(NEW.name) END ELSE '' END
      || CASE WHEN OLD.description IS NOT NEW.description COLLATE BINARY THEN ',"description":' || CASE typeof(NEW.description) WHEN 'blob' THEN '{"blob":"' || hex(NEW.description) || '"}' ELSE json_quote(NEW.description) END ELSE '' END
      || CASE WHEN OLD.system_message IS NOT NEW.system_message COLLATE BINARY THEN ',"system_message":' || CASE typeof(NEW.system_message) WHEN 'blob' THEN '{"blob":"' || hex(NEW.system_message) || '"}' ELSE json_quote(NEW.system_message) END ELSE '' END
      || CASE WHEN OLD.avatar_url IS NOT NEW.avatar_url COLLATE BINARY THEN ',"avatar_url":' || CASE typeof(NEW.avatar_url) WHEN 'blob' THEN '{"blob":"' || hex(NEW.avatar_url) || '"}' ELSE json_quote(NEW.avatar_url) END ELSE '' END
      || CASE WHEN OLD.model_preferences IS NOT NEW.model_preferences COLLATE BINARY THEN ',"model_preferences":' || CASE typeof(NEW.model_preferences) WHEN 'blob' THEN '{"blob":"' || hex(NEW.model_preferences) || '"}' ELSE json_quote(NEW.model_preferences) END ELSE '' END
      || CASE WHEN OLD.available_tools IS NOT NEW.available_tools COLLATE BINARY THEN ',"available_tools":' || CASE typeof(NEW.available_tools) WHEN 'blob' THEN '{"blob":"' || hex(NEW.available_tools) || '"}' ELSE json_quote(NEW.available_tools) END ELSE '' END
      || CASE WHEN OLD.context_settings IS NOT NEW.context_settings COLLATE BINARY THEN ',"context_settings":' || CASE typeof(NEW.context_settings) WHEN 'blob' THEN '{"blob":"' || hex(NEW.context_settings) || '"}' ELSE json_quote(NEW.context_settings) END ELSE '' END
      || CASE WHEN OLD.is_default IS NOT NEW.is_default COLLATE BINARY THEN ',"is_default":' || CASE typeof(NEW.is_default) WHEN 'blob' THEN '{"blob":"' || hex(NEW.is_default) || '"}' WHEN 'real' THEN CASE WHEN abs(NEW.is_default) > 1.7976931348623157e308 THEN iif(NEW.is_default > 0, '9.0e+999', '-9.0e+999') ELSE quote(NEW.is_default) END ELSE json_quote(NEW.is_default) END ELSE '' END
      || CASE WHEN OLD.add_to_new_rooms IS NOT NEW.add_to_new_rooms COLLATE BINARY THEN ',"add_to_new_rooms":' || CASE typeof(NEW.add_to_new_rooms) WHEN 'blob' THEN '{"blob":"' || hex(NEW.add_to_new_rooms) || '"}' WHEN 'real' THEN CASE WHEN abs(NEW.add_to_new_rooms) > 1.7976931348623157e308 THEN iif(NEW.add_to_new_rooms > 0, '9.0e+999', '-9.0e+999') ELSE quote(NEW.add_to_new_rooms) END ELSE json_quote(NEW.add_to_new_rooms) END ELSE '' END
      || CASE WHEN OLD.created_at IS NOT NEW.created_at COLLATE BINARY THEN ',"created_at":' || CASE typeof(NEW.created_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.created_at) || '"}' ELSE json_quote(NEW.created_at) END ELSE '' END
      || CASE WHEN OLD.default_profile_id IS NOT NEW.default_profile_id COLLATE BINARY THEN ',"default_profile_id":' || CASE typeof(NEW.default_profile_id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.default_profile_id) || '"}' ELSE json_quote(NEW.default_profile_id) END ELSE '' END, 2) || '}',
    '{' || substr(CASE WHEN OLD.id IS NOT NEW.id COLLATE BINARY THEN ',"id":' || CASE typeof(OLD.id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.id) || '"}' ELSE json_quote(OLD.id) END ELSE '' END
      || CASE WHEN OLD.name IS NOT NEW.name COLLATE BINARY THEN ',"name":' || CASE typeof(OLD.name) WHEN 'blob' THEN '{"blob":"' || hex(OLD.name) || '"}' ELSE json_quote(OLD.name) END ELSE '' END
      || CASE WHEN OLD.description IS NOT NEW.description COLLATE BINARY THEN ',"description":' || CASE typeof(OLD.description) WHEN 'blob' THEN '{"blob":"' || hex(OLD.description) || '"}' ELSE json_quote(OLD.description) END ELSE '' END
      || CASE WHEN OLD.system_message IS NOT NEW.system_message COLLATE BINARY THEN ',"system_message":' || CASE typeof(OLD.system_message) WHEN 'blob' THEN '{"blob":"' || hex(OLD.system_message) || '"}' ELSE json_quote(OLD.system_message) END ELSE '' END
      || CASE WHEN OLD.avatar_url IS NOT NEW.avatar_url COLLATE BINARY THEN ',"avatar_url":' || CASE typeof(OLD.avatar_url) WHEN 'blob' THEN '{"blob":"' || hex(OLD.avatar_url) || '"}' ELSE json_quote(OLD.avatar_url) END ELSE '' END
      || CASE WHEN OLD.model_preferences IS NOT NEW.model_preferences COLLATE BINARY THEN ',"model_preferences":' || CASE typeof(OLD.model_preferences) WHEN 'blob' THEN '{"blob":"' || hex(OLD.model_preferences) || '"}' ELSE json_quote(OLD.model_preferences) END ELSE '' END
      || CASE WHEN OLD.available_tools IS NOT NEW.available_tools COLLATE BINARY THEN ',"available_tools":' || CASE typeof(OLD.available_tools) WHEN 'blob' THEN '{"blob":"' || hex(OLD.available_tools) || '"}' ELSE json_quote(OLD.available_tools) END ELSE '' END
      || CASE WHEN OLD.context_settings IS NOT NEW.context_settings COLLATE BINARY THEN ',"context_settings":' || CASE typeof(OLD.context_settings) WHEN 'blob' THEN '{"blob":"' || hex(OLD.context_settings) || '"}' ELSE json_quote(OLD.context_settings) END ELSE '' END
      || CASE WHEN OLD.is_default IS NOT NEW.is_default COLLATE BINARY THEN ',"is_default":' || CASE typeof(OLD.is_default) WHEN 'blob' THEN '{"blob":"' || hex(OLD.is_default) || '"}' WHEN 'real' THEN CASE WHEN abs(OLD.is_default) > 1.7976931348623157e308 THEN iif(OLD.is_default > 0, '9.0e+999', '-9.0e+999') ELSE quote(OLD.is_default) END ELSE json_quote(OLD.is_default) END ELSE '' END
      || CASE WHEN OLD.add_to_new_rooms IS NOT NEW.add_to_new_rooms COLLATE BINARY THEN ',"add_to_new_rooms":' || CASE typeof(OLD.add_to_new_rooms) WHEN 'blob' THEN '{"blob":"' || hex(OLD.add_to_new_rooms) || '"}' WHEN 'real' THEN CASE WHEN abs(OLD.add_to_new_rooms) > 1.7976931348623157e308 THEN iif(OLD.add_to_new_rooms > 0, '9.0e+999', '-9.0e+999') ELSE quote(OLD.add_to_new_rooms) END ELSE json_quote(OLD.add_to_new_rooms) END ELSE '' END
      || CASE WHEN OLD.created_at IS NOT NEW.created_at COLLATE BINARY THEN ',"created_at":' || CASE typeof(OLD.created_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.created_at) || '"}' ELSE json_quote(OLD.created_at) END ELSE '' END
      || CASE WHEN OLD.default_profile_id IS NOT NEW.default_profile_id COLLATE BINARY THEN ',"default_profile_id":' || CASE typeof(OLD.default_profile_id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.default_profile_id) || '"}' ELSE json_quote(OLD.default_profile_id) END ELSE '' END, 2) || '}',
    (SELECT tx FROM ash_rusqlite_request WHERE id = 1),
    coalesce((SELECT at FROM ash_rusqlite_request WHERE id = 1), max(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), ''))),
    (SELECT action FROM ash_rusqlite_request WHERE id = 1), (SELECT metadata FROM ash_rusqlite_request WHERE id = 1), randomblob(16));
END;
CREATE TRIGGER agent_cards_journal_delete AFTER DELETE ON agent_cards BEGIN
  /* journal {"type":"chat.agent_card","source":["agent_card","id"],"actor":null,"skip":["updated_at"],"sensitive":[],"events":[]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'agent_cards' AND key = OLD.id;
  DELETE FROM ash_rusqlite_replaced WHERE known;
  INSERT INTO ash_rusqlite_subjects (name, position) SELECT 'agent_card:' || OLD.id, 1
    WHERE 'agent_card:' || OLD.id IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET position = position + 1;
  INSERT INTO ash_rusqlite_events
    (type, source, position, actor, key, data, old, tx, at, action, metadata, salt)
  VALUES (
    coalesce((SELECT id FROM ash_rusqlite_event_types WHERE name = 'chat.agent_card.deleted' AND "table" = 'agent_cards' AND operation = 'delete'),
      RAISE(ABORT, 'this table is journaled, but its journal does not know it: run the migrations')),
    (SELECT id FROM ash_rusqlite_subjects WHERE name = 'agent_card:' || OLD.id), (SELECT position FROM ash_rusqlite_subjects WHERE name = 'agent_card:' || OLD.id),
    (SELECT actor FROM ash_rusqlite_request WHERE id = 1), OLD.id,
    '{' || printf('"id":%s,"name":%s,"description":%s,"system_message":%s,"avatar_url":%s,"model_preferences":%s,"available_tools":%s,"context_settings":%s,"is_default":%s,"add_to_new_rooms":%s,"created_at":%s,"updated_at":%s,"default_profile_id":%s',
      CASE typeof(OLD.id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.id) || '"}' ELSE json_quote(OLD.id) END,
      CASE typeof(OLD.name) WHEN 'blob' THEN '{"blob":"' || hex(OLD.name) || '"}' ELSE json_quote(OLD.name) END,
      CASE typeof(OLD.description) WHEN 'blob' THEN '{"blob":"' || hex(OLD.description) || '"}' ELSE json_quote(OLD.description) END,
      CASE typeof(OLD.system_message) WHEN 'blob' THEN '{"blob":"' || hex(OLD.system_message) || '"}' ELSE json_quote(OLD.system_message) END,
      CASE typeof(OLD.avatar_url) WHEN 'blob' THEN '{"blob":"' || hex(OLD.avatar_url) || '"}' ELSE json_quote(OLD.avatar_url) END,
      CASE typeof(OLD.model_preferences) WHEN 'blob' THEN '{"blob":"' || hex(OLD.model_preferences) || '"}' ELSE json_quote(OLD.model_preferences) END,
      CASE typeof(OLD.available_tools) WHEN 'blob' THEN '{"blob":"' || hex(OLD.available_tools) || '"}' ELSE json_quote(OLD.available_tools) END,
      CASE typeof(OLD.context_settings) WHEN 'blob' THEN '{"blob":"' || hex(OLD.context_settings) || '"}' ELSE json_quote(OLD.context_settings) END,
      CASE typeof(OLD.is_default) WHEN 'blob' THEN '{"blob":"' || hex(OLD.is_default) || '"}' WHEN 'real' THEN CASE WHEN abs(OLD.is_default) > 1.7976931348623157e308 THEN iif(OLD.is_default > 0, '9.0e+999', '-9.0e+999') ELSE quote(OLD.is_default) END ELSE json_quote(OLD.is_default) END,
      CASE typeof(OLD.add_to_new_rooms) WHEN 'blob' THEN '{"blob":"' || hex(OLD.add_to_new_rooms) || '"}' WHEN 'real' THEN CASE WHEN abs(OLD.add_to_new_rooms) > 1.7976931348623157e308 THEN iif(OLD.add_to_new_rooms > 0, '9.0e+999', '-9.0e+999') ELSE quote(OLD.add_to_new_rooms) END ELSE json_quote(OLD.add_to_new_rooms) END,
      CASE typeof(OLD.created_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.created_at) || '"}' ELSE json_quote(OLD.created_at) END,
      CASE typeof(OLD.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.updated_at) || '"}' ELSE json_quote(OLD.updated_at) END,
      CASE typeof(OLD.default_profile_id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.default_profile_id) || '"}' ELSE json_quote(OLD.default_profile_id) END) || '}',
    NULL,
    (SELECT tx FROM ash_rusqlite_request WHERE id = 1),
    coalesce((SELECT at FROM ash_rusqlite_request WHERE id = 1), max(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), ''))),
    (SELECT action FROM ash_rusqlite_request WHERE id = 1), (SELECT metadata FROM ash_rusqlite_request WHERE id = 1), randomblob(16));
END;
CREATE TRIGGER agent_cards_journal_replace_insert BEFORE INSERT ON agent_cards
  WHEN EXISTS (SELECT 1 FROM agent_cards AS t WHERE (t.id = NEW.id)) BEGIN
  /* journal {"type":"chat.agent_card","source":["agent_card","id"],"actor":null,"skip":["updated_at"],"sensitive":[],"events":[]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'agent_cards';
  DELETE FROM ash_rusqlite_replaced WHERE known;
  INSERT INTO ash_rusqlite_replaced ("table", key, type, source, actor, data)
  SELECT 'agent_cards', t.id, 'chat.agent_card.deleted', 'agent_card:' || t.id, NULL, '{' || printf('"id":%s,"name":%s,"description":%s,"system_message":%s,"avatar_url":%s,"model_preferences":%s,"available_tools":%s,"context_settings":%s,"is_default":%s,"add_to_new_rooms":%s,"created_at":%s,"updated_at":%s,"default_profile_id":%s',
      CASE typeof(t.id) WHEN 'blob' THEN '{"blob":"' || hex(t.id) || '"}' ELSE json_quote(t.id) END,
      CASE typeof(t.name) WHEN 'blob' THEN '{"blob":"' || hex(t.name) || '"}' ELSE json_quote(t.name) END,
      CASE typeof(t.description) WHEN 'blob' THEN '{"blob":"' || hex(t.description) || '"}' ELSE json_quote(t.description) END,
      CASE typeof(t.system_message) WHEN 'blob' THEN '{"blob":"' || hex(t.system_message) || '"}' ELSE json_quote(t.system_message) END,
      CASE typeof(t.avatar_url) WHEN 'blob' THEN '{"blob":"' || hex(t.avatar_url) || '"}' ELSE json_quote(t.avatar_url) END,
      CASE typeof(t.model_preferences) WHEN 'blob' THEN '{"blob":"' || hex(t.model_preferences) || '"}' ELSE json_quote(t.model_preferences) END,
      CASE typeof(t.available_tools) WHEN 'blob' THEN '{"blob":"' || hex(t.available_tools) || '"}' ELSE json_quote(t.available_tools) END,
      CASE typeof(t.context_settings) WHEN 'blob' THEN '{"blob":"' || hex(t.context_settings) || '"}' ELSE json_quote(t.context_settings) END,
      CASE typeof(t.is_default) WHEN 'blob' THEN '{"blob":"' || hex(t.is_default) || '"}' WHEN 'real' THEN CASE WHEN abs(t.is_default) > 1.7976931348623157e308 THEN iif(t.is_default > 0, '9.0e+999', '-9.0e+999') ELSE quote(t.is_default) END ELSE json_quote(t.is_default) END,
      CASE typeof(t.add_to_new_rooms) WHEN 'blob' THEN '{"blob":"' || hex(t.add_to_new_rooms) || '"}' WHEN 'real' THEN CASE WHEN abs(t.add_to_new_rooms) > 1.7976931348623157e308 THEN iif(t.add_to_new_rooms > 0, '9.0e+999', '-9.0e+999') ELSE quote(t.add_to_new_rooms) END ELSE json_quote(t.add_to_new_rooms) END,
      CASE typeof(t.created_at) WHEN 'blob' THEN '{"blob":"' || hex(t.created_at) || '"}' ELSE json_quote(t.created_at) END,
      CASE typeof(t.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(t.updated_at) || '"}' ELSE json_quote(t.updated_at) END,
      CASE typeof(t.default_profile_id) WHEN 'blob' THEN '{"blob":"' || hex(t.default_profile_id) || '"}' ELSE json_quote(t.default_profile_id) END) || '}'
  FROM agent_cards AS t WHERE (t.id = NEW.id);
END;
CREATE TRIGGER agent_cards_journal_replace_update BEFORE UPDATE ON agent_cards
  WHEN (OLD.id IS NOT NEW.id COLLATE BINARY) AND EXISTS (SELECT 1 FROM agent_cards AS t WHERE ((t.id = NEW.id)) AND t.id IS NOT OLD.id) BEGIN
  /* journal {"type":"chat.agent_card","source":["agent_card","id"],"actor":null,"skip":["updated_at"],"sensitive":[],"events":[]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'agent_cards';
  DELETE FROM ash_rusqlite_replaced WHERE known;
  INSERT INTO ash_rusqlite_replaced ("table", key, type, source, actor, data)
  SELECT 'agent_cards', t.id, 'chat.agent_card.deleted', 'agent_card:' || t.id, NULL, '{' || printf('"id":%s,"name":%s,"description":%s,"system_message":%s,"avatar_url":%s,"model_preferences":%s,"available_tools":%s,"context_settings":%s,"is_default":%s,"add_to_new_rooms":%s,"created_at":%s,"updated_at":%s,"default_profile_id":%s',
      CASE typeof(t.id) WHEN 'blob' THEN '{"blob":"' || hex(t.id) || '"}' ELSE json_quote(t.id) END,
      CASE typeof(t.name) WHEN 'blob' THEN '{"blob":"' || hex(t.name) || '"}' ELSE json_quote(t.name) END,
      CASE typeof(t.description) WHEN 'blob' THEN '{"blob":"' || hex(t.description) || '"}' ELSE json_quote(t.description) END,
      CASE typeof(t.system_message) WHEN 'blob' THEN '{"blob":"' || hex(t.system_message) || '"}' ELSE json_quote(t.system_message) END,
      CASE typeof(t.avatar_url) WHEN 'blob' THEN '{"blob":"' || hex(t.avatar_url) || '"}' ELSE json_quote(t.avatar_url) END,
      CASE typeof(t.model_preferences) WHEN 'blob' THEN '{"blob":"' || hex(t.model_preferences) || '"}' ELSE json_quote(t.model_preferences) END,
      CASE typeof(t.available_tools) WHEN 'blob' THEN '{"blob":"' || hex(t.available_tools) || '"}' ELSE json_quote(t.available_tools) END,
      CASE typeof(t.context_settings) WHEN 'blob' THEN '{"blob":"' || hex(t.context_settings) || '"}' ELSE json_quote(t.context_settings) END,
      CASE typeof(t.is_default) WHEN 'blob' THEN '{"blob":"' || hex(t.is_default) || '"}' WHEN 'real' THEN CASE WHEN abs(t.is_default) > 1.7976931348623157e308 THEN iif(t.is_default > 0, '9.0e+999', '-9.0e+999') ELSE quote(t.is_default) END ELSE json_quote(t.is_default) END,
      CASE typeof(t.add_to_new_rooms) WHEN 'blob' THEN '{"blob":"' || hex(t.add_to_new_rooms) || '"}' WHEN 'real' THEN CASE WHEN abs(t.add_to_new_rooms) > 1.7976931348623157e308 THEN iif(t.add_to_new_rooms > 0, '9.0e+999', '-9.0e+999') ELSE quote(t.add_to_new_rooms) END ELSE json_quote(t.add_to_new_rooms) END,
      CASE typeof(t.created_at) WHEN 'blob' THEN '{"blob":"' || hex(t.created_at) || '"}' ELSE json_quote(t.created_at) END,
      CASE typeof(t.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(t.updated_at) || '"}' ELSE json_quote(t.updated_at) END,
      CASE typeof(t.default_profile_id) WHEN 'blob' THEN '{"blob":"' || hex(t.default_profile_id) || '"}' ELSE json_quote(t.default_profile_id) END) || '}'
  FROM agent_cards AS t WHERE ((t.id = NEW.id)) AND t.id IS NOT OLD.id;
END;
CREATE TRIGGER agent_memberships_journal_insert AFTER INSERT ON agent_memberships BEGIN
  /* journal {"type":"chat.agent_membership","source":["room","room_id"],"actor":null,"skip":["updated_at"],"sensitive":[],"events":[{"type":"chat.agent_membership.joined","on":"insert","where":"NEW.is_active"},{"type":"chat.agent_membership.joined","on":"update","where":"(NEW.is_active AND (NOT OLD.is_active))"},{"type":"chat.agent_membership.left","on":"update","where":"((NOT NEW.is_active) AND OLD.is_active)"},{"type":"chat.agent_membership.left","on":"delete","where":"OLD.is_active"},{"type":"chat.agent_membership.auto_respond_switched","on":"update","where":"(NEW.auto_respond <> OLD.auto_respond)"}]} */
  DELETE FROM ash_rusqlite_replaced WHERE "table" = 'agent_memberships' AND (key = NEW.id OR NOT EXISTS (SELECT 1 FROM agent_memberships AS t WHERE t.id = ash_rusqlite_replaced.key));
  INSERT INTO ash_rusqlite_subjects (name, position) SELECT 'room:' || NEW.room_id, 1
    WHERE 'room:' || NEW.room_id IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET position = position + 1;
  INSERT INTO ash_rusqlite_events
    (type, source, position, actor, key, data, old, tx, at, action, metadata, salt)
  VALUES (
    coalesce((SELECT id FROM ash_rusqlite_event_types WHERE name = CASE WHEN (NEW.is_active) THEN 'chat.agent_membership.joined' ELSE 'chat.agent_membership.created' END AND "table" = 'agent_memberships' AND operation = 'insert'),
      RAISE(ABORT, 'this table is journaled, but its journal does not know it: run the migrations')),
    (SELECT id FROM ash_rusqlite_subjects WHERE name = 'room:' || NEW.room_id), (SELECT position FROM ash_rusqlite_subjects WHERE name = 'room:' || NEW.room_id),
    (SELECT actor FROM ash_rusqlite_request WHERE id = 1), NEW.id,
    '{' || printf('"id":%s,"role":%s,"joined_at":%s,"is_active":%s,"auto_respond":%s,"created_at":%s,"updated_at":%s,"agent_card_id":%s,"room_id":%s',
      CASE typeof(NEW.id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.id) || '"}' ELSE json_quote(NEW.id) END,
      CASE typeof(NEW.role) WHEN 'blob' THEN '{"blob":"' || hex(NEW.role) || '"}' ELSE json_quote(NEW.role) END,
      CASE typeof(NEW.joined_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.joined_at) || '"}' ELSE json_quote(NEW.joined_at) END,
      CASE typeof(NEW.is_active) WHEN 'blob' THEN '{"blob":"' || hex(NEW.is_active) || '"}' WHEN 'real' THEN CASE WHEN abs(NEW.is_active) > 1.7976931348623157e308 THEN iif(NEW.is_active > 0, '9.0e+999', '-9.0e+999') ELSE quote(NEW.is_active) END ELSE json_quote(NEW.is_active) END,
      CASE typeof(NEW.auto_respond) WHEN 'blob' THEN '{"blob":"' || hex(NEW.auto_respond) || '"}' WHEN 'real' THEN CASE WHEN abs(NEW.auto_respond) > 1.7976931348623157e308 THEN iif(NEW.auto_respond > 0, '9.0e+999', '-9.0e+999') ELSE quote(NEW.auto_respond) END ELSE json_quote(NEW.auto_respond) END,
      CASE typeof(NEW.created_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.created_at) || '"}' ELSE json_quote(NEW.created_at) END,
      CASE typeof(NEW.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.updated_at) || '"}' ELSE json_quote(NEW.updated_at) END,
      CASE typeof(NEW.agent_card_id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.agent_card_id) || '"}' ELSE json_quote(NEW.agent_card_id) END,
      CASE typeof(NEW.room_id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.room_id) || '"}' ELSE json_quote(NEW.room_id) END) || '}',
    NULL,
    (SELECT tx FROM ash_rusqlite_request WHERE id = 1),
    coalesce((SELECT at FROM ash_rusqlite_request WHERE id = 1), max(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), ''))),
    (SELECT action FROM ash_rusqlite_request WHERE id = 1), (SELECT metadata FROM ash_rusqlite_request WHERE id = 1), randomblob(16));
END;
CREATE TRIGGER agent_memberships_journal_update AFTER UPDATE ON agent_memberships WHEN OLD.id IS NOT NEW.id COLLATE BINARY
  OR OLD.role IS NOT NEW.role COLLATE BINARY
  OR OLD.joined_at IS NOT NEW.joined_at COLLATE BINARY
  OR OLD.is_active IS NOT NEW.is_active COLLATE BINARY
  OR OLD.auto_respond IS NOT NEW.auto_respond COLLATE BINARY
  OR OLD.created_at IS NOT NEW.created_at COLLATE BINARY
  OR OLD.agent_card_id IS NOT NEW.agent_card_id COLLATE BINARY
  OR OLD.room_id IS NOT NEW.room_id COLLATE BINARY BEGIN
  /* journal {"type":"chat.agent_membership","source":["room","room_id"],"actor":null,"skip":["updated_at"],"sensitive":[],"events":[{"type":"chat.agent_membership.joined","on":"insert","where":"NEW.is_active"},{"type":"chat.agent_membership.joined","on":"update","where":"(NEW.is_active AND (NOT OLD.is_active))"},{"type":"chat.agent_membership.left","on":"update","where":"((NOT NEW.is_active) AND OLD.is_active)"},{"type":"chat.agent_membership.left","on":"delete","where":"OLD.is_active"},{"type":"chat.agent_membership.auto_respond_switched","on":"update","where":"(NEW.auto_respond <> OLD.auto_respond)"}]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'agent_memberships' AND key = OLD.id;
  DELETE FROM ash_rusqlite_replaced WHERE known;
  DELETE FROM ash_rusqlite_replaced WHERE "table" = 'agent_memberships' AND (key = NEW.id OR NOT EXISTS (SELECT 1 FROM agent_memberships AS t WHERE t.id = ash_rusqlite_replaced.key));
  INSERT INTO ash_rusqlite_subjects (name, position) SELECT 'room:' || NEW.room_id, 1
    WHERE 'room:' || NEW.room_id IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET position = position + 1;
  INSERT INTO ash_rusqlite_events
    (type, source, position, actor, key, data, old, tx, at, action, metadata, salt)
  VALUES (
    coalesce((SELECT id FROM ash_rusqlite_event_types WHERE name = CASE WHEN ((NEW.is_active AND (NOT OLD.is_active))) THEN 'chat.agent_membership.joined' WHEN (((NOT NEW.is_active) AND OLD.is_active)) THEN 'chat.agent_membership.left' WHEN ((NEW.auto_respond <> OLD.auto_respond)) THEN 'chat.agent_membership.auto_respond_switched' ELSE 'chat.agent_membership.updated' END AND "table" = 'agent_memberships' AND operation = 'update'),
      RAISE(ABORT, 'this table is journaled, but its journal does not know it: run the migrations')),
    (SELECT id FROM ash_rusqlite_subjects WHERE name = 'room:' || NEW.room_id), (SELECT position FROM ash_rusqlite_subjects WHERE name = 'room:' || NEW.room_id),
    (SELECT actor FROM ash_rusqlite_request WHERE id = 1), NEW.id,
    '{' || substr(CASE WHEN OLD.id IS NOT NEW.id COLLATE BINARY THEN ',"id":' || CASE typeof(NEW.id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.id) || '"}' ELSE json_quote(NEW.id) END ELSE '' END
      || CASE WHEN OLD.role IS NOT NEW.role COLLATE BINARY THEN ',"role":' || CASE typeof(NEW.role) WHEN 'blob' THEN '{"blob":"' || hex(NEW.role) || '"}' ELSE json_quote(NEW.role) END ELSE '' END
      || CASE WHEN OLD.joined_at IS NOT NEW.joined_at COLLATE BINARY THEN ',"joined_at":' || CASE typeof(NEW.joined_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.joined_at) || '"}' ELSE json_quote(NEW.joined_at) END ELSE '' END
      || CASE WHEN OLD.is_active IS NOT NEW.is_active COLLATE BINARY THEN ',"is_active":' || CASE typeof(NEW.is_active) WHEN 'blob' THEN '{"blob":"' || hex(NEW.is_active) || '"}' WHEN 'real' THEN CASE WHEN abs(NEW.is_active) > 1.7976931348623157e308 THEN iif(NEW.is_active > 0, '9.0e+999', '-9.0e+999') ELSE quote(NEW.is_active) END ELSE json_quote(NEW.is_active) END ELSE '' END
      || CASE WHEN OLD.auto_respond IS NOT NEW.auto_respond COLLATE BINARY THEN ',"auto_respond":' || CASE typeof(NEW.auto_respond) WHEN 'blob' THEN '{"blob":"' || hex(NEW.auto_respond) || '"}' WHEN 'real' THEN CASE WHEN abs(NEW.auto_respond) > 1.7976931348623157e308 THEN iif(NEW.auto_respond > 0, '9.0e+999', '-9.0e+999') ELSE quote(NEW.auto_respond) END ELSE json_quote(NEW.auto_respond) END ELSE '' END
      || CASE WHEN OLD.created_at IS NOT NEW.created_at COLLATE BINARY THEN ',"created_at":' || CASE typeof(NEW.created_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.created_at) || '"}' ELSE json_quote(NEW.created_at) END ELSE '' END
      || CASE WHEN OLD.agent_card_id IS NOT NEW.agent_card_id COLLATE BINARY THEN ',"agent_card_id":' || CASE typeof(NEW.agent_card_id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.agent_card_id) || '"}' ELSE json_quote(NEW.agent_card_id) END ELSE '' END
      || CASE WHEN OLD.room_id IS NOT NEW.room_id COLLATE BINARY THEN ',"room_id":' || CASE typeof(NEW.room_id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.room_id) || '"}' ELSE json_quote(NEW.room_id) END ELSE '' END, 2) || '}',
    '{' || substr(CASE WHEN OLD.id IS NOT NEW.id COLLATE BINARY THEN ',"id":' || CASE typeof(OLD.id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.id) || '"}' ELSE json_quote(OLD.id) END ELSE '' END
      || CASE WHEN OLD.role IS NOT NEW.role COLLATE BINARY THEN ',"role":' || CASE typeof(OLD.role) WHEN 'blob' THEN '{"blob":"' || hex(OLD.role) || '"}' ELSE json_quote(OLD.role) END ELSE '' END
      || CASE WHEN OLD.joined_at IS NOT NEW.joined_at COLLATE BINARY THEN ',"joined_at":' || CASE typeof(OLD.joined_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.joined_at) || '"}' ELSE json_quote(OLD.joined_at) END ELSE '' END
      || CASE WHEN OLD.is_active IS NOT NEW.is_active COLLATE BINARY THEN ',"is_active":' || CASE typeof(OLD.is_active) WHEN 'blob' THEN '{"blob":"' || hex(OLD.is_active) || '"}' WHEN 'real' THEN CASE WHEN abs(OLD.is_active) > 1.7976931348623157e308 THEN iif(OLD.is_active > 0, '9.0e+999', '-9.0e+999') ELSE quote(OLD.is_active) END ELSE json_quote(OLD.is_active) END ELSE '' END
      || CASE WHEN OLD.auto_respond IS NOT NEW.auto_respond COLLATE BINARY THEN ',"auto_respond":' || CASE typeof(OLD.auto_respond) WHEN 'blob' THEN '{"blob":"' || hex(OLD.auto_respond) || '"}' WHEN 'real' THEN CASE WHEN abs(OLD.auto_respond) > 1.7976931348623157e308 THEN iif(OLD.auto_respond > 0, '9.0e+999', '-9.0e+999') ELSE quote(OLD.auto_respond) END ELSE json_quote(OLD.auto_respond) END ELSE '' END
      || CASE WHEN OLD.created_at IS NOT NEW.created_at COLLATE BINARY THEN ',"created_at":' || CASE typeof(OLD.created_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.created_at) || '"}' ELSE json_quote(OLD.created_at) END ELSE '' END
      || CASE WHEN OLD.agent_card_id IS NOT NEW.agent_card_id COLLATE BINARY THEN ',"agent_card_id":' || CASE typeof(OLD.agent_card_id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.agent_card_id) || '"}' ELSE json_quote(OLD.agent_card_id) END ELSE '' END
      || CASE WHEN OLD.room_id IS NOT NEW.room_id COLLATE BINARY THEN ',"room_id":' || CASE typeof(OLD.room_id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.room_id) || '"}' ELSE json_quote(OLD.room_id) END ELSE '' END, 2) || '}',
    (SELECT tx FROM ash_rusqlite_request WHERE id = 1),
    coalesce((SELECT at FROM ash_rusqlite_request WHERE id = 1), max(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), ''))),
    (SELECT action FROM ash_rusqlite_request WHERE id = 1), (SELECT metadata FROM ash_rusqlite_request WHERE id = 1), randomblob(16));
END;
CREATE TRIGGER agent_memberships_journal_delete AFTER DELETE ON agent_memberships BEGIN
  /* journal {"type":"chat.agent_membership","source":["room","room_id"],"actor":null,"skip":["updated_at"],"sensitive":[],"events":[{"type":"chat.agent_membership.joined","on":"insert","where":"NEW.is_active"},{"type":"chat.agent_membership.joined","on":"update","where":"(NEW.is_active AND (NOT OLD.is_active))"},{"type":"chat.agent_membership.left","on":"update","where":"((NOT NEW.is_active) AND OLD.is_active)"},{"type":"chat.agent_membership.left","on":"delete","where":"OLD.is_active"},{"type":"chat.agent_membership.auto_respond_switched","on":"update","where":"(NEW.auto_respond <> OLD.auto_respond)"}]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'agent_memberships' AND key = OLD.id;
  DELETE FROM ash_rusqlite_replaced WHERE known;
  INSERT INTO ash_rusqlite_subjects (name, position) SELECT 'room:' || OLD.room_id, 1
    WHERE 'room:' || OLD.room_id IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET position = position + 1;
  INSERT INTO ash_rusqlite_events
    (type, source, position, actor, key, data, old, tx, at, action, metadata, salt)
  VALUES (
    coalesce((SELECT id FROM ash_rusqlite_event_types WHERE name = CASE WHEN (OLD.is_active) THEN 'chat.agent_membership.left' ELSE 'chat.agent_membership.deleted' END AND "table" = 'agent_memberships' AND operation = 'delete'),
      RAISE(ABORT, 'this table is journaled, but its journal does not know it: run the migrations')),
    (SELECT id FROM ash_rusqlite_subjects WHERE name = 'room:' || OLD.room_id), (SELECT position FROM ash_rusqlite_subjects WHERE name = 'room:' || OLD.room_id),
    (SELECT actor FROM ash_rusqlite_request WHERE id = 1), OLD.id,
    '{' || printf('"id":%s,"role":%s,"joined_at":%s,"is_active":%s,"auto_respond":%s,"created_at":%s,"updated_at":%s,"agent_card_id":%s,"room_id":%s',
      CASE typeof(OLD.id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.id) || '"}' ELSE json_quote(OLD.id) END,
      CASE typeof(OLD.role) WHEN 'blob' THEN '{"blob":"' || hex(OLD.role) || '"}' ELSE json_quote(OLD.role) END,
      CASE typeof(OLD.joined_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.joined_at) || '"}' ELSE json_quote(OLD.joined_at) END,
      CASE typeof(OLD.is_active) WHEN 'blob' THEN '{"blob":"' || hex(OLD.is_active) || '"}' WHEN 'real' THEN CASE WHEN abs(OLD.is_active) > 1.7976931348623157e308 THEN iif(OLD.is_active > 0, '9.0e+999', '-9.0e+999') ELSE quote(OLD.is_active) END ELSE json_quote(OLD.is_active) END,
      CASE typeof(OLD.auto_respond) WHEN 'blob' THEN '{"blob":"' || hex(OLD.auto_respond) || '"}' WHEN 'real' THEN CASE WHEN abs(OLD.auto_respond) > 1.7976931348623157e308 THEN iif(OLD.auto_respond > 0, '9.0e+999', '-9.0e+999') ELSE quote(OLD.auto_respond) END ELSE json_quote(OLD.auto_respond) END,
      CASE typeof(OLD.created_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.created_at) || '"}' ELSE json_quote(OLD.created_at) END,
      CASE typeof(OLD.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.updated_at) || '"}' ELSE json_quote(OLD.updated_at) END,
      CASE typeof(OLD.agent_card_id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.agent_card_id) || '"}' ELSE json_quote(OLD.agent_card_id) END,
      CASE typeof(OLD.room_id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.room_id) || '"}' ELSE json_quote(OLD.room_id) END) || '}',
    NULL,
    (SELECT tx FROM ash_rusqlite_request WHERE id = 1),
    coalesce((SELECT at FROM ash_rusqlite_request WHERE id = 1), max(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), ''))),
    (SELECT action FROM ash_rusqlite_request WHERE id = 1), (SELECT metadata FROM ash_rusqlite_request WHERE id = 1), randomblob(16));
END;
CREATE TRIGGER agent_memberships_journal_replace_insert BEFORE INSERT ON agent_memberships
  WHEN EXISTS (SELECT 1 FROM agent_memberships AS t WHERE (t.id = NEW.id))
  OR EXISTS (SELECT 1 FROM agent_memberships AS t WHERE (t.agent_card_id = NEW.agent_card_id AND t.room_id = NEW.room_id)) BEGIN
  /* journal {"type":"chat.agent_membership","source":["room","room_id"],"actor":null,"skip":["updated_at"],"sensitive":[],"events":[{"type":"chat.agent_membership.joined","on":"insert","where":"NEW.is_active"},{"type":"chat.agent_membership.joined","on":"update","where":"(NEW.is_active AND (NOT OLD.is_active))"},{"type":"chat.agent_membership.left","on":"update","where":"((NOT NEW.is_active) AND OLD.is_active)"},{"type":"chat.agent_membership.left","on":"delete","where":"OLD.is_active"},{"type":"chat.agent_membership.auto_respond_switched","on":"update","where":"(NEW.auto_respond <> OLD.auto_respond)"}]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'agent_memberships';
  DELETE FROM ash_rusqlite_replaced WHERE known;
  INSERT INTO ash_rusqlite_replaced ("table", key, type, source, actor, data)
  SELECT 'agent_memberships', t.id, 'chat.agent_membership.deleted', 'room:' || t.room_id, NULL, '{' || printf('"id":%s,"role":%s,"joined_at":%s,"is_active":%s,"auto_respond":%s,"created_at":%s,"updated_at":%s,"agent_card_id":%s,"room_id":%s',
      CASE typeof(t.id) WHEN 'blob' THEN '{"blob":"' || hex(t.id) || '"}' ELSE json_quote(t.id) END,
      CASE typeof(t.role) WHEN 'blob' THEN '{"blob":"' || hex(t.role) || '"}' ELSE json_quote(t.role) END,
      CASE typeof(t.joined_at) WHEN 'blob' THEN '{"blob":"' || hex(t.joined_at) || '"}' ELSE json_quote(t.joined_at) END,
      CASE typeof(t.is_active) WHEN 'blob' THEN '{"blob":"' || hex(t.is_active) || '"}' WHEN 'real' THEN CASE WHEN abs(t.is_active) > 1.7976931348623157e308 THEN iif(t.is_active > 0, '9.0e+999', '-9.0e+999') ELSE quote(t.is_active) END ELSE json_quote(t.is_active) END,
      CASE typeof(t.auto_respond) WHEN 'blob' THEN '{"blob":"' || hex(t.auto_respond) || '"}' WHEN 'real' THEN CASE WHEN abs(t.auto_respond) > 1.7976931348623157e308 THEN iif(t.auto_respond > 0, '9.0e+999', '-9.0e+999') ELSE quote(t.auto_respond) END ELSE json_quote(t.auto_respond) END,
      CASE typeof(t.created_at) WHEN 'blob' THEN '{"blob":"' || hex(t.created_at) || '"}' ELSE json_quote(t.created_at) END,
      CASE typeof(t.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(t.updated_at) || '"}' ELSE json_quote(t.updated_at) END,
      CASE typeof(t.agent_card_id) WHEN 'blob' THEN '{"blob":"' || hex(t.agent_card_id) || '"}' ELSE json_quote(t.agent_card_id) END,
      CASE typeof(t.room_id) WHEN 'blob' THEN '{"blob":"' || hex(t.room_id) || '"}' ELSE json_quote(t.room_id) END) || '}'
  FROM agent_memberships AS t WHERE (t.id = NEW.id) OR (t.agent_card_id = NEW.agent_card_id AND t.room_id = NEW.room_id);
END;
CREATE TRIGGER agent_memberships_journal_replace_update BEFORE UPDATE ON agent_memberships
  WHEN EXISTS (SELECT 1 FROM agent_memberships AS t WHERE ((t.id = NEW.id) OR (t.agent_card_id = NEW.agent_card_id AND t.room_id = NEW.room_id)) AND t.id IS NOT OLD.id) BEGIN
  /* journal {"type":"chat.agent_membership","source":["room","room_id"],"actor":null,"skip":["updated_at"],"sensitive":[],"events":[{"type":"chat.agent_membership.joined","on":"insert","where":"NEW.is_active"},{"type":"chat.agent_membership.joined","on":"update","where":"(NEW.is_active AND (NOT OLD.is_active))"},{"type":"chat.agent_membership.left","on":"update","where":"((NOT NEW.is_active) AND OLD.is_active)"},{"type":"chat.agent_membership.left","on":"delete","where":"OLD.is_active"},{"type":"chat.agent_membership.auto_respond_switched","on":"update","where":"(NEW.auto_respond <> OLD.auto_respond)"}]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'agent_memberships';
  DELETE FROM ash_rusqlite_replaced WHERE known;
  INSERT INTO ash_rusqlite_replaced ("table", key, type, source, actor, data)
  SELECT 'agent_memberships', t.id, 'chat.agent_membership.deleted', 'room:' || t.room_id, NULL, '{' || printf('"id":%s,"role":%s,"joined_at":%s,"is_active":%s,"auto_respond":%s,"created_at":%s,"updated_at":%s,"agent_card_id":%s,"room_id":%s',
      CASE typeof(t.id) WHEN 'blob' THEN '{"blob":"' || hex(t.id) || '"}' ELSE json_quote(t.id) END,
      CASE typeof(t.role) WHEN 'blob' THEN '{"blob":"' || hex(t.role) || '"}' ELSE json_quote(t.role) END,
      CASE typeof(t.joined_at) WHEN 'blob' THEN '{"blob":"' || hex(t.joined_at) || '"}' ELSE json_quote(t.joined_at) END,
      CASE typeof(t.is_active) WHEN 'blob' THEN '{"blob":"' || hex(t.is_active) || '"}' WHEN 'real' THEN CASE WHEN abs(t.is_active) > 1.7976931348623157e308 THEN iif(t.is_active > 0, '9.0e+999', '-9.0e+999') ELSE quote(t.is_active) END ELSE json_quote(t.is_active) END,
      CASE typeof(t.auto_respond) WHEN 'blob' THEN '{"blob":"' || hex(t.auto_respond) || '"}' WHEN 'real' THEN CASE WHEN abs(t.auto_respond) > 1.7976931348623157e308 THEN iif(t.auto_respond > 0, '9.0e+999', '-9.0e+999') ELSE quote(t.auto_respond) END ELSE json_quote(t.auto_respond) END,
      CASE typeof(t.created_at) WHEN 'blob' THEN '{"blob":"' || hex(t.created_at) || '"}' ELSE json_quote(t.created_at) END,
      CASE typeof(t.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(t.updated_at) || '"}' ELSE json_quote(t.updated_at) END,
      CASE typeof(t.agent_card_id) WHEN 'blob' THEN '{"blob":"' || hex(t.agent_card_id) || '"}' ELSE json_quote(t.agent_card_id) END,
      CASE typeof(t.room_id) WHEN 'blob' THEN '{"blob":"' || hex(t.room_id) || '"}' ELSE json_quote(t.room_id) END) || '}'
  FROM agent_memberships AS t WHERE ((t.id = NEW.id) OR (t.agent_card_id = NEW.agent_card_id AND t.room_id = NEW.room_id)) AND t.id IS NOT OLD.id;
END;
CREATE TRIGGER room_memberships_journal_insert AFTER INSERT ON room_memberships BEGIN
  /* journal {"type":"chat.room_membership","source":["room","room_id"],"actor":["user","user_id"],"skip":["updated_at","last_seen_at"],"sensitive":[],"events":[{"type":"chat.room_membership.joined","on":"insert","where":"NEW.is_active"},{"type":"chat.room_membership.joined","on":"update","where":"(NEW.is_active AND (NOT OLD.is_active))"},{"type":"chat.room_membership.left","on":"update","where":"((NOT NEW.is_active) AND OLD.is_active)"},{"type":"chat.room_membership.left","on":"delete","where":"OLD.is_active"}]} */
  DELETE FROM ash_rusqlite_replaced WHERE "table" = 'room_memberships' AND (key = NEW.id OR NOT EXISTS (SELECT 1 FROM room_memberships AS t WHERE t.id = ash_rusqlite_replaced.key));
  INSERT INTO ash_rusqlite_subjects (name, position) SELECT 'room:' || NEW.room_id, 1
    WHERE 'room:' || NEW.room_id IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET position = position + 1;
  INSERT INTO ash_rusqlite_subjects (name) SELECT 'user:' || NEW.user_id
    WHERE 'user:' || NEW.user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ash_rusqlite_request WHERE actor IS NOT NULL)
    ON CONFLICT (name) DO NOTHING;
  INSERT INTO ash_rusqlite_events
    (type, source, position, actor, key, data, old, tx, at, action, metadata, salt)
  VALUES (
    coalesce((SELECT id FROM ash_rusqlite_event_types WHERE name = CASE WHEN (NEW.is_active) THEN 'chat.room_membership.joined' ELSE 'chat.room_membership.created' END AND "table" = 'room_memberships' AND operation = 'insert'),
      RAISE(ABORT, 'this table is journaled, but its journal does not know it: run the migrations')),
    (SELECT id FROM ash_rusqlite_subjects WHERE name = 'room:' || NEW.room_id), (SELECT position FROM ash_rusqlite_subjects WHERE name = 'room:' || NEW.room_id),
    coalesce((SELECT actor FROM ash_rusqlite_request WHERE id = 1), (SELECT id FROM ash_rusqlite_subjects WHERE name = 'user:' || NEW.user_id)), NEW.id,
    '{' || printf('"id":%s,"role":%s,"is_active":%s,"joined_at":%s,"last_seen_at":%s,"created_at":%s,"updated_at":%s,"room_id":%s,"user_id":%s',
      CASE typeof(NEW.id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.id) || '"}' ELSE json_quote(NEW.id) END,
      CASE typeof(NEW.role) WHEN 'blob' THEN '{"blob":"' || hex(NEW.role) || '"}' ELSE json_quote(NEW.role) END,
      CASE typeof(NEW.is_active) WHEN 'blob' THEN '{"blob":"' || hex(NEW.is_active) || '"}' WHEN 'real' THEN CASE WHEN abs(NEW.is_active) > 1.7976931348623157e308 THEN iif(NEW.is_active > 0, '9.0e+999', '-9.0e+999') ELSE quote(NEW.is_active) END ELSE json_quote(NEW.is_active) END,
      CASE typeof(NEW.joined_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.joined_at) || '"}' ELSE json_quote(NEW.joined_at) END,
      CASE typeof(NEW.last_seen_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.last_seen_at) || '"}' ELSE json_quote(NEW.last_seen_at) END,
      CASE typeof(NEW.created_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.created_at) || '"}' ELSE json_quote(NEW.created_at) END,
      CASE typeof(NEW.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.updated_at) || '"}' ELSE json_quote(NEW.updated_at) END,
      CASE typeof(NEW.room_id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.room_id) || '"}' ELSE json_quote(NEW.room_id) END,
      CASE typeof(NEW.user_id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.user_id) || '"}' ELSE json_quote(NEW.user_id) END) || '}',
    NULL,
    (SELECT tx FROM ash_rusqlite_request WHERE id = 1),
    coalesce((SELECT at FROM ash_rusqlite_request WHERE id = 1), max(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), ''))),
    (SELECT action FROM ash_rusqlite_request WHERE id = 1), (SELECT metadata FROM ash_rusqlite_request WHERE id = 1), randomblob(16));
END;
CREATE TRIGGER room_memberships_journal_update AFTER UPDATE ON room_memberships WHEN OLD.id IS NOT NEW.id COLLATE BINARY
  OR OLD.role IS NOT NEW.role COLLATE BINARY
  OR OLD.is_active IS NOT NEW.is_active COLLATE BINARY
  OR OLD.joined_at IS NOT NEW.joined_at COLLATE BINARY
  OR OLD.created_at IS NOT NEW.created_at COLLATE BINARY
  OR OLD.room_id IS NOT NEW.room_id COLLATE BINARY
  OR OLD.user_id IS NOT NEW.user_id COLLATE BINARY BEGIN
  /* journal {"type":"chat.room_membership","source":["room","room_id"],"actor":["user","user_id"],"skip":["updated_at","last_seen_at"],"sensitive":[],"events":[{"type":"chat.room_membership.joined","on":"insert","where":"NEW.is_active"},{"type":"chat.room_membership.joined","on":"update","where":"(NEW.is_active AND (NOT OLD.is_active))"},{"type":"chat.room_membership.left","on":"update","where":"((NOT NEW.is_active) AND OLD.is_active)"},{"type":"chat.room_membership.left","on":"delete","where":"OLD.is_active"}]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'room_memberships' AND key = OLD.id;
  DELETE FROM ash_rusqlite_replaced WHERE known;
  DELETE FROM ash_rusqlite_replaced WHERE "table" = 'room_memberships' AND (key = NEW.id OR NOT EXISTS (SELECT 1 FROM room_memberships AS t WHERE t.id = ash_rusqlite_replaced.key));
  INSERT INTO ash_rusqlite_subjects (name, position) SELECT 'room:' || NEW.room_id, 1
    WHERE 'room:' || NEW.room_id IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET position = position + 1;
  INSERT INTO ash_rusqlite_subjects (name) SELECT 'user:' || NEW.user_id
    WHERE 'user:' || NEW.user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ash_rusqlite_request WHERE actor IS NOT NULL)
    ON CONFLICT (name) DO NOTHING;
  INSERT INTO ash_rusqlite_events
    (type, source, position, actor, key, data, old, tx, at, action, metadata, salt)
  VALUES (
    coalesce((SELECT id FROM ash_rusqlite_event_types WHERE name = CASE WHEN ((NEW.is_active AND (NOT OLD.is_active))) THEN 'chat.room_membership.joined' WHEN (((NOT NEW.is_active) AND OLD.is_active)) THEN 'chat.room_membership.left' ELSE 'chat.room_membership.updated' END AND "table" = 'room_memberships' AND operation = 'update'),
      RAISE(ABORT, 'this table is journaled, but its journal does not know it: run the migrations')),
    (SELECT id FROM ash_rusqlite_subjects WHERE name = 'room:' || NEW.room_id), (SELECT position FROM ash_rusqlite_subjects WHERE name = 'room:' || NEW.room_id),
    coalesce((SELECT actor FROM ash_rusqlite_request WHERE id = 1), (SELECT id FROM ash_rusqlite_subjects WHERE name = 'user:' || NEW.user_id)), NEW.id,
    '{' || substr(CASE WHEN OLD.id IS NOT NEW.id COLLATE BINARY THEN ',"id":' || CASE typeof(NEW.id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.id) || '"}' ELSE json_quote(NEW.id) END ELSE '' END
      || CASE WHEN OLD.role IS NOT NEW.role COLLATE BINARY THEN ',"role":' || CASE typeof(NEW.role) WHEN 'blob' THEN '{"blob":"' || hex(NEW.role) || '"}' ELSE json_quote(NEW.role) END ELSE '' END
      || CASE WHEN OLD.is_active IS NOT NEW.is_active COLLATE BINARY THEN ',"is_active":' || CASE typeof(NEW.is_active) WHEN 'blob' THEN '{"blob":"' || hex(NEW.is_active) || '"}' WHEN 'real' THEN CASE WHEN abs(NEW.is_active) > 1.7976931348623157e308 THEN iif(NEW.is_active > 0, '9.0e+999', '-9.0e+999') ELSE quote(NEW.is_active) END ELSE json_quote(NEW.is_active) END ELSE '' END
      || CASE WHEN OLD.joined_at IS NOT NEW.joined_at COLLATE BINARY THEN ',"joined_at":' || CASE typeof(NEW.joined_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.joined_at) || '"}' ELSE json_quote(NEW.joined_at) END ELSE '' END
      || CASE WHEN OLD.created_at IS NOT NEW.created_at COLLATE BINARY THEN ',"created_at":' || CASE typeof(NEW.created_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.created_at) || '"}' ELSE json_quote(NEW.created_at) END ELSE '' END
      || CASE WHEN OLD.room_id IS NOT NEW.room_id COLLATE BINARY THEN ',"room_id":' || CASE typeof(NEW.room_id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.room_id) || '"}' ELSE json_quote(NEW.room_id) END ELSE '' END
      || CASE WHEN OLD.user_id IS NOT NEW.user_id COLLATE BINARY THEN ',"user_id":' || CASE typeof(NEW.user_id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.user_id) || '"}' ELSE json_quote(NEW.user_id) END ELSE '' END, 2) || '}',
    '{' || substr(CASE WHEN OLD.id IS NOT NEW.id COLLATE BINARY THEN ',"id":' || CASE typeof(OLD.id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.id) || '"}' ELSE json_quote(OLD.id) END ELSE '' END
      || CASE WHEN OLD.role IS NOT NEW.role COLLATE BINARY THEN ',"role":' || CASE typeof(OLD.role) WHEN 'blob' THEN '{"blob":"' || hex(OLD.role) || '"}' ELSE json_quote(OLD.role) END ELSE '' END
      || CASE WHEN OLD.is_active IS NOT NEW.is_active COLLATE BINARY THEN ',"is_active":' || CASE typeof(OLD.is_active) WHEN 'blob' THEN '{"blob":"' || hex(OLD.is_active) || '"}' WHEN 'real' THEN CASE WHEN abs(OLD.is_active) > 1.7976931348623157e308 THEN iif(OLD.is_active > 0, '9.0e+999', '-9.0e+999') ELSE quote(OLD.is_active) END ELSE json_quote(OLD.is_active) END ELSE '' END
      || CASE WHEN OLD.joined_at IS NOT NEW.joined_at COLLATE BINARY THEN ',"joined_at":' || CASE typeof(OLD.joined_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.joined_at) || '"}' ELSE json_quote(OLD.joined_at) END ELSE '' END
      || CASE WHEN OLD.created_at IS NOT NEW.created_at COLLATE BINARY THEN ',"created_at":' || CASE typeof(OLD.created_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.created_at) || '"}' ELSE json_quote(OLD.created_at) END ELSE '' END
      || CASE WHEN OLD.room_id IS NOT NEW.room_id COLLATE BINARY THEN ',"room_id":' || CASE typeof(OLD.room_id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.room_id) || '"}' ELSE json_quote(OLD.room_id) END ELSE '' END
      || CASE WHEN OLD.user_id IS NOT NEW.user_id COLLATE BINARY THEN ',"user_id":' || CASE typeof(OLD.user_id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.user_id) || '"}' ELSE json_quote(OLD.user_id) END ELSE '' END, 2) || '}',
    (SELECT tx FROM ash_rusqlite_request WHERE id = 1),
    coalesce((SELECT at FROM ash_rusqlite_request WHERE id = 1), max(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), ''))),
    (SELECT action FROM ash_rusqlite_request WHERE id = 1), (SELECT metadata FROM ash_rusqlite_request WHERE id = 1), randomblob(16));
END;
CREATE TRIGGER room_memberships_journal_delete AFTER DELETE ON room_memberships BEGIN
  /* journal {"type":"chat.room_membership","source":["room","room_id"],"actor":["user","user_id"],"skip":["updated_at","last_seen_at"],"sensitive":[],"events":[{"type":"chat.room_membership.joined","on":"insert","where":"NEW.is_active"},{"type":"chat.room_membership.joined","on":"update","where":"(NEW.is_active AND (NOT OLD.is_active))"},{"type":"chat.room_membership.left","on":"update","where":"((NOT NEW.is_active) AND OLD.is_active)"},{"type":"chat.room_membership.left","on":"delete","where":"OLD.is_active"}]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'room_memberships' AND key = OLD.id;
  DELETE FROM ash_rusqlite_replaced WHERE known;
  INSERT INTO ash_rusqlite_subjects (name, position) SELECT 'room:' || OLD.room_id, 1
    WHERE 'room:' || OLD.room_id IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET position = position + 1;
  INSERT INTO ash_rusqlite_subjects (name) SELECT 'user:' || OLD.user_id
    WHERE 'user:' || OLD.user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ash_rusqlite_request WHERE actor IS NOT NULL)
    ON CONFLICT (name) DO NOTHING;
  INSERT INTO ash_rusqlite_events
    (type, source, position, actor, key, data, old, tx, at, action, metadata, salt)
  VALUES (
    coalesce((SELECT id FROM ash_rusqlite_event_types WHERE name = CASE WHEN (OLD.is_active) THEN 'chat.room_membership.left' ELSE 'chat.room_membership.deleted' END AND "table" = 'room_memberships' AND operation = 'delete'),
      RAISE(ABORT, 'this table is journaled, but its journal does not know it: run the migrations')),
    (SELECT id FROM ash_rusqlite_subjects WHERE name = 'room:' || OLD.room_id), (SELECT position FROM ash_rusqlite_subjects WHERE name = 'room:' || OLD.room_id),
    coalesce((SELECT actor FROM ash_rusqlite_request WHERE id = 1), (SELECT id FROM ash_rusqlite_subjects WHERE name = 'user:' || OLD.user_id)), OLD.id,
    '{' || printf('"id":%s,"role":%s,"is_active":%s,"joined_at":%s,"last_seen_at":%s,"created_at":%s,"updated_at":%s,"room_id":%s,"user_id":%s',
      CASE typeof(OLD.id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.id) || '"}' ELSE json_quote(OLD.id) END,
      CASE typeof(OLD.role) WHEN 'blob' THEN '{"blob":"' || hex(OLD.role) || '"}' ELSE json_quote(OLD.role) END,
      CASE typeof(OLD.is_active) WHEN 'blob' THEN '{"blob":"' || hex(OLD.is_active) || '"}' WHEN 'real' THEN CASE WHEN abs(OLD.is_active) > 1.7976931348623157e308 THEN iif(OLD.is_active > 0, '9.0e+999', '-9.0e+999') ELSE quote(OLD.is_active) END ELSE json_quote(OLD.is_active) END,
      CASE typeof(OLD.joined_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.joined_at) || '"}' ELSE json_quote(OLD.joined_at) END,
      CASE typeof(OLD.last_seen_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.last_seen_at) || '"}' ELSE json_quote(OLD.last_seen_at) END,
      CASE typeof(OLD.created_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.created_at) || '"}' ELSE json_quote(OLD.created_at) END,
      CASE typeof(OLD.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.updated_at) || '"}' ELSE json_quote(OLD.updated_at) END,
      CASE typeof(OLD.room_id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.room_id) || '"}' ELSE json_quote(OLD.room_id) END,
      CASE typeof(OLD.user_id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.user_id) || '"}' ELSE json_quote(OLD.user_id) END) || '}',
    NULL,
    (SELECT tx FROM ash_rusqlite_request WHERE id = 1),
    coalesce((SELECT at FROM ash_rusqlite_request WHERE id = 1), max(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), ''))),
    (SELECT action FROM ash_rusqlite_request WHERE id = 1), (SELECT metadata FROM ash_rusqlite_request WHERE id = 1), randomblob(16));
END;
CREATE TRIGGER room_memberships_journal_replace_insert BEFORE INSERT ON room_memberships
  WHEN EXISTS (SELECT 1 FROM room_memberships AS t WHERE (t.id = NEW.id))
  OR EXISTS (SELECT 1 FROM room_memberships AS t WHERE (t.room_id = NEW.room_id AND t.user_id = NEW.user_id)) BEGIN
  /* journal {"type":"chat.room_membership","source":["room","room_id"],"actor":["user","user_id"],"skip":["updated_at","last_seen_at"],"sensitive":[],"events":[{"type":"chat.room_membership.joined","on":"insert","where":"NEW.is_active"},{"type":"chat.room_membership.joined","on":"update","where":"(NEW.is_active AND (NOT OLD.is_active))"},{"type":"chat.room_membership.left","on":"update","where":"((NOT NEW.is_active) AND OLD.is_active)"},{"type":"chat.room_membership.left","on":"delete","where":"OLD.is_active"}]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'room_memberships';
  DELETE FROM ash_rusqlite_replaced WHERE known;
  INSERT INTO ash_rusqlite_replaced ("table", key, type, source, actor, data)
  SELECT 'room_memberships', t.id, 'chat.room_membership.deleted', 'room:' || t.room_id, 'user:' || t.user_id, '{' || printf('"id":%s,"role":%s,"is_active":%s,"joined_at":%s,"last_seen_at":%s,"created_at":%s,"updated_at":%s,"room_id":%s,"user_id":%s',
      CASE typeof(t.id) WHEN 'blob' THEN '{"blob":"' || hex(t.id) || '"}' ELSE json_quote(t.id) END,
      CASE typeof(t.role) WHEN 'blob' THEN '{"blob":"' || hex(t.role) || '"}' ELSE json_quote(t.role) END,
      CASE typeof(t.is_active) WHEN 'blob' THEN '{"blob":"' || hex(t.is_active) || '"}' WHEN 'real' THEN CASE WHEN abs(t.is_active) > 1.7976931348623157e308 THEN iif(t.is_active > 0, '9.0e+999', '-9.0e+999') ELSE quote(t.is_active) END ELSE json_quote(t.is_active) END,
      CASE typeof(t.joined_at) WHEN 'blob' THEN '{"blob":"' || hex(t.joined_at) || '"}' ELSE json_quote(t.joined_at) END,
      CASE typeof(t.last_seen_at) WHEN 'blob' THEN '{"blob":"' || hex(t.last_seen_at) || '"}' ELSE json_quote(t.last_seen_at) END,
      CASE typeof(t.created_at) WHEN 'blob' THEN '{"blob":"' || hex(t.created_at) || '"}' ELSE json_quote(t.created_at) END,
      CASE typeof(t.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(t.updated_at) || '"}' ELSE json_quote(t.updated_at) END,
      CASE typeof(t.room_id) WHEN 'blob' THEN '{"blob":"' || hex(t.room_id) || '"}' ELSE json_quote(t.room_id) END,
      CASE typeof(t.user_id) WHEN 'blob' THEN '{"blob":"' || hex(t.user_id) || '"}' ELSE json_quote(t.user_id) END) || '}'
  FROM room_memberships AS t WHERE (t.id = NEW.id) OR (t.room_id = NEW.room_id AND t.user_id = NEW.user_id);
END;
CREATE TRIGGER room_memberships_journal_replace_update BEFORE UPDATE ON room_memberships
  WHEN EXISTS (SELECT 1 FROM room_memberships AS t WHERE ((t.id = NEW.id) OR (t.room_id = NEW.room_id AND t.user_id = NEW.user_id)) AND t.id IS NOT OLD.id) BEGIN
  /* journal {"type":"chat.room_membership","source":["room","room_id"],"actor":["user","user_id"],"skip":["updated_at","last_seen_at"],"sensitive":[],"events":[{"type":"chat.room_membership.joined","on":"insert","where":"NEW.is_active"},{"type":"chat.room_membership.joined","on":"update","where":"(NEW.is_active AND (NOT OLD.is_active))"},{"type":"chat.room_membership.left","on":"update","where":"((NOT NEW.is_active) AND OLD.is_active)"},{"type":"chat.room_membership.left","on":"delete","where":"OLD.is_active"}]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'room_memberships';
  DELETE FROM ash_rusqlite_replaced WHERE known;
  INSERT INTO ash_rusqlite_replaced ("table", key, type, source, actor, data)
  SELECT 'room_memberships', t.id, 'chat.room_membership.deleted', 'room:' || t.room_id, 'user:' || t.user_id, '{' || printf('"id":%s,"role":%s,"is_active":%s,"joined_at":%s,"last_seen_at":%s,"created_at":%s,"updated_at":%s,"room_id":%s,"user_id":%s',
      CASE typeof(t.id) WHEN 'blob' THEN '{"blob":"' || hex(t.id) || '"}' ELSE json_quote(t.id) END,
      CASE typeof(t.role) WHEN 'blob' THEN '{"blob":"' || hex(t.role) || '"}' ELSE json_quote(t.role) END,
      CASE typeof(t.is_active) WHEN 'blob' THEN '{"blob":"' || hex(t.is_active) || '"}' WHEN 'real' THEN CASE WHEN abs(t.is_active) > 1.7976931348623157e308 THEN iif(t.is_active > 0, '9.0e+999', '-9.0e+999') ELSE quote(t.is_active) END ELSE json_quote(t.is_active) END,
      CASE typeof(t.joined_at) WHEN 'blob' THEN '{"blob":"' || hex(t.joined_at) || '"}' ELSE json_quote(t.joined_at) END,
      CASE typeof(t.last_seen_at) WHEN 'blob' THEN '{"blob":"' || hex(t.last_seen_at) || '"}' ELSE json_quote(t.last_seen_at) END,
      CASE typeof(t.created_at) WHEN 'blob' THEN '{"blob":"' || hex(t.created_at) || '"}' ELSE json_quote(t.created_at) END,
      CASE typeof(t.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(t.updated_at) || '"}' ELSE json_quote(t.updated_at) END,
      CASE typeof(t.room_id) WHEN 'blob' THEN '{"blob":"' || hex(t.room_id) || '"}' ELSE json_quote(t.room_id) END,
      CASE typeof(t.user_id) WHEN 'blob' THEN '{"blob":"' || hex(t.user_id) || '"}' ELSE json_quote(t.user_id) END) || '}'
  FROM room_memberships AS t WHERE ((t.id = NEW.id) OR (t.room_id = NEW.room_id AND t.user_id = NEW.user_id)) AND t.id IS NOT OLD.id;
END;
CREATE TRIGGER profiles_journal_insert AFTER INSERT ON profiles BEGIN
  /* journal {"type":"chat.profile","source":["profile","id"],"actor":null,"skip":["updated_at"],"sensitive":["api_key"],"events":[]} */
  DELETE FROM ash_rusqlite_replaced WHERE "table" = 'profiles' AND (key = NEW.id OR NOT EXISTS (SELECT 1 FROM profiles AS t WHERE t.id = ash_rusqlite_replaced.key));
  INSERT INTO ash_rusqlite_subjects (name, position) SELECT 'profile:' || NEW.id, 1
    WHERE 'profile:' || NEW.id IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET position = position + 1;
  INSERT INTO ash_rusqlite_events
    (type, source, position, actor, key, data, old, tx, at, action, metadata, salt)
  VALUES (
    coalesce((SELECT id FROM ash_rusqlite_event_types WHERE name = 'chat.profile.created' AND "table" = 'profiles' AND operation = 'insert'),
      RAISE(ABORT, 'this table is journaled, but its journal does not know it: run the migrations')),
    (SELECT id FROM ash_rusqlite_subjects WHERE name = 'profile:' || NEW.id), (SELECT position FROM ash_rusqlite_subjects WHERE name = 'profile:' || NEW.id),
    (SELECT actor FROM ash_rusqlite_request WHERE id = 1), NEW.id,
    '{' || printf('"id":%s,"name":%s,"provider":%s,"url":%s,"api_key":%s,"model":%s,"is_default":%s,"created_at":%s,"updated_at":%s',
      CASE typeof(NEW.id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.id) || '"}' ELSE json_quote(NEW.id) END,
      CASE typeof(NEW.name) WHEN 'blob' THEN '{"blob":"' || hex(NEW.name) || '"}' ELSE json_quote(NEW.name) END,
      CASE typeof(NEW.provider) WHEN 'blob' THEN '{"blob":"' || hex(NEW.provider) || '"}' ELSE json_quote(NEW.provider) END,
      CASE typeof(NEW.url) WHEN 'blob' THEN '{"blob":"' || hex(NEW.url) || '"}' ELSE json_quote(NEW.url) END,
      CASE WHEN NEW.api_key IS NULL THEN 'null' ELSE '{"digest":"' || CASE WHEN length(CAST(NEW.api_key AS BLOB)) > 1024 THEN hex(randomblob(32)) ELSE (WITH RECURSIVE m(m)AS(SELECT hex(secret)||hex(typeof(NEW.api_key))||hex(CASE typeof(NEW.api_key)WHEN'real'THEN quote(NEW.api_key)ELSE NEW.api_key END)FROM ash_rusqlite_request WHERE id=1),p(p)AS(SELECT m||'80'||substr(hex(zeroblob(64)),1,127-(length(m)+17)%128)||printf('%016X',length(m)*4)FROM m),j(j,t)AS(SELECT 1,''UNION ALL SELECT j+8,t||printf('%010d',(SELECT sum(instr('123456789ABCDEF',substr(p,j+key,1))<<28-4*key)FROM json_each('[0,0,0,0,0,0,0,0]')))FROM j,p WHERE j<length(p)),q(q,k)AS MATERIALIZED(SELECT t,'1116352408189944744130493234713921009573096198716315089709932453635748287076322136243810800310598401060722527814268819871925078388216207820626148881033248222580383539040140222247740264347078060480762807702559831249150122155508169219960649862554220882282183434929529968083210313671333657189135845287110113926993033824189506663072050773529912129475737213961822911695183700198666105121770263502456956037273048592128203024113259730800334576477135160658173600352804409457190902754233440430227734050694861606590605560883997877095813957113228222181537002063174787377919555622222024104815222773045223618524242428436474275673418732040314793329325298'FROM j ORDER BY j DESC LIMIT 1),r(n,i,w0,w1,w2,w3,w4,w5,w6,w7,w8,w9,wa,wb,wc,wd,we,wf,a,b,c,d,e,f,g,h,s,t,u,v,x,y,z,o)AS(SELECT 0,0,substr(q,1,10)+0,substr(q,11,10)+0,substr(q,21,10)+0,substr(q,31,10)+0,substr(q,41,10)+0,substr(q,51,10)+0,substr(q,61,10)+0,substr(q,71,10)+0,substr(q,81,10)+0,substr(q,91,10)+0,substr(q,101,10)+0,substr(q,111,10)+0,substr(q,121,10)+0,substr(q,131,10)+0,substr(q,141,10)+0,substr(q,151,10)+0,1779033703,3144134277,1013904242,2773480762,1359893119,2600822924,528734635,1541459225,1779033703,3144134277,1013904242,2773480762,1359893119,2600822924,528734635,1541459225 FROM q UNION ALL SELECT n+(i>63),iif(i>63,0,i+1),iif(i>63,substr(q,160*n+161,10)+0,w1),iif(i>63,substr(q,160*n+171,10)+0,w2),iif(i>63,substr(q,160*n+181,10)+0,w3),iif(i>63,substr(q,160*n+191,10)+0,w4),iif(i>63,substr(q,160*n+201,10)+0,w5),iif(i>63,substr(q,160*n+211,10)+0,w6),iif(i>63,substr(q,160*n+221,10)+0,w7),iif(i>63,substr(q,160*n+231,10)+0,w8),iif(i>63,substr(q,160*n+241,10)+0,w9),iif(i>63,substr(q,160*n+251,10)+0,wa),iif(i>63,substr(q,160*n+261,10)+0,wb),iif(i>63,substr(q,160*n+271,10)+0,wc),iif(i>63,substr(q,160*n+281,10)+0,wd),iif(i>63,substr(q,160*n+291,10)+0,we),iif(i>63,substr(q,160*n+301,10)+0,wf),iif(i>63,substr(q,160*n+311,10)+0,w0+((((((w1>>7|(w1<<25))|(w1>>18|(w1<<14)))-((w1>>7|(w1<<25))&(w1>>18|(w1<<14))))|(w1>>3))-((((w1>>7|(w1<<25))|(w1>>18|(w1<<14)))-((w1>>7|(w1<<25))&(w1>>18|(w1<<14))))&(w1>>3)))&4294967295)+w9+((((((we>>17|(we<<15))|(we>>19|(we<<13)))-((we>>17|(we<<15))&(we>>19|(we<<13))))|(we>>10))-((((we>>17|(we<<15))|(we>>19|(we<<13)))-((we>>17|(we<<15))&(we>>19|(we<<13))))&(we>>10)))&4294967295)&4294967295),iif(i>63,s+a,h+((((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))|(e>>25|(e<<7)))-((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))&(e>>25|(e<<7))))&4294967295)+(e&f|(~e&g))+CAST(substr(k,10*i+1,10)AS INT)+w0+((((((a>>2|(a<<30))|(a>>13|(a<<19)))-((a>>2|(a<<30))&(a>>13|(a<<19))))|(a>>22|(a<<10)))-((((a>>2|(a<<30))|(a>>13|(a<<19)))-((a>>2|(a<<30))&(a>>13|(a<<19))))&(a>>22|(a<<10))))&4294967295)+(a&b|(a&c)|(b&c)))&4294967295,iif(i>63,t+b,a)&4294967295,iif(i>63,u+c,b)&4294967295,iif(i>63,v+d,c)&4294967295,iif(i>63,x+e,d+h+((((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))|(e>>25|(e<<7)))-((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))&(e>>25|(e<<7))))&4294967295)+(e&f|(~e&g))+CAST(substr(k,10*i+1,10)AS INT)+w0)&4294967295,iif(i>63,y+f,e)&4294967295,iif(i>63,z+g,f)&4294967295,iif(i>63,o+h,g)&4294967295,iif(i>63,s+a&4294967295,s),iif(i>63,t+b&4294967295,t),iif(i>63,u+c&4294967295,u),iif(i>63,v+d&4294967295,v),iif(i>63,x+e&4294967295,x),iif(i>63,y+f&4294967295,y),iif(i>63,z+g&4294967295,z),iif(i>63,o+h&4294967295,o) FROM r,q WHERE 160*n<length(q))SELECT printf('%08X%08X%08X%08X%08X%08X%08X%08X',a,b,c,d,e,f,g,h)FROM r WHERE i=0 ORDER BY n DESC LIMIT 1) END || '"}' END,
      CASE typeof(NEW.model) WHEN 'blob' THEN '{"blob":"' || hex(NEW.model) || '"}' ELSE json_quote(NEW.model) END,
      CASE typeof(NEW.is_default) WHEN 'blob' THEN '{"blob":"' || hex(NEW.is_default) || '"}' WHEN 'real' THEN CASE WHEN abs(NEW.is_default) > 1.7976931348623157e308 THEN iif(NEW.is_default > 0, '9.0e+999', '-9.0e+999') ELSE quote(NEW.is_default) END ELSE json_quote(NEW.is_default) END,
      CASE typeof(NEW.created_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.created_at) || '"}' ELSE json_quote(NEW.created_at) END,
      CASE typeof(NEW.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.updated_at) || '"}' ELSE json_quote(NEW.updated_at) END) || '}',
    NULL,
    (SELECT tx FROM ash_rusqlite_request WHERE id = 1),
    coalesce((SELECT at FROM ash_rusqlite_request WHERE id = 1), max(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), ''))),
    (SELECT action FROM ash_rusqlite_request WHERE id = 1), (SELECT metadata FROM ash_rusqlite_request WHERE id = 1), randomblob(16));
END;
CREATE TRIGGER profiles_journal_update AFTER UPDATE ON profiles WHEN OLD.id IS NOT NEW.id COLLATE BINARY
  OR OLD.name IS NOT NEW.name COLLATE BINARY
  OR OLD.provider IS NOT NEW.provider COLLATE BINARY
  OR OLD.url IS NOT NEW.url COLLATE BINARY
  OR OLD.api_key IS NOT NEW.api_key COLLATE BINARY
  OR OLD.model IS NOT NEW.model COLLATE BINARY
  OR OLD.is_default IS NOT NEW.is_default COLLATE BINARY
  OR OLD.created_at IS NOT NEW.created_at COLLATE BINARY BEGIN
  /* journal {"type":"chat.profile","source":["profile","id"],"actor":null,"skip":["updated_at"],"sensitive":["api_key"],"events":[]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'profiles' AND key = OLD.id;
  DELETE FROM ash_rusqlite_replaced WHERE known;
  DELETE FROM ash_rusqlite_replaced WHERE "table" = 'profiles' AND (key = NEW.id OR NOT EXISTS (SELECT 1 FROM profiles AS t WHERE t.id = ash_rusqlite_replaced.key));
  INSERT INTO ash_rusqlite_subjects (name, position) SELECT 'profile:' || NEW.id, 1
    WHERE 'profile:' || NEW.id IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET position = position + 1;
  INSERT INTO ash_rusqlite_events
    (type, source, position, actor, key, data, old, tx, at, action, metadata, salt)
  VALUES (
    coalesce((SELECT id FROM ash_rusqlite_event_types WHERE name = 'chat.profile.updated' AND "table" = 'profiles' AND operation = 'update'),
      RAISE(ABORT, 'this table is journaled, but its journal does not know it: run the migrations')),
    (SELECT id FROM ash_rusqlite_subjects WHERE name = 'profile:' || NEW.id), (SELECT position FROM ash_rusqlite_subjects WHERE name = 'profile:' || NEW.id),
    (SELECT actor FROM ash_rusqlite_request WHERE id = 1), NEW.id,
    '{' || substr(CASE WHEN OLD.id IS NOT NEW.id COLLATE BINARY THEN ',"id":' || CASE typeof(NEW.id) WHEN 'blob' THEN '{"blob":"' || hex(NEW.id) || '"}' ELSE json_quote(NEW.id) END ELSE '' END
      || CASE WHEN OLD.name IS NOT NEW.name COLLATE BINARY THEN ',"name":' || CASE typeof(NEW.name) WHEN 'blob' THEN '{"blob":"' || hex(NEW.name) || '"}' ELSE json_quote(NEW.name) END ELSE '' END
      || CASE WHEN OLD.provider IS NOT NEW.provider COLLATE BINARY THEN ',"provider":' || CASE typeof(NEW.provider) WHEN 'blob' THEN '{"blob":"' || hex(NEW.provider) || '"}' ELSE json_quote(NEW.provider) END ELSE '' END
      || CASE WHEN OLD.url IS NOT NEW.url COLLATE BINARY THEN ',"url":' || CASE typeof(NEW.url) WHEN 'blob' THEN '{"blob":"' || hex(NEW.url) || '"}' ELSE json_quote(NEW.url) END ELSE '' END
      || CASE WHEN OLD.api_key IS NOT NEW.api_key COLLATE BINARY THEN ',"api_key":' || CASE WHEN NEW.api_key IS NULL THEN 'null' ELSE '{"digest":"' || CASE WHEN length(CAST(NEW.api_key AS BLOB)) > 1024 THEN hex(randomblob(32)) ELSE (WITH RECURSIVE m(m)AS(SELECT hex(secret)||hex(typeof(NEW.api_key))||hex(CASE typeof(NEW.api_key)WHEN'real'THEN quote(NEW.api_key)ELSE NEW.api_key END)FROM ash_rusqlite_request WHERE id=1),p(p)AS(SELECT m||'80'||substr(hex(zeroblob(64)),1,127-(length(m)+17)%128)||printf('%016X',length(m)*4)FROM m),j(j,t)AS(SELECT 1,''UNION ALL SELECT j+8,t||printf('%010d',(SELECT sum(instr('123456789ABCDEF',substr(p,j+key,1))<<28-4*key)FROM json_each('[0,0,0,0,0,0,0,0]')))FROM j,p WHERE j<length(p)),q(q,k)AS MATERIALIZED(SELECT t,'1116352408189944744130493234713921009573096198716315089709932453635748287076322136243810800310598401060722527814268819871925078388216207820626148881033248222580383539040140222247740264347078060480762807702559831249150122155508169219960649862554220882282183434929529968083210313671333657189135845287110113926993033824189506663072050773529912129475737213961822911695183700198666105121770263502456956037273048592128203024113259730800334576477135160658173600352804409457190902754233440430227734050694861606590605560883997877095813957113228222181537002063174787377919555622222024104815222773045223618524242428436474275673418732040314793329325298'FROM j ORDER BY j DESC LIMIT 1),r(n,i,w0,w1,w2,w3,w4,w5,w6,w7,w8,w9,wa,wb,wc,wd,we,wf,a,b,c,d,e,f,g,h,s,t,u,v,x,y,z,o)AS(SELECT 0,0,substr(q,1,10)+0,substr(q,11,10)+0,substr(q,21,10)+0,substr(q,31,10)+0,substr(q,41,10)+0,substr(q,51,10)+0,substr(q,61,10)+0,substr(q,71,10)+0,substr(q,81,10)+0,substr(q,91,10)+0,substr(q,101,10)+0,substr(q,111,10)+0,substr(q,121,10)+0,substr(q,131,10)+0,substr(q,141,10)+0,substr(q,151,10)+0,1779033703,3144134277,1013904242,2773480762,1359893119,2600822924,528734635,1541459225,1779033703,3144134277,1013904242,2773480762,1359893119,2600822924,528734635,1541459225 FROM q UNION ALL SELECT n+(i>63),iif(i>63,0,i+1),iif(i>63,substr(q,160*n+161,10)+0,w1),iif(i>63,substr(q,160*n+171,10)+0,w2),iif(i>63,substr(q,160*n+181,10)+0,w3),iif(i>63,substr(q,160*n+191,10)+0,w4),iif(i>63,substr(q,160*n+201,10)+0,w5),iif(i>63,substr(q,160*n+211,10)+0,w6),iif(i>63,substr(q,160*n+221,10)+0,w7),iif(i>63,substr(q,160*n+231,10)+0,w8),iif(i>63,substr(q,160*n+241,10)+0,w9),iif(i>63,substr(q,160*n+251,10)+0,wa),iif(i>63,substr(q,160*n+261,10)+0,wb),iif(i>63,substr(q,160*n+271,10)+0,wc),iif(i>63,substr(q,160*n+281,10)+0,wd),iif(i>63,substr(q,160*n+291,10)+0,we),iif(i>63,substr(q,160*n+301,10)+0,wf),iif(i>63,substr(q,160*n+311,10)+0,w0+((((((w1>>7|(w1<<25))|(w1>>18|(w1<<14)))-((w1>>7|(w1<<25))&(w1>>18|(w1<<14))))|(w1>>3))-((((w1>>7|(w1<<25))|(w1>>18|(w1<<14)))-((w1>>7|(w1<<25))&(w1>>18|(w1<<14))))&(w1>>3)))&4294967295)+w9+((((((we>>17|(we<<15))|(we>>19|(we<<13)))-((we>>17|(we<<15))&(we>>19|(we<<13))))|(we>>10))-((((we>>17|(we<<15))|(we>>19|(we<<13)))-((we>>17|(we<<15))&(we>>19|(we<<13))))&(we>>10)))&4294967295)&4294967295),iif(i>63,s+a,h+((((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))|(e>>25|(e<<7)))-((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))&(e>>25|(e<<7))))&4294967295)+(e&f|(~e&g))+CAST(substr(k,10*i+1,10)AS INT)+w0+((((((a>>2|(a<<30))|(a>>13|(a<<19)))-((a>>2|(a<<30))&(a>>13|(a<<19))))|(a>>22|(a<<10)))-((((a>>2|(a<<30))|(a>>13|(a<<19)))-((a>>2|(a<<30))&(a>>13|(a<<19))))&(a>>22|(a<<10))))&4294967295)+(a&b|(a&c)|(b&c)))&4294967295,iif(i>63,t+b,a)&4294967295,iif(i>63,u+c,b)&4294967295,iif(i>63,v+d,c)&4294967295,iif(i>63,x+e,d+h+((((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))|(e>>25|(e<<7)))-((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))&(e>>25|(e<<7))))&4294967295)+(e&f|(~e&g))+CAST(substr(k,10*i+1,10)AS INT)+w0)&4294967295,iif(i>63,y+f,e)&4294967295,iif(i>63,z+g,f)&4294967295,iif(i>63,o+h,g)&4294967295,iif(i>63,s+a&4294967295,s),iif(i>63,t+b&4294967295,t),iif(i>63,u+c&4294967295,u),iif(i>63,v+d&4294967295,v),iif(i>63,x+e&4294967295,x),iif(i>63,y+f&4294967295,y),iif(i>63,z+g&4294967295,z),iif(i>63,o+h&4294967295,o) FROM r,q WHERE 160*n<length(q))SELECT printf('%08X%08X%08X%08X%08X%08X%08X%08X',a,b,c,d,e,f,g,h)FROM r WHERE i=0 ORDER BY n DESC LIMIT 1) END || '"}' END ELSE '' END
      || CASE WHEN OLD.model IS NOT NEW.model COLLATE BINARY THEN ',"model":' || CASE typeof(NEW.model) WHEN 'blob' THEN '{"blob":"' || hex(NEW.model) || '"}' ELSE json_quote(NEW.model) END ELSE '' END
      || CASE WHEN OLD.is_default IS NOT NEW.is_default COLLATE BINARY THEN ',"is_default":' || CASE typeof(NEW.is_default) WHEN 'blob' THEN '{"blob":"' || hex(NEW.is_default) || '"}' WHEN 'real' THEN CASE WHEN abs(NEW.is_default) > 1.7976931348623157e308 THEN iif(NEW.is_default > 0, '9.0e+999', '-9.0e+999') ELSE quote(NEW.is_default) END ELSE json_quote(NEW.is_default) END ELSE '' END
      || CASE WHEN OLD.created_at IS NOT NEW.created_at COLLATE BINARY THEN ',"created_at":' || CASE typeof(NEW.created_at) WHEN 'blob' THEN '{"blob":"' || hex(NEW.created_at) || '"}' ELSE json_quote(NEW.created_at) END ELSE '' END, 2) || '}',
    '{' || substr(CASE WHEN OLD.id IS NOT NEW.id COLLATE BINARY THEN ',"id":' || CASE typeof(OLD.id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.id) || '"}' ELSE json_quote(OLD.id) END ELSE '' END
      || CASE WHEN OLD.name IS NOT NEW.name COLLATE BINARY THEN ',"name":' || CASE typeof(OLD.name) WHEN 'blob' THEN '{"blob":"' || hex(OLD.name) || '"}' ELSE json_quote(OLD.name) END ELSE '' END
      || CASE WHEN OLD.provider IS NOT NEW.provider COLLATE BINARY THEN ',"provider":' || CASE typeof(OLD.provider) WHEN 'blob' THEN '{"blob":"' || hex(OLD.provider) || '"}' ELSE json_quote(OLD.provider) END ELSE '' END
      || CASE WHEN OLD.url IS NOT NEW.url COLLATE BINARY THEN ',"url":' || CASE typeof(OLD.url) WHEN 'blob' THEN '{"blob":"' || hex(OLD.url) || '"}' ELSE json_quote(OLD.url) END ELSE '' END
      || CASE WHEN OLD.api_key IS NOT NEW.api_key COLLATE BINARY THEN ',"api_key":' || CASE WHEN OLD.api_key IS NULL THEN 'null' ELSE '{"digest":"' || CASE WHEN length(CAST(OLD.api_key AS BLOB)) > 1024 THEN hex(randomblob(32)) ELSE (WITH RECURSIVE m(m)AS(SELECT hex(secret)||hex(typeof(OLD.api_key))||hex(CASE typeof(OLD.api_key)WHEN'real'THEN quote(OLD.api_key)ELSE OLD.api_key END)FROM ash_rusqlite_request WHERE id=1),p(p)AS(SELECT m||'80'||substr(hex(zeroblob(64)),1,127-(length(m)+17)%128)||printf('%016X',length(m)*4)FROM m),j(j,t)AS(SELECT 1,''UNION ALL SELECT j+8,t||printf('%010d',(SELECT sum(instr('123456789ABCDEF',substr(p,j+key,1))<<28-4*key)FROM json_each('[0,0,0,0,0,0,0,0]')))FROM j,p WHERE j<length(p)),q(q,k)AS MATERIALIZED(SELECT t,'1116352408189944744130493234713921009573096198716315089709932453635748287076322136243810800310598401060722527814268819871925078388216207820626148881033248222580383539040140222247740264347078060480762807702559831249150122155508169219960649862554220882282183434929529968083210313671333657189135845287110113926993033824189506663072050773529912129475737213961822911695183700198666105121770263502456956037273048592128203024113259730800334576477135160658173600352804409457190902754233440430227734050694861606590605560883997877095813957113228222181537002063174787377919555622222024104815222773045223618524242428436474275673418732040314793329325298'FROM j ORDER BY j DESC LIMIT 1),r(n,i,w0,w1,w2,w3,w4,w5,w6,w7,w8,w9,wa,wb,wc,wd,we,wf,a,b,c,d,e,f,g,h,s,t,u,v,x,y,z,o)AS(SELECT 0,0,substr(q,1,10)+0,substr(q,11,10)+0,substr(q,21,10)+0,substr(q,31,10)+0,substr(q,41,10)+0,substr(q,51,10)+0,substr(q,61,10)+0,substr(q,71,10)+0,substr(q,81,10)+0,substr(q,91,10)+0,substr(q,101,10)+0,substr(q,111,10)+0,substr(q,121,10)+0,substr(q,131,10)+0,substr(q,141,10)+0,substr(q,151,10)+0,1779033703,3144134277,1013904242,2773480762,1359893119,2600822924,528734635,1541459225,1779033703,3144134277,1013904242,2773480762,1359893119,2600822924,528734635,1541459225 FROM q UNION ALL SELECT n+(i>63),iif(i>63,0,i+1),iif(i>63,substr(q,160*n+161,10)+0,w1),iif(i>63,substr(q,160*n+171,10)+0,w2),iif(i>63,substr(q,160*n+181,10)+0,w3),iif(i>63,substr(q,160*n+191,10)+0,w4),iif(i>63,substr(q,160*n+201,10)+0,w5),iif(i>63,substr(q,160*n+211,10)+0,w6),iif(i>63,substr(q,160*n+221,10)+0,w7),iif(i>63,substr(q,160*n+231,10)+0,w8),iif(i>63,substr(q,160*n+241,10)+0,w9),iif(i>63,substr(q,160*n+251,10)+0,wa),iif(i>63,substr(q,160*n+261,10)+0,wb),iif(i>63,substr(q,160*n+271,10)+0,wc),iif(i>63,substr(q,160*n+281,10)+0,wd),iif(i>63,substr(q,160*n+291,10)+0,we),iif(i>63,substr(q,160*n+301,10)+0,wf),iif(i>63,substr(q,160*n+311,10)+0,w0+((((((w1>>7|(w1<<25))|(w1>>18|(w1<<14)))-((w1>>7|(w1<<25))&(w1>>18|(w1<<14))))|(w1>>3))-((((w1>>7|(w1<<25))|(w1>>18|(w1<<14)))-((w1>>7|(w1<<25))&(w1>>18|(w1<<14))))&(w1>>3)))&4294967295)+w9+((((((we>>17|(we<<15))|(we>>19|(we<<13)))-((we>>17|(we<<15))&(we>>19|(we<<13))))|(we>>10))-((((we>>17|(we<<15))|(we>>19|(we<<13)))-((we>>17|(we<<15))&(we>>19|(we<<13))))&(we>>10)))&4294967295)&4294967295),iif(i>63,s+a,h+((((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))|(e>>25|(e<<7)))-((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))&(e>>25|(e<<7))))&4294967295)+(e&f|(~e&g))+CAST(substr(k,10*i+1,10)AS INT)+w0+((((((a>>2|(a<<30))|(a>>13|(a<<19)))-((a>>2|(a<<30))&(a>>13|(a<<19))))|(a>>22|(a<<10)))-((((a>>2|(a<<30))|(a>>13|(a<<19)))-((a>>2|(a<<30))&(a>>13|(a<<19))))&(a>>22|(a<<10))))&4294967295)+(a&b|(a&c)|(b&c)))&4294967295,iif(i>63,t+b,a)&4294967295,iif(i>63,u+c,b)&4294967295,iif(i>63,v+d,c)&4294967295,iif(i>63,x+e,d+h+((((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))|(e>>25|(e<<7)))-((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))&(e>>25|(e<<7))))&4294967295)+(e&f|(~e&g))+CAST(substr(k,10*i+1,10)AS INT)+w0)&4294967295,iif(i>63,y+f,e)&4294967295,iif(i>63,z+g,f)&4294967295,iif(i>63,o+h,g)&4294967295,iif(i>63,s+a&4294967295,s),iif(i>63,t+b&4294967295,t),iif(i>63,u+c&4294967295,u),iif(i>63,v+d&4294967295,v),iif(i>63,x+e&4294967295,x),iif(i>63,y+f&4294967295,y),iif(i>63,z+g&4294967295,z),iif(i>63,o+h&4294967295,o) FROM r,q WHERE 160*n<length(q))SELECT printf('%08X%08X%08X%08X%08X%08X%08X%08X',a,b,c,d,e,f,g,h)FROM r WHERE i=0 ORDER BY n DESC LIMIT 1) END || '"}' END ELSE '' END
      || CASE WHEN OLD.model IS NOT NEW.model COLLATE BINARY THEN ',"model":' || CASE typeof(OLD.model) WHEN 'blob' THEN '{"blob":"' || hex(OLD.model) || '"}' ELSE json_quote(OLD.model) END ELSE '' END
      || CASE WHEN OLD.is_default IS NOT NEW.is_default COLLATE BINARY THEN ',"is_default":' || CASE typeof(OLD.is_default) WHEN 'blob' THEN '{"blob":"' || hex(OLD.is_default) || '"}' WHEN 'real' THEN CASE WHEN abs(OLD.is_default) > 1.7976931348623157e308 THEN iif(OLD.is_default > 0, '9.0e+999', '-9.0e+999') ELSE quote(OLD.is_default) END ELSE json_quote(OLD.is_default) END ELSE '' END
      || CASE WHEN OLD.created_at IS NOT NEW.created_at COLLATE BINARY THEN ',"created_at":' || CASE typeof(OLD.created_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.created_at) || '"}' ELSE json_quote(OLD.created_at) END ELSE '' END, 2) || '}',
    (SELECT tx FROM ash_rusqlite_request WHERE id = 1),
    coalesce((SELECT at FROM ash_rusqlite_request WHERE id = 1), max(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), ''))),
    (SELECT action FROM ash_rusqlite_request WHERE id = 1), (SELECT metadata FROM ash_rusqlite_request WHERE id = 1), randomblob(16));
END;
CREATE TRIGGER profiles_journal_delete AFTER DELETE ON profiles BEGIN
  /* journal {"type":"chat.profile","source":["profile","id"],"actor":null,"skip":["updated_at"],"sensitive":["api_key"],"events":[]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'profiles' AND key = OLD.id;
  DELETE FROM ash_rusqlite_replaced WHERE known;
  INSERT INTO ash_rusqlite_subjects (name, position) SELECT 'profile:' || OLD.id, 1
    WHERE 'profile:' || OLD.id IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET position = position + 1;
  INSERT INTO ash_rusqlite_events
    (type, source, position, actor, key, data, old, tx, at, action, metadata, salt)
  VALUES (
    coalesce((SELECT id FROM ash_rusqlite_event_types WHERE name = 'chat.profile.deleted' AND "table" = 'profiles' AND operation = 'delete'),
      RAISE(ABORT, 'this table is journaled, but its journal does not know it: run the migrations')),
    (SELECT id FROM ash_rusqlite_subjects WHERE name = 'profile:' || OLD.id), (SELECT position FROM ash_rusqlite_subjects WHERE name = 'profile:' || OLD.id),
    (SELECT actor FROM ash_rusqlite_request WHERE id = 1), OLD.id,
    '{' || printf('"id":%s,"name":%s,"provider":%s,"url":%s,"api_key":%s,"model":%s,"is_default":%s,"created_at":%s,"updated_at":%s',
      CASE typeof(OLD.id) WHEN 'blob' THEN '{"blob":"' || hex(OLD.id) || '"}' ELSE json_quote(OLD.id) END,
      CASE typeof(OLD.name) WHEN 'blob' THEN '{"blob":"' || hex(OLD.name) || '"}' ELSE json_quote(OLD.name) END,
      CASE typeof(OLD.provider) WHEN 'blob' THEN '{"blob":"' || hex(OLD.provider) || '"}' ELSE json_quote(OLD.provider) END,
      CASE typeof(OLD.url) WHEN 'blob' THEN '{"blob":"' || hex(OLD.url) || '"}' ELSE json_quote(OLD.url) END,
      CASE WHEN OLD.api_key IS NULL THEN 'null' ELSE '{"digest":"' || CASE WHEN length(CAST(OLD.api_key AS BLOB)) > 1024 THEN hex(randomblob(32)) ELSE (WITH RECURSIVE m(m)AS(SELECT hex(secret)||hex(typeof(OLD.api_key))||hex(CASE typeof(OLD.api_key)WHEN'real'THEN quote(OLD.api_key)ELSE OLD.api_key END)FROM ash_rusqlite_request WHERE id=1),p(p)AS(SELECT m||'80'||substr(hex(zeroblob(64)),1,127-(length(m)+17)%128)||printf('%016X',length(m)*4)FROM m),j(j,t)AS(SELECT 1,''UNION ALL SELECT j+8,t||printf('%010d',(SELECT sum(instr('123456789ABCDEF',substr(p,j+key,1))<<28-4*key)FROM json_each('[0,0,0,0,0,0,0,0]')))FROM j,p WHERE j<length(p)),q(q,k)AS MATERIALIZED(SELECT t,'1116352408189944744130493234713921009573096198716315089709932453635748287076322136243810800310598401060722527814268819871925078388216207820626148881033248222580383539040140222247740264347078060480762807702559831249150122155508169219960649862554220882282183434929529968083210313671333657189135845287110113926993033824189506663072050773529912129475737213961822911695183700198666105121770263502456956037273048592128203024113259730800334576477135160658173600352804409457190902754233440430227734050694861606590605560883997877095813957113228222181537002063174787377919555622222024104815222773045223618524242428436474275673418732040314793329325298'FROM j ORDER BY j DESC LIMIT 1),r(n,i,w0,w1,w2,w3,w4,w5,w6,w7,w8,w9,wa,wb,wc,wd,we,wf,a,b,c,d,e,f,g,h,s,t,u,v,x,y,z,o)AS(SELECT 0,0,substr(q,1,10)+0,substr(q,11,10)+0,substr(q,21,10)+0,substr(q,31,10)+0,substr(q,41,10)+0,substr(q,51,10)+0,substr(q,61,10)+0,substr(q,71,10)+0,substr(q,81,10)+0,substr(q,91,10)+0,substr(q,101,10)+0,substr(q,111,10)+0,substr(q,121,10)+0,substr(q,131,10)+0,substr(q,141,10)+0,substr(q,151,10)+0,1779033703,3144134277,1013904242,2773480762,1359893119,2600822924,528734635,1541459225,1779033703,3144134277,1013904242,2773480762,1359893119,2600822924,528734635,1541459225 FROM q UNION ALL SELECT n+(i>63),iif(i>63,0,i+1),iif(i>63,substr(q,160*n+161,10)+0,w1),iif(i>63,substr(q,160*n+171,10)+0,w2),iif(i>63,substr(q,160*n+181,10)+0,w3),iif(i>63,substr(q,160*n+191,10)+0,w4),iif(i>63,substr(q,160*n+201,10)+0,w5),iif(i>63,substr(q,160*n+211,10)+0,w6),iif(i>63,substr(q,160*n+221,10)+0,w7),iif(i>63,substr(q,160*n+231,10)+0,w8),iif(i>63,substr(q,160*n+241,10)+0,w9),iif(i>63,substr(q,160*n+251,10)+0,wa),iif(i>63,substr(q,160*n+261,10)+0,wb),iif(i>63,substr(q,160*n+271,10)+0,wc),iif(i>63,substr(q,160*n+281,10)+0,wd),iif(i>63,substr(q,160*n+291,10)+0,we),iif(i>63,substr(q,160*n+301,10)+0,wf),iif(i>63,substr(q,160*n+311,10)+0,w0+((((((w1>>7|(w1<<25))|(w1>>18|(w1<<14)))-((w1>>7|(w1<<25))&(w1>>18|(w1<<14))))|(w1>>3))-((((w1>>7|(w1<<25))|(w1>>18|(w1<<14)))-((w1>>7|(w1<<25))&(w1>>18|(w1<<14))))&(w1>>3)))&4294967295)+w9+((((((we>>17|(we<<15))|(we>>19|(we<<13)))-((we>>17|(we<<15))&(we>>19|(we<<13))))|(we>>10))-((((we>>17|(we<<15))|(we>>19|(we<<13)))-((we>>17|(we<<15))&(we>>19|(we<<13))))&(we>>10)))&4294967295)&4294967295),iif(i>63,s+a,h+((((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))|(e>>25|(e<<7)))-((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))&(e>>25|(e<<7))))&4294967295)+(e&f|(~e&g))+CAST(substr(k,10*i+1,10)AS INT)+w0+((((((a>>2|(a<<30))|(a>>13|(a<<19)))-((a>>2|(a<<30))&(a>>13|(a<<19))))|(a>>22|(a<<10)))-((((a>>2|(a<<30))|(a>>13|(a<<19)))-((a>>2|(a<<30))&(a>>13|(a<<19))))&(a>>22|(a<<10))))&4294967295)+(a&b|(a&c)|(b&c)))&4294967295,iif(i>63,t+b,a)&4294967295,iif(i>63,u+c,b)&4294967295,iif(i>63,v+d,c)&4294967295,iif(i>63,x+e,d+h+((((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))|(e>>25|(e<<7)))-((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))&(e>>25|(e<<7))))&4294967295)+(e&f|(~e&g))+CAST(substr(k,10*i+1,10)AS INT)+w0)&4294967295,iif(i>63,y+f,e)&4294967295,iif(i>63,z+g,f)&4294967295,iif(i>63,o+h,g)&4294967295,iif(i>63,s+a&4294967295,s),iif(i>63,t+b&4294967295,t),iif(i>63,u+c&4294967295,u),iif(i>63,v+d&4294967295,v),iif(i>63,x+e&4294967295,x),iif(i>63,y+f&4294967295,y),iif(i>63,z+g&4294967295,z),iif(i>63,o+h&4294967295,o) FROM r,q WHERE 160*n<length(q))SELECT printf('%08X%08X%08X%08X%08X%08X%08X%08X',a,b,c,d,e,f,g,h)FROM r WHERE i=0 ORDER BY n DESC LIMIT 1) END || '"}' END,
      CASE typeof(OLD.model) WHEN 'blob' THEN '{"blob":"' || hex(OLD.model) || '"}' ELSE json_quote(OLD.model) END,
      CASE typeof(OLD.is_default) WHEN 'blob' THEN '{"blob":"' || hex(OLD.is_default) || '"}' WHEN 'real' THEN CASE WHEN abs(OLD.is_default) > 1.7976931348623157e308 THEN iif(OLD.is_default > 0, '9.0e+999', '-9.0e+999') ELSE quote(OLD.is_default) END ELSE json_quote(OLD.is_default) END,
      CASE typeof(OLD.created_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.created_at) || '"}' ELSE json_quote(OLD.created_at) END,
      CASE typeof(OLD.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(OLD.updated_at) || '"}' ELSE json_quote(OLD.updated_at) END) || '}',
    NULL,
    (SELECT tx FROM ash_rusqlite_request WHERE id = 1),
    coalesce((SELECT at FROM ash_rusqlite_request WHERE id = 1), max(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), ''))),
    (SELECT action FROM ash_rusqlite_request WHERE id = 1), (SELECT metadata FROM ash_rusqlite_request WHERE id = 1), randomblob(16));
END;
CREATE TRIGGER profiles_journal_replace_insert BEFORE INSERT ON profiles
  WHEN EXISTS (SELECT 1 FROM profiles AS t WHERE (t.id = NEW.id)) BEGIN
  /* journal {"type":"chat.profile","source":["profile","id"],"actor":null,"skip":["updated_at"],"sensitive":["api_key"],"events":[]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'profiles';
  DELETE FROM ash_rusqlite_replaced WHERE known;
  INSERT INTO ash_rusqlite_replaced ("table", key, type, source, actor, data)
  SELECT 'profiles', t.id, 'chat.profile.deleted', 'profile:' || t.id, NULL, '{' || printf('"id":%s,"name":%s,"provider":%s,"url":%s,"api_key":%s,"model":%s,"is_default":%s,"created_at":%s,"updated_at":%s',
      CASE typeof(t.id) WHEN 'blob' THEN '{"blob":"' || hex(t.id) || '"}' ELSE json_quote(t.id) END,
      CASE typeof(t.name) WHEN 'blob' THEN '{"blob":"' || hex(t.name) || '"}' ELSE json_quote(t.name) END,
      CASE typeof(t.provider) WHEN 'blob' THEN '{"blob":"' || hex(t.provider) || '"}' ELSE json_quote(t.provider) END,
      CASE typeof(t.url) WHEN 'blob' THEN '{"blob":"' || hex(t.url) || '"}' ELSE json_quote(t.url) END,
      CASE WHEN t.api_key IS NULL THEN 'null' ELSE '{"digest":"' || CASE WHEN length(CAST(t.api_key AS BLOB)) > 1024 THEN hex(randomblob(32)) ELSE (WITH RECURSIVE m(m)AS(SELECT hex(secret)||hex(typeof(t.api_key))||hex(CASE typeof(t.api_key)WHEN'real'THEN quote(t.api_key)ELSE t.api_key END)FROM ash_rusqlite_request WHERE id=1),p(p)AS(SELECT m||'80'||substr(hex(zeroblob(64)),1,127-(length(m)+17)%128)||printf('%016X',length(m)*4)FROM m),j(j,t)AS(SELECT 1,''UNION ALL SELECT j+8,t||printf('%010d',(SELECT sum(instr('123456789ABCDEF',substr(p,j+key,1))<<28-4*key)FROM json_each('[0,0,0,0,0,0,0,0]')))FROM j,p WHERE j<length(p)),q(q,k)AS MATERIALIZED(SELECT t,'1116352408189944744130493234713921009573096198716315089709932453635748287076322136243810800310598401060722527814268819871925078388216207820626148881033248222580383539040140222247740264347078060480762807702559831249150122155508169219960649862554220882282183434929529968083210313671333657189135845287110113926993033824189506663072050773529912129475737213961822911695183700198666105121770263502456956037273048592128203024113259730800334576477135160658173600352804409457190902754233440430227734050694861606590605560883997877095813957113228222181537002063174787377919555622222024104815222773045223618524242428436474275673418732040314793329325298'FROM j ORDER BY j DESC LIMIT 1),r(n,i,w0,w1,w2,w3,w4,w5,w6,w7,w8,w9,wa,wb,wc,wd,we,wf,a,b,c,d,e,f,g,h,s,t,u,v,x,y,z,o)AS(SELECT 0,0,substr(q,1,10)+0,substr(q,11,10)+0,substr(q,21,10)+0,substr(q,31,10)+0,substr(q,41,10)+0,substr(q,51,10)+0,substr(q,61,10)+0,substr(q,71,10)+0,substr(q,81,10)+0,substr(q,91,10)+0,substr(q,101,10)+0,substr(q,111,10)+0,substr(q,121,10)+0,substr(q,131,10)+0,substr(q,141,10)+0,substr(q,151,10)+0,1779033703,3144134277,1013904242,2773480762,1359893119,2600822924,528734635,1541459225,1779033703,3144134277,1013904242,2773480762,1359893119,2600822924,528734635,1541459225 FROM q UNION ALL SELECT n+(i>63),iif(i>63,0,i+1),iif(i>63,substr(q,160*n+161,10)+0,w1),iif(i>63,substr(q,160*n+171,10)+0,w2),iif(i>63,substr(q,160*n+181,10)+0,w3),iif(i>63,substr(q,160*n+191,10)+0,w4),iif(i>63,substr(q,160*n+201,10)+0,w5),iif(i>63,substr(q,160*n+211,10)+0,w6),iif(i>63,substr(q,160*n+221,10)+0,w7),iif(i>63,substr(q,160*n+231,10)+0,w8),iif(i>63,substr(q,160*n+241,10)+0,w9),iif(i>63,substr(q,160*n+251,10)+0,wa),iif(i>63,substr(q,160*n+261,10)+0,wb),iif(i>63,substr(q,160*n+271,10)+0,wc),iif(i>63,substr(q,160*n+281,10)+0,wd),iif(i>63,substr(q,160*n+291,10)+0,we),iif(i>63,substr(q,160*n+301,10)+0,wf),iif(i>63,substr(q,160*n+311,10)+0,w0+((((((w1>>7|(w1<<25))|(w1>>18|(w1<<14)))-((w1>>7|(w1<<25))&(w1>>18|(w1<<14))))|(w1>>3))-((((w1>>7|(w1<<25))|(w1>>18|(w1<<14)))-((w1>>7|(w1<<25))&(w1>>18|(w1<<14))))&(w1>>3)))&4294967295)+w9+((((((we>>17|(we<<15))|(we>>19|(we<<13)))-((we>>17|(we<<15))&(we>>19|(we<<13))))|(we>>10))-((((we>>17|(we<<15))|(we>>19|(we<<13)))-((we>>17|(we<<15))&(we>>19|(we<<13))))&(we>>10)))&4294967295)&4294967295),iif(i>63,s+a,h+((((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))|(e>>25|(e<<7)))-((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))&(e>>25|(e<<7))))&4294967295)+(e&f|(~e&g))+CAST(substr(k,10*i+1,10)AS INT)+w0+((((((a>>2|(a<<30))|(a>>13|(a<<19)))-((a>>2|(a<<30))&(a>>13|(a<<19))))|(a>>22|(a<<10)))-((((a>>2|(a<<30))|(a>>13|(a<<19)))-((a>>2|(a<<30))&(a>>13|(a<<19))))&(a>>22|(a<<10))))&4294967295)+(a&b|(a&c)|(b&c)))&4294967295,iif(i>63,t+b,a)&4294967295,iif(i>63,u+c,b)&4294967295,iif(i>63,v+d,c)&4294967295,iif(i>63,x+e,d+h+((((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))|(e>>25|(e<<7)))-((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))&(e>>25|(e<<7))))&4294967295)+(e&f|(~e&g))+CAST(substr(k,10*i+1,10)AS INT)+w0)&4294967295,iif(i>63,y+f,e)&4294967295,iif(i>63,z+g,f)&4294967295,iif(i>63,o+h,g)&4294967295,iif(i>63,s+a&4294967295,s),iif(i>63,t+b&4294967295,t),iif(i>63,u+c&4294967295,u),iif(i>63,v+d&4294967295,v),iif(i>63,x+e&4294967295,x),iif(i>63,y+f&4294967295,y),iif(i>63,z+g&4294967295,z),iif(i>63,o+h&4294967295,o) FROM r,q WHERE 160*n<length(q))SELECT printf('%08X%08X%08X%08X%08X%08X%08X%08X',a,b,c,d,e,f,g,h)FROM r WHERE i=0 ORDER BY n DESC LIMIT 1) END || '"}' END,
      CASE typeof(t.model) WHEN 'blob' THEN '{"blob":"' || hex(t.model) || '"}' ELSE json_quote(t.model) END,
      CASE typeof(t.is_default) WHEN 'blob' THEN '{"blob":"' || hex(t.is_default) || '"}' WHEN 'real' THEN CASE WHEN abs(t.is_default) > 1.7976931348623157e308 THEN iif(t.is_default > 0, '9.0e+999', '-9.0e+999') ELSE quote(t.is_default) END ELSE json_quote(t.is_default) END,
      CASE typeof(t.created_at) WHEN 'blob' THEN '{"blob":"' || hex(t.created_at) || '"}' ELSE json_quote(t.created_at) END,
      CASE typeof(t.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(t.updated_at) || '"}' ELSE json_quote(t.updated_at) END) || '}'
  FROM profiles AS t WHERE (t.id = NEW.id);
END;
CREATE TRIGGER profiles_journal_replace_update BEFORE UPDATE ON profiles
  WHEN (OLD.id IS NOT NEW.id COLLATE BINARY) AND EXISTS (SELECT 1 FROM profiles AS t WHERE ((t.id = NEW.id)) AND t.id IS NOT OLD.id) BEGIN
  /* journal {"type":"chat.profile","source":["profile","id"],"actor":null,"skip":["updated_at"],"sensitive":["api_key"],"events":[]} */
  UPDATE ash_rusqlite_replaced SET known = 1 WHERE "table" = 'profiles';
  DELETE FROM ash_rusqlite_replaced WHERE known;
  INSERT INTO ash_rusqlite_replaced ("table", key, type, source, actor, data)
  SELECT 'profiles', t.id, 'chat.profile.deleted', 'profile:' || t.id, NULL, '{' || printf('"id":%s,"name":%s,"provider":%s,"url":%s,"api_key":%s,"model":%s,"is_default":%s,"created_at":%s,"updated_at":%s',
      CASE typeof(t.id) WHEN 'blob' THEN '{"blob":"' || hex(t.id) || '"}' ELSE json_quote(t.id) END,
      CASE typeof(t.name) WHEN 'blob' THEN '{"blob":"' || hex(t.name) || '"}' ELSE json_quote(t.name) END,
      CASE typeof(t.provider) WHEN 'blob' THEN '{"blob":"' || hex(t.provider) || '"}' ELSE json_quote(t.provider) END,
      CASE typeof(t.url) WHEN 'blob' THEN '{"blob":"' || hex(t.url) || '"}' ELSE json_quote(t.url) END,
      CASE WHEN t.api_key IS NULL THEN 'null' ELSE '{"digest":"' || CASE WHEN length(CAST(t.api_key AS BLOB)) > 1024 THEN hex(randomblob(32)) ELSE (WITH RECURSIVE m(m)AS(SELECT hex(secret)||hex(typeof(t.api_key))||hex(CASE typeof(t.api_key)WHEN'real'THEN quote(t.api_key)ELSE t.api_key END)FROM ash_rusqlite_request WHERE id=1),p(p)AS(SELECT m||'80'||substr(hex(zeroblob(64)),1,127-(length(m)+17)%128)||printf('%016X',length(m)*4)FROM m),j(j,t)AS(SELECT 1,''UNION ALL SELECT j+8,t||printf('%010d',(SELECT sum(instr('123456789ABCDEF',substr(p,j+key,1))<<28-4*key)FROM json_each('[0,0,0,0,0,0,0,0]')))FROM j,p WHERE j<length(p)),q(q,k)AS MATERIALIZED(SELECT t,'1116352408189944744130493234713921009573096198716315089709932453635748287076322136243810800310598401060722527814268819871925078388216207820626148881033248222580383539040140222247740264347078060480762807702559831249150122155508169219960649862554220882282183434929529968083210313671333657189135845287110113926993033824189506663072050773529912129475737213961822911695183700198666105121770263502456956037273048592128203024113259730800334576477135160658173600352804409457190902754233440430227734050694861606590605560883997877095813957113228222181537002063174787377919555622222024104815222773045223618524242428436474275673418732040314793329325298'FROM j ORDER BY j DESC LIMIT 1),r(n,i,w0,w1,w2,w3,w4,w5,w6,w7,w8,w9,wa,wb,wc,wd,we,wf,a,b,c,d,e,f,g,h,s,t,u,v,x,y,z,o)AS(SELECT 0,0,substr(q,1,10)+0,substr(q,11,10)+0,substr(q,21,10)+0,substr(q,31,10)+0,substr(q,41,10)+0,substr(q,51,10)+0,substr(q,61,10)+0,substr(q,71,10)+0,substr(q,81,10)+0,substr(q,91,10)+0,substr(q,101,10)+0,substr(q,111,10)+0,substr(q,121,10)+0,substr(q,131,10)+0,substr(q,141,10)+0,substr(q,151,10)+0,1779033703,3144134277,1013904242,2773480762,1359893119,2600822924,528734635,1541459225,1779033703,3144134277,1013904242,2773480762,1359893119,2600822924,528734635,1541459225 FROM q UNION ALL SELECT n+(i>63),iif(i>63,0,i+1),iif(i>63,substr(q,160*n+161,10)+0,w1),iif(i>63,substr(q,160*n+171,10)+0,w2),iif(i>63,substr(q,160*n+181,10)+0,w3),iif(i>63,substr(q,160*n+191,10)+0,w4),iif(i>63,substr(q,160*n+201,10)+0,w5),iif(i>63,substr(q,160*n+211,10)+0,w6),iif(i>63,substr(q,160*n+221,10)+0,w7),iif(i>63,substr(q,160*n+231,10)+0,w8),iif(i>63,substr(q,160*n+241,10)+0,w9),iif(i>63,substr(q,160*n+251,10)+0,wa),iif(i>63,substr(q,160*n+261,10)+0,wb),iif(i>63,substr(q,160*n+271,10)+0,wc),iif(i>63,substr(q,160*n+281,10)+0,wd),iif(i>63,substr(q,160*n+291,10)+0,we),iif(i>63,substr(q,160*n+301,10)+0,wf),iif(i>63,substr(q,160*n+311,10)+0,w0+((((((w1>>7|(w1<<25))|(w1>>18|(w1<<14)))-((w1>>7|(w1<<25))&(w1>>18|(w1<<14))))|(w1>>3))-((((w1>>7|(w1<<25))|(w1>>18|(w1<<14)))-((w1>>7|(w1<<25))&(w1>>18|(w1<<14))))&(w1>>3)))&4294967295)+w9+((((((we>>17|(we<<15))|(we>>19|(we<<13)))-((we>>17|(we<<15))&(we>>19|(we<<13))))|(we>>10))-((((we>>17|(we<<15))|(we>>19|(we<<13)))-((we>>17|(we<<15))&(we>>19|(we<<13))))&(we>>10)))&4294967295)&4294967295),iif(i>63,s+a,h+((((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))|(e>>25|(e<<7)))-((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))&(e>>25|(e<<7))))&4294967295)+(e&f|(~e&g))+CAST(substr(k,10*i+1,10)AS INT)+w0+((((((a>>2|(a<<30))|(a>>13|(a<<19)))-((a>>2|(a<<30))&(a>>13|(a<<19))))|(a>>22|(a<<10)))-((((a>>2|(a<<30))|(a>>13|(a<<19)))-((a>>2|(a<<30))&(a>>13|(a<<19))))&(a>>22|(a<<10))))&4294967295)+(a&b|(a&c)|(b&c)))&4294967295,iif(i>63,t+b,a)&4294967295,iif(i>63,u+c,b)&4294967295,iif(i>63,v+d,c)&4294967295,iif(i>63,x+e,d+h+((((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))|(e>>25|(e<<7)))-((((e>>6|(e<<26))|(e>>11|(e<<21)))-((e>>6|(e<<26))&(e>>11|(e<<21))))&(e>>25|(e<<7))))&4294967295)+(e&f|(~e&g))+CAST(substr(k,10*i+1,10)AS INT)+w0)&4294967295,iif(i>63,y+f,e)&4294967295,iif(i>63,z+g,f)&4294967295,iif(i>63,o+h,g)&4294967295,iif(i>63,s+a&4294967295,s),iif(i>63,t+b&4294967295,t),iif(i>63,u+c&4294967295,u),iif(i>63,v+d&4294967295,v),iif(i>63,x+e&4294967295,x),iif(i>63,y+f&4294967295,y),iif(i>63,z+g&4294967295,z),iif(i>63,o+h&4294967295,o) FROM r,q WHERE 160*n<length(q))SELECT printf('%08X%08X%08X%08X%08X%08X%08X%08X',a,b,c,d,e,f,g,h)FROM r WHERE i=0 ORDER BY n DESC LIMIT 1) END || '"}' END,
      CASE typeof(t.model) WHEN 'blob' THEN '{"blob":"' || hex(t.model) || '"}' ELSE json_quote(t.model) END,
      CASE typeof(t.is_default) WHEN 'blob' THEN '{"blob":"' || hex(t.is_default) || '"}' WHEN 'real' THEN CASE WHEN abs(t.is_default) > 1.7976931348623157e308 THEN iif(t.is_default > 0, '9.0e+999', '-9.0e+999') ELSE quote(t.is_default) END ELSE json_quote(t.is_default) END,
      CASE typeof(t.created_at) WHEN 'blob' THEN '{"blob":"' || hex(t.created_at) || '"}' ELSE json_quote(t.created_at) END,
      CASE typeof(t.updated_at) WHEN 'blob' THEN '{"blob":"' || hex(t.updated_at) || '"}' ELSE json_quote(t.updated_at) END) || '}'
  FROM profiles AS t WHERE ((t.id = NEW.id)) AND t.id IS NOT OLD.id;
END;

-- down

-- Note: the rows of agent_memberships are lost.
-- Note: the rows of messages are lost.
-- Note: the rows of agent_cards are lost.
-- Note: the rows of profiles are lost.
-- Note: the rows of room_memberships are lost.
-- Note: the rows of rooms are lost.
-- Note: the rows of users are lost.

DROP TRIGGER users_journal_insert;
DROP TRIGGER users_journal_update;
DROP TRIGGER users_journal_delete;
DROP TRIGGER users_journal_replace_insert;
DROP TRIGGER users_journal_replace_update;
DROP TRIGGER rooms_journal_insert;
DROP TRIGGER rooms_journal_update;
DROP TRIGGER rooms_journal_delete;
DROP TRIGGER rooms_journal_replace_insert;
DROP TRIGGER rooms_journal_replace_update;
DROP TRIGGER messages_journal_insert;
DROP TRIGGER messages_journal_update;
DROP TRIGGER messages_journal_delete;
DROP TRIGGER messages_journal_replace_insert;
DROP TRIGGER messages_journal_replace_update;
DROP TRIGGER agent_cards_journal_insert;
DROP TRIGGER agent_cards_journal_update;
DROP TRIGGER agent_cards_journal_delete;
DROP TRIGGER agent_cards_journal_replace_insert;
DROP TRIGGER agent_cards_journal_replace_update;
DROP TRIGGER agent_memberships_journal_insert;
DROP TRIGGER agent_memberships_journal_update;
DROP TRIGGER agent_memberships_journal_delete;
DROP TRIGGER agent_memberships_journal_replace_insert;
DROP TRIGGER agent_memberships_journal_replace_update;
DROP TRIGGER room_memberships_journal_insert;
DROP TRIGGER room_memberships_journal_update;
DROP TRIGGER room_memberships_journal_delete;
DROP TRIGGER room_memberships_journal_replace_insert;
DROP TRIGGER room_memberships_journal_replace_update;
DROP TRIGGER profiles_journal_insert;
DROP TRIGGER profiles_journal_update;
DROP TRIGGER profiles_journal_delete;
DROP TRIGGER profiles_journal_replace_insert;
DROP TRIGGER profiles_journal_replace_update;

DROP TABLE agent_memberships;
DROP TABLE messages;
DROP TABLE agent_cards;
DROP TABLE profiles;
DROP TABLE room_memberships;
DROP TABLE rooms;
DROP TABLE users;
