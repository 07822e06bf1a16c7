//! Promise P6: every row change of a journaled table is an event in the same commit, whatever
//! statement made it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use ash_rusqlite_engine::catalog::{EventOn, JournalEvent, JournalSpec, Subject};
use ash_rusqlite_engine::journal;
use rusqlite::Connection;

/// A chat's messages and rooms, both journaled.
fn chat() -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch(
        "PRAGMA foreign_keys = ON;
         CREATE TABLE rooms (id TEXT PRIMARY KEY NOT NULL, title TEXT, hidden BOOLEAN_INT);
         CREATE TABLE messages (id TEXT PRIMARY KEY NOT NULL,
           room_id TEXT REFERENCES rooms (id) ON DELETE CASCADE, user_id TEXT, content TEXT,
           slug TEXT, score REAL, image BLOB, extra, seen_at TEXT);
         CREATE UNIQUE INDEX messages_slug ON messages (slug);",
    )
    .unwrap();
    let message = JournalSpec {
        event_type: "chat.message".into(),
        source: Some(Subject("room".into(), "room_id".into())),
        actor: Some(Subject("user".into(), "user_id".into())),
        skip: vec!["seen_at".into()],
        ..JournalSpec::default()
    };
    let room = JournalSpec {
        event_type: "chat.room".into(),
        source: Some(Subject("room".into(), "id".into())),
        events: vec![JournalEvent {
            event_type: "chat.room.hidden".into(),
            on: EventOn::Update,
            condition: Some("NEW.hidden AND NOT OLD.hidden".into()),
        }],
        ..JournalSpec::default()
    };
    journal::enable(&conn, "messages", &message).unwrap();
    journal::enable(&conn, "rooms", &room).unwrap();
    conn
}

