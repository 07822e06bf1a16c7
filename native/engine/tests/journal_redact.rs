//! Redaction: nothing of the content is left, in no byte of any file, and what stays still holds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod host;
    pub mod journal;
}

use std::path::Path;

use ash_rusqlite_engine::catalog::{JournalSpec, Subject};
use ash_rusqlite_engine::journal;
use ash_rusqlite_engine::journal::{Redacted, Redaction};
use ash_rusqlite_engine::query::ir::{CompareOp, KeyValue, Scalar};
use ash_rusqlite_engine::{
    Code, Database, Error, Maintenance, Outcome, RedactRequest, RedactedRows, Value,
};
use rusqlite::Connection;
use serde_json::{json, Value as Json};
use support::host::*;
use support::journal::*;
use tempfile::TempDir;

const CANARY: &str = "xylophonecanary";

/// Messages with a full-text index, journaled from the start.
struct Chat {
    folder: TempDir,
    conn: Connection,
    database: Option<Database>,
}

impl Chat {
    fn new() -> Chat {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.db");
        let conn = Connection::open(&path).unwrap();
        run(
            &conn,
            "PRAGMA journal_mode = WAL;
             CREATE TABLE messages (id TEXT PRIMARY KEY NOT NULL, room_id TEXT, user_id TEXT,
               content TEXT NOT NULL, metadata JSON_TEXT, api_key TEXT);
             CREATE INDEX messages_content ON messages (content);
             CREATE VIRTUAL TABLE found USING fts5 (content, content = 'messages');
             CREATE VIRTUAL TABLE also USING fts4 (content);
             CREATE TRIGGER found_insert AFTER INSERT ON messages BEGIN
               INSERT INTO found (rowid, content) VALUES (NEW.rowid, NEW.content);
               INSERT INTO also (rowid, content) VALUES (NEW.rowid, NEW.content); END;
             CREATE TRIGGER found_delete AFTER DELETE ON messages BEGIN
               INSERT INTO found (found, rowid, content) VALUES ('delete', OLD.rowid, OLD.content);
               DELETE FROM also WHERE rowid = OLD.rowid; END;
             CREATE TRIGGER found_update AFTER UPDATE ON messages BEGIN
               INSERT INTO found (found, rowid, content) VALUES ('delete', OLD.rowid, OLD.content);
               INSERT INTO found (rowid, content) VALUES (NEW.rowid, NEW.content);
               UPDATE also SET content = NEW.content WHERE rowid = NEW.rowid; END;",
        );
        let spec = JournalSpec {
            sensitive: vec!["api_key".into()],
            ..message_spec()
        };
        enable(&conn, "messages", &spec);
        let options = json!({"synchronous": "off"});
        let database = Some(open(config(path.to_str().unwrap(), options)).unwrap());
        Chat {
            folder,
            conn,
            database,
        }
    }

    fn sql(&self, sql: &str) {
        run(&self.conn, sql);
    }

    /// A message that was edited, between others.
    fn with_content(self) -> Chat {
        for n in 0..200 {
            self.sql(&format!(
                "INSERT INTO messages (id, room_id, user_id, content) VALUES ('m{n}', 'r', 'u', 'hello {n}')"
            ));
        }
        self.sql(&format!(
            "INSERT INTO messages VALUES ('secret', 'r', 'u', '{CANARY} one', '{{\"a\":\"{CANARY}\"}}', '{CANARY}');
             UPDATE messages SET content = '{CANARY} two' WHERE id = 'secret';
             UPDATE messages SET id = 'moved', content = 'three {CANARY}' WHERE id = 'secret';
             UPDATE messages SET id = 'again' WHERE id = 'moved';
             DELETE FROM messages WHERE id = 'm7';
             INSERT INTO messages (id, room_id, content) VALUES ('moved', 'r', 'of another row');
             ANALYZE;"
        ));
        self
    }

    fn redact(&self, redaction: Redaction, rows: RedactedRows) -> Result<Redacted, Error> {
        let request = RedactRequest {
            redaction: Redaction {
                table: "messages".into(),
                actor: Some("user:boss".into()),
                reason: Some("asked for".into()),
                ..redaction
            },
            rows,
            vacuum: true,
        };
        let database = self.database.as_ref().unwrap();
        let answer = maintain(database, Maintenance::Redact(Box::new(request)));
        match answer.result? {
            Outcome::Redacted { redacted, scrubbed } => {
                assert!(scrubbed);
                assert_eq!(answer.progress.last().unwrap().done, 4);
                Ok(redacted)
            }
            other => panic!("{other:?}"),
        }
    }

