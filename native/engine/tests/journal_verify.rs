//! Promise P6: what went around the journal is found.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "fixtures/journal.rs"]
mod fixture;

use std::path::Path;

use ash_rusqlite_engine::catalog::JournalSpec;
use ash_rusqlite_engine::journal;
use ash_rusqlite_engine::journal::{Redaction, Retaining, Retention, RowDifference};
use ash_rusqlite_engine::service::progress::{Progress, ProgressSink};
use ash_rusqlite_engine::Code;
use fixture::{chat, open, run, spec, verify};
use rusqlite::types::Value;
use rusqlite::Connection;

fn filled(dir: &Path) -> (std::path::PathBuf, Connection) {
    let (path, conn) = chat(dir);
    run(
        &conn,
        "INSERT INTO rooms VALUES ('r', 'Lobby'), ('s', 'Attic');
         INSERT INTO messages (id, room_id, content) VALUES (1, 'r', 'hi'), (2, 'r', 'ho'), (3, 's', 'he');
         INSERT INTO members VALUES ('r', 1, 'owner'), ('s', 1, NULL);
         UPDATE messages SET content = 'hello' WHERE id = 1;
         DELETE FROM messages WHERE id = 2;",
    );
    (path, conn)
}

fn difference(
    table: &str,
    key: &str,
    column: Option<&str>,
    event: Option<&str>,
    row: Option<&str>,
) -> RowDifference {
    RowDifference {
        table: table.into(),
        key: key.into(),
        column: column.map(str::to_owned),
        event: event.map(str::to_owned),
        row: row.map(str::to_owned),
    }
}

/// Runs SQL with the triggers of a table away.
fn around(conn: &Connection, table: &str, sql: &str) {
    let mut stmt = conn
        .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1")
        .unwrap();
    let triggers: Vec<(String, String)> = stmt
        .query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(!triggers.is_empty());
    for (name, _) in &triggers {
        run(conn, &format!("DROP TRIGGER {name}"));
    }
    run(conn, sql);
    for (_, sql) in &triggers {
        run(conn, sql);
    }
}

#[test]
fn a_journal_that_agrees_has_no_problem() {
    let dir = tempfile::tempdir().unwrap();
    let (path, _conn) = filled(dir.path());
    let verified = verify(&path);
    assert!(verified.is_ok(), "{verified:?}");
    assert_eq!((verified.events, verified.rows), (9, 6));
    assert_eq!(verified.tables, ["members", "messages", "rooms"]);
}

