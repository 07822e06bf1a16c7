//! When the write-ahead log is moved into the file, and how large it becomes before.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod host;
}

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ash_rusqlite_engine::{Stat, Value};
use rusqlite::Connection;
use serde_json::json;
use support::host::*;

const TABLES: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT);
    WITH RECURSIVE c(n) AS (SELECT 1000000 UNION ALL SELECT n + 1 FROM c LIMIT 3000)
      INSERT INTO t SELECT n, 'x' FROM c;";
const WRITES: i64 = 1_500;

/// Sets the flag when it is dropped, also by a panic.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A connection that has begun to read.
fn reading(conn: Connection) -> Connection {
    conn.execute_batch("BEGIN").unwrap();
    conn.query_row("SELECT id FROM t LIMIT 1", [], |row| row.get::<_, i64>(0))
        .unwrap();
    conn
}

#[test]
fn overlapping_reads_do_not_let_the_log_grow_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growth.db");
    let options = json!({"wal_autocheckpoint": 20, "synchronous": "off"});
    let database = with_tables(config(path.to_str().unwrap(), options), TABLES);
    let log = folder.path().join("growth.db-wal");
    let stop = AtomicBool::new(false);
    let (mut largest, mut written) = (0, 0);
    std::thread::scope(|scope| {
        let _stops = Stops(&stop);
        let mut first = reading(Connection::open(&path).unwrap());
        let mut second = Connection::open(&path).unwrap();
        let stop = &stop;
        scope.spawn(move || {
            // One begins before the other ends, so that there is always a reader.
            while !stop.load(Ordering::Relaxed) {
                second = reading(second);
                first.execute_batch("COMMIT").unwrap();
                std::mem::swap(&mut first, &mut second);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        // A loaded machine makes reads long, and the log larger: then it takes more writes to
        // show whether it grows with all of them.
        for id in 0..10 * WRITES {
            if id >= WRITES && largest < written / 2 {
                break;
            }
            let row = [
                ("id", Value::Integer(id)),
                ("body", text(&"y".repeat(3_000))),
            ];
            write(&database, insert("t", &row)).unwrap();
            // The log of the migration, which is larger, is gone by then.
            if id > WRITES / 10 {
                largest = largest.max(std::fs::metadata(&log).unwrap().len());
            }
            // At least, of the row and the table.
            written += 2 * 4_096;
        }
    });
    assert!(largest < written / 2, "{largest} of {written} bytes");
    close(database);
}

/// Rows that are in the file itself, without its log.
fn moved(path: &Path) -> i64 {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    std::fs::copy(path, &copy).unwrap();
    let conn = Connection::open(copy).unwrap();
    let count = "SELECT count(*) FROM t WHERE id < 1000000";
    // Without its log the file may not even have the table.
    conn.query_row(count, [], |row| row.get(0)).unwrap_or(0)
}

#[test]
fn the_log_is_checkpointed_when_no_write_waits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("idle.db");
    let options = json!({"wal_autocheckpoint": 20, "synchronous": "off"});
    let database = with_tables(config(path.to_str().unwrap(), options), TABLES);
    for id in 0..30 {
        let row = [
            ("id", Value::Integer(id)),
            ("body", text(&"y".repeat(3_000))),
        ];
        write(&database, insert("t", &row)).unwrap();
    }
    let until = Instant::now() + Duration::from_secs(20);
    while moved(&path) < 30 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(moved(&path), 30);
    close(database);
}

#[test]
fn the_log_is_checkpointed_while_writes_never_pause() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("busy.db");
    let options = json!({"wal_autocheckpoint": 20, "synchronous": "off"});
    let database = with_tables(config(path.to_str().unwrap(), options), TABLES);
    let log = folder.path().join("busy.db-wal");
    // Several wait at any time, so that the writer never finds nobody.
    let mut waiting = VecDeque::new();
    for id in 0..WRITES {
        let row = [
            ("id", Value::Integer(id)),
            ("body", text(&"y".repeat(3_000))),
        ];
        waiting.push_back(submit(&database, insert("t", &row), soon()).1);
        if waiting.len() > 20 {
            answered(&waiting.pop_front().unwrap()).unwrap();
        }
    }
    // Not all of it: the file may just be written to.
    let moved = std::fs::metadata(&path).unwrap().len();
    waiting
        .iter()
        .for_each(|from| drop(answered(from).unwrap()));
    let written = u64::try_from(WRITES).unwrap() * 4_096;
    assert!(moved > written / 2, "{moved} of {written} bytes");
    // 24 times the size, and what one commit adds to it.
    let largest = std::fs::metadata(&log).unwrap().len();
    assert!(largest < (24 * 20 + 200) * 4_120, "{largest} bytes");
    close(database);
}

fn add(database: &ash_rusqlite_engine::Database, ids: std::ops::Range<i64>) {
    for id in ids {
        let body = text(&"y".repeat(3_000));
        write(
            database,
            insert("t", &[("id", Value::Integer(id)), ("body", body)]),
        )
        .unwrap();
    }
}

