//! The chat example's migrations, and the index that answers each of the app's reads.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;
use std::time::{Duration, Instant};

use ash_rusqlite_engine::backup::integrity_check;
use ash_rusqlite_engine::migration::{migrate, read_directory, rollback, MigrateOptions};
use rusqlite::{Connection, StatementStatus};

const TABLES: [&str; 7] = [
    "agent_cards",
    "agent_memberships",
    "messages",
    "profiles",
    "room_memberships",
    "rooms",
    "users",
];

fn run(conn: &mut Connection, up: bool) -> usize {
    let dir =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/ash_chat/priv/repo/migrations");
    let files = read_directory(&dir).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    let options = MigrateOptions {
        to: Some(0),
        step: None,
        take_over: false,
    };
    if up {
        migrate(conn, &files, &MigrateOptions::default(), deadline, &mut ())
            .unwrap()
            .len()
    } else {
        rollback(conn, &files, &options, deadline, &mut ())
            .unwrap()
            .len()
    }
}

fn chat() -> Connection {
    let mut conn = Connection::open_in_memory().unwrap();
    conn.execute_batch("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;")
        .unwrap();
    run(&mut conn, true);
    conn
}

fn strings(conn: &Connection, sql: &str) -> Vec<String> {
    let mut statement = conn.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(|row| row.unwrap()).collect()
}

/// The plan with every value bound, as the engine sends it.
fn plan(conn: &Connection, sql: &str, values: &[&str]) -> String {
    let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    for (index, value) in values.iter().enumerate() {
        match value.parse::<i64>() {
            Ok(number) => statement.raw_bind_parameter(index + 1, number).unwrap(),
            Err(_) => statement.raw_bind_parameter(index + 1, value).unwrap(),
        }
    }
    let mut rows = statement.raw_query();
    let mut lines = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        lines.push(row.get::<_, String>(3).unwrap());
    }
    lines.join("; ")
}

#[test]
fn every_read_of_the_app_has_its_index() {
    let conn = chat();
    let newest = "ORDER BY created_at DESC, id DESC LIMIT 50";
    let page =
        format!("SELECT * FROM messages WHERE room_id = ? AND (created_at, id) < (?, ?) {newest}");
    let reads: &[(&str, &[&str], &str)] = &[
        (
            "SELECT * FROM messages WHERE room_id = ? ORDER BY created_at",
            &["r"],
            "messages_room_id_created_at_index (room_id=?)",
        ),
        (
            &format!("SELECT * FROM messages WHERE room_id = ? {newest}"),
            &["r"],
            "messages_room_id_created_at_index (room_id=?)",
        ),
        (&page, &["r", "2026", "m"], "messages_room_id_created_at_index (room_id=? AND (created_at,id)<(?,?))"),
        (
            "SELECT * FROM messages WHERE room_id = ? AND (created_at, id) > (?, ?) \
             ORDER BY created_at, id LIMIT 50",
            &["r", "2026", "m"],
            "messages_room_id_created_at_index (room_id=? AND (created_at,id)>(?,?))",
        ),
        ("SELECT count(*) FROM messages WHERE room_id = ?", &["r"], "messages_room_id_created_at_index"),
        ("SELECT * FROM messages WHERE user_id = ?", &["u"], "messages_user_id_index"),
        ("SELECT * FROM messages WHERE agent_card_id = ?", &["a"], "messages_agent_card_id_index"),
        ("SELECT * FROM messages WHERE profile_id = ?", &["p"], "messages_profile_id_index"),
        (
            "SELECT * FROM rooms WHERE hidden = ? ORDER BY created_at, id",
            &["0"],
            "rooms_hidden_created_at_index (hidden=?)",
        ),
        ("SELECT * FROM rooms WHERE parent_room_id = ?", &["r"], "rooms_parent_room_id_index"),
        ("SELECT * FROM users WHERE is_active = ?", &["1"], "users_is_active_index"),
        (
            "SELECT * FROM room_memberships WHERE room_id = ?",
            &["r"],
            "room_memberships_room_id",
        ),
        (
            "SELECT * FROM room_memberships WHERE room_id = ? AND is_active = ?",
            &["r", "1"],
            "room_memberships_room_id_is_active_user_id_index (room_id=? AND is_active=?)",
        ),
        (
            "SELECT * FROM room_memberships WHERE user_id = ?",
            &["u"],
            "room_memberships_user_id_is_active_index (user_id=?)",
        ),
        (
            "SELECT * FROM room_memberships WHERE user_id = ? AND is_active = ?",
            &["u", "1"],
            "room_memberships_user_id_is_active_index (user_id=? AND is_active=?)",
        ),
        (
            "SELECT * FROM room_memberships WHERE room_id = ? AND user_id = ? AND is_active = ?",
            &["r", "u", "1"],
            "room_memberships_room_id_is_active_user_id_index (room_id=? AND is_active=? AND user_id=?)",
        ),
        (
            "SELECT * FROM agent_memberships WHERE agent_card_id = ? AND is_active = ?",
            &["a", "1"],
            "agent_memberships_agent_card_id_is_active_room_id_index (agent_card_id=? AND is_active=?)",
        ),
        (
            "SELECT * FROM agent_memberships WHERE agent_card_id = ? AND room_id = ? AND is_active = ?",
            &["a", "r", "1"],
            "agent_memberships_agent_card_id_is_active_room_id_index (agent_card_id=? AND is_active=? AND room_id=?)",
        ),
        (
            "SELECT * FROM agent_memberships WHERE room_id = ?",
            &["r"],
            "agent_memberships_room_id_is_active_auto_respond_index (room_id=?)",
        ),
        (
            "SELECT * FROM agent_memberships WHERE room_id = ? AND is_active = ?",
            &["r", "1"],
            "agent_memberships_room_id_is_active_auto_respond_index (room_id=? AND is_active=?)",
        ),
        (
            "SELECT * FROM agent_memberships WHERE room_id = ? AND is_active = ? AND auto_respond = ?",
            &["r", "1", "1"],
            "(room_id=? AND is_active=? AND auto_respond=?)",
        ),
        (
            "SELECT * FROM agent_cards WHERE add_to_new_rooms = ?",
            &["1"],
            "agent_cards_add_to_new_rooms_index",
        ),
        (
            "SELECT * FROM agent_cards WHERE default_profile_id = ?",
            &["p"],
            "agent_cards_default_profile_id_index",
        ),
        ("SELECT * FROM profiles WHERE is_default = ?", &["1"], "profiles_is_default_index"),
    ];
    for (sql, values, index) in reads {
        let plan = plan(&conn, sql, values);
        assert!(
            plan.contains("USING INDEX") || plan.contains("USING COVERING INDEX"),
            "{sql}: {plan}"
        );
        assert!(plan.contains(index), "{sql}: {plan}");
        assert!(
            !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"),
            "{sql}: {plan}"
        );
    }
    for table in TABLES {
        let plan = plan(
            &conn,
            &format!("SELECT * FROM {table} WHERE id = ?"),
            &["x"],
        );
        let wanted = format!("SEARCH {table} USING INDEX sqlite_autoindex_{table}_1 (id=?)");
        assert_eq!(plan, wanted);
    }
}

