//! The events of a change say who made it, and why; those of another program's changes have no actor.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/host.rs"]
mod host;

use ash_rusqlite_engine::catalog::{JournalSpec, Subject};
use ash_rusqlite_engine::journal;
use ash_rusqlite_engine::query::ir::{Write, WriteContext};
use ash_rusqlite_engine::{Code, Database, TransactionOp, Value};
use host::*;
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

fn chat() -> (TempDir, String, Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db").to_str().unwrap().to_owned();
    let database = with_tables(
        config(&path, json!({})),
        "CREATE TABLE messages (id TEXT PRIMARY KEY NOT NULL, room_id TEXT, n INTEGER UNIQUE);
         CREATE TABLE plain (id TEXT PRIMARY KEY NOT NULL);
         CREATE TABLE replies (id TEXT PRIMARY KEY NOT NULL,
           message_id TEXT NOT NULL REFERENCES messages (id));",
    );
    let conn = Connection::open(&path).unwrap();
    let spec = JournalSpec {
        event_type: "chat.message".into(),
        source: Some(Subject("room".into(), "room_id".into())),
        ..JournalSpec::default()
    };
    journal::enable(&conn, "messages", &spec).unwrap();
    (folder, path, database)
}

fn message(id: &str, n: i64) -> Write {
    insert(
        "messages",
        &[
            ("id", text(id)),
            ("room_id", text("r")),
            ("n", Value::Integer(n)),
        ],
    )
}

