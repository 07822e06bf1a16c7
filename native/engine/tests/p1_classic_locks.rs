//! P1 where a file system has no locks of open files: another SQLite library in the process takes our
//! locks with it and deletes the log. What is written after that is not acknowledged.
//!
//! Alone in its process: a file that was opened before the system calls were replaced keeps classic
//! locks, as one of such a file system does.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod host;
    pub mod other_library;
}

use ash_rusqlite_engine::{backup, Code, Value};
use serde_json::json;
use support::host::*;
use support::other_library::Library;

const TABLES: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT NOT NULL);";

#[test]
fn a_write_into_a_log_that_another_library_deleted_is_not_acknowledged() {
    let Some(library) = Library::load() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("classic.db");
    let early = rusqlite::Connection::open(&path).unwrap();
    early.execute_batch(TABLES).unwrap();
    backup::check_header(&path).unwrap();
    let rows: i64 = early
        .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 0);
    let database = open(config(path.to_str().unwrap(), json!({}))).unwrap();
    let add = |id| {
        let row = [("id", Value::Integer(id)), ("body", text("ours"))];
        write(&database, insert("t", &row))
    };
    let mut acknowledged = Vec::new();
    let mut refused = 0;
    for id in 1..=20 {
        match add(id) {
            Ok(_) => acknowledged.push(id),
            Err(error) => {
                assert_eq!(error.code(), Code::FileReplaced, "{error}");
                refused += 1;
            }
        }
        if id % 5 == 0 {
            let other = library.open(&path);
            other.run("SELECT count(*) FROM t").unwrap();
            drop(other);
        }
    }
    assert!(
        refused > 0,
        "the log was not deleted: these are no classic locks"
    );
    let copy = folder.path().join("copy.db");
    // What a process that was killed now would leave.
    for suffix in ["", "-wal"] {
        let from = format!("{}{suffix}", path.display());
        if std::path::Path::new(&from).exists() {
            std::fs::copy(from, format!("{}{suffix}", copy.display())).unwrap();
        }
    }
    let left = rusqlite::Connection::open(&copy).unwrap();
    let mut statement = left.prepare("SELECT id FROM t ORDER BY id").unwrap();
    let stored: Vec<i64> = statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(|id| id.unwrap())
        .collect();
    let lost: Vec<_> = acknowledged
        .iter()
        .filter(|id| !stored.contains(id))
        .collect();
    assert_eq!(lost, Vec::<&i64>::new());
    close(database);
    drop(early);
}