fn figure(database: &ash_rusqlite_engine::Database, name: &str) -> Stat {
    let stats = database.stats();
    stats.into_iter().find(|(key, _)| *key == name).unwrap().1
}

fn checkpoints(database: &ash_rusqlite_engine::Database) -> i64 {
    match figure(database, "checkpoint") {
        Stat::Map(figures) => match figures[0] {
            ("count", Stat::Integer(count)) => count,
            _ => panic!("{figures:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn wait_until(mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < until, "it did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len()
}

#[test]
fn the_log_is_cut_when_writers_are_quiet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quiet.db");
    let log = folder.path().join("quiet.db-wal");
    let database = with_tables(config(path.to_str().unwrap(), small()), TABLES);
    for round in 0..2 {
        add(&database, 100 * round..100 * (round + 1));
        assert!(length(&log) > 100 * 3_000);
        wait_until(|| length(&log) == 0);
        // All that is in the file itself.
        assert_eq!(moved(&path), 100 * (round + 1));
        wait_until(|| figure(&database, "wal_pages") == Stat::Integer(0));
        assert_eq!(figure(&database, "wal_bytes"), Stat::Integer(0));
    }
    close(database);
}

#[test]
fn a_log_that_a_reader_holds_is_cut_when_the_reader_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("held.db");
    let log = folder.path().join("held.db-wal");
    let database = with_tables(config(path.to_str().unwrap(), small()), TABLES);
    let held = reading(Connection::open(&path).unwrap());
    add(&database, 0..100);
    let before = checkpoints(&database);
    wait_until(|| checkpoints(&database) >= before + 2);
    assert!(length(&log) > 0, "the reader still looks at it");
    let count = "SELECT count(*) FROM t WHERE id < 1000000";
    let rows: i64 = held.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 0, "as when it began");
    // Writers do not wait for it either.
    add(&database, 100..101);
    held.execute_batch("COMMIT").unwrap();
    wait_until(|| figure(&database, "wal_pages") == Stat::Integer(0));
    assert_eq!(length(&log), 0);
    let done = checkpoints(&database);
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!(
        checkpoints(&database),
        done,
        "nothing is left to do: nothing wakes the writer"
    );
    close(database);
}

/// A log of more pages than these is worth cutting.
fn small() -> serde_json::Value {
    json!({"wal_autocheckpoint": 20})
}

#[test]
fn a_small_log_is_left_when_writers_are_quiet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.db");
    let log = folder.path().join("small.db-wal");
    let database = with_tables(config(path.to_str().unwrap(), json!({})), TABLES);
    add(&database, 0..100);
    let (size, done) = (length(&log), checkpoints(&database));
    assert!(size > 100 * 3_000);
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!(
        length(&log),
        size,
        "it is overwritten, which is quicker than to make it longer"
    );
    assert_eq!(checkpoints(&database), done);
    close(database);
}

#[test]
fn a_log_that_was_found_is_cut_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("found.db");
    let log = folder.path().join("found.db-wal");
    let options = json!({"log_size_limit": "infinity"});
    let database = with_tables(config(path.to_str().unwrap(), options), TABLES);
    add(&database, 0..100);
    close(database);
    assert!(length(&log) > 0);
    let database = open(config(path.to_str().unwrap(), small())).unwrap();
    wait_until(|| length(&log) == 0);
    assert_eq!(moved(&path), 100);
    close(database);
}

#[test]
fn the_limit_of_the_log_is_in_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limit.db");
    let options = json!({"log_size_limit": 1_000_000, "synchronous": "off"});
    let database = with_tables(config(path.to_str().unwrap(), options), TABLES);
    let log = folder.path().join("limit.db-wal");
    let mut waiting = VecDeque::new();
    let mut largest = 0;
    for id in 0..WRITES {
        let row = [
            ("id", Value::Integer(id)),
            ("body", text(&"y".repeat(3_000))),
        ];
        waiting.push_back(submit(&database, insert("t", &row), soon()).1);
        if waiting.len() > 20 {
            answered(&waiting.pop_front().unwrap()).unwrap();
        }
        largest = largest.max(length(&log));
    }
    waiting
        .iter()
        .for_each(|from| drop(answered(from).unwrap()));
    // And what one commit adds to it.
    assert!(largest < 1_000_000 + 200 * 4_120, "{largest} bytes");
    assert!(largest > 500_000, "{largest} bytes");
    close(database);
}

#[test]
fn a_log_that_is_left_to_another_program_is_never_moved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("left.db");
    let options = json!({"log_size_limit": "infinity", "wal_autocheckpoint": 20});
    let database = with_tables(config(path.to_str().unwrap(), options), TABLES);
    let log = folder.path().join("left.db-wal");
    add(&database, 0..200);
    let size = length(&log);
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!(length(&log), size);
    assert_eq!(checkpoints(&database), 0);
    close(database);
    assert_eq!(length(&log), size, "not at the close either");
    assert_eq!(moved(&path), 0, "all of it is in the log");
    let conn = Connection::open(&path).unwrap();
    let count = "SELECT count(*) FROM t WHERE id < 1000000";
    let rows: i64 = conn.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 200, "and nothing is lost");
}
