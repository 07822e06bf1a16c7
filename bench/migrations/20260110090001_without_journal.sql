-- The chat without its journal, as most figures measure it.

-- up
DROP TRIGGER IF EXISTS rooms_journal_insert;
DROP TRIGGER IF EXISTS rooms_journal_update;
DROP TRIGGER IF EXISTS rooms_journal_delete;
DROP TRIGGER IF EXISTS rooms_journal_replace_insert;
DROP TRIGGER IF EXISTS rooms_journal_replace_update;
DROP TRIGGER IF EXISTS users_journal_insert;
DROP TRIGGER IF EXISTS users_journal_update;
DROP TRIGGER IF EXISTS users_journal_delete;
DROP TRIGGER IF EXISTS users_journal_replace_insert;
DROP TRIGGER IF EXISTS users_journal_replace_update;
DROP TRIGGER IF EXISTS messages_journal_insert;
DROP TRIGGER IF EXISTS messages_journal_update;
DROP TRIGGER IF EXISTS messages_journal_delete;
DROP TRIGGER IF EXISTS messages_journal_replace_insert;
DROP TRIGGER IF EXISTS messages_journal_replace_update;
DROP TRIGGER IF EXISTS agent_cards_journal_insert;
DROP TRIGGER IF EXISTS agent_cards_journal_update;
DROP TRIGGER IF EXISTS agent_cards_journal_delete;
DROP TRIGGER IF EXISTS agent_cards_journal_replace_insert;
DROP TRIGGER IF EXISTS agent_cards_journal_replace_update;
DROP TRIGGER IF EXISTS agent_memberships_journal_insert;
DROP TRIGGER IF EXISTS agent_memberships_journal_update;
DROP TRIGGER IF EXISTS agent_memberships_journal_delete;
DROP TRIGGER IF EXISTS agent_memberships_journal_replace_insert;
DROP TRIGGER IF EXISTS agent_memberships_journal_replace_update;
DROP TRIGGER IF EXISTS room_memberships_journal_insert;
DROP TRIGGER IF EXISTS room_memberships_journal_update;
DROP TRIGGER IF EXISTS room_memberships_journal_delete;
DROP TRIGGER IF EXISTS room_memberships_journal_replace_insert;
DROP TRIGGER IF EXISTS room_memberships_journal_replace_update;
DROP TRIGGER IF EXISTS profiles_journal_insert;
DROP TRIGGER IF EXISTS profiles_journal_update;
DROP TRIGGER IF EXISTS profiles_journal_delete;
DROP TRIGGER IF EXISTS profiles_journal_replace_insert;
DROP TRIGGER IF EXISTS profiles_journal_replace_update;