#[test]
fn the_migrations_can_be_undone_and_run_again() {
    let mut conn = Connection::open_in_memory().unwrap();
    let schema =
        "SELECT sql FROM sqlite_schema WHERE sql NOTNULL AND name NOT GLOB 'ash_*' ORDER BY name";
    assert_eq!(run(&mut conn, true), 1);
    let first = strings(&conn, schema);
    assert_eq!(run(&mut conn, false), 1);
    assert_eq!(strings(&conn, schema), [""; 0]);
    assert_eq!(run(&mut conn, true), 1);
    assert_eq!(strings(&conn, schema), first);
    let tables =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'ash_*' ORDER BY 1";
    assert_eq!(strings(&conn, tables), TABLES);
}

const ROWS: &str = "
    INSERT INTO users (id, name, display_name) VALUES ('u', 'ada', 'Ada');
    INSERT INTO profiles (id, name, provider) VALUES ('p', 'local', 'ollama');
    INSERT INTO agent_cards (id, name, default_profile_id) VALUES ('a', 'helper', 'p');
    INSERT INTO rooms (id) VALUES ('r');
    INSERT INTO rooms (id, parent_room_id) VALUES ('child', 'r');
    INSERT INTO messages (id, content, room_id, user_id, agent_card_id, profile_id)
      VALUES ('m', 'hello', 'r', 'u', 'a', 'p');
    INSERT INTO room_memberships (id, room_id, user_id) VALUES ('rm', 'r', 'u');
    INSERT INTO agent_memberships (id, room_id, agent_card_id) VALUES ('am', 'r', 'a');
";

