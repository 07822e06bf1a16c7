//! P8: no half write. Conflict clauses and triggers of a schema may keep what a failed statement
//! did so far, or roll the whole transaction back; a request is all or nothing all the same,
//! and takes no other with it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod host;
}

use ash_rusqlite_engine::query::ir::{Assignment, Returning, Update, Write};
use ash_rusqlite_engine::{Code, Database, TransactionOp, Value};
use serde_json::json;
use support::host::*;

const TABLES: &str = "
    CREATE TABLE fails (id INTEGER PRIMARY KEY, n INTEGER UNIQUE ON CONFLICT FAIL);
    CREATE TABLE rolls (id INTEGER PRIMARY KEY, n INTEGER UNIQUE ON CONFLICT ROLLBACK);
    CREATE TABLE raises (id INTEGER PRIMARY KEY, n INTEGER);
    CREATE TRIGGER raise_fail BEFORE UPDATE ON raises WHEN new.n = 13
      BEGIN SELECT raise(FAIL, 'thirteen'); END;
    CREATE TRIGGER raise_rollback BEFORE UPDATE ON raises WHEN new.n = 23
      BEGIN SELECT raise(ROLLBACK, 'twenty-three'); END;
    CREATE TABLE noted (id INTEGER PRIMARY KEY);
    CREATE TABLE texts (id INTEGER PRIMARY KEY, body TEXT);
    CREATE INDEX texts_kind ON texts (json_extract(body, '$.kind'));";

fn database() -> (tempfile::TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("half.db");
    let database = with_tables(config(path.to_str().unwrap(), json!({})), TABLES);
    for table in ["fails", "rolls", "raises"] {
        for (id, n) in [(1, 1), (2, 3), (3, 4)] {
            let row = [("id", Value::Integer(id)), ("n", Value::Integer(n))];
            write(&database, insert(table, &row)).unwrap();
        }
    }
    (folder, database)
}

fn grow(table: &str, by: i64) -> Write {
    Write::Update(Update {
        table: table.into(),
        filter: None,
        set: vec![Assignment::Increment("n".into(), Value::Integer(by))],
        returning: Returning::Nothing,
    })
}

fn noted(id: i64) -> Write {
    insert("noted", &[("id", Value::Integer(id))])
}

/// Writes that fail at their second row, and whether they end the transaction.
fn failing() -> Vec<(Write, Code, bool)> {
    vec![
        (grow("fails", 1), Code::UniqueViolation, false),
        (grow("rolls", 1), Code::UniqueViolation, true),
        (grow("raises", 10), Code::ConstraintViolation, false),
        (grow("raises", 20), Code::ConstraintViolation, true),
    ]
}

/// Nothing of the failed writes is there.
fn is_untouched(database: &Database) {
    for table in ["fails", "rolls", "raises"] {
        let rows = read(database, sql(&format!("SELECT n FROM {table} ORDER BY id"))).unwrap();
        assert_eq!(rows, [[json!(1)], [json!(3)], [json!(4)]], "{table}");
    }
}

#[test]
fn a_write_that_fails_halfway_leaves_nothing_alone_and_in_a_batch() {
    let (_folder, database) = database();
    for (at, (failing, code, _)) in (1..).zip(failing()) {
        assert_eq!(error(write(&database, failing.clone())).code(), code);
        is_untouched(&database);
        let tx = begin(&database);
        step(&database, tx, TransactionOp::Read(sql("SELECT 1"))).unwrap();
        let batch = [noted(at * 10), failing, noted(at * 10 + 1)]
            .map(|write| submit(&database, write, soon()).1);
        finish(&database, tx, true).unwrap();
        let [before, failed, after] = batch.map(|from| answered(&from));
        before.unwrap();
        after.unwrap();
        assert_eq!(error(failed).code(), code);
        is_untouched(&database);
    }
    assert_eq!(count(&database, "noted"), 8);
    close(database);
}

#[test]
fn a_write_that_fails_halfway_in_a_transaction_leaves_nothing_or_ends_it() {
    let (_folder, database) = database();
    for (at, (failing, code, ends)) in (1..).zip(failing()) {
        let tx = begin(&database);
        step(&database, tx, TransactionOp::Write(noted(at))).unwrap();
        assert_eq!(
            error(step(&database, tx, TransactionOp::Write(failing))).code(),
            code
        );
        if ends {
            let late = error(finish(&database, tx, true));
            assert_eq!(late.code(), Code::TransactionClosed, "{late}");
        } else {
            finish(&database, tx, true).unwrap();
        }
        let there = read(
            &database,
            sql(&format!("SELECT 1 FROM noted WHERE id = {at}")),
        )
        .unwrap();
        assert_eq!(there.is_empty(), ends);
        is_untouched(&database);
    }
    close(database);
}

#[test]
fn a_text_that_an_index_cannot_read_as_json_is_a_wrong_value() {
    let (_folder, database) = database();
    let texts = |body: &str| insert("texts", &[("body", text(body))]);
    write(&database, texts(r#"{"kind": "note"}"#)).unwrap();
    let refused = error(write(&database, texts("no json")));
    assert_eq!(refused.code(), Code::InvalidValue, "{refused}");
    assert_eq!(count(&database, "texts"), 1);
    close(database);
}
