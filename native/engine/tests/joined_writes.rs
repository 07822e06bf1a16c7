//! The writes of a commit go out joined (`src/sqlite/vfs/joined_writes.rs`). Whatever was answered must be in
//! the files at that moment: each time they are copied, as a crash would leave them, and read by
//! plain SQLite.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod host;
}

use std::path::Path;

use ash_rusqlite_engine::query::ir::{Conflict, Insert, Returning, Write};
use ash_rusqlite_engine::{CheckpointMode, Code, Database, Maintenance, TransactionOp, Value};
use rusqlite::Connection;
use serde_json::json;
use support::host::*;

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b TEXT);
    CREATE TABLE u (id INTEGER PRIMARY KEY, b TEXT);";

fn rows(from: i64, count: i64, length: usize) -> Write {
    let row = |n: i64| {
        vec![
            ("id".into(), Value::Integer(n)),
            // Spread over the whole index, so that a commit writes many pages.
            (
                "a".into(),
                text(&format!(
                    "{:x}",
                    n.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64)
                )),
            ),
            ("b".into(), text(&"b".repeat(length))),
        ]
    };
    Write::Insert(Insert {
        table: "t".into(),
        rows: (from..from + count).map(row).collect(),
        conflict: Conflict::Raise,
        returning: Returning::Nothing,
    })
}

/// What plain SQLite finds in a copy of the files.
fn after_a_crash(path: &Path) -> i64 {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    std::fs::copy(path, &copy).unwrap();
    let log = |path: &Path| format!("{}-wal", path.display());
    if std::fs::exists(log(path)).unwrap() {
        std::fs::copy(log(path), log(&copy)).unwrap();
    }
    let conn = Connection::open(&copy).unwrap();
    let check: String = conn
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
    conn.query_row("SELECT count(*) FROM t", [], |row| row.get(0))
        .unwrap()
}

fn database(more: serde_json::Value) -> (tempfile::TempDir, std::path::PathBuf, Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("joined.db");
    let database = with_tables(config(path.to_str().unwrap(), more), TABLE);
    (folder, path, database)
}

fn commits_of_all_sizes(options: serde_json::Value) {
    // No checkpoint moves pages while the two files are copied one after the other.
    let mut options = options;
    options["wal_autocheckpoint"] = json!(1_000_000);
    let (_folder, path, database) = database(options);
    let mut written = 0;
    for (count, length) in [
        (1, 10),
        (3, 2_000),
        (200, 300),
        (1, 3_000_000),
        (4_000, 600),
        (1, 1),
    ] {
        write(&database, rows(written, count, length)).unwrap();
        written += count;
        assert_eq!(after_a_crash(&path), written);
    }
    close(database);
    assert_eq!(after_a_crash(&path), written);
}

#[test]
fn what_was_answered_is_in_the_files() {
    for synchronous in ["full", "extra", "normal", "off"] {
        commits_of_all_sizes(json!({"synchronous": synchronous}));
    }
}

#[test]
fn pages_that_leave_the_cache_before_the_commit_are_found_again() {
    commits_of_all_sizes(json!({"cache_size": 10}));
}

#[test]
fn what_is_rolled_back_leaves_nothing_in_the_log_that_counts() {
    let options = json!({"cache_size": 10, "wal_autocheckpoint": 1_000_000});
    let (_folder, path, database) = database(options);
    write(&database, rows(0, 100, 500)).unwrap();
    for round in 1..4_i64 {
        let tx = begin(&database);
        let op = |write| TransactionOp::Write(write);
        step(&database, tx, op(rows(1_000, 800, 900))).unwrap();
        step(&database, tx, TransactionOp::Savepoint).unwrap();
        step(&database, tx, op(rows(5_000, 800, 900))).unwrap();
        step(&database, tx, TransactionOp::RollbackToSavepoint).unwrap();
        step(&database, tx, op(rows(100 * round, 100, 500))).unwrap();
        // All of it once more: the statement fails, and its pages with it.
        let again = error(step(&database, tx, op(rows(900, 800, 900))));
        assert_eq!(again.code(), Code::UniqueViolation);
        let gone = compare_id_at_least(1_000);
        step(&database, tx, op(delete("t", gone))).unwrap();
        finish(&database, tx, true).unwrap();
        assert_eq!(after_a_crash(&path), 100 * (round + 1));

        let tx = begin(&database);
        step(&database, tx, op(rows(2_000, 900, 900))).unwrap();
        finish(&database, tx, false).unwrap();
        assert_eq!(after_a_crash(&path), 100 * (round + 1));
    }
    close(database);
}

fn compare_id_at_least(id: i64) -> Option<ash_rusqlite_engine::query::ir::Scalar> {
    use ash_rusqlite_engine::query::ir::CompareOp;
    compare("id", CompareOp::GtEq, Value::Integer(id))
}

#[test]
fn what_is_rolled_back_is_not_written_over_what_another_process_wrote_since() {
    let options = json!({"cache_size": 10, "wal_autocheckpoint": 1_000_000});
    let (_folder, path, database) = database(options);
    write(&database, rows(0, 100, 500)).unwrap();
    let other = Connection::open(&path).unwrap();
    for round in 1..4_i64 {
        // With an empty log SQLite need not read it again to undo anything.
        let checkpoint = Maintenance::Checkpoint(CheckpointMode::Truncate);
        maintain(&database, checkpoint).result.unwrap();
        let tx = begin(&database);
        // Its pages leave the cache for the log before it ends.
        let row = [
            ("id", Value::Integer(round)),
            ("b", text(&"b".repeat(90_000))),
        ];
        step(&database, tx, TransactionOp::Write(insert("u", &row))).unwrap();
        finish(&database, tx, false).unwrap();
        let from = 100 * round;
        other
            .execute(
                "WITH RECURSIVE c(n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM c LIMIT 100)
                 INSERT INTO t SELECT n, hex(n), hex(zeroblob(900)) FROM c",
                [from],
            )
            .unwrap();
        write(&database, rows(1_000 * round, 10, 500)).unwrap();
        assert_eq!(count(&database, "t"), 100 + 110 * round);
        assert_eq!(after_a_crash(&path), 100 + 110 * round);
    }
    drop(other);
    close(database);
    assert_eq!(after_a_crash(&path), 430);
}