/// The events as lines: type, source and position, actor, key.
fn events(conn: &Connection) -> Vec<String> {
    let sql = "SELECT type || ' ' || coalesce(source || '#' || position, '-') || ' ' || \
               coalesce(actor, '-') || ' ' || key FROM ash_rusqlite_journal ORDER BY seq";
    let mut stmt = conn.prepare(sql).unwrap();
    let rows = stmt.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

fn run(conn: &Connection, sql: &str) {
    conn.execute_batch(sql).unwrap();
}

#[test]
fn each_kind_of_change_is_one_event() {
    let conn = chat();
    run(&conn, "INSERT INTO rooms VALUES ('r', 'Lobby', 0)");
    run(
        &conn,
        "INSERT INTO messages (id, room_id, user_id, content) VALUES ('a', 'r', 'u', 'hi'), ('b', 'r', NULL, 'ho')",
    );
    run(
        &conn,
        "UPDATE messages SET content = 'hello' WHERE id = 'a'",
    );
    run(
        &conn,
        "UPDATE messages SET content = content, seen_at = 'now'",
    );
    run(&conn, "UPDATE rooms SET hidden = 1");
    run(&conn, "DELETE FROM rooms");
    assert_eq!(
        events(&conn),
        [
            "chat.room.created room:r#1 - r",
            "chat.message.created room:r#2 user:u a",
            "chat.message.created room:r#3 - b",
            "chat.message.updated room:r#4 user:u a",
            "chat.room.hidden room:r#5 - r",
            "chat.message.deleted room:r#6 user:u a",
            "chat.message.deleted room:r#7 - b",
            "chat.room.deleted room:r#8 - r",
        ]
    );
    let seqs: (i64, i64) = conn
        .query_row(
            "SELECT max(seq), count(*) FROM ash_rusqlite_events",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!(seqs, (8, 8));
}

#[test]
fn what_replace_removes_is_deleted_with_an_event_of_each_row() {
    for recursive in ["ON", "OFF"] {
        let conn = chat();
        run(&conn, &format!("PRAGMA recursive_triggers = {recursive}"));
        run(&conn, "INSERT INTO rooms VALUES ('r', 'Lobby', 0)");
        run(
            &conn,
            "INSERT INTO messages (id, room_id, slug) VALUES ('a', 'r', 's'), ('b', 'r', 't'), ('c', 'r', 'x')",
        );
        // Its own key and that of another row.
        run(
            &conn,
            "REPLACE INTO messages (id, room_id, slug) VALUES ('a', 'r', 't')",
        );
        run(
            &conn,
            "UPDATE OR REPLACE messages SET slug = 't' WHERE id = 'c'",
        );
        run(
            &conn,
            "INSERT OR IGNORE INTO messages (id, room_id) VALUES ('c', 'r')",
        );
        run(&conn, "DELETE FROM messages");
        run(
            &conn,
            "INSERT INTO messages (id, room_id) VALUES ('c', 'r')",
        );
        let all = events(&conn);
        let mut replaced = all[4..6].to_vec();
        replaced.sort();
        let kinds = |all: &[String]| -> Vec<String> {
            let without = |line: &String| {
                line.split('#').next().unwrap().to_owned() + &line[line.len() - 2..]
            };
            all.iter().map(without).collect()
        };
        let mut two = kinds(&replaced);
        two.sort();
        assert_eq!(
            two,
            [
                "chat.message.deleted room:r a",
                "chat.message.deleted room:r b"
            ],
            "{recursive} {all:?}"
        );
        assert_eq!(
            kinds(&all[6..]),
            [
                "chat.message.created room:r a",
                "chat.message.deleted room:r a",
                "chat.message.updated room:r c",
                "chat.message.deleted room:r c",
                "chat.message.created room:r c",
            ],
            "{recursive} {all:?}"
        );
    }
}

#[test]
fn values_are_in_events_exactly() {
    let conn = chat();
    run(
        &conn,
        "INSERT INTO messages (id, content, score, image, extra) VALUES \
         ('a', 'q\"\\ü' || char(0) || char(10), 0.1, x'00ff', 1), ('b', NULL, 9e999, NULL, 1.0), ('c', '', -1e-7, x'', x'01')",
    );
    run(&conn, "UPDATE messages SET extra = 1.0 WHERE id = 'a'");
    let mut stmt = conn
        .prepare("SELECT data FROM ash_rusqlite_events ORDER BY seq")
        .unwrap();
    let all: Vec<String> = stmt
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(
        all[0],
        r#"{"id":"a","room_id":null,"user_id":null,"content":"q\"\\ü\u0000\n","slug":null,"score":0.1,"image":{"blob":"00FF"},"extra":1,"seen_at":null}"#
    );
    assert!(
        all[1].contains(r#""score":9.0e+999,"image":null,"extra":1.0"#),
        "{}",
        all[1]
    );
    assert!(
        all[2].contains(
            r#""content":"","slug":null,"score":-1.0e-07,"image":{"blob":""},"extra":{"blob":"01"}"#
        ),
        "{}",
        all[2]
    );
    assert_eq!(all[3], r#"{"extra":1.0}"#);
}

#[test]
fn a_row_that_was_found_and_left_alone_is_not_replaced_later() {
    let conn = chat();
    run(
        &conn,
        "INSERT INTO messages (id, slug) VALUES ('a', 's'), ('b', 't')",
    );
    run(
        &conn,
        "INSERT OR IGNORE INTO messages (id, slug) VALUES ('c', 's')",
    );
    run(&conn, "UPDATE messages SET id = 'd' WHERE id = 'a'");
    run(
        &conn,
        "INSERT INTO messages (id, slug) VALUES ('e', 't') ON CONFLICT (slug) DO UPDATE SET id = 'f'",
    );
    assert_eq!(
        events(&conn),
        [
            "chat.message.created - - a",
            "chat.message.created - - b",
            "chat.message.updated - - d",
            "chat.message.updated - - f",
        ]
    );
}

#[test]
fn an_update_that_replaces_the_row_of_its_new_key_deletes_it_first() {
    let conn = chat();
    run(
        &conn,
        "INSERT INTO rooms (id) VALUES ('r'), ('s'); INSERT INTO messages (id) VALUES ('a'), ('b')",
    );
    run(
        &conn,
        "UPDATE OR REPLACE rooms SET id = 's' WHERE id = 'r'; UPDATE OR REPLACE messages SET id = 'a' WHERE id = 'b'",
    );
    assert_eq!(
        events(&conn)[4..],
        [
            "chat.room.deleted room:s#2 - s",
            "chat.room.updated room:s#3 - s",
            "chat.message.deleted - - a",
            "chat.message.updated - - a",
        ]
    );
}
