//! Statements that look at more rows than an index would lead to are counted by their text.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod host;
}

use ash_rusqlite_engine::query::ir::{OrderBy, Read, Select};
use ash_rusqlite_engine::{Code, Database, ReadOutcome, ScannedStatement, TransactionOp, Value};
use serde_json::json;
use std::sync::atomic::AtomicBool;
use std::sync::Arc;
use support::host::*;

const TABLES: &str = "
    CREATE TABLE messages (id INTEGER PRIMARY KEY, room TEXT, at INTEGER, text TEXT);
    CREATE TABLE rooms (id TEXT PRIMARY KEY, title TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500)
    INSERT INTO messages SELECT i, 'room ' || (i % 10), i, 'text' FROM n;";

fn database() -> (tempfile::TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let database = with_tables(config(path.to_str().unwrap(), json!({})), TABLES);
    (folder, database)
}

fn of_room(room: &str) -> Read {
    Read::Select(Select {
        table: "messages".into(),
        filter: equal("room", text(room)),
        order_by: vec![OrderBy::column("at", true, None)],
        ..Select::default()
    })
}

/// Of the statements over a table.
fn scanned(database: &Database, table: &str) -> Vec<ScannedStatement> {
    let all = database.scanned().into_iter();
    all.filter(|scanned| scanned.sql.contains(table)).collect()
}

#[test]
fn reads_of_one_shape_are_one_statement_with_its_runs_rows_steps_and_sorts() {
    let (_folder, database) = database();
    for room in ["room 1", "room 2", "none"] {
        read(&database, of_room(room)).unwrap();
    }
    let all = scanned(&database, "messages");
    assert_eq!(all.len(), 1, "{all:?}");
    let ScannedStatement {
        sql,
        runs,
        rows,
        full_scan_steps,
        sorts,
        automatic_index_rows,
    } = &all[0];
    assert!(sql.starts_with("SELECT"), "{sql}");
    assert_eq!((*runs, *rows, *automatic_index_rows), (3, 100, 0));
    // SQLite counts the steps from one row to the next.
    assert_eq!(*full_scan_steps, 3 * 499);
    assert_eq!(*sorts, 3);
}

#[test]
fn what_an_index_serves_is_not_there() {
    let (_folder, database) = database();
    let by_key = Select {
        table: "messages".into(),
        filter: equal("id", Value::Integer(7)),
        ..Select::default()
    };
    read(&database, Read::Select(by_key)).unwrap();
    write(
        &database,
        update(
            "messages",
            equal("id", Value::Integer(7)),
            &[("text", text("b"))],
        ),
    )
    .unwrap();
    write(&database, insert("rooms", &[("id", text("a"))])).unwrap();
    assert_eq!(scanned(&database, ""), []);
}

#[test]
fn writes_and_reads_of_transactions_count_too() {
    let (_folder, database) = database();
    let of_room_one = || equal("room", text("room 1"));
    write(
        &database,
        update("messages", of_room_one(), &[("text", text("b"))]),
    )
    .unwrap();
    let tx = begin(&database);
    step(
        &database,
        tx,
        TransactionOp::Write(delete("messages", of_room_one())),
    )
    .unwrap();
    step(&database, tx, TransactionOp::Read(of_room("room 2"))).unwrap();
    finish(&database, tx, false).unwrap();
    let all = scanned(&database, "messages");
    let begins: Vec<&str> = ["UPDATE", "DELETE", "SELECT"].into();
    for word in begins {
        let found = all.iter().find(|scanned| scanned.sql.starts_with(word));
        let found = found.unwrap_or_else(|| panic!("{word} is not in {all:?}"));
        assert!(found.full_scan_steps >= 449, "{found:?}");
        assert_eq!(found.rows, 50, "{found:?}");
    }
}

#[test]
fn raw_sql_and_indexes_of_one_run_count_too() {
    let (_folder, database) = database();
    let join = "SELECT count(*) FROM messages AS a JOIN messages AS b ON a.text = b.room";
    read(&database, sql(join)).unwrap();
    let all = scanned(&database, "messages");
    assert_eq!(all[0].sql, join);
    assert!(all[0].automatic_index_rows >= 499, "{all:?}");
    assert!(all[0].steps() > all[0].full_scan_steps);
}

#[test]
fn a_read_that_was_given_up_counts_its_steps_but_no_run_and_one_that_is_run_again_nothing() {
    let (_folder, database) = database();
    let endless = "SELECT count(*) FROM messages a, messages b, messages c, messages d";
    // It opens a reader, which a slice does not.
    read(&database, sql("SELECT 1")).unwrap();
    assert_eq!(
        read_slice(&database, &sql(endless)).unwrap(),
        ReadOutcome::NeedsTime
    );
    assert_eq!(scanned(&database, "messages"), []);
    let never = Arc::new(AtomicBool::new(false));
    let given_up = read_until(&database, &sql(endless), after(50), &never);
    assert_eq!(error(given_up).code(), Code::Timeout);
    let all = scanned(&database, "messages");
    assert_eq!((all[0].sql.as_str(), all[0].runs), (endless, 0));
    assert!(all[0].full_scan_steps > 500, "{all:?}");
}