#[test]
fn rows_written_without_the_triggers_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = filled(dir.path());
    around(
        &conn,
        "messages",
        "UPDATE messages SET content = x'00', score = 0.5 WHERE id = 1; DELETE FROM messages WHERE id = 3;
         INSERT INTO messages (id, content) VALUES (9, 'new')",
    );
    around(
        &conn,
        "members",
        "UPDATE members SET role = '' WHERE room_id = 's'",
    );
    let verified = verify(&path);
    assert_eq!(
        verified.differences,
        [
            difference(
                "members",
                r#"["s",1]"#,
                Some("role"),
                Some("null"),
                Some(r#""""#)
            ),
            difference(
                "messages",
                "1",
                Some("content"),
                Some(r#""hello""#),
                Some(r#"{"blob":"00"}"#)
            ),
            difference("messages", "1", Some("score"), Some("null"), Some("0.5")),
            difference("messages", "9", None, None, Some("a row")),
            difference("messages", "3", None, Some("a row"), None),
        ]
    );
    assert_eq!(verified.problems, [""; 0]);
    assert!(!verified.is_ok());
    let reader = Connection::open(&path).unwrap();
    assert_eq!(
        journal::verify(&reader, 2, &mut ())
            .unwrap()
            .differences
            .len(),
        2
    );
}

#[test]
fn an_event_that_was_changed_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = filled(dir.path());
    run(
        &conn,
        "UPDATE ash_rusqlite_events SET data = replace(data, 'hello', 'hallo') WHERE seq = 8",
    );
    let found = verify(&path).differences;
    assert_eq!(
        found,
        [difference(
            "messages",
            "1",
            Some("content"),
            Some(r#""hallo""#),
            Some(r#""hello""#)
        )]
    );
    run(
        &conn,
        "UPDATE ash_rusqlite_events SET data = 'x' WHERE seq = 8",
    );
    assert_eq!(
        verify(&path).problems,
        [r#"the event 8 of "messages" cannot be replayed: it is no JSON of a row"#]
    );
}

#[test]
fn an_event_that_was_deleted_is_found() {
    for (seq, problems) in [
        (
            2,
            &[
                "the event 2 is missing",
                "the event 5 has position 2 of its source, where 1 follows",
            ][..],
        ),
        (
            9,
            &["the source room:r is at position 6, its last event at 5"][..],
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (path, conn) = filled(dir.path());
        run(
            &conn,
            &format!("DELETE FROM ash_rusqlite_events WHERE seq = {seq}"),
        );
        let verified = verify(&path);
        assert_eq!(verified.problems, problems);
        assert_eq!(verified.differences.len(), 1, "{verified:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = filled(dir.path());
    run(
        &conn,
        "DELETE FROM ash_rusqlite_events WHERE seq IN (4, 5, 6)",
    );
    let problems = verify(&path).problems;
    assert!(
        problems.contains(&"the events 4 to 6 are missing".to_owned()),
        "{problems:?}"
    );
}

#[test]
fn an_event_that_was_inserted_by_hand_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = filled(dir.path());
    run(
        &conn,
        "INSERT INTO ash_rusqlite_events (seq, type, source, position, key, data, at)
         SELECT 10, type, source, 7, 77, replace(data, '\"id\":1', '\"id\":77'), at FROM ash_rusqlite_events WHERE seq = 3",
    );
    let verified = verify(&path);
    assert_eq!(
        verified.differences,
        [difference("messages", "77", None, Some("a row"), None)]
    );
    assert_eq!(
        verified.problems,
        ["the source room:r is at position 6, its last event at 7"]
    );
}

#[test]
fn triggers_that_are_not_as_they_should_be_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = filled(dir.path());
    run(
        &conn,
        "DROP TRIGGER messages_journal_update; DROP TRIGGER rooms_journal_delete;
         CREATE TRIGGER rooms_journal_delete AFTER DELETE ON rooms BEGIN SELECT 1; END;",
    );
    assert_eq!(
        verify(&path).problems,
        [
            "messages: the trigger messages_journal_update is missing",
            "rooms: the trigger rooms_journal_delete is not as it would be written now",
        ]
    );
}

#[test]
fn a_request_that_was_not_cleared_and_a_column_more_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = filled(dir.path());
    run(
        &conn,
        "UPDATE ash_rusqlite_request SET action = 'x'; ALTER TABLE rooms ADD COLUMN topic",
    );
    let problems = verify(&path).problems;
    assert_eq!(
        problems,
        [
            "rooms: has other columns than its journal knows",
            "rooms: the trigger rooms_journal_insert is not as it would be written now",
            "rooms: the trigger rooms_journal_update is not as it would be written now",
            "rooms: the trigger rooms_journal_delete is not as it would be written now",
            "rooms: the trigger rooms_journal_replace_insert is not as it would be written now",
            "rooms: the trigger rooms_journal_replace_update is not as it would be written now",
            "ash_rusqlite_request was not cleared",
        ]
    );
}

#[test]
fn skipped_columns_are_left_out_and_of_sensitive_ones_only_null_counts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let conn = open(&path);
    run(
        &conn,
        "CREATE TABLE cards (id INTEGER PRIMARY KEY, api_key TEXT, seen_at TEXT)",
    );
    let spec = JournalSpec {
        skip: vec!["seen_at".into()],
        sensitive: vec!["api_key".into()],
        ..spec("card", None)
    };
    journal::enable(&conn, "cards", &spec).unwrap();
    run(
        &conn,
        "INSERT INTO cards VALUES (1, 'secret', 'now'), (2, NULL, NULL); UPDATE cards SET seen_at = 'later'",
    );
    assert!(verify(&path).is_ok());
    around(
        &conn,
        "cards",
        "UPDATE cards SET api_key = 'other' WHERE id = 1",
    );
    assert!(verify(&path).is_ok());
    around(
        &conn,
        "cards",
        "UPDATE cards SET api_key = NULL WHERE id = 1",
    );
    assert_eq!(
        verify(&path).differences,
        [difference(
            "cards",
            "1",
            Some("api_key"),
            Some("a value"),
            Some("null")
        )]
    );
}

struct Stops(Vec<Progress>);

impl ProgressSink for Stops {
    fn progress(&mut self, progress: Progress) {
        self.0.push(progress);
    }

    fn cancelled(&self) -> bool {
        !self.0.is_empty()
    }
}

#[test]
fn it_can_be_cancelled_and_needs_a_journal() {
    let dir = tempfile::tempdir().unwrap();
    let (path, _conn) = filled(dir.path());
    let reader = Connection::open(&path).unwrap();
    let mut sink = Stops(Vec::new());
    let error = journal::verify(&reader, 9, &mut sink).unwrap_err();
    assert_eq!(error.code(), Code::Cancelled);
    assert_eq!(
        (sink.0[0].phase, sink.0[0].done, sink.0[0].total),
        ("verify", 9, 9)
    );
    let empty = Connection::open_in_memory().unwrap();
    let error = journal::verify(&empty, 9, &mut ()).unwrap_err();
    assert_eq!(error.code(), Code::NotJournaled);
}

#[test]
fn what_the_chain_does_not_know_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = filled(dir.path());
    journal::seal(&conn).unwrap();
    assert!(verify(&path).is_ok());
    run(
        &conn,
        "UPDATE ash_rusqlite_events SET action = 'other' WHERE seq = 4",
    );
    assert_eq!(
        verify(&path).problems,
        ["the events 1 to 9 are not as when sealed"]
    );
    run(
        &conn,
        "UPDATE ash_rusqlite_events SET action = NULL; DELETE FROM ash_rusqlite_events WHERE seq > 8;
         UPDATE ash_rusqlite_subjects SET position = 5 WHERE name = 'room:r'",
    );
    assert_eq!(verify(&path).problems, ["the event 9 is missing"]);
}

#[test]
fn what_was_removed_or_redacted_on_purpose_is_no_problem() {
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = filled(dir.path());
    let retention = Retention {
        before: "2999-01-01T00:00:00.000000Z".into(),
        ..Retention::default()
    };
    let mut retaining = Retaining::new(&conn, &retention).unwrap();
    while !retaining.step(&conn, 3).unwrap() {}
    assert!(retaining.done().events > 0);
    run(
        &conn,
        "INSERT INTO messages (id, room_id, content) VALUES (7, 'r', 'new'); DELETE FROM messages WHERE id = 3",
    );
    let verified = verify(&path);
    assert!(verified.is_ok(), "{verified:?}");
    let redaction = Redaction {
        table: "messages".into(),
        ..Redaction::default()
    };
    for key in [1, 7] {
        journal::redact(&conn, &redaction, &[Value::Integer(key)]).unwrap();
    }
    let verified = verify(&path);
    assert!(verified.is_ok(), "{verified:?}");
    let to = dir.path().join("new.db");
    fixture::rebuild(&conn, &to);
    let sql = "SELECT * FROM messages ORDER BY id";
    assert_eq!(fixture::bits(&open(&to), sql), fixture::bits(&conn, sql));
}