    fn events(&self, condition: &str) -> Vec<Json> {
        let sql = format!(
            "SELECT json_object('type', type, 'key', key, 'data', json(data), 'old', json(old), \
             'actor', actor, 'source', source, 'action', action) \
             FROM ash_rusqlite_journal WHERE {condition} ORDER BY seq"
        );
        let all = texts(&self.conn, &sql).into_iter();
        all.map(|text| serde_json::from_str(&text).unwrap())
            .collect()
    }

    /// The files that have the canary, also those of a new backup.
    fn found(&self) -> Vec<String> {
        let backup = self.folder.path().join("backup.db");
        let work = Maintenance::Backup {
            path: backup,
            overwrite: true,
        };
        maintain(self.database.as_ref().unwrap(), work)
            .result
            .unwrap();
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            if has(&bytes) {
                found.push(name(&path));
            }
        }
        found.sort();
        found
    }

    fn holds(&self) {
        while journal::seal(&self.conn).unwrap() > 0 {}
        let report = journal::verify_chain(&self.conn, &mut ()).unwrap();
        assert_eq!(report.problems, []);
        self.sql("INSERT INTO found (found) VALUES ('integrity-check')");
        let check: String = self
            .conn
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(check, "ok");
        let gaps =
            "SELECT count(*) - max(position) FROM ash_rusqlite_journal WHERE source = 'room:r'";
        assert_eq!(number(&self.conn, gaps), 0);
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        if let Some(database) = self.database.take() {
            close(database);
        }
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// In UTF-8, in UTF-16, or in hexadecimal digits.
fn has(bytes: &[u8]) -> bool {
    let lower = bytes.to_ascii_lowercase();
    let wide: Vec<u8> = CANARY.bytes().flat_map(|byte| [byte, 0]).collect();
    let digits: String = CANARY.bytes().map(|byte| format!("{byte:02x}")).collect();
    [CANARY.as_bytes(), &wide, digits.as_bytes()]
        .iter()
        .any(|needle| lower.windows(needle.len()).any(|window| window == *needle))
}

fn key(key: &str) -> RedactedRows {
    RedactedRows::Key(KeyValue::Single(text(key)))
}

#[test]
fn nothing_of_a_redacted_row_is_left_in_any_byte_of_the_files() {
    let chat = Chat::new().with_content();
    while journal::seal(&chat.conn).unwrap() > 0 {}
    assert!(chat.found().contains(&"chat.db-wal".to_owned()));
    let redacted = chat.redact(Redaction::default(), key("again")).unwrap();
    // Its content, metadata and key at first, and the content before and after two updates; the
    // update by the redaction itself has the content, the metadata and the key before.
    assert_eq!(
        (redacted.rows, redacted.events, redacted.values),
        (1, 4, 10)
    );
    assert_eq!(chat.found(), Vec::<String>::new());
    chat.holds();
    let row = texts(
        &chat.conn,
        "SELECT json_array(room_id, user_id, content, metadata, api_key) FROM messages WHERE id = 'again'",
    );
    assert_eq!(row, [r#"["r","u","",null,null]"#]);
    let match_of = |word: &str| format!("SELECT count(*) FROM found WHERE found MATCH '{word}'");
    assert_eq!(number(&chat.conn, &match_of(CANARY)), 0);
    assert_eq!(number(&chat.conn, &match_of("another")), 1);
    let (rows, events) = (
        table(&chat.conn, "messages", &["id"]),
        replayed(&chat.conn, "messages", &["id"]),
    );
    assert_eq!(events, rows);
}

#[test]
fn an_event_says_who_redacted_what_and_why() {
    let chat = Chat::new().with_content();
    chat.redact(Redaction::default(), key("again")).unwrap();
    let events = chat.events("operation = 'redact'");
    let [event] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(event["type"], "chat.message.redacted");
    assert_eq!(
        (&event["key"], &event["source"]),
        (&json!("again"), &json!("room:r"))
    );
    assert_eq!(
        (&event["actor"], &event["action"]),
        (&json!("user:boss"), &json!("redact"))
    );
    assert_eq!(
        event["data"]["columns"],
        json!(["content", "metadata", "api_key"])
    );
    assert_eq!(event["data"]["reason"], "asked for");
    assert_eq!(event["data"]["events"].as_object().unwrap().len(), 4);
    let first = &chat.events("key = 'secret'")[0];
    assert_eq!(
        first["data"],
        json!({"id": "secret", "room_id": "r", "user_id": "u", "content": {"redacted": true},
               "metadata": {"redacted": true}, "api_key": {"redacted": true}})
    );
    // The events of the row that has a former key now are its own.
    let other = chat.events("key = 'moved' AND operation = 'insert'");
    assert_eq!(other[0]["data"]["content"], "of another row");
}

#[test]
fn what_is_redacted_already_counts_as_nothing_and_writes_nothing() {
    let chat = Chat::new().with_content();
    chat.redact(Redaction::default(), key("again")).unwrap();
    let before = number(&chat.conn, "SELECT max(seq) FROM ash_rusqlite_events");
    let again = chat.redact(Redaction::default(), key("again")).unwrap();
    assert_eq!(again, Redacted::default());
    let after = number(&chat.conn, "SELECT max(seq) FROM ash_rusqlite_events");
    assert_eq!(before, after);
}

#[test]
fn rows_that_a_statement_found_and_left_alone_are_not_deleted_in_the_events_of_a_redaction() {
    let chat = Chat::new().with_content();
    // It notes the row that it might have replaced.
    chat.sql("INSERT OR IGNORE INTO messages (id, content) VALUES ('m1', 'other')");
    let noted = "SELECT count(*) FROM ash_rusqlite_replaced";
    assert_eq!(number(&chat.conn, noted), 1);
    chat.redact(Redaction::default(), key("again")).unwrap();
    assert_eq!(chat.found(), [""; 0]);
    assert_eq!(number(&chat.conn, noted), 0);
    assert_eq!(chat.events("key = 'm1' AND operation = 'delete'"), [""; 0]);
    let path = chat.folder.path().join("chat.db");
    let verified = journal::verify(&Connection::open(path).unwrap(), 5, &mut ()).unwrap();
    assert!(verified.is_ok(), "{verified:?}");
}

#[test]
fn some_columns_can_be_redacted_and_others_later() {
    let chat = Chat::new().with_content();
    let columns = |name: &str| Redaction {
        columns: Some(vec![name.into()]),
        ..Redaction::default()
    };
    let first = chat.redact(columns("content"), key("again")).unwrap();
    assert_eq!((first.rows, first.values), (1, 6));
    chat.holds();
    let kept = texts(
        &chat.conn,
        "SELECT metadata FROM messages WHERE id = 'again'",
    );
    assert!(kept[0].contains(CANARY));
    chat.redact(columns("metadata"), key("secret")).unwrap();
    chat.holds();
    chat.redact(columns("api_key"), key("again")).unwrap();
    chat.holds();
    assert_eq!(chat.found(), Vec::<String>::new());
}

#[test]
fn a_deleted_row_is_redacted_and_a_row_can_be_deleted_with_its_content() {
    let chat = Chat::new().with_content();
    chat.sql("DELETE FROM messages WHERE id = 'again'");
    let redacted = chat.redact(Redaction::default(), key("again")).unwrap();
    assert_eq!((redacted.rows, redacted.events), (0, 4));
    assert_eq!(chat.found(), Vec::<String>::new());
    chat.holds();
    let chat = Chat::new().with_content();
    let delete = Redaction {
        delete: true,
        ..Redaction::default()
    };
    let redacted = chat.redact(delete, key("again")).unwrap();
    assert_eq!((redacted.rows, redacted.events), (1, 4));
    assert_eq!(
        number(
            &chat.conn,
            "SELECT count(*) FROM messages WHERE id = 'again'"
        ),
        0
    );
    assert_eq!(chat.found(), Vec::<String>::new());
    chat.holds();
}

#[test]
fn of_a_key_that_two_rows_had_the_last_one_is_redacted() {
    let chat = Chat::new().with_content();
    // The row that is `again` now has left this key; another one had it after that.
    chat.sql("DELETE FROM messages WHERE id = 'moved'");
    let redacted = chat.redact(Redaction::default(), key("moved")).unwrap();
    assert_eq!((redacted.rows, redacted.events), (0, 2));
    let kept = texts(
        &chat.conn,
        "SELECT content FROM messages WHERE id = 'again'",
    );
    assert!(kept[0].contains(CANARY));
    // Its first key was nobody else's.
    let redacted = chat.redact(Redaction::default(), key("secret")).unwrap();
    assert_eq!((redacted.rows, redacted.events), (1, 4));
    assert_eq!(chat.found(), Vec::<String>::new());
    chat.holds();
}

#[test]
fn the_rows_of_a_condition_are_redacted() {
    let chat = Chat::new().with_content();
    let filter = Scalar::compare("user_id", CompareOp::Eq, text("u"));
    let redacted = chat
        .redact(Redaction::default(), RedactedRows::Where(Some(filter)))
        .unwrap();
    assert_eq!(redacted.rows, 200);
    assert_eq!(chat.found(), Vec::<String>::new());
    assert_eq!(chat.events("operation = 'redact'").len(), 200);
    chat.holds();
    let rest = texts(
        &chat.conn,
        "SELECT content FROM messages WHERE content <> ''",
    );
    assert_eq!(rest, ["of another row"]);
}

#[test]
fn an_event_that_was_redacted_by_hand_is_found_by_the_chain() {
    let chat = Chat::new().with_content();
    chat.redact(Redaction::default(), key("again")).unwrap();
    while journal::seal(&chat.conn).unwrap() > 0 {}
    let changes = [
        // One that no redaction names, with the digest that it had.
        "UPDATE ash_rusqlite_events SET digest = randomblob(32), data = '{}' WHERE key = 'm3'",
        // And what a redaction left.
        "UPDATE ash_rusqlite_events SET data = json_set(data, '$.user_id', 'x') WHERE key = 'secret'",
    ];
    for change in changes {
        chat.sql("BEGIN");
        chat.sql(change);
        let report = journal::verify_chain(&chat.conn, &mut ()).unwrap();
        assert!(!report.problems.is_empty(), "{change}");
        chat.sql("ROLLBACK");
    }
}

#[test]
fn what_cannot_be_redacted_is_a_typed_error_and_changes_nothing() {
    let chat = Chat::new().with_content();
    chat.sql("CREATE TABLE plain (id TEXT PRIMARY KEY, content TEXT)");
    let before = number(&chat.conn, "SELECT max(seq) FROM ash_rusqlite_events");
    let refused = |redaction: Redaction, rows: RedactedRows| {
        let request = RedactRequest {
            redaction,
            rows,
            vacuum: false,
        };
        let database = chat.database.as_ref().unwrap();
        let answer = maintain(database, Maintenance::Redact(Box::new(request)));
        answer.result.unwrap_err().code()
    };
    let of = |table: &str, columns: Option<&str>| Redaction {
        table: table.into(),
        columns: columns.map(|column| vec![column.into()]),
        ..Redaction::default()
    };
    assert_eq!(refused(of("messages", None), key("nobody")), Code::NotFound);
    assert_eq!(
        refused(of("messages", Some("id")), key("again")),
        Code::InvalidOption
    );
    assert_eq!(
        refused(of("messages", Some("x")), key("again")),
        Code::UnknownColumn
    );
    assert_eq!(refused(of("plain", None), key("again")), Code::NotJournaled);
    assert_eq!(
        refused(of("nowhere", None), key("again")),
        Code::UnknownTable
    );
    let two = RedactedRows::Key(KeyValue::Columns(vec![
        ("id".into(), text("a")),
        ("room_id".into(), Value::Null),
    ]));
    assert_eq!(refused(of("messages", None), two), Code::InvalidQuery);
    let after = number(&chat.conn, "SELECT max(seq) FROM ash_rusqlite_events");
    assert_eq!(before, after);
}

#[test]
fn a_row_with_a_key_of_several_columns_is_redacted_under_all_keys_that_it_had() {
    let conn = Connection::open_in_memory().unwrap();
    run(
        &conn,
        "CREATE TABLE seats (room TEXT, number INTEGER, name TEXT, PRIMARY KEY (room, number))",
    );
    let spec = JournalSpec {
        event_type: "chat.seat".into(),
        source: Some(Subject("room".into(), "room".into())),
        ..JournalSpec::default()
    };
    enable(&conn, "seats", &spec);
    run(
        &conn,
        "INSERT INTO seats VALUES ('a', 1, 'canary'), ('a', 2, 'other');
         UPDATE seats SET number = 5 WHERE name = 'canary';
         UPDATE seats SET room = 'b' WHERE name = 'canary';",
    );
    let redaction = Redaction {
        table: "seats".into(),
        ..Redaction::default()
    };
    let keys = [rusqlite::types::Value::Text("[\"b\",5]".into())];
    let redacted = journal::redact(&conn, &redaction, &keys).unwrap();
    assert_eq!((redacted.rows, redacted.events, redacted.values), (1, 2, 2));
    let left =
        "SELECT count(*) FROM ash_rusqlite_events WHERE data || coalesce(old, '') LIKE '%canary%'";
    assert_eq!(number(&conn, left), 0);
    assert_eq!(
        number(&conn, "SELECT count(*) FROM seats WHERE name = 'other'"),
        1
    );
}