fn by(actor: &str, write: Write) -> Write {
    let context = WriteContext {
        actor: Some(actor.into()),
        action: Some("send".into()),
        metadata: Some(r#"{"ip":"::1"}"#.into()),
        expect: Vec::new(),
    };
    Write::InContext(Box::new(context), Box::new(write))
}

fn expecting(position: u64, write: Write) -> Write {
    let context = WriteContext {
        expect: vec![("room:r".into(), position)],
        ..WriteContext::default()
    };
    Write::InContext(Box::new(context), Box::new(write))
}

fn events(database: &Database) -> Vec<String> {
    let sql = sql(
        "SELECT seq || ' ' || key || ' ' || ifnull(actor, '-') || ' ' || ifnull(action, '-') || ' ' || \
         ifnull(metadata, '-') || ' ' || \"transaction\" FROM ash_rusqlite_journal ORDER BY seq",
    );
    let rows = read(database, sql).unwrap();
    rows.iter()
        .map(|row| row[0].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn each_request_of_a_commit_is_made_by_its_own_caller() {
    let (_folder, path, database) = chat();
    // One commit for all that come while another one holds the writer.
    let tx = begin(&database);
    step(&database, tx, TransactionOp::Read(sql("SELECT 1"))).unwrap();
    let waiting: Vec<_> = [
        by("user:a", message("1", 1)),
        message("2", 2),
        by("user:b", message("3", 1)),
        by("user:b", message("4", 4)),
        insert("plain", &[("id", text("p"))]),
    ]
    .into_iter()
    .map(|write| submit(&database, write, soon()).1)
    .collect();
    finish(&database, tx, true).unwrap();
    let results: Vec<_> = waiting
        .iter()
        .map(|one| answered(one).map_err(|e| e.code()))
        .collect();
    assert_eq!(results[2], Err(Code::UniqueViolation));
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 4);
    let conn = Connection::open(&path).unwrap();
    conn.execute("INSERT INTO messages VALUES ('5', 'r', 5)", [])
        .unwrap();
    assert_eq!(
        events(&database),
        [
            r#"1 1 user:a send {"ip":"::1"} 1"#,
            "2 2 - - - 2",
            r#"3 4 user:b send {"ip":"::1"} 3"#,
            "4 5 - - - 4",
        ]
    );
    close(database);
}

#[test]
fn a_transaction_is_a_unit_and_what_is_undone_leaves_no_gap() {
    let (_folder, path, database) = chat();
    let tx = begin(&database);
    let run = |op| step(&database, tx, op).unwrap();
    run(TransactionOp::Savepoint);
    run(TransactionOp::Write(by("user:a", message("undone", 1))));
    run(TransactionOp::RollbackToSavepoint);
    run(TransactionOp::Write(by("user:a", message("1", 1))));
    assert!(step(
        &database,
        tx,
        TransactionOp::Write(by("user:c", message("x", 1)))
    )
    .is_err());
    run(TransactionOp::Write(by("user:b", message("2", 2))));
    run(TransactionOp::Savepoint);
    run(TransactionOp::Write(message("undone", 3)));
    run(TransactionOp::RollbackToSavepoint);
    run(TransactionOp::Write(message("3", 3)));
    finish(&database, tx, true).unwrap();
    let gone = begin(&database);
    step(
        &database,
        gone,
        TransactionOp::Write(by("user:a", message("gone", 9))),
    )
    .unwrap();
    finish(&database, gone, false).unwrap();
    submit_and_wait(&database, message("4", 4)).unwrap();
    assert_eq!(
        events(&database),
        [
            r#"1 1 user:a send {"ip":"::1"} 1"#,
            r#"2 2 user:b send {"ip":"::1"} 1"#,
            "3 3 - - - 1",
            "4 4 - - - 4",
        ]
    );
    let conn = Connection::open(&path).unwrap();
    let left: i64 = conn
        .query_row(
            "SELECT count(*) FROM ash_rusqlite_request WHERE actor IS NOT NULL OR tx IS NOT NULL \
             OR at IS NOT NULL",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(left, 0, "nothing stays for other programs");
    close(database);
}

#[test]
fn a_delete_that_was_refused_has_no_event() {
    let (_folder, _path, database) = chat();
    for (id, n) in [("1", 1), ("2", 2), ("3", 3)] {
        host::write(&database, message(id, n)).unwrap();
    }
    let reply = insert("replies", &[("id", text("x")), ("message_id", text("2"))]);
    host::write(&database, reply).unwrap();
    let gone = |id: &str| by("user:a", delete("messages", equal("id", text(id))));
    // In one commit with others, of all rows at once, and in a transaction that goes on.
    let tx = begin(&database);
    step(&database, tx, TransactionOp::Read(sql("SELECT 1"))).unwrap();
    let waiting = [gone("2"), gone("1"), by("user:b", delete("messages", None))]
        .map(|write| submit(&database, write, soon()).1);
    finish(&database, tx, true).unwrap();
    let codes = waiting.map(|one| answered(&one).map(drop).map_err(|e| e.code()));
    let refused = Err(Code::ForeignKeyViolation);
    assert_eq!(codes, [refused, Ok(()), refused]);
    let tx = begin(&database);
    step(&database, tx, TransactionOp::Write(gone("2"))).unwrap_err();
    step(&database, tx, TransactionOp::Write(gone("3"))).unwrap();
    finish(&database, tx, true).unwrap();
    assert_eq!(
        events(&database)[3..],
        [
            r#"4 1 user:a send {"ip":"::1"} 4"#,
            r#"5 3 user:a send {"ip":"::1"} 5"#,
        ]
    );
    close(database);
}

#[test]
fn a_write_may_demand_the_position_of_a_source() {
    let (_folder, _path, database) = chat();
    submit_and_wait(&database, expecting(0, message("1", 1))).unwrap();
    let error = submit_and_wait(&database, expecting(0, message("2", 2))).unwrap_err();
    assert_eq!(error.code(), Code::PositionConflict);
    assert!(
        error
            .message()
            .contains("room:r is at position 1, not at 0"),
        "{error}"
    );
    submit_and_wait(&database, expecting(1, message("2", 2))).unwrap();
    // Nothing of it was written, and nobody else was kept from it.
    assert_eq!(events(&database).len(), 2);
    close(database);
}

fn submit_and_wait(database: &Database, write: Write) -> ash_rusqlite_engine::Result<()> {
    answered(&submit(database, write, soon()).1).map(drop)
}