#[test]
fn the_app_s_defaults_are_the_tables_defaults() {
    let conn = chat();
    conn.execute_batch(ROWS).unwrap();
    for (sql, wanted) in [
        (
            "SELECT title || hidden FROM rooms WHERE id = 'r'",
            "New Room0",
        ),
        (
            "SELECT role || message_type || metadata FROM messages",
            "usertext{}",
        ),
        ("SELECT preferences || is_active FROM users", "{}1"),
        (
            "SELECT model_preferences || available_tools || context_settings || is_default \
             || add_to_new_rooms FROM agent_cards",
            "{}[]{}00",
        ),
        (
            "SELECT role || is_active || auto_respond FROM agent_memberships",
            "participant11",
        ),
        ("SELECT role || is_active FROM room_memberships", "member1"),
        ("SELECT CAST(is_default AS TEXT) FROM profiles", "0"),
    ] {
        assert_eq!(strings(&conn, sql), [wanted]);
    }
    for table in TABLES {
        for at in strings(&conn, &format!("SELECT created_at FROM {table}")) {
            assert!(at.len() == 27 && at.ends_with("000Z"), "{at}");
        }
    }
}

#[test]
fn constraints_refuse_what_the_app_refuses() {
    let conn = chat();
    conn.execute_batch(ROWS).unwrap();
    for (sql, wanted) in [
        (
            "INSERT INTO users (id, name) VALUES ('x', 'y')",
            "users.display_name",
        ),
        ("UPDATE messages SET role = 'robot'", "messages_role"),
        (
            "UPDATE messages SET message_type = 'smell'",
            "messages_message_type",
        ),
        ("UPDATE messages SET content = NULL", "messages.content"),
        ("UPDATE messages SET room_id = 'nowhere'", "FOREIGN KEY"),
        ("UPDATE profiles SET provider = 'x'", "profiles_provider"),
        (
            "UPDATE room_memberships SET role = 'x'",
            "room_memberships_role",
        ),
        (
            "UPDATE agent_memberships SET role = 'x'",
            "agent_memberships_role",
        ),
        (
            "INSERT INTO room_memberships (id, room_id, user_id) VALUES ('x', 'r', 'u')",
            "room_memberships.room_id, room_memberships.user_id",
        ),
        (
            "INSERT INTO agent_memberships (id, room_id, agent_card_id) VALUES ('x', 'r', 'a')",
            "agent_memberships.agent_card_id, agent_memberships.room_id",
        ),
    ] {
        let error = conn.execute(sql, []).unwrap_err().to_string();
        assert!(error.contains(wanted), "{sql}: {error}");
    }
}

#[test]
fn a_user_who_has_left_may_come_back() {
    let conn = chat();
    conn.execute_batch(ROWS).unwrap();
    for (leave, come, again) in [
        (
            "UPDATE room_memberships SET is_active = 0",
            "INSERT INTO room_memberships (id, room_id, user_id) VALUES ('rm2', 'r', 'u')",
            "UPDATE room_memberships SET is_active = 1",
        ),
        (
            "UPDATE agent_memberships SET is_active = 0",
            "INSERT INTO agent_memberships (id, room_id, agent_card_id) VALUES ('am2', 'r', 'a')",
            "UPDATE agent_memberships SET is_active = 1",
        ),
    ] {
        assert_eq!(conn.execute(leave, []), Ok(1));
        assert_eq!(conn.execute(come, []), Ok(1));
        let error = conn.execute(again, []).unwrap_err().to_string();
        assert!(error.contains("UNIQUE"), "{again}: {error}");
    }
}

#[test]
fn deleting_keeps_what_was_said_and_takes_what_belongs_along() {
    for (delete, left) in [
        (
            "users",
            "messages 1, room_memberships 0, agent_memberships 1, rooms 2",
        ),
        (
            "agent_cards",
            "messages 1, room_memberships 1, agent_memberships 0, rooms 2",
        ),
        (
            "profiles",
            "messages 1, room_memberships 1, agent_memberships 1, rooms 2",
        ),
        (
            "rooms",
            "messages 0, room_memberships 0, agent_memberships 0, rooms 1",
        ),
    ] {
        let conn = chat();
        conn.execute_batch(ROWS).unwrap();
        let mut statement = conn
            .prepare(&format!(
                "DELETE FROM {delete} WHERE id IN ('u', 'a', 'p', 'r')"
            ))
            .unwrap();
        statement.execute([]).unwrap();
        let scanned = statement.get_status(StatementStatus::FullscanStep);
        assert_eq!(
            scanned, 0,
            "deleting from {delete} scans a table that refers to it"
        );
        let counts =
            "SELECT format('messages %d, room_memberships %d, agent_memberships %d, rooms %d',
            (SELECT count(*) FROM messages), (SELECT count(*) FROM room_memberships),
            (SELECT count(*) FROM agent_memberships), (SELECT count(*) FROM rooms))";
        assert_eq!(strings(&conn, counts), [left], "{delete}");
        assert_eq!(integrity_check(&conn, false, 10).unwrap(), [""; 0]);
    }
}
