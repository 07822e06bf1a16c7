//! Another process changes a table while this one still knows it as it was: a write that meets
//! the change halfway is run again with what is known now, and is there once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod host;
}

use std::path::PathBuf;

use ash_rusqlite_engine::query::ir::{Conflict, Insert, Returning, Write};
use ash_rusqlite_engine::{Database, TransactionOp, Value};
use rusqlite::Connection;
use serde_json::{json, Value as Json};
use support::host::*;

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, at DATETIME_TEXT);
    CREATE TABLE u (id INTEGER PRIMARY KEY);";

/// Rows with these numbers. Odd ones leave `at` to its default, so that they need a statement
/// of their own.
fn rows(numbers: &[i64]) -> Write {
    let row = |n: &i64| {
        let mut row = vec![("n".into(), Value::Integer(*n))];
        if n % 2 == 0 {
            row.push(("at".into(), Value::Null));
        }
        row
    };
    Write::Insert(Insert {
        table: "t".into(),
        rows: numbers.iter().map(row).collect(),
        conflict: Conflict::Raise,
        returning: Returning::Columns(vec!["n".into(), "at".into()]),
    })
}

/// A database that has prepared its statements.
fn prepared() -> (tempfile::TempDir, PathBuf, Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stale.db");
    let database = with_tables(config(path.to_str().unwrap(), json!({})), TABLE);
    write(&database, rows(&[0, 1])).unwrap();
    (folder, path, database)
}

/// Gives the table another column of the name `at`.
fn change(other: &Connection) {
    other
        .execute_batch(
            "DELETE FROM t; ALTER TABLE t RENAME COLUMN at TO before;
             ALTER TABLE t ADD COLUMN at TEXT DEFAULT 'word';",
        )
        .unwrap();
}

/// The numbers in the table, in the order in which they were written.
fn numbers(database: &Database) -> Vec<Json> {
    let rows = read(database, sql("SELECT n FROM t ORDER BY id")).unwrap();
    rows.into_iter().map(|mut row| row.remove(0)).collect()
}

fn as_written(numbers: &[i64]) -> Rows {
    let at = |n: i64| {
        if n % 2 == 0 {
            Json::Null
        } else {
            json!("word")
        }
    };
    numbers.iter().map(|n| vec![json!(n), at(*n)]).collect()
}

#[test]
fn a_request_alone_is_written_once() {
    for wanted in [&[2, 3][..], &[2, 4, 3, 5], &[3]] {
        let (_folder, path, database) = prepared();
        change(&Connection::open(&path).unwrap());
        assert_eq!(write(&database, rows(wanted)).unwrap(), as_written(wanted));
        assert_eq!(numbers(&database), wanted);
        close(database);
    }
}

#[test]
fn each_request_of_a_batch_is_written_once() {
    for wanted in [[&[2, 3][..], &[4, 5]], [&[3], &[5]], [&[2], &[4, 3]]] {
        let (_folder, path, database) = prepared();
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        change(&other);
        // While the first request waits for the lock, the others become one batch. It looks at
        // another table, and so does not find out.
        let first = submit(&database, insert("u", &[]), soon()).1;
        std::thread::sleep(std::time::Duration::from_millis(100));
        let requests = wanted.map(|wanted| submit(&database, rows(wanted), soon()).1);
        other.execute_batch("COMMIT").unwrap();
        first.recv().unwrap().result.unwrap();
        for (from, wanted) in requests.iter().zip(wanted) {
            let answer = from.recv().unwrap();
            answer.result.unwrap();
            assert_eq!(answer.rows, as_written(wanted));
        }
        assert_eq!(numbers(&database), wanted.concat());
        close(database);
    }
}

#[test]
fn a_write_of_a_transaction_is_written_once() {
    let (_folder, path, database) = prepared();
    change(&Connection::open(&path).unwrap());
    let tx = begin(&database);
    let write = TransactionOp::Write(rows(&[2, 3]));
    assert_eq!(step(&database, tx, write).unwrap(), as_written(&[2, 3]));
    finish(&database, tx, true).unwrap();
    assert_eq!(numbers(&database), [2, 3]);
    close(database);
}

#[test]
fn a_read_in_sql_has_the_columns_that_are_there_now() {
    let (_folder, path, database) = prepared();
    let all = || read(&database, sql("SELECT * FROM t ORDER BY id"));
    assert_eq!(all().unwrap()[0].len(), 3);
    let other = Connection::open(&path).unwrap();
    change(&other);
    other
        .execute_batch("INSERT INTO t (id, n) VALUES (7, 1)")
        .unwrap();
    assert_eq!(
        all().unwrap(),
        [vec![json!(7), json!(1), json!(null), json!("word")]]
    );
    other
        .execute_batch("ALTER TABLE t DROP COLUMN n; ALTER TABLE t DROP COLUMN before")
        .unwrap();
    assert_eq!(all().unwrap(), [vec![json!(7), json!("word")]]);
    close(database);
}
